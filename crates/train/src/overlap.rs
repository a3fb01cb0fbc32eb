//! Faces that a run would both train on and validate on.

use crate::{
    data::{Data, Faces},
    error::{Error, Result},
};
use candle_vision_helpers::Rect;
use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::Arc,
};

/// The validation faces that are trained on, too.
struct Overlap {
    ids: Vec<String>,
    faces: usize,
    /// Training faces beside them.
    others: usize,
}

impl Overlap {
    /// Finds the same face of the same dataset, and the same file across datasets.
    ///
    /// # Errors
    /// When an annotation cannot be read.
    pub(crate) fn of(data: &Data) -> Result<Self> {
        let Faces { dataset: val, indices, .. } = &data.val;
        let mut same: HashSet<usize> = HashSet::new();
        let mut elsewhere: HashMap<PathBuf, Vec<Rect>> = HashMap::new();
        for Faces { dataset, indices: trained, .. } in &data.train {
            if Arc::ptr_eq(dataset, val) {
                same.extend(trained);
                continue;
            }
            for &i in trained {
                let face = dataset.annotation(i)?;
                elsewhere.entry(real(face.picture)).or_default().push(face.face);
            }
        }
        let mut ids = Vec::new();
        for &i in indices {
            let trained = if same.contains(&i) {
                true
            } else if elsewhere.is_empty() {
                false
            } else {
                let face = val.annotation(i)?;
                elsewhere.get(&real(face.picture)).is_some_and(|boxes| boxes.iter().any(|b| is_one(*b, face.face)))
            };
            if trained {
                ids.push(val.annotation(i)?.id);
            }
        }
        let others = data.train.iter().map(|t| t.indices.len()).sum::<usize>().saturating_sub(ids.len());
        Ok(Self { ids, faces: indices.len(), others })
    }

    /// The overlap in one line; `None` where there is none.
    pub(crate) fn describe(&self) -> Option<String> {
        const SHOWN: usize = 3;
        let (count, faces) = (self.ids.len(), self.faces);
        let names = self.ids.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if count > SHOWN { format!(" and {} more", count - SHOWN) } else { String::new() };
        let s = if count == 1 { "" } else { "s" };
        let left = if self.others == 0 {
            format!("; {count} picture{s}: none left to train on beside")
        } else {
            String::new()
        };
        (count > 0)
            .then(|| format!("{count} of {faces} validation faces that are trained on too ({names}{more}){left}"))
    }
}

/// The file itself, whatever links lead to it.
fn real(path: PathBuf) -> PathBuf {
    path.canonicalize().unwrap_or(path)
}

/// Whether two boxes in one picture are of the same face.
fn is_one(a: Rect, b: Rect) -> bool {
    let holds = |r: Rect, other: Rect| {
        let c = other.center();
        (r.x..=r.x + r.width).contains(&c.x) && (r.y..=r.y + r.height).contains(&c.y)
    };
    holds(a, b) && holds(b, a)
}

/// # Errors
/// When validation faces are trained on and the recipe does not say that they may be.
pub(crate) fn refuse(data: &Data) -> Result<()> {
    let Some(overlap) = Overlap::of(data)?.describe() else { return Ok(()) };
    let ways = "choose splits without common faces, or set data.allow_overlap = true";
    Err(Error::setting("data.val", format_args!("faces that are not trained on ({ways})"), overlap))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::discs;

    #[test]
    fn an_overlap_is_counted_and_named() {
        let mut data = discs(10);
        assert!(Overlap::of(&data).unwrap().describe().is_none());
        data.val.indices.extend([2, 4, 6, 8]);
        let text = Overlap::of(&data).unwrap().describe().unwrap();
        assert_eq!(text, "4 of 8 validation faces that are trained on too (disc-2, disc-4, disc-6 and 1 more)");
        data.train[0].indices = vec![2];
        data.val.indices = vec![2];
        let text = refuse(&data).unwrap_err().to_string();
        assert!(text.contains("1 of 1") && text.contains("1 picture: none left to train on"), "{text}");
    }
}
