//! The way back through a normalization: two passes over a channel, the second from cache but where sums over ranks lie
//! between them.

use super::activation::{lanes_let_through, let_through};
use super::norm::{BLOCK, Moments};
use super::parallel;
use super::simd::{Kernel, Simd, Vectors};
use super::uncleared::{Shared, filled, try_filled};
use crate::ops::reduce::Reduce;
use crate::ops::shapes::Planes;
use candle_core::Result;

/// A backward pass: `g = dy` where the gate is open (see [`let_through`]; everywhere without a gate).
pub(crate) struct Backward<'a> {
    pub x: &'a [f32],
    pub dy: &'a [f32],
    /// What an activation gave.
    pub gate: Option<&'a [f32]>,
    /// Where that activation cuts off.
    pub ceiling: f32,
    pub planes: Planes,
    /// Whether the residual's gradient, which is `g`, is wanted.
    pub residual: bool,
}

/// The gradients of x, of the `2 C` parameters and of the residual.
pub(crate) struct Grads {
    pub dx: Vec<f32>,
    pub both: Vec<f32>,
    pub residual: Option<Vec<f32>>,
}

impl Backward<'_> {
    /// Through [`Forward::train`](super::norm::Forward::train), or through
    /// [`Forward::train_synced`](super::norm::Forward::train_synced) with what sums over its ranks.
    pub(crate) fn train(
        &self,
        both: &[f32],
        moments: &Moments,
        eps: f64,
        reduce: Option<&dyn Reduce>,
    ) -> Result<Grads> {
        let inverse = |c: usize| 1.0 / (f64::from(moments.var[c]) + eps).sqrt();
        self.run(
            reduce,
            |c| moments.mean[c],
            |c, [sum, sum_x]| {
                let (gamma, mean, inverse) = (f64::from(both[c]), f64::from(moments.mean[c]), inverse(c));
                let a = gamma * inverse;
                let b = -a * inverse * inverse * sum_x / moments.count;
                [a, b, -a * sum / moments.count - b * mean]
            },
            |c, [sum, sum_x]| [sum_x * inverse(c), sum],
        )
    }

    /// Through [`Forward::scale`](super::norm::Forward::scale).
    pub(crate) fn scale(&self, both: &[f32]) -> Result<Grads> {
        self.run(None, |_| 0.0, |c, _| [f64::from(both[c]), 0.0, 0.0], |_, [sum, sum_x]| [sum_x, sum])
    }

    /// For each channel, of `[sum g, sum g (x - center)]`: `slopes` gives `dx = a g + b x + c` and takes the sums over
    /// all ranks, `parameters` gives the two parameters' gradients and takes those of this rank, whose part of them it
    /// is.
    fn run(
        &self,
        reduce: Option<&dyn Reduce>,
        center: impl Fn(usize) -> f32 + Sync,
        slopes: impl Fn(usize, [f64; 2]) -> [f64; 3] + Sync,
        parameters: impl Fn(usize, [f64; 2]) -> [f64; 2] + Sync,
    ) -> Result<Grads> {
        let s = self.planes;
        let vectors = Vectors::in_use();
        let synced = match reduce {
            None => None,
            Some(reduce) => {
                let own = parallel::map(s.c, |c| self.sums(vectors, c, center(c)));
                let mut all = own.concat();
                reduce.sum(&mut all)?;
                Some((own, all))
            }
        };
        let mut both = vec![0f32; 2 * s.c];
        let both_to = Shared::of(&mut both);
        let work = |dx: Shared, residual: Option<Shared>| {
            parallel::for_each(s.c, |c| {
                let (own, all) = match &synced {
                    None => {
                        let own = self.sums(vectors, c, center(c));
                        (own, own)
                    }
                    Some((own, all)) => (own[c], [all[2 * c], all[2 * c + 1]]),
                };
                let ([a, b_, c_], grads) = (slopes(c, all), parameters(c, own));
                // SAFETY: this channel's parameters and planes are this task's.
                unsafe {
                    both_to.ptr().add(c).write(grads[0] as f32);
                    both_to.ptr().add(s.c + c).write(grads[1] as f32);
                    for b in 0..s.b {
                        let (at, x, dy, gate) = self.plane(b, c);
                        let residual = residual.map_or(std::ptr::null_mut(), |r| r.ptr().add(at));
                        let by = [a as f32, b_ as f32, c_ as f32];
                        let ceiling = self.ceiling;
                        vectors.run(Dx { len: s.plane, x, dy, gate, ceiling, by, dx: dx.ptr().add(at), residual });
                    }
                }
            });
        };
        let mut residual = None;
        // SAFETY: the work writes every plane of both.
        let dx = unsafe {
            try_filled(self.x.len(), |dx| {
                if self.residual {
                    residual = Some(filled(self.x.len(), |r| work(dx, Some(r)))?);
                } else {
                    work(dx, None);
                }
                Ok(())
            })?
        };
        Ok(Grads { dx, both, residual })
    }

    /// Where a plane begins, and it in `x`, in `dy` and in the gate.
    fn plane(&self, b: usize, c: usize) -> (usize, *const f32, *const f32, *const f32) {
        let s = self.planes;
        let at = (b * s.c + c) * s.plane;
        let part = |t: &[f32]| -> *const f32 { t[at..][..s.plane].as_ptr() };
        (at, part(self.x), part(self.dy), self.gate.map_or(std::ptr::null(), part))
    }

    /// `[sum g, sum g (x - center)]` of a channel.
    fn sums(&self, vectors: Vectors, c: usize, center: f32) -> [f64; 2] {
        let (_, x, dy, gate) = self.plane(0, c);
        let planes = &self.planes;
        let (sum, sum_x) = vectors.run(Sums { planes, x, dy, gate, ceiling: self.ceiling, center });
        [sum, sum_x]
    }
}

