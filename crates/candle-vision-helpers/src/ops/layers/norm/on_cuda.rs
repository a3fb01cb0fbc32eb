//! Batch normalizations by the kernels on CUDA.

use super::{BatchNorm, BatchNormOut, Running};
use crate::ops::cuda::{norm, takes};
use crate::ops::epilogue::Epilogue;
use crate::ops::graph::{node::takes_any_number, tape::input};
use crate::ops::layers::activation::finished;
use crate::ops::reduce;
use crate::ops::shapes::Planes;
use crate::ops::steps::apart;
use candle_core::{Result, Tensor};

/// As [`batch_norm_train`](super::batch_norm_train) after its checks; statistics may run along.
pub(super) fn train(
    x: &Tensor,
    of: &BatchNorm<'_>,
    epilogue: Epilogue<&Tensor>,
    planes: Planes,
    running: Option<norm::Running>,
) -> Result<BatchNormOut> {
    let affine = [of.gamma, of.beta];
    let (within, behind) = divided(x, affine, epilogue);
    let (y, mean, var) = norm::train(x, affine, of.eps, within, planes, running, reduce::current())?;
    Ok(BatchNormOut { y: finished(y, behind)?, mean, var })
}

/// `activation(scale x + shift (+ residual))` for each channel; `affine` is scale, then shift.
pub(super) fn scale(x: &Tensor, affine: [&Tensor; 2], epilogue: Epilogue<&Tensor>, planes: Planes) -> Result<Tensor> {
    let (within, behind) = divided(x, affine, epilogue);
    finished(norm::scale(x, affine, within, planes)?, behind)
}

/// What the kernels do of an epilogue, and what operations behind them do: candle's own graph has no node of four
/// arguments, and the kernels know the ReLU alone.
fn divided<'a>(
    x: &Tensor,
    [a, b]: [&Tensor; 2],
    epilogue: Epilogue<&'a Tensor>,
) -> (Epilogue<&'a Tensor>, Epilogue<Tensor>) {
    match epilogue.residual {
        Some(r) if !takes_any_number(&[x, a, b, r]) => (Epilogue::NONE, epilogue.map(input)),
        _ => (epilogue, Epilogue { activation: epilogue.activation.beyond_relu(), ..Epilogue::NONE }),
    }
}

/// Whether the kernels move running statistics along: not those of several ranks, nor of another kind than `x`.
pub(super) fn moves(x: &Tensor, running: &Running<'_>) -> bool {
    let alike = |t: &Tensor| takes(t) && t.device().same_device(x.device()) && t.is_contiguous();
    takes(x) && alike(running.mean) && alike(running.var) && reduce::current().is_none()
}

/// As [`batch_norm_train_running`](super::batch_norm_train_running), for statistics that the kernels
/// [move](moves), after the checks of all else.
pub(super) fn train_running(
    x: &Tensor,
    of: &BatchNorm<'_>,
    &Running { mean, var, momentum }: &Running<'_>,
    epilogue: Epilogue<&Tensor>,
    planes: Planes,
) -> Result<Tensor> {
    let name = "batch_norm_train";
    planes.channels(name, &[("running mean", mean), ("running var", var)])?;
    apart(name, &[mean, var], &[])?;
    let running = norm::Running { mean: mean.as_detached_tensor(), var: var.as_detached_tensor(), momentum };
    Ok(train(x, of, epilogue, planes, Some(running))?.y)
}
