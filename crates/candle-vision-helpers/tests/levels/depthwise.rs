//! Depthwise convolutions with every instruction set, against the textbook's loops, and with NaN.

use crate::{
    at_every_level,
    common::{difference, naive_conv, random, values},
};
use candle_core::{Device, Result, Tensor, Var};
use candle_vision_helpers::ops::{self, Activation, ConvParams};

const ALL: [Activation; 3] = [Activation::None, Activation::Relu, Activation::Relu6];

/// Large enough that ReLU6 reaches both its ends.
fn inputs(dims: [usize; 4]) -> Result<[Var; 3]> {
    let c = dims[1];
    let vars = [random(&dims, 1)?, (random(&[c, 1, 3, 3], 2)? * 6.0)?, (random(&[c], 3)? * 3.0)?];
    let [x, w, b] = vars.map(|t| Var::from_tensor(&t));
    Ok([x?, w?, b?])
}

fn clamped(activation: Activation, y: f64) -> f64 {
    match activation {
        Activation::None => y,
        Activation::Relu => y.max(0.0),
        Activation::Relu6 => y.clamp(0.0, 6.0),
    }
}

/// Panics where the result or a gradient is off by 1e-5 of the largest value.
fn against_naive(dims: [usize; 4], stride: usize, activation: Activation) -> Result<()> {
    let what = format!("{dims:?} stride {stride} {activation:?}");
    let [x, w, b] = inputs(dims)?;
    let p = ConvParams { stride, padding: 1, dilation: 1, groups: dims[1] };
    let y = ops::depthwise_conv3(&x, &w, Some(&b), stride, activation)?;
    let sums = naive_conv(&x, &w, Some(&b), p, None, false)?.y;
    let expected: Vec<f64> = sums.iter().map(|y| clamped(activation, *y)).collect();
    let off = difference(&y, &expected)?;
    assert!(off < 1e-5, "{what}: off by {off}");
    // Gradients where the sum is near an end depend on its rounding: none is sent there.
    let clear = |y: f64| (y - 6.0).abs().min(y.abs()) > 1e-4;
    let mask = |of: &dyn Fn(f64) -> bool| sums.iter().map(|y| f32::from(u8::from(of(*y)))).collect::<Vec<f32>>();
    let (sent, open) = (mask(&clear), mask(&|y| clear(y) && clamped(activation, y) == y));
    let dy = random(y.dims(), 4)?;
    let through = |mask: Vec<f32>| &dy * Tensor::from_vec(mask, y.dims(), &Device::Cpu)?;
    let naive = naive_conv(&x, &w, Some(&b), p, Some(&through(open)?), false)?;
    let grads = (&y * through(sent)?)?.sum_all()?.backward()?;
    for (name, var, expected) in [("x", &x, &naive.dx), ("weight", &w, &naive.dw), ("bias", &b, &naive.db)] {
        let Some(got) = grads.get(var) else { panic!("{what}: no gradient of {name}") };
        let off = difference(got, expected)?;
        assert!(off < 1e-5, "{what}: gradient of {name} off by {off}");
    }
    Ok(())
}

#[test]
fn depthwise_convolutions_match_the_textbook_at_every_level() -> Result<()> {
    // lines shorter than a vector, as long, with every kind of tail; planes in one strip and in several
    let sides =
        [(1, 1), (1, 2), (2, 1), (3, 3), (5, 4), (6, 7), (4, 8), (9, 16), (7, 17), (8, 33), (95, 90), (131, 128)];
    at_every_level(|_| {
        for (h, w) in sides {
            for stride in [1, 2] {
                for activation in ALL {
                    let (b, c) = if h < 90 { (3, 5) } else { (2, 3) };
                    against_naive([b, c, h, w], stride, activation)?;
                }
            }
        }
        Ok(())
    })
}

#[test]
fn nan_shows_where_its_window_sees_it_and_nowhere_else() -> Result<()> {
    at_every_level(|level| {
        for width in 1..40 {
            let (h, at) = (5, 2 * width + width / 2);
            let mut x = values(&random(&[1, 2, h, width], 1)?)?;
            x[at] = f32::NAN;
            let x = Var::from_tensor(&Tensor::from_vec(x, (1, 2, h, width), &Device::Cpu)?)?;
            let w = Var::from_tensor(&random(&[2, 1, 3, 3], 2)?)?;
            for stride in [1, 2] {
                for activation in ALL {
                    let what = format!("{level:?}, {width} wide, stride {stride}, {activation:?}");
                    let y = ops::depthwise_conv3(&x, &w, None, stride, activation)?;
                    let (_, _, oh, ow) = y.dims4()?;
                    let near = |o: usize, at: usize| (o * stride).abs_diff(at) <= 1;
                    for (i, y) in values(&y)?.iter().enumerate() {
                        let (c, r, j) = (i / (oh * ow), i / ow % oh, i % ow);
                        assert_eq!(y.is_nan(), c == 0 && near(r, 2) && near(j, width / 2), "{what}: {c} {r} {j}");
                    }
                    let grads = y.sum_all()?.backward()?;
                    let Some(dw) = grads.get(&w) else { panic!("{what}: no gradient") };
                    let dw = values(dw)?;
                    assert!(dw[..9].iter().any(|g| g.is_nan()), "{what}: the filter that met NaN");
                    assert!(dw[9..].iter().all(|g| g.is_finite()), "{what}: the other filter");
                }
            }
        }
        Ok(())
    })
}

#[test]
fn weights_of_nan_give_nothing_but_nan() -> Result<()> {
    at_every_level(|level| {
        let nan = (random(&[3, 1, 3, 3], 1)? * f64::NAN)?;
        for activation in ALL {
            let y = ops::depthwise_conv3(&random(&[1, 3, 6, 21], 2)?, &nan, None, 1, activation)?;
            assert!(values(&y)?.iter().all(|y| y.is_nan()), "{level:?} {activation:?}");
        }
        Ok(())
    })
}
