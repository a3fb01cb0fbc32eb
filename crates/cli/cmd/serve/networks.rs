//! The networks that can be chosen: each is loaded when it is first asked for, and kept; one works at a time.

use super::request::Failure;
use crate::cmd::{export::onnx, predict::weights};
use anyhow::Result;
use candle_core::Device;
use candle_vision_helpers::Rect;
use facekp_data::{Crop, Scheme, scheme::Outline};
use facekp_eval::{Finder, Flip, PhotoReader, Predictor};
use facekp_models::export::OnnxOptions;
use facekp_models::{CodecConfig, FINDER, Manifest, WeightsKind, known_weights, locate};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// All of them, and those in memory.
pub(super) struct Networks {
    device: Device,
    default: String,
    known: BTreeMap<String, Known>,
    loaded: Mutex<Loaded>,
}

struct Known {
    path: PathBuf,
    scheme: Arc<Scheme>,
    about: About,
}

/// What a page has to know of a network.
#[derive(Clone, Debug, Serialize)]
pub(super) struct About {
    pub name: String,
    /// Whether it has maps to look at.
    pub maps: bool,
    #[serde(flatten)]
    pub points: Points,
}

/// What a page has to know of a scheme.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Points {
    pub scheme: String,
    pub points: usize,
    /// Empty where they are numbered.
    pub names: Vec<String>,
    /// First and last point of what is drawn as a line, and whether it returns to the first.
    pub lines: Vec<(usize, usize, bool)>,
}

impl Points {
    pub(super) fn of(scheme: &Scheme) -> Self {
        let drawn = scheme.groups().iter().filter(|g| g.outline != Outline::None && !g.points.is_empty());
        Self {
            scheme: scheme.name().to_owned(),
            points: scheme.len(),
            names: scheme.point_names().to_vec(),
            lines: drawn.map(|g| (g.points.start, g.points.end - 1, g.outline == Outline::Closed)).collect(),
        }
    }
}

#[derive(Default)]
struct Loaded {
    networks: BTreeMap<String, (Predictor, Flip)>,
    finder: Option<Finder>,
}

impl Networks {
    /// Lists them, and loads the one that is named, or that `predict` would take.
    pub(super) fn open(named: Option<&str>, device: Device) -> Result<Self> {
        let path = weights(named)?;
        let default = match named {
            Some(name) => name.to_owned(),
            None => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        };
        let mut known: BTreeMap<String, Known> = known_weights().into_iter().filter_map(|n| look(n, None)).collect();
        if let Some((name, network)) = look(default.clone(), Some(&path)) {
            known.insert(name, network);
        }
        let networks = Self { device, default, known, loaded: Mutex::default() };
        let mut loaded = networks.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        networks.load(&mut loaded, &networks.default, &path)?;
        drop(loaded);
        Ok(networks)
    }

    /// The name of the network that is taken where none is named.
    pub(super) fn default(&self) -> &str {
        &self.default
    }

    /// The scheme of that network's points.
    pub(super) fn scheme(&self) -> Option<&Arc<Scheme>> {
        self.known.get(&self.default).map(|k| &k.scheme)
    }

    pub(super) fn list(&self) -> Vec<&About> {
        self.known.values().map(|k| &k.about).collect()
    }

    /// Calls `work` with the network `name`, and a finder where it needs one; one caller at a time.
    pub(super) fn with<T>(
        &self,
        name: Option<&str>,
        face: Option<Rect>,
        work: impl FnOnce(&PhotoReader<'_>) -> Result<T>,
    ) -> Result<T, Failure> {
        let (name, path) = self.named(name)?;
        // what a thread left that did not end well is whole: entries come in when they are ready
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        self.load(&mut loaded, name, &path)?;
        if face.is_none() && loaded.finder.is_none() {
            let whole = loaded.networks.get(name).is_some_and(|(p, _)| p.task().view.crop == Crop::Picture);
            match locate(FINDER) {
                // a network of whole pictures may do without
                Err(_) if whole => {}
                found => loaded.finder = Some(self.finder(found.map_err(anyhow::Error::from)?)?),
            }
        }
        let Some((predictor, flip)) = loaded.networks.get(name) else {
            return Err(Failure::new(500, format!("{name}: expected a network in memory, got none")));
        };
        let finder = loaded.finder.as_ref().filter(|_| face.is_none());
        Ok(work(&PhotoReader { predictor, finder, flip: *flip })?)
    }

    /// The network `name` as an ONNX file.
    pub(super) fn onnx(&self, name: Option<&str>) -> Result<Vec<u8>, Failure> {
        let (_, path) = self.named(name)?;
        Ok(onnx::made(&path, &OnnxOptions::default())?.bytes)
    }

    /// A network's name and file.
    fn named<'a>(&'a self, name: Option<&'a str>) -> Result<(&'a str, PathBuf), Failure> {
        let name = name.unwrap_or(&self.default);
        match self.known.get(name) {
            Some(known) => Ok((name, known.path.clone())),
            None if name == self.default => Ok((name, weights(Some(name))?)),
            None => Err(Failure::new(404, format!("expected a network that is listed, got {name:?}"))),
        }
    }

    fn finder(&self, path: PathBuf) -> Result<Finder> {
        Ok(Finder::load(&path, &self.device)?)
    }

    fn load(&self, loaded: &mut Loaded, name: &str, path: &Path) -> Result<()> {
        if loaded.networks.contains_key(name) {
            return Ok(());
        }
        let (predictor, file) = Predictor::load(path, &self.device)?;
        let flip = Flip::of(&file.manifest)?;
        loaded.networks.insert(name.to_owned(), (predictor, flip));
        Ok(())
    }
}

/// The network of this name by its header; `None` for what is none, or names no points.
fn look(name: String, path: Option<&Path>) -> Option<(String, Known)> {
    let path = path.map_or_else(|| locate(&name).ok(), |p| Some(p.to_owned()))?;
    let WeightsKind::Network(manifest) = WeightsKind::read(&path).ok()? else { return None };
    let Manifest { task, .. } = *manifest;
    if !task.codec().ok()?.has_points() {
        return None;
    }
    let maps = matches!(task.codec, CodecConfig::Heatmap(_));
    let about = About { name: name.clone(), maps, points: Points::of(&task.scheme) };
    Some((name, Known { path, scheme: task.scheme, about }))
}
