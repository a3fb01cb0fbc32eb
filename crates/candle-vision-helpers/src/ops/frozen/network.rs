//! From what a network was seen to compute to layers, for pictures of any size.

use super::layer::{Layer, has_kernel, weight};
use super::trace::{Kind, Step};
use super::weights::Weights;
use candle_core::{Result, Tensor, TensorId};
use std::collections::{HashMap, HashSet};

/// The layers of a network, each behind those whose results it reads; the first is the picture.
#[derive(Debug)]
pub(super) struct Network {
    pub layers: Vec<Layer>,
    /// The layers whose results the network gives.
    pub outputs: Vec<usize>,
}

/// The steps that the outputs are made by, in order; `None` where they are not made from `input` by them alone.
fn needed(steps: Vec<Step>, input: TensorId, outputs: &[TensorId]) -> Option<Vec<Step>> {
    let mut wanted: HashSet<_> = outputs.iter().copied().collect();
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

/// Whether all weights are what they will be for other pictures: none is the input or computed from it.
fn are_fixed(steps: &[Step], input: TensorId) -> bool {
    let computed: HashSet<_> = steps.iter().map(|s| s.output).chain([input]).collect();
    let ids = steps.iter().flat_map(|s| [weight(s).map(Tensor::id), s.bias.as_ref().map(Tensor::id)]);
    ids.flatten().all(|id| !computed.contains(&id))
}

impl Network {
    /// A network that was seen to compute `outputs` from `input (1, C, H, W)` by `steps`; `None` where it computes what
    /// there are no kernels for, or from weights that depend on the picture.
    pub(super) fn of(
        steps: Vec<Step>,
        input: &Tensor,
        outputs: &[TensorId],
        lanes: usize,
        weights: &mut Weights,
    ) -> Result<Option<Self>> {
        let (_, c, h, w) = input.dims4()?;
        let Some(steps) = needed(steps, input.id(), outputs) else { return Ok(None) };
        if outputs.contains(&input.id()) || !are_fixed(&steps, input.id()) {
            return Ok(None);
        }
        let places: HashMap<_, _> = steps.iter().enumerate().map(|(i, s)| (s.output, i + 1)).collect();
        let place = |id: TensorId| if id == input.id() { Some(0) } else { places.get(&id).copied() };
        let mut layers = vec![Layer::picture(c, lanes)];
        let mut sides = vec![[h, w]];
        // only convolutions read blocks that are narrower than vectors
        let is_conv = |s: &Step| matches!(s.kind, Kind::Conv(..));
        if steps.iter().all(|s| (s.input != input.id() || is_conv(s)) && s.residual != Some(input.id())) {
            layers[0].block = c.min(lanes);
        }
        for step in &steps {
            let (Some(from), residual) = (place(step.input), step.residual.and_then(place)) else { return Ok(None) };
            let layer = Layer::of(step, (from, &layers[from]), residual, lanes, weights)?;
            // what is derived for other sizes is right for this one
            match layer.sides(sides[from]) {
                Some([h, w]) if step.dims == [1, layer.channels, h, w] => sides.push([h, w]),
                _ => return Ok(None),
            }
            layers[from].halo = layers[from].halo.max(layer.needed_halo());
            layers.push(layer);
        }
        let outputs = outputs.iter().filter_map(|id| place(*id)).collect();
        Ok(Some(Self { layers, outputs }))
    }

    /// Height and width of all results for a picture of these; `None` where they do not fit each other.
    pub(super) fn sides(&self, picture: [usize; 2]) -> Option<Vec<[usize; 2]>> {
        let mut sides = vec![picture];
        for layer in &self.layers[1..] {
            let own = layer.sides(sides[layer.from])?;
            if layer.residual.is_some_and(|r| sides[r] != own) {
                return None;
            }
            sides.push(own);
        }
        Some(sides)
    }

    /// The last layer that reads each result; none for those that the network gives.
    pub(super) fn last_readers(&self) -> Vec<usize> {
        let mut last: Vec<usize> = (0..self.layers.len()).collect();
        for (i, layer) in self.layers.iter().enumerate().skip(1) {
            last[layer.from] = i;
            layer.residual.into_iter().for_each(|r| last[r] = i);
        }
        self.outputs.iter().for_each(|&i| last[i] = usize::MAX);
        last
    }

    /// Whether layer `i` alone reads the result of the one before, and may do so while that is computed.
    pub(super) fn follows(&self, i: usize) -> bool {
        let before = i - 1;
        let readers = self.layers.iter().skip(1).filter(|l| l.from == before || l.residual == Some(before)).count();
        let (layer, source) = (&self.layers[i], &self.layers[before]);
        readers == 1
            && layer.from == before
            && layer.residual != Some(before)
            && !self.outputs.contains(&before)
            && layer.streams()
            && source.streams()
    }
}
