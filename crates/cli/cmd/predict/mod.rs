//! `facekp predict`: the keypoints of every face in pictures, as overlay PNG, `.pts` and JSON.

mod annotated;
mod inputs;
mod lines;
mod list;
mod outputs;
mod pipeline;
mod results;
mod settings;
mod shard;
mod tally;

use crate::{
    cmd::datasets::forms,
    output::{ResultForm, Usage, write_result},
    parse::parse_box,
    shared_args::DeviceArg,
};
use anyhow::{Context, Result, bail};
use candle_core::Device;
use candle_vision_helpers::Rect;
use clap::builder::PossibleValuesParser;
use facekp_data::{Crop, datasets::convert::Form};
use facekp_eval::{Detector, FindConfig, Finder, Flip, PhotoReader, Predictor, Wanted};
use facekp_models::{CodecConfig, FINDER, locate};
use lines::{Done, Lines};
use results::Results;
use settings::Settings;
use shard::Shard;
use std::path::{Path, PathBuf};

/// The weights that are taken where none are named: the first that are there.
pub(crate) const DEFAULTS: [&str; 2] = ["face68", "ibug68_heatmap_128"];

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: facekp predict photo.jpg holidays/ --out predictions --json -")]
pub(crate) struct Args {
    /// Pictures, folders of pictures, or patterns such as 'holidays/*.jpg'; on Unix - is a picture on stdin.
    #[arg(required_unless_present = "list", value_name = "PICTURE|DIR")]
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
    /// Write the same, a line for each picture as soon as it is done (`-`: stdout); replaces FILE unless --resume is
    /// given.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    jsonl: Option<PathBuf>,
    /// After the pictures that are given, take those that FILE names (`-`: stdin), one a line, as seen from the working
    /// folder. Blank lines and lines that begin with # are skipped (a picture #1.jpg is ./#1.jpg there); folders and
    /// patterns are not expanded.
    #[arg(long, value_name = "FILE", help_heading = "Many pictures")]
    list: Option<PathBuf>,
    /// Of all these pictures take the I-th of N parts, from 1/N to N/N, which N processes may do at the same time. The
    /// part of a picture follows from its name, by SHA-256.
    #[arg(long, value_name = "I/N", help_heading = "Many pictures")]
    shard: Option<Shard>,
    /// Continue --jsonl FILE, or begin it: pictures that have a line there are skipped, and a last line that was cut
    /// short is taken away. FILE.run says what the lines were made with; other options or weights are refused.
    #[arg(long, requires = "jsonl", conflicts_with_all = ["json", "annotations"], help_heading = "Many pictures")]
    resume: bool,
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
    if a.annotations.is_some() && inputs::pictures(&a.pictures).iter().any(|picture| inputs::is_opened(picture)) {
        return Err(Usage("--annotations: expected pictures in files, which are copied, got a pipe".into()).into());
    }
    let stdout = |file: &Option<PathBuf>| file.as_deref() == Some(Path::new("-"));
    if stdout(&a.json) && stdout(&a.jsonl) {
        return Err(Usage("--json - --jsonl -: expected one of them on stdout, got both".into()).into());
    }
    for file in a.json.iter().chain(a.jsonl.as_ref().filter(|_| !a.resume)) {
        ResultForm::JSON.may_replace(file)?;
    }
    let device = a.device.open()?;
    let weights = weights(a.weights.as_deref())?;
    let (predictor, file) = Predictor::load(&weights, &device)?;
    if let Some(dir) = &a.annotations {
        annotated::check(dir, &a.out, &predictor.task().scheme)?;
    }
    if a.heatmap && !matches!(predictor.task().codec, CodecConfig::Heatmap(_)) {
        bail!("--heatmap: expected a network with heatmaps, got {}, direct regression", file.manifest.name);
    }
    let flip = if a.no_flip { Flip::Off } else { Flip::of(&file.manifest)? };
    // a network of whole pictures may do without
    let finder = match locate(FINDER) {
        Err(_) if predictor.task().view.crop == Crop::Picture => None,
        found if a.face.is_none() => Some(Finder::load(&found?, &device)?),
        _ => None,
    };
    let reader = PhotoReader { predictor: &predictor, finder: finder.as_ref(), flip };
    let find = FindConfig { smallest: a.smallest.map(f64::from), ..FindConfig::default() };
    let (pictures, names) = chosen(a)?;
    let (lines, mut done) = match &a.jsonl {
        Some(path) if a.resume => {
            let finder = finder.as_ref().map(|_| locate(FINDER)).transpose()?;
            let settings = Settings::of(a, &weights, finder.as_deref())?;
            let (lines, done) = Lines::resume(path, &settings, predictor.task().scheme.len())?;
            (Some(lines), done)
        }
        path => (path.as_deref().map(Lines::begin).transpose()?, Done::default()),
    };
    let skipped = skipped(a, &pictures, &names, &mut done);
    let job = pipeline::Job {
        pictures: &pictures,
        names: &names,
        done: &skipped,
        wanted: Wanted { face: a.face, most: a.faces.0, find },
        extras: outputs::Extras { heatmap: a.heatmap, crop: a.crop },
    };
    let kept = (a.json.is_some() || a.annotations.is_some()).then(Vec::new);
    let mut results = Results { lines, kept, tally: done.tally };
    pipeline::run(&reader, &job, &mut |some| results.add(some))?;
    let all = results.kept.unwrap_or_default();
    if let Some(json) = &a.json {
        write_result(json, &(serde_json::to_string_pretty(&all)? + "\n"))?;
    }
    if let Some(dir) = &a.annotations {
        let form = Form::ALL.into_iter().find(|f| f.name() == a.to).context("expected a form that is listed")?;
        let about = (&predictor.task().scheme, file.manifest.name.as_str());
        // stdout may be the results'
        match annotated::write((&pictures, &all), about, form, dir)? {
            Some(written) => {
                forms::lines(&written, form, dir).iter().for_each(|line| tracing::info!("{}", line.trim()))
            }
            None => tracing::warn!("{}: not written, since there is no face", dir.display()),
        }
    }
    results.tally.verdict(a.require_face)
}

