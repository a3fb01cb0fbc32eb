//! docs/benchmarks.md, from measured times: a table a comparison, with a column for each kind of processor.

use super::{number, table};
use anyhow::{Context, Result};
use serde_json::Value;
use std::{fs, path::Path};

const NETWORKS: [&str; 5] = ["nose", "face58", "resnet50", "heatmap", "mobile"];

/// Key, heading, and whether it is of the network's own batch.
const MEASURED: [(&str, &str, bool); 5] = [
    ("infer1_ms", "Inference of one picture, ms", false),
    ("infer8_ms", "Inference of eight pictures at once, ms", false),
    ("step_ms", "Training step, ms", true),
    ("forward_ms", "Training-mode forward pass, ms", true),
    ("peak_mib", "Peak memory of the process, MiB", true),
];

/// Who is timed beside this program: key and name.
const OTHERS: [(&str, &str); 4] =
    [("pytorch", "PyTorch"), ("onnx", "ONNX Runtime"), ("rten", "rten"), ("candle", "candle's stock operations")];

/// Heading, whose time and its key, the key of its operations, that of the limit, and whether it is of the batch.
const SHARES: [(&str, &str, &str, &str, &str, bool); 3] = [
    ("One picture, one thread", "facekp_1_thread", "infer1_ms", "infer1_gflop", "peak1_gflops", false),
    ("One picture, all threads", "facekp", "infer1_ms", "infer1_gflop", "peak_gflops", false),
    ("Training step, all threads", "facekp", "step_ms", "step_gflop", "peak_gflops", true),
];

const INTRODUCTION: &str = "# Benchmarks\n\nWritten by `cargo xtask bench` from `benches/results.json`; do not edit. \
    One network a row, one kind of processor a column. Inference, and training steps (forward, mean-squared error, \
    backward, AdamW), are timed by `facekp bench`, `benches/torch_steps.py`, `benches/onnx_infer.py` and \
    `crates/models/benches/rten_infer.rs` in turn on an idle machine, a process each turn; the median round of the \
    median turn counts (candle's stock operations: one turn, fewer rounds). A cell is facekp's figure / the other's = \
    facekp's **share** of it. What a cell lacks was not measured.\n\n";

const BF16: &str = "## Training step with bf16 products, ms\n\nfacekp: `--precision bf16`, where the convolutions that \
    train multiply bf16 factors, while sums and all that is stored stay f32. PyTorch: `torch.autocast` to bfloat16, \
    which stores maps in it, too.\n\n";

const THREADS: &str = "## One thread / all threads, ms\n\nHow many times as fast all threads are as one.\n\n";

const SHARE: &str = "## Share of the processor's peak\n\nBillions of floating-point operations a second that facekp \
    reaches in a network's convolutions and fully connected layers, over the time of the whole, and the **share** that \
    these are of the peak: multiply-adds of registers in a tight loop, with the widest vectors in use (`facekp bench \
    --only peak`). A convolution of a doubled map counts as the smaller one that it is computed by; \
    one that takes a quarter of the products (Winograd's) counts with all.\n\n";

const END: &str = "Stock candle cannot train these networks as they are: its `max_pool2d` has a wrong gradient (timed \
    all the same) and no padding, so ResNet's stem is pooled 2×2 there.\n\nRepeat with `cargo xtask bench -- --onnx \
    --rten --stock`, `-- --bf16`, and `-- --held` for AVX2 alone (needs a Python with `torch` and `torchvision`, for `--onnx` and `--rten` also \
    `onnx`, for `--onnx` also `onnxruntime`). Single operations: `cargo bench -p candle-vision-helpers`.\n";

/// The page of the times in a file.
pub(super) fn page(times: &Path) -> Result<String> {
    let text = fs::read_to_string(times).with_context(|| times.display().to_string())?;
    let all: Value = serde_json::from_str(&text).with_context(|| times.display().to_string())?;
    let columns = all.as_object().context("expected a table of processors")?;
    Ok(of(&columns.iter().map(|(name, of)| (name.as_str(), of)).collect::<Vec<_>>()))
}

/// A kind of processor with what was measured on it.
type Column<'a> = (&'a str, &'a Value);

/// What is said of a column.
type Cell = Box<dyn Fn(&Value) -> Option<String>>;

