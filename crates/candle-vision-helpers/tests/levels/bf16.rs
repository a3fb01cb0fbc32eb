//! Convolutions with products of bf16: of pairs by the portable arithmetic on every processor, and by the instruction
//! where the processor has it; by emulated tiles, and by the processor's where they are asked for and there.

use crate::Turn;
use crate::common::{difference, naive_conv, random, values, with};
use candle_core::{Device, Result, Tensor, Var};
use candle_vision_helpers::grad_check;
use candle_vision_helpers::ops::{self, ConvParams, Emulated, Epilogue, Level, Precision};

/// Ends what a test asked for.
struct AsBefore;

impl Drop for AsBefore {
    fn drop(&mut self) {
        ops::set_precision(Precision::F32);
        ops::emulate(Emulated::Nothing);
    }
}

/// Runs a check with bf16 asked for and multiplied, in each way that this processor can.
fn in_bf16(check: impl Fn(&str, Emulated) -> Result<()>) -> Result<()> {
    let _turn = Turn::take();
    let _end = AsBefore;
    for (how, level, emulated) in [
        ("portable pairs", Level::Portable, Emulated::Pairs),
        ("the instruction's pairs", Level::Avx512, Emulated::Pairs),
        ("emulated tiles", Level::Avx512, Emulated::Tiles),
        ("the processor's tiles", Level::Avx512, Emulated::Nothing),
    ] {
        ops::set_precision(Precision::Bf16);
        ops::force_level(level);
        let quick = ops::emulate(emulated);
        let there = match emulated {
            Emulated::Tiles => true,
            Emulated::Pairs => level == Level::Portable || quick,
            Emulated::Nothing => tiles_in_use(),
        };
        if there {
            assert_eq!(ops::precision_on_cpu(), Precision::Bf16);
            check(how, emulated)?;
        } else {
            eprintln!("{how}: not on this processor, or not asked for; not tested");
        }
    }
    Ok(())
}

/// Whether AMX multiplies bf16 here: without it only AMD's processors do.
fn tiles_in_use() -> bool {
    ops::set_precision(Precision::Bf16);
    ops::force_level(Level::Avx512);
    !ops::emulate(Emulated::Nothing) && ops::precision_on_cpu() == Precision::Bf16
}

fn params(stride: usize, padding: usize, dilation: usize, groups: usize) -> ConvParams {
    ConvParams { stride, padding, dilation, groups }
}

/// Shapes of more than 48 outputs, and mostly inputs, for each group: those whose products are in pairs. Odd numbers of
/// taps and of positions, panels that are not full and several in a row, images that end inside a vector.
fn shapes() -> Vec<([usize; 4], [usize; 4], ConvParams)> {
    vec![
        ([2, 50, 5, 7], [60, 50, 3, 3], params(1, 1, 1, 1)),
        ([3, 51, 7, 7], [49, 51, 1, 1], params(1, 0, 1, 1)),
        ([9, 53, 1, 1], [61, 53, 1, 1], params(1, 0, 1, 1)),
        ([2, 51, 9, 12], [55, 51, 3, 3], params(2, 1, 1, 1)),
        ([2, 49, 31, 33], [50, 49, 1, 1], params(1, 0, 1, 1)),
        ([1, 130, 4, 5], [52, 130, 3, 3], params(1, 1, 1, 1)),
        ([1, 104, 6, 17], [100, 52, 2, 3], params(1, 2, 2, 2)),
        ([2, 3, 23, 20], [64, 3, 7, 7], params(2, 3, 1, 1)),
        ([1, 600, 2, 16], [49, 600, 1, 1], params(1, 0, 1, 1)),
        ([1, 50, 4, 40], [73, 50, 1, 1], params(2, 0, 1, 1)),
    ]
}

/// The nearest bf16 of each, as f32.
fn rounded(t: &Tensor) -> Result<Tensor> {
    let nearest = |x: f32| f32::from_bits((x.to_bits() + 0x7fff + (x.to_bits() >> 16 & 1)) & 0xffff_0000);
    Tensor::from_vec(values(t)?.into_iter().map(nearest).collect::<Vec<f32>>(), t.dims(), &Device::Cpu)
}

/// How far a convolution and its gradients are from the textbook's, of the largest value: y, x, weight, bias.
fn off(x: Tensor, w: Tensor, dy: impl Fn(&[usize]) -> Result<Tensor>, p: ConvParams) -> Result<[f64; 4]> {
    let bias = random(&w.dims()[..1], 3)?;
    let vars = [&x, &w, &bias].into_iter().map(Var::from_tensor).collect::<Result<Vec<_>>>()?;
    let y = ops::conv2d(&vars[0], &vars[1], p, with(Some(&vars[2]), false))?;
    let dy = dy(y.dims())?;
    let naive = naive_conv(&x, &w, Some(&bias), p, Some(&dy), false)?;
    let grads = (&y * &dy)?.sum_all()?.backward()?;
    let of = |i: usize, expected: &[f64]| match grads.get(&vars[i]) {
        Some(got) => difference(got, expected),
        None => panic!("no gradient of input {i}"),
    };
    Ok([difference(&y, &naive.y)?, of(0, &naive.dx)?, of(1, &naive.dw)?, of(2, &naive.db)?])
}

