//! Whole photos in which every face has a box: what a face finder is measured on. No dataset, since there are no
//! keypoints to learn.

use crate::{
    error::{Error, Result},
    formats::{photo_boxes, quoted},
    io,
    picture::{Picture, load_picture, picture_size},
};
use candle_vision_helpers::{Rect, Size};
use std::path::{Path, PathBuf};

/// What a list of photos with boxes is called.
const NAMES: [&str; 2] = ["boxes.json", "photos.json"];

/// A photo that is not decoded yet.
#[derive(Clone, Debug, PartialEq)]
pub struct BoxedPhoto {
    /// The picture.
    pub path: PathBuf,
    /// Its size, as in the list and in its header.
    pub size: Size,
    /// Every face's box, pixels.
    pub faces: Vec<Rect>,
}

impl BoxedPhoto {
    /// Decodes the picture as it lies in the file, since the boxes are in these pixels.
    ///
    /// # Errors
    /// As [`load_picture`].
    pub fn load(&self) -> Result<Picture> {
        load_picture(&self.path)
    }
}

/// The photos of one list.
#[derive(Clone, Debug)]
pub struct BoxedPhotos {
    list: PathBuf,
    photos: Vec<BoxedPhoto>,
}

impl BoxedPhotos {
    /// Opens a list, the folder with a list (`boxes.json` or `photos.json`), or a folder with one list somewhere below.
    ///
    /// # Errors
    /// When there is no list or several, the list is broken or empty, a picture is missing, outside of the list's
    /// folder or of another size than the list says.
    pub fn open(place: &Path) -> Result<Self> {
        let list = find(place)?;
        let folder = list.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let listed = photo_boxes::read(&list)?;
        if listed.is_empty() {
            return Err(Error::format(list, None, "at least one photo", "none"));
        }
        let photos = listed.into_iter().map(|photo| {
            let at = |expected: String, got: String| Error::format(&list, None, expected, got);
            let path = io::within(folder, &photo.file).map_err(|expected| at(expected.into(), quoted(&photo.file)))?;
            let (size, real) = (photo.size, picture_size(&path)?);
            if real != size {
                let expected = format!("{} of {}x{} pixels", photo.file, size.width, size.height);
                return Err(at(expected, format!("one of {}x{}", real.width, real.height)));
            }
            Ok(BoxedPhoto { path, size, faces: photo.faces })
        });
        Ok(Self { photos: photos.collect::<Result<_>>()?, list })
    }

    /// The photos, in the list's order; there is at least one.
    pub fn photos(&self) -> &[BoxedPhoto] {
        &self.photos
    }

    /// The list by its name and its folder's, and how many photos and faces it has, in words.
    pub fn describe(&self) -> String {
        let faces: usize = self.photos.iter().map(|p| p.faces.len()).sum();
        let folder = self.list.parent().and_then(Path::file_name).unwrap_or_default();
        let list = Path::new(folder).join(self.list.file_name().unwrap_or_default());
        format!("{}: {} photos, {faces} faces", list.display(), self.photos.len())
    }
}

/// The list that is meant by a place.
fn find(place: &Path) -> Result<PathBuf> {
    let is_list = |p: &Path| NAMES.iter().any(|name| p.file_name().is_some_and(|n| n == *name));
    if place.is_file() {
        return Ok(place.to_path_buf());
    }
    let expected = "one list of photos with boxes (boxes.json or photos.json)";
    if !place.is_dir() {
        return Err(Error::Empty { path: place.into(), expected: expected.into(), found: "no such folder".into() });
    }
    let here: Vec<PathBuf> = io::list(place)?.into_iter().filter(|p| is_list(p) && p.is_file()).collect();
    let lists = if here.is_empty() { io::walk(place, &is_list)? } else { here };
    match &lists[..] {
        [] => Err(Error::none(place, expected)),
        [one] => Ok(one.clone()),
        several => {
            let names = several.iter().map(|p| p.strip_prefix(place).unwrap_or(p).display().to_string());
            let found = names.collect::<Vec<_>>().join(", ");
            Err(Error::Empty { path: place.into(), expected: expected.into(), found })
        }
    }
}
