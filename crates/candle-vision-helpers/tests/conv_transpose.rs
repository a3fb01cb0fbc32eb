//! Transposed convolution against the textbook's input gradient, and the fused ×2 convolution against its two parts.

use crate::common::{difference, naive_conv, random, values, with};
use candle_core::{Result, Tensor, Var};
use candle_vision_helpers::grad_check;
use candle_vision_helpers::ops::{self, ConvParams, Epilogue};

/// `x (B, C, H, W)`, weights `(C, O / groups, KH, KW)`: the transpose of a convolution is its input's gradient.
fn against_naive(x: [usize; 4], w: [usize; 4], p: ConvParams) -> Result<()> {
    let (x, w) = (random(&x, 1)?, random(&w, 2)?);
    let bias = random(&[w.dims()[1] * p.groups], 3)?;
    for relu in [false, true] {
        let y = ops::conv_transpose2d(&x, &w, p, with(Some(&bias), relu))?;
        let input = random(y.dims(), 4)?;
        let naive = naive_conv(&input, &w, None, p, Some(&x), false)?.dx;
        let (_, o, h, wd) = y.dims4()?;
        let bias = values(&bias)?;
        let finish = |(i, v): (usize, &f64)| {
            let v = v + f64::from(bias[i / (h * wd) % o]);
            if relu { v.max(0.0) } else { v }
        };
        let expected: Vec<f64> = naive.iter().enumerate().map(finish).collect();
        let off = difference(&y, &expected)?;
        assert!(off < 1e-4, "{:?} * {:?} {p:?} relu {relu}: off by {off}", x.dims(), w.dims());
    }
    Ok(())
}

#[test]
fn is_the_input_gradient_of_a_convolution() -> Result<()> {
    let p = |stride, padding, dilation, groups| ConvParams { stride, padding, dilation, groups };
    against_naive([2, 3, 5, 6], [3, 4, 4, 4], p(2, 1, 1, 1))?;
    against_naive([1, 1, 1, 1], [1, 1, 3, 3], p(1, 0, 1, 1))?;
    against_naive([3, 4, 4, 7], [4, 2, 3, 2], p(3, 0, 1, 2))?;
    // a kernel smaller than the stride leaves pixels that only the bias reaches
    against_naive([2, 3, 4, 3], [3, 5, 1, 1], p(2, 0, 1, 1))?;
    against_naive([2, 6, 5, 5], [6, 7, 3, 3], p(1, 2, 2, 1))?;
    Ok(())
}

#[test]
fn gradients_agree_with_finite_differences() -> Result<()> {
    let p = ConvParams { stride: 2, padding: 1, ..Default::default() };
    let (x, w, b) = (random(&[2, 2, 3, 2], 1)?, random(&[2, 3, 4, 3], 2)?, random(&[3], 3)?);
    let inputs = [x.clone(), w, b.clone()];
    grad_check::check(|t| ops::conv_transpose2d(&t[0], &t[1], p, with(Some(&t[2]), false)), &inputs, 1e-2, 1e-2)?;
    let inputs = [x, random(&[3, 2, 3, 3], 4)?, b];
    grad_check::check(|t| ops::upsample_nearest2_conv3(&t[0], &t[1], with(Some(&t[2]), false)), &inputs, 1e-2, 1e-2)?;
    Ok(())
}

#[test]
fn the_fused_form_equals_its_parts() -> Result<()> {
    let p = ConvParams { padding: 1, ..Default::default() };
    for (x, o) in [([1, 1, 1, 1], 1), ([2, 3, 4, 5], 4), ([3, 20, 7, 3], 33), ([1, 2, 16, 16], 3)] {
        for relu in [false, true] {
            let x = Var::from_tensor(&random(&x, 1)?)?;
            let w = Var::from_tensor(&random(&[o, x.dims()[1], 3, 3], 2)?)?;
            let b = Var::from_tensor(&random(&[o], 3)?)?;
            let parts = ops::conv2d(&ops::upsample_nearest2(&x)?, &w, p, with(Some(&b), relu))?;
            let fused = ops::upsample_nearest2_conv3(&x, &w, with(Some(&b), relu))?;
            let near = |what: &str, a: &Tensor, b: &Tensor| -> Result<()> {
                let expected: Vec<f64> = values(b)?.iter().map(|&v| f64::from(v)).collect();
                let off = difference(a, &expected)?;
                assert!(off < 1e-5, "{what} of {:?} to {o}, relu {relu}: off by {off}", x.dims());
                Ok(())
            };
            near("result", &fused, &parts)?;
            let dy = random(parts.dims(), 4)?;
            let (a, e) = ((&fused * &dy)?.sum_all()?.backward()?, (&parts * &dy)?.sum_all()?.backward()?);
            for (what, var) in [("gradient of x", &x), ("gradient of the weights", &w), ("gradient of the bias", &b)] {
                let (Some(a), Some(e)) = (a.get(var), e.get(var)) else { panic!("no {what}") };
                near(what, a, e)?;
            }
        }
    }
    Ok(())
}

#[test]
fn misfits_are_errors_that_name_them() -> Result<()> {
    let p = ConvParams::default();
    let refused = |x: &[usize], w: &[usize], p: ConvParams| -> Result<String> {
        match ops::conv_transpose2d(&random(x, 1)?, &random(w, 2)?, p, Epilogue::NONE) {
            Ok(_) => panic!("{x:?} {w:?} {p:?} was accepted"),
            Err(e) => Ok(e.to_string()),
        }
    };
    assert!(refused(&[1, 3, 8], &[3, 4, 3, 3], p)?.contains("(B, C, H, W), got [1, 3, 8]"));
    assert!(refused(&[1, 3, 0, 8], &[3, 4, 3, 3], p)?.contains("input: expected sizes above zero, got [1, 3, 0, 8]"));
    assert!(refused(&[1, 3, 8, 8], &[2, 4, 3, 3], p)?.contains("weight: expected (3, O / groups, KH, KW)"));
    assert!(
        refused(&[1, 3, 1, 8], &[3, 4, 2, 2], ConvParams { padding: 1, ..p })?
            .contains("padding: expected less than half of 2 pixels in height, got 1")
    );
    let Err(e) = ops::upsample_nearest2_conv3(&random(&[1, 3, 4, 4], 1)?, &random(&[2, 2, 3, 3], 2)?, Epilogue::NONE)
    else {
        panic!("accepted")
    };
    assert!(e.to_string().contains("weight: expected (O, 3, 3, 3) for 3 input channels"), "{e}");
    Ok(())
}
