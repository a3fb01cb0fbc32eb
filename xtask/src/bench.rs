//! `cargo xtask bench`: this project beside PyTorch and candle's stock operations, the programs in turn; medians,
//! ratios.

use crate::run;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::{
    fmt::Write,
    path::{Path, PathBuf},
    process::Command,
};

const NETWORKS: [&str; 4] = ["nose", "face58", "resnet50", "heatmap"];
const KEYS: [&str; 4] = ["step_ms", "forward_ms", "infer1_ms", "peak_mib"];

/// `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Turns of each program, one process each; the median turn counts.
    #[arg(long, default_value_t = 5)]
    turns: usize,
    /// Threads of each program.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// A Python with torch and torchvision.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// Only these networks (the others keep their figures in the results file).
    #[arg(long, value_delimiter = ',', value_parser = clap::builder::PossibleValuesParser::new(NETWORKS))]
    only: Vec<String>,
    /// Also candle's stock operations, in one turn.
    #[arg(long)]
    stock: bool,
    /// Write the page from the results file, measure nothing.
    #[arg(long)]
    write_only: bool,
}

pub fn run(a: &Args) -> Result<()> {
    let results = run::root().join("benches/results.json");
    if !a.write_only {
        let text = serde_json::to_string_pretty(&measure(a, &results)?)?;
        std::fs::write(&results, text + "\n").with_context(|| results.display().to_string())?;
    }
    let text = std::fs::read_to_string(&results).with_context(|| results.display().to_string())?;
    let page = run::root().join("docs/benchmarks.md");
    let all: Value = serde_json::from_str(&text).with_context(|| results.display().to_string())?;
    std::fs::write(&page, render(&all)?).with_context(|| page.display().to_string())?;
    run::say(&page.display().to_string());
    Ok(())
}

fn measure(a: &Args, results: &Path) -> Result<Value> {
    if a.turns == 0 || a.threads == 0 {
        bail!("--turns and --threads: expected at least 1, got 0");
    }
    let program = run::build(&[])?;
    let mut all: Value =
        std::fs::read_to_string(results).ok().and_then(|t| serde_json::from_str(&t).ok()).unwrap_or_else(|| json!({}));
    for name in NETWORKS.iter().filter(|n| a.only.is_empty() || a.only.iter().any(|o| o == *n)) {
        let (mut ours, mut torch) = (Vec::new(), Vec::new());
        for turn in 1..=a.turns {
            run::log(&format!("{name}: turn {turn} of {}", a.turns));
            ours.push(line(a, Command::new(&program).args(["bench", "--device", "cpu", "--only", name]))?);
            let script = run::root().join("benches/torch_steps.py");
            torch.push(line(a, Command::new(&a.python).arg(script).args(["--only", name]))?);
        }
        all[*name]["facekp"] = middle(&ours);
        all[*name]["pytorch"] = middle(&torch);
        if a.stock {
            let mut c = Command::new(&program);
            c.args(["bench", "--device", "cpu", "--ops", "candle", "--rounds", "3", "--only", name]);
            all[*name]["candle"] = line(a, &mut c)?;
        }
        all[*name]["turns"] = json!(a.turns);
    }
    all["machine"] = json!({
        "processor": processor(),
        "threads": a.threads,
        "rustc": run::output("rustc", Command::new("rustc").arg("--version"))?.trim(),
        "candle": locked("candle-core"),
        "gemm": locked("gemm"),
    });
    Ok(all)
}

fn line(a: &Args, command: &mut Command) -> Result<Value> {
    let threads = a.threads.to_string();
    for key in ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"] {
        command.env(key, &threads);
    }
    let text = run::output("bench", command)?;
    let last = text.lines().last().context("bench printed nothing")?;
    serde_json::from_str(last).with_context(|| format!("bench printed {last:?}"))
}

