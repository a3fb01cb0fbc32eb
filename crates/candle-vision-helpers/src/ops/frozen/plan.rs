//! From layers to a plan for pictures of one size: what is computed as a whole and what in streams of rows, and a place
//! in memory for every map.

use super::Limits;
use super::memory::Room;
use super::network::Network;
use super::pass::Pass;
use super::stream::Stream;
use crate::ops::counting;
use crate::ops::cpu::blocked::{Map, Site, convert::to_planes};
use crate::ops::cpu::{simd::Vectors, team::Member, uncleared::Shared};
use crate::ops::shapes::elements;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A part of a plan, in the order of the network's layers.
#[derive(Debug)]
enum Stage {
    /// One layer, all rows.
    Whole(usize),
    /// Some layers in a row, a few rows at a time.
    Stream(Stream),
}

/// A network for pictures of one size, and threads that share one.
#[derive(Debug)]
pub(super) struct Plan {
    network: Arc<Network>,
    /// The result of each layer.
    maps: Vec<Map>,
    stages: Vec<Stage>,
    /// Where the maps end that are there as a whole.
    pub scratch: usize,
    /// Floats of all maps, and of what is there for a while.
    pub len: usize,
    /// Multiplications of a picture whose results are added up.
    pub products: u64,
    /// Threads that share a picture.
    pub threads: usize,
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

impl Plan {
    /// The plan for pictures of this height and width that so many threads share; `None` where the network's maps do
    /// not fit each other or are made of padding nearly alone.
    pub(super) fn of(network: &Arc<Network>, sides: [usize; 2], threads: usize, limits: Limits) -> Option<Self> {
        let sides = network.sides(sides)?;
        let layers = &network.layers;
        let mut maps: Vec<Map> = layers.iter().zip(&sides).map(|(layer, sides)| layer.map(*sides)).collect();
        if !maps.iter().all(is_sound) {
            return None;
        }
        let (last_readers, mut stages, mut room, mut scratch) =
            (network.last_readers(), Vec::new(), Room::default(), 0);
        let mut i = 0;
        while i < layers.len() {
            let stream = Stream::of(network, &maps, i, threads, limits);
            let end = stream.as_ref().map_or(i + 1, |s| s.layers.end);
            maps[end - 1].start = room.take(maps[end - 1].len());
            let read = layers[i..end].iter().flat_map(|l| std::iter::once(l.from).chain(l.residual));
            let outer: BTreeSet<usize> = read.filter(|source| *source < i).collect();
            for source in outer.into_iter().filter(|source| last_readers[*source] < end) {
                room.free(maps[source].start, maps[source].len());
            }
            stages.push(match stream {
                Some(stream) => {
                    stream.lay_out(network, &mut maps);
                    scratch = scratch.max(stream.strips * stream.len);
                    Stage::Stream(stream)
                }
                None => {
                    scratch = scratch.max(layers[i].scratch(&maps[layers[i].from], &maps[i]).unwrap_or(0));
                    Stage::Whole(i)
                }
            });
            i = end;
        }
        // behind the maps that are there as a whole, as the scratch of whole layers
        for stage in &mut stages {
            if let Stage::Stream(stream) = stage {
                stream.start = room.len;
            }
        }
        let products = layers.iter().zip(&maps).map(|(l, m)| counting::of(&[l.products, m.h, m.w])).sum();
        let (network, scratch, len) = (Arc::clone(network), room.len, room.len + scratch);
        Some(Self { network, maps, stages, scratch, len, products, threads })
    }

    /// The maps that the network gives.
    pub(super) fn outputs(&self) -> impl Iterator<Item = &Map> {
        self.network.outputs.iter().map(|i| &self.maps[*i])
    }

    /// One picture, whose results are written to `to`: what this thread does of it, among those of `team`.
    ///
    /// # Safety
    /// The memory is the plan's, the picture and the vectors are of the plan's sizes, and each of `to` has room for the
    /// planes of one output; nothing but the team touches them meanwhile, whose members all run this.
    pub(super) unsafe fn run(
        &self,
        team: &Member<'_>,
        picture: &[f32],
        memory: Shared,
        vectors: Vectors,
        to: &[Shared],
    ) {
        let pass = Pass { network: &self.network, maps: &self.maps, picture, memory, vectors, team };
        // SAFETY: the plan's maps lie in its memory, those that live together apart from each other, with the zeros and
        // the weights that their layers need.
        unsafe {
            for stage in &self.stages {
                match stage {
                    Stage::Whole(i) => {
                        let (layer, site) = (&self.network.layers[*i], pass.site(*i));
                        let scratch = layer.scratch(&site.from, &site.to).map(|_| self.scratch);
                        layer.run(picture, &Site { scratch, ..site }, 0..site.to.h);
                    }
                    Stage::Stream(stream) => stream.run(&pass),
                }
            }
            for (map, to) in self.outputs().zip(to) {
                to_planes(map, memory, *to, team);
            }
        }
    }
}
