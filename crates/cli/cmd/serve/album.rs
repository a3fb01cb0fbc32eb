//! A dataset to walk through: its pictures, its annotations as their files have them now, and changes to them.

use super::{
    http::Response,
    networks::{Networks, Points},
    request::Failure,
};
use crate::output::one_line;
use anyhow::{Context, Result};
use candle_vision_helpers::{Point, Size};
use facekp_data::{
    Dataset, Error, Keypoints, Scheme,
    datasets::find_first,
    edit::{Entry, LastRead, entries, unannotated},
    picture::{load_with_bytes, picture_size},
};
use facekp_eval::visualize;
use image::ImageFormat;
use serde::Deserialize;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// What browsers show as it is.
const SHOWN: [ImageFormat; 4] = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp];
/// What a folder says that its points mean.
const SCHEME: &str = "scheme.toml";

/// The dataset.
pub(super) struct Album {
    about: String,
    scheme: Arc<Scheme>,
    entries: Vec<Entry>,
    /// `None` of a folder of pictures without annotations.
    set: Option<Box<dyn Dataset>>,
    /// One file is compared and replaced at a time.
    saving: Mutex<()>,
    last: LastRead,
}

/// What a page saves of a face.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    /// As it was read; `null` where there was no file.
    digest: Option<String>,
    /// `[x, y, visible]` per point.
    points: Vec<(f64, f64, bool)>,
}

impl Album {
    /// Opens the dataset in `dir`, or its pictures to be annotated with the points of the chosen network, or of the
    /// folder's own scheme.
    pub(super) fn open(dir: &Path, networks: &Networks) -> Result<Self> {
        let album = match find_first(dir) {
            Ok(found) => {
                let set = found.open_plain()?;
                let entries = entries(&found.path, found.kind, set.as_ref())?;
                Self {
                    about: set.describe(),
                    scheme: Arc::clone(set.scheme()),
                    entries,
                    set: Some(set),
                    saving: Mutex::default(),
                    last: LastRead::default(),
                }
            }
            Err(e) => {
                let entries = if dir.is_dir() { unannotated(dir)? } else { Vec::new() };
                let scheme = own_scheme(dir)?.or_else(|| networks.scheme().cloned());
                let Some(scheme) = scheme.filter(|_| !entries.is_empty()) else { return Err(e.into()) };
                let about = format!("{}, {} pictures without annotations", dir.display(), entries.len());
                Self { about, scheme, entries, set: None, saving: Mutex::default(), last: LastRead::default() }
            }
        };
        tracing::info!("{}: {}", dir.display(), album.about);
        Ok(album)
    }

    /// All items, without reading their pictures.
    pub(super) fn list(&self) -> Result<Response, Failure> {
        let item = |e: &Entry| {
            let is_there = e.source.as_ref().is_some_and(|s| s.file.is_file());
            json!({ "id": e.id, "annotated": e.index.is_some() || is_there, "writable": e.source.is_some() })
        };
        let items: Vec<_> = self.entries.iter().map(item).collect();
        Response::json(&json!({ "about": self.about, "scheme": Points::of(&self.scheme), "items": items }))
    }

    /// An item as its files are now.
    pub(super) fn get(&self, n: usize) -> Result<Response, Failure> {
        let entry = self.entry(n)?;
        let Size { width, height } = self.size(entry)?;
        let (mut points, mut digest) = (None, None);
        match (&entry.source, &self.set, entry.index) {
            (Some(source), ..) => {
                if let Some(now) = source.read_after(self.scheme.len(), &self.last).map_err(failed)? {
                    points = Some(rows(&now.shape.points, &now.shape.visible));
                    digest = Some(now.digest);
                }
            }
            (None, Some(set), Some(i)) => {
                let face = set.annotation(i).map_err(failed)?.points;
                points = Some(rows(face.points(), face.visible()));
            }
            _ => {}
        }
        let file = entry.source.as_ref().map(|s| s.file.display().to_string());
        Response::json(&json!({
            "id": entry.id, "width": width, "height": height, "points": points, "digest": digest,
            "writable": entry.source.is_some(), "file": file,
        }))
    }

