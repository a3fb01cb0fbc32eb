//! What of a dataset can be looked at and changed, picture by picture.

use crate::{
    dataset::Dataset,
    datasets::{DatasetKind, pts_folder},
    error::Result,
    io::{self, is_picture},
    source::Source,
};
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

/// A face of a dataset, or a picture that has none yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As in [`crate::Sample::id`].
    pub id: String,
    /// The picture's file; of a picture within another file, that file's path and the face's name below it.
    pub picture: PathBuf,
    /// Its index in the dataset; `None` where it is not annotated yet.
    pub index: Option<usize>,
    /// Where its annotation stands, or will stand; `None` where it can only be read.
    pub source: Option<Source>,
}

/// The faces of the dataset of this kind in `dir`, and of a points folder also the pictures without points, by name.
///
/// # Errors
/// When the folder cannot be listed.
pub fn entries(dir: &Path, kind: DatasetKind, set: &dyn Dataset) -> Result<Vec<Entry>> {
    let mut all = Vec::with_capacity(set.len());
    for i in 0..set.len() {
        let annotation = set.annotation(i)?;
        let source = set.source(i).cloned();
        all.push(Entry { id: annotation.id, picture: annotation.picture, index: Some(i), source });
    }
    if kind == pts_folder::KIND && dir.is_dir() {
        let known: HashSet<PathBuf> = all.iter().map(|e| e.picture.with_extension("")).collect();
        all.extend(unannotated(dir)?.into_iter().filter(|e| !known.contains(&e.picture.with_extension(""))));
        all.sort_by(|a, b| a.id.cmp(&b.id));
    }
    Ok(all)
}

/// The pictures below `dir`, each to be annotated by a `.pts` beside it; of several with one name, the first.
///
/// # Errors
/// When the folder cannot be listed.
pub fn unannotated(dir: &Path) -> Result<Vec<Entry>> {
    let mut names = HashSet::new();
    let mut all = io::walk(dir, &is_picture)?;
    all.retain(|picture| names.insert(picture.with_extension("")));
    let entry = |picture: PathBuf| {
        let (id, source) = (io::id_below(dir, &picture), Some(Source::beside(&picture)));
        Entry { id, picture, index: None, source }
    };
    Ok(all.into_iter().map(entry).collect())
}
