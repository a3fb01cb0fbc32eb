//! The windows of a pooling.

use super::{elements, length, maps};
use candle_core::{Result, Tensor, bail};

/// Windows over `planes` planes of `h x w`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub planes: usize,
    pub h: usize,
    pub w: usize,
    pub oh: usize,
    pub ow: usize,
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
}

impl Window {
    /// Windows over `x (B, C, H, W)`.
    pub(crate) fn of(name: &str, x: &Tensor, kernel: usize, stride: usize, padding: usize) -> Result<Self> {
        let [b, c, h, w] = maps(name, x)?;
        if let Some((which, _)) = [("kernel", kernel), ("stride", stride)].iter().find(|(_, n)| *n == 0) {
            bail!("{name}: {which}: expected a positive number, got 0");
        }
        if padding > kernel / 2 {
            bail!("{name}: padding: expected at most half the kernel of {kernel}, got {padding}");
        }
        let (high, wide) = (length(name, "height", h, 2, padding)?, length(name, "width", w, 2, padding)?);
        if high < kernel || wide < kernel {
            bail!("{name}: kernel: expected at most the padded input of {high}x{wide}, got {kernel}");
        }
        // a step that leaves the image is like any longer one
        let stride = stride.min(high.max(wide));
        let (oh, ow) = ((high - kernel) / stride + 1, (wide - kernel) / stride + 1);
        elements(name, &[b, c, oh, ow])?;
        Ok(Self { planes: b * c, h, w, oh, ow, kernel, stride, padding })
    }
}