    /// An item's picture in the pixels of its annotation: as it lies in its file, whatever the camera noted.
    pub(super) fn picture(&self, n: usize) -> Result<Response, Failure> {
        let entry = self.entry(n)?;
        if !entry.picture.is_file() {
            let sample = self.sample(entry)?;
            return Ok(Response::ok("image/png", visualize::png(&sample.image).map_err(anyhow::Error::from)?));
        }
        // read once: the file may change meanwhile
        let (picture, bytes) = load_with_bytes(&entry.picture).map_err(failed)?;
        if picture.orientation == 1
            && Size::of(&picture.image) == picture.original
            && let Some(format) = image::guess_format(&bytes).ok().filter(|f| SHOWN.contains(f))
        {
            return Ok(Response::ok(format.to_mime_type(), bytes));
        }
        Ok(Response::ok("image/png", visualize::png(&picture.image).map_err(anyhow::Error::from)?))
    }

    /// Saves an item's points.
    pub(super) fn put(&self, n: usize, body: &[u8]) -> Result<Response, Failure> {
        let entry = self.entry(n)?;
        let Some(source) = &entry.source else {
            return Err(Failure::new(
                405,
                format!("{}: expected a format that can be saved to, got one to look at", entry.id),
            ));
        };
        let saved: Saved = serde_json::from_slice(body)
            .map_err(|e| Failure::new(400, format!("expected digest and points as JSON, got {e}")))?;
        let points = saved.points.iter().map(|&(x, y, _)| Point::new(x, y)).collect();
        let face = Keypoints::new(&self.scheme, points);
        let mut face = face.ok_or_else(|| {
            let (expected, got) = (self.scheme.len(), saved.points.len());
            Failure::new(422, format!("{}: expected {expected} finite points, got {got}", entry.id))
        })?;
        saved.points.iter().enumerate().filter(|(_, p)| !p.2).for_each(|(i, _)| face.hide(i));
        let size = self.size(entry)?;
        let _alone = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = source.save(saved.digest.as_deref(), &face, size).map_err(failed)?;
        tracing::info!("{}: saved", source.file.display());
        Response::json(&json!({ "digest": digest }))
    }

    fn entry(&self, n: usize) -> Result<&Entry, Failure> {
        let most = self.entries.len();
        self.entries.get(n).ok_or_else(|| Failure::new(404, format!("expected an item below {most}, got {n}")))
    }

    fn size(&self, entry: &Entry) -> Result<Size, Failure> {
        if entry.picture.is_file() {
            return picture_size(&entry.picture).map_err(failed);
        }
        Ok(self.sample(entry)?.original)
    }

    fn sample(&self, entry: &Entry) -> Result<facekp_data::Sample, Failure> {
        let gone = || Failure::new(404, format!("{}: expected its picture, got no such file", entry.picture.display()));
        let (set, i) = self.set.as_ref().zip(entry.index).ok_or_else(gone)?;
        set.get(i).map_err(failed)
    }
}

fn own_scheme(dir: &Path) -> Result<Option<Arc<Scheme>>> {
    let file: PathBuf = dir.join(SCHEME);
    if !file.is_file() {
        return Ok(None);
    }
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    Ok(Some(Arc::new(Scheme::from_toml(&file, &text)?)))
}

fn rows(points: &[Point], visible: &[bool]) -> Vec<(f64, f64, bool)> {
    points.iter().zip(visible).map(|(p, v)| (p.x, p.y, *v)).collect()
}

/// A file that another program changed is a conflict, and all else that it is not as it should be.
fn failed(e: Error) -> Failure {
    let status = if matches!(e, Error::Changed { .. }) { 409 } else { 422 };
    Failure::new(status, one_line(&e.into()))
}
