//! The names of what `facekp predict` writes, and how readers know them: predictions are never annotations, wherever
//! they lie.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Text between a picture's name and the extension in the names of its predictions: `face.keypoints.png`,
/// `face.keypoints.pts`, `face.keypoints.heatmap.png`; of a picture's second face `face.keypoints.2.pts`.
pub const PREDICTION_SUFFIX: &str = ".keypoints";

/// The ends of the names that follow [`PREDICTION_SUFFIX`].
const ENDS: [&str; 4] = [".heatmap.png", ".crop.png", ".png", ".pts"];
/// The ends that names had before; a file of someone's own may be called so, therefore only in a folder called
/// [`OLD_FOLDER`], where they went when no other was named.
const OLD_ENDS: [&str; 3] = ["_keypoints_heatmap.png", "_keypoints.png", "_keypoints.pts"];
const OLD_FOLDER: &str = "predictions";

/// Whether `path` has a name that `facekp predict` gives; readers of datasets skip such files.
pub fn is_prediction(path: &Path) -> bool {
    predicted(path).is_some()
}

/// Number of pictures that the predictions among `files` are of.
pub(crate) fn count(files: &[PathBuf]) -> usize {
    files.iter().filter_map(|p| predicted(p)).collect::<BTreeSet<_>>().len()
}

/// The folder, and the name less all that `facekp predict` put to its end.
fn predicted(path: &Path) -> Option<(Option<&Path>, &[u8])> {
    let (folder, name) = (path.parent(), path.file_name()?.as_encoded_bytes());
    let new = || {
        let less = |end: &&str| {
            let name = without_number(name.strip_suffix(end.as_bytes())?);
            name.strip_suffix(PREDICTION_SUFFIX.as_bytes())
        };
        ENDS.iter().find_map(less)
    };
    let old = || {
        OLD_ENDS
            .iter()
            .find_map(|end| name.strip_suffix(end.as_bytes()))
            .filter(|_| folder.is_some_and(|f| f.ends_with(OLD_FOLDER)))
    };
    let kept = new().or_else(old).filter(|kept| !kept.is_empty())?;
    Some((folder, kept))
}

/// A name less the number of a face, `.2`.
fn without_number(name: &[u8]) -> &[u8] {
    let digits = name.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    match name.len().checked_sub(digits + 1) {
        Some(at) if digits > 0 && name[at] == b'.' => &name[..at],
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_written_of_a_face_is_known() {
        for name in ["a.keypoints.png", "a.keypoints.2.pts", "a.keypoints.13.crop.png", "a.keypoints.heatmap.png"] {
            assert!(is_prediction(Path::new(name)), "{name}");
        }
        for name in ["a.png", "a.2.pts", "a.keypoints.x.pts", ".keypoints.pts", "keypoints.png", "a.keypoints2.png"] {
            assert!(!is_prediction(Path::new(name)), "{name}");
        }
    }
}
