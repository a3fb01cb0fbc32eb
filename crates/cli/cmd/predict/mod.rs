//! `facekp predict`: the keypoints of every face in pictures, as overlay PNG, `.pts` and JSON.

mod annotated;
mod inputs;
mod outputs;
mod pipeline;

use crate::{
    cmd::datasets::forms,
    output::{Usage, write_result},
    parse::parse_box,
    shared_args::DeviceArg,
};
use anyhow::{Context, Result, bail};
use candle_core::Device;
use candle_vision_helpers::Rect;
use clap::builder::PossibleValuesParser;
use facekp_data::{Crop, datasets::convert::Form};
use facekp_eval::{FindConfig, Finder, Flip, PhotoReader, PictureResult, Predictor, Wanted};
use facekp_models::{CodecConfig, FINDER, Manifest, locate};
use facekp_train::Recipe;
use std::path::{Path, PathBuf};

/// The weights that are taken where none are named: the first that are there.
pub(crate) const DEFAULTS: [&str; 2] = ["face68", "ibug68_heatmap_128"];

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: facekp predict photo.jpg holidays/ --out predictions --json -")]
pub(crate) struct Args {
    /// Pictures, folders of pictures, or patterns such as 'holidays/*.jpg'.
    #[arg(required = true, value_name = "PICTURE|DIR")]
    pictures: Vec<PathBuf>,
    /// A weights file, a run folder, or a name in weights/ or runs/ [default: face68, else ibug68_heatmap_128].
    #[arg(long, value_name = "W")]
    weights: Option<String>,
    /// Which faces of a picture: all, largest, or the N largest.
    #[arg(long, value_name = "all|largest|N", value_parser = parse_faces, default_value = "all", help_heading = "Faces")]
    faces: Faces,
    /// Side of the smallest face that has to be found, pixels [default: 4 % of the picture's shorter side].
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u32).range(4..), help_heading = "Faces")]
    smallest: Option<u32>,
    /// The only face's box in every picture; nothing is looked for.
    #[arg(long = "box", value_name = "X,Y,W,H", value_parser = parse_box, allow_hyphen_values = true,
        conflicts_with_all = ["smallest", "faces"], help_heading = "Faces")]
    face: Option<Rect>,
    /// A picture without a face is a failure.
    #[arg(long, help_heading = "Faces")]
    require_face: bool,
    /// Where the overlay PNG of each picture and the .pts of each face go.
    #[arg(long, value_name = "DIR", default_value = "predictions", help_heading = "Output")]
    out: PathBuf,
    /// Write boxes, points and confidences as JSON when all is done (`-`: stdout).
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    json: Option<PathBuf>,
    /// Write the same, a line for each picture as soon as it is done (`-`: stdout).
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    jsonl: Option<PathBuf>,
    /// Also write a dataset to correct and to train on into this folder, new or empty: the points of every face, and
    /// copies of the pictures.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    annotations: Option<PathBuf>,
    /// The form of --annotations: .pts beside the pictures, imglab's XML, COCO's JSON, or a table.
    #[arg(long, value_name = "FORM", requires = "annotations", default_value = "coco", help_heading = "Output",
        value_parser = PossibleValuesParser::new(Form::ALL.map(Form::name)))]
    to: String,
    /// Also draw the network's maps (heatmap networks).
    #[arg(long, help_heading = "Output")]
    heatmap: bool,
    /// Also write each face upright, as the network sees it.
    #[arg(long, help_heading = "Output")]
    crop: bool,
    /// Do not average with the mirrored picture: quicker by a third, somewhat less exact.
    #[arg(long)]
    no_flip: bool,
    #[command(flatten)]
    device: DeviceArg,
}

/// Which faces are wanted: at most so many, the largest; `None`: all.
#[derive(Clone, Copy, Debug)]
struct Faces(Option<usize>);

fn parse_faces(s: &str) -> Result<Faces, String> {
    match s {
        "all" => Ok(Faces(None)),
        "largest" => Ok(Faces(Some(1))),
        n => match n.parse() {
            Ok(n @ 1..) => Ok(Faces(Some(n))),
            _ => Err(format!("expected all, largest or a number from 1 on, got {s:?}")),
        },
    }
}

