//! What a tape keeps of a forward pass, by counting memory: what operations say that they save, until their backward
//! pass ran, and nothing else.

use crate::common::{after, random, values, with};
use crate::heap;
use candle_core::{Result, Tensor, Var};
use candle_vision_helpers::ops::{self, Activation, BatchNorm, ConvParams, Epilogue, Statistics};

const DIMS: [usize; 4] = [2, 4, 64, 64];
/// Bytes of a tensor of these sizes.
const MAP: f64 = (2 * 4 * 64 * 64 * size_of::<f32>()) as f64;

/// A map that nobody keeps but who reads it: the operation that makes it saves nothing.
fn map(half: &Var) -> Result<Tensor> {
    ops::upsample_nearest2(half)
}

/// Maps that stay on the tape of what `f` computes when all handles of it are gone.
fn kept(f: &dyn Fn() -> Result<Tensor>) -> Result<f64> {
    let tape = ops::Tape::start()?;
    let before = heap::used();
    drop(f()?);
    let kept = heap::used() - before;
    drop(tape);
    assert!((heap::used() - before) as f64 <= 0.05 * MAP, "a dropped tape keeps something");
    Ok(kept as f64 / MAP)
}

#[test]
fn a_tape_keeps_what_backward_passes_read_and_nothing_else() -> Result<()> {
    let half = Var::from_tensor(&random(&[2, 4, 32, 32], 1)?)?;
    let var = |dims: &[usize], seed| Var::from_tensor(&random(dims, seed)?);
    let (w, filters, w3, c) = (var(&[4, 4, 1, 1], 2)?, var(&[4, 1, 3, 3], 3)?, var(&[4, 4, 3, 3], 4)?, var(&[4], 5)?);
    let (target, positive, p) = (random(&DIMS, 6)?, c.sqr()?.detach(), ConvParams::default());
    let norm = BatchNorm { gamma: &c, beta: &c, eps: 1e-5 };
    let running = Statistics { mean: &positive, var: &positive };
    let x = || map(&half);
    let train = |residual: bool, relu: bool| -> Result<Tensor> {
        let residual = if residual { Some(x()?) } else { None };
        Ok(ops::batch_norm_train(&x()?, &norm, after(residual.as_ref(), relu))?.y)
    };
    let eval = |residual: bool, relu: bool| -> Result<Tensor> {
        let residual = if residual { Some(x()?) } else { None };
        ops::batch_norm_eval(&x()?, &norm, &running, after(residual.as_ref(), relu))
    };
    let end = |relu| with(Some(&c), relu);
    type Case<'a> = (&'static str, f64, &'a dyn Fn() -> Result<Tensor>);
    // in maps: a pooling's places are a byte for a quarter of the elements, a doubled map is four
    let cases: [Case<'_>; 22] = [
        ("upsampling", 0.0, &x),
        ("a sum with an upsampled map", 0.0, &|| ops::upsample_nearest2_add(&half, &x()?)),
        ("max pooling", 1.0 / 16.0, &|| ops::max_pool2d(&x()?, 2, 2, 0)),
        ("average pooling", 0.0, &|| ops::avg_pool_global(&x()?)),
        ("a convolution", 1.0, &|| ops::conv2d(&x()?, &w, p, end(false))),
        ("a convolution and its ReLU", 2.0, &|| ops::conv2d(&x()?, &w, p, end(true))),
        ("a convolution of fixed weights", 0.0, &|| ops::conv2d(&x()?, &w.detach(), p, Epilogue::NONE)),
        ("a depthwise convolution", 1.0, &|| ops::depthwise_conv3(&x()?, &filters, None, 1, Activation::None)),
        ("and its ReLU6", 2.0, &|| ops::depthwise_conv3(&x()?, &filters, None, 1, Activation::Relu6)),
        ("a transposed convolution", 1.0, &|| ops::conv_transpose2d(&x()?, &w, p, end(false))),
        ("a doubling convolution", 1.0, &|| ops::upsample_nearest2_conv3(&x()?, &w3, end(false))),
        ("and its ReLU", 5.0, &|| ops::upsample_nearest2_conv3(&x()?, &w3, end(true))),
        ("a normalization", 1.0, &|| train(false, false)),
        ("and its ReLU", 1.0, &|| train(false, true)),
        ("and a residual", 1.0, &|| train(true, false)),
        ("and a residual and its ReLU", 2.0, &|| train(true, true)),
        ("a normalization as in evaluation", 1.0, &|| eval(false, false)),
        ("and its ReLU", 1.0, &|| eval(false, true)),
        ("and a residual and its ReLU", 2.0, &|| eval(true, true)),
        ("a ReLU", 1.0, &|| ops::relu(&x()?)),
        ("a softmax", 1.0, &|| ops::log_softmax_maps(&x()?)),
        ("a loss", 1.0, &|| ops::mse_loss(&x()?, &target, None)),
    ];
    for (what, expected, f) in cases {
        // what is allocated once, such as scratch memory
        drop(f()?);
        let maps = kept(f)?;
        assert!((maps - expected).abs() < 0.05, "{what}: expected {expected} maps kept, got {maps}");
    }
    Ok(())
}

/// Of twelve quarter maps none is left when the gradient comes to the whole one.
#[test]
fn a_backward_pass_frees_as_it_goes() -> Result<()> {
    let half = Var::from_tensor(&random(&[2, 4, 32, 32], 1)?)?;
    let net = || -> Result<(Tensor, Tensor)> {
        let pooled = ops::max_pool2d(&ops::relu(&map(&half)?)?, 2, 2, 0)?;
        let mut y = pooled.clone();
        for _ in 0..12 {
            y = ops::relu(&y)?;
        }
        Ok((ops::mse_loss(&y, &y.zeros_like()?, None)?, pooled))
    };
    net()?;
    let before = heap::used();
    let tape = ops::Tape::start()?;
    let (loss, pooled) = net()?;
    let saved = (heap::used() - before) as f64 / MAP;
    // the whole map, the quarters, and one that is still in hand; zeros and places beside
    assert!((4.0..4.75).contains(&saved), "{saved} maps kept");
    let held = values(&pooled)?;
    let (grads, most) = heap::most(|| tape.backward(&loss));
    assert!((most as f64) < 0.9 * MAP, "the backward pass took {} maps more", most as f64 / MAP);
    assert!(grads?.get(&half).is_some());
    assert_eq!(values(&pooled)?, held, "a result that is still in hand has changed");
    Ok(())
}
