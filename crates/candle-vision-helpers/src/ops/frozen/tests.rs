//! Streams, and plans derived for other sizes, against whole layers of networks that ran on such pictures: same bits.
#![allow(clippy::panic)] // a test says so by panicking

use super::*;
use crate::ops::{self, Activation, ConvParams, Epilogue};
use candle_core::{Device, Result};
use proptest::prelude::*;
use rayon::prelude::*;
use std::cell::Cell;

const WHOLE: Limits = Limits { cached: usize::MAX, strip: 0 };

#[derive(Clone, Copy, Debug)]
enum Part {
    Conv { o: usize, kernel: (usize, usize), p: ConvParams },
    Doubled { o: usize },
    Depthwise { stride: usize },
    MaxPool { kernel: usize, stride: usize },
}

/// Layers in a row; behind them, or not, a map at half the size that is added to the last.
#[derive(Clone, Debug)]
struct Net {
    parts: Vec<Part>,
    /// The layer whose result is given beside the last.
    given: usize,
    sum: bool,
}

fn wave(dims: &[usize], by: f32) -> Result<Tensor> {
    let value = |i: usize| (i as f32 * by).sin();
    Tensor::from_vec((0..dims.iter().product()).map(value).collect::<Vec<_>>(), dims, &Device::Cpu)
}

impl Net {
    fn forward(&self, x: &Tensor) -> Result<[Tensor; 2]> {
        let (mut x, mut maps) = (x.clone(), Vec::new());
        for (i, part) in self.parts.iter().enumerate() {
            let c = x.dim(1)?;
            let weight =
                |dims: [usize; 4]| wave(&dims, 0.7 + i as f32)? / ((dims[1] * dims[2] * dims[3]) as f64).sqrt();
            let bias = |o: usize| wave(&[o], 1.3);
            x = match *part {
                Part::Conv { o, kernel: (kh, kw), p } => {
                    let bias = bias(o)?;
                    let same = p.stride == 1 && (kh - 1) * p.dilation == 2 * p.padding && kh == kw && o == c;
                    let residual = (same && i.is_multiple_of(2)).then_some(&x);
                    let activation = if i.is_multiple_of(3) { Activation::Relu6 } else { Activation::Relu };
                    ops::conv2d(&x, &weight([o, c, kh, kw])?, p, Epilogue { bias: Some(&bias), residual, activation })?
                }
                Part::Doubled { o } => ops::upsample_nearest2_conv3(&x, &weight([o, c, 3, 3])?, Epilogue::RELU)?,
                Part::Depthwise { stride } => {
                    ops::depthwise_conv3(&x, &weight([c, 1, 3, 3])?, Some(&bias(c)?), stride, Activation::None)?
                }
                Part::MaxPool { kernel, stride } => ops::max_pool2d(&x, kernel, stride, kernel / 2)?,
            };
            maps.push(x.clone());
        }
        if self.sum {
            x = ops::upsample_nearest2_add(&ops::max_pool2d(&x, 2, 2, 0)?, &x)?;
        }
        let given = maps.get(self.given % maps.len().max(1)).unwrap_or(&x).clone();
        Ok([x, given])
    }
}

fn part() -> impl Strategy<Value = Part> {
    let conv = |o, kernel, stride, padding, dilation| {
        let p = ConvParams { stride, padding, dilation, groups: 1 };
        Part::Conv { o, kernel, p }
    };
    let any = (1usize..=20, (1usize..=4, 1usize..=4), 1usize..=3, 0usize..=3, 1usize..=2)
        .prop_map(move |(o, kernel, stride, padding, dilation)| conv(o, kernel, stride, padding, dilation));
    prop_oneof![
        2 => any,
        3 => (prop_oneof![Just(5usize), Just(18)], 0usize..=1)
            .prop_map(move |(o, half)| conv(o, (2 * half + 1, 2 * half + 1), 1, half, 1)),
        3 => (1usize..=2).prop_map(|stride| Part::Depthwise { stride }),
        2 => (1usize..=3, 1usize..=3).prop_map(|(kernel, stride)| Part::MaxPool { kernel, stride }),
        1 => (1usize..=18).prop_map(|o| Part::Doubled { o }),
    ]
}

