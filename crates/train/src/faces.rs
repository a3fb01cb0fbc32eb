//! Which faces a run trains and validates on: none on both sides, and the same ones when it is resumed.

use crate::{Error, Result, fit::Data};
use candle_vision_helpers::Rect;
use facekp_data::{Annotation, Dataset};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::Arc,
};

/// The faces of a run, as hashes that do not depend on their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataDigest {
    train: PartDigest,
    val: PartDigest,
}

/// Some faces: how many, SHA-256 of their sorted ids, and of their boxes and points in that order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PartDigest {
    faces: usize,
    ids: String,
    annotations: String,
}

impl DataDigest {
    /// Of all that `data` trains and validates on.
    ///
    /// # Errors
    /// When an annotation cannot be read.
    pub fn of(data: &Data) -> Result<Self> {
        let val = std::slice::from_ref(&data.val);
        Ok(Self { train: PartDigest::of(&data.train)?, val: PartDigest::of(val)? })
    }

    /// What is no longer the same, and how many faces there were and are.
    pub fn difference(&self, now: &Self) -> Option<String> {
        let parts = [("training", &self.train, &now.train), ("validation", &self.val, &now.val)];
        let differences: Vec<String> = parts
            .iter()
            .filter_map(|(name, then, now)| then.difference(now).map(|d| format!("{name} faces: {d}")))
            .collect();
        (!differences.is_empty()).then(|| differences.join("; "))
    }
}

impl PartDigest {
    fn of(sources: &[(Arc<dyn Dataset>, Vec<usize>)]) -> Result<Self> {
        let mut faces = Vec::new();
        for (dataset, indices) in sources {
            for &i in indices {
                let face = dataset.annotation(i)?;
                let hash = Sha256::digest(bytes(&face));
                faces.push((face.id, hash));
            }
        }
        faces.sort();
        let (mut ids, mut annotations) = (Sha256::new(), Sha256::new());
        for (id, hash) in &faces {
            ids.update(id.as_bytes());
            ids.update([0]);
            annotations.update(hash);
        }
        let hex = |hash: Sha256| hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        Ok(Self { faces: faces.len(), ids: hex(ids), annotations: hex(annotations) })
    }

    fn difference(&self, now: &Self) -> Option<String> {
        if self.faces != now.faces {
            Some(format!("{} then, {} now", self.faces, now.faces))
        } else if self.ids != now.ids {
            Some(format!("{} then and now, but other ones", self.faces))
        } else if self.annotations != now.annotations {
            Some(format!("the same {}, but other points or boxes", self.faces))
        } else {
            None
        }
    }
}

/// Box and points as they were read, bit for bit; hidden points are told from visible ones.
fn bytes(face: &Annotation) -> Vec<u8> {
    let Rect { x, y, width, height } = face.face;
    let points = face.points.points().iter().flat_map(|p| [p.x, p.y]);
    let numbers = [x, y, width, height].into_iter().chain(points).flat_map(f64::to_le_bytes);
    numbers.chain(face.points.visible().iter().map(|&v| u8::from(v))).collect()
}

/// The validation faces that are trained on, too.
pub(crate) struct Overlap {
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
    pub fn of(data: &Data) -> Result<Self> {
        let (val, indices) = &data.val;
        let mut same: HashSet<usize> = HashSet::new();
        let mut elsewhere: HashMap<PathBuf, Vec<Rect>> = HashMap::new();
        for (dataset, trained) in &data.train {
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
        let others = data.train.iter().map(|(_, trained)| trained.len()).sum::<usize>().saturating_sub(ids.len());
        Ok(Self { ids, faces: indices.len(), others })
    }

    /// The overlap in one line; `None` where there is none.
    pub fn describe(&self) -> Option<String> {
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
pub(crate) fn refuse_overlap(data: &Data) -> Result<()> {
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
        data.val.1.extend([2, 4, 6, 8]);
        let text = Overlap::of(&data).unwrap().describe().unwrap();
        assert_eq!(text, "4 of 8 validation faces that are trained on too (disc-2, disc-4, disc-6 and 1 more)");
        data.train[0].1 = vec![2];
        data.val.1 = vec![2];
        let text = refuse_overlap(&data).unwrap_err().to_string();
        assert!(text.contains("1 of 1") && text.contains("1 picture: none left to train on"), "{text}");
    }

    #[test]
    fn a_digest_says_what_differs_and_not_the_order() {
        let data = discs(10);
        let then = DataDigest::of(&data).unwrap();
        let changed = |train: Vec<usize>| {
            let data = Data { train: vec![(data.train[0].0.clone(), train)], val: data.val.clone() };
            then.difference(&DataDigest::of(&data).unwrap())
        };
        assert_eq!(changed((0..10).rev().collect()), None);
        assert_eq!(changed((0..9).collect()).unwrap(), "training faces: 10 then, 9 now");
        assert_eq!(changed((1..11).collect()).unwrap(), "training faces: 10 then and now, but other ones");
    }
}
