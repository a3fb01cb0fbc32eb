//! `facekp bench --only peak`: what the processor's vectors reach at most, for one thread and for all.

use super::middle;
use anyhow::Result;
use candle_vision_helpers::ops;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Line {
    name: &'static str,
    /// The instruction set in use.
    vectors: String,
    peak1_gflops: f64,
    peak_gflops: f64,
    threads: usize,
}

/// Medians over `rounds` after two warm-ups, of one thread and of all.
pub(super) fn time(rounds: usize) -> Result<Line> {
    let threads = candle_core::utils::get_num_threads();
    let of = |threads| -> Result<f64> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let peaks: Vec<f64> = (0..rounds + 2).map(|_| pool.install(ops::peak_flops) / 1e9).collect();
        Ok(middle(&peaks))
    };
    Ok(Line {
        name: "peak",
        vectors: format!("{:?}", ops::level()).to_lowercase(),
        peak1_gflops: of(1)?,
        peak_gflops: of(threads)?,
        threads,
    })
}