pub(crate) fn run(a: &Args) -> Result<()> {
    inputs::refuse_weights(&a.pictures)?;
    let stdout = |file: &Option<PathBuf>| file.as_deref() == Some(Path::new("-"));
    if stdout(&a.json) && stdout(&a.jsonl) {
        return Err(Usage("--json - --jsonl -: expected one of them on stdout, got both".into()).into());
    }
    let device = a.device.open()?;
    let (predictor, file) = Predictor::load(&weights(a.weights.as_deref())?, &device)?;
    if let Some(dir) = &a.annotations {
        annotated::check(dir, &a.out, &predictor.task().scheme)?;
    }
    if a.heatmap && !matches!(predictor.task().codec, CodecConfig::Heatmap(_)) {
        bail!("--heatmap: expected a network with heatmaps, got {}, direct regression", file.manifest.name);
    }
    let recipe = recipe_of(&file.manifest)?;
    let flip = if a.no_flip { Flip::Off } else { Flip::from(recipe.train.flip_test) };
    // a network of whole pictures may do without
    let finder = match locate(FINDER) {
        Err(_) if predictor.task().view.crop == Crop::Picture => None,
        found if a.face.is_none() => Some(Finder::load(&found?, &device)?),
        _ => None,
    };
    let reader = PhotoReader { predictor: &predictor, finder: finder.as_ref(), flip };
    let find = FindConfig { smallest: a.smallest.map(f64::from), ..FindConfig::default() };
    let pictures = inputs::pictures(&a.pictures);
    let job = pipeline::Job {
        pictures: &pictures,
        out: &a.out,
        jsonl: a.jsonl.as_deref(),
        wanted: Wanted { face: a.face, most: a.faces.0, find },
        extras: outputs::Extras { heatmap: a.heatmap, crop: a.crop },
    };
    let results = pipeline::run(&reader, &job)?;
    if let Some(json) = &a.json {
        write_result(json, &(serde_json::to_string_pretty(&results)? + "\n"))?;
    }
    if let Some(dir) = &a.annotations {
        let form = Form::ALL.into_iter().find(|f| f.name() == a.to).context("expected a form that is listed")?;
        let about = (&predictor.task().scheme, file.manifest.name.as_str());
        // stdout may be the results'
        match annotated::write((&pictures, &results), about, form, dir)? {
            Some(written) => {
                forms::lines(&written, form, dir).iter().for_each(|line| tracing::info!("{}", line.trim()))
            }
            None => tracing::warn!("{}: not written, since there is no face", dir.display()),
        }
    }
    verdict(a, &results)
}

/// Loads what a call loads that names no weights, onto the CPU, and says which network's file that is.
///
/// # Errors
/// The reason why such a call would fail.
pub(crate) fn load_defaults() -> Result<PathBuf> {
    let path = weights(None)?;
    let (_, file) = Predictor::load(&path, &Device::Cpu)?;
    recipe_of(&file.manifest)?;
    Finder::load(&locate(FINDER)?, &Device::Cpu)?;
    Ok(path)
}

/// The recipe that a network was trained by.
pub(crate) fn recipe_of(manifest: &Manifest) -> Result<Recipe> {
    Ok(Recipe::parse(&format!("recipe of {}", manifest.name), &manifest.recipe, &[])?)
}

/// The weights file of this name, or of the first default that is there.
pub(crate) fn weights(named: Option<&str>) -> Result<PathBuf> {
    match named {
        Some(name) => Ok(locate(name)?),
        None => match DEFAULTS.iter().find_map(|name| locate(name).ok()) {
            Some(file) => Ok(file),
            None => Ok(locate(DEFAULTS[0])?),
        },
    }
}

/// Whether the call failed, in one line.
fn verdict(a: &Args, results: &[PictureResult]) -> Result<()> {
    let failed = results.iter().filter(|r| r.error.is_some()).count();
    match results {
        [PictureResult { error: Some(reason), .. }] => bail!("{reason}"),
        _ if failed > 0 => bail!("{failed} of {} pictures failed", results.len()),
        _ => {}
    }
    let without = results.iter().filter(|r| r.faces.is_empty()).count();
    match results {
        [one] if without == 1 && a.require_face => bail!("{}: expected a face, found none", one.file),
        _ if without > 0 && a.require_face => {
            bail!("{without} of {} pictures: expected a face, found none", results.len())
        }
        _ => Ok(()),
    }
}