/// The lines' medians, key by key.
fn middle(lines: &[Value]) -> Value {
    let mut out = lines.first().cloned().unwrap_or_default();
    for key in KEYS {
        let mut v: Vec<f64> = lines.iter().filter_map(|l| l[key].as_f64()).collect();
        v.sort_by(f64::total_cmp);
        if let Some(&m) = v.get(v.len() / 2) {
            out[key] = json!(m);
        }
    }
    if let (Some(batch), Some(step)) = (out["batch"].as_f64(), out["step_ms"].as_f64()) {
        out["images_per_s"] = json!((batch * 1e5 / step).round() / 100.0);
    }
    out
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field =
        |name: &str| text.lines().find(|l| l.starts_with(name)).and_then(|l| l.split(": ").nth(1)).unwrap_or("?");
    let flags = field("flags");
    let simd = ["avx512f", "avx2", "sse2"].into_iter().find(|f| flags.split(' ').any(|x| x == *f)).unwrap_or("other");
    format!("{} ({simd})", field("model name"))
}

fn locked(package: &str) -> String {
    let lock = std::fs::read_to_string(run::root().join("Cargo.lock")).unwrap_or_default();
    let entry = format!("name = \"{package}\"\nversion = \"");
    lock.split(&entry).nth(1).and_then(|t| t.split('"').next()).unwrap_or("?").to_owned()
}

fn render(all: &Value) -> Result<String> {
    let m = &all["machine"];
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let torch = NETWORKS.iter().find_map(|n| all[*n]["pytorch"]["ops"].as_str()).unwrap_or("torch");
    let mut out = String::from("# Benchmarks\n\n");
    writeln!(
        out,
        "Written by `cargo xtask bench` from `benches/results.json`; do not edit. Four networks, one training step (forward, \
         mean-squared error, backward, AdamW) and one picture's inference, timed by `facekp bench` and `benches/torch_steps.py` in \
         turn on an idle machine, a process each turn; the median round of the median turn (candle's stock operations: one turn, fewer \
         rounds).\n"
    )?;
    writeln!(
        out,
        "Processor: {}, {} threads for each program. {}, candle {}, gemm {}; {torch}.\n",
        text(&m["processor"]),
        m["threads"],
        text(&m["rustc"]),
        text(&m["candle"]),
        text(&m["gemm"])
    )?;
    for (key, title) in [
        ("step_ms", "Training step, ms"),
        ("infer1_ms", "Inference of one picture, ms"),
        ("forward_ms", "Training-mode forward pass, ms"),
        ("peak_mib", "Peak memory of the process, MiB"),
    ] {
        writeln!(out, "## {title}\n")?;
        writeln!(
            out,
            "| network | batch | facekp | PyTorch | facekp / PyTorch | candle's stock operations | stock / facekp |"
        )?;
        writeln!(out, "|---|---|---|---|---|---|---|")?;
        for name in NETWORKS {
            let get = |who: &str| all[name][who][key].as_f64();
            let number =
                |v: Option<f64>| v.map_or("–".into(), |v| if v < 10.0 { format!("{v:.2}") } else { format!("{v:.1}") });
            let ratio = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a / b);
            let (ours, torch, stock) = (get("facekp"), get("pytorch"), get("candle"));
            let batch = if key == "infer1_ms" { json!(1) } else { all[name]["facekp"]["batch"].clone() };
            writeln!(
                out,
                "| {name} | {batch} | {} | {} | **{}** | {} | {} |",
                number(ours),
                number(torch),
                number(ratio(ours, torch)),
                number(stock),
                number(ratio(stock, ours))
            )?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "Stock candle cannot train these networks as they are: its `max_pool2d` has a wrong gradient (timed all the same) and no padding, \
         so ResNet's stem is pooled 2×2 there.\n\n\
         Repeat with `cargo xtask bench --stock` (needs a Python with `torch` and `torchvision`). Single operations: \
         `cargo bench -p candle-vision-helpers`."
    )?;
    Ok(run::wrapped(&out))
}
