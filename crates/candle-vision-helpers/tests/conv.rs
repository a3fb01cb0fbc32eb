//! Convolution and its gradients against the textbook's loops.

use crate::common::{after, against_naive, random, values, with};
use candle_core::{Result, Tensor, Var};
use candle_vision_helpers::ops::{self, Activation, BatchNorm, ConvParams, Epilogue};

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
        let a = ops::max_pool2d(&ops::conv2d(&x, &w1, p, Epilogue::RELU)?, 2, 2, 0)?;
        let b = (ops::conv2d(&a, &w2, p, Epilogue::NONE)? + &a)?; // a skip, by a candle operation
        let y = ops::linear(&ops::relu(&b)?.flatten_from(1)?, &w3, Epilogue::NONE)?;
        (y * 3.0)?.sqr()?.mean_all()
    };
    let stock = net()?.backward()?;
    let tape = ops::Tape::start()?;
    let loss = net()?;
    let grads = tape.backward(&loss)?;
    for w in [&w1, &w2, &w3] {
        let (Some(a), Some(b)) = (stock.get(w), grads.get(w)) else { panic!("a gradient is missing") };
        assert_eq!(values(a)?, values(b)?);
    }
    Ok(())
}

/// The second convolution of a shared input adds to the gradient that the first one, or a shortcut, has left.
#[test]
fn gradients_that_meet_at_a_convolution_are_added_bit_for_bit() -> Result<()> {
    for (b, c, h, w, stride) in [(3, 5, 9, 7, 1), (2, 50, 12, 16, 1), (1, 4, 20, 70, 1), (2, 50, 13, 15, 2)] {
        let x = random(&[b, 2, h, w], 1)?;
        let var = |dims: &[usize], seed| Var::from_tensor(&random(dims, seed)?);
        let vars = [var(&[c, 2, 1, 1], 2)?, var(&[c, c, 3, 3], 3)?, var(&[c, c, 1, 1], 4)?, var(&[c], 5)?];
        let [first, main, beside, gamma] = &vars;
        let at = |padding, stride| ConvParams { padding, stride, ..ConvParams::default() };
        let net = || -> Result<Tensor> {
            let a = ops::conv2d(&x, first, at(0, 1), Epilogue::RELU)?;
            let shortcut =
                if stride == 1 { a.clone() } else { ops::conv2d(&a, beside, at(0, stride), Epilogue::NONE)? };
            let y = ops::conv2d(&a, main, at(1, stride), Epilogue::NONE)?;
            let norm = BatchNorm { gamma, beta: gamma, eps: 1e-5 };
            (ops::batch_norm_train(&y, &norm, after(Some(&shortcut), true))?.y * 3.0)?.sqr()?.mean_all()
        };
        let stock = net()?.backward()?;
        let tape = ops::Tape::start()?;
        let grads = tape.backward(&net()?)?;
        for v in &vars {
            assert_eq!(stock.get(v).map(values).transpose()?, grads.get(v).map(values).transpose()?, "{h} x {w}");
        }
        assert!(grads.get(first).is_some());
    }
    Ok(())
}

#[test]
fn a_residual_in_the_same_pass_is_one_added_afterwards_bit_for_bit() -> Result<()> {
    for Case { x, w, p } in cases() {
        let (x, w, b) = (random(&x, 1)?, random(&w, 2)?, random(&w[..1], 3)?);
        let plain = ops::conv2d(&x, &w, p, with(Some(&b), false))?;
        let residual = random(plain.dims(), 4)?;
        let expected = (&plain + &residual)?;
        let sum = Epilogue { bias: Some(&b), residual: Some(&residual), activation: Activation::None };
        assert_eq!(values(&ops::conv2d(&x, &w, p, sum)?)?, values(&expected)?);
        let gated = Epilogue { activation: Activation::Relu6, ..sum };
        assert_eq!(values(&ops::conv2d(&x, &w, p, gated)?)?, values(&ops::relu6(&expected)?)?);
        // with a gradient to come, the residual gets its part of it
        let vars = [&x, &w, &b, &residual].into_iter().map(Var::from_tensor).collect::<Result<Vec<_>>>()?;
        let tracked = Epilogue {
            bias: Some(vars[2].as_tensor()),
            residual: Some(vars[3].as_tensor()),
            activation: Activation::Relu6,
        };
        let (y, dy) = (ops::conv2d(&vars[0], &vars[1], p, tracked)?, random(plain.dims(), 5)?);
        assert_eq!(values(&y)?, values(&ops::relu6(&expected)?)?);
        let Some(dr) = (y * &dy)?.sum_all()?.backward()?.remove(&vars[3]) else { panic!("no gradient") };
        let open = |(y, g): (&f32, f32)| if *y > 0.0 && *y < 6.0 { g } else { 0.0 };
        let expected: Vec<f32> = values(&expected)?.iter().zip(values(&dy)?).map(open).collect();
        assert_eq!(values(&dr)?, expected);
    }
    let (x, w) = (random(&[1, 2, 5, 5], 1)?, random(&[3, 2, 3, 3], 2)?);
    let e = ops::conv2d(&x, &w, ConvParams::default(), Epilogue { residual: Some(&x), ..Epilogue::NONE });
    assert!(e.is_err_and(|e| e.to_string().contains("conv2d: residual: expected [1, 3, 3, 3], got [1, 2, 5, 5]")));
    Ok(())
}

#[test]
fn misfits_are_errors_that_name_them() -> Result<()> {
    let p = ConvParams::default();
    let refused = |x: &[usize], w: &[usize], b: Option<&[usize]>, p: ConvParams| -> Result<String> {
        let b = b.map(|b| random(b, 3)).transpose()?;
        match ops::conv2d(&random(x, 1)?, &random(w, 2)?, p, with(b.as_ref(), false)) {
            Ok(_) => panic!("{x:?} {w:?} {p:?} was accepted"),
            Err(e) => Ok(e.to_string()),
        }
    };
    assert!(refused(&[1, 3, 8], &[4, 3, 3, 3], None, p)?.contains("(B, C, H, W), got [1, 3, 8]"));
    assert!(
        refused(&[1, 3, 0, 8], &[4, 3, 3, 3], None, p)?.contains("input: expected sizes above zero, got [1, 3, 0, 8]")
    );
    assert!(
        refused(&[1, 3, 8, 8], &[4, 2, 3, 3], None, p)?
            .contains("weight: expected (O, 3, KH, KW) for 3 input channels, got [4, 2, 3, 3]")
    );
    assert!(
        refused(&[1, 3, 2, 8], &[4, 3, 3, 3], None, p)?
            .contains("expected at most 2 pixels in height with dilation, got 3")
    );
    assert!(refused(&[1, 3, 8, 8], &[4, 3, 3, 3], Some(&[3]), p)?.contains("bias: expected [4], got [3]"));
    assert!(
        refused(&[1, 3, 8, 8], &[4, 1, 3, 3], None, ConvParams { groups: 2, ..p })?
            .contains("groups: expected a divisor of 3 input and 4 output channels, got 2")
    );
    assert!(
        refused(&[1, 3, 8, 8], &[4, 3, 3, 3], None, ConvParams { stride: 0, ..p })?
            .contains("stride: expected a positive number, got 0")
    );
    Ok(())
}
