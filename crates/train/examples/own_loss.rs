//! A loss of your own in a loop of your own, on rendered faces: `cargo run --release -p facekp-train --example
//! own_loss`. One that recipes can name is a file in `crates/train/src/loss/` (docs/adding.md).

#![allow(clippy::print_stdout)]

use candle_core::{Device, Tensor};
use candle_vision_helpers::ops::Tape;
use facekp_data::{
    Augment, Dataset, Loader, LoaderConfig, Split,
    datasets::find_first,
    synthetic::{FaceSet, write_dataset},
};
use facekp_eval::{Flip, Predictor, Summary, metrics::measure_all};
use facekp_models::{Params, Pass, Task};
use facekp_train::optim::{Optimizer, OptimizerConfig};
use std::{collections::BTreeMap, error::Error, f64::consts::LN_2, sync::Arc};

const TASK: &str = r#"
scheme = "imm58"
view = { width = 40, height = 30, grey = true, crop = { kind = "picture" }, mean = [0.5], std = [0.25] }
codec = { kind = "regression" }
model = { kind = "plain", channels = [12, 16], kernels = [5, 3], hidden = 64 }
"#;

/// The mean of `ln cosh d` over the visible points' coordinates, `(B, K, 2)` view pixels off by `d`: a parabola near 0,
/// straight far away. `weights` `(B, K)` is 0 where a point is hidden.
fn log_cosh(found: &Tensor, points: &Tensor, weights: &Tensor) -> candle_core::Result<Tensor> {
    let distance = (found - points)?.abs()?;
    // cosh d = exp(d) (1 + exp(-2 d)) / 2; this way nothing overflows
    let bend = ((distance.affine(-2.0, 0.0)?.exp()? + 1.0)?.log()? - LN_2)?;
    let weights = weights.unsqueeze(2)?.broadcast_as(distance.shape())?;
    ((distance + bend)? * &weights)?.sum_all()? / weights.sum_all()?.maximum(1.0)?
}

fn main() -> Result<(), Box<dyn Error>> {
    learn(72, 30).map(drop)
}

/// The loss of each epoch.
pub(crate) fn learn(pictures: usize, epochs: usize) -> Result<Vec<f64>, Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let folder = dir.path().join("faces");
    write_dataset(FaceSet::Imm, pictures, &folder, 1)?;
    let data: Arc<dyn Dataset> = Arc::from(find_first(&folder)?.open()?);

    let task: Task = toml::from_str(TASK)?;
    let (params, codec) = (Params::new(1, &Device::Cpu), task.codec()?);
    let network = task.build(&params)?;
    let adamw = OptimizerConfig::AdamW { beta1: 0.9, beta2: 0.999, weight_decay: 0.01 };
    let mut optimizer = Optimizer::new(&adamw, &params.trainable(), &[], &BTreeMap::new())?;
    let changed = Augment { rotation: 10.0, shift: 0.08, brightness: 0.1, ..Augment::default() };
    let config = LoaderConfig::training(task.view.clone(), 8, changed, 1);
    let config = LoaderConfig { cache_bytes: 1 << 28, ..config };
    let loader = Loader::new(Arc::clone(&data), data.split(Split::Train)?, config)?;

    let mut losses = Vec::new();
    for epoch in 0..epochs {
        let mut sum = 0.0;
        for batch in loader.epoch(epoch) {
            let batch = batch?;
            let tape = Tape::start()?;
            let output = network.forward(&batch.images, Pass::Training)?;
            let loss = log_cosh(&codec.points(&output)?, &batch.points, &batch.weights)?;
            let gradients = tape.backward(&loss)?;
            let gradients: Vec<_> = optimizer.params().map(|param| gradients.get(param).cloned()).collect();
            optimizer.step(&gradients, 2e-3)?;
            sum += f64::from(loss.to_scalar::<f32>()?);
        }
        losses.push(sum / loader.batches() as f64);
        println!("epoch {}: {:.3}", epoch + 1, losses[epoch]);
    }

    let predictor = Predictor::new(task, network, &Device::Cpu)?;
    let predictions = predictor.predict_dataset(Arc::clone(&data), &data.split(Split::Val)?, Flip::Off)?;
    println!("off by {:.1} px on average", Summary::of(&measure_all(&predictions)?, "val")?.mean_px);
    Ok(losses)
}
