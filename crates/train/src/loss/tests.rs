//! Losses: values by hand or from PyTorch, gradients by finite differences.

#![allow(clippy::unwrap_used)]

use super::{pointwise::Pointwise, *};
use candle_core::{Device, Var};
use candle_vision_helpers::{Size, grad_check, heatmap::Decode};
use facekp_models::{
    Codec,
    codec::{
        heatmap::{Config, HeatmapCodec, Target},
        regression::RegressionCodec,
    },
};

const VIEW: Size = Size::new(20, 16);

fn tensor(values: &[f32], shape: &[usize]) -> Tensor {
    Tensor::from_slice(values, shape, &Device::Cpu).unwrap()
}

fn scalar(t: &Tensor) -> f64 {
    f64::from(t.to_scalar::<f32>().unwrap())
}

fn regression() -> RegressionCodec {
    RegressionCodec::new(2, VIEW)
}

fn heatmap(target: Target) -> HeatmapCodec {
    HeatmapCodec::new(&Config { stride: 4, sigma: 0.8, target, decode: Decode::SoftArgmax }, 2, VIEW).unwrap()
}

/// Two faces of two points, one of them hidden.
fn truth() -> (Tensor, Tensor) {
    let points = tensor(&[3.0, 4.0, 15.0, 9.5, 7.0, 2.0, 11.0, 13.0], &[2, 2, 2]);
    (points, tensor(&[1.0, 1.0, 0.0, 1.0], &[2, 2]))
}

fn mean(loss: &dyn Pointwise, output: &[f32], target: &[f32]) -> f64 {
    let n = output.len();
    let [output, target, weights] = [output, target, &vec![1.0; n]].map(|values| tensor(values, &[n]));
    scalar(&pointwise::mean(loss, &output, &target, &weights).unwrap())
}

/// `F.smooth_l1_loss(out, t, beta=0.4)`, `F.l1_loss`, `F.binary_cross_entropy_with_logits`, PyTorch 2.15.
#[test]
fn values_as_pytorch() {
    let (out, t) = ([0.3, -1.2, 2.0, 0.05], [0.0, -1.0, 0.5, 0.1]);
    assert!((mean(&SmoothL1 { beta: 0.4 }, &out, &t) - 0.36640625).abs() < 1e-6);
    assert!((mean(&L1 {}, &out, &t) - 0.5125).abs() < 1e-6);
    let bce = mean(&BinaryCrossEntropy {}, &[2.0, -1.5, 0.25, -30.0], &[1.0, 0.0, 0.3, 0.5]);
    assert!((bce - 4.0198201772).abs() < 1e-5, "{bce}");
    assert!(mean(&BinaryCrossEntropy {}, &[1e4, -1e4], &[1.0, 0.0]).abs() < 1e-9);
}

/// By the papers' formulas in PyTorch, float64: Wing (10, 2) and soft Wing (2, 20, 0.5) at distances 0.5, 3 and 12.
#[test]
fn wings_as_their_papers() {
    let wing = &Wing { omega: 10.0, epsilon: 2.0 };
    let soft = &SoftWing { omega1: 2.0, omega2: 20.0, epsilon: 0.5 };
    let expected = [(0.5, 2.2314355131, 0.5), (3.0, 9.1629073187, 8.7294447324), (12.0, 19.9175946923, 34.1887582487)];
    for (distance, w, s) in expected {
        for sign in [-1.0, 1.0] {
            assert!((mean(wing, &[sign * distance], &[0.0]) - w).abs() < 1e-5);
            assert!((mean(soft, &[sign * distance], &[0.0]) - s).abs() < 1e-5);
        }
    }
}

