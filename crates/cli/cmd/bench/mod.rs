//! `facekp bench`: five networks, timed as in `benches/torch_steps.py`, with the same JSON keys; and with `--only
//! photo` the way from a photo to points, with `--only peak` what the processor reaches at most.
//!
//! A step is: forward, mean-squared error, backward, AdamW. The figure is the median of the rounds after two warm-ups.

mod own;
mod peak;
mod photo;
mod stock;

use crate::{
    output::{ResultForm, write_result},
    shared_args::DeviceArg,
};
use anyhow::Result;
use candle_core::{Device, Tensor};
use candle_vision_helpers::ops;
use clap::{ValueEnum, builder::PossibleValuesParser};
use facekp_eval::stats::median;
use facekp_models::Task;
use facekp_train::Recipe;
use serde::Serialize;
use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Instant,
};

/// A network as `benches/torch_steps.py` has it.
struct Network {
    name: &'static str,
    /// The built-in recipe whose network it is.
    recipe: &'static str,
    /// Where it differs from the recipe's.
    changes: &'static [&'static str],
    batch: usize,
}

const NETWORKS: [Network; 5] = [
    Network { name: "nose", recipe: "nose", changes: &[], batch: 16 },
    Network { name: "face58", recipe: "face58", changes: &[], batch: 8 },
    Network {
        name: "resnet50",
        recipe: "ibug68_resnet50",
        changes: &["task.view.width=224", "task.view.height=224", "task.model.pooling=\"average\""],
        batch: 8,
    },
    Network { name: "heatmap", recipe: "ibug68_heatmap", changes: &[], batch: 4 },
    Network { name: MOBILE, recipe: "face68", changes: &["task.view.width=192", "task.view.height=192"], batch: 16 },
];

/// No counterpart of it is built from candle's stock operations.
const MOBILE: &str = "mobile";

/// What is timed beside the networks.
const PHOTO: &str = "photo";
const PEAK: &str = "peak";

impl Network {
    fn task(&self) -> Result<Task> {
        let changes: Vec<String> = self.changes.iter().map(|&c| c.to_owned()).collect();
        Ok(Recipe::load(self.recipe, &changes)?.task)
    }
}

#[derive(Serialize)]
struct Line {
    name: &'static str,
    device: String,
    batch: usize,
    #[serde(flatten)]
    step: Option<Step>,
    /// One picture.
    infer1_ms: f64,
    /// Eight pictures at once.
    infer8_ms: f64,
    /// Billions of multiplications and additions of one picture's convolutions and fully connected layers; on the CPU,
    /// for operations that count them.
    infer1_gflop: Option<f64>,
    parameters: usize,
    threads: usize,
    ops: &'static str,
    /// What factors of products might be rounded to.
    precision: String,
    /// What a training step of this project's operations rounds them to, on the CPU.
    cpu_precision: Option<String>,
}

/// A training step.
#[derive(Serialize)]
struct Step {
    forward_ms: f64,
    step_ms: f64,
    images_per_s: f64,
    /// As `infer1_gflop`, of the whole step.
    step_gflop: Option<f64>,
    /// Largest resident memory of the process up to the end of the training steps, where the system tells.
    peak_mib: Option<f64>,
}

/// A network that can be timed.
trait Subject {
    /// Training-mode forward pass, then loss, backward and optimizer; the time of the forward pass in milliseconds.
    fn step(&mut self, x: &Tensor, y: &Tensor, device: &Device) -> Result<f64>;
    /// Pictures in evaluation mode, no gradients.
    fn infer(&mut self, x: &Tensor) -> Result<Tensor>;
    fn parameters(&self) -> usize;
}

/// Operations that networks are built from.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Ops {
    /// The operations of this project.
    Own,
    /// candle's stock operations.
    Candle,
}

impl Ops {
    /// The name on the command line.
    fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Candle => "candle",
        }
    }
}

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: facekp bench --only face58 --json bench.json")]
pub(crate) struct Args {
    /// Time this network alone; or `photo`: a picture of 640×480 with one face, from its file to points; or `peak`: the
    /// multiply-adds that the processor reaches at most.
    #[arg(long, value_name = "NAME",
        value_parser = PossibleValuesParser::new(NETWORKS.iter().map(|n| n.name).chain([PHOTO, PEAK])))]
    only: Option<String>,
    /// Write the JSON lines to a file instead of stdout.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    json: Option<PathBuf>,
    /// Time inference alone, without training steps.
    #[arg(long)]
    inference: bool,
    /// Timed rounds after two warm-ups, for one picture three times as many; the median counts.
    #[arg(long, value_name = "N", default_value = "7", value_parser = parse_count)]
    rounds: NonZeroUsize,
    /// Batch size of every network [default: that of benches/torch_steps.py].
    #[arg(long, value_name = "N", value_parser = parse_count)]
    batch: Option<NonZeroUsize>,
    /// Operations to time.
    #[arg(long, default_value = "own")]
    ops: Ops,
    #[command(flatten)]
    device: DeviceArg,
}

/// More of anything takes longer than anybody waits.
const MOST: usize = 100_000;

