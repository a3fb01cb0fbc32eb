//! What `predict --json` lists: an entry per picture, in the order given, whether its points were found or not.

use crate::predict::Located;
use crate::run_files::with_confidence;
use candle_vision_helpers::Size;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// One picture. All positions are pixels of the picture as it is shown: the center of the first pixel is `(0, 0)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PictureResult {
    /// The file as given on the command line; what is not UTF-8 in it is replaced by `\u{fffd}`.
    pub file: String,
    /// The file's name byte by byte, where it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<Vec<u8>>,
    /// Width in pixels; `null` where the picture could not be read.
    pub width: Option<u32>,
    /// Height in pixels; `null` where the picture could not be read.
    pub height: Option<u32>,
    /// How the camera was held (EXIF, 1 to 8), which is followed: from 2 on, a program that does not follow it has
    /// other pixels. `null` where the picture could not be read.
    pub orientation: Option<u8>,
    /// Faces found in the picture, the surest first; none is no error.
    pub faces: Vec<FaceResult>,
    /// The picture with the points drawn; `null` where none was written.
    pub overlay: Option<String>,
    /// The reason why no faces are listed, in one line.
    pub error: Option<String>,
}

/// One face of a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaceResult {
    /// Box that the network looked at as `[x, y, width, height]`, when it is turned about its center by `roll`.
    #[serde(rename = "box")]
    pub face: [f64; 4],
    /// Confidence of the face finder in the box; `null` where none was asked.
    pub score: Option<f64>,
    /// Angle in degrees by which the face is turned, clockwise, and was turned back before the network saw it.
    pub roll: f64,
    /// `[x, y, confidence]` per point; the confidence is `null` where the network has none.
    pub points: Vec<(f64, f64, Option<f64>)>,
    /// Expected distance of each point from where it is, pixels; `null` for networks that were not calibrated.
    #[serde(default)]
    pub sigma: Option<Vec<f64>>,
    /// The `.pts` file with these points.
    pub pts: String,
    /// Why the points deserve doubt, in one line; `null` where they do not.
    pub doubt: Option<String>,
}

impl PictureResult {
    /// The entry of a picture that failed with `error`.
    pub fn failed(file: &Path, error: String) -> Self {
        let text = file.to_str();
        Self {
            file: text.map_or_else(|| file.to_string_lossy().into_owned(), str::to_owned),
            file_bytes: text.is_none().then(|| file.as_os_str().as_encoded_bytes().to_vec()),
            width: None,
            height: None,
            orientation: None,
            faces: Vec::new(),
            overlay: None,
            error: Some(error),
        }
    }

    /// The entry of a picture of `size` that was turned upright from `orientation`.
    pub fn found(file: &Path, size: Size, orientation: u8, faces: Vec<FaceResult>) -> Self {
        let side = |pixels: usize| u32::try_from(pixels).ok();
        let (width, height, orientation) = (side(size.width), side(size.height), Some(orientation));
        Self { width, height, orientation, faces, error: None, ..Self::failed(file, String::new()) }
    }
}

impl FaceResult {
    /// A face whose points are in the file `pts`.
    pub fn new(found: &Located, pts: &Path) -> Self {
        let f = found.face;
        Self {
            face: [f.x, f.y, f.width, f.height],
            score: found.score,
            roll: found.roll,
            points: with_confidence(&found.points, found.confidence.as_deref()),
            sigma: found.sigma.clone(),
            pts: pts.display().to_string(),
            doubt: found.doubt(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::predict::Place;
    use candle_vision_helpers::{Point, Rect};

    #[test]
    fn the_json_has_the_agreed_keys() {
        let face = Rect::new(1.0, 2.0, 3.0, 4.0);
        let found = Located {
            face,
            roll: -90.0,
            score: Some(0.25),
            points: vec![Point::new(5.0, 6.0)],
            confidence: None,
            sigma: Some(vec![1.5]),
            agreement: None,
            place: Place::given(face, Size::new(640, 480)).unwrap(),
        };
        let face = FaceResult::new(&found, Path::new("o/a.pts"));
        let entry = PictureResult::found(Path::new("a.jpg"), Size::new(640, 480), 6, vec![face]);
        assert_eq!(
            serde_json::to_string(&entry).unwrap(),
            r#"{"file":"a.jpg","width":640,"height":480,"orientation":6,"faces":[{"box":[1.0,2.0,3.0,4.0],"score":0.25,"roll":-90.0,"points":[[5.0,6.0,null]],"sigma":[1.5],"pts":"o/a.pts","doubt":"it may be no face (score 0.25)"}],"overlay":null,"error":null}"#
        );
        let failed = serde_json::to_value(PictureResult::failed(Path::new("b.jpg"), "broken".into())).unwrap();
        assert_eq!((&failed["error"], &failed["width"]), (&"broken".into(), &serde_json::Value::Null));
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_no_text_can_be_found_again() {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"f\xe9.jpg");
        let entry = PictureResult::failed(Path::new(name), String::new());
        let back: PictureResult = serde_json::from_str(&serde_json::to_string(&entry).unwrap()).unwrap();
        assert_eq!(back.file, "f\u{fffd}.jpg");
        assert_eq!(std::ffi::OsStr::from_bytes(&back.file_bytes.unwrap()), name);
    }
}
