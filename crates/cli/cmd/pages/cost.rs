//! What networks cost: bytes, products, time a face; and the plot of error over time.

use super::{number, plot, subject::Subject, table};
use crate::processor::processor;
use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use candle_vision_helpers::ops::{count_products, no_grad};
use facekp_eval::{
    Summary,
    plot::{Axes, Series},
    stats::median,
};
use facekp_models::{Params, Pass};
use std::{fs, path::Path, time::Instant};

const TITLE: &str = "\n## Size and speed\n\nThe network alone, one face without its mirror image, median of 15, in \
    milliseconds with THREADS threads (PROCESSOR); products are the multiplications that are added up in one pass; \
    NME on all 689 test faces with annotated boxes, averaged with the mirrored picture where the recipe says so.\n\n";

const HEAD: [&str; 6] = ["network", "MB", "million weights", "million products", "ms", "NME full"];

const ROUNDS: usize = 15;

/// What one network costs.
pub(super) struct Cost {
    name: String,
    megabytes: f64,
    weights: f64,
    products: f64,
    ms: f64,
    nme: Option<f64>,
}

/// Measures one network, whose errors `summaries` are, and the file in which it is shipped; the machine has to be idle.
pub(super) fn of(subject: &Subject, shipped: &Path, summaries: &[Summary]) -> Result<Cost> {
    let params = Params::zeros(&Device::Cpu);
    let model = subject.file.manifest.task.build(&params)?;
    subject.file.load_into(&subject.path, &params)?;
    let model = model.for_inference()?.unwrap_or(model);
    let view = &subject.file.manifest.task.view;
    let face = Tensor::zeros((1, view.channels(), view.height, view.width), candle_core::DType::F32, &Device::Cpu)?;
    let mut times = Vec::with_capacity(ROUNDS);
    let mut products = 0;
    for round in 0..ROUNDS + 2 {
        let start = Instant::now();
        let (output, count) = count_products(|| no_grad(|| model.forward(&face, Pass::Inference)));
        output?;
        products = count;
        if round >= 2 {
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    let bytes = fs::metadata(shipped).with_context(|| shipped.display().to_string())?.len();
    Ok(Cost {
        name: subject.name.clone(),
        megabytes: bytes as f64 / 1e6,
        weights: params.count() as f64 / 1e6,
        products: products as f64 / 1e6,
        ms: median(&times).unwrap_or(f64::NAN),
        nme: summaries.iter().find(|s| s.split == "full").and_then(|s| s.nme),
    })
}

/// The table and, beside the page in `folder`, the plot.
pub(super) fn section(costs: &[Cost], folder: &Path) -> Result<String> {
    if costs.is_empty() {
        return Ok(String::new());
    }
    let row = |c: &Cost| {
        let numbers = [(c.megabytes, 1), (c.weights, 2), (c.products, 0), (c.ms, 1)];
        let mut row = vec![c.name.clone()];
        row.extend(numbers.map(|(value, digits)| number(Some(value), digits)));
        row.push(number(c.nme, 4));
        row
    };
    let threads = candle_core::utils::get_num_threads().to_string();
    let mut text = TITLE.replace("THREADS", &threads).replace("PROCESSOR", &processor());
    text += &table(&HEAD, &costs.iter().map(row).collect::<Vec<_>>());
    let point = |c: &Cost| Some(Series { name: c.name.clone(), points: vec![(c.ms, c.nme?)] });
    let series: Vec<Series> = costs.iter().filter_map(point).collect();
    if !series.is_empty() {
        let title = "Error over time: lower left is better".to_owned();
        let (x, y) = ("milliseconds a face".to_owned(), "NME, 300-W full".to_owned());
        text += &plot(folder, "speed", &Axes { title, x, y, log_y: false }, &series)?;
    }
    Ok(text)
}
