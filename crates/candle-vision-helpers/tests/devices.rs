//! Every operation on each accelerator present gives the values and gradients that the CPU gives, whose own are checked
//! against finite differences. Nothing to compare on a machine without one.

use crate::common::{after, difference, random, values, with};
use candle_core::{Device, Result, Tensor, Var};
use candle_vision_helpers::ops::{
    self, AdamWItem, AdamWStep, BatchNorm, ConvParams, Epilogue, Reduce, Running, Statistics,
};
use std::sync::Arc;

/// The sums of two ranks that have the same part of a batch.
struct Twins;

impl Reduce for Twins {
    fn sum(&self, values: &mut [f64]) -> Result<()> {
        values.iter_mut().for_each(|v| *v *= 2.0);
        Ok(())
    }
}

fn accelerators() -> Vec<Device> {
    [ops::new_cuda(0), Device::new_metal(0)].into_iter().filter_map(Result::ok).collect()
}

/// The output and the gradients of all inputs, by candle's backward pass and by a tape.
fn outcome(
    f: &dyn Fn(&[Tensor]) -> Result<Tensor>,
    inputs: &[Tensor],
    device: &Device,
    taped: bool,
) -> Result<Vec<Tensor>> {
    let vars = inputs.iter().map(|t| Var::from_tensor(&t.to_device(device)?)).collect::<Result<Vec<_>>>()?;
    let args: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let tape = if taped { Some(ops::Tape::start()?) } else { None };
    let y = f(&args)?;
    let loss = (&y * random(y.dims(), 99)?.to_device(device)?)?.sum_all()?;
    let grads = match tape {
        Some(tape) => tape.backward(&loss)?,
        None => loss.backward()?,
    };
    let mut all = vec![y.to_device(&Device::Cpu)?];
    for v in &vars {
        let Some(g) = grads.get(v) else { panic!("no gradient of {:?}", v.dims()) };
        all.push(g.to_device(&Device::Cpu)?);
    }
    Ok(all)
}

fn same(what: &str, f: &dyn Fn(&[Tensor]) -> Result<Tensor>, inputs: &[Tensor]) -> Result<()> {
    let expected = outcome(f, inputs, &Device::Cpu, false)?;
    for device in accelerators() {
        for taped in [false, true] {
            for (i, (got, e)) in outcome(f, inputs, &device, taped)?.iter().zip(&expected).enumerate() {
                let e: Vec<f64> = values(e)?.into_iter().map(f64::from).collect();
                let off = difference(got, &e)?;
                let which = if i == 0 { "the value".to_owned() } else { format!("the gradient of input {i}") };
                assert!(off < 1e-4, "{what} on {:?} (tape {taped}): {which} is off by {off}", device.location());
            }
        }
    }
    Ok(())
}

#[test]
fn convolutions() -> Result<()> {
    let shapes: [([usize; 4], [usize; 4], ConvParams); 6] = [
        ([2, 3, 32, 32], [8, 3, 7, 7], ConvParams { stride: 2, padding: 3, ..ConvParams::default() }),
        ([2, 8, 16, 16], [16, 8, 3, 3], ConvParams { padding: 1, ..ConvParams::default() }),
        ([2, 8, 15, 17], [16, 8, 3, 3], ConvParams { stride: 2, padding: 1, ..ConvParams::default() }),
        ([3, 16, 7, 9], [8, 16, 1, 1], ConvParams::default()),
        ([1, 4, 12, 12], [6, 4, 5, 5], ConvParams { dilation: 2, padding: 2, ..ConvParams::default() }),
        ([2, 8, 10, 10], [8, 2, 3, 3], ConvParams { groups: 4, padding: 1, ..ConvParams::default() }),
    ];
    for (x, w, p) in shapes {
        let inputs = [random(&x, 1)?, random(&w, 2)?, random(&[w[0]], 3)?];
        same("conv2d", &|t| ops::conv2d(&t[0], &t[1], p, with(Some(&t[2]), false)), &inputs)?;
        same("conv2d without a bias", &|t| ops::conv2d(&t[0], &t[1], p, Epilogue::NONE), &inputs[..2])?;
        // far from 0 on both sides, so that no gate depends on rounding
        let far = |t: &[Tensor]| -> Result<Tensor> { ops::conv2d(&t[0], &t[1], p, with(Some(&(&t[2] * 40.0)?), true)) };
        same("conv2d with ReLU", &far, &inputs)?;
    }
    let inputs = [random(&[2, 6, 5, 7], 1)?, random(&[4, 6, 3, 3], 2)?, random(&[4], 3)?];
    same("doubled", &|t| ops::upsample_nearest2_conv3(&t[0], &t[1], with(Some(&t[2]), false)), &inputs)?;
    let far = |t: &[Tensor]| -> Result<Tensor> {
        ops::upsample_nearest2_conv3(&t[0], &t[1], with(Some(&(&t[2] * 40.0)?), true))
    };
    same("doubled with ReLU", &far, &inputs)?;
    let shapes =
        [([2, 6, 5, 7], [6, 4, 4, 4], 2, 1), ([2, 3, 4, 3], [3, 4, 1, 1], 2, 0), ([1, 4, 5, 5], [4, 4, 3, 3], 1, 2)];
    for (x, w, stride, padding) in shapes {
        let p = ConvParams { stride, padding, ..ConvParams::default() };
        let inputs = [random(&x, 1)?, random(&w, 2)?, random(&[4], 3)?];
        same("conv_transpose2d", &|t| ops::conv_transpose2d(&t[0], &t[1], p, with(Some(&t[2]), false)), &inputs)?;
    }
    Ok(())
}

