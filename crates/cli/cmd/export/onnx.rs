//! A network as an ONNX file.

use crate::output::{say, write_file};
use anyhow::{Result, bail};
use candle_core::Device;
use facekp_models::export::{OnnxFile, OnnxOptions, finder_to_onnx, network_to_onnx};
use facekp_models::{FinderFile, WeightsFile, locate};
use std::path::Path;

/// Writes the network of `weights`, or the face finder, and says what goes in and comes out.
pub(super) fn write(weights: &str, file: &Path, options: &OnnxOptions) -> Result<()> {
    // a mistaken name must not cost anyone their weights
    if file.extension().is_none_or(|end| end != "onnx") {
        bail!("--onnx: expected a file that ends in .onnx, got {}", file.display());
    }
    let made = made(&locate(weights)?, options)?;
    write_file(file, &made.bytes)?;
    say(&format!("{}: {}", file.display(), made.signature))
}

/// The contents of the file for the network, or the face finder, in `weights`.
pub(crate) fn made(weights: &Path, options: &OnnxOptions) -> Result<OnnxFile> {
    if FinderFile::is_one(weights) {
        return Ok(finder_to_onnx(&FinderFile::read(weights)?, options)?);
    }
    let read = WeightsFile::read(weights)?;
    let (_, model) = read.build(weights, &Device::Cpu)?;
    Ok(network_to_onnx(&read.manifest, model.as_ref(), options)?)
}
