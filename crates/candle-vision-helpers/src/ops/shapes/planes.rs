//! Tensors seen as a batch of planes, a channel each.

use super::{filled, shaped};
use candle_core::{Result, Tensor, bail};

/// `(b, c, plane)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planes {
    pub b: usize,
    pub c: usize,
    pub plane: usize,
}

impl Planes {
    /// Of `x (B, C, ..)`, which a residual is shaped as.
    pub(crate) fn of(name: &str, x: &Tensor, residual: Option<&Tensor>) -> Result<Self> {
        let &[b, c, ref rest @ ..] = x.dims() else {
            bail!("{name}: input: expected (B, C, H, W), got {:?}", x.dims())
        };
        filled(name, "input", x.dims())?;
        if let Some(r) = residual {
            shaped(name, "residual", x.dims(), r.dims())?;
        }
        Ok(Self { b, c, plane: rest.iter().product() })
    }

    /// Checks arguments that hold a number for each channel.
    pub(crate) fn channels(&self, name: &str, arguments: &[(&str, &Tensor)]) -> Result<()> {
        arguments.iter().try_for_each(|(argument, t)| shaped(name, argument, &[self.c], t.dims()))
    }

    /// Elements of a channel, over the batch.
    pub(crate) fn count(&self) -> usize {
        self.b * self.plane
    }
}
