//! What an operation keeps of its forward pass for its backward pass: PyTorch's saved tensors.

use super::storage::wants_grad;
use candle_core::{Result, Shape, Tensor, bail};

/// Which values the backward pass of an operation reads, beside the gradient of the result. All others are freed as
/// soon as the forward pass is done with them; a tape holds no more of them than their shapes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Saves {
    /// One for each argument; those that are missing are not read.
    args: Vec<bool>,
    out: bool,
}

impl Saves {
    /// Arguments that are read, by their places, and no result.
    pub(crate) fn args(read: &[bool]) -> Self {
        Self { args: read.to_vec(), out: false }
    }

    /// Input and weights of a product of both, the first two arguments: each is read for the other's gradient.
    pub(crate) fn product(wants: &[bool]) -> Self {
        let wanted = |arg: usize| wants.get(arg).is_some_and(|wanted| *wanted);
        Self::args(&[wanted(1), wanted(0)])
    }

    /// No value at all.
    pub(crate) fn nothing() -> Self {
        Self::default()
    }

    /// Also the result, where it is read.
    pub(crate) fn and_out(self, read: bool) -> Self {
        Self { out: read, ..self }
    }
}

/// An application of an operation as its backward pass finds it again. Values are taken out of it, so that each is
/// freed as soon as the pass is done with it.
#[derive(Debug)]
pub(crate) struct Saved {
    args: Vec<SavedArg>,
    out: Option<Tensor>,
}

#[derive(Debug)]
struct SavedArg {
    shape: Shape,
    wants_grad: bool,
    value: Option<Tensor>,
}

impl Saved {
    /// What is saved of an application; `saves` takes which arguments want a gradient.
    pub(crate) fn of(args: &[&Tensor], out: &Tensor, saves: impl FnOnce(&[bool]) -> Saves) -> Self {
        let wants: Vec<bool> = args.iter().map(|t| wants_grad(t)).collect();
        let saves = saves(&wants);
        let of = |(i, (&t, wanted)): (usize, (&&Tensor, bool))| SavedArg {
            shape: t.shape().clone(),
            wants_grad: wanted,
            value: saves.args.get(i).is_some_and(|read| *read).then(|| t.clone()),
        };
        let args = args.iter().zip(wants).enumerate().map(of).collect();
        Self { args, out: saves.out.then(|| out.clone()) }
    }

    /// The value of an argument, once.
    ///
    /// # Errors
    /// The operation does not say that it saves it.
    pub(crate) fn take(&mut self, arg: usize) -> Result<Tensor> {
        match self.args.get_mut(arg).and_then(|a| a.value.take()) {
            Some(value) => Ok(value),
            None => bail!("expected the value of argument {arg} to be saved, got none"),
        }
    }

    /// The value of the result, once.
    ///
    /// # Errors
    /// The operation does not say that it saves it.
    pub(crate) fn take_out(&mut self) -> Result<Tensor> {
        match self.out.take() {
            Some(value) => Ok(value),
            None => bail!("expected the value of the result to be saved, got none"),
        }
    }

    /// The shape of an argument, saved or not; that of a scalar where there is no such argument.
    pub(crate) fn shape(&self, arg: usize) -> Shape {
        self.args.get(arg).map_or(Shape::from(()), |a| a.shape.clone())
    }

    /// Whether the gradient of an argument would be used; not where there is no such argument.
    pub(crate) fn wants_grad(&self, arg: usize) -> bool {
        self.args.get(arg).is_some_and(|a| a.wants_grad)
    }

    /// Whether there is such an argument.
    pub(crate) fn has(&self, arg: usize) -> bool {
        arg < self.args.len()
    }

    /// How many of the first two arguments, input and weights, want a gradient.
    pub(crate) fn wanted(&self) -> u64 {
        u64::from(self.wants_grad(0)) + u64::from(self.wants_grad(1))
    }
}
