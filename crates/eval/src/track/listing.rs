//! What `track` writes of a frame: a line of JSON, with the keys that `predict` has where they say the same.

use crate::predict::Located;
use crate::run_files::with_confidence;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// One frame. All positions are pixels: the center of the first pixel is `(0, 0)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrackedFrame {
    /// Its number, from 0.
    pub frame: usize,
    /// Seconds from the first frame.
    pub time: f64,
    /// Its file, where every frame has its own; what is not UTF-8 in its name is replaced by `\u{fffd}`.
    pub file: Option<String>,
    /// The file's name byte by byte, where it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<Vec<u8>>,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// The faces that are seen, those first that have been there longest.
    pub faces: Vec<TrackedFace>,
    /// The ids of faces that are given up; no later frame has them.
    pub lost: Vec<u64>,
}

/// One face of a frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrackedFace {
    /// The same in all frames that show it, from 1.
    pub id: u64,
    /// Box that the network looked at as `[x, y, width, height]`, when it is turned about its center by `roll`.
    #[serde(rename = "box")]
    pub face: [f64; 4],
    /// How sure the face finder is of it; `null` in frames that it did not look at.
    pub score: Option<f64>,
    /// Angle in degrees by which the face is turned, clockwise, and was turned back before the network saw it.
    pub roll: f64,
    /// `[x, y, confidence]` per point, smoothed if so wanted; the confidence is `null` where the network has none.
    pub points: Vec<(f64, f64, Option<f64>)>,
    /// Expected distance of each point from where it is before it is smoothed, pixels; `null` for networks that were
    /// not calibrated.
    #[serde(default)]
    pub sigma: Option<Vec<f64>>,
    /// Whether it is its first frame.
    pub new: bool,
    /// Why the points deserve doubt, in one line; `null` where they do not.
    pub doubt: Option<String>,
}

impl TrackedFrame {
    /// The same frame, from a file.
    #[must_use]
    pub fn of_file(self, file: &Path) -> Self {
        let text = file.to_str();
        Self {
            file: Some(text.map_or_else(|| file.to_string_lossy().into_owned(), str::to_owned)),
            file_bytes: text.is_none().then(|| file.as_os_str().as_encoded_bytes().to_vec()),
            ..self
        }
    }
}

impl TrackedFace {
    /// A face, whose points are in the frame's original pixels.
    pub(super) fn new(id: u64, new: bool, seen: &Located) -> Self {
        let f = seen.face;
        Self {
            id,
            face: [f.x, f.y, f.width, f.height],
            score: seen.score,
            roll: seen.roll,
            points: with_confidence(&seen.points, seen.confidence.as_deref()),
            sigma: seen.sigma.clone(),
            new,
            doubt: seen.doubt(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::predict::Place;
    use candle_vision_helpers::{Point, Rect, Size};

    #[test]
    fn the_json_has_the_agreed_keys() {
        let face = Rect::new(1.0, 2.0, 3.0, 4.0);
        let seen = Located {
            face,
            roll: -90.0,
            score: None,
            points: vec![Point::new(5.0, 6.0)],
            confidence: Some(vec![0.5]),
            sigma: Some(vec![1.5]),
            agreement: None,
            place: Place::given(face, Size::new(640, 480)).unwrap(),
        };
        let faces = vec![TrackedFace::new(7, true, &seen)];
        let (file, file_bytes, lost) = (None, None, vec![3]);
        let frame = TrackedFrame { frame: 2, time: 0.5, file, file_bytes, width: 640, height: 480, faces, lost };
        assert_eq!(
            serde_json::to_string(&frame).unwrap(),
            r#"{"frame":2,"time":0.5,"file":null,"width":640,"height":480,"faces":[{"id":7,"box":[1.0,2.0,3.0,4.0],"score":null,"roll":-90.0,"points":[[5.0,6.0,0.5]],"sigma":[1.5],"new":true,"doubt":null}],"lost":[3]}"#
        );
        assert_eq!(frame.of_file(Path::new("a/b.jpg")).file.as_deref(), Some("a/b.jpg"));
    }
}
