//! Changes variables in place on the CPU, chunk by chunk over all cores.

use crate::ops::cpu::parallel::{GRAIN, for_chunks};
use crate::ops::cpu::uncleared::Shared;
use crate::ops::graph::storage::{Backend, Cpu};
use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Tensor, Var, bail};
use std::cell::RefCell;

/// One chunk of all variables, and of the tensor that goes with them.
pub(super) type Step<'a> = dyn Fn(&mut [&mut [f32]], &[f32]) + Sync + 'a;

/// Runs `step` over chunks of all variables and the tensor, in parallel. candle hands out one storage for writing at a
/// time, so the calls nest: each holds its variable while the next one is opened.
pub(super) fn in_place(vars: &[&Var], with: &Tensor, step: &Step<'_>) -> Result<()> {
    let with = with.detach().contiguous()?;
    Cpu::read(&[&with], |_, a| open(vars, RefCell::new(Vec::new()), a[0].data, step))
}

fn open(vars: &[&Var], opened: RefCell<Vec<(Shared, usize)>>, with: &[f32], step: &Step<'_>) -> Result<()> {
    match vars.split_first() {
        Some((first, rest)) => first.inplace_op1(&Open { rest, opened, with, step }),
        None => {
            let opened = opened.into_inner();
            if opened.iter().any(|(_, len)| *len != with.len()) {
                bail!("an optimizer step: expected variables of {} elements, got others", with.len());
            }
            for_chunks(with.len(), GRAIN, |i, j| {
                // SAFETY: every variable is held open for writing by a caller of ours; chunks are disjoint.
                let mut parts: Vec<&mut [f32]> = opened.iter().map(|(p, _)| unsafe { p.part(i, j - i) }).collect();
                step(&mut parts, &with[i..j]);
            });
            Ok(())
        }
    }
}

struct Open<'a> {
    rest: &'a [&'a Var],
    opened: RefCell<Vec<(Shared, usize)>>,
    with: &'a [f32],
    step: &'a Step<'a>,
}

impl InplaceOp1 for Open<'_> {
    fn name(&self) -> &'static str {
        "optimizer step"
    }
    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let CpuStorage::F32(data) = storage else { bail!("an optimizer step: expected f32 variables, got others") };
        let Some((from, to)) = layout.contiguous_offsets() else {
            bail!("an optimizer step: expected contiguous variables, got others")
        };
        let data = &mut data[from..to];
        let mut opened = self.opened.take();
        opened.push((Shared::of(data), data.len()));
        open(self.rest, RefCell::new(opened), self.with, self.step)
    }
}
