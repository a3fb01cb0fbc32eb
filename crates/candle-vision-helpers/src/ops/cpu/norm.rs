//! Normalization channel by channel: a channel of a batch mostly fits the second-level cache, so that the passes over
//! it after the first are cheap.

use super::activation::{activated, activated_lanes};
use super::parallel;
use super::simd::{Kernel, Simd, Vectors};
use super::uncleared::{Shared, filled};
use crate::ops::epilogue::Epilogue;
use crate::ops::shapes::Planes;
use candle_core::Result;

/// Mean and biased variance of each channel.
#[derive(Debug)]
pub(crate) struct Moments {
    pub mean: Vec<f32>,
    pub var: Vec<f32>,
    /// Values of a channel that they are of.
    pub count: f64,
}

/// The result and the batch's statistics; `both` is gamma, then beta.
pub(crate) fn train(
    s: &Planes,
    x: &[f32],
    both: &[f32],
    eps: f64,
    epilogue: Epilogue<&[f32]>,
) -> Result<(Vec<f32>, Moments)> {
    let (mut mean, mut var) = (vec![0f32; s.c], vec![0f32; s.c]);
    let (mean_to, var_to) = (Shared::of(&mut mean), Shared::of(&mut var));
    let count = (s.b * s.plane) as f64;
    let vectors = Vectors::in_use();
    // SAFETY: every channel writes all of its planes and its own statistics.
    let y = unsafe {
        filled(x.len(), |y| {
            parallel::for_each(s.c, |c| {
                let planes = || (0..s.b).map(|b| &x[(b * s.c + c) * s.plane..][..s.plane]);
                let sum: f64 = planes().map(|p| vectors.run(Spread { x: p, mean: 0.0 }).0).sum();
                let m = (sum / count) as f32;
                let (off, squares) = planes()
                    .map(|p| vectors.run(Spread { x: p, mean: m }))
                    .fold((0.0, 0.0), |s, v| (s.0 + v.0, s.1 + v.1));
                // the mean was rounded: `off` is what that left over
                let v = squares / count - (off / count).powi(2);
                // `max` would swallow NaN
                let v = if v < 0.0 { 0.0 } else { v };
                mean_to.ptr().add(c).write(m);
                var_to.ptr().add(c).write(v as f32);
                let scale = f64::from(both[c]) / (v + eps).sqrt();
                let shift = f64::from(both[s.c + c]) - f64::from(m) * scale;
                scale_channel(vectors, s, c, x, [scale as f32, shift as f32], epilogue, y);
            });
        })?
    };
    Ok((y, Moments { mean, var, count }))
}

/// `scale x + shift`, then the epilogue; `both` is scale, then shift.
pub(crate) fn scale(s: &Planes, x: &[f32], both: &[f32], epilogue: Epilogue<&[f32]>) -> Result<Vec<f32>> {
    let vectors = Vectors::in_use();
    // SAFETY: every channel writes all of its planes.
    unsafe {
        filled(x.len(), |y| {
            parallel::for_each(s.c, |c| scale_channel(vectors, s, c, x, [both[c], both[s.c + c]], epilogue, y));
        })
    }
}

pub(super) fn scale_channel(
    vectors: Vectors,
    s: &Planes,
    c: usize,
    x: &[f32],
    [scale, shift]: [f32; 2],
    epilogue: Epilogue<&[f32]>,
    y: Shared,
) {
    for b in 0..s.b {
        let at = (b * s.c + c) * s.plane;
        let part = |t: &[f32]| -> *const f32 { t[at..][..s.plane].as_ptr() };
        // SAFETY: this plane is this task's.
        let y = unsafe { y.ptr().add(at) };
        vectors.run(Apply { len: s.plane, x: part(x), epilogue: epilogue.map(part), scale, shift, y });
    }
}

/// The sums of `x - mean` and of its square.
pub(super) struct Spread<'a> {
    pub(super) x: &'a [f32],
    pub(super) mean: f32,
}

impl Kernel for Spread<'_> {
    type Out = (f64, f64);
    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> (f64, f64) {
        let (mut sum, mut squares) = (0f64, 0f64);
        // Blocks keep the single-precision sums short.
        for block in self.x.chunks(4096) {
            let chunks = block.chunks_exact(4 * S::LANES);
            for x in chunks.remainder() {
                let d = f64::from(x - self.mean);
                sum += d;
                squares += d * d;
            }
            // SAFETY: chunks are four vectors long.
            unsafe {
                let minus = S::splat(-self.mean);
                let (mut s, mut q) = ([S::splat(0.0); 4], [S::splat(0.0); 4]);
                for chunk in chunks {
                    for i in 0..4 {
                        let d = S::add(S::load(chunk.as_ptr().add(i * S::LANES)), minus);
                        s[i] = S::add(s[i], d);
                        q[i] = S::fma(d, d, q[i]);
                    }
                }
                sum += f64::from(S::sum(S::add(S::add(s[0], s[1]), S::add(s[2], s[3]))));
                squares += f64::from(S::sum(S::add(S::add(q[0], q[1]), S::add(q[2], q[3]))));
            }
        }
        (sum, squares)
    }
}

struct Apply {
    len: usize,
    x: *const f32,
    /// Without a bias.
    epilogue: Epilogue<*const f32>,
    scale: f32,
    shift: f32,
    y: *mut f32,
}

impl Kernel for Apply {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let whole = self.len / S::LANES * S::LANES;
        let Epilogue { residual, activation, .. } = self.epilogue;
        // SAFETY: all pointers are good for `len` floats.
        unsafe {
            let (scale, shift) = (S::splat(self.scale), S::splat(self.shift));
            for i in (0..whole).step_by(S::LANES) {
                let mut y = S::fma(S::load(self.x.add(i)), scale, shift);
                if let Some(residual) = residual {
                    y = S::add(y, S::load(residual.add(i)));
                }
                S::store(self.y.add(i), activated_lanes::<S>(activation, y));
            }
            for i in whole..self.len {
                let mut y = *self.x.add(i) * self.scale + self.shift;
                if let Some(residual) = residual {
                    y += *residual.add(i);
                }
                self.y.add(i).write(activated(activation, y));
            }
        }
    }
}
