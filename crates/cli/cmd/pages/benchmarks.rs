//! docs/benchmarks.md, from measured times.

use super::{number, table};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// Those that the times have no row of are left out.
const NETWORKS: [&str; 5] = ["nose", "face58", "resnet50", "heatmap", "mobile"];

/// Key, heading, and whether it is of one picture whatever the batch.
const SECTIONS: [(&str, &str, bool); 4] = [
    ("infer1_ms", "Inference of one picture, ms", true),
    ("step_ms", "Training step, ms", false),
    ("forward_ms", "Training-mode forward pass, ms", false),
    ("peak_mib", "Peak memory of the process, MiB", false),
];

/// Who is timed beside this program: key and name.
const OTHERS: [(&str, &str); 3] =
    [("pytorch", "PyTorch"), ("onnx", "ONNX Runtime"), ("candle", "candle's stock operations")];

/// The page of the times in a file.
pub(super) fn page(times: &Path) -> Result<String> {
    let text = fs::read_to_string(times).with_context(|| times.display().to_string())?;
    let all: Value = serde_json::from_str(&text).with_context(|| times.display().to_string())?;
    let mut out = String::from(
        "# Benchmarks\n\nWritten by `cargo xtask bench` from `benches/results.json`; do not edit. One network a row, \
         one training step (forward, mean-squared error, backward, AdamW) and one picture's inference, timed by \
         `facekp bench`, `benches/torch_steps.py` and `benches/onnx_infer.py` in turn on an idle machine, a process \
         each turn; the median round of the median turn (candle's stock operations: one turn, fewer rounds). Behind \
         each other program's figure stands facekp's share of it.\n\n",
    );
    for (processor, times) in all.as_object().context("expected a table of processors")? {
        out += &machine(processor, times);
    }
    out += "Stock candle cannot train these networks as they are: its `max_pool2d` has a wrong gradient (timed all the \
            same) and no padding, so ResNet's stem is pooled 2×2 there.\n\nRepeat with `cargo xtask bench -- --stock \
            --onnx` (needs a Python with `torch` and `torchvision`; `--onnx` also `onnx` and `onnxruntime`). Single \
            operations: `cargo bench -p candle-vision-helpers`.\n";
    Ok(out)
}

/// What was measured on one kind of processor.
fn machine(processor: &str, all: &Value) -> String {
    let m = &all["machine"];
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let versions =
        OTHERS[..2].iter().filter_map(|(who, _)| NETWORKS.iter().find_map(|n| all[*n][*who]["ops"].as_str()));
    let mut out = format!(
        "## {processor}\n\n{} threads for each program. {}, candle {}, gemm {}; {}.\n\n",
        m["threads"],
        text(&m["rustc"]),
        text(&m["candle"]),
        text(&m["gemm"]),
        versions.collect::<Vec<_>>().join(", ")
    );
    if let Some(note) = m["note"].as_str() {
        out += &format!("{note}\n\n");
    }
    let timed: Vec<_> = NETWORKS.iter().filter(|name| all[**name].is_object()).collect();
    for (key, title, is_of_one) in SECTIONS {
        let beside: Vec<_> =
            OTHERS.iter().filter(|(who, _)| timed.iter().any(|n| all[**n][*who][key].is_f64())).collect();
        let mut head = vec!["network", "batch", "facekp"];
        head.extend(beside.iter().flat_map(|(_, name)| [*name, "share"]));
        let row = |name: &&&str| {
            let of = &all[**name];
            let ours = of["facekp"][key].as_f64();
            let batch = if is_of_one { json!(1) } else { of["facekp"]["batch"].clone() };
            let mut row = vec![(**name).to_string(), batch.to_string(), short(ours)];
            for (who, _) in &beside {
                let theirs = of[*who][key].as_f64();
                row.extend([short(theirs), format!("**{}**", number(ours.zip(theirs).map(|(a, b)| a / b), 2))]);
            }
            row
        };
        out += &format!("### {title}\n\n{}\n", table(&head, &timed.iter().map(row).collect::<Vec<_>>()));
    }
    out
}

/// Three digits or so.
fn short(value: Option<f64>) -> String {
    number(value, if value.is_some_and(|v| v < 10.0) { 2 } else { 1 })
}
