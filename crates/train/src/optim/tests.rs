//! Optimizers beside PyTorch, averages and gradients.

#![allow(clippy::unwrap_used)]

use super::*;
use candle_core::Device;
use std::collections::BTreeMap;

fn var(values: &[f32], shape: &[usize]) -> Var {
    Var::from_tensor(&Tensor::from_slice(values, shape, &Device::Cpu).unwrap()).unwrap()
}

fn values(t: &Tensor) -> Vec<f32> {
    t.flatten_all().unwrap().to_vec1().unwrap()
}

fn start() -> Vec<(String, Var)> {
    vec![
        ("fc.bias".to_owned(), var(&[1.0, -1.0], &[2])),
        ("fc.weight".to_owned(), var(&[1.0, -2.0, 0.5, 3.0], &[2, 2])),
    ]
}

/// Gradients that depend on where the parameters are: `0.1 p (i + 1) + [[0.3, -0.2], [0.1, 0.4]]` and `0.5 b - 0.1 (i +
/// 1)`.
fn gradients(params: &[(String, Var)], i: usize) -> Vec<Option<Tensor>> {
    let n = (i + 1) as f64;
    let offset = Tensor::new(&[[0.3f32, -0.2], [0.1, 0.4]], &Device::Cpu).unwrap();
    let bias = ((params[0].1.as_detached_tensor() * 0.5).unwrap() - 0.1 * n).unwrap();
    let weight = ((params[1].1.as_detached_tensor() * (0.1 * n)).unwrap() + offset).unwrap();
    vec![Some(bias), Some(weight)]
}

fn optimizer(config: &OptimizerConfig, params: &[(String, Var)]) -> Optimizer {
    Optimizer::new(config, params, &[], &BTreeMap::new()).unwrap()
}

/// Five steps in PyTorch 2.15 (float64) with the same gradients; the weight decay is given to the weight's group alone:
/// ```text
/// g = [{'params': [p], 'weight_decay': wd}, {'params': [b], 'weight_decay': 0.0}]
/// torch.optim.SGD(g, lr=0.1, momentum=0.9)                  wd 0.01
/// torch.optim.SGD(g, lr=0.1, momentum=0.9, nesterov=True)   wd 0.01
/// torch.optim.Adam(g, lr=0.1)                               wd 0.01
/// torch.optim.AdamW(g, lr=0.1, betas=(0.8, 0.95))           wd 0.05
/// ```
#[test]
fn five_steps_as_pytorch() {
    let sgd = |nesterov| OptimizerConfig::Sgd { momentum: 0.9, weight_decay: 0.01, nesterov };
    let adam = OptimizerConfig::Adam { beta1: 0.9, beta2: 0.999, weight_decay: 0.01 };
    let adamw = OptimizerConfig::AdamW { beta1: 0.8, beta2: 0.95, weight_decay: 0.05 };
    let expected = [
        (sgd(false), [0.3324558, -1.1434945, 0.2260508, 1.595596], [0.709691, -0.1246209]),
        (sgd(true), [0.1708462, -0.9121581, 0.1567313, 1.2256206], [0.6949261, 0.0630415]),
        (adam, [0.4980062, -1.5015345, -1.29e-05, 2.500981], [0.6185202, -0.4979483]),
        (adamw, [0.4753673, -1.450997, -0.0080436, 2.425846], [0.6413694, -0.4960007]),
    ];
    for (config, weight, bias) in expected {
        let params = start();
        let mut optimizer = optimizer(&config, &params);
        for i in 0..5 {
            optimizer.step(&gradients(&params, i), 0.1).unwrap();
        }
        let off = |var: &Var, to: &[f32]| values(var).iter().zip(to).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off(&params[1].1, &weight) < 2e-6, "{config:?} {:?}", values(&params[1].1));
        assert!(off(&params[0].1, &bias) < 2e-6, "{config:?} {:?}", values(&params[0].1));
    }
}

