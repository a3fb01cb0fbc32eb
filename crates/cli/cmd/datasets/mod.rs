//! `facekp datasets`: find, check, preview, convert, pack, render and fetch.

pub(crate) mod forms;
pub(crate) mod missing;
mod split;
mod synth;

use crate::{
    output::{ResultForm, say, write_file},
    terminal,
};
use anyhow::{Context, Result, bail};
use candle_vision_helpers::{Point, Rect, draw};
use clap::{Subcommand, builder::PossibleValuesParser};
use facekp_data::{
    Dataset, Error, Split, check,
    datasets::{convert::Form, fetch, find, find_first, pack},
};
use facekp_eval::{stats::spread, visualize};
use image::RgbImage;
use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: facekp datasets check datasets/imm_face_db")]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

/// What can be done with datasets.
#[derive(Debug, Subcommand)]
enum Command {
    /// Say which datasets a folder holds, itself or in its sub-folders.
    #[command(after_help = "Example: facekp datasets find datasets --json")]
    Find {
        /// The folder, or a pack.
        dir: PathBuf,
        /// As a JSON list on stdout.
        #[arg(long)]
        json: bool,
    },
    /// Render faces with exact keypoints as files of a real format, or insect wings with any number of keypoints.
    #[command(
        after_help = "Example: facekp datasets synth --scheme imm58 --count 240 --out datasets/imm_face_db\n         \
                            facekp datasets synth --scheme wing --points 24 --count 200 --out wings"
    )]
    Synth(synth::Args),
    /// Read everything in a folder, report what is there, list every broken file.
    #[command(after_help = "Example: facekp datasets check datasets/imm_face_db")]
    Check {
        /// The folder.
        dir: PathBuf,
    },
    /// Download a dataset from its official page (research use; read the licence there).
    #[command(after_help = "Example: facekp datasets fetch imm --out datasets")]
    Fetch {
        /// The dataset's name.
        #[arg(value_parser = PossibleValuesParser::new(fetch::names()))]
        dataset: String,
        /// Another address of the same archive.
        #[arg(long)]
        url: Option<String>,
        /// The folder that will hold the dataset's folder.
        #[arg(long, default_value = "datasets", value_name = "DIR")]
        out: PathBuf,
    },
    /// Draw a grid of pictures with points and boxes.
    #[command(after_help = "Example: facekp datasets preview datasets/imm_face_db --out preview.png")]
    Preview {
        /// The folder.
        dir: PathBuf,
        /// A PNG file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// How many pictures.
        #[arg(long, default_value = "24")]
        count: NonZeroUsize,
    },
    /// Propose a scheme for a dataset's points, as TOML with what speaks for it.
    #[command(after_help = "Example: facekp datasets scheme wings --out wings/scheme.toml")]
    Scheme {
        /// The folder.
        dir: PathBuf,
        /// The scheme's name [default: the folder's].
        #[arg(long)]
        name: Option<String>,
        /// A file instead of stdout.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Write a dataset's annotations in another form, with copies of its pictures; what that form cannot hold is said.
    #[command(after_help = "Example: facekp datasets convert datasets/ibug_300W own --to coco")]
    Convert {
        /// The folder.
        dir: PathBuf,
        /// A folder that does not exist yet or is empty.
        out: PathBuf,
        /// The form: .pts beside the pictures, imglab's XML, COCO's JSON, or a table.
        #[arg(long, value_name = "FORM", value_parser = PossibleValuesParser::new(Form::ALL.map(Form::name)))]
        to: String,
    },
    /// Choose at random which faces validate and test: lists beside the data, val.txt and test.txt, that every later
    /// command follows. What belongs together stays on one side.
    #[command(after_help = "Example: facekp datasets split wings --val 0.15 --by subject --seed 1")]
    Split(split::Args),
    /// Pack a dataset's faces, cropped and shrunk, into one file that loads fast.
    #[command(after_help = "Example: facekp datasets pack datasets/ibug_300W --out datasets/ibug68.fkpack --side 256")]
    Pack {
        /// The folder.
        dir: PathBuf,
        /// The pack file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Pixels along each cut picture's side.
        #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(8..))]
        side: u32,
        /// The cut square's side in face boxes: leaves room for augmentation.
        #[arg(long, default_value_t = 2.0, value_parser = parse_margin)]
        margin: f64,
        /// Keep whole pictures, for networks that look at the picture instead of the face box.
        #[arg(long, conflicts_with = "margin")]
        whole: bool,
        /// Store without loss (larger).
        #[arg(long)]
        png: bool,
    },
}

fn parse_margin(s: &str) -> Result<f64, String> {
    let margin = s.parse::<f64>().ok().filter(|margin| (1.0..=16.0).contains(margin));
    margin.ok_or_else(|| format!("expected 1 to 16 face boxes, got {s:?}"))
}

pub(crate) fn run(a: &Args) -> Result<()> {
    match &a.command {
        Command::Find { dir, json } => find_in(dir, *json),
        Command::Synth(args) => synth::run(args),
        Command::Check { dir } => check_dir(dir),
        Command::Fetch { dataset, url, out } => fetch_archive(dataset, url.as_deref(), out),
        Command::Scheme { dir, name, out } => forms::scheme(dir, name.as_deref(), out.as_deref()),
        Command::Convert { dir, out, to } => forms::converted(dir, out, to),
        Command::Split(args) => split::run(args),
        Command::Preview { dir, out, count } => preview(dir, out, *count),
        Command::Pack { dir, out, side, margin, whole, png } => {
            let area = if *whole { pack::Area::Picture } else { pack::Area::Face(*margin) };
            let encoding = if *png { pack::Encoding::Png } else { pack::Options::default().encoding };
            pack_dir(dir, out, pack::Options { area, side: *side, encoding })
        }
    }
}

