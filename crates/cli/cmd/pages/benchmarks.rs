//! docs/benchmarks.md, from measured times.

use super::{number, table};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// Those that the times have no row of are left out.
const NETWORKS: [&str; 5] = ["nose", "face58", "resnet50", "heatmap", "mobile"];

/// Key, heading, and whether it is of one picture whatever the batch.
const SECTIONS: [(&str, &str, bool); 4] = [
    ("step_ms", "Training step, ms", false),
    ("infer1_ms", "Inference of one picture, ms", true),
    ("forward_ms", "Training-mode forward pass, ms", false),
    ("peak_mib", "Peak memory of the process, MiB", false),
];

const HEAD: [&str; 7] =
    ["network", "batch", "facekp", "PyTorch", "facekp / PyTorch", "candle's stock operations", "stock / facekp"];

/// The page of the times in a file.
pub(super) fn page(times: &Path) -> Result<String> {
    let text = fs::read_to_string(times).with_context(|| times.display().to_string())?;
    let all: Value = serde_json::from_str(&text).with_context(|| times.display().to_string())?;
    let m = &all["machine"];
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let torch = NETWORKS.iter().find_map(|n| all[*n]["pytorch"]["ops"].as_str()).unwrap_or("torch");
    let mut out = String::from(
        "# Benchmarks\n\nWritten by `cargo xtask bench` from `benches/results.json`; do not edit. One network a row, one \
         training step (forward, mean-squared error, backward, AdamW) and one picture's inference, timed by `facekp \
         bench` and `benches/torch_steps.py` in turn on an idle machine, a process each turn; the median round of the \
         median turn (candle's stock operations: one turn, fewer rounds).\n\n",
    );
    out += &format!(
        "Processor: {}, {} threads for each program. {}, candle {}, gemm {}; {torch}.\n\n",
        text(&m["processor"]),
        m["threads"],
        text(&m["rustc"]),
        text(&m["candle"]),
        text(&m["gemm"])
    );
    for (key, title, is_of_one) in SECTIONS {
        let timed = NETWORKS.iter().filter(|name| all[**name].is_object());
        let rows: Vec<_> = timed.map(|name| row(name, &all[*name], key, is_of_one)).collect();
        out += &format!("## {title}\n\n{}\n", table(&HEAD, &rows));
    }
    out += "Stock candle cannot train these networks as they are: its `max_pool2d` has a wrong gradient (timed all the \
            same) and no padding, so ResNet's stem is pooled 2×2 there.\n\nRepeat with `cargo xtask bench -- --stock` \
            (needs a Python with `torch` and `torchvision`). Single operations: `cargo bench -p \
            candle-vision-helpers`.\n";
    Ok(out)
}

fn row(name: &str, of: &Value, key: &str, is_of_one: bool) -> Vec<String> {
    let [ours, torch, stock] = ["facekp", "pytorch", "candle"].map(|who| of[who][key].as_f64());
    let digits = |v: Option<f64>| number(v, if v.is_some_and(|v| v < 10.0) { 2 } else { 1 });
    let ratio = |a: Option<f64>, b: Option<f64>| digits(a.zip(b).map(|(a, b)| a / b));
    let batch = if is_of_one { json!(1) } else { of["facekp"]["batch"].clone() };
    let bold = format!("**{}**", ratio(ours, torch));
    vec![name.to_owned(), batch.to_string(), digits(ours), digits(torch), bold, digits(stock), ratio(stock, ours)]
}
