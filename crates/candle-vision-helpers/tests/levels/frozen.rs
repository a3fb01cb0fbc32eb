//! Networks by their plans against the same networks' own operations, with every instruction set.

use crate::{
    Turn, at_every_level,
    common::{random, values},
};
use candle_core::{Result, Tensor};
use candle_vision_helpers::ops::{self, Activation, ConvParams, Epilogue, Frozen, Level};
use proptest::{prelude::*, test_runner::TestRunner};
use std::cell::Cell;

#[derive(Clone, Copy, Debug)]
enum Layer {
    Conv { o: usize, kernel: (usize, usize), p: ConvParams },
    Doubled { o: usize },
    Depthwise { stride: usize },
    MaxPool { kernel: usize, stride: usize, padding: usize },
    UpsampledSum,
}

#[derive(Clone, Debug)]
struct Net {
    channels: usize,
    sides: (usize, usize),
    layers: Vec<(Layer, Activation)>,
}

fn layer() -> impl Strategy<Value = (Layer, Activation)> {
    let conv = (1usize..=40, (1usize..=5, 1usize..=5), 1usize..=3, 0usize..=3, 1usize..=2).prop_map(
        |(o, kernel, stride, padding, dilation)| {
            let p = ConvParams { stride, padding, dilation, groups: 1 };
            Layer::Conv { o, kernel, p }
        },
    );
    let same =
        (1usize..=2, prop_oneof![Just(16usize), Just(20), Just(32), Just(33), Just(48)]).prop_map(|(half, o)| {
            let p = ConvParams { padding: half, ..ConvParams::default() };
            Layer::Conv { o, kernel: (2 * half + 1, 2 * half + 1), p }
        });
    let kind = prop_oneof![
        3 => conv,
        3 => same,
        1 => (1usize..=36).prop_map(|o| Layer::Doubled { o }),
        2 => (1usize..=2).prop_map(|stride| Layer::Depthwise { stride }),
        1 => Just(Layer::UpsampledSum),
        1 => (1usize..=3, 1usize..=3).prop_map(|(kernel, stride)| Layer::MaxPool { kernel, stride, padding: kernel / 2 }),
    ];
    (kind, prop_oneof![Just(Activation::None), Just(Activation::Relu), Just(Activation::Relu6)])
}

fn nets() -> impl Strategy<Value = Net> {
    let sides = (1usize..=20, 1usize..=40);
    (prop_oneof![Just(1usize), Just(3), Just(32), 1usize..=40], sides, prop::collection::vec(layer(), 1..6))
        .prop_map(|(channels, sides, layers)| Net { channels, sides, layers })
}

impl Net {
    /// What the layers that fit give, but for large maps; a map of the result's shape is added where there is one.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut maps = vec![x.clone()];
        for (i, &(layer, activation)) in self.layers.iter().enumerate() {
            let Some(y) = self.apply(i as u64, layer, activation, &maps) else { continue };
            let y = y?;
            if y.elem_count() / y.dims()[0] < 12_000 {
                maps.push(y);
            }
        }
        maps.pop().map_or_else(|| Ok(x.clone()), Ok)
    }

    fn apply(&self, i: u64, layer: Layer, activation: Activation, maps: &[Tensor]) -> Option<Result<Tensor>> {
        let x = maps.last()?;
        let (_, c, h, w) = x.dims4().ok()?;
        let random = |dims: &[usize], fan: usize| random(dims, 7 * i + 1)? / (fan as f64 / 3.0).sqrt();
        let bias = |o: usize| if i.is_multiple_of(3) { None } else { random(&[o], 1).ok() };
        let like = |dims: [usize; 4]| maps.iter().find(|m| m.dims() == dims);
        Some(match layer {
            Layer::Conv { o, kernel: (kh, kw), p } => {
                let out = |len: usize, k: usize| {
                    let room = (len + 2 * p.padding).checked_sub((k - 1) * p.dilation + 1)?;
                    Some(room / p.stride + 1)
                };
                let residual = like([x.dims()[0], o, out(h, kh)?, out(w, kw)?]);
                let bias = bias(o);
                let epilogue = Epilogue { bias: bias.as_ref(), residual, activation };
                random(&[o, c, kh, kw], c * kh * kw).and_then(|weight| ops::conv2d(x, &weight, p, epilogue))
            }
            Layer::Doubled { o } => {
                let (bias, residual) = (bias(o), like([x.dims()[0], o, 2 * h, 2 * w]));
                let epilogue = Epilogue { bias: bias.as_ref(), residual, activation };
                random(&[o, c, 3, 3], c * 9).and_then(|weight| ops::upsample_nearest2_conv3(x, &weight, epilogue))
            }
            Layer::Depthwise { stride } => random(&[c, 1, 3, 3], 9)
                .and_then(|weight| ops::depthwise_conv3(x, &weight, bias(c).as_ref(), stride, activation)),
            Layer::MaxPool { kernel, stride, padding } => {
                if h.min(w) + 2 * padding < kernel {
                    return None;
                }
                ops::max_pool2d(x, kernel, stride, padding)
            }
            Layer::UpsampledSum => ops::upsample_nearest2_add(x, like([x.dims()[0], c, 2 * h, 2 * w])?),
        })
    }
}

fn bits(t: &Tensor) -> Result<Vec<u32>> {
    Ok(values(t)?.iter().map(|v| v.to_bits()).collect())
}

