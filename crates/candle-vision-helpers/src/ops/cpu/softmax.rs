//! Log-softmax of maps and its gradient.

use super::elementwise;
use super::parallel;
use super::simd::Vectors;
use super::uncleared::Shared;

pub(crate) fn forward(x: &[f32], map: usize) -> Vec<f32> {
    let mut y = vec![0f32; x.len()];
    let to = Shared::of(&mut y);
    parallel::for_each(x.len() / map, |i| {
        let x = &x[i * map..][..map];
        // SAFETY: one map per task.
        let y = unsafe { to.part(i * map, map) };
        let top = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = x.iter().map(|x| f64::from((x - top).exp())).sum();
        let log = sum.ln() as f32;
        for (y, x) in y.iter_mut().zip(x) {
            *y = x - top - log;
        }
    });
    y
}

/// `dx = dy - softmax * sum dy`, from the forward's result.
pub(crate) fn backward(y: &[f32], dy: &[f32], map: usize) -> Vec<f32> {
    let mut dx = vec![0f32; y.len()];
    let (to, vectors) = (Shared::of(&mut dx), Vectors::in_use());
    parallel::for_each(y.len() / map, |i| {
        let (y, dy) = (&y[i * map..][..map], &dy[i * map..][..map]);
        let sum = elementwise::sum(vectors, dy);
        // SAFETY: one map per task.
        for ((dx, y), dy) in unsafe { to.part(i * map, map) }.iter_mut().zip(y).zip(dy) {
            *dx = dy - y.exp() * sum;
        }
    });
    dx
}
