//! A network as a weights file to ship, with its measured errors in it and in manifest.toml next to it.

use super::Args;
use crate::{cmd::eval, output::say, parse::parse_name, weights_manifest::record};
use anyhow::{Context, Result, anyhow, bail};
use candle_core::{DType, Device};
use facekp_eval::{Predictor, Summary};
use facekp_models::{Manifest, WeightsFile};
use std::path::Path;
use toml::{Table, Value};

pub(super) fn write(a: &Args) -> Result<()> {
    let mut file = WeightsFile::read(&facekp_models::locate(&a.weights)?)?;
    let dtype = if a.f16 { DType::F16 } else { DType::F32 };
    let name = match &a.name {
        Some(name) => name.clone(),
        None => parse_name(&file.manifest.name).map_err(|got| anyhow!("--name: {got}, the recipe's name"))?,
    };
    let path = a.out.join(format!("{name}.safetensors"));
    refuse_foreign(&path, &a.out.join("manifest.toml"))?;
    std::fs::create_dir_all(&a.out).with_context(|| a.out.display().to_string())?;
    // Measured as it will be read: rounded, from a file.
    let draft = tempfile::Builder::new().suffix(".safetensors").tempfile_in(&a.out)?;
    file.save(draft.path(), dtype)?;
    let summaries = measure(draft.path(), &file.manifest, a)?;
    file.manifest.metrics = summaries.iter().flat_map(numbers).collect();
    file.save(&path, dtype)?;
    note(&a.out.join("manifest.toml"), &name, &path, &file.manifest)?;
    for s in &summaries {
        say(&format!("{name} {}: mean {:.3} px, median {:.3} px", s.split, s.mean_px, s.median_px))?;
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
