//! The header of a safetensors file, and where this program's manifests stand in it.

use crate::error::{Error, Result};
use candle_vision_helpers::wrong::OneLine;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{collections::HashMap, fmt::Display, io::Read, path::Path};

/// Where the manifest stands in the file's metadata.
pub(crate) const KEY: &str = "facekp";
/// The same in the file of a face finder.
pub(crate) const FINDER_KEY: &str = "facekp_finder";
/// What a file is expected to be, for errors.
pub(crate) const WHOLE: &str = "expected a whole safetensors file";

/// Reads the header of a file of `size` bytes, and nothing behind it. Says in words what is wrong with a file that is
/// cut short, and refuses offsets behind the file's end, which the parser would add up.
///
/// # Errors
/// What the file has instead.
pub(crate) fn read(mut file: impl Read, size: u64) -> Result<HashMap<String, Value>, String> {
    let Some(after) = size.checked_sub(8) else { return Err(format!("{size} bytes")) };
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|e| one_line(&e))?;
    let length = u64::from_le_bytes(length);
    if length > after {
        return Err(format!("a header of {length} bytes in a file of {size} (cut short, or another format)"));
    }
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header).map_err(|e| one_line(&e))?;
    let header: HashMap<String, Value> =
        serde_json::from_slice(&header).map_err(|e| format!("a header that is no JSON object ({})", one_line(&e)))?;
    let ends = header.values().filter_map(|v| v.get("data_offsets")?.get(1)?.as_u64());
    let (data, have) = (ends.max().unwrap_or(0), after - length);
    if data > have {
        Err(format!("{have} bytes of data where the header speaks of {data} (cut short)"))
    } else {
        Ok(header)
    }
}

/// The manifest that stands as `json` under `key` in the metadata.
///
/// # Errors
/// One line with the path where it is none.
pub(crate) fn manifest<T: DeserializeOwned>(path: &Path, key: &str, json: &str) -> Result<T> {
    serde_json::from_str(json)
        .map_err(|e| bad(path, format!("expected a manifest in metadata {key:?}, got {}", one_line(&e))))
}

/// An [`Error::Weights`].
pub(crate) fn bad(path: &Path, reason: String) -> Error {
    Error::Weights { path: path.to_path_buf(), reason }
}

pub(crate) fn one_line(e: &impl Display) -> String {
    OneLine(e).to_string()
}
