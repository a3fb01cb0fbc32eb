//! `facekp track`: faces through a video, as a line of JSON for each frame and as overlays.

mod overlays;
mod pipeline;

use crate::{
    cmd::predict::weights,
    output::{Lines, ResultForm, Usage},
    shared_args::DeviceArg,
};
use anyhow::{Result, bail};
use clap::ValueEnum;
use facekp_data::video::{Rate, Video};
use facekp_eval::{FaceTracker, FindConfig, Finder, Flip, Predictor, SmoothConfig, TrackConfig};
use facekp_models::{FINDER, locate};
use overlays::Overlays;
use std::{
    io::{BufReader, stdin},
    path::{Path, PathBuf},
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: facekp track frames/ --jsonl faces.jsonl --out drawn.y4m\n         \
    ffmpeg -i video.mp4 -f yuv4mpegpipe - | facekp track - > faces.jsonl")]
pub(crate) struct Args {
    /// A folder of frames, which are taken in the natural order of their names, a Y4M file, or - for Y4M on stdin.
    #[arg(value_name = "FRAMES|FILE.y4m|-")]
    video: PathBuf,
    /// A weights file, a run folder, or a name in weights/ or runs/ [default: face68, else ibug68_heatmap_128].
    #[arg(long, value_name = "W")]
    weights: Option<String>,
    /// Frames a second, such as 25, 29.97 or 30000/1001 [default: what a Y4M header says, else 30].
    #[arg(long, value_name = "N")]
    fps: Option<Rate>,
    /// The finder looks at every Nth frame for newcomers, and to confirm the faces that are there.
    #[arg(long, value_name = "N", default_value_t = TrackConfig::default().find_every, value_parser = at_least_one,
        help_heading = "Faces")]
    find_every: usize,
    /// A face is lost after so many frames in a row without sure points, after three to six times as many behind
    /// another.
    #[arg(long, value_name = "N", default_value_t = TrackConfig::default().patience, value_parser = at_least_one,
        help_heading = "Faces")]
    patience: usize,
    /// Side of the smallest face that has to be found, pixels [default: 4 % of the picture's shorter side].
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u32).range(4..), help_heading = "Faces")]
    smallest: Option<u32>,
    /// Average each look with the mirrored picture: steadier, and nearly twice the time.
    #[arg(long, help_heading = "Faces")]
    flip: bool,
    /// Whether points are smoothed over time (Kalman filters that measure how much points tremble).
    #[arg(long, value_enum, default_value_t = Smooth::Auto, help_heading = "Smoothing")]
    smooth: Smooth,
    /// How much the speed of a head changes within a second, face sizes a second: lower is steadier, and farther off
    /// where a head starts, stops or turns.
    #[arg(long, value_name = "A", default_value_t = SmoothConfig::default().agility, value_parser = above_zero,
        help_heading = "Smoothing")]
    agility: f64,
    /// Where the line of each frame goes (`-`: stdout).
    #[arg(long, value_name = "FILE", default_value = "-", help_heading = "Output")]
    jsonl: PathBuf,
    /// Draw points and ids into the frames: a folder for a PNG each, a .y4m file, or - for Y4M on stdout.
    #[arg(long, value_name = "DIR|FILE.y4m|-", help_heading = "Output")]
    out: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceArg,
}

/// Bytes of stdin that are read at once.
const BUFFER: usize = 1 << 18;

/// Whether points are smoothed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Smooth {
    /// By --agility.
    Auto,
    /// Points as each frame shows them.
    Off,
}

fn at_least_one(s: &str) -> Result<usize, String> {
    s.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("expected a number of frames from 1 on, got {s:?}"))
}

fn above_zero(s: &str) -> Result<f64, String> {
    let value = s.parse::<f64>().ok().filter(|v| v.is_finite() && *v > 0.0);
    value.ok_or_else(|| format!("expected a number above 0, got {s:?}"))
}

pub(crate) fn run(a: &Args) -> Result<()> {
    let stdout = Path::new("-");
    if a.jsonl == stdout && a.out.as_deref() == Some(stdout) {
        return Err(Usage("--out -: expected --jsonl FILE with it, got both on stdout".into()).into());
    }
    ResultForm::JSON.may_replace(&a.jsonl)?;
    if let Some(out) = a.out.as_deref().filter(|out| overlays::is_video(out)) {
        ResultForm::Y4M.may_replace(out)?;
        let real = |path: &Path| path.canonicalize().ok();
        if real(out).is_some_and(|out| Some(out) == real(&a.video)) {
            bail!("{}: expected another file than the video that is read", out.display());
        }
    }
    let config = TrackConfig {
        find_every: a.find_every,
        patience: a.patience,
        smooth: (a.smooth == Smooth::Auto).then_some(SmoothConfig { agility: a.agility }),
        flip: if a.flip { Flip::Averaged } else { Flip::Off },
        find: FindConfig { smallest: a.smallest.map(f64::from), ..FindConfig::default() },
    };
    let device = a.device.open()?;
    let (predictor, _) = Predictor::load(&weights(a.weights.as_deref())?, &device)?;
    let finder = Finder::load(&locate(FINDER)?, &device)?;
    let tracker = FaceTracker::new(&predictor, &finder, config)?;
    let video = match a.video == stdout {
        true => Video::read(Box::new(BufReader::with_capacity(BUFFER, stdin())), Path::new("stdin"))?,
        false => Video::open(&a.video)?,
    };
    let rate = a.fps.or(video.rate()).unwrap_or_default();
    let lines = Lines::open(&a.jsonl)?;
    let overlays = match &a.out {
        Some(out) => Some(Overlays::new(out, rate, &predictor.task().scheme)?),
        None => None,
    };
    pipeline::run(video, rate, tracker, (lines, overlays))
}