fn of(columns: &[Column]) -> String {
    let mut out = INTRODUCTION.to_owned() + &machines(columns);
    for (key, title, of_batch) in MEASURED {
        let beside = |(who, name): (&str, &str)| {
            compared(&format!("facekp / {name}"), of_batch, columns, |of, _| share(&of["facekp"][key], &of[who][key]))
        };
        out += &section(&format!("## {title}\n\n"), OTHERS.map(beside));
    }
    let in_bf16 = |(title, who): (&str, &str)| {
        compared(title, true, columns, |of, _| share(&of["facekp_bf16"]["step_ms"], &of[who]["step_ms"]))
    };
    out += &section(BF16, [("facekp / PyTorch", "pytorch_bf16"), ("facekp / facekp in f32", "facekp")].map(in_bf16));
    let threads = |(who, name, key, pictures): (&str, &str, &str, &str)| {
        let one = format!("{who}_1_thread");
        compared(&format!("{name}, {pictures}"), false, columns, |of, _| share(&of[&*one][key], &of[who][key]))
    };
    let of_pictures = |key, pictures| [("facekp", "facekp"), OTHERS[1]].map(|(who, name)| (who, name, key, pictures));
    let inference = [of_pictures("infer1_ms", "one picture"), of_pictures("infer8_ms", "eight pictures")];
    out += &section(THREADS, inference.as_flattened().iter().map(|&one| threads(one)));
    let shares = SHARES.map(|(title, who, time, operations, limit, of_batch)| {
        compared(title, of_batch, columns, |of, machine| {
            let speed = 1e3 * of["facekp"][operations].as_f64()? / of[who][time].as_f64()?;
            let part = 100.0 * speed / machine["peak"][limit].as_f64()?;
            Some(format!("{} = **{part:.0} %**", short(speed)))
        })
    });
    out + &section(SHARE, shares) + END
}

/// What the processors are, with which versions of whom, and what was noted.
fn machines(columns: &[Column]) -> String {
    let of_machine = |key: &'static str| move |all: &Value| all["machine"].get(key).map(plain);
    let of_other = |who: &'static str| {
        move |all: &Value| NETWORKS.iter().find_map(|n| all[*n][who]["ops"].as_str()).map(last_word)
    };
    let of_peak = |key: &'static str| move |all: &Value| all["machine"]["peak"][key].as_f64().map(short);
    let rows: [(&str, Cell); 11] = [
        ("measured on", Box::new(of_machine("date"))),
        ("threads of each program", Box::new(of_machine("threads"))),
        ("vectors in use", Box::new(|all| all["machine"]["peak"].get("vectors").map(plain))),
        ("peak of one thread, GFLOP/s", Box::new(of_peak("peak1_gflops"))),
        ("peak of all threads, GFLOP/s", Box::new(of_peak("peak_gflops"))),
        ("compiler", Box::new(of_machine("rustc"))),
        ("candle", Box::new(of_machine("candle"))),
        ("gemm", Box::new(of_machine("gemm"))),
        (OTHERS[0].1, Box::new(of_other(OTHERS[0].0))),
        (OTHERS[1].1, Box::new(of_other(OTHERS[1].0))),
        (OTHERS[2].1, Box::new(of_other(OTHERS[2].0))),
    ];
    let filled = |(name, cell): &(&str, Cell)| row((*name).to_owned(), columns.iter().map(|(_, all)| cell(all)));
    let mut out = format!("## Processors\n\n{}\n", tabled("", columns, rows.iter().filter_map(filled)));
    for (name, all) in columns {
        if let Some(note) = all["machine"]["note"].as_str() {
            out += &format!("{name}: {note}\n\n");
        }
    }
    out
}

/// Tables under a heading; nothing where there are none.
fn section(head: &str, tables: impl IntoIterator<Item = String>) -> String {
    let tables: String = tables.into_iter().collect();
    if tables.is_empty() { tables } else { head.to_owned() + &tables }
}

