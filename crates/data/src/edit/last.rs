//! The file of annotations that was read last, as it was parsed: of a large one of COCO's that takes seconds.

use super::{coco, text::Text};
use crate::{
    error::Result,
    formats::{Shape, coco::Object},
};
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// What whoever looks at one annotation after the other keeps between them. It knows a file by its SHA-256, so that a
/// change is seen at once.
#[derive(Debug, Default)]
pub struct LastRead(Mutex<Option<Parsed>>);

#[derive(Debug)]
struct Parsed {
    path: PathBuf,
    digest: String,
    objects: Vec<Object>,
}

impl LastRead {
    /// An annotation of COCO's JSON, whose bytes have this digest. Who comes meanwhile waits, and finds it parsed.
    pub(super) fn coco(&self, path: &Path, (digest, bytes): (&str, &[u8]), annotation: usize) -> Result<Shape> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = last.take().filter(|l| l.path == path && l.digest == digest);
        let parsed = match known {
            Some(parsed) => parsed,
            None => {
                let objects = coco::objects(path, &Text::of(bytes).content)?;
                Parsed { path: path.to_owned(), digest: digest.to_owned(), objects }
            }
        };
        let shape = coco::find(&parsed.objects, path, annotation);
        *last = Some(parsed);
        shape
    }
}
