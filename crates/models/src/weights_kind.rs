//! What a file of weights is of, as its header says.

use crate::error::Result;
use crate::finder_file::FinderManifest;
use crate::header::{self, FINDER_KEY, KEY, WHOLE, bad, one_line};
use crate::pth::is_pth;
use crate::weights::Manifest;
use std::{
    collections::HashMap,
    fs::File,
    io::{Read, Seek},
    path::Path,
};

/// Bytes that tell PyTorch's files from others.
const START: u64 = 64;

/// What a file of weights is of.
#[derive(Clone, Debug, PartialEq)]
pub enum WeightsKind {
    /// A keypoint network.
    Network(Box<Manifest>),
    /// The face finder.
    Finder(FinderManifest),
    /// Tensors that another program wrote, which networks start from.
    Tensors,
}

impl WeightsKind {
    /// Reads the header of a file. Of the tensors it is only asked whether the file is long enough to hold them, and of
    /// PyTorch's files nothing but how they begin.
    ///
    /// # Errors
    /// One line with the path when the file is cut short, not safetensors, or has a manifest that cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let unread = |e: std::io::Error| bad(path, e.to_string());
        let mut file = File::open(path).map_err(unread)?;
        let size = file.metadata().map_err(unread)?.len();
        let mut start = Vec::new();
        file.by_ref().take(START).read_to_end(&mut start).map_err(unread)?;
        if is_pth(&start) {
            return Ok(Self::Tensors);
        }
        file.rewind().map_err(unread)?;
        let mut header = header::read(file, size).map_err(|got| bad(path, format!("{WHOLE}, got {got}")))?;
        let metadata: HashMap<String, String> = match header.remove("__metadata__") {
            Some(all) => serde_json::from_value(all)
                .map_err(|e| bad(path, format!("{WHOLE}, got metadata that are no texts ({})", one_line(&e))))?,
            None => HashMap::new(),
        };
        if let Some(json) = metadata.get(FINDER_KEY) {
            return Ok(Self::Finder(header::manifest(path, FINDER_KEY, json)?));
        }
        match metadata.get(KEY) {
            Some(json) => Ok(Self::Network(Box::new(header::manifest(path, KEY, json)?))),
            None => Ok(Self::Tensors),
        }
    }
}
