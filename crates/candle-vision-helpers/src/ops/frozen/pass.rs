//! A pass over one picture: what layers work on, whether as a whole or a few rows at a time.

use super::network::Network;
use crate::ops::cpu::blocked::{Map, Site};
use crate::ops::cpu::{simd::Vectors, team::Member, uncleared::Shared};

/// A network with its maps, and one picture.
pub(super) struct Pass<'a> {
    pub network: &'a Network,
    /// The result of each layer.
    pub maps: &'a [Map],
    /// The picture's planes.
    pub picture: &'a [f32],
    pub memory: Shared,
    pub vectors: Vectors,
    /// This thread among those that compute it.
    pub team: &'a Member<'a>,
}

impl Pass<'_> {
    /// A layer's maps.
    pub(super) fn site(&self, i: usize) -> Site<'_> {
        let layer = &self.network.layers[i];
        Site {
            from: self.maps[layer.from],
            to: self.maps[i],
            residual: layer.residual.map(|r| self.maps[r]),
            memory: self.memory,
            scratch: None,
            vectors: self.vectors,
            team: self.team,
        }
    }
}