fn nets() -> impl Strategy<Value = Net> {
    (prop::collection::vec(part(), 1..7), any::<usize>(), prop::bool::weighted(0.2))
        .prop_map(|(parts, given, sum)| Net { parts, given, sum })
}

fn bits(maps: &[Tensor; 2]) -> Result<Vec<u32>> {
    let mut bits = Vec::new();
    for map in maps {
        bits.extend(map.flatten_all()?.to_vec1::<f32>()?.iter().map(|v| v.to_bits()));
    }
    Ok(bits)
}

fn on_threads<T: Send>(n: usize, f: impl FnOnce() -> T + Send) -> T {
    match rayon::ThreadPoolBuilder::new().num_threads(n).build() {
        Ok(pool) => pool.install(f),
        Err(e) => panic!("{e}"),
    }
}

fn frozen(limits: Limits, any_size: bool) -> Frozen {
    Frozen { limits, any_size, ..Frozen::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 2 } else { 48 }, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn streams_and_other_sizes_give_the_same_bits(
        net in nets(),
        channels in 1usize..=20,
        sides in prop::array::uniform4(1usize..=48),
        strip in prop_oneof![Just(0usize), Just(3_000), Just(30_000)],
    ) {
        let check = || -> Result<bool> {
            let (x, other) = (wave(&[3, channels, sides[0], sides[1]], 0.31)?, wave(&[1, channels, sides[2], sides[3]], 0.57)?);
            // layers may be larger than maps
            let (Ok(first), Ok(second)) = (net.forward(&x), net.forward(&other)) else { return Ok(false) };
            if first.iter().chain(&second).any(|map| map.elem_count() > 1 << 18) {
                return Ok(false);
            }
            let calls = Cell::new(0);
            let counted = |x: &Tensor| {
                calls.set(calls.get() + 1);
                net.forward(x)
            };
            let plain = |x: &Tensor| bits(&frozen(WHOLE, false).run_all(x, |x| net.forward(x))?);
            let expected = [plain(&x)?, plain(&other)?];
            let streamed = frozen(Limits { cached: 0, strip }, true);
            // what comes first is asked, all else derived
            for (x, expected) in [(&x, &expected[0]), (&other, &expected[1])] {
                let got = bits(&streamed.run_all(x, counted)?)?;
                assert_eq!(&got, expected);
                for threads in [1, 2, 3] {
                    for limits in [Limits { cached: 0, strip }, WHOLE] {
                        let frozen = frozen(limits, false);
                        assert_eq!(&bits(&on_threads(threads, || frozen.run_all(x, |x| net.forward(x)))?)?, expected);
                    }
                }
            }
            assert_eq!(calls.get(), 1);
            Ok(true)
        };
        match check() {
            Ok(fits) => prop_assume!(fits),
            Err(e) => return Err(TestCaseError::fail(e.to_string())),
        }
    }
}

/// A stem, a pair of a 1×1 and a depthwise convolution, and a pool.
fn start(x: &Tensor) -> Result<Tensor> {
    let p = |stride, padding| ConvParams { stride, padding, ..ConvParams::default() };
    let y = ops::conv2d(x, &wave(&[16, 3, 3, 3], 0.3)?, p(2, 1), Epilogue::RELU)?;
    let y = ops::conv2d(&y, &wave(&[16, 16, 1, 1], 0.4)?, p(1, 0), Epilogue::NONE)?;
    let y = ops::depthwise_conv3(&y, &wave(&[16, 1, 3, 3], 0.5)?, None, 1, Activation::Relu)?;
    ops::max_pool2d(&y, 2, 2, 0)
}

