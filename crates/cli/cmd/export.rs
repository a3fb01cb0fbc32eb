//! `facekp export`: a network as a weights file to ship, with its measured errors in it and in manifest.toml next to
//! it.

use crate::{cmd::eval, output::say, parse::parse_name, shared_args::DataArg, weights_manifest::record};
use anyhow::{Context, Result, bail};
use candle_core::{DType, Device};
use facekp_eval::{Predictor, Summary};
use facekp_models::weights::save;
use facekp_models::{Manifest, WeightsFile};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: facekp export runs/nose --name nose --data datasets --split val")]
pub(crate) struct Args {
    /// A weights file, a run folder, or a name in weights/ or runs/.
    weights: String,
    /// The name in weights/: letters, digits, `_`, `-` and `.`.
    #[arg(long, value_parser = parse_name, help_heading = "Output")]
    name: String,
    /// The folder of NAME.safetensors and manifest.toml.
    #[arg(long, value_name = "DIR", default_value = "weights", help_heading = "Output")]
    out: PathBuf,
    /// 16-bit floats: half the size.
    #[arg(long, help_heading = "Output")]
    f16: bool,
    #[command(flatten)]
    data: DataArg,
    /// The splits it is measured on.
    #[arg(long, help_heading = "Data", default_value = "val", value_delimiter = ',')]
    split: Vec<facekp_data::Split>,
}

pub(crate) fn run(a: &Args) -> Result<()> {
    let source = WeightsFile::read(&facekp_models::locate(&a.weights)?)?;
    let dtype = if a.f16 { DType::F16 } else { DType::F32 };
    let mut tensors: Vec<_> = source.tensors.into_iter().collect();
    tensors.sort_by(|x, y| x.0.cmp(&y.0));
    let mut manifest = source.manifest;
    let path = a.out.join(format!("{}.safetensors", a.name));
    refuse_foreign(&path, &a.out.join("manifest.toml"))?;
    std::fs::create_dir_all(&a.out).with_context(|| a.out.display().to_string())?;
    // Measured as it will be read: rounded, from a file.
    let draft = tempfile::Builder::new().suffix(".safetensors").tempfile_in(&a.out)?;
    save(draft.path(), &tensors, &manifest, dtype)?;
    let summaries = measure(draft.path(), &manifest, a)?;
    manifest.metrics.clear();
    for s in &summaries {
        manifest.metrics.extend(numbers(s));
    }
    save(&path, &tensors, &manifest, dtype)?;
    note(&a.out.join("manifest.toml"), &a.name, &path, &manifest)?;
    for s in &summaries {
        say(&format!("{} {}: mean {:.3} px, median {:.3} px", a.name, s.split, s.mean_px, s.median_px))?;
    }
    say(&path.display().to_string())
}

/// Weights and manifests are replaced, other files of these names are not.
fn refuse_foreign(weights: &Path, manifest: &Path) -> Result<()> {
    if weights.is_file() && WeightsFile::read(weights).is_err() {
        bail!("{}: expected nothing or weights of facekp to replace, found another file", weights.display());
    }
    let text = std::fs::read_to_string(manifest).unwrap_or_default();
    let is_entry = |v: &Value| v.get("sha256").is_some();
    if !text.parse::<Table>().is_ok_and(|all| all.values().all(is_entry)) {
        bail!("{}: expected nothing or a manifest of weights, found another file", manifest.display());
    }
    Ok(())
}

fn measure(weights: &Path, manifest: &Manifest, a: &Args) -> Result<Vec<Summary>> {
    let (predictor, _) = Predictor::load(weights, &Device::Cpu)?;
    let eval::Setting { data, flip } = eval::setting(manifest, &a.data.dir)?;
    eval::summaries(&predictor, &data, &a.split, flip)
}

fn numbers(s: &Summary) -> Vec<(String, f64)> {
    let named = [("mean_px", Some(s.mean_px)), ("median_px", Some(s.median_px)), ("nme", s.nme), ("fr_08", s.fr_08)];
    named.into_iter().filter_map(|(k, v)| Some((format!("{}_{k}", s.split), v?))).collect()
}

/// Puts the file's entry into the manifest.
fn note(file: &Path, name: &str, weights: &Path, manifest: &Manifest) -> Result<()> {
    let mut entry = Table::new();
    entry.insert("recipe".into(), manifest.name.clone().into());
    entry.insert("epoch".into(), i64::try_from(manifest.epoch)?.into());
    entry.insert("data".into(), manifest.data.clone().into());
    let metrics: Table = manifest.metrics.iter().map(|(k, v)| (k.clone(), (*v).into())).collect();
    entry.insert("metrics".into(), metrics.into());
    record(file, name, weights, entry)
}
