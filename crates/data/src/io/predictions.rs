//! The names of what `facekp predict` writes, and how readers know them: predictions are never annotations, wherever
//! they lie.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Text between a picture's name and the extension in the names of its predictions: `face.keypoints.png`,
/// `face.keypoints.pts`, `face.keypoints.heatmap.png`.
pub const PREDICTION_SUFFIX: &str = ".keypoints";

/// The ends of the names that follow [`PREDICTION_SUFFIX`].
const ENDS: [&str; 3] = [".heatmap.png", ".png", ".pts"];
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
    let new =
        || ENDS.iter().find_map(|end| name.strip_suffix(end.as_bytes())?.strip_suffix(PREDICTION_SUFFIX.as_bytes()));
    let old = || {
        OLD_ENDS
            .iter()
            .find_map(|end| name.strip_suffix(end.as_bytes()))
            .filter(|_| folder.is_some_and(|f| f.ends_with(OLD_FOLDER)))
    };
    let kept = new().or_else(old).filter(|kept| !kept.is_empty())?;
    Some((folder, kept))
}