#[test]
fn callers_at_the_same_time_get_the_same_bits() -> Result<()> {
    let frozen = frozen(Limits { cached: 1 << 10, strip: 1 << 10 }, false);
    let x = wave(&[1, 3, 20, 24], 0.1)?;
    let run = || frozen.run(&x, start)?.flatten_all()?.to_vec1::<f32>();
    let (expected, calls) = (run()?, if cfg!(miri) { 1 } else { 20 });
    on_threads(2, || {
        // both by threads of the pool and by one that is not of it
        let all = std::thread::scope(|scope| {
            let outside = scope.spawn(|| (0..calls).map(|_| run()).collect::<Result<Vec<_>>>());
            let inside = (0..2 * calls).into_par_iter().map(|_| run()).collect::<Result<Vec<_>>>();
            Ok::<_, Error>([inside?, outside.join().unwrap_or_else(|_| panic!("a caller panicked"))?].concat())
        })?;
        assert!(all.iter().all(|values| values == &expected));
        Ok(())
    })
}

#[test]
#[cfg_attr(miri, ignore = "large pictures, which would take hours")]
fn a_stream_takes_little_memory_however_high_the_picture() -> Result<()> {
    let x = wave(&[1, 3, 512, 64], 0.1)?;
    let floats = |limits: Limits| -> Result<usize> {
        let frozen = frozen(limits, false);
        on_threads(2, || frozen.run(&x, start))?;
        let known = frozen.known();
        let (_, Some(plan)) = &known.plans.0[0] else { panic!("no plan") };
        Ok(plan.len)
    };
    // the result has 16 x 128 x 16 floats, each map before it four times as many and more
    let (whole, streamed) = (floats(WHOLE)?, floats(Limits { cached: 1 << 16, strip: 1 << 13 })?);
    assert!(whole > 2 * 16 * 256 * 32 && streamed < 16 * 128 * 16 + (1 << 16), "{whole} and {streamed}");
    Ok(())
}

#[test]
#[cfg_attr(miri, ignore = "a large picture, which would take hours")]
fn the_memory_of_a_large_picture_is_given_back() -> Result<()> {
    let frozen = frozen(WHOLE, true);
    let pass = |side: usize| frozen.run(&wave(&[1, 3, side, side], 0.1)?, start).map(|_| ());
    let kept = || frozen.spare.lock().map_or(0, |spare| spare.iter().map(Vec::capacity).sum::<usize>());
    pass(64)?;
    let small = kept();
    assert!(small > 0);
    // 16 x 512 x 512 floats in the first map and as many in the second, 3 x 1024 x 1024 in the picture
    pass(1024)?;
    assert_eq!(kept(), 0);
    pass(64)?;
    assert_eq!(kept(), small);
    Ok(())
}

#[test]
fn convolutions_that_take_fewer_products_are_never_cut_into_rows() -> Result<()> {
    let p = ConvParams { padding: 1, ..ConvParams::default() };
    let net = |x: &Tensor| -> Result<Tensor> {
        let y = ops::conv2d(x, &wave(&[32, 3, 3, 3], 0.3)?, p, Epilogue::RELU)?;
        ops::conv2d(&y, &wave(&[32, 32, 3, 3], 0.4)?, p, Epilogue::RELU)
    };
    // (side of the picture, floats of 36 points for its tiles where they are enough)
    for (side, floats) in [(11, None), (12, Some(36 * 32 * 9)), (40, Some(36 * 32 * 100))] {
        let x = wave(&[1, 3, side, side], 0.1)?;
        let mut all = Vec::new();
        for limits in [WHOLE, Limits { cached: 0, strip: 1 << 10 }] {
            for threads in [1, 2] {
                let frozen = frozen(limits, false);
                all.push(on_threads(threads, || frozen.run(&x, net)?.flatten_all()?.to_vec1::<f32>())?);
                let known = frozen.known();
                let (_, Some(plan)) = &known.plans.0[0] else { panic!("no plan") };
                // else strips of rows may take some
                if floats.is_some() || limits.cached > 0 {
                    assert_eq!(plan.len - plan.scratch, floats.unwrap_or(0), "{side}, {threads} threads, {limits:?}");
                }
            }
        }
        assert!(all.iter().all(|values| values == &all[0]), "{side}");
    }
    Ok(())
}
