//! What a network computes, noted while it computes it: every operation that prediction has kernels for.

use crate::ops::epilogue::{Activation, Epilogue};
use crate::ops::shapes::ConvParams;
use candle_core::{Tensor, TensorId};
use std::cell::RefCell;

/// An operation with what it needs beside maps.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// With weights `(O, C, KH, KW)`.
    Conv(Tensor, ConvParams),
    /// The 3×3 convolution of the map at twice its size, weights `(O, C, 3, 3)`.
    Doubled(Tensor),
    /// With weights `(C, 1, 3, 3)` and a stride.
    Depthwise(Tensor, usize),
    MaxPool {
        kernel: usize,
        stride: usize,
        padding: usize,
    },
    /// The map at twice its size plus the residual.
    UpsampledSum,
}

/// One operation of a network.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub kind: Kind,
    pub bias: Option<Tensor>,
    pub activation: Activation,
    pub input: TensorId,
    pub residual: Option<TensorId>,
    pub output: TensorId,
    /// `(1, C, H, W)` of the output.
    pub dims: Vec<usize>,
}

thread_local! {
    static STEPS: RefCell<Option<Vec<Step>>> = const { RefCell::new(None) };
}

/// What `network` gives, and the operations that this thread computed for it.
pub(crate) fn traced<T>(network: impl FnOnce() -> T) -> (T, Vec<Step>) {
    /// Puts back what was noted before, also where the network panics.
    struct Restore(Option<Vec<Step>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            STEPS.set(self.0.take());
        }
    }
    let _restore = Restore(STEPS.replace(Some(Vec::new())));
    let result = network();
    (result, STEPS.take().unwrap_or_default())
}

/// Notes an operation on `input` that gave `output`, where somebody wants to know.
pub(crate) fn note(kind: impl FnOnce() -> Kind, input: &Tensor, epilogue: Epilogue<&Tensor>, output: &Tensor) {
    STEPS.with_borrow_mut(|steps| {
        if let Some(steps) = steps {
            steps.push(Step {
                kind: kind(),
                bias: epilogue.bias.cloned(),
                activation: epilogue.activation,
                input: input.id(),
                residual: epilogue.residual.map(Tensor::id),
                output: output.id(),
                dims: output.dims().to_vec(),
            });
        }
    });
}
