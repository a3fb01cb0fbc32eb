//! The faces of a run as hashes, so that a resumed run is given the same ones.

use crate::{
    data::{Data, Faces},
    error::Result,
};
use candle_vision_helpers::Rect;
use facekp_data::Annotation;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The faces of a run, as hashes that do not depend on their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DataDigest {
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
    pub(crate) fn of(data: &Data) -> Result<Self> {
        let val = std::slice::from_ref(&data.val);
        Ok(Self { train: PartDigest::of(&data.train)?, val: PartDigest::of(val)? })
    }

    /// One SHA-256 of all of it, in hexadecimal digits.
    pub(crate) fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for PartDigest { ids, annotations, .. } in [&self.train, &self.val] {
            hash.update(ids);
            hash.update(annotations);
        }
        hex(hash)
    }

    /// What is no longer the same, and how many faces there were and are.
    pub(crate) fn difference(&self, now: &Self) -> Option<String> {
        let parts = [("training", &self.train, &now.train), ("validation", &self.val, &now.val)];
        let differences: Vec<String> = parts
            .iter()
            .filter_map(|(name, then, now)| then.difference(now).map(|d| format!("{name} faces: {d}")))
            .collect();
        (!differences.is_empty()).then(|| differences.join("; "))
    }
}

impl PartDigest {
    fn of(sources: &[Faces]) -> Result<Self> {
        let mut faces = Vec::new();
        for Faces { dataset, indices, .. } in sources {
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

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

/// Box and points as they were read, bit for bit; hidden points differ from visible ones.
fn bytes(face: &Annotation) -> Vec<u8> {
    let Rect { x, y, width, height } = face.face;
    let points = face.points.points().iter().flat_map(|p| [p.x, p.y]);
    let numbers = [x, y, width, height].into_iter().chain(points).flat_map(f64::to_le_bytes);
    numbers.chain(face.points.visible().iter().map(|&v| u8::from(v))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::discs;

    #[test]
    fn a_digest_says_what_differs_and_not_the_order() {
        let data = discs(10);
        let then = DataDigest::of(&data).unwrap();
        let changed = |train: Vec<usize>| {
            let train = vec![Faces { indices: train, ..data.train[0].clone() }];
            let now = DataDigest::of(&Data { train, val: data.val.clone() }).unwrap();
            let difference = then.difference(&now);
            assert_eq!(now.sha256() == then.sha256(), difference.is_none());
            difference
        };
        assert_eq!(then.sha256().len(), 64);
        assert_eq!(changed((0..10).rev().collect()), None);
        assert_eq!(changed((0..9).collect()).unwrap(), "training faces: 10 then, 9 now");
        assert_eq!(changed((1..11).collect()).unwrap(), "training faces: 10 then and now, but other ones");
    }
}
