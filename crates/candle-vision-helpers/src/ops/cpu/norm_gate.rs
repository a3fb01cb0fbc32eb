//! Where the activation behind a normalization was open: what the way back lets through.

use super::activation::{lanes_let_through, let_through};
use super::norm::{scaled, scaled_lanes};
use super::simd::Simd;

/// What tells where an activation was open (see [`let_through`]): its result, or what it was given.
#[derive(Clone, Copy)]
pub(crate) enum Gate<'a> {
    /// There was no activation: everywhere.
    Open,
    /// Its result.
    Result(&'a [f32]),
    /// The normalization, computed again by these factors, then shifts of the channels: it was given nothing else.
    Again(&'a [f32]),
}

/// A plane of `x` and of `dy`, and what tells where it was open.
#[derive(Clone, Copy)]
pub(super) struct Plane {
    x: *const f32,
    dy: *const f32,
    gate: AtPlane,
    ceiling: f32,
}

/// A [`Gate`] at a plane.
#[derive(Clone, Copy)]
enum AtPlane {
    Open,
    Result(*const f32),
    Again([f32; 2]),
}

impl Plane {
    /// The part of channel `c` of these tensors that is `len` long from `at` on.
    pub(super) fn of([x, dy]: [&[f32]; 2], gate: Gate<'_>, ceiling: f32, c: usize, [at, len]: [usize; 2]) -> Self {
        let part = |t: &[f32]| -> *const f32 { t[at..][..len].as_ptr() };
        let gate = match gate {
            Gate::Open => AtPlane::Open,
            Gate::Result(y) => AtPlane::Result(part(y)),
            Gate::Again(by) => AtPlane::Again([by[c], by[by.len() / 2 + c]]),
        };
        Self { x: part(x), dy: part(dy), gate, ceiling }
    }

    /// The same, so many floats on.
    #[inline(always)]
    pub(super) fn skip(self, by: usize) -> Self {
        let gate = match self.gate {
            AtPlane::Result(y) => AtPlane::Result(y.wrapping_add(by)),
            other => other,
        };
        Self { x: self.x.wrapping_add(by), dy: self.dy.wrapping_add(by), gate, ..self }
    }

    /// `x` and `g`.
    ///
    /// # Safety
    /// `i` lies in the plane.
    #[inline(always)]
    pub(super) unsafe fn at(&self, i: usize) -> (f32, f32) {
        // SAFETY: the caller's contract.
        let (x, dy) = unsafe { (*self.x.add(i), *self.dy.add(i)) };
        let g = match self.gate {
            AtPlane::Open => dy,
            // SAFETY: as above.
            AtPlane::Result(y) => let_through(unsafe { *y.add(i) }, self.ceiling, dy),
            AtPlane::Again([scale, shift]) => let_through(scaled(x, scale, shift), self.ceiling, dy),
        };
        (x, g)
    }

    /// As [`at`](Self::at), for each lane.
    ///
    /// # Safety
    /// A vector from `i` on lies in the plane, and the processor has the features of `S`.
    #[inline(always)]
    pub(super) unsafe fn lanes<S: Simd>(&self, i: usize) -> (S::V, S::V) {
        // SAFETY: the caller's contract.
        unsafe {
            let (x, dy, ceiling) = (S::load(self.x.add(i)), S::load(self.dy.add(i)), S::splat(self.ceiling));
            let g = match self.gate {
                AtPlane::Open => dy,
                AtPlane::Result(y) => lanes_let_through::<S>(S::load(y.add(i)), ceiling, dy),
                AtPlane::Again([scale, shift]) => {
                    lanes_let_through::<S>(scaled_lanes::<S>(x, S::splat(scale), S::splat(shift)), ceiling, dy)
                }
            };
            (x, g)
        }
    }
}