fn parse_count(s: &str) -> Result<NonZeroUsize, String> {
    let count = s.parse().ok().filter(|count: &NonZeroUsize| count.get() <= MOST);
    count.ok_or_else(|| format!("expected a number from 1 to {MOST}, got {s:?}"))
}

pub(crate) fn run(a: &Args) -> Result<()> {
    a.json.as_deref().map_or(Ok(()), |file| ResultForm::JSON.may_replace(file))?;
    let device = a.device.open()?;
    let mut text = String::new();
    let beside = match a.only.as_deref() {
        Some(PHOTO) => {
            Some(serde_json::to_string(&photo::time(a.rounds.get(), &device, a.device.device.to_string())?)?)
        }
        Some(PEAK) => Some(serde_json::to_string(&peak::time(a.rounds.get())?)?),
        _ => None,
    };
    if let Some(line) = beside {
        return write_result(a.json.as_deref().unwrap_or(Path::new("-")), &(line + "\n"));
    }
    let asked = |n: &&Network| match a.only.as_deref() {
        Some(only) => only == n.name,
        None => matches!(a.ops, Ops::Own) || n.name != MOBILE,
    };
    for network in NETWORKS.iter().filter(asked) {
        let line = serde_json::to_string(&time(network, a, &device)?)? + "\n";
        if a.json.is_none() {
            write_result(Path::new("-"), &line)?;
        }
        text += &line;
    }
    match &a.json {
        Some(file) => write_result(file, &text),
        None => Ok(()),
    }
}

fn time(network: &Network, a: &Args, device: &Device) -> Result<Line> {
    let task = network.task()?;
    let batch = a.batch.map_or(network.batch, NonZeroUsize::get);
    let mut subject: Box<dyn Subject> = match a.ops {
        Ops::Own => Box::new(own::Net::new(&task, device)?),
        Ops::Candle => Box::new(stock::Net::new(&task, device)?),
    };
    let view = &task.view;
    let noise = |n: usize| Tensor::randn(0f32, 1.0, (n, view.channels(), view.height, view.width), device);
    let rounds = a.rounds.get();
    let step = if a.inference {
        None
    } else {
        let y = Tensor::randn(0f32, 1.0, [&[batch], task.codec()?.output_shape().as_slice()].concat(), device)?;
        Some(steps(subject.as_mut(), &noise(batch)?, &y, rounds)?)
    };
    let (infer1_ms, products) = inference(subject.as_mut(), &noise(1)?, 3 * rounds)?;
    let (infer8_ms, _) = inference(subject.as_mut(), &noise(8)?, rounds)?;
    Ok(Line {
        name: network.name,
        device: a.device.device.to_string(),
        batch,
        step,
        infer1_ms,
        infer8_ms,
        infer1_gflop: gflop(products, device),
        parameters: subject.parameters(),
        threads: candle_core::utils::get_num_threads(),
        ops: a.ops.name(),
        precision: ops::precision().to_string(),
        cpu_precision: (device.is_cpu() && matches!(a.ops, Ops::Own)).then(|| ops::precision_on_cpu().to_string()),
    })
}

/// Training steps on pictures and the outputs wanted of them.
fn steps(subject: &mut dyn Subject, x: &Tensor, y: &Tensor, rounds: usize) -> Result<Step> {
    let (device, batch) = (x.device(), x.dim(0)?);
    let (mut forward, mut step, mut products) = (Vec::new(), Vec::new(), 0);
    for _ in 0..rounds + 2 {
        device.synchronize()?;
        let start = Instant::now();
        let (forward_ms, count) = ops::count_products(|| subject.step(x, y, device));
        device.synchronize()?;
        step.push(milliseconds(start));
        forward.push(forward_ms?);
        products = count;
    }
    let step_ms = middle(&step);
    Ok(Step {
        forward_ms: middle(&forward),
        step_ms,
        images_per_s: round(batch as f64 * 1e3 / step_ms, 2),
        step_gflop: gflop(products, device),
        peak_mib: peak_mib(),
    })
}

/// Milliseconds for pictures, and the products of their layers.
fn inference(subject: &mut dyn Subject, x: &Tensor, rounds: usize) -> Result<(f64, u64)> {
    let (mut times, mut products) = (Vec::new(), 0);
    for _ in 0..rounds + 2 {
        x.device().synchronize()?;
        let start = Instant::now();
        let (y, count) = ops::count_products(|| subject.infer(x));
        drop(y?);
        x.device().synchronize()?;
        times.push(milliseconds(start));
        products = count;
    }
    Ok((middle(&times), products))
}

/// A product is a multiplication and an addition. Candle's stock operations count none, and other devices not those of
/// backward passes.
fn gflop(products: u64, device: &Device) -> Option<f64> {
    (products > 0 && device.is_cpu()).then(|| round(products as f64 * 2e-9, 4))
}

/// `VmHWM` of Linux.
fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib: f64 =
        status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(round(kib / 1024.0, 1))
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

/// The median of all but the two warm-ups, to the microsecond.
fn middle(times: &[f64]) -> f64 {
    round(median(&times[2..]).unwrap_or(f64::NAN), 3)
}

fn round(value: f64, digits: i32) -> f64 {
    let p = 10f64.powi(digits);
    (value * p).round() / p
}
