//! Planes at twice the size, each pixel four times, and the way back.

use super::parallel::{self, GRAIN};
use super::uncleared::Shared;

/// `2 h x 2 w` planes of `h x w` ones.
pub(crate) fn forward(x: &[f32], h: usize, w: usize) -> Vec<f32> {
    let mut y = vec![0f32; 4 * x.len()];
    let to = Shared::of(&mut y);
    parallel::for_each(x.len() / (h * w), |i| {
        let x = &x[i * h * w..][..h * w];
        // SAFETY: one plane per task.
        let y = unsafe { to.part(4 * i * h * w, 4 * h * w) };
        for (row, y) in y.chunks_exact_mut(2 * w).enumerate() {
            for (y, &x) in y.chunks_exact_mut(2).zip(&x[row / 2 * w..][..w]) {
                y.fill(x);
            }
        }
    });
    y
}

/// Adds a map of the same shape to a result.
pub(crate) fn add_to(y: &mut [f32], other: &[f32]) {
    let (len, to) = (y.len(), Shared::of(y));
    parallel::for_chunks(len, GRAIN, |from, end| {
        // SAFETY: one part per task.
        let y = unsafe { to.part(from, end - from) };
        y.iter_mut().zip(&other[from..end]).for_each(|(y, x)| *y += x);
    });
}

/// The gradient of [`forward`]'s input from that of its result.
pub(crate) fn backward(dy: &[f32], h: usize, w: usize) -> Vec<f32> {
    let mut dx = vec![0f32; dy.len() / 4];
    let to = Shared::of(&mut dx);
    parallel::for_each(dx.len() / (h * w), |i| {
        let dy = &dy[4 * i * h * w..][..4 * h * w];
        // SAFETY: one plane per task.
        let dx = unsafe { to.part(i * h * w, h * w) };
        for (row, dy) in dy.chunks_exact(2 * w).enumerate() {
            for (dx, dy) in dx[row / 2 * w..][..w].iter_mut().zip(dy.chunks_exact(2)) {
                *dx += dy[0] + dy[1];
            }
        }
    });
    dx
}
