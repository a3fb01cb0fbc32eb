//! Convolution and its gradients against the textbook's loops.

use crate::common::{against_naive, random};
use candle_core::{Result, Tensor, Var};
use candle_vision_helpers::ops::{self, ConvParams};

struct Case {
    x: [usize; 4],
    w: [usize; 4],
    p: ConvParams,
}

fn case(x: [usize; 4], w: [usize; 4], stride: usize, padding: usize, dilation: usize, groups: usize) -> Case {
    Case { x, w, p: ConvParams { stride, padding, dilation, groups } }
}

fn cases() -> Vec<Case> {
    vec![
        case([2, 3, 9, 11], [5, 3, 3, 3], 1, 1, 1, 1),
        case([1, 1, 7, 6], [20, 1, 5, 5], 1, 2, 1, 1),
        case([3, 4, 8, 8], [7, 4, 1, 1], 1, 0, 1, 1),
        case([2, 4, 9, 7], [6, 4, 1, 1], 2, 0, 1, 1),
        case([2, 3, 23, 20], [8, 3, 7, 7], 2, 3, 1, 1),
        case([2, 6, 10, 9], [9, 2, 3, 3], 3, 2, 2, 3),
        case([1, 4, 12, 17], [4, 1, 3, 3], 1, 1, 1, 4),
        case([9, 5, 7, 7], [13, 5, 3, 3], 1, 1, 1, 1),
        case([2, 2, 6, 6], [3, 2, 3, 3], 1, 4, 1, 1),
        case([1, 300, 4, 5], [31, 300, 1, 1], 1, 0, 1, 1),
        case([2, 30, 20, 22], [40, 30, 3, 3], 1, 1, 1, 1),
        case([1, 2, 40, 33], [3, 2, 2, 4], 1, 1, 3, 1),
    ]
}

#[test]
fn forward_and_gradients_match_the_textbook() -> Result<()> {
    for Case { x, w, p } in cases() {
        for relu in [false, true] {
            against_naive(&x, &w, p, relu)?;
        }
    }
    Ok(())
}

#[test]
fn a_tape_gives_what_candle_gives() -> Result<()> {
    let x = random(&[2, 3, 8, 10], 1)?;
    let w1 = Var::from_tensor(&random(&[6, 3, 3, 3], 2)?)?;
    let w2 = Var::from_tensor(&random(&[6, 6, 3, 3], 3)?)?;
    let w3 = Var::from_tensor(&random(&[4, 120], 4)?)?;
    let p = ConvParams { padding: 1, ..Default::default() };
    let net = || -> Result<Tensor> {
        let a = ops::max_pool2d(&ops::conv2d(&x, &w1, None, p, true)?, 2, 2, 0)?;
        let b = (ops::conv2d(&a, &w2, None, p, false)? + &a)?; // a skip, by a candle operation
        let y = ops::linear(&ops::relu(&b)?.flatten_from(1)?, &w3, None, false)?;
        (y * 3.0)?.sqr()?.mean_all()
    };
    let stock = net()?.backward()?;
    let tape = ops::Tape::start()?;
    let loss = net()?;
    let grads = tape.backward(&loss)?;
    for w in [&w1, &w2, &w3] {
        let (Some(a), Some(b)) = (stock.get(w), grads.get(w)) else { panic!("a gradient is missing") };
        assert_eq!(crate::common::values(a)?, crate::common::values(b)?);
    }
    Ok(())
}

#[test]
fn misfits_are_errors_that_name_them() -> Result<()> {
    let p = ConvParams::default();
    let refused = |x: &[usize], w: &[usize], b: Option<&[usize]>, p: ConvParams| -> Result<String> {
        let b = b.map(|b| random(b, 3)).transpose()?;
        match ops::conv2d(&random(x, 1)?, &random(w, 2)?, b.as_ref(), p, false) {
            Ok(_) => panic!("{x:?} {w:?} {p:?} was accepted"),
            Err(e) => Ok(e.to_string()),
        }
    };
    assert!(refused(&[1, 3, 8], &[4, 3, 3, 3], None, p)?.contains("(B, C, H, W), got [1, 3, 8]"));
    assert!(refused(&[1, 3, 0, 8], &[4, 3, 3, 3], None, p)?.contains("size of zero"));
    assert!(refused(&[1, 3, 8, 8], &[4, 2, 3, 3], None, p)?.contains("3 channels"));
    assert!(refused(&[1, 3, 2, 8], &[4, 3, 3, 3], None, p)?.contains("3 pixels in height"));
    assert!(refused(&[1, 3, 8, 8], &[4, 3, 3, 3], Some(&[3]), p)?.contains("bias must be (4), got [3]"));
    assert!(
        refused(&[1, 3, 8, 8], &[4, 1, 3, 3], None, ConvParams { groups: 2, ..p })?
            .contains("2 groups do not divide 3")
    );
    assert!(refused(&[1, 3, 8, 8], &[4, 3, 3, 3], None, ConvParams { stride: 0, ..p })?.contains("must be positive"));
    Ok(())
}
