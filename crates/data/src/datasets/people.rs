//! Whom faces are of: the same person must not both train and validate.

use crate::{dataset::Dataset, error::Result, sample::Annotation};
use std::{collections::BTreeMap, path::Path};

/// For each face, by its person's name if it has one and its picture, the number of the group that it is in, in the
/// order of first faces: faces of one person and faces in one picture are in one group, and so are all that such faces
/// join.
pub(super) fn people<'a>(faces: impl IntoIterator<Item = (Option<&'a str>, &'a Path)>) -> Vec<usize> {
    let (names, pictures): (Vec<_>, Vec<_>) = faces.into_iter().unzip();
    let mut first: Vec<usize> = (0..names.len()).collect();
    // the group of a face is known by its first face
    let find = |first: &[usize], mut i: usize| {
        while first[i] != i {
            i = first[i];
        }
        i
    };
    let (mut of_name, mut of_picture) = (BTreeMap::new(), BTreeMap::new());
    for i in 0..names.len() {
        let by_name = names[i].map(|name| *of_name.entry(name).or_insert(i));
        let by_picture = *of_picture.entry(pictures[i]).or_insert(i);
        for other in by_name.into_iter().chain([by_picture]) {
            let (a, b) = (find(&first, i), find(&first, other));
            first[a.max(b)] = a.min(b);
        }
    }
    let roots: Vec<usize> = (0..names.len()).map(|i| find(&first, i)).collect();
    numbered(roots.iter())
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
