//! A layer of a network that only predicts: its kernel with packed weights, and what it sees of its source. It knows
//! nothing of the picture's size, nor where maps lie.

use super::trace::{Kind, Step};
use super::weights::Weights;
use crate::ops::cpu::blocked::{
    Map, Site,
    conv::Conv,
    convert::to_blocks,
    depthwise::Depthwise,
    pool::MaxPool,
    upsample::UpsampledSum,
    winograd::{self, Winograd},
};
use candle_core::{Result, Tensor};
use std::ops::Range;

#[derive(Debug)]
pub(super) enum Kernel {
    /// The picture's planes in blocks.
    Picture,
    /// By its taps, or with fewer products where the result is large enough.
    Conv(Conv, Option<Winograd>),
    Depthwise(Depthwise),
    MaxPool(MaxPool),
    UpsampledSum(UpsampledSum),
}

/// What a pixel of the result sees of the source.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sight {
    /// The pixels `0..=last` of a window; the first output's lies up and left of the source's first pixel by `before`,
    /// the next ones `stride` further each.
    Window { last: [usize; 2], stride: usize, before: usize },
    /// The result is twice as large; its pixels see the one that they are a quarter of, and those up to `beside` it.
    Doubled { beside: usize },
}

/// One layer, and the channels of its result.
#[derive(Debug)]
pub(super) struct Layer {
    pub kernel: Kernel,
    pub sight: Sight,
    /// The layer whose result it reads.
    pub from: usize,
    pub residual: Option<usize>,
    pub channels: usize,
    /// Channels of the result that stand next to each other.
    pub block: usize,
    /// Zeros around the result that its readers need.
    pub halo: usize,
    /// Products of a pixel of the result.
    pub products: usize,
}

impl Layer {
    /// The picture, as the first layer.
    pub(super) fn picture(channels: usize, block: usize) -> Self {
        let sight = Sight::Window { last: [0; 2], stride: 1, before: 0 };
        let (from, residual, halo, products) = (0, None, 0, 0);
        Self { kernel: Kernel::Picture, sight, from, residual, channels, block, halo, products }
    }

    /// The layer of a step that reads the result of `source`, layer `from`.
    pub(super) fn of(
        step: &Step,
        (from, source): (usize, &Layer),
        residual: Option<usize>,
        lanes: usize,
        weights: &mut Weights,
    ) -> Result<Self> {
        let (inputs, activation) = (source.channels, step.activation);
        let channels = match &step.kind {
            Kind::Conv(weight, _) | Kind::Doubled(weight) => weight.dim(0)?,
            Kind::Depthwise(..) | Kind::MaxPool { .. } | Kind::UpsampledSum => inputs,
        };
        let mut bias = step.bias.as_ref().map(|b| b.flatten_all()?.to_vec1::<f32>()).transpose()?.unwrap_or_default();
        bias.resize(channels.next_multiple_of(lanes), 0.0);
        let (kernel, products) = match &step.kind {
            Kind::Conv(weight, p) => {
                let phases = weights.whole(weight, p, source.block, lanes)?;
                let conv = Conv { bias, activation, stride: p.stride, step: 1, phases };
                (Kernel::Conv(conv, weights.winograd(weight, p, lanes)?), weight.elem_count())
            }
            Kind::Doubled(weight) => {
                let phases = weights.doubled(weight, source.block, lanes)?;
                let conv = Conv { bias, activation, stride: 1, step: 2, phases };
                (Kernel::Conv(conv, None), 4 * inputs * channels)
            }
            Kind::Depthwise(weight, stride) => {
                let filters = weights.depthwise(weight, lanes)?;
                let conv = Depthwise { weights: filters, bias, activation, stride: *stride };
                (Kernel::Depthwise(conv), weight.elem_count())
            }
            &Kind::MaxPool { kernel, stride, padding } => (Kernel::MaxPool(MaxPool { kernel, stride, padding }), 0),
            Kind::UpsampledSum => (Kernel::UpsampledSum(UpsampledSum), 0),
        };
        Ok(Self { kernel, sight: sight(&step.kind)?, from, residual, channels, block: lanes, halo: 0, products })
    }

    /// Floats that it takes while it computes a result, as a whole; `None` where it takes none, a few rows at a time.
    pub(super) fn scratch(&self, from: &Map, to: &Map) -> Option<usize> {
        match &self.kernel {
            Kernel::Conv(_, Some(_)) if winograd::suits(to.h, to.w) => {
                Some(winograd::scratch(from.channels, to.h, to.w))
            }
            _ => None,
        }
    }

