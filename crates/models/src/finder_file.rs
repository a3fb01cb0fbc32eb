//! The weights file of the face finder: safetensors whose metadata say where they come from, and how a face that it
//! finds becomes the box that a keypoint network looks at.

use crate::error::{Error, Result};
use crate::found_box::BoxFit;
use crate::header::{self, FINDER_KEY as KEY, bad};
use crate::weights::{read_all, write_tensors};
use candle_core::{DType, Tensor};
use facekp_data::Scheme;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::{fs::File, io::Read, path::Path};

/// The name under which the face finder's weights are shipped.
pub const FINDER: &str = "face_finder";

/// The metadata of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinderManifest {
    /// Name of the network.
    pub name: String,
    /// Whose weights they are and where they were taken from.
    pub source: String,
    /// Their licence, with its holder.
    pub license: String,
    /// SHA-256 of the file that they were converted from.
    pub source_sha256: String,
    /// How a found face becomes a box, by the name of the scheme whose points the box holds.
    #[serde(default)]
    pub boxes: BTreeMap<String, BoxFit>,
}

impl FinderManifest {
    /// How a found face becomes the box of a scheme's points, where that is known of the scheme, or of the one that it
    /// is a part of.
    pub fn fit(&self, scheme: &Scheme) -> Option<&BoxFit> {
        let names = [Some(scheme.name()), scheme.part_of().map(|part| part.scheme.as_str())];
        names.into_iter().flatten().find_map(|name| self.boxes.get(name))
    }
}

/// A file of the face finder in memory.
#[derive(Clone, Debug)]
pub struct FinderFile {
    /// The metadata.
    pub manifest: FinderManifest,
    /// Tensors by name, on the CPU.
    pub tensors: HashMap<String, Tensor>,
}

/// Bytes of a header that is looked through for the key: a finder's is much shorter.
const MOST_HEADER: u64 = 1 << 20;

impl FinderFile {
    /// Whether the file's header says that it is a face finder's; false of what cannot be read. The tensors are not
    /// read.
    pub fn is_one(path: &Path) -> bool {
        let says = || {
            let mut file = File::open(path)?;
            let mut length = [0; 8];
            file.read_exact(&mut length)?;
            let mut header = Vec::new();
            file.take(u64::from_le_bytes(length).min(MOST_HEADER)).read_to_end(&mut header)?;
            let header: serde_json::Value = serde_json::from_slice(&header)?;
            std::io::Result::Ok(header.pointer("/__metadata__").is_some_and(|m| m.get(KEY).is_some()))
        };
        says().unwrap_or(false)
    }

    /// Reads a file written by [`FinderFile::save`].
    ///
    /// # Errors
    /// One line with the path when it is cut short, not safetensors, or no face finder's.
    pub fn read(path: &Path) -> Result<Self> {
        let (tensors, metadata) = read_all(path)?;
        let json = metadata.get(KEY);
        let json =
            json.ok_or_else(|| bad(path, format!("expected a face finder (metadata {KEY:?}), got other weights")))?;
        Ok(Self { manifest: header::manifest(path, KEY, json)?, tensors })
    }

    /// Writes it, every value as it is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let json = serde_json::to_string(&self.manifest).map_err(|e| Error::config("face finder", "a manifest", e))?;
        let mut tensors: Vec<(String, Tensor)> = self.tensors.iter().map(|(n, t)| (n.clone(), t.clone())).collect();
        tensors.sort_by(|a, b| a.0.cmp(&b.0));
        write_tensors(path, &tensors, HashMap::from([(KEY.to_string(), json)]), DType::F32)
    }
}
