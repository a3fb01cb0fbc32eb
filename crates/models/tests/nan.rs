//! A network any of whose weights is no number gives no number: it must not look healthy.

use crate::common::{face58, fill, flat, maps, nose, pictures, resnet};
use candle_core::{Device, Tensor, Var};
use facekp_models::{Params, Pass, Task};

fn filled(var: &Var, value: f32) -> Tensor {
    Tensor::full(value, var.shape(), &Device::Cpu).unwrap()
}

/// One of every so many weights, in the order of their names.
fn is_seen_in_the_output(what: &str, task: &Task, every: usize) {
    let params = Params::zeros(&Device::Cpu);
    let model = task.build(&params).unwrap();
    fill(&params);
    let channels = if task.view.grey { 1 } else { 3 };
    let images = pictures((2, channels, task.view.height, task.view.width));
    for (pass, vars) in [(Pass::Training, params.trainable()), (Pass::Inference, params.all())] {
        for (name, var) in vars.into_iter().step_by(every) {
            let before = var.as_detached_tensor().copy().unwrap();
            // what a step in training does to the running statistics must not reach the next weight
            let buffers: Vec<_> = params.all().into_iter().filter(|(n, _)| n.contains("running")).collect();
            let kept: Vec<Tensor> = buffers.iter().map(|(_, v)| v.as_detached_tensor().copy().unwrap()).collect();
            params.set(&name, &filled(&var, f32::NAN)).unwrap();
            let output = flat(&model.forward(&images, pass).unwrap());
            assert!(output.iter().any(|y| y.is_nan()), "{what}: {name} in {pass:?} is swallowed");
            for ((name, _), value) in buffers.iter().zip(&kept) {
                params.set(name, value).unwrap();
            }
            params.set(&name, &before).unwrap();
        }
    }
}

#[test]
fn nan_in_a_weight_is_seen_in_the_output() {
    is_seen_in_the_output("nose", &nose(), 1);
    is_seen_in_the_output("face58", &face58(), 5);
    is_seen_in_the_output("resnet", &resnet(18, "ibug68", 64), 7);
    is_seen_in_the_output("heatmaps", &maps(18, "ibug68", (64, 64), &[16, 16, 16], true), 11);
}
