//! The files of a run folder that evaluation reads and writes: `history.csv`, `eval.json`, `predictions.json`, and the
//! CSV of each picture's errors. Each appears only when whole.

pub mod history;

pub use history::EpochRecord;

use crate::error::{Error, Result};
use crate::metrics::{FaceError, Summary};
use crate::predict::Prediction;
use candle_vision_helpers::Point;
use facekp_data::Scheme;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{path::Path, sync::Arc};

/// The contents of `predictions.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predictions {
    /// The points' scheme, by name where it is a built-in one.
    #[serde(with = "facekp_data::scheme::named")]
    pub scheme: Arc<Scheme>,
    /// Name of the split.
    pub split: String,
    /// Faces in the order of the split.
    pub faces: Vec<PredictedFace>,
}

/// One face in `predictions.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PredictedFace {
    /// Name of the sample.
    pub id: String,
    /// Pose or subset of the sample.
    pub subset: Option<String>,
    /// `[x, y, confidence]` per point, original pixels; the confidence is `null` where the network has none.
    pub points: Vec<(f64, f64, Option<f64>)>,
}

/// `(x, y, confidence)` per point, as JSON lists them.
pub(crate) fn with_confidence(points: &[Point], confidence: Option<&[f64]>) -> Vec<(f64, f64, Option<f64>)> {
    let of = |i: usize| confidence.and_then(|c| c.get(i)).copied();
    points.iter().enumerate().map(|(i, p)| (p.x, p.y, of(i))).collect()
}

impl Predictions {
    /// Collects what is kept of predictions.
    pub fn of(scheme: &Arc<Scheme>, predictions: &[Prediction], split: &str) -> Self {
        let faces = predictions
            .iter()
            .map(|p| PredictedFace {
                id: p.id.clone(),
                subset: p.subset.clone(),
                points: with_confidence(&p.points, p.confidence.as_deref()),
            })
            .collect();
        Self { scheme: Arc::clone(scheme), split: split.to_owned(), faces }
    }

    /// Reads a file written by [`Predictions::write`].
    ///
    /// # Errors
    /// One line with the path when it is unreadable, unknown in its scheme, or a face has another number of points.
    pub fn read(path: &Path) -> Result<Self> {
        let this: Self = read_json(path, "predictions")?;
        let scheme = &this.scheme;
        for face in &this.faces {
            if face.points.len() != scheme.len() {
                let expected = format!("{} points for {}", scheme.len(), face.id);
                return Err(Error::file(path, expected, face.points.len().to_string()));
            }
        }
        Ok(this)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_json(path, self)
    }
}

impl Summary {
    /// Reads an `eval.json`.
    ///
    /// # Errors
    /// One line with the path.
    pub fn read(path: &Path) -> Result<Self> {
        read_json(path, "a summary of errors")
    }

    /// Writes an `eval.json`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_json(path, self)
    }
}

/// Writes one row per picture: `id,subset,mean_px,nme,nme_pupil,p0,p1,…` (each point's error in original pixels; empty
/// where hidden).
///
/// # Errors
/// When the file cannot be written.
pub fn write_csv(path: &Path, errors: &[FaceError]) -> Result<()> {
    let points = errors.iter().map(|e| e.px.len()).max().unwrap_or(0);
    let number = |v: Option<f64>| v.map(|v| format!("{v:.6}")).unwrap_or_default();
    let mut out = csv::Writer::from_writer(Vec::new());
    let io = |e: csv::Error| Error::io(path, std::io::Error::other(e));
    let mut head: Vec<String> = ["id", "subset", "mean_px", "nme", "nme_pupil"].map(String::from).to_vec();
    head.extend((0..points).map(|i| format!("p{i}")));
    out.write_record(&head).map_err(io)?;
    for e in errors {
        let mut row = vec![
            e.id.clone(),
            e.subset.clone().unwrap_or_default(),
            number(Some(e.mean_px)),
            number(e.nme),
            number(e.nme_pupil),
        ];
        row.extend((0..points).map(|i| number(e.px.get(i).copied().flatten())));
        out.write_record(&row).map_err(io)?;
    }
    let bytes = out.into_inner().map_err(|e| Error::io(path, std::io::Error::other(e.to_string())))?;
    Ok(facekp_data::write_whole(path, &bytes)?)
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|e| Error::io(path, e.into()))?;
    text.push(b'\n');
    Ok(facekp_data::write_whole(path, &text)?)
}

fn read_json<T: DeserializeOwned>(path: &Path, what: &str) -> Result<T> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
    serde_json::from_str(&text).map_err(|e| Error::file(path, what, e.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use facekp_data::{Keypoints, Scale, scheme::NOSE_1};

    fn prediction() -> Prediction {
        Prediction {
            index: 0,
            id: "a,b".into(),
            subset: None,
            points: vec![Point::new(1.25, 2.5)],
            confidence: Some(vec![0.5]),
            sigma: None,
            truth: Keypoints::new(&NOSE_1, vec![Point::new(1.25, 5.5)]).unwrap(),
            scale: Scale { normalizer: Some(30.0), normalizer_pupil: None },
        }
    }

    #[test]
    fn files_come_back_as_written() {
        let dir = tempfile::tempdir().unwrap();
        let p = Predictions::of(&NOSE_1, &[prediction()], "val");
        let path = dir.path().join("predictions.json");
        p.write(&path).unwrap();
        assert_eq!(Predictions::read(&path).unwrap(), p);
        let errors = [FaceError::of(&prediction()).unwrap()];
        let s = Summary::of(&errors, "val").unwrap();
        s.write(&dir.path().join("eval.json")).unwrap();
        assert_eq!(Summary::read(&dir.path().join("eval.json")).unwrap(), s);
        write_csv(&dir.path().join("faces.csv"), &errors).unwrap();
        let text = std::fs::read_to_string(dir.path().join("faces.csv")).unwrap();
        assert_eq!(text, "id,subset,mean_px,nme,nme_pupil,p0\n\"a,b\",,3.000000,0.100000,,3.000000\n");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3, "temporary files stay behind");
    }

    #[test]
    fn eval_json_has_the_agreed_keys() {
        let s = Summary::of(&[FaceError::of(&prediction()).unwrap()], "val").unwrap();
        let json = serde_json::to_value(&s).unwrap();
        let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected = [
            "faces",
            "points",
            "mean_px",
            "median_px",
            "nme",
            "nme_pupil",
            "auc_08",
            "fr_08",
            "auc_10",
            "fr_10",
            "normalizer",
            "split",
            "boxes",
            "found",
        ];
        expected.sort_unstable();
        let mut keys = keys;
        keys.sort_unstable();
        assert_eq!(keys, expected);
    }

    #[test]
    fn broken_files_are_named_in_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("predictions.json");
        for (text, part) in [
            ("{", "expected predictions"),
            (r#"{"scheme":"x","split":"val","faces":[]}"#, "expected one of imm58, ibug68, nose1"),
            (
                r#"{"scheme":"nose1","split":"val","faces":[{"id":"a","subset":null,"points":[]}]}"#,
                "expected 1 points for a, got 0",
            ),
        ] {
            std::fs::write(&path, text).unwrap();
            let e = Predictions::read(&path).unwrap_err().to_string();
            assert!(e.contains("predictions.json") && e.contains(part) && !e.contains('\n'), "{e}");
        }
        assert!(Predictions::read(&dir.path().join("none.json")).is_err());
        assert!(write_json(&dir.path().join("no/such/folder.json"), &1).is_err());
    }
}
