//! Weights in the order in which the kernels read them, packed once for pictures of any size.

use crate::ops::cpu::blocked::{
    conv::{Packed, Phase},
    depthwise::TAPS,
    winograd::{self, Filters, Winograd},
};
use crate::ops::shapes::ConvParams;
use candle_core::{Result, Tensor, TensorId};
use std::collections::{HashMap, hash_map::Entry};
use std::sync::Arc;

/// Weights that are packed.
#[derive(Debug, Default)]
pub(super) struct Weights {
    /// By their tensor, the number of phases, the width of blocks and a vector's lanes; for each phase.
    conv: HashMap<(TensorId, usize, usize, usize), Vec<Arc<Packed>>>,
    /// By their tensor and a vector's lanes.
    depthwise: HashMap<(TensorId, usize), Arc<Vec<f32>>>,
    /// By their tensor and a vector's lanes.
    filters: HashMap<(TensorId, usize), Arc<Filters>>,
}

impl Weights {
    fn conv(
        &mut self,
        weight: &Tensor,
        phases: usize,
        block: usize,
        lanes: usize,
        pack: impl Fn(&[f32], usize) -> Result<Packed>,
    ) -> Result<Vec<Arc<Packed>>> {
        Ok(match self.conv.entry((weight.id(), phases, block, lanes)) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => {
                let w = weight.flatten_all()?.to_vec1::<f32>()?;
                let packed = (0..phases).map(|phase| pack(&w, phase).map(Arc::new)).collect::<Result<Vec<_>>>()?;
                new.insert(packed).clone()
            }
        })
    }

    /// Forgets those that no network has any more.
    pub(super) fn keep_used(&mut self) {
        self.conv.retain(|_, phases| phases.iter().any(|p| Arc::strong_count(p) > 1));
        self.depthwise.retain(|_, filters| Arc::strong_count(filters) > 1);
        self.filters.retain(|_, filters| Arc::strong_count(filters) > 1);
    }

    /// `[block][tap][lane]`, zeros for lanes without a channel.
    pub(super) fn depthwise(&mut self, weight: &Tensor, lanes: usize) -> Result<Arc<Vec<f32>>> {
        Ok(match self.depthwise.entry((weight.id(), lanes)) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(new) => {
                let w = weight.flatten_all()?.to_vec1::<f32>()?;
                let blocks = (w.len() / TAPS).div_ceil(lanes);
                let places = (0..blocks).flat_map(|b| (0..TAPS).flat_map(move |t| (0..lanes).map(move |l| (b, t, l))));
                let at = |(block, tap, lane)| w.get((block * lanes + lane) * TAPS + tap).copied().unwrap_or(0.0);
                Arc::clone(new.insert(Arc::new(places.map(at).collect())))
            }
        })
    }

    /// A 3×3 convolution with fewer products, where it is one and that pays.
    pub(super) fn winograd(&mut self, weight: &Tensor, p: &ConvParams, lanes: usize) -> Result<Option<Winograd>> {
        let (o, c, kh, kw) = weight.dims4()?;
        if !winograd::pay([o, c, kh, kw], *p) {
            return Ok(None);
        }
        Ok(Some(Winograd::new(match self.filters.entry((weight.id(), lanes)) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(new) => {
                let filters = Filters::new(&weight.flatten_all()?.to_vec1::<f32>()?, o, c, lanes)?;
                Arc::clone(new.insert(Arc::new(filters)))
            }
        })))
    }

    /// A convolution with all its taps.
    pub(super) fn whole(&mut self, weight: &Tensor, p: &ConvParams, block: usize, lanes: usize) -> Result<Vec<Phase>> {
        let (o, c, kh, kw) = weight.dims4()?;
        let taps: Vec<_> = (0..kh * kw).map(|tap| [tap / kw * p.dilation, tap % kw * p.dilation]).collect();
        let all = self.conv(weight, 1, block, lanes, |w, _| {
            Packed::new([o, c, kh * kw], block, lanes, |o, i, tap| w[(o * c + i) * kh * kw + tap])
        })?;
        let phase = |weights| Phase { taps: taps.clone(), before: [p.padding; 2], first: [0; 2], weights };
        Ok(all.into_iter().map(phase).collect())
    }

    /// The 3×3 convolution of a map at twice its size: each of four pixels of the result sees two by two of the map's,
    /// by sums of weights; along an axis the first pixel sees the one before by `{0}` and its own by `{1, 2}`, the
    /// second its own by `{0, 1}` and the one behind by `{2}`.
    pub(super) fn doubled(&mut self, weight: &Tensor, block: usize, lanes: usize) -> Result<Vec<Phase>> {
        const SUMS: [[&[usize]; 2]; 2] = [[&[0], &[1, 2]], [&[0, 1], &[2]]];
        let (o, c, _, _) = weight.dims4()?;
        let all = self.conv(weight, 4, block, lanes, |w, phase| {
            let (rows, columns) = (SUMS[phase / 2], SUMS[phase % 2]);
            Packed::new([o, c, 4], block, lanes, |o, i, tap| {
                let w = &w[(o * c + i) * 9..][..9];
                rows[tap / 2].iter().flat_map(|y| columns[tap % 2].iter().map(move |x| w[y * 3 + x])).sum()
            })
        })?;
        let taps: Vec<_> = (0..4).map(|tap| [tap / 2, tap % 2]).collect();
        let phase = |(i, weights)| {
            let first = [i / 2, i % 2];
            Phase { taps: taps.clone(), before: first.map(|f| 1 - f), first, weights }
        };
        Ok(all.into_iter().enumerate().map(phase).collect())
    }
}