/// The pictures that the call is about, and the paths of their files less their ends. Those are numbered before the
/// pictures are divided: other processes may write into the same folder.
fn chosen(a: &Args) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let mut all = inputs::pictures(&a.pictures);
    if let Some(list) = &a.list {
        all.extend(list::read(list)?);
    }
    let (names, count) = (outputs::names(&all, &a.out), all.len());
    let is_wanted = |picture: &Path| a.shard.is_none_or(|shard| shard.has(picture));
    let (pictures, names): (Vec<_>, Vec<_>) =
        all.into_iter().zip(names).filter(|(picture, _)| is_wanted(picture)).unzip();
    if let Some(shard) = a.shard {
        tracing::info!("part {shard}: {} of {count} pictures", pictures.len());
    }
    Ok((pictures, names))
}

/// Which pictures have a line already; of the others, half-written files are removed.
fn skipped(a: &Args, pictures: &[PathBuf], names: &[PathBuf], done: &mut Done) -> Vec<bool> {
    let skipped: Vec<bool> = pictures.iter().map(|picture| done.take(picture)).collect();
    if let Some(jsonl) = a.jsonl.as_ref().filter(|_| a.resume) {
        let (count, all) = (skipped.iter().filter(|skipped| **skipped).count(), pictures.len());
        if count > 0 {
            tracing::info!("{}: {count} of {all} pictures have a line and are skipped", jsonl.display());
        }
        if done.left() > 0 {
            tracing::warn!("{}: {} lines of pictures that are not among these stay", jsonl.display(), done.left());
        }
        let wanted = names.iter().zip(&skipped).filter(|(_, skipped)| !**skipped).map(|(name, _)| name);
        outputs::forget_parts(&a.out, wanted);
    }
    skipped
}

/// Loads what a call loads that names no weights, onto the CPU, and says which network's file that is.
///
/// # Errors
/// The reason why such a call would fail.
pub(crate) fn load_defaults() -> Result<PathBuf> {
    let path = weights(None)?;
    Detector::open(&path, &Device::Cpu)?;
    Ok(path)
}

/// The weights file that a name means, or the default one.
pub(crate) fn weights(named: Option<&str>) -> Result<PathBuf> {
    match named {
        Some(name) => Ok(locate(name)?),
        None => match DEFAULTS.iter().find_map(|name| locate(name).ok()) {
            Some(file) => Ok(file),
            None => Ok(locate(DEFAULTS[0])?),
        },
    }
}