/// A table of networks, for what is measured of a network on a machine; nothing where all of its cells are empty.
fn compared(
    title: &str,
    of_batch: bool,
    columns: &[Column],
    cell: impl Fn(&Value, &Value) -> Option<String>,
) -> String {
    let rows = NETWORKS.iter().filter_map(|name| {
        let batch = columns.iter().find_map(|(_, all)| all[*name]["facekp"]["batch"].as_u64()).filter(|_| of_batch);
        let named = batch.map_or_else(|| (*name).to_owned(), |n| format!("{name}, batch {n}"));
        row(named, columns.iter().map(|(_, all)| cell(&all[*name], &all["machine"])))
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("### {title}\n\n{}\n", tabled("network", columns, rows))
}

/// A row, unless all of its cells are empty.
fn row(name: String, cells: impl Iterator<Item = Option<String>>) -> Option<Vec<String>> {
    let cells: Vec<_> = cells.collect();
    let measured = cells.iter().any(Option::is_some);
    measured.then(|| std::iter::once(name).chain(cells.into_iter().map(Option::unwrap_or_default)).collect())
}

fn tabled(corner: &str, columns: &[Column], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let head: Vec<&str> = std::iter::once(corner).chain(columns.iter().map(|(name, _)| *name)).collect();
    table(&head, &rows.into_iter().collect::<Vec<_>>())
}

fn share(ours: &Value, theirs: &Value) -> Option<String> {
    let (ours, theirs) = (ours.as_f64()?, theirs.as_f64()?);
    Some(format!("{} / {} = **{}**", short(ours), short(theirs), number(Some(ours / theirs), 2)))
}

/// Three digits or so.
fn short(value: f64) -> String {
    number(Some(value), if value < 10.0 { 2 } else { 1 })
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The version behind a name.
fn last_word(text: &str) -> String {
    text.rsplit(' ').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// One thread takes 4.4 ms, all take 2.2: 2 times. 1.1 GFLOP in 4.4 ms are 250 a second, 0.5 in 2.5 ms are 200.
    #[test]
    fn each_comparison_has_a_column_a_processor_and_empty_cells() {
        let old =
            json!({"machine": {"threads": 2}, "nose": {"facekp": {"infer1_ms": 1.25}, "pytorch": {"infer1_ms": 2.5}}});
        let new = json!({
            "machine": {"threads": 2, "date": "2026-01-02", "peak": {"peak1_gflops": 250.0, "peak_gflops": 400.0}},
            "nose": {
                "facekp": {"infer1_ms": 2.2, "infer1_gflop": 1.1, "step_ms": 2.5, "step_gflop": 0.5, "batch": 16},
                "facekp_1_thread": {"infer1_ms": 4.4},
                "facekp_bf16": {"step_ms": 2.0},
                "pytorch_bf16": {"step_ms": 4.0},
                "onnx": {"infer1_ms": 2.0, "ops": "onnxruntime 1.0"},
            },
        });
        let page = of(&[("A", &old), ("B", &new)]);
        for expected in [
            "|  | A | B |\n|---|---|---|\n| measured on |  | 2026-01-02 |\n| threads of each program | 2 | 2 |\n",
            "| ONNX Runtime |  | 1.0 |\n",
            "### facekp / PyTorch\n\n| network | A | B |\n|---|---|---|\n| nose | 1.25 / 2.50 = **0.50** |  |\n",
            "### facekp / ONNX Runtime\n\n| network | A | B |\n|---|---|---|\n| nose |  | 2.20 / 2.00 = **1.10** |\n",
            "PyTorch\n\n| network | A | B |\n|---|---|---|\n| nose, batch 16 |  | 2.00 / 4.00 = **0.50** |\n",
            "facekp in f32\n\n| network | A | B |\n|---|---|---|\n| nose, batch 16 |  | 2.00 / 2.50 = **0.80** |\n",
            "### facekp, one picture\n\n| network | A | B |\n|---|---|---|\n| nose |  | 4.40 / 2.20 = **2.00** |\n",
            "### One picture, one thread\n\n| network | A | B |\n|---|---|---|\n| nose |  | 250.0 = **100 %** |\n",
            "### Training step, all threads\n\n| network | A | B |\n|---|---|---|\n| nose, batch 16 |  | 200.0 = **50 %** |\n",
        ] {
            assert!(page.contains(expected), "{expected:?} is not in\n{page}");
        }
        assert!(!page.contains("## Peak memory") && !page.contains("face58 "), "{page}");
    }
}
