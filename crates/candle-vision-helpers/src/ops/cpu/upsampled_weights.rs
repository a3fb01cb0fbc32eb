//! The weights of a 3×3 convolution of a picture twice the size (nearest), as those of a transposed 4×4 convolution at
//! stride 2.
//!
//! Tap `t` of four is the sum of those of three that see the same pixel: `{2}, {1, 2}, {0, 1}, {0}`, along each axis.

use super::parallel;
use super::uncleared::Shared;

/// Which of the three taps make each of the four.
const SUMS: [&[usize]; 4] = [&[2], &[1, 2], &[0, 1], &[0]];
/// Input channels that a task takes.
const CHANNELS: usize = 16;

/// `(o, c, 3, 3)` → `(c, o, 4, 4)`.
pub(crate) fn sums(w: &[f32], o: usize, c: usize) -> Vec<f32> {
    let mut all = vec![0.0; c * o * 16];
    let to = Shared::of(&mut all);
    parallel::for_each(c.div_ceil(CHANNELS), |task| {
        let (c0, c1) = (task * CHANNELS, c.min((task + 1) * CHANNELS));
        // SAFETY: no two tasks share a channel.
        let to = unsafe { to.part(c0 * o * 16, (c1 - c0) * o * 16) };
        for oc in 0..o {
            for ic in c0..c1 {
                let (from, to) = (&w[(oc * c + ic) * 9..][..9], &mut to[((ic - c0) * o + oc) * 16..][..16]);
                for (to, rows) in to.chunks_exact_mut(4).zip(SUMS) {
                    for (to, cols) in to.iter_mut().zip(SUMS) {
                        *to = rows.iter().flat_map(|r| cols.iter().map(move |c| from[r * 3 + c])).sum();
                    }
                }
            }
        }
    });
    all
}

/// The gradient of the 3×3 weights `(o, c, 3, 3)` from that of the 4×4 ones `(c, o, 4, 4)`.
pub(crate) fn gradient(d: &[f32], o: usize, c: usize) -> Vec<f32> {
    let mut all = vec![0.0; o * c * 9];
    let to = Shared::of(&mut all);
    parallel::for_each(o, |oc| {
        // SAFETY: one output channel per task.
        let to = unsafe { to.part(oc * c * 9, c * 9) };
        for (ic, to) in to.chunks_exact_mut(9).enumerate() {
            let from = &d[(ic * o + oc) * 16..][..16];
            for (row, rows) in from.chunks_exact(4).zip(SUMS) {
                for (x, cols) in row.iter().zip(SUMS) {
                    rows.iter().for_each(|r| cols.iter().for_each(|c| to[r * 3 + c] += x));
                }
            }
        }
    });
    all
}