/// Where cuDNN does it; candle's own takes one group.
#[cfg(feature = "cudnn")]
#[test]
fn transposed_convolutions_in_groups() -> Result<()> {
    let p = ConvParams { stride: 3, groups: 2, ..ConvParams::default() };
    let inputs = [random(&[3, 4, 4, 7], 1)?, random(&[4, 2, 3, 2], 2)?, random(&[4], 3)?];
    same("conv_transpose2d", &|t| ops::conv_transpose2d(&t[0], &t[1], p, with(Some(&t[2]), false)), &inputs)
}

#[test]
fn tensors_get_there_whole_one_after_the_other() -> Result<()> {
    let sent = [3, 20_000, 90_000, 50_000].map(|len| random(&[len], len as u64));
    let sent = sent.into_iter().collect::<Result<Vec<_>>>()?;
    for device in accelerators() {
        let there = sent.iter().map(|t| ops::upload(t, &device)).collect::<Result<Vec<_>>>()?;
        for (sent, there) in sent.iter().zip(&there) {
            assert_eq!(values(sent)?, values(&there.to_device(&Device::Cpu)?)?);
        }
    }
    Ok(())
}

/// What one thread made others read and free, in whatever order they come.
#[test]
fn threads_share_a_device() -> Result<()> {
    for device in accelerators().into_iter().filter(Device::is_cuda) {
        let x = random(&[1 << 20], 1)?.to_device(&device)?;
        let chain = || (0..50).try_fold(x.clone(), |y, _| (y * 2.0)? - &x);
        let all: Vec<Result<Tensor>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(chain)).collect();
            threads.into_iter().map(|t| t.join().unwrap_or_else(|_| panic!("a thread panicked"))).collect()
        });
        for y in all {
            assert_eq!(values(&y?.to_device(&Device::Cpu)?)?, values(&x.to_device(&Device::Cpu)?)?);
        }
    }
    Ok(())
}

