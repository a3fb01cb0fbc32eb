//! Absurd sizes are errors: no panic, nothing that wraps to a size that fits, no end of the program for want of memory.

use crate::common::{random, values};
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_vision_helpers::ops::{self, BatchNorm, ConvParams, Epilogue, Statistics};

/// Sizes whose products and sums wrap, or need more memory than addresses reach.
const ABSURD: [usize; 7] = [1 << 24, 1 << 31, 1 << 32, 1 << 40, usize::MAX / 2, usize::MAX / 2 + 1, usize::MAX];

fn refused<T>(what: String, result: Result<T>) {
    assert!(result.is_err(), "{what} was accepted");
}

/// A tensor of any number of elements that takes the memory of one.
fn vast(dims: &[usize]) -> Result<Tensor> {
    Tensor::zeros(vec![1; dims.len()], DType::F32, &Device::Cpu)?.broadcast_as(dims)
}

#[test]
fn padding_and_dilation() -> Result<()> {
    let (x, w) = (random(&[1, 2, 3, 3], 1)?, random(&[2, 2, 3, 3], 2)?);
    for n in ABSURD {
        for stride in [1, 2] {
            let p = ConvParams { stride, ..ConvParams::default() };
            for p in [
                ConvParams { padding: n, ..p },
                ConvParams { dilation: n, ..p },
                // the wide kernel fits the wide border: an output as small as the input
                ConvParams { padding: n, dilation: n, ..p },
                ConvParams { padding: n, dilation: n.wrapping_add(1), ..p },
            ] {
                refused(format!("conv2d {p:?}"), ops::conv2d(&x, &w, p, Epilogue::NONE));
                // in the transposed form, padding takes away, and wide kernels leave wide gaps
                refused(format!("conv_transpose2d {p:?}"), ops::conv_transpose2d(&x, &w, p, Epilogue::NONE));
            }
        }
        refused(format!("padding {n}"), ops::max_pool2d(&x, 2, 2, n));
        refused(format!("kernel {n}"), ops::max_pool2d(&x, n, 2, n / 2));
        refused(format!("kernel {n}"), ops::max_pool2d(&x, n, n, 0));
        let p = ConvParams { groups: n, ..ConvParams::default() };
        refused(format!("groups {n}"), ops::conv2d(&x, &w, p, Epilogue::NONE));
        refused(format!("groups {n}"), ops::conv_transpose2d(&x, &w, p, Epilogue::NONE));
    }
    Ok(())
}

#[test]
fn a_step_beyond_the_image_is_one_output() -> Result<()> {
    let x = Var::from_tensor(&random(&[1, 2, 3, 4], 1)?)?;
    let w = Var::from_tensor(&random(&[2, 2, 3, 3], 2)?)?;
    let one = Var::from_tensor(&random(&[1, 2, 1, 1], 3)?)?;
    let run = |stride: usize| -> Result<Vec<f32>> {
        let p = ConvParams { stride, padding: 1, ..ConvParams::default() };
        let mut all = Vec::new();
        for y in [
            ops::conv2d(&x, &w, p, Epilogue::RELU)?,
            ops::conv_transpose2d(&one, &w, p, Epilogue::RELU)?,
            ops::max_pool2d(&x, 3, stride, 1)?,
        ] {
            let grads = y.sqr()?.sum_all()?.backward()?;
            all.extend(values(&y)?);
            for v in [&x, &w, &one] {
                all.extend(grads.get(v).map(values).transpose()?.unwrap_or_default());
            }
        }
        Ok(all)
    };
    let expected = run(6)?;
    for stride in [7].into_iter().chain(ABSURD) {
        assert_eq!(run(stride)?, expected, "stride {stride}");
    }
    // with wide gaps too, where every tap is a separate phase but no plane is wide
    let wide = 1 << 29;
    let p = ConvParams { stride: wide, padding: wide, dilation: wide, groups: 1 };
    let y = ops::conv2d(&x, &w, p, Epilogue::NONE)?;
    let (plain, middle) = (values(&y)?, values(&w.narrow(2, 1, 1)?.narrow(3, 1, 1)?)?);
    let corner = values(&x.narrow(2, 0, 1)?.narrow(3, 0, 1)?)?;
    for (o, y) in plain.iter().enumerate() {
        assert!((y - (middle[2 * o] * corner[0] + middle[2 * o + 1] * corner[1])).abs() < 1e-6);
    }
    let grads = y.sum_all()?.backward()?;
    let Some(dx) = grads.get(&x) else { panic!("no gradient") };
    assert_eq!(values(dx)?.iter().filter(|g| **g != 0.0).count(), 2, "the corner of each channel");
    Ok(())
}

#[test]
fn more_elements_than_memory_could_hold() -> Result<()> {
    for n in [1 << 31, 1 << 32] {
        let (maps, c) = (vast(&[n, n, n, 1])?, vast(&[n])?);
        let w = vast(&[n, n, 1, 1])?;
        let p = ConvParams::default();
        refused(format!("conv2d {n}"), ops::conv2d(&maps, &w, p, Epilogue::NONE));
        refused(format!("conv_transpose2d {n}"), ops::conv_transpose2d(&maps, &w, p, Epilogue::NONE));
        refused(format!("conv3 {n}"), ops::upsample_nearest2_conv3(&maps, &vast(&[n, n, 3, 3])?, Epilogue::NONE));
        refused(
            format!("batch_norm_train {n}"),
            ops::batch_norm_train(&maps, &BatchNorm { gamma: &c, beta: &c, eps: 1e-5 }, Epilogue::NONE),
        );
        refused(
            format!("batch_norm_eval {n}"),
            ops::batch_norm_eval(
                &maps,
                &BatchNorm { gamma: &c, beta: &c, eps: 1e-5 },
                &Statistics { mean: &c, var: &c },
                Epilogue::NONE,
            ),
        );
        refused(format!("max_pool2d {n}"), ops::max_pool2d(&maps, 1, 1, 0));
        refused(format!("avg_pool_global {n}"), ops::avg_pool_global(&maps));
        refused(format!("upsample_nearest2 {n}"), ops::upsample_nearest2(&maps));
        refused(format!("upsample_nearest2_add {n}"), ops::upsample_nearest2_add(&maps, &maps));
        refused(format!("log_softmax_maps {n}"), ops::log_softmax_maps(&maps));
        refused(format!("mse_loss {n}"), ops::mse_loss(&maps, &maps, None));
        refused(format!("linear {n}"), ops::linear(&vast(&[n, 1])?, &vast(&[n, 1])?, Epilogue::NONE));
        refused(format!("linear {n}"), ops::linear(&vast(&[n, n])?, &vast(&[n, n])?, Epilogue::NONE));
    }
    let e = ops::linear(&vast(&[1 << 32, 1 << 32])?, &vast(&[1, 1 << 32])?, Epilogue::NONE);
    assert!(e.is_err_and(|e| e.to_string().contains("expected no more elements than memory holds")));
    Ok(())
}