fn on_threads<T: Send>(n: usize, f: impl FnOnce() -> T + Send) -> T {
    match rayon::ThreadPoolBuilder::new().num_threads(n).build() {
        Ok(pool) => pool.install(f),
        Err(e) => panic!("{e}"),
    }
}

/// Panics where the plan's numbers are others than the network's, or depend on threads or on the other pictures.
fn check(net: &Net) -> Result<()> {
    let x = random(&[5, net.channels, net.sides.0, net.sides.1], 3)?;
    let (expected, products) = ops::count_products(|| ops::no_grad(|| net.forward(&x)));
    let expected = expected?;
    let frozen = Frozen::new();
    let run = |x: &Tensor| frozen.run(x, |x| net.forward(x));
    let (y, counted) = ops::count_products(|| run(&x));
    let y = y?;
    // large maps were computed for nothing
    assert!(counted <= products);
    assert_eq!(y.dims(), expected.dims());
    // inputs, weights and what lies between are about 1: sums may cancel to less, their rounding does not
    let largest = values(&expected)?.iter().fold(0.2f32, |most, v| most.max(v.abs()));
    let off = values(&(&y - &expected)?.abs()?)?.into_iter().fold(0f32, f32::max) / largest;
    assert!(off < 2e-5, "off by {off}");
    for threads in [1, 2, 3] {
        assert_eq!(bits(&on_threads(threads, || run(&x))?)?, bits(&y)?, "{threads} threads");
    }
    // memory that was used before, and a picture by itself
    assert_eq!(bits(&run(&x.narrow(0, 3, 1)?)?)?, bits(&y.narrow(0, 3, 1)?)?);
    Ok(())
}

#[test]
fn plans_give_what_networks_give_at_every_level() -> Result<()> {
    at_every_level(|level| {
        let cases = if level == Level::Portable { 64 } else { 160 };
        let mut runner =
            TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
        let ran = runner.run(&nets(), |net| check(&net).map_err(|e| TestCaseError::fail(e.to_string())));
        if let Err(e) = ran {
            panic!("{level:?}: {e}");
        }
        Ok(())
    })
}

#[test]
fn the_networks_own_code_runs_once_for_a_size_and_always_where_there_is_no_kernel() -> Result<()> {
    let _turn = Turn::take();
    let weight = random(&[4, 3, 3, 3], 1)?;
    let calls = Cell::new(0);
    let conv = |x: &Tensor| {
        calls.set(calls.get() + 1);
        ops::conv2d(x, &weight, ConvParams::default(), Epilogue::RELU)
    };
    let (small, large) = (random(&[2, 3, 9, 9], 2)?, random(&[1, 3, 9, 12], 2)?);
    let frozen = Frozen::new();
    for x in [&small, &large, &small, &small, &large] {
        frozen.run(x, conv)?;
    }
    assert_eq!(calls.get(), 2);
    // candle's own operations, groups, and another type of numbers
    let own = |x: &Tensor| conv(x)? + 1.0;
    let grouped = |x: &Tensor| {
        calls.set(calls.get() + 1);
        ops::conv2d(
            x,
            &weight.narrow(0, 0, 3)?.narrow(1, 0, 1)?.contiguous()?,
            ConvParams { groups: 3, ..ConvParams::default() },
            Epilogue::NONE,
        )
    };
    for network in [&own as &dyn Fn(&Tensor) -> Result<Tensor>, &grouped] {
        let (frozen, before) = (Frozen::new(), calls.get());
        let expected = bits(&network(&small)?)?;
        for _ in 0..3 {
            assert_eq!(bits(&frozen.run(&small, network)?)?, expected);
        }
        // by itself, once for the plan, and each time
        assert_eq!(calls.get() - before, 5);
    }
    Ok(())
}

#[test]
fn nan_is_not_swallowed() -> Result<()> {
    at_every_level(|level| {
        let (w, deep) = (random(&[20, 3, 3, 3], 1)?, random(&[20, 1, 3, 3], 1)?);
        let net = |x: &Tensor| {
            let p = ConvParams { padding: 1, ..ConvParams::default() };
            let y = ops::conv2d(x, &w, p, Epilogue::RELU6)?;
            ops::depthwise_conv3(&ops::max_pool2d(&y, 2, 2, 0)?, &deep, None, 1, Activation::Relu)
        };
        for at in [0, 37, 3 * 20 * 24 - 1] {
            let mut x = values(&random(&[1, 3, 20, 24], 5)?)?;
            x[at] = f32::NAN;
            let x = Tensor::from_vec(x, (1, 3, 20, 24), &candle_core::Device::Cpu)?;
            let places = |t: &Tensor| -> Result<Vec<bool>> { Ok(values(t)?.iter().map(|v| v.is_nan()).collect()) };
            let expected = places(&net(&x)?)?;
            assert!(expected.iter().any(|n| *n) && !expected.iter().all(|n| *n));
            assert_eq!(places(&Frozen::new().run(&x, net)?)?, expected, "{level:?} {at}");
        }
        Ok(())
    })
}

#[test]
fn errors_of_the_network_are_given_on() -> Result<()> {
    let weight = random(&[4, 2, 3, 3], 1)?;
    let run = |x: &Tensor| Frozen::new().run(x, |x| ops::conv2d(x, &weight, ConvParams::default(), Epilogue::NONE));
    let wrong = run(&random(&[1, 3, 9, 9], 2)?).map(|_| ()).map_err(|e| e.to_string());
    assert!(wrong.is_err_and(|e| e.contains("conv2d: weight: expected")), "three channels where there are two");
    Ok(())
}
