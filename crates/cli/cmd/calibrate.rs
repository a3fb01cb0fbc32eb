//! `facekp calibrate`: what the spread of a network's maps says about its errors, measured and, where that is asked
//! for, kept in its file or in a copy.

use crate::{
    cmd::eval,
    output::say,
    shared_args::{DataArg, DeviceArg},
    weights_manifest::record_again,
};
use anyhow::{Context, Result, bail};
use candle_core::{DType, Device};
use facekp_data::Split;
use facekp_eval::{CalibrationViews, Predictor, Reliability};
use facekp_models::{Manifest, WeightsFile, locate, locate_run};
use facekp_train::Recipe;
use half::f16;
use std::path::{Path, PathBuf};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: facekp calibrate runs/face68 --data datasets --split val --overwrite")]
pub(crate) struct Args {
    /// A weights file, a run folder, whose best and last weights are both calibrated, or a name in weights/ or runs/.
    weights: String,
    #[command(flatten)]
    data: DataArg,
    /// The faces that it is measured on: none that the network was tested on, or the test says nothing.
    #[arg(long, help_heading = "Data", default_value = "val")]
    split: Split,
    /// Look at each face in N views, changed at random as in its training, not in one as it is: for a network that was
    /// trained on these faces, and knows them.
    #[arg(long, help_heading = "Data", value_name = "N", default_value_t = 0)]
    augment: usize,
    /// Measure another run of the same task instead, and keep here what its maps say: for a network that was trained on
    /// these faces, a run of its recipe that kept them apart.
    #[arg(long, help_heading = "Data", value_name = "RUN")]
    like: Option<String>,
    /// Write a copy of the weights that knows its errors, of a run folder its best ones.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Replace a file that is there: without --out that of the weights.
    #[arg(long, help_heading = "Output")]
    overwrite: bool,
    #[command(flatten)]
    device: DeviceArg,
}

/// The weights of a run that somebody predicts with.
const OF_A_RUN: [&str; 2] = ["best.safetensors", "last.safetensors"];

pub(crate) fn run(a: &Args) -> Result<()> {
    if let Some(out) = &a.out {
        // a mistaken name must not cost anyone their weights, or another file
        if out.extension().is_none_or(|end| end != "safetensors") {
            bail!("--out: expected a file that ends in .safetensors, got {}", out.display());
        }
        if out.exists() && !a.overwrite {
            bail!("{}: expected no such file yet, or --overwrite", out.display());
        }
    }
    let run = locate_run(Path::new(&a.weights));
    let of_run: Vec<PathBuf> = OF_A_RUN.iter().map(|f| run.join(f)).filter(|f| f.is_file()).collect();
    let mut files = if of_run.is_empty() { vec![locate(&a.weights)?] } else { of_run };
    if a.out.is_some() {
        files.truncate(1);
    }
    files.iter().try_for_each(|file| calibrate(file, a))?;
    if a.out.is_none() && !a.overwrite {
        let names = files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" and ");
        tracing::warn!("nothing was written: --overwrite keeps this in {names}, --out FILE in a copy");
    }
    Ok(())
}

fn calibrate(path: &Path, a: &Args) -> Result<()> {
    let device = a.device.open()?;
    let (own, mut file) = Predictor::load(path, &device)?;
    let (predictor, measured) = match &a.like {
        None => (own, file.manifest.clone()),
        Some(like) => other(like, &file.manifest, &device)?,
    };
    let eval::Setting { data, flip } = eval::setting(&measured, &a.data.dir)?;
    let faces = data.split(a.split)?;
    let views = views(&measured, a.augment)?;
    let found = predictor.calibrate(data.clone(), &faces, flip, &views).with_context(|| path.display().to_string())?;
    let found = match &a.like {
        None => found,
        Some(_) => found.noting(&format!(", by {}, trained on {}", measured.name, measured.data)),
    };
    file.manifest.calibration = Some(found.clone());
    match &a.out {
        Some(copy) => write(copy, &file)?,
        None if a.overwrite => write(path, &file)?,
        None => {}
    }
    let predictions = predictor.with_calibration(Some(found)).predict_dataset(data, &faces, flip)?;
    let bins = Reliability::of(&predictions, 4, |_| Some(1.0));
    let bins = bins.iter().map(|b| format!("{:.1} ({:.1})", b.expected, b.measured)).collect::<Vec<_>>().join(", ");
    say(&format!("{}: expected (measured) px on quarters of the points: {bins}", path.display()))
}

/// Another network, whose maps mean the same as those of `this`, and what its file says of it.
fn other(like: &str, this: &Manifest, device: &Device) -> Result<(Predictor, Manifest)> {
    let path = locate(like)?;
    let (predictor, file) = Predictor::load(&path, device)?;
    if file.manifest.task != this.task {
        bail!("{}: expected the scheme, view, codec and network of {}, got others", path.display(), this.name);
    }
    Ok((predictor, file.manifest))
}

/// The views that a network is measured on: `times` changed ones of each face, or it as it is.
fn views(manifest: &Manifest, times: usize) -> Result<CalibrationViews> {
    let Recipe { data, train, .. } = eval::recipe(manifest)?.0;
    if times > 0 {
        return Ok(CalibrationViews::Changed { augment: train.augment, times });
    }
    if data.allow_overlap {
        tracing::warn!(
            "{}: was trained on its validation faces and will expect too little; --like RUN takes a run that kept them \
             apart, --augment 8 looks at changed views of them",
            manifest.name
        );
    }
    Ok(CalibrationViews::Plain)
}

/// Writes the weights as precise as they were.
fn write(path: &Path, file: &WeightsFile) -> Result<()> {
    let mut halves = true;
    for tensor in file.tensors.values() {
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        halves &= values.iter().all(|v| f16::from_f32(*v).to_f32() == *v);
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let _alone = facekp_data::alone(path);
    file.save(path, if halves { DType::F16 } else { DType::F32 })?;
    record_again(path)
}
