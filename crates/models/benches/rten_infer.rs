//! One picture through networks in rten, a runtime in Rust, for `benches/compare.py`.
//!
//! `cargo bench --workspace --bench rten_infer -- FILE.onnx...` prints a JSON line a file, the median of 15 rounds
//! after two warm-ups; `RTEN_NUM_THREADS` says how many threads there are.

use rten::{Dimension, ModelOptions, Value};
use serde_json::json;
use std::{env, error::Error, io::Write, path::Path, time::Instant};

const WARM_UPS: usize = 2;
/// Odd: the median is one of them.
const ROUNDS: usize = 15;

fn main() -> Result<(), Box<dyn Error>> {
    // cargo adds `--bench`
    for file in env::args().skip(1).filter(|argument| !argument.starts_with("--")) {
        writeln!(std::io::stdout(), "{}", measured(Path::new(&file)).map_err(|e| format!("{file}: {e}"))?)?;
    }
    Ok(())
}

fn measured(file: &Path) -> Result<serde_json::Value, Box<dyn Error>> {
    let model = ModelOptions::with_all_ops().prepack_weights(true).load_file(file)?;
    let shape = model.input_shape(0).ok_or("expected a network with an input whose shape is known")?;
    let shape: Vec<usize> = shape.iter().map(|d| if let Dimension::Fixed(n) = d { *n } else { 1 }).collect();
    let picture = (0..shape.iter().product::<usize>()).map(|i| (i as f32 * 0.37).sin()).collect();
    let picture = Value::from_shape(shape.as_slice(), picture)?;
    let mut times = Vec::with_capacity(WARM_UPS + ROUNDS);
    for _ in 0..WARM_UPS + ROUNDS {
        let start = Instant::now();
        model.run_one((&picture).into(), None)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let timed = &mut times[WARM_UPS..];
    timed.sort_by(f64::total_cmp);
    let threads = env::var("RTEN_NUM_THREADS").ok().and_then(|n| n.parse::<usize>().ok());
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    Ok(json!({"name": name, "infer1_ms": (timed[ROUNDS / 2] * 1e3).round() / 1e3, "threads": threads}))
}
