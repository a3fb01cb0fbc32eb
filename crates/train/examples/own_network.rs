//! A small network, described by a recipe of its own, learns the tip of the nose on rendered faces:
//! `cargo run --release -p facekp-train --example own_network`.

#![allow(clippy::print_stdout)]

use candle_core::Device;
use facekp_data::synthetic::{FaceSet, write_dataset};
use facekp_eval::{MeanShape, Summary, metrics::measure_all, run_files::EpochRecord};
use facekp_train::{Begin, Data, Mode, Observer, Recipe, fit};
use std::error::Error;

const RECIPE: &str = r#"
name = "small_nose"
[data]
train = [{ path = "faces", split = "train" }]
val = { path = "faces", split = "val" }
[task]
scheme = "nose1"
view = { width = 40, height = 30, grey = true, crop = { kind = "picture" }, mean = [0.5], std = [0.25] }
codec = { kind = "regression" }
model = { kind = "plain", channels = [12, 16], kernels = [5, 3], hidden = 64 }
[train]
epochs = 30
batch = 8
seed = 1
loss = { kind = "smooth_l1", beta = 0.005 }
optimizer = { kind = "adamw", weight_decay = 0.01 }
schedule = { kind = "one_cycle", lr = 2e-3, rise = 0.1 }
augment = { rotation = 10.0, shift = 0.08, brightness = 0.1 }
"#;

struct Printed;

impl Observer for Printed {
    fn epoch(&mut self, record: &EpochRecord) {
        println!("epoch {}: {record}", record.epoch);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    learn(72, &[])
}

/// Learns from so many rendered pictures, by the recipe with changes such as `train.epochs=1`.
pub(crate) fn learn(pictures: usize, changes: &[String]) -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    write_dataset(FaceSet::Imm, pictures, &dir.path().join("faces"), 1)?;
    let recipe = Recipe::parse("small_nose.toml", RECIPE, changes)?;
    let data = Data::open(&recipe, dir.path())?;
    let begin = Begin::new(dir.path().join("run"), Mode::New);
    let outcome = fit(&recipe, &data, &Device::Cpu, &begin, &mut [&mut Printed])?;
    let error = outcome.validation.ok_or("expected points to measure, got none")?.mean_px;

    // the mean shape looks at nothing: a network that is no better has learned nothing
    let faces = &*data.val.dataset;
    let mean = MeanShape::fit(faces, &data.train[0].indices, faces.frame())?;
    let baseline = Summary::of(&measure_all(&mean.predict(faces, &data.val.indices)?)?, "val")?;
    println!("off by {error:.1} px on average, the mean shape by {:.1} px", baseline.mean_px);
    Ok(())
}