/// `dy`, where there is a gate only as far as it lets through.
///
/// # Safety
/// A vector is readable behind `dy`, and behind `gate` where it is there.
#[inline(always)]
unsafe fn masked<S: Simd>(dy: *const f32, gate: *const f32, is_gated: bool, ceiling: S::V) -> S::V {
    // SAFETY: the caller's contract.
    unsafe {
        let g = S::load(dy);
        if is_gated { lanes_let_through::<S>(S::load(gate), ceiling, g) } else { g }
    }
}

/// The sums of `g` and of `g (x - center)` over a channel, from its first plane on.
struct Sums<'a> {
    planes: &'a Planes,
    x: *const f32,
    dy: *const f32,
    gate: *const f32,
    ceiling: f32,
    center: f32,
}

impl Kernel for Sums<'_> {
    type Out = (f64, f64);
    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> (f64, f64) {
        let (mut sum, mut sum_x) = (0f64, 0f64);
        let len = self.planes.plane;
        // SAFETY: all planes of the channel are there, and behind `gate` unless it is null.
        unsafe {
            let zero = S::splat(0.0);
            let (minus, ceiling) = (S::splat(-self.center), S::splat(self.ceiling));
            let (mut s, mut q, mut summed) = ([zero; 2], [zero; 2], 0);
            for b in 0..self.planes.b {
                let skipped = b * self.planes.c * len;
                let (x, dy, gate) = (self.x.add(skipped), self.dy.add(skipped), self.gate.wrapping_add(skipped));
                let mut from = 0;
                while from < len {
                    let end = len.min(from + BLOCK);
                    let whole = from + (end - from) / S::LANES * S::LANES;
                    let two = from + (end - from) / (2 * S::LANES) * (2 * S::LANES);
                    for i in (from..two).step_by(2 * S::LANES) {
                        for v in 0..2 {
                            let i = i + v * S::LANES;
                            let g = masked::<S>(dy.add(i), gate.wrapping_add(i), !self.gate.is_null(), ceiling);
                            s[v] = S::add(s[v], g);
                            q[v] = S::fma(g, S::add(S::load(x.add(i)), minus), q[v]);
                        }
                    }
                    if two < whole {
                        let g = masked::<S>(dy.add(two), gate.wrapping_add(two), !self.gate.is_null(), ceiling);
                        s[0] = S::add(s[0], g);
                        q[0] = S::fma(g, S::add(S::load(x.add(two)), minus), q[0]);
                    }
                    for i in whole..end {
                        let mut g = *dy.add(i);
                        if !self.gate.is_null() {
                            g = let_through(*gate.add(i), self.ceiling, g);
                        }
                        sum += f64::from(g);
                        sum_x += f64::from(g * (*x.add(i) - self.center));
                    }
                    summed += end - from;
                    if summed >= BLOCK || b + 1 == self.planes.b {
                        sum += f64::from(S::sum(S::add(s[0], s[1])));
                        sum_x += f64::from(S::sum(S::add(q[0], q[1])));
                        (s, q, summed) = ([zero; 2], [zero; 2], 0);
                    }
                    from = end;
                }
            }
        }
        (sum, sum_x)
    }
}

struct Dx {
    len: usize,
    x: *const f32,
    dy: *const f32,
    gate: *const f32,
    ceiling: f32,
    by: [f32; 3],
    dx: *mut f32,
    residual: *mut f32,
}

impl Kernel for Dx {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let whole = self.len / S::LANES * S::LANES;
        let [a, b, c] = self.by;
        // SAFETY: all pointers are good for `len` floats, or null where there is none.
        unsafe {
            let (av, bv, cv, ceiling) = (S::splat(a), S::splat(b), S::splat(c), S::splat(self.ceiling));
            for i in (0..whole).step_by(S::LANES) {
                let mut g = S::load(self.dy.add(i));
                if !self.gate.is_null() {
                    g = lanes_let_through::<S>(S::load(self.gate.add(i)), ceiling, g);
                }
                if !self.residual.is_null() {
                    S::store(self.residual.add(i), g);
                }
                S::store(self.dx.add(i), S::fma(g, av, S::fma(S::load(self.x.add(i)), bv, cv)));
            }
            for i in whole..self.len {
                let mut g = *self.dy.add(i);
                if !self.gate.is_null() {
                    g = let_through(*self.gate.add(i), self.ceiling, g);
                }
                if !self.residual.is_null() {
                    self.residual.add(i).write(g);
                }
                self.dx.add(i).write(a * g + (b * *self.x.add(i) + c));
            }
        }
    }
}
