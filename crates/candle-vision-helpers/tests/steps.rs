//! Steps in place of tensors that share memory: an error, where each used to wait for itself for ever.

use crate::common::{random, values};
use candle_core::{Result, Tensor, Var};
use candle_vision_helpers::ops::{self, AdamWItem, AdamWStep, SgdStep};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const STEP: AdamWStep = AdamWStep {
    lr: 0.1,
    beta1: 0.9,
    beta2: 0.99,
    eps: 1e-8,
    weight_decay: 0.1,
    bias_correction1: 0.1,
    bias_correction2: 0.01,
};

/// The error of a step, which must come in time: a hang would block the tests, not fail them.
fn refused(what: &'static str, step: impl FnOnce() -> Result<()> + Send + 'static) {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || send.send(step().map_err(|e| e.to_string())));
    match receive.recv_timeout(Duration::from_secs(20)) {
        Ok(Err(e)) => assert!(e.contains("shares its memory with a variable"), "{what}: {e}"),
        Ok(Ok(())) => panic!("{what} was accepted"),
        Err(e) => panic!("{what}: {e}"),
    }
}

fn var(seed: u64) -> Result<Var> {
    Var::from_tensor(&random(&[4, 6], seed)?)
}

#[test]
fn shared_memory_is_refused() -> Result<()> {
    let (p, m, v) = (var(1)?, var(2)?, var(3)?);
    let all = [&p, &m, &v].map(|v| v.as_tensor().copy()).into_iter().collect::<Result<Vec<_>>>()?;
    let g = random(&[4, 6], 4)?;
    let own = p.as_detached_tensor();
    // half of a variable's own memory, neither all of it nor from its start
    let part = Var::from_tensor(&random(&[8, 6], 5)?)?;
    let view = part.narrow(0, 4, 4)?;
    {
        let (p, own) = (p.clone(), own.clone());
        refused("ema_step of itself", move || ops::ema_step(&p, &own, 0.5));
    }
    for nesterov in [false, true] {
        let (p, m, own, g) = (p.clone(), m.clone(), own.clone(), g.clone());
        let other = m.as_detached_tensor();
        let (p2, m2) = (p.clone(), m.clone());
        refused("sgd_step, gradient", move || {
            ops::sgd_step(&p, &own, &m, &SgdStep { lr: 0.1, momentum: 0.9, weight_decay: 0.1, nesterov })
        });
        let (p, m) = (p2.clone(), m2.clone());
        refused("sgd_step, gradient in the velocity", move || {
            ops::sgd_step(&p, &other, &m, &SgdStep { lr: 0.1, momentum: 0.9, weight_decay: 0.1, nesterov })
        });
        refused("sgd_step, velocity", move || {
            ops::sgd_step(&p2, &g, &p2, &SgdStep { lr: 0.1, momentum: 0.9, weight_decay: 0.1, nesterov })
        });
    }
    for (what, [i, j, k]) in [("m", [0, 0, 1]), ("v", [0, 1, 0]), ("both moments", [0, 1, 1])] {
        let (vars, g) = ([p.clone(), m.clone(), v.clone()], g.clone());
        let (vars2, g2) = (vars.clone(), g.clone());
        refused(what, move || ops::adamw_step(&vars[i], &g, &vars[j], &vars[k], &STEP));
        refused(what, move || {
            let item = AdamWItem { param: &vars2[i], grad: &g2, m: &vars2[j], v: &vars2[k], step: STEP };
            ops::adamw_steps(&[item])
        });
    }
    {
        let (p, m, v, own) = (p.clone(), m.clone(), v.clone(), own.clone());
        refused("adamw_step, gradient", move || ops::adamw_step(&p, &own, &m, &v, &STEP));
    }
    {
        let (p, own) = (p.clone(), own.clone());
        refused("ema_steps of itself", move || ops::ema_steps(&[(&p, &own)], 0.5));
    }
    {
        // one after the other they would end, on a GPU they would race
        let (p, m, g) = (p.clone(), m.clone(), g.clone());
        refused("ema_steps of one shadow twice", move || ops::ema_steps(&[(&p, &g), (&p, &m)], 0.5));
    }
    {
        let p = part.clone();
        refused("ema_step of a view", move || {
            let shadow = Var::from_tensor(&view)?; // a copy
            ops::ema_step(&shadow, &view, 0.5)?;
            let rows = p.narrow(0, 0, 8)?;
            ops::ema_step(&p, &rows, 0.5)
        });
    }
    for (var, before) in [&p, &m, &v].into_iter().zip(all) {
        assert_eq!(values(var)?, values(&before)?, "a refused step changed something");
    }
    Ok(())
}

#[test]
fn gradients_may_share_memory() -> Result<()> {
    let (a, b, m, v, g) = (var(1)?, var(2)?, var(3)?, var(4)?, random(&[4, 6], 5)?);
    let same: Tensor = g.narrow(0, 0, 4)?;
    ops::ema_steps(&[(&a, &g), (&b, &same)], 0.5)?;
    ops::sgd_step(&a, &same, &m, &SgdStep { lr: 0.1, momentum: 0.9, weight_decay: 0.1, nesterov: true })?;
    ops::adamw_step(&a, &g, &m, &v.sqr().and_then(|v| Var::from_tensor(&v))?, &STEP)
}
