//! A network as a weights file to ship, with its measured errors in it and in manifest.toml next to it.

use super::Args;
use crate::{cmd::eval, output::say, parse::parse_name, weights_manifest::record};
use anyhow::{Context, Result, anyhow, bail};
use candle_core::{DType, Device};
use facekp_eval::{Predictor, Summary};
use facekp_models::{Manifest, WeightsFile};
use std::{collections::BTreeMap, path::Path};
use toml::{Table, Value};

pub(super) fn write(a: &Args) -> Result<()> {
    let from = facekp_models::locate(&a.weights)?;
    let file = WeightsFile::read(&from)?;
    let dtype = if a.f16 { DType::F16 } else { DType::F32 };
    let name = match &a.name {
        Some(name) => name.clone(),
        None => parse_name(&file.manifest.name).map_err(|got| anyhow!("--name: {got}, the recipe's name"))?,
    };
    let path = a.out.join(format!("{name}.safetensors"));
    // measured as it will be read
    let mut file = file.rounded(dtype)?;
    let refuse = |file: &WeightsFile| refuse_others(&path, file, a.overwrite);
    refuse(&file)?;
    refuse_foreign(&a.out.join("manifest.toml"))?;
    std::fs::create_dir_all(&a.out).with_context(|| a.out.display().to_string())?;
    let predictor = Predictor::of(&file, &from, &Device::Cpu)?;
    let eval::Setting { data, flip } = eval::setting(&file.manifest, &a.data.dir)?;
    let summaries = eval::summaries(&predictor, &data, &a.split, flip)?;
    file.manifest.metrics = summaries.iter().flat_map(numbers).collect();
    let _alone = facekp_data::alone(&path);
    // another process may have written it meanwhile
    refuse(&file)?;
    file.save(&path, dtype)?;
    note(&a.out.join("manifest.toml"), &name, &path, &file.manifest)?;
    for s in &summaries {
        say(&format!("{name} {}: mean {:.3} px, median {:.3} px", s.split, s.mean_px, s.median_px))?;
    }
    say(&path.display().to_string())
}

/// Weights of the same network are replaced and, with `overwrite`, those of others; other files of this name are not.
fn refuse_others(weights: &Path, file: &WeightsFile, overwrite: bool) -> Result<()> {
    if !weights.is_file() {
        return Ok(());
    }
    let Ok(there) = WeightsFile::read(weights) else {
        bail!("{}: expected nothing or weights of facekp to replace, found another file", weights.display());
    };
    if !overwrite && !is_same(&there, file)? {
        bail!("{}: expected no other network of this name, or --overwrite", weights.display());
    }
    Ok(())
}

/// Whether two files hold the same network, whatever it was measured on.
fn is_same(a: &WeightsFile, b: &WeightsFile) -> Result<bool> {
    let unmeasured = |m: &Manifest| Manifest { metrics: BTreeMap::new(), ..m.clone() };
    if unmeasured(&a.manifest) != unmeasured(&b.manifest) || a.tensors.len() != b.tensors.len() {
        return Ok(false);
    }
    for (name, tensor) in &a.tensors {
        let Some(other) = b.tensors.get(name).filter(|other| other.dims() == tensor.dims()) else { return Ok(false) };
        if tensor.flatten_all()?.to_vec1::<f32>()? != other.flatten_all()?.to_vec1::<f32>()? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Manifests are replaced, other files of this name are not.
fn refuse_foreign(manifest: &Path) -> Result<()> {
    let text = std::fs::read_to_string(manifest).unwrap_or_default();
    let is_entry = |v: &Value| v.get("sha256").is_some();
    if !text.parse::<Table>().is_ok_and(|all| all.values().all(is_entry)) {
        bail!("{}: expected nothing or a manifest of weights, found another file", manifest.display());
    }
    Ok(())
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
    let (origin, unknown) = (manifest.origin.as_ref(), || "not recorded".to_owned());
    let recorded = [
        ("program", origin.map(|o| o.program.clone())),
        ("commit", origin.and_then(|o| o.commit.clone())),
        ("data_sha256", origin.map(|o| o.data_sha256.clone())),
    ];
    for (key, value) in recorded {
        entry.insert(key.into(), value.unwrap_or_else(unknown).into());
    }
    record(file, name, weights, entry)
}
