//! The instruction set may be changed while operations run: each continues with what it started with.

use crate::Turn;
use crate::common::{random, values, with};
use candle_core::{Result, Var};
use candle_vision_helpers::ops::{self, BatchNorm, ConvParams, Epilogue, Frozen, Level, Statistics};
use std::panic::{catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Bits of results and gradients, each the work of one operation: of lines read in place and of panels, of both forms
/// of the weight gradient, of sums over channels and of normalizations.
fn all() -> Result<Vec<(String, Vec<u32>)>> {
    let p = ConvParams { padding: 1, ..ConvParams::default() };
    let var = |dims: &[usize], seed| Var::from_tensor(&random(dims, seed)?);
    let mut all = Vec::new();
    for outputs in [5, 60] {
        let vars = [var(&[2, 3, 40, 37], 1)?, var(&[outputs, 3, 3, 3], 2)?, var(&[outputs], 3)?];
        let conv = ops::conv2d(&vars[0], &vars[1], p, with(Some(&vars[2]), false))?;
        let stats = random(&[3], 4)?.sqr()?;
        let eval = ops::batch_norm_eval(
            &vars[0],
            &BatchNorm { gamma: &stats, beta: &stats, eps: 1e-5 },
            &Statistics { mean: &stats, var: &stats },
            Epilogue::RELU,
        )?;
        let maps = Var::from_tensor(&random(&[2, 30, 40, 37], 5)?)?;
        for (what, y, of) in [
            ("convolution", conv, &vars[..]),
            ("normalization", eval, &vars[..1]),
            ("means", ops::avg_pool_global(&maps)?, &[]),
            ("plan", Frozen::new().run(&vars[0], |x| ops::conv2d(x, &vars[1], p, with(Some(&vars[2]), true)))?, &[]),
            ("softmax", ops::log_softmax_maps(&maps)?, std::slice::from_ref(&maps)),
        ] {
            let grads = (&y * random(y.dims(), 6)?)?.sum_all()?.backward()?;
            let tensors = std::iter::once(Some(&y)).chain(of.iter().map(|v| grads.get(v)));
            for (i, t) in tensors.enumerate() {
                let Some(t) = t else { panic!("{what}: gradient {i} is missing") };
                all.push((format!("{what} to {outputs}, {i}"), values(t)?.iter().map(|x| x.to_bits()).collect()));
            }
        }
    }
    Ok(all)
}

#[test]
fn an_operation_continues_at_the_level_it_started_with() -> Result<()> {
    let _turn = Turn::take();
    let pure =
        Level::ALL.into_iter().filter(|l| ops::force_level(*l) == *l).map(|_| all()).collect::<Result<Vec<_>>>()?;
    let done = AtomicBool::new(false);
    thread::scope(|s| {
        s.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                Level::ALL.into_iter().for_each(|l| _ = ops::force_level(l));
            }
        });
        let check = || -> Result<()> {
            for _ in 0..10 {
                for (i, (what, bits)) in all()?.into_iter().enumerate() {
                    assert!(pure.iter().any(|p| p[i].1 == bits), "{what} is of no one level");
                }
            }
            Ok(())
        };
        let checked = catch_unwind(check);
        done.store(true, Ordering::Relaxed);
        checked.unwrap_or_else(|e| resume_unwind(e))
    })
}
