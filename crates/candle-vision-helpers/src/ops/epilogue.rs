//! What is done to a result before it is stored: tensors are named at the call, memory in the kernels.

/// What an operation does to its result before it is stored, in this order: `relu?(y + bias + residual)`. The tensors
/// are given by reference: `Epilogue<&Tensor>`.
///
/// The gradient of the ReLU at 0 is 0, as in PyTorch.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<T> {
    /// `(C)`, added to each channel.
    pub bias: Option<T>,
    /// Shaped as the result, added to it.
    pub residual: Option<T>,
    /// Whether a ReLU comes last.
    pub relu: bool,
}

impl<T> Epilogue<T> {
    /// Nothing: the result as it is.
    pub const NONE: Self = Self { bias: None, residual: None, relu: false };
    /// A ReLU and nothing else.
    pub const RELU: Self = Self { relu: true, ..Self::NONE };

    /// The same with other handles of its tensors.
    pub(crate) fn map<U>(self, f: impl Fn(T) -> U) -> Epilogue<U> {
        Epilogue { bias: self.bias.map(&f), residual: self.residual.map(&f), relu: self.relu }
    }
}

impl<T> Default for Epilogue<T> {
    fn default() -> Self {
        Self::NONE
    }
}