#[test]
fn factors_that_are_bf16_give_f32s_sums() -> Result<()> {
    in_bf16(|how, _| {
        for (x, w, p) in shapes() {
            let dy = |dims: &[usize]| rounded(&random(dims, 4)?);
            let off = off(rounded(&random(&x, 1)?)?, rounded(&random(&w, 2)?)?, dy, p)?;
            assert!(off.iter().all(|off| *off < 5e-6), "{how}, {x:?} * {w:?} {p:?}: off by {off:?}");
        }
        Ok(())
    })
}

/// The product that is left out is 2⁻¹⁸ of the largest at most, where both factors are off by half a unit of 8 bits.
#[test]
fn factors_of_two_parts_are_nearly_as_exact_as_f32() -> Result<()> {
    let _turn = Turn::take();
    let _end = AsBefore;
    // without tiles of the processor's own its f32 is tested a second time
    let processors = if tiles_in_use() { "the processor's tiles" } else { "f32" };
    for (how, emulated) in [("emulated tiles", Emulated::Tiles), (processors, Emulated::Nothing)] {
        ops::emulate(emulated);
        for precision in [Precision::F32, Precision::Tf32] {
            ops::set_precision(precision);
            assert_eq!(ops::precision_on_cpu(), Precision::F32);
            for (x, w, p) in shapes() {
                let off = off(random(&x, 1)?, random(&w, 2)?, |dims| random(dims, 4), p)?;
                assert!(off.iter().all(|off| *off < 1e-5), "{how}, {x:?} * {w:?} {p:?}: off by {off:?}");
            }
        }
    }
    Ok(())
}

/// Half a unit of 8 bits is 2e-3 of a factor, of which sums keep a part that does not grow.
#[test]
fn other_factors_are_rounded_and_nothing_else() -> Result<()> {
    in_bf16(|how, _| {
        for (x, w, p) in shapes() {
            let [y, dx, dw, db] = off(random(&x, 1)?, random(&w, 2)?, |dims| random(dims, 4), p)?;
            let what = format!("{how}, {x:?} * {w:?} {p:?}");
            // few rows stay in f32: there the gradient of an input of 3 channels
            let least = if x[1] / p.groups > 48 { 1e-4 } else { 0.0 };
            assert!((1e-4..8e-3).contains(&y) && (1e-4..8e-3).contains(&dw), "{what}: off by {y} and {dw}");
            assert!((least..8e-3).contains(&dx) && db < 5e-6, "{what}: off by {dx} and {db}");
        }
        Ok(())
    })
}

#[test]
fn gradients_are_slopes() -> Result<()> {
    in_bf16(|_, _| {
        let inputs = [random(&[1, 49, 3, 4], 1)?, random(&[50, 49, 1, 1], 2)?];
        grad_check::check(|v| ops::conv2d(&v[0], &v[1], params(1, 0, 1, 1), Epilogue::NONE), &inputs, 1e-2, 2e-2)
    })
}

/// Bits of a convolution, or of its kin, and of its gradients.
fn all_of(f: impl Fn(&[Var]) -> Result<Tensor>, inputs: &[Tensor]) -> Result<Vec<f32>> {
    let vars: Vec<Var> = inputs.iter().map(Var::from_tensor).collect::<Result<_>>()?;
    let y = f(&vars)?;
    let grads = (&y * random(y.dims(), 99)?)?.sum_all()?.backward()?;
    let mut all = values(&y)?;
    for v in &vars {
        let Some(of) = grads.get(v) else { panic!("a gradient is missing") };
        all.extend(values(of)?);
    }
    Ok(all)
}

fn bits(all: &[f32]) -> Vec<u32> {
    all.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn threads_change_no_bit() -> Result<()> {
    let with_threads = |n: usize, f: &(dyn Fn() -> Result<Vec<f32>> + Sync)| match rayon::ThreadPoolBuilder::new()
        .num_threads(n)
        .build()
    {
        Ok(pool) => pool.install(f),
        Err(e) => panic!("{e}"),
    };
    in_bf16(|how, _| {
        for (x, w, p) in shapes() {
            let inputs = [random(&x, 1)?, random(&w, 2)?];
            let run = || all_of(|v| ops::conv2d(&v[0], &v[1], p, Epilogue::NONE), &inputs);
            let one = bits(&with_threads(1, &run)?);
            for n in [2, 3] {
                assert!(bits(&with_threads(n, &run)?) == one, "{how}, {x:?} * {w:?}: {n} threads differ from one");
            }
        }
        Ok(())
    })
}

/// What a number is beside its size.
fn kind(x: &f32) -> &'static str {
    match (x.is_nan(), x.is_infinite(), *x > 0.0) {
        (true, ..) => "NaN",
        (_, true, true) => "infinite",
        (_, true, false) => "infinite, negative",
        _ => "finite",
    }
}

