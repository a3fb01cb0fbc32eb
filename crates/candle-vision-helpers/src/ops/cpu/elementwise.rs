//! Loops over all elements, and sums over channels, in parallel and with a fixed order of every sum.

use super::activation::{activated, let_through};
use super::parallel::{GRAIN, for_chunks, for_each};
use super::simd::{Kernel, Simd, Vectors};
use super::uncleared::{Shared, filled};
use crate::ops::Activation;
use candle_core::Result;

/// `out[i] = f(a[i], b[i])` in parallel; the closures are simple enough for the compiler to vectorize.
pub(crate) fn zip(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32 + Sync) -> Result<Vec<f32>> {
    let len = a.len().min(b.len());
    // SAFETY: the chunks cover all of it.
    unsafe {
        filled(len, |to| {
            for_chunks(len, GRAIN, |i, j| {
                let to = to.ptr().add(i);
                for (k, (x, y)) in a[i..j].iter().zip(&b[i..j]).enumerate() {
                    to.add(k).write(f(*x, *y));
                }
            });
        })
    }
}

/// `a + b`
pub(crate) fn add(a: &[f32], b: &[f32]) -> Result<Vec<f32>> {
    zip(a, b, |x, y| x + y)
}

/// `grad` in front of an activation that gave `y`.
pub(crate) fn mask(activation: Activation, y: &[f32], grad: &[f32]) -> Result<Vec<f32>> {
    let ceiling = activation.ceiling();
    zip(y, grad, |y, g| let_through(y, ceiling, g))
}

/// What an activation makes of `x`.
pub(crate) fn activate(activation: Activation, x: &[f32]) -> Result<Vec<f32>> {
    zip(x, x, |x, _| activated(activation, x))
}

/// The sum of a slice: eight vectors side by side, so that it is accurate and its order is fixed.
pub(crate) fn sum(vectors: Vectors, x: &[f32]) -> f32 {
    vectors.run(Sum(x))
}

struct Sum<'a>(&'a [f32]);

impl Kernel for Sum<'_> {
    type Out = f32;
    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> f32 {
        let chunks = self.0.chunks_exact(4 * S::LANES);
        let rest: f32 = chunks.remainder().iter().sum();
        // SAFETY: chunks are four vectors long.
        unsafe {
            let mut sums = [S::splat(0.0); 4];
            for chunk in chunks {
                for (i, s) in sums.iter_mut().enumerate() {
                    *s = S::add(*s, S::load(chunk.as_ptr().add(i * S::LANES)));
                }
            }
            S::sum(S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3]))) + rest
        }
    }
}

/// The sum of each channel of `x (b, c, plane)`: a bias's gradient.
pub(crate) fn channel_sums(x: &[f32], c: usize, plane: usize) -> Vec<f32> {
    let mut sums = vec![0f32; c];
    if plane == 0 || c == 0 {
        return sums;
    }
    let b = x.len() / (c * plane);
    let (to, vectors) = (Shared::of(&mut sums), Vectors::in_use());
    for_each(c, |i| {
        let total: f64 = (0..b).map(|b| f64::from(sum(vectors, &x[(b * c + i) * plane..][..plane]))).sum();
        // SAFETY: one channel per task.
        unsafe { *to.ptr().add(i) = total as f32 };
    });
    sums
}

/// `f(0), f(1), ..` in parallel.
pub(crate) fn from_fn(len: usize, f: &(dyn Fn(usize) -> f32 + Sync)) -> Vec<f32> {
    let mut v = vec![0f32; len];
    let to = Shared::of(&mut v);
    for_chunks(len, GRAIN, |i, j| {
        // SAFETY: chunks are disjoint.
        for (k, x) in unsafe { to.part(i, j - i) }.iter_mut().enumerate() {
            *x = f(i + k);
        }
    });
    v
}

/// `f(0) + f(1) + ..` in parallel: chunks of a fixed size, added up in order.
pub(crate) fn sum_of(len: usize, f: impl Fn(usize) -> f32 + Sync) -> f64 {
    use rayon::prelude::*;
    let chunk = |c: usize| (c * GRAIN..len.min((c + 1) * GRAIN)).map(|i| f64::from(f(i))).sum::<f64>();
    let parts: Vec<f64> = (0..len.div_ceil(GRAIN)).into_par_iter().map(chunk).collect();
    parts.iter().sum()
}