/// Adaptive Wing by the authors' formula in PyTorch, float64, at target and output; then the weights of the map: 11
/// near a target of 0.2 or more.
#[test]
fn adaptive_wing_as_its_paper() {
    let cases = [
        (0.0, 0.1, 0.1107666077),
        (0.0, 0.9, 7.3838037457),
        (0.5, 0.5, 0.0),
        (1.0, 0.7, 3.3017456976),
        (1.0, 0.2, 8.2998128909),
    ];
    for (target, output, expected) in cases {
        let (target, output) = (tensor(&[target], &[1, 1, 1, 1]), tensor(&[output], &[1, 1, 1, 1]));
        let weight = if scalar(&target.flatten_all().unwrap().sum_all().unwrap()) >= 0.2 { 11.0 } else { 1.0 };
        let got = scalar(&pointwise::mean(&AdaptiveWing {}, &output, &target, &target.ones_like().unwrap()).unwrap());
        assert!((got - weight * expected).abs() < 1e-4, "{got} {expected}");
    }
    // one cell of 0.5 in 5x5: its 9 neighbours weigh 11, the 16 others 1; each is 0.1 off its target
    let mut cells = vec![0.0; 25];
    cells[12] = 0.5;
    let target = tensor(&cells, &[1, 1, 5, 5]);
    let output = (&target + 0.1).unwrap();
    let near_zero = 0.1107666077;
    let near_half = 14.0 * (1.0 + 0.1f64.powf(2.1 - 0.5)).ln();
    let expected = (16.0 * near_zero + 11.0 * (8.0 * near_zero + near_half)) / 25.0;
    let got = scalar(&pointwise::mean(&AdaptiveWing {}, &output, &target, &target.ones_like().unwrap()).unwrap());
    assert!((got - expected).abs() < 1e-4, "{got} {expected}");
}

#[test]
fn every_slope_is_the_slope() {
    let (points, weights) = truth();
    // away from kinks: distances are a few pixels, none near 0 or a border between two parts
    let flat = tensor(&[0.3, -0.2, 0.1, 0.37, -0.41, 0.22, 0.05, -0.13], &[2, 4]);
    let cells = |n: usize| (0..n).map(|i| (i * 37 % 23) as f32 / 9.0 - 1.2).collect::<Vec<_>>();
    let maps = |k: usize| tensor(&cells(2 * k * 20), &[2, k, 4, 5]);
    let wing = LossConfig::Wing(Wing { omega: 4.0, epsilon: 1.0 });
    let soft = LossConfig::SoftWing(SoftWing { omega1: 2.0, omega2: 6.0, epsilon: 0.5 });
    let smooth = LossConfig::SmoothL1(SmoothL1 { beta: 0.2 });
    let softmax = LossConfig::SoftmaxCrossEntropy(SoftmaxCrossEntropy { coordinate: 20.0 });
    let bce = LossConfig::BinaryCrossEntropy(BinaryCrossEntropy {});
    for (loss, codec, output) in [
        (LossConfig::Mse(Mse {}), Box::new(regression()) as Box<dyn Codec>, flat.clone()),
        (LossConfig::L1(L1 {}), Box::new(regression()), flat.clone()),
        (smooth.clone(), Box::new(regression()), flat.clone()),
        (wing.clone(), Box::new(regression()), flat.clone()),
        (soft, Box::new(regression()), flat),
        (LossConfig::Mse(Mse {}), Box::new(heatmap(Target::Gaussian)), maps(2)),
        (smooth, Box::new(heatmap(Target::Gaussian)), maps(2)),
        (LossConfig::AdaptiveWing(AdaptiveWing {}), Box::new(heatmap(Target::Gaussian)), maps(2)),
        (bce.clone(), Box::new(heatmap(Target::Sigmoid)), maps(2)),
        (bce, Box::new(heatmap(Target::Summed)), maps(1)),
        (softmax, Box::new(heatmap(Target::Softmax)), maps(2)),
        (wing, Box::new(heatmap(Target::Softmax)), maps(2)),
    ] {
        let f = |x: &[Tensor]| {
            let loss = loss.compute(&Taken {
                output: &x[0],
                points: &points,
                weights: &weights,
                codec: codec.as_ref(),
                view: VIEW,
            });
            loss.map_err(|e| candle_core::Error::Msg(e.to_string()))
        };
        let checked = grad_check::check(f, &[output], 1e-3, 3e-3);
        assert!(checked.is_ok(), "{loss:?} {:?}: {}", codec.target(), checked.unwrap_err());
    }
}

