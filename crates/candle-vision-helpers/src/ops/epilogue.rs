//! What is done to a result before it is stored: tensors are named at the call, memory in the kernels.

/// What is done to each value of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    #[default]
    None,
    /// As [`crate::ops::relu`].
    Relu,
    /// As [`crate::ops::relu6`].
    Relu6,
}

impl Activation {
    /// This one if `condition` holds, else none.
    pub(crate) fn when(self, condition: bool) -> Self {
        if condition { self } else { Self::None }
    }

    /// Above it results are cut off; infinite where they are not.
    pub(crate) fn ceiling(self) -> f32 {
        if self == Self::Relu6 { 6.0 } else { f32::INFINITY }
    }

    /// What is left to do behind kernels that know the ReLU alone.
    #[cfg(feature = "cuda")]
    pub(crate) fn beyond_relu(self) -> Self {
        self.when(self != Self::Relu)
    }
}

/// What an operation does to its result before it is stored, in this order: `activation(y + bias + residual)`. The
/// tensors are given by reference: `Epilogue<&Tensor>`.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<T> {
    /// `(C)`, added to each channel.
    pub bias: Option<T>,
    /// Shaped as the result, added to it.
    pub residual: Option<T>,
    /// What comes last.
    pub activation: Activation,
}

impl<T> Epilogue<T> {
    /// Nothing: the result as it is.
    pub const NONE: Self = Self { bias: None, residual: None, activation: Activation::None };
    /// A ReLU and nothing else.
    pub const RELU: Self = Self { activation: Activation::Relu, ..Self::NONE };
    /// A ReLU6 and nothing else.
    pub const RELU6: Self = Self { activation: Activation::Relu6, ..Self::NONE };

    /// The same with other handles of its tensors.
    pub(crate) fn map<U>(self, f: impl Fn(T) -> U) -> Epilogue<U> {
        Epilogue { bias: self.bias.map(&f), residual: self.residual.map(&f), activation: self.activation }
    }
}

impl<T> Default for Epilogue<T> {
    fn default() -> Self {
        Self::NONE
    }
}
