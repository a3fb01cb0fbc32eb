//! MobileNetV2: names and shapes as torchvision's, the folded copy, gradients.

use crate::common::{task, view};
use candle_core::{Device, Tensor};
use facekp_models::{
    CodecConfig, ModelConfig, Params, Pass, Task,
    networks::mobilenet,
};

fn small() -> Task {
    let model = ModelConfig::MobilenetV2(mobilenet::Config::default());
    task("nose1", view(64, 64, false), CodecConfig::Regression, model)
}

fn pictures() -> Tensor {
    Tensor::randn(0f32, 1.0, (2, 3, 64, 64), &Device::Cpu).unwrap()
}

#[test]
fn names_and_shapes_of_a_mobilenet_v2_are_torchvisions() {
    let params = Params::new(7, &Device::Cpu);
    small().build(&params).unwrap();
    let mut got: Vec<String> = params.all().iter().map(|(n, v)| format!("{n} {:?}", v.dims())).collect();
    got.retain(|n| n.starts_with("features."));
    got.sort();
    let mut want: Vec<_> = include_str!("mobilenet_v2_names.txt").lines().collect();
    want.sort_unstable();
    assert_eq!(got, want);
}

#[test]
fn a_folded_mobilenet_v2_answers_as_the_whole_and_every_weight_has_a_gradient() {
    let params = Params::new(7, &Device::Cpu);
    let net = small().build(&params).unwrap();
    let x = pictures();
    // A training pass moves the running statistics away from their start, so that folding has something to do.
    let loss = net.forward(&x, Pass::Training).unwrap().sqr().unwrap().sum_all().unwrap();
    let grads = loss.backward().unwrap();
    for (name, var) in params.all().iter().filter(|(n, _)| !n.contains("running_")) {
        assert!(grads.get(var).is_some(), "{name}");
    }
    let folded = net.for_inference().unwrap().unwrap();
    let (a, b) = (net.forward(&x, Pass::Inference).unwrap(), folded.forward(&x, Pass::Inference).unwrap());
    let off = (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
    assert!(off < 1e-4, "{off}");
}