#[test]
fn hidden_points_cost_nothing_and_means_are_over_the_others() {
    let (points, weights) = truth();
    for (loss, codec) in [
        (LossConfig::Mse(Mse {}), Box::new(regression()) as Box<dyn Codec>),
        (LossConfig::Wing(Wing { omega: 4.0, epsilon: 1.0 }), Box::new(regression())),
        (LossConfig::Mse(Mse {}), Box::new(heatmap(Target::Gaussian))),
        (LossConfig::BinaryCrossEntropy(BinaryCrossEntropy {}), Box::new(heatmap(Target::Sigmoid))),
        (LossConfig::SoftmaxCrossEntropy(SoftmaxCrossEntropy { coordinate: 1.0 }), Box::new(heatmap(Target::Softmax))),
    ] {
        let shape = [&[2], &codec.output_shape()[..]].concat();
        let n = shape.iter().product::<usize>();
        let output =
            Var::from_tensor(&tensor(&(0..n).map(|i| (i % 7) as f32 / 10.0).collect::<Vec<_>>(), &shape)).unwrap();
        let compute = |points: &Tensor, weights: &Tensor| {
            loss.compute(&Taken { output: &output, points, weights, codec: codec.as_ref(), view: VIEW }).unwrap()
        };
        // the hidden point is the first of the second face: moving it changes nothing
        let mut moved: Vec<f32> = points.flatten_all().unwrap().to_vec1().unwrap();
        (moved[4], moved[5]) = (17.0, 11.0);
        let moved = tensor(&moved, &[2, 2, 2]);
        let (a, b) = (scalar(&compute(&points, &weights)), scalar(&compute(&moved, &weights)));
        assert!((a - b).abs() < 1e-6 && a > 0.0, "{loss:?} {a} {b}");
        let gradient = compute(&points, &weights).backward().unwrap().remove(&output).unwrap();
        let of_hidden = gradient.get(1).unwrap().flatten_all().unwrap().narrow(0, 0, n / 4).unwrap();
        assert_eq!(scalar(&of_hidden.abs().unwrap().sum_all().unwrap()), 0.0, "{loss:?}");
        // the mean over three points is that of each alone, averaged
        let alone = |i: usize| {
            let one: Vec<f32> = (0..4).map(|j| if i == j { 1.0 } else { 0.0 }).collect();
            scalar(&compute(&points, &tensor(&one, &[2, 2])))
        };
        let expected = (alone(0) + alone(1) + alone(3)) / 3.0;
        assert!((a - expected).abs() < 1e-5, "{loss:?} {a} {expected}");
        assert_eq!(scalar(&compute(&points, &weights.zeros_like().unwrap())), 0.0, "{loss:?}");
    }
}

/// `F.cross_entropy(x, q)` with class probabilities `q`, PyTorch 2.15, is what the softmax loss takes of each map.
#[test]
fn softmax_cross_entropy_by_hand() {
    let (points, weights) = truth();
    let codec = heatmap(Target::Softmax);
    let output = tensor(&(0..80).map(|i| ((i * 13) % 11) as f32 / 4.0).collect::<Vec<_>>(), &[2, 2, 4, 5]);
    let of = Taken { output: &output, points: &points, weights: &weights, codec: &codec, view: VIEW };
    let x: Vec<Vec<f32>> = output.reshape((4, 20)).unwrap().to_vec2().unwrap();
    let q: Vec<Vec<f32>> = codec.encode(&points).unwrap().reshape((4, 20)).unwrap().to_vec2().unwrap();
    let cross = |x: &[f32], q: &[f32]| {
        let total: f64 = x.iter().map(|&v| f64::from(v).exp()).sum();
        x.iter().zip(q).map(|(&v, &q)| f64::from(q) * (total.ln() - f64::from(v))).sum::<f64>()
    };
    let expected = [0, 1, 3].map(|i| cross(&x[i], &q[i])).iter().sum::<f64>() / 3.0;
    let loss = |coordinate| LossConfig::SoftmaxCrossEntropy(SoftmaxCrossEntropy { coordinate });
    let got = scalar(&loss(0.0).compute(&of).unwrap());
    assert!((got - expected).abs() < 1e-5, "{got} {expected}");
    // plus 20 times the mean distance of the soft-argmax in each axis, as a fraction of the view
    let read: Vec<f32> = codec.points(&output).unwrap().flatten_all().unwrap().to_vec1().unwrap();
    let true_points: Vec<f32> = points.flatten_all().unwrap().to_vec1().unwrap();
    let away = |i: usize| f64::from((read[i] - true_points[i]).abs()) / if i.is_multiple_of(2) { 20.0 } else { 16.0 };
    let fraction = [0, 1, 2, 3, 6, 7].map(away).iter().sum::<f64>() / 6.0;
    let got = scalar(&loss(20.0).compute(&of).unwrap());
    assert!((got - expected - 20.0 * fraction).abs() < 1e-4, "{got} {expected} {fraction}");
}
