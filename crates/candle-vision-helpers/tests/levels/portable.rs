//! The kernels for processors without AVX, which the other tests never run on one that has it.

use crate::Turn;
use crate::common::{after, against_naive, random, values};
use candle_core::{Result, Var};
use candle_vision_helpers::ops::{self, BatchNorm, ConvParams, Level};

#[test]
fn portable_kernels_are_right_and_near_the_best_ones() -> Result<()> {
    let _turn = Turn::take();
    let p = |stride, padding, dilation, groups| ConvParams { stride, padding, dilation, groups };
    let (x, gamma) = (random(&[3, 5, 9, 13], 1)?, random(&[5], 2)?);
    let norm = || -> Result<Vec<f32>> {
        let vars = [Var::from_tensor(&x)?, Var::from_tensor(&gamma)?];
        let y = ops::batch_norm_train(
            &vars[0],
            &BatchNorm { gamma: &vars[1], beta: &gamma, eps: 1e-5 },
            after(Some(&x), true),
        )?
        .y;
        let grads = y.sqr()?.sum_all()?.backward()?;
        let grads = vars.iter().filter_map(|v| grads.get(v)).map(values).collect::<Result<Vec<_>>>()?;
        assert_eq!(grads.len(), 2);
        Ok([values(&y)?, grads.concat()].concat())
    };
    let best = norm()?;
    assert_eq!(ops::force_level(Level::Portable), Level::Portable);
    assert_eq!(ops::level(), Level::Portable);
    for (a, b) in norm()?.iter().zip(best) {
        assert!((a - b).abs() < 1e-4 * b.abs().max(1.0), "{a} {b}");
    }
    for relu in [false, true] {
        against_naive(&[2, 3, 9, 11], &[5, 3, 3, 3], p(1, 1, 1, 1), relu)?;
        against_naive(&[1, 2, 20, 33], &[60, 2, 5, 3], p(1, 2, 1, 1), relu)?;
        against_naive(&[3, 4, 17, 18], &[8, 2, 3, 3], p(2, 1, 1, 2), relu)?;
        against_naive(&[2, 300, 4, 5], &[50, 300, 1, 1], p(1, 0, 1, 1), relu)?;
        against_naive(&[9, 3, 7, 7], &[6, 3, 2, 3], p(3, 4, 2, 1), relu)?;
    }
    Ok(())
}
