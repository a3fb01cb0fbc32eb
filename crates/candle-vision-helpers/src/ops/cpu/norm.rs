//! Normalization channel by channel: a channel of a batch mostly fits the second-level cache, so that the passes over
//! it after the first are cheap.

use super::activation::{activated, activated_lanes};
use super::parallel;
use super::simd::{Kernel, Simd, Vectors};
use super::uncleared::{Shared, filled};
use crate::ops::epilogue::Epilogue;
use crate::ops::shapes::Planes;
use candle_core::Result;

/// Values that are summed in single precision, before the sums are added up in double.
pub(super) const BLOCK: usize = 4096;

/// Mean and biased variance of each channel.
#[derive(Debug)]
pub(crate) struct Moments {
    pub mean: Vec<f32>,
    pub var: Vec<f32>,
    /// Values of a channel that they are of.
    pub count: f64,
}

/// A forward pass.
pub(crate) struct Forward<'a> {
    pub x: &'a [f32],
    /// Gamma, then beta; for [`Forward::scale`] scale, then shift.
    pub both: &'a [f32],
    pub planes: Planes,
    /// Without a bias.
    pub epilogue: Epilogue<&'a [f32]>,
}

impl Forward<'_> {
    /// The result and the batch's statistics.
    pub(crate) fn train(&self, eps: f64) -> Result<(Vec<f32>, Moments)> {
        let s = &self.planes;
        let (mut mean, mut var) = (vec![0f32; s.c], vec![0f32; s.c]);
        let (mean_to, var_to) = (Shared::of(&mut mean), Shared::of(&mut var));
        let count = (s.b * s.plane) as f64;
        let vectors = Vectors::in_use();
        // SAFETY: every channel writes all of its planes and its own statistics.
        let y = unsafe {
            filled(self.x.len(), |y| {
                parallel::for_each(s.c, |c| {
                    let spread = |mean| vectors.run(Spread { s, x: self.x[c * s.plane..].as_ptr(), mean });
                    let m = (spread(0.0).0 / count) as f32;
                    let (off, squares) = spread(m);
                    // the mean was rounded: `off` is what that left over
                    let v = squares / count - (off / count).powi(2);
                    // `max` would swallow NaN
                    let v = if v < 0.0 { 0.0 } else { v };
                    mean_to.ptr().add(c).write(m);
                    var_to.ptr().add(c).write(v as f32);
                    self.normalize(vectors, c, [f64::from(m), v + eps], y);
                });
            })?
        };
        Ok((y, Moments { mean, var, count }))
    }

    /// `scale x + shift`, then the epilogue.
    pub(crate) fn scale(&self) -> Result<Vec<f32>> {
        let (s, vectors) = (&self.planes, Vectors::in_use());
        // SAFETY: every channel writes all of its planes.
        unsafe {
            filled(self.x.len(), |y| {
                parallel::for_each(s.c, |c| self.scale_channel(vectors, c, [self.both[c], self.both[s.c + c]], y));
            })
        }
    }

    /// Channel `c` by its mean and its variance, to which `eps` was added.
    pub(super) fn normalize(&self, vectors: Vectors, c: usize, [mean, var]: [f64; 2], y: Shared) {
        let scale = f64::from(self.both[c]) / var.sqrt();
        let shift = f64::from(self.both[self.planes.c + c]) - mean * scale;
        self.scale_channel(vectors, c, [scale as f32, shift as f32], y);
    }

    fn scale_channel(&self, vectors: Vectors, c: usize, [scale, shift]: [f32; 2], y: Shared) {
        let s = &self.planes;
        for b in 0..s.b {
            let at = (b * s.c + c) * s.plane;
            let part = |t: &[f32]| -> *const f32 { t[at..][..s.plane].as_ptr() };
            // SAFETY: this plane is this task's.
            let y = unsafe { y.ptr().add(at) };
            vectors.run(Apply { len: s.plane, x: part(self.x), epilogue: self.epilogue.map(part), scale, shift, y });
        }
    }
}

/// The sums of `x - mean` and of its square over a channel.
pub(super) struct Spread<'a> {
    pub(super) s: &'a Planes,
    /// The channel's first plane.
    pub(super) x: *const f32,
    pub(super) mean: f32,
}

impl Kernel for Spread<'_> {
    type Out = (f64, f64);
    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> (f64, f64) {
        let (mut sum, mut squares) = (0f64, 0f64);
        // SAFETY: all planes of the channel are there.
        unsafe {
            let (zero, minus) = (S::splat(0.0), S::splat(-self.mean));
            let (mut s, mut q, mut summed) = ([zero; 4], [zero; 4], 0);
            for b in 0..self.s.b {
                let x = self.x.add(b * self.s.c * self.s.plane);
                let (mut from, len) = (0, self.s.plane);
                while from < len {
                    // Blocks keep the single-precision sums short.
                    let end = len.min(from + BLOCK);
                    let whole = from + (end - from) / S::LANES * S::LANES;
                    let four = from + (end - from) / (4 * S::LANES) * (4 * S::LANES);
                    for at in (from..four).step_by(4 * S::LANES) {
                        for i in 0..4 {
                            let d = S::add(S::load(x.add(at + i * S::LANES)), minus);
                            s[i] = S::add(s[i], d);
                            q[i] = S::fma(d, d, q[i]);
                        }
                    }
                    for at in (four..whole).step_by(S::LANES) {
                        let d = S::add(S::load(x.add(at)), minus);
                        s[0] = S::add(s[0], d);
                        q[0] = S::fma(d, d, q[0]);
                    }
                    for at in whole..end {
                        let d = f64::from(*x.add(at) - self.mean);
                        sum += d;
                        squares += d * d;
                    }
                    summed += end - from;
                    if summed >= BLOCK || b + 1 == self.s.b {
                        sum += f64::from(S::sum(S::add(S::add(s[0], s[1]), S::add(s[2], s[3]))));
                        squares += f64::from(S::sum(S::add(S::add(q[0], q[1]), S::add(q[2], q[3]))));
                        (s, q, summed) = ([zero; 4], [zero; 4], 0);
                    }
                    from = end;
                }
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