#[test]
fn a_saved_state_goes_on_to_the_same_bits() {
    for config in [
        OptimizerConfig::Sgd { momentum: 0.9, weight_decay: 0.0, nesterov: true },
        OptimizerConfig::AdamW { beta1: 0.9, beta2: 0.99, weight_decay: 0.1 },
    ] {
        let (whole, first) = (start(), start());
        let (mut a, mut b) = (optimizer(&config, &whole), optimizer(&config, &first));
        (0..6).for_each(|i| a.step(&gradients(&whole, i), 0.1).unwrap());
        (0..3).for_each(|i| b.step(&gradients(&first, i), 0.1).unwrap());
        let mut again = optimizer(&config, &first);
        let saved: HashMap<_, _> = b.tensors().into_iter().map(|(n, t)| (n, t.copy().unwrap())).collect();
        again.load(&saved, b.steps()).unwrap();
        (3..6).for_each(|i| again.step(&gradients(&first, i), 0.1).unwrap());
        for (x, y) in whole.iter().zip(&first) {
            assert_eq!(values(&x.1), values(&y.1), "{config:?}");
        }
        let mut part = saved.clone();
        part.remove("first.fc.bias");
        assert_eq!(again.load(&part, 3).unwrap_err().to_string(), "first.fc.bias: expected a tensor, got none");
    }
}

#[test]
fn starts_of_names_freeze_and_scale() {
    let config = OptimizerConfig::Sgd { momentum: 0.0, weight_decay: 0.0, nesterov: false };
    let params = start();
    // the longest start counts: 0.5 for the weight, not 2
    let factors = BTreeMap::from([("fc".to_owned(), 2.0), ("fc.w".to_owned(), 0.5)]);
    let mut o = Optimizer::new(&config, &params, &["fc.bias".to_owned()], &factors).unwrap();
    assert_eq!(o.params().len(), 1);
    o.step(&[Some(Tensor::ones((2, 2), candle_core::DType::F32, &Device::Cpu).unwrap())], 0.1).unwrap();
    assert_eq!(values(&params[0].1), [1.0, -1.0]);
    assert_eq!(values(&params[1].1), [0.95, -2.05, 0.45, 2.95]);
    let all = Optimizer::new(&config, &params, &["fc".to_owned()], &BTreeMap::new());
    assert!(all.err().unwrap().to_string().contains("every parameter is frozen"));
}

/// `torch.nn.utils.clip_grad_norm_` of (3, 4, 12) to 2 gives a norm of 13 and (0.4615, 0.6154, 1.8462).
#[test]
fn gradients_are_averaged_and_clipped_by_their_global_norm() {
    let (a, b) = (var(&[0.0, 0.0], &[2]), var(&[0.0], &[1]));
    let unused = var(&[0.0], &[1]);
    let mut grads = Gradients::default();
    for factor in [0.5, 1.5] {
        let loss = ((&a.as_tensor().get(0).unwrap() * (3.0 * factor)).unwrap()
            + (&a.as_tensor().get(1).unwrap() * (4.0 * factor)).unwrap())
        .unwrap();
        let loss = (loss + (b.as_tensor().get(0).unwrap() * (12.0 * factor)).unwrap()).unwrap();
        grads.add(&mut loss.backward().unwrap(), [&a, &b, &unused].into_iter()).unwrap();
    }
    let clipped = grads.finish(2.0).unwrap();
    let all: Vec<f32> = clipped.iter().flatten().flat_map(values).collect();
    for (got, expected) in all.iter().zip([0.4615, 0.6154, 1.8462]) {
        assert!((got - expected).abs() < 1e-4, "{all:?}");
    }
    assert!(clipped[2].is_none() && all.len() == 3);
}

#[test]
fn averages_follow_and_are_swapped_in_for_a_while() {
    let params = vec![("w".to_owned(), var(&[0.0], &[1]))];
    let ema = Ema::new(0.5, &params).unwrap();
    params[0].1.set(&Tensor::new(&[11f32], &Device::Cpu).unwrap()).unwrap();
    // step 1: the decay is (1 + 1) / (10 + 1), not yet 0.5: 11 (1 - 2/11) = 9
    ema.update(1).unwrap();
    assert!((values(&ema.tensors()[0].1)[0] - 9.0).abs() < 1e-5);
    // step 100: half the way to 11
    ema.update(100).unwrap();
    let inside = ema.averaged(|| Ok(values(&params[0].1)[0])).unwrap();
    assert!((inside - 10.0).abs() < 1e-5);
    assert_eq!(values(&params[0].1), [11.0]);
    let failed: Result<()> = ema.averaged(|| Err(crate::Error::Tensors("x".to_owned())));
    assert!(failed.is_err());
    assert_eq!(values(&params[0].1), [11.0], "a failed validation leaves the averages in place");
}
