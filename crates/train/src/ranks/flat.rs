//! Tensors of all ranks, added up in one flat buffer: one message, however many tensors there are.

use super::Team;
use crate::error::Result;
use candle_core::{Tensor, Var};

/// Replaces each tensor by its sum over all ranks, which give tensors of the same shapes in the same order.
///
/// # Errors
/// When a tensor operation fails or a rank is gone.
pub(crate) fn sum_all(team: &Team, tensors: &mut [&mut Tensor]) -> Result<()> {
    if team.count() == 1 {
        return Ok(());
    }
    let mut flat = Vec::with_capacity(tensors.iter().map(|t| t.elem_count()).sum());
    for tensor in tensors.iter() {
        // sync point
        flat.extend(tensor.flatten_all()?.to_vec1::<f32>()?);
    }
    team.sum(&mut flat)?;
    let mut rest = flat.as_slice();
    for tensor in tensors.iter_mut() {
        let (sum, behind) = rest.split_at(tensor.elem_count());
        **tensor = Tensor::from_slice(sum, tensor.dims(), tensor.device())?;
        rest = behind;
    }
    Ok(())
}

/// Sets variables to their means over all ranks.
///
/// # Errors
/// As [`sum_all`].
pub(crate) fn average(team: &Team, variables: &[Var]) -> Result<()> {
    if team.count() == 1 {
        return Ok(());
    }
    let mut values: Vec<Tensor> = variables.iter().map(Var::as_detached_tensor).collect();
    sum_all(team, &mut values.iter_mut().collect::<Vec<_>>())?;
    for (variable, sum) in variables.iter().zip(values) {
        variable.set(&(sum / team.count() as f64)?)?;
    }
    Ok(())
}