#[test]
fn nan_and_infinities_show_where_f32_shows_them() -> Result<()> {
    in_bf16(|how, emulated| {
        for (dims, kernel, p) in [([2, 51, 5, 7], 3, params(1, 1, 1, 1)), ([3, 51, 7, 7], 1, params(1, 0, 1, 1))] {
            for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                // in one input after the other; the last place stands alone in its word
                for (at, last) in [(0, false), (0, true), (1, false), (1, true)] {
                    let mut inputs = [random(&dims, 1)?, random(&[50, 51, kernel, kernel], 2)?];
                    let mut data = values(&inputs[at])?;
                    let place = if last { data.len() - 1 } else { 5 };
                    data[place] = odd;
                    inputs[at] = Tensor::from_vec(data, inputs[at].dims(), &Device::Cpu)?;
                    let run = |precision, level, emulated| {
                        ops::set_precision(precision);
                        ops::force_level(level);
                        ops::emulate(emulated);
                        all_of(|v| ops::conv2d(&v[0], &v[1], p, Epilogue::NONE), &inputs)
                    };
                    let level = ops::level();
                    // AMX has no f32, but where less than AVX-512 is asked for, nor have other levels bf16
                    let exact = run(Precision::F32, Level::Avx2, Emulated::Nothing)?;
                    let got = run(Precision::Bf16, level, emulated)?;
                    let kinds = |all: &[f32]| all.iter().map(kind).collect::<Vec<_>>();
                    assert!(kinds(&exact) == kinds(&got), "{how}, {dims:?}: {odd} at {place} of input {at}");
                    assert!(exact.iter().any(|x| !x.is_finite()));
                }
            }
        }
        Ok(())
    })
}

/// A transposed convolution and one of a doubled picture, beside f32.
#[test]
fn transposed_and_doubled_convolutions_multiply_pairs_too() -> Result<()> {
    type Kin = fn(&[Var]) -> Result<Tensor>;
    let kin: [(&str, [usize; 4], Kin); 2] = [
        ("transposed", [52, 60, 3, 3], |v| ops::conv_transpose2d(&v[0], &v[1], params(2, 1, 1, 1), Epilogue::NONE)),
        ("doubled", [60, 52, 3, 3], |v| ops::upsample_nearest2_conv3(&v[0], &v[1], Epilogue::NONE)),
    ];
    in_bf16(|how, _| {
        for (what, w, f) in kin {
            let inputs = [random(&[2, 52, 5, 6], 1)?, random(&w, 2)?];
            let got = all_of(f, &inputs)?;
            ops::set_precision(Precision::F32);
            let exact = all_of(f, &inputs)?;
            ops::set_precision(Precision::Bf16);
            let largest = exact.iter().fold(0f32, |m, x| m.max(x.abs()));
            let off = got.iter().zip(&exact).fold(0f32, |m, (a, b)| m.max((a - b).abs() / largest));
            assert!((1e-4..8e-3).contains(&off), "{how}, {what}: off by {off}");
        }
        Ok(())
    })
}

/// Neither do few outputs, nor what only predicts, nor the other precisions.
#[test]
fn nothing_else_changes() -> Result<()> {
    in_bf16(|how, _| {
        let p = params(1, 1, 1, 1);
        let (x, few, many) = (random(&[2, 9, 8, 20], 1)?, random(&[40, 9, 3, 3], 2)?, random(&[60, 9, 3, 3], 3)?);
        let run = |precision| -> Result<[Vec<u32>; 3]> {
            ops::set_precision(precision);
            let conv = |w: &Tensor| {
                let inputs = [x.clone(), w.clone()];
                Ok::<_, candle_core::Error>(bits(&all_of(|v| ops::conv2d(&v[0], &v[1], p, Epilogue::NONE), &inputs)?))
            };
            let predicted = bits(&values(&ops::conv2d(&x, &many, p, Epilogue::NONE)?)?);
            Ok([conv(&few)?, predicted, conv(&many)?])
        };
        let [few, predicted, many] = run(Precision::F32)?;
        assert_eq!(ops::precision_on_cpu(), Precision::F32);
        assert!(run(Precision::Tf32)? == [few.clone(), predicted.clone(), many.clone()], "{how}");
        let [few_pairs, predicted_pairs, many_pairs] = run(Precision::Bf16)?;
        assert!(few_pairs == few && predicted_pairs == predicted, "{how}");
        assert!(many_pairs != many, "{how}: not rounded at all");
        Ok(())
    })
}
