//! Depthwise convolutions and ReLU6: against finite differences, on a tape, for any number of threads; what is refused.

use crate::common::{random, values};
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_vision_helpers::grad_check;
use candle_vision_helpers::ops::{self, Activation};

/// Large enough that ReLU6 reaches both its ends.
fn inputs(dims: [usize; 4]) -> Result<[Var; 3]> {
    let c = dims[1];
    let vars = [random(&dims, 1)?, (random(&[c, 1, 3, 3], 2)? * 6.0)?, (random(&[c], 3)? * 3.0)?];
    let [x, w, b] = vars.map(|t| Var::from_tensor(&t));
    Ok([x?, w?, b?])
}

#[test]
fn gradients_match_finite_differences() -> Result<()> {
    for stride in [1, 2] {
        for (h, w) in [(5, 6), (4, 7)] {
            let [x, weight, bias] = inputs([2, 3, h, w])?;
            let inputs = [x.as_tensor().clone(), weight.as_tensor().clone(), bias.as_tensor().clone()];
            let f = |v: &[Tensor]| ops::depthwise_conv3(&v[0], &v[1], Some(&v[2]), stride, Activation::None);
            grad_check::check(f, &inputs, 1e-2, 1e-3)?;
        }
    }
    // away from the ends, where there is no slope
    let far = |x: &f32| [0.0, 6.0].iter().all(|end: &f32| (x - end).abs() > 0.1);
    let x: Vec<f32> = values(&(random(&[60], 5)? * 9.0)?)?.into_iter().filter(far).collect();
    grad_check::check(|v| ops::relu6(&v[0]), &[Tensor::new(x, &Device::Cpu)?], 1e-2, 1e-3)
}

/// `torch.nn.functional.relu6` of these, and its gradient for ones.
#[test]
fn relu6_is_as_in_pytorch_at_its_ends_and_for_nan() -> Result<()> {
    let x = Var::new(&[-1f32, 0.0, 1e-30, 3.0, 6.0, 6.5, f32::INFINITY, f32::NEG_INFINITY, f32::NAN], &Device::Cpu)?;
    let y = ops::relu6(&x)?;
    let got = values(&y)?;
    assert_eq!(got[..8], [0.0, 0.0, 1e-30, 3.0, 6.0, 6.0, 6.0, 0.0]);
    assert!(got[8].is_nan());
    let Some(dx) = y.sum_all()?.backward()?.remove(&x) else { panic!("no gradient") };
    assert_eq!(values(&dx)?, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    Ok(())
}

#[test]
fn nothing_depends_on_threads() -> Result<()> {
    let run = |dims: [usize; 4], stride: usize| -> Result<Vec<u32>> {
        let vars = inputs(dims)?;
        let y = ops::depthwise_conv3(&vars[0], &vars[1], Some(&vars[2]), stride, Activation::Relu6)?;
        let grads = (&y * random(y.dims(), 9)?)?.sum_all()?.backward()?;
        let mut all = values(&y)?;
        for v in &vars {
            let Some(g) = grads.get(v) else { panic!("a gradient is missing") };
            all.extend(values(g)?);
        }
        Ok(all.iter().map(|x| x.to_bits()).collect())
    };
    for stride in [1, 2] {
        for dims in [[3, 40, 7, 7], [2, 5, 131, 128], [1, 2, 300, 40]] {
            let with = |n: usize| match rayon::ThreadPoolBuilder::new().num_threads(n).build() {
                Ok(pool) => pool.install(|| run(dims, stride)),
                Err(e) => panic!("{e}"),
            };
            let one = with(1)?;
            for n in [2, 3] {
                assert!(with(n)? == one, "{dims:?} stride {stride}: {n} threads differ from one");
            }
        }
    }
    Ok(())
}

#[test]
fn a_tape_gives_what_candle_gives() -> Result<()> {
    let vars = inputs([2, 4, 9, 10])?;
    let net = || -> Result<Tensor> {
        let a = ops::depthwise_conv3(&vars[0], &vars[1], Some(&vars[2]), 2, Activation::Relu6)?;
        ops::relu6(&ops::depthwise_conv3(&a, &vars[1], None, 1, Activation::None)?)?.sqr()?.mean_all()
    };
    let stock = net()?.backward()?;
    let tape = ops::Tape::start()?;
    let grads = tape.backward(&net()?)?;
    for v in &vars {
        let (Some(a), Some(b)) = (stock.get(v), grads.get(v)) else { panic!("a gradient is missing") };
        assert_eq!(values(a)?, values(b)?);
    }
    Ok(())
}

#[test]
fn misfits_and_absurd_sizes_are_errors_that_name_them() -> Result<()> {
    let refused = |x: &Tensor, w: &[usize], b: Option<&[usize]>, stride: usize| -> Result<String> {
        let b = b.map(|b| random(b, 3)).transpose()?;
        match ops::depthwise_conv3(x, &random(w, 2)?, b.as_ref(), stride, Activation::None) {
            Ok(_) => panic!("{:?} with {w:?} at stride {stride} was accepted", x.dims()),
            Err(e) => Ok(e.to_string()),
        }
    };
    let x = random(&[1, 3, 8, 8], 1)?;
    assert!(
        refused(&x.get(0)?, &[3, 1, 3, 3], None, 1)?
            .contains("depthwise_conv3: input: expected (B, C, H, W), got [3, 8, 8]")
    );
    assert!(refused(&random(&[1, 3, 0, 8], 1)?, &[3, 1, 3, 3], None, 1)?.contains("input: expected"));
    for w in [[4, 1, 3, 3], [3, 3, 3, 3], [3, 1, 5, 5]] {
        assert!(refused(&x, &w, None, 1)?.contains("weight: expected"));
    }
    assert!(refused(&x, &[3, 1, 3, 3], Some(&[1]), 1)?.contains("bias: expected"));
    for stride in [0, 3, usize::MAX] {
        assert!(refused(&x, &[3, 1, 3, 3], None, stride)?.contains("stride: expected 1 or 2"));
    }
    let one = Tensor::zeros((1, 1, 1, 1), DType::F32, &Device::Cpu)?;
    for n in [1 << 31, 1 << 32, usize::MAX / 2] {
        assert!(!refused(&one.broadcast_as((1, 1, n, 1))?, &[1, 1, 3, 3], None, 1)?.is_empty());
        assert!(!refused(&one.broadcast_as((1, 1, 1, n))?, &[1, 1, 3, 3], None, 2)?.is_empty());
    }
    let double = random(&[1, 3, 8, 8], 1)?.to_dtype(DType::F64)?;
    assert!(refused(&double, &[3, 1, 3, 3], None, 1)?.contains("f32"));
    Ok(())
}