#[test]
fn everything_else() -> Result<()> {
    for (h, w) in [(6, 8), (33, 31)] {
        let x = random(&[3, 5, h, w], 1)?;
        let one = std::slice::from_ref(&x);
        for (kernel, stride, padding) in [(2, 2, 0), (3, 2, 1), (3, 1, 1), (5, 2, 2)] {
            same("max_pool2d", &|t| ops::max_pool2d(&t[0], kernel, stride, padding), one)?;
        }
        same("upsample_nearest2", &|t| ops::upsample_nearest2(&t[0]), one)?;
        let both = [x.clone(), random(&[3, 5, 2 * h, 2 * w], 2)?];
        same("upsample_nearest2_add", &|t| ops::upsample_nearest2_add(&t[0], &t[1]), &both)?;
        same("avg_pool_global", &|t| ops::avg_pool_global(&t[0]), one)?;
        same("log_softmax_maps", &|t| ops::log_softmax_maps(&t[0]), one)?;
        same("relu", &|t| ops::relu(&t[0]), one)?;
        same("sum_all", &|t| (ops::sum_all(&t[0])? / 100.0)?.reshape(1), one)?;
        let three = [x.clone(), random(&[3, 5, h, w], 2)?, random(&[3, 5, h, w], 3)?];
        same("mse_loss", &|t| ops::mse_loss(&t[0], &t[1], Some(&t[2]))?.reshape(1), &three)?;
        let all = [x.clone(), random(&[5], 2)?, random(&[5], 3)?, random(&[3, 5, h, w], 4)?];
        let (mean, var) = (random(&[5], 6)?, random(&[5], 7)?.sqr()?);
        for residual in [false, true] {
            let inputs = if residual { &all[..] } else { &all[..3] };
            let train = |t: &[Tensor]| {
                Ok(ops::batch_norm_train(
                    &t[0],
                    &BatchNorm { gamma: &t[1], beta: &t[2], eps: 1e-3 },
                    after(t.get(3), false),
                )?
                .y)
            };
            same("batch_norm_train", &train, inputs)?;
            let running = |t: &[Tensor]| {
                let on = |seed| Var::from_tensor(&random(&[5], seed)?.to_device(t[0].device())?);
                let (mean, var) = (on(8)?, on(9)?);
                let running = Running { mean: &mean, var: &var, momentum: 0.25 };
                let norm = BatchNorm { gamma: &t[1], beta: &t[2], eps: 1e-3 };
                let y = ops::batch_norm_train_running(&t[0], &norm, &running, after(t.get(3), false))?;
                let moved = Tensor::cat(&[mean.as_detached_tensor(), var.as_detached_tensor()], 0)?;
                Tensor::cat(&[y.flatten_all()?, moved], 0)
            };
            same("batch_norm_train_running", &running, inputs)?;
            // Metal has no f64, in which ranks sum
            if Device::new_metal(0).is_err() {
                let synced = |t: &[Tensor]| ops::reduced(Some(Arc::new(Twins)), || train(t));
                same("batch_norm_train of two ranks", &synced, inputs)?;
            }
            let eval = |t: &[Tensor]| {
                let (mean, var) = (mean.to_device(t[0].device())?, var.to_device(t[0].device())?);
                ops::batch_norm_eval(
                    &t[0],
                    &BatchNorm { gamma: &t[1], beta: &t[2], eps: 0.1 },
                    &Statistics { mean: &mean, var: &var },
                    after(t.get(3), false),
                )
            };
            same("batch_norm_eval", &eval, inputs)?;
        }
    }
    let inputs = [random(&[5, 7], 1)?, random(&[6, 7], 2)?, random(&[6], 3)?];
    same("linear", &|t| ops::linear(&t[0], &t[1], with(Some(&t[2]), false)), &inputs)
}

#[test]
fn steps_over_many_tensors() -> Result<()> {
    let run = |device: &Device| -> Result<Vec<Tensor>> {
        let on = |dims: &[usize], seed| -> Result<Var> { Var::from_tensor(&random(dims, seed)?.to_device(device)?) };
        let shapes: [&[usize]; 3] = [&[3, 5], &[40_000], &[7]];
        let mut sets = Vec::new();
        for (i, dims) in (0u64..).zip(shapes) {
            let v = Var::from_tensor(&on(dims, 4 * i + 4)?.sqr()?)?;
            sets.push((on(dims, 4 * i + 1)?, on(dims, 4 * i + 2)?, on(dims, 4 * i + 3)?, v));
        }
        let grads: Vec<&Tensor> = sets.iter().map(|(_, grad, ..)| grad.as_tensor()).collect();
        let norm = ops::global_norm(&grads)?;
        let scaled = ops::scale_all(&grads, &norm.recip()?)?;
        let step = AdamWStep {
            lr: 0.1,
            beta1: 0.9,
            beta2: 0.99,
            eps: 1e-8,
            weight_decay: 0.1,
            bias_correction1: 0.2,
            bias_correction2: 0.3,
        };
        let items: Vec<AdamWItem<'_>> =
            sets.iter().zip(&scaled).map(|((param, _, m, v), grad)| AdamWItem { param, grad, m, v, step }).collect();
        ops::adamw_steps(&items)?;
        let pairs: Vec<_> = sets.iter().map(|(p, g, ..)| (g, p.as_tensor())).collect();
        ops::ema_steps(&pairs, 0.75)?;
        let all = sets.iter().flat_map(|(p, g, m, v)| [p, g, m, v]).map(|v| v.as_tensor().clone());
        all.chain([norm]).chain(scaled).map(|t| t.to_device(&Device::Cpu)).collect()
    };
    let expected = run(&Device::Cpu)?;
    for device in accelerators() {
        for (i, (got, e)) in run(&device)?.iter().zip(&expected).enumerate() {
            let e: Vec<f64> = values(e)?.into_iter().map(f64::from).collect();
            let off = difference(got, &e)?;
            assert!(off < 1e-4, "tensor {i} on {:?} is off by {off}", device.location());
        }
    }
    Ok(())
}