/// A dataset as `facekp datasets find --json` prints it.
#[derive(serde::Serialize)]
struct Entry {
    kind: &'static str,
    path: String,
    scheme: String,
    points: usize,
    faces: usize,
    splits: Vec<&'static str>,
    synthetic: bool,
    describe: String,
}

fn find_in(dir: &Path, json: bool) -> Result<()> {
    let mut entries = Vec::new();
    let found = match find(dir) {
        // for a program, nothing is an answer
        Err(Error::Empty { .. }) if json => Vec::new(),
        found => found?,
    };
    for found in found {
        let set = found.open()?;
        let splits = Split::ALL.into_iter().filter(|&s| set.split(s).is_ok()).map(Split::name).collect();
        entries.push(Entry {
            kind: found.kind.name(),
            scheme: set.scheme().name().to_owned(),
            points: set.scheme().len(),
            faces: set.len(),
            splits,
            synthetic: set.is_synthetic(),
            describe: set.describe(),
            path: found.path.to_string_lossy().into_owned(),
        });
    }
    if json {
        return say(&serde_json::to_string_pretty(&entries)?);
    }
    let line = |e: &Entry| format!("{}: {}, {}; {}", e.path, e.kind, e.describe, e.splits.join(" "));
    entries.iter().try_for_each(|e| say(&line(e)))
}

/// How many warnings are listed; more are counted.
const WARNINGS: usize = 10;

fn check_dir(dir: &Path) -> Result<()> {
    let report = check(dir)?;
    say(&format!("{}: {}", dir.display(), report.format))?;
    for (name, value) in &report.facts {
        say(&format!("  {name:<12} {value}"))?;
    }
    for problem in &report.problems {
        say(&format!("  broken: {problem}"))?;
    }
    for warning in report.warnings.iter().take(WARNINGS) {
        say(&format!("  warning: {warning}"))?;
    }
    if let more @ 1.. = report.warnings.len().saturating_sub(WARNINGS) {
        say(&format!("  warning: {more} more of these"))?;
    }
    match report.problems.len() {
        0 => say("  broken: none"),
        n => bail!("{}: {n} broken file{}", dir.display(), if n == 1 { "" } else { "s" }),
    }
}

fn fetch_archive(dataset: &str, url: Option<&str>, out: &Path) -> Result<()> {
    let bar = terminal::download_bar();
    let folder = fetch::fetch(&fetch::source(dataset)?, out, url, &mut |done, total| {
        bar.set_length(total.unwrap_or(0));
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    say(&format!("{}: fetched; `facekp datasets check` it", folder.display()))
}

/// The side of a tile, pixels.
const TILE: usize = 240;

fn preview(dir: &Path, out: &Path, count: NonZeroUsize) -> Result<()> {
    ResultForm::DRAWING.may_replace(out)?;
    let set = find_first(dir)?.open_plain()?;
    // Spread over the whole set, so that every person or subset has its chance.
    let chosen = spread(&(0..set.len()).collect::<Vec<_>>(), count.get());
    let tiles = chosen.iter().map(|&i| tile(set.as_ref(), i)).collect::<Result<Vec<_>>>()?;
    write_file(out, &visualize::png(&draw::grid(&tiles, tiles.len().min(6), 4))?)?;
    say(&out.display().to_string())
}

/// A face with its box, points and name.
fn tile(set: &dyn Dataset, i: usize) -> Result<RgbImage> {
    let mut sample = set.get(i)?;
    let mut boxed = (*sample.image).clone();
    let corner = |x: f64, y: f64| sample.to_image.apply(Point::new(x, y));
    let (a, f) = (corner(sample.face.x, sample.face.y), sample.face);
    let b = corner(f.x + f.width, f.y + f.height);
    let thickness = (f.width * sample.to_image.scale() / 100.0).max(1.0);
    draw::rect(&mut boxed, Rect::new(a.x, a.y, b.x - a.x, b.y - a.y), thickness, draw::GREEN);
    sample.image = Arc::new(boxed);
    let mut tile = visualize::face_picture(&sample, None, Some(&sample.points), TILE)?;
    draw::text(&mut tile, (4, 4), 1, draw::GREEN, &sample.id);
    Ok(tile)
}

fn pack_dir(dir: &Path, out: &Path, options: pack::Options) -> Result<()> {
    ResultForm::PACK.may_replace(out)?;
    let found = find_first(dir)?;
    let set = found.open()?;
    let bar = terminal::bar(set.len() as u64, "{bar:30} {pos}/{len} faces, {eta} left");
    pack::write(set.as_ref(), found.kind, out, options, &mut |done, _| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    let bytes = std::fs::metadata(out).with_context(|| out.display().to_string())?.len();
    say(&format!("{}: {} faces, {:.1} MiB", out.display(), set.len(), bytes as f64 / 1048576.0))
}
