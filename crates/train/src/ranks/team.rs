//! The ranks of a run, or one process by itself, to which all of this costs nothing.

use super::{
    Ranks,
    sum::{Number, in_order},
};
use crate::error::{Error, Result};
use candle_core::Tensor;
use candle_vision_helpers::ops::Reduce;
use facekp_data::Share;
use sha2::{Digest, Sha256};
use std::{fmt, sync::Arc};

/// The ranks that train together; by default one process alone.
#[derive(Clone, Default)]
pub struct Team(pub(super) Option<Arc<dyn Ranks>>);

impl Team {
    /// A team of these ranks; one rank is alone.
    pub fn new(ranks: Arc<dyn Ranks>) -> Self {
        Self((ranks.count() > 1).then_some(ranks))
    }

    /// How many ranks there are.
    pub fn count(&self) -> usize {
        self.0.as_ref().map_or(1, |r| r.count())
    }

    /// Which one this is, from 0 on.
    pub fn rank(&self) -> usize {
        self.0.as_ref().map_or(0, |r| r.rank())
    }

    /// Whether this rank writes, logs and validates for all.
    pub fn leads(&self) -> bool {
        self.rank() == 0
    }

    /// The part of every batch that this rank trains on.
    pub(crate) fn share(&self) -> Share {
        Share { part: self.rank(), of: self.count() }
    }

    /// Sums for operations whose batch is that of all ranks; `None` alone.
    pub(crate) fn reduce(&self) -> Option<Arc<dyn Reduce>> {
        let ranks = Arc::clone(self.0.as_ref()?);
        Some(Arc::new(Sums(ranks)))
    }

    /// Replaces each value by its sum over all ranks, added in their order.
    ///
    /// # Errors
    /// A rank is gone.
    pub(crate) fn sum<T: Number>(&self, values: &mut [T]) -> Result<()> {
        self.0.as_ref().map_or(Ok(()), |ranks| in_order(ranks.as_ref(), values))
    }

    /// The sum of a contiguous tensor of f32 over all ranks, on its device.
    ///
    /// # Errors
    /// When a tensor operation fails or a rank is gone.
    pub(crate) fn sum_tensor(&self, own: &Tensor) -> Result<Tensor> {
        let Some(ranks) = &self.0 else { return Ok(own.clone()) };
        if let Some(sum) = ranks.sum_on_device(own)? {
            return Ok(sum);
        }
        // sync point
        let mut values = own.flatten_all()?.to_vec1::<f32>()?;
        in_order(ranks.as_ref(), &mut values)?;
        Ok(Tensor::from_vec(values, own.dims(), own.device())?)
    }

    /// How many ranks on this rank's machine, which has a name of its own, come before it.
    ///
    /// # Errors
    /// A rank is gone.
    pub(crate) fn before_on(&self, machine: &str) -> Result<usize> {
        let Some(ranks) = &self.0 else { return Ok(0) };
        // names are of any length
        let own: [u8; 32] = Sha256::digest(machine).into();
        let mut all = vec![0; own.len() * ranks.count()];
        ranks.gather(&own, &mut all)?;
        Ok(all.chunks_exact(own.len()).take(ranks.rank()).filter(|other| *other == own).count())
    }

    /// Whether `flag` is set on any rank.
    ///
    /// # Errors
    /// A rank is gone.
    pub(crate) fn any(&self, flag: bool) -> Result<bool> {
        let mut flags = [f64::from(u8::from(flag))];
        self.sum(&mut flags)?;
        Ok(flags[0] > 0.0)
    }

    /// What rank 0 says, for the others; `None` for itself.
    ///
    /// # Errors
    /// Rank 0 has nothing to say, because of that error; a rank is gone.
    pub(crate) fn hear(&self, say: impl FnOnce() -> Result<Vec<u8>>) -> Result<Option<Vec<u8>>> {
        let Some(ranks) = &self.0 else { return Ok(None) };
        let mut bytes = if self.leads() { say()? } else { Vec::new() };
        ranks.tell(&mut bytes)?;
        Ok((!self.leads()).then_some(bytes))
    }
}

impl fmt::Debug for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Team(rank {} of {})", self.rank(), self.count())
    }
}

struct Sums(Arc<dyn Ranks>);

impl Reduce for Sums {
    fn sum(&self, values: &mut [f64]) -> candle_core::Result<()> {
        in_order(self.0.as_ref(), values).map_err(told)
    }

    fn sum_on_device(&self, own: &Tensor) -> candle_core::Result<Option<Tensor>> {
        self.0.sum_on_device(own).map_err(told)
    }
}

fn told(e: Error) -> candle_core::Error {
    candle_core::Error::Msg(e.to_string())
}
