//! ReLU and ReLU6, whose gradient where they cut off is 0, as in PyTorch (candle's is 1 at 0), alone and at the end of
//! a composition.

use crate::ops::cpu::elementwise;
use crate::ops::epilogue::{Activation, Epilogue};
use crate::ops::graph::{
    node::{Op, apply},
    saved::{Saved, Saves},
    storage::{Arg, Backend, Cpu, tensor},
    tape::input,
};
use candle_core::{Result, Shape, Tensor};

/// `max(x, 0)` of any shape; the gradient at 0 is 0. NaN stays and lets gradients through, as in PyTorch, so that a
/// diverged network shows; the same holds for every ReLU inside another operation.
///
/// # Errors
/// On the CPU, another type than f32.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    activate(x, Activation::Relu)
}

/// `min(max(x, 0), 6)` of any shape, which keeps numbers small enough for short types; the gradient at 0 and at 6 is 0,
/// as in PyTorch. NaN stays and lets gradients through.
///
/// # Errors
/// On the CPU, another type than f32.
pub fn relu6(x: &Tensor) -> Result<Tensor> {
    activate(x, Activation::Relu6)
}

fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    if !x.device().is_cpu() {
        return composed(x, activation);
    }
    apply::<Cpu, _>(Activate(activation), &[x])
}

pub(super) fn composed(x: &Tensor, activation: Activation) -> Result<Tensor> {
    let x = input(x);
    if activation == Activation::None {
        return Ok(x);
    }
    let zero = x.zeros_like()?;
    // not "above 0", which is false for NaN
    let y = x.le(&zero)?.where_cond(&zero, &x)?;
    if activation == Activation::Relu {
        return Ok(y);
    }
    let most = (y.ones_like()? * f64::from(activation.ceiling()))?;
    y.ge(&most)?.where_cond(&most, &y)
}

/// The end of an operation whose kernels do not do it all: bias (shaped to broadcast), residual and activation.
pub(super) fn finished(y: Tensor, epilogue: Epilogue<Tensor>) -> Result<Tensor> {
    let y = match epilogue.bias {
        Some(b) => y.broadcast_add(&b)?,
        None => y,
    };
    let y = match epilogue.residual {
        Some(r) => (y + r)?,
        None => y,
    };
    if epilogue.activation == Activation::None { Ok(y) } else { activate(&y, epilogue.activation) }
}

/// The gradient in front of the activation that an operation ends in, whose result it saves where there is one.
pub(super) fn masked(activation: Activation, saved: &mut Saved, grad: Tensor) -> Result<Tensor> {
    if activation == Activation::None {
        return Ok(grad);
    }
    let dy = Cpu::read(&[&saved.take_out()?, &grad], |_, a| elementwise::mask(activation, a[0].data, a[1].data))?;
    Ok(tensor(dy, grad.shape()))
}

struct Activate(Activation);

impl Op<Cpu> for Activate {
    fn name(&self) -> &'static str {
        if self.0 == Activation::Relu6 { "relu6" } else { "relu" }
    }
    fn forward(&self, (): &(), args: &[Arg<'_, Cpu>]) -> Result<(Vec<f32>, Shape)> {
        Ok((elementwise::activate(self.0, args[0].data)?, Shape::from(args[0].dims)))
    }
    fn saves(&self, _: &[bool]) -> Saves {
        Saves::nothing().and_out(true)
    }
    fn backward(&self, mut saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![Some(masked(self.0, &mut saved, grad)?)])
    }
}

#[cfg(test)]
mod tests {
    //! What other devices get, run on the CPU beside the kernels.
    use super::*;
    use crate::ops::layers::{conv, conv_transpose, linear, testing::same_values_and_gradients};
    use crate::ops::shapes::ConvParams;

    #[test]
    fn compositions_agree_with_the_kernels() -> Result<()> {
        for activation in [Activation::Relu, Activation::Relu6] {
            let wide = |x: &Tensor| x * 9.0;
            same_values_and_gradients(
                &[4, 30],
                |x| activate(&wide(x)?, activation),
                |x| composed(&wide(x)?, activation),
            )?;
        }
        Ok(())
    }

    /// By the kernels that end in it and by those that leave it to others.
    #[test]
    fn every_operation_ends_in_its_activation() -> Result<()> {
        let cpu = &candle_core::Device::Cpu;
        let some = |dims: &[usize]| -> Result<Tensor> {
            let len: usize = dims.iter().product();
            Tensor::from_vec((0..len).map(|i| (i as f32 * 0.9).cos() * 3.0).collect::<Vec<_>>(), dims, cpu)
        };
        let (weight, matrix, bias) = (some(&[3, 3, 3, 3])?, some(&[3, 18])?, some(&[3])?);
        let p = ConvParams { padding: 1, ..ConvParams::default() };
        for activation in [Activation::Relu, Activation::Relu6] {
            let end = Epilogue { bias: Some(&bias), residual: None, activation };
            let maps = &[2, 3, 5, 7];
            same_values_and_gradients(
                maps,
                |x| conv::conv2d(x, &weight, p, end),
                |x| conv::composed(x, &weight, p, end),
            )?;
            same_values_and_gradients(
                maps,
                |x| conv_transpose::conv_transpose2d(x, &weight, p, end),
                |x| conv_transpose::composed(x, &weight, p, end),
            )?;
            same_values_and_gradients(
                &[4, 18],
                |x| linear::linear(x, &matrix, end),
                |x| linear::composed(x, &matrix, end),
            )?;
        }
        Ok(())
    }
}
