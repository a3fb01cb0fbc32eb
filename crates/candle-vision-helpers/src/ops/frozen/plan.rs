//! From what a network was seen to compute to kernels, packed weights and places in memory.

use super::memory::Room;
use super::trace::{Kind, Step};
use crate::ops::counting;
use crate::ops::cpu::blocked::{
    Map,
    conv::{Conv, Packed, Phase},
    depthwise::{Depthwise, TAPS},
    pool::MaxPool,
};
use crate::ops::shapes::{ConvParams, elements};
use candle_core::{Result, Tensor, TensorId};
use std::collections::{HashMap, HashSet, hash_map::Entry};
use std::sync::Arc;

/// A layer with its weights and maps.
#[derive(Clone, Debug)]
pub(super) enum Layer {
    Conv(Conv),
    Depthwise(Depthwise),
    MaxPool(MaxPool),
}

/// A network for pictures of one size.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub layers: Vec<Layer>,
    pub input: Map,
    pub output: Map,
    /// Floats of all maps.
    pub len: usize,
    /// Multiplications of a picture whose results are added up.
    pub products: u64,
}

/// Weights that are packed, for pictures of any size.
#[derive(Debug, Default)]
pub(super) struct Weights {
    /// By their tensor, the number of phases, the width of blocks and a vector's lanes; for each phase.
    conv: HashMap<(TensorId, usize, usize, usize), Vec<Arc<Packed>>>,
    /// By their tensor and a vector's lanes.
    depthwise: HashMap<(TensorId, usize), Arc<Vec<f32>>>,
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

    /// Forgets those that no plan has any more.
    pub(super) fn keep_used(&mut self) {
        self.conv.retain(|_, phases| phases.iter().any(|p| Arc::strong_count(p) > 1));
        self.depthwise.retain(|_, filters| Arc::strong_count(filters) > 1);
    }

