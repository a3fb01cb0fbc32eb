//! Planes at twice the size, and the way back.

use super::memory::Shared;
use super::parallel;

/// `2 h x 2 w` planes of `h x w` ones.
pub(crate) fn forward(x: &[f32], h: usize, w: usize, bilinear: bool) -> Vec<f32> {
    let mut y = vec![0f32; 4 * x.len()];
    let to = Shared::of(&mut y);
    parallel::for_each(x.len() / (h * w), |i| {
        let x = &x[i * h * w..][..h * w];
        // SAFETY: one plane a task.
        let y = unsafe { to.part(4 * i * h * w, 4 * h * w) };
        let mut mixed = vec![0f32; w];
        for (row, y) in y.chunks_exact_mut(2 * w).enumerate() {
            let near = &x[row / 2 * w..][..w];
            if !bilinear {
                for (y, &x) in y.chunks_exact_mut(2).zip(near) {
                    y.fill(x);
                }
                continue;
            }
            let far = &x[neighbour(row, h) * w..][..w];
            for ((m, a), b) in mixed.iter_mut().zip(near).zip(far) {
                *m = 0.75 * a + 0.25 * b;
            }
            for (j, y) in y.chunks_exact_mut(2).enumerate() {
                let (left, right) = (mixed[j.saturating_sub(1)], mixed[(j + 1).min(w - 1)]);
                y[0] = 0.75 * mixed[j] + 0.25 * left;
                y[1] = 0.75 * mixed[j] + 0.25 * right;
            }
        }
    });
    y
}

/// The gradient of [`forward`]'s input from that of its result.
pub(crate) fn backward(dy: &[f32], h: usize, w: usize, bilinear: bool) -> Vec<f32> {
    let mut dx = vec![0f32; dy.len() / 4];
    let to = Shared::of(&mut dx);
    parallel::for_each(dx.len() / (h * w), |i| {
        let dy = &dy[4 * i * h * w..][..4 * h * w];
        // SAFETY: one plane a task.
        let dx = unsafe { to.part(i * h * w, h * w) };
        let mut mixed = vec![0f32; w];
        for (row, dy) in dy.chunks_exact(2 * w).enumerate() {
            if !bilinear {
                for (dx, dy) in dx[row / 2 * w..][..w].iter_mut().zip(dy.chunks_exact(2)) {
                    *dx += dy[0] + dy[1];
                }
                continue;
            }
            mixed.fill(0.0);
            for (j, dy) in dy.chunks_exact(2).enumerate() {
                mixed[j] += 0.75 * (dy[0] + dy[1]);
                mixed[j.saturating_sub(1)] += 0.25 * dy[0];
                mixed[(j + 1).min(w - 1)] += 0.25 * dy[1];
            }
            for (from, part) in [(row / 2, 0.75), (neighbour(row, h), 0.25)] {
                for (dx, m) in dx[from * w..][..w].iter_mut().zip(&mixed) {
                    *dx += part * m;
                }
            }
        }
    });
    dx
}

/// The other row that row `row` of the large plane is mixed from.
fn neighbour(row: usize, h: usize) -> usize {
    if row.is_multiple_of(2) { (row / 2).saturating_sub(1) } else { (row / 2 + 1).min(h - 1) }
}
