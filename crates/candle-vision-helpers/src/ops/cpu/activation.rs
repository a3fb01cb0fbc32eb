//! Activations of single values and of vectors, and their gradients. NaN stays, forwards and backwards, as in PyTorch:
//! a diverged network shows.

use super::simd::{Simd, gated};
use crate::ops::Activation;

/// What `activation` makes of `y`.
#[inline(always)]
pub(crate) fn activated(activation: Activation, y: f32) -> f32 {
    match activation {
        Activation::None => y,
        Activation::Relu => gated(y, y),
        Activation::Relu6 if y > 6.0 => 6.0,
        Activation::Relu6 => gated(y, y),
    }
}

/// As [`activated`], for each lane.
///
/// # Safety
/// The processor must have the features of `S`.
#[inline(always)]
pub(crate) unsafe fn activated_lanes<S: Simd>(activation: Activation, y: S::V) -> S::V {
    // SAFETY: the caller's contract.
    unsafe {
        match activation {
            Activation::None => y,
            Activation::Relu => S::gated(y, y),
            Activation::Relu6 => S::at_most(S::gated(y, y), S::splat(6.0)),
        }
    }
}

/// The gradient `g` in front of an activation that gave `y`, which is cut off at 0 and at `ceiling`; there it is 0.
#[inline(always)]
pub(crate) fn let_through(y: f32, ceiling: f32, g: f32) -> f32 {
    gated(y, gated(ceiling - y, g))
}

/// As [`let_through`], for each lane.
///
/// # Safety
/// The processor must have the features of `S`.
#[inline(always)]
pub(crate) unsafe fn lanes_let_through<S: Simd>(y: S::V, ceiling: S::V, g: S::V) -> S::V {
    // SAFETY: the caller's contract.
    unsafe { S::gated(y, S::gated(S::fma(y, S::splat(-1.0), ceiling), g)) }
}