    /// `[block][tap][lane]`, zeros for lanes without a channel.
    fn depthwise(&mut self, weight: &Tensor, lanes: usize) -> Result<Arc<Vec<f32>>> {
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
}

/// The steps that `output` is made by, in order; `None` where it is not made from `input` by them alone.
fn needed(steps: Vec<Step>, input: TensorId, output: TensorId) -> Option<Vec<Step>> {
    let mut wanted = HashSet::from([output]);
    let mut kept = Vec::new();
    for step in steps.into_iter().rev() {
        if step.output != input && wanted.remove(&step.output) {
            wanted.insert(step.input);
            wanted.extend(step.residual);
            kept.push(step);
        }
    }
    kept.reverse();
    (wanted == HashSet::from([input]) && kept.iter().all(has_kernel)).then_some(kept)
}

fn has_kernel(step: &Step) -> bool {
    match &step.kind {
        Kind::Conv(_, p) => p.groups == 1,
        Kind::Doubled(_) | Kind::Depthwise(..) | Kind::MaxPool { .. } => true,
    }
}

/// Zeros that a step needs around its input.
fn halo(step: &Step) -> usize {
    match &step.kind {
        // the last windows reach no further than the padding, nor do the first
        Kind::Conv(_, p) => p.padding,
        Kind::Doubled(_) | Kind::Depthwise(..) => 1,
        Kind::MaxPool { .. } => 0,
    }
}

/// Floats of a map beyond which its zeros must not outweigh it.
const LARGE: usize = 1 << 20;

/// Whether a map with its zeros can be laid out, and is not made of zeros nearly alone, as by a padding of thousands.
fn is_sound(map: &Map) -> bool {
    let floats = |zeros: usize| elements("map", &[map.blocks(), map.block, map.h + zeros, map.w + zeros]);
    match (floats(0), floats(2 * map.halo)) {
        (Ok(alone), Ok(all)) => all <= LARGE.max(alone.saturating_mul(8)),
        _ => false,
    }
}

/// Whether all weights are what they will be for other pictures: none is the input or computed from it.
fn are_fixed(steps: &[Step], input: TensorId) -> bool {
    let computed: HashSet<_> = steps.iter().map(|s| s.output).chain([input]).collect();
    let weight = |step: &Step| match &step.kind {
        Kind::Conv(weight, _) | Kind::Doubled(weight) | Kind::Depthwise(weight, _) => Some(weight.id()),
        Kind::MaxPool { .. } => None,
    };
    let ids = steps.iter().flat_map(|s| [weight(s), s.bias.as_ref().map(Tensor::id)]);
    ids.flatten().all(|id| !computed.contains(&id))
}

impl Plan {
    /// The plan of a network that was seen to compute `output` from `input (1, C, H, W)` by `steps`; `None` where it
    /// computes what there are no kernels for, from weights that depend on the picture, or with maps that are made of
    /// padding nearly alone.
    pub(super) fn of(
        steps: Vec<Step>,
        input: &Tensor,
        output: TensorId,
        lanes: usize,
        weights: &mut Weights,
    ) -> Result<Option<Self>> {
        let (_, c, h, w) = input.dims4()?;
        let Some(steps) = needed(steps, input.id(), output) else { return Ok(None) };
        if steps.is_empty() {
            return Ok(None);
        }
        // only convolutions read blocks that are narrower than vectors
        let all_conv = steps.iter().filter(|s| s.input == input.id()).all(|s| matches!(s.kind, Kind::Conv(..)))
            && steps.iter().all(|s| s.residual != Some(input.id()));
        let block = if all_conv { c.min(lanes) } else { lanes };
        let mut maps = HashMap::new();
        maps.insert(input.id(), Map { channels: c, h, w, block, halo: 0, start: 0 });
        for step in &steps {
            let &[_, channels, h, w] = step.dims.as_slice() else { return Ok(None) };
            maps.insert(step.output, Map { channels, h, w, block: lanes, halo: 0, start: 0 });
        }
        let mut last_use = HashMap::new();
        for (i, step) in steps.iter().enumerate() {
            for id in std::iter::once(step.input).chain(step.residual) {
                last_use.insert(id, i);
            }
            let Some(map) = maps.get_mut(&step.input) else { return Ok(None) };
            map.halo = map.halo.max(halo(step));
        }
        if !maps.values().all(is_sound) || !are_fixed(&steps, input.id()) {
            return Ok(None);
        }
        let mut room = Room::default();
        let place = |id: TensorId, room: &mut Room, maps: &mut HashMap<TensorId, Map>| {
            if let Some(map) = maps.get_mut(&id) {
                map.start = room.take(map.len());
            }
        };
        place(input.id(), &mut room, &mut maps);
        let (mut layers, mut products) = (Vec::with_capacity(steps.len()), 0);
        for (i, step) in steps.iter().enumerate() {
            place(step.output, &mut room, &mut maps);
            let (layer, count) = layer(step, &maps, lanes, weights)?;
            layers.push(layer);
            products += count;
            let ids: HashSet<_> = std::iter::once(step.input).chain(step.residual).collect();
            for id in ids.into_iter().filter(|id| last_use.get(id) == Some(&i) && *id != output) {
                room.free(maps[&id].start, maps[&id].len());
            }
        }
        Ok(Some(Self { layers, input: maps[&input.id()], output: maps[&output], len: room.len, products }))
    }
}

/// A step's kernel, and its products.
fn layer(step: &Step, maps: &HashMap<TensorId, Map>, lanes: usize, weights: &mut Weights) -> Result<(Layer, u64)> {
    let (from, to, activation) = (maps[&step.input], maps[&step.output], step.activation);
    let residual = step.residual.map(|id| maps[&id]);
    let mut bias = step.bias.as_ref().map(|b| b.flatten_all()?.to_vec1::<f32>()).transpose()?.unwrap_or_default();
    bias.resize(to.blocks() * lanes, 0.0);
    let conv = |phases: Vec<Phase>, stride, step| {
        let outputs = [to.h / step, to.w / step];
        Conv { from, to, residual, bias: bias.clone(), activation, stride, step, outputs, phases }
    };
    Ok(match &step.kind {
        Kind::Conv(weight, p) => {
            let phases = whole(weight, p, from.block, lanes, weights)?;
            (Layer::Conv(conv(phases, p.stride, 1)), counting::of(&[weight.elem_count(), to.h, to.w]))
        }
        Kind::Doubled(weight) => {
            let phases = doubled(weight, from.block, lanes, weights)?;
            let products = counting::of(&[16, from.channels, to.channels, from.h, from.w]);
            (Layer::Conv(conv(phases, 1, 2)), products)
        }
        Kind::Depthwise(weight, stride) => {
            let filters = weights.depthwise(weight, lanes)?;
            let products = counting::of(&[weight.elem_count(), to.h, to.w]);
            (Layer::Depthwise(Depthwise { from, to, weights: filters, bias, activation, stride: *stride }), products)
        }
        &Kind::MaxPool { kernel, stride, padding } => {
            (Layer::MaxPool(MaxPool { from, to, kernel, stride, padding }), 0)
        }
    })
}

/// A convolution with all its taps.
fn whole(weight: &Tensor, p: &ConvParams, block: usize, lanes: usize, weights: &mut Weights) -> Result<Vec<Phase>> {
    let (o, c, kh, kw) = weight.dims4()?;
    let taps: Vec<_> = (0..kh * kw).map(|tap| [tap / kw * p.dilation, tap % kw * p.dilation]).collect();
    let all = weights.conv(weight, 1, block, lanes, |w, _| {
        Packed::new([o, c, kh * kw], block, lanes, |o, i, tap| w[(o * c + i) * kh * kw + tap])
    })?;
    let phase = |weights| Phase { taps: taps.clone(), before: [p.padding; 2], first: [0; 2], weights };
    Ok(all.into_iter().map(phase).collect())
}

/// The 3×3 convolution of a map at twice its size: each of four pixels of the result sees two by two of the map's, by
/// sums of weights; along an axis the first pixel sees the one before by `{0}` and its own by `{1, 2}`, the second its
/// own by `{0, 1}` and the one behind by `{2}`.
fn doubled(weight: &Tensor, block: usize, lanes: usize, weights: &mut Weights) -> Result<Vec<Phase>> {
    const SUMS: [[&[usize]; 2]; 2] = [[&[0], &[1, 2]], [&[0, 1], &[2]]];
    let (o, c, _, _) = weight.dims4()?;
    let all = weights.conv(weight, 4, block, lanes, |w, phase| {
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
