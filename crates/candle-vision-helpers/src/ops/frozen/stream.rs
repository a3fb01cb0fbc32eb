//! Layers in a row whose maps are large: computed a few rows at a time, so that what lies between them stays in cache
//! and takes little memory.
//!
//! The result is cut into strips, one or two a thread, which are computed at the same time. Going down a strip, each
//! layer computes the rows that the next one is going to see and has not got yet; the last few that are seen again move
//! to the front. Rows are computed twice only where strips meet. All numbers are those of layers computed as a whole.

use super::network::Network;
use super::pass::Pass;
use super::{ALIGNED, Limits};
use crate::ops::cpu::blocked::{Map, Site};
use crate::ops::cpu::team::Member;
use std::ops::Range;

/// The part of the rows that may be computed twice for strips to be as many as threads.
const TWICE: f64 = 0.125;
/// The same for twice as many, which keeps threads busy where one is held up.
const TWICE_MORE: f64 = 0.03;

/// A run of layers of a plan.
#[derive(Debug)]
pub(super) struct Stream {
    pub layers: Range<usize>,
    /// Parts of the result that are computed at the same time.
    pub strips: usize,
    /// Rows of the result that are computed at once, at most.
    chunk: usize,
    /// Floats of a strip's maps.
    pub len: usize,
    /// Where the first strip's maps begin.
    pub start: usize,
}

impl Stream {
    /// The stream that begins with layer `first` of some maps, where there is one and it pays: the longest run of
    /// layers, up to one that shrinks its map by half, whose maps in between are too large for a cache.
    pub(super) fn of(network: &Network, maps: &[Map], first: usize, threads: usize, limits: Limits) -> Option<Self> {
        let floats = |i: usize| maps[i].channels * maps[i].h * maps[i].w;
        let shrinks = |i: usize| 2 * floats(i) <= floats(network.layers[i].from);
        let whole = |i: usize| network.layers[i].scratch(&maps[network.layers[i].from], &maps[i]).is_some();
        if whole(first) {
            return None;
        }
        let mut end = first + 1;
        while end < maps.len() && network.follows(end) && !whole(end) && !(end > first + 1 && shrinks(end - 1)) {
            end += 1;
        }
        if !(first..end - 1).any(|i| floats(i) > limits.cached) {
            return None;
        }
        let mut stream = Self { layers: first..end, strips: 1, chunk: 1, len: 0, start: 0 };
        if threads > 1 {
            let height = maps[end - 1].h;
            let twice = stream.computed_twice(network, maps);
            let pays = |(strips, most): &(usize, f64)| 2 * strips <= height && (strips - 1) as f64 * twice <= *most;
            stream.strips = [(2 * threads, TWICE_MORE), (threads, TWICE)].into_iter().find(pays)?.0;
        }
        let most = maps[end - 1].h.div_ceil(stream.strips);
        let floats = |chunk: usize| stream.floats(network, maps, chunk);
        let chunk = (2..=most).take_while(|chunk| floats(*chunk) <= limits.strip).last().unwrap_or(1);
        let len = floats(chunk);
        Some(Self { chunk, len, ..stream })
    }

    /// The part of the rows that are computed twice where two strips meet in the middle, a mean over the layers.
    fn computed_twice(&self, network: &Network, maps: &[Map]) -> f64 {
        let height = maps[self.layers.end - 1].h;
        let (mut above, mut below) = (0..height / 2, height / 2..height);
        let mut sum = 0.0;
        for i in self.layers.clone().rev() {
            sum += above.end.saturating_sub(below.start) as f64 / maps[i].h as f64;
            if i > self.layers.start {
                let (layer, height) = (&network.layers[i], maps[i - 1].h);
                (above, below) = (layer.seen(&above, height), layer.seen(&below, height));
            }
        }
        sum / self.layers.len() as f64
    }

    /// The rows of each layer but the last that are there at a time, from the last one to the first.
    fn rows<'a>(
        &self,
        network: &'a Network,
        maps: &'a [Map],
        chunk: usize,
    ) -> impl Iterator<Item = (usize, usize)> + 'a {
        self.layers.clone().skip(1).rev().scan(chunk, move |rows, i| {
            *rows = network.layers[i].most_seen(*rows).min(maps[i - 1].h);
            Some((i - 1, *rows))
        })
    }

    /// Floats that a strip's maps take.
    fn floats(&self, network: &Network, maps: &[Map], chunk: usize) -> usize {
        let of = |(i, rows): (usize, usize)| Map { rows, ..maps[i] }.len().next_multiple_of(ALIGNED);
        self.rows(network, maps, chunk).map(of).sum()
    }

    /// Gives the maps between the layers their rows and their place in a strip.
    pub(super) fn lay_out(&self, network: &Network, maps: &mut [Map]) {
        let mut start = 0;
        let rows: Vec<_> = self.rows(network, maps, self.chunk).collect();
        for (i, rows) in rows {
            let map = &mut maps[i];
            (map.rows, map.start) = (rows, start);
            start += map.len().next_multiple_of(ALIGNED);
        }
    }

    /// Computes the result of the last layer.
    ///
    /// # Safety
    /// All maps of the pass lie in its memory, those that live together apart from each other.
    pub(super) unsafe fn run(&self, pass: &Pass<'_>) {
        let height = pass.maps[self.layers.end - 1].h;
        pass.team.for_each(self.strips, |strip| {
            let rows = height * strip / self.strips..height * (strip + 1) / self.strips;
            // SAFETY: the caller's contract; strips share nothing that they write.
            unsafe { self.strip(pass, self.start + strip * self.len, &rows) };
        });
    }

    /// Computes some rows of the result, with the maps in between from `start` on.
    unsafe fn strip(&self, pass: &Pass<'_>, start: usize, rows: &Range<usize>) {
        let first = self.layers.start;
        let layers = &pass.network.layers[self.layers.clone()];
        let last = layers.len() - 1;
        let (mut maps, alone) = (pass.maps[self.layers.clone()].to_vec(), Member::alone());
        maps[..last].iter_mut().for_each(|map| map.start += start);
        // of each layer: rows up to here are computed, these are next, and of these the reader will see some
        let (mut done, mut due, mut seen) = (vec![0; last + 1], vec![0..0; last + 1], vec![0..0; last + 1]);
        let chunks = rows.len().div_ceil(self.chunk);
        let bound = |chunk: usize| rows.start + rows.len() * chunk / chunks;
        for chunk in 0..chunks {
            due[last] = bound(chunk)..bound(chunk + 1);
            for l in (0..last).rev() {
                due[l] = 0..0;
                if !due[l + 1].is_empty() {
                    seen[l] = layers[l + 1].seen(&due[l + 1], maps[l].h);
                    due[l] = seen[l].start.max(done[l])..seen[l].end;
                }
            }
            for l in (0..=last).filter(|l| !due[*l].is_empty()) {
                let mut site = Site { team: &alone, ..pass.site(first + l) };
                // SAFETY: the caller's contract; the rows that are seen from now on are there or due.
                unsafe {
                    if l < last {
                        maps[l].drop_before(pass.memory, seen[l].start, done[l]);
                    }
                    if l > 0 {
                        site.from = maps[l - 1];
                    }
                    site.to = maps[l];
                    layers[l].run(pass.picture, &site, due[l].clone());
                }
                done[l] = due[l].end;
            }
        }
    }
}
