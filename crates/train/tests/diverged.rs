//! A network with weights that are no numbers ends its run, whichever weights they are.

use candle_core::{DType, Device, Tensor};
use facekp_models::{Params, weights::write_tensors};
use facekp_train::{Begin, Data, Error, Mode, Recipe, fit};
use std::collections::HashMap;

const RECIPE: &str = r#"
name = "broken"
[data]
train = [{ path = "imm_face_db", split = "train" }]
val = { path = "imm_face_db", split = "val" }
[task]
scheme = "nose1"
view = { width = 32, height = 24, grey = true, crop = { kind = "picture" }, mean = [0.3], std = [0.3] }
codec = { kind = "regression" }
model = { kind = "plain", channels = [4, 4], kernels = [3, 3], hidden = 8 }
[train]
epochs = 1
batch = 4
seed = 5
[train.loss]
kind = "smooth_l1"
beta = 0.05
[train.optimizer]
kind = "adamw"
weight_decay = 0.01
[train.schedule]
kind = "constant"
lr = 1e-3
"#;

#[test]
fn weights_of_nan_end_the_run() {
    let dir = tempfile::tempdir().unwrap();
    facekp_data::synthetic::write_dataset(facekp_data::synthetic::FaceSet::Imm, 24, &dir.path().join("imm_face_db"), 1)
        .unwrap();
    let data = Data::open(&Recipe::parse("broken.toml", RECIPE, &[]).unwrap(), dir.path()).unwrap();
    let params = Params::new(5, &Device::Cpu);
    Recipe::parse("broken.toml", RECIPE, &[]).unwrap().task.build(&params).unwrap();
    let names: Vec<String> = params.trainable().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 8, "{names:?}");
    for broken in names {
        let weights = dir.path().join("weights.safetensors");
        let value = |(name, var): (String, candle_core::Var)| {
            let t = var.as_detached_tensor();
            let t = if name == broken { Tensor::full(f32::NAN, t.shape(), &Device::Cpu).unwrap() } else { t };
            (name, t)
        };
        let tensors: Vec<_> = params.all().into_iter().map(value).collect();
        write_tensors(&weights, &tensors, HashMap::new(), DType::F32).unwrap();
        let from = format!("train.init_from={:?}", weights.display().to_string());
        let recipe = Recipe::parse("broken.toml", RECIPE, &[from]).unwrap();
        let run = dir.path().join("run");
        match fit(&recipe, &data, &Device::Cpu, &Begin::new(&run, Mode::New), &mut []) {
            Err(Error::Diverged { epoch: 1, step: Some(1), loss, .. }) => assert!(loss.is_nan()),
            other => panic!("{broken} of NaN: {other:?}"),
        }
    }
}
