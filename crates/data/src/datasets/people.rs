//! Whom faces are of: the same person must not both train and validate.

use crate::{dataset::Dataset, error::Result, sample::Annotation};
use std::{collections::BTreeMap, path::Path};

/// What faces have in common that must not both train and validate.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Who<'a> {
    Named(&'a str),
    In(&'a Path),
}

/// For each face, by its person's name if it has one and its picture, the number of the person that it is of, in the
/// order of first faces. Faces without a name are of the same one where they are in one picture, since two lists may
/// name a face twice.
pub(super) fn people<'a>(faces: impl IntoIterator<Item = (Option<&'a str>, &'a Path)>) -> Vec<usize> {
    numbered(faces.into_iter().map(|(name, picture)| name.map_or(Who::In(picture), Who::Named)))
}

/// Equal things have equal numbers, from 0 in the order of the first of each.
pub(super) fn numbered<T: Ord>(things: impl Iterator<Item = T>) -> Vec<usize> {
    let mut numbers = BTreeMap::new();
    let number = |thing| {
        let next = numbers.len();
        *numbers.entry(thing).or_insert(next)
    };
    things.map(number).collect()
}

/// The same of some samples of a dataset.
///
/// # Errors
/// When an annotation cannot be read.
pub(super) fn people_of(set: &dyn Dataset, samples: &[usize]) -> Result<Vec<usize>> {
    let faces = samples.iter().map(|&i| set.annotation(i)).collect::<Result<Vec<Annotation>>>()?;
    Ok(people(faces.iter().map(|face| (face.subject.as_deref(), face.picture.as_path()))))
}
