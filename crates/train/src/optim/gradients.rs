//! Gradients added up over some batches, averaged and clipped before a step.

use crate::{
    error::Result,
    ranks::{Team, sum_all},
};
use candle_core::{Tensor, Var, backprop::GradStore};
use candle_vision_helpers::ops;

/// One gradient (or none yet) for each parameter of an optimizer, in its order.
#[derive(Debug, Default)]
pub(crate) struct Gradients {
    sums: Vec<Option<Tensor>>,
    batches: usize,
}

impl Gradients {
    /// Adds the gradients of one batch; `params` must be the same at every call.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub(crate) fn add<'a>(
        &mut self,
        store: &mut GradStore,
        params: impl ExactSizeIterator<Item = &'a Var>,
    ) -> Result<()> {
        self.sums.resize(params.len(), None);
        for (sum, param) in self.sums.iter_mut().zip(params) {
            let Some(new) = store.remove(param) else { continue };
            // whatever outlives the batch must not hold on to its graph
            let new = new.detach();
            *sum = Some(match sum.take() {
                Some(old) => (old + new)?,
                None => new,
            });
        }
        self.batches += 1;
        Ok(())
    }

    /// Adds the gradients of all ranks, whose losses are parts of one.
    ///
    /// # Errors
    /// When a tensor operation fails or a rank is gone.
    pub(crate) fn add_ranks(&mut self, team: &Team) -> Result<()> {
        sum_all(team, &mut self.sums.iter_mut().flatten().collect::<Vec<_>>())
    }

    /// The mean over the batches, its global norm brought down to `clip_norm` where that is above 0.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub(crate) fn finish(self, clip_norm: f64) -> Result<Vec<Option<Tensor>>> {
        let mut grads = self.sums;
        if self.batches > 1 {
            scale(&mut grads, 1.0 / self.batches as f64)?;
        }
        let given: Vec<&Tensor> = grads.iter().flatten().collect();
        if clip_norm > 0.0 && !given.is_empty() {
            let norm = ops::global_norm(&given)?;
            if norm.device().is_cpu() {
                let norm = f64::from(norm.to_scalar::<f32>()?);
                // a norm that is no number is left to the check of the loss
                if norm > clip_norm {
                    scale(&mut grads, clip_norm / (norm + 1e-6))?;
                }
            } else {
                // without a read-back, which would be a sync point a step
                let factor = ((norm + 1e-6)?.recip()? * clip_norm)?.minimum(1f64)?;
                let mut scaled = ops::scale_all(&given, &factor)?.into_iter();
                grads.iter_mut().flatten().zip(&mut scaled).for_each(|(old, new)| *old = new);
            }
        }
        Ok(grads)
    }
}

fn scale(grads: &mut [Option<Tensor>], by: f64) -> Result<()> {
    for g in grads.iter_mut().flatten() {
        *g = (&*g * by)?;
    }
    Ok(())
}