    /// Zeros that it needs around its source.
    pub(super) fn needed_halo(&self) -> usize {
        match (&self.kernel, self.sight) {
            // what is padded counts for nothing
            (Kernel::MaxPool(_), _) => 0,
            // the last windows reach no further than the padding, nor do the first
            (_, Sight::Window { before, .. }) => before,
            (_, Sight::Doubled { beside }) => beside,
        }
    }

    /// Height and width of the result of a source of these; `None` where it has none.
    pub(super) fn sides(&self, from: [usize; 2]) -> Option<[usize; 2]> {
        let side = |axis: usize| match self.sight {
            Sight::Window { last, stride, before } => {
                let room = from[axis].checked_add(before.checked_mul(2)?)?.checked_sub(last[axis])?.checked_sub(1)?;
                Some(room / stride + 1)
            }
            Sight::Doubled { .. } => from[axis].checked_mul(2),
        };
        Some([side(0)?, side(1)?])
    }

    /// The rows of a source of this height that some rows of the result see.
    pub(super) fn seen(&self, rows: &Range<usize>, height: usize) -> Range<usize> {
        let (first, end) = match self.sight {
            Sight::Window { last, stride, before } => {
                let end = (rows.end.saturating_sub(1) * stride + last[0] + 1).saturating_sub(before);
                ((rows.start * stride).saturating_sub(before), end)
            }
            Sight::Doubled { beside } => ((rows.start / 2).saturating_sub(beside), rows.end.div_ceil(2) + beside),
        };
        let first = first.min(height);
        first..end.clamp(first, height)
    }

    /// The most rows of a source that so many rows of the result see.
    pub(super) fn most_seen(&self, rows: usize) -> usize {
        match self.sight {
            Sight::Window { last, stride, .. } => rows.saturating_sub(1) * stride + last[0] + 1,
            Sight::Doubled { beside } => rows / 2 + 1 + 2 * beside,
        }
    }

    /// Whether it may be computed a few rows at a time from a source of which a few rows are there: every window holds
    /// a row of the source, and a row of the result can be computed without the next one.
    pub(super) fn streams(&self) -> bool {
        match self.sight {
            Sight::Window { last, before, .. } => before <= last[0],
            Sight::Doubled { beside } => beside == 0,
        }
    }

    /// Computes some rows of the result; `picture` are its planes.
    ///
    /// # Safety
    /// The contract of the kernel: the site's maps are those of the layer, and the rows that it sees are there.
    pub(super) unsafe fn run(&self, picture: &[f32], site: &Site<'_>, rows: Range<usize>) {
        // SAFETY: the caller's contract.
        unsafe {
            match &self.kernel {
                Kernel::Picture => to_blocks(picture, &site.to, site.memory, rows, site.team),
                Kernel::Conv(conv, winograd) => match (winograd, site.scratch) {
                    (Some(winograd), Some(scratch)) => winograd.run(site, scratch, &conv.bias, conv.activation),
                    _ => conv.run(site, rows),
                },
                Kernel::Depthwise(conv) => conv.run(site, rows),
                Kernel::MaxPool(pool) => pool.run(site, rows),
                Kernel::UpsampledSum(sum) => sum.run(site, rows),
            }
        }
    }

    /// Its result's map for these sides, with a place still to find.
    pub(super) fn map(&self, [h, w]: [usize; 2]) -> Map {
        Map { channels: self.channels, h, w, block: self.block, halo: self.halo, first: 0, rows: h, start: 0 }
    }
}

fn sight(kind: &Kind) -> Result<Sight> {
    Ok(match kind {
        Kind::Conv(weight, p) => {
            let (_, _, kh, kw) = weight.dims4()?;
            let last = [kh, kw].map(|k| k.saturating_sub(1) * p.dilation);
            Sight::Window { last, stride: p.stride, before: p.padding }
        }
        Kind::Doubled(_) => Sight::Doubled { beside: 1 },
        &Kind::Depthwise(_, stride) => Sight::Window { last: [2; 2], stride, before: 1 },
        &Kind::MaxPool { kernel, stride, padding } => {
            Sight::Window { last: [kernel.saturating_sub(1); 2], stride, before: padding }
        }
        Kind::UpsampledSum => Sight::Doubled { beside: 0 },
    })
}

/// Whether there is a kernel for an operation.
pub(super) fn has_kernel(step: &Step) -> bool {
    match &step.kind {
        Kind::Conv(_, p) => p.groups == 1,
        Kind::Doubled(_) | Kind::Depthwise(..) | Kind::MaxPool { .. } | Kind::UpsampledSum => true,
    }
}

/// The weights of an operation.
pub(super) fn weight(step: &Step) -> Option<&Tensor> {
    match &step.kind {
        Kind::Conv(weight, _) | Kind::Doubled(weight) | Kind::Depthwise(weight, _) => Some(weight),
        Kind::MaxPool { .. } | Kind::UpsampledSum => None,
    }
}
