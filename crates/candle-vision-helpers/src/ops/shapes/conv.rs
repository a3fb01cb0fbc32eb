//! Convolutions and transposed convolutions: their parameters, and the shape that both share.

use super::{elements, filled, length, shaped};
use crate::ops::counting;
use candle_core::{Result, bail};

/// How a convolution's kernel moves over the image, the same along both axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvParams {
    /// Pixels from one place of the kernel to the next.
    pub stride: usize,
    /// Zeros put around the image, on each side.
    pub padding: usize,
    /// Pixels from one tap of the kernel to the next.
    pub dilation: usize,
    /// Parts that the channels are cut into; each part of the output sees its part of the input only.
    pub groups: usize,
}

impl Default for ConvParams {
    fn default() -> Self {
        Self { stride: 1, padding: 0, dilation: 1, groups: 1 }
    }
}

impl ConvParams {
    fn check(&self, name: &str) -> Result<()> {
        match [("stride", self.stride), ("dilation", self.dilation), ("groups", self.groups)].iter().find(|p| p.1 == 0)
        {
            Some((which, _)) => bail!("{name}: {which}: expected a positive number, got 0"),
            None => Ok(()),
        }
    }
}

/// The sizes of a convolution `(b, c, h, w)` → `(b, o, oh, ow)`, checked: all positive, groups divide the channels, the
/// kernel fits the padded image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConvShape {
    pub b: usize,
    pub c: usize,
    pub h: usize,
    pub w: usize,
    pub o: usize,
    pub kh: usize,
    pub kw: usize,
    pub oh: usize,
    pub ow: usize,
    pub p: ConvParams,
}

impl ConvShape {
    /// A convolution of `x` with `weight` and perhaps a bias, of these dimensions.
    pub(crate) fn forward(x: &[usize], weight: &[usize], bias: Option<&[usize]>, p: ConvParams) -> Result<Self> {
        let name = "conv2d";
        let &[b, c, h, w] = x else { bail!("{name}: input: expected (B, C, H, W), got {x:?}") };
        let &[o, cg, kh, kw] = weight else {
            bail!("{name}: weight: expected (O, C / groups, KH, KW), got {weight:?}")
        };
        p.check(name)?;
        filled(name, "input", x)?;
        filled(name, "weight", weight)?;
        if !c.is_multiple_of(p.groups) || !o.is_multiple_of(p.groups) {
            bail!("{name}: groups: expected a divisor of {c} input and {o} output channels, got {}", p.groups);
        }
        if cg != c / p.groups {
            bail!("{name}: weight: expected (O, {}, KH, KW) for {c} input channels, got {weight:?}", c / p.groups);
        }
        if let Some(bias) = bias {
            shaped(name, "bias", &[o], bias)?;
        }
        let padded = |axis: &str, len: usize| length(name, axis, len, 2, p.padding);
        let out = |axis: &str, len: usize, k: usize| {
            let (padded, extent) = (padded(axis, len)?, length(name, axis, 1, k - 1, p.dilation)?);
            if padded < extent {
                bail!("{name}: weight: expected at most {padded} pixels in {axis} with dilation, got {extent}");
            }
            Ok((padded - extent) / p.stride + 1)
        };
        let (oh, ow) = (out("height", h, kh)?, out("width", w, kw)?);
        elements(name, &[b, o, oh, ow])?;
        // a step that leaves the image is like any longer one
        let stride = p.stride.min(padded("height", h)?.max(padded("width", w)?));
        Ok(Self { b, c, h, w, o, kh, kw, oh, ow, p: ConvParams { stride, ..p } })
    }

    /// The convolution that a transposed one of these dimensions is the transpose of: its input is the other's output.
    pub(crate) fn transposed(
        name: &str,
        x: &[usize],
        weight: &[usize],
        bias: Option<&[usize]>,
        p: ConvParams,
    ) -> Result<Self> {
        let &[b, c, h, w] = x else { bail!("{name}: input: expected (B, C, H, W), got {x:?}") };
        let &[wc, og, kh, kw] = weight else {
            bail!("{name}: weight: expected (C, O / groups, KH, KW), got {weight:?}")
        };
        p.check(name)?;
        filled(name, "input", x)?;
        filled(name, "weight", weight)?;
        if !c.is_multiple_of(p.groups) {
            bail!("{name}: groups: expected a divisor of {c} input channels, got {}", p.groups);
        }
        if c != wc {
            bail!("{name}: weight: expected ({c}, O / groups, KH, KW) for {c} input channels, got {weight:?}");
        }
        let o = elements(name, &[og, p.groups])?;
        if let Some(bias) = bias {
            shaped(name, "bias", &[o], bias)?;
        }
        let reach = |axis: &str, len: usize, k: usize| {
            length(name, axis, length(name, axis, 1, k - 1, p.dilation)?, len - 1, p.stride)
        };
        let (high, wide) = (reach("height", h, kh)?, reach("width", w, kw)?);
        let out = |axis: &str, reach: usize| match p.padding.checked_mul(2) {
            Some(cut) if cut < reach => Ok(reach - cut),
            _ => bail!("{name}: padding: expected less than half of {reach} pixels in {axis}, got {}", p.padding),
        };
        let (oh, ow) = (out("height", high)?, out("width", wide)?);
        elements(name, &[b, o, oh, ow])?;
        // only with one pixel along each axis can the step be longer, and then there is none
        let p = ConvParams { stride: p.stride.min(high.max(wide)), ..p };
        Ok(Self { b, c: o, h: oh, w: ow, o: c, kh, kw, oh: h, ow: w, p })
    }

    /// Pixels of a plane of the input.
    pub(crate) fn in_plane(&self) -> usize {
        self.h * self.w
    }

    /// Pixels of a plane of the output.
    pub(crate) fn out_plane(&self) -> usize {
        self.oh * self.ow
    }

    /// Taps of a kernel in one channel.
    pub(crate) fn taps(&self) -> usize {
        self.kh * self.kw
    }

    /// Elements of the weights.
    pub(crate) fn weights(&self) -> usize {
        self.o * (self.c / self.p.groups) * self.taps()
    }

    /// Multiplications whose results are added up.
    pub(crate) fn products(&self) -> u64 {
        counting::of(&[self.b, self.weights(), self.oh, self.ow])
    }
}
