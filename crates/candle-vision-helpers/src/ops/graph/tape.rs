//! A leaner backward pass than candle's, for the operations of `ops`.
//!
//! `Tensor::backward` clears a tensor for every gradient, adds the gradient to it in a separate pass on one thread,
//! and keeps every input and result of the forward pass until the loss is dropped. A [`Tape`] moves gradients instead,
//! adds only where two meet, keeps of the forward pass what operations say that they read
//! ([`Saves`](super::saved::Saves)), and releases it as soon as it was used. Candle's operations may stand anywhere in
//! between: each result of `ops` is a leaf to candle, and the tape asks candle for the gradients of what lies between
//! leaves.
//!
//! ```
//! # use candle_core::{Device, Tensor, Var}; use candle_vision_helpers::ops::{self, ConvParams, Epilogue};
//! # fn main() -> candle_core::Result<()> {
//! let w = Var::ones((4, 1, 3, 3), candle_core::DType::F32, &Device::Cpu)?;
//! let x = Tensor::ones((2, 1, 8, 8), candle_core::DType::F32, &Device::Cpu)?;
//! let tape = ops::Tape::start()?;
//! let loss = ops::conv2d(&x, &w, ConvParams::default(), Epilogue::RELU)?.mean_all()?;
//! let grads = tape.backward(&loss)?;
//! assert!(grads.get(&w).is_some());
//! # Ok(()) }
//! ```

use super::saved::Saved;
use super::storage::{Backend, Cpu, tensor, wants_grad};
use crate::ops::cpu::elementwise;
use candle_core::{Result, Tensor, TensorId, backprop::GradStore, bail};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::marker::PhantomData;

/// The backward pass of one operation: from what it saved, its result's gradient and the gradients that arguments
/// already have to the arguments' gradients (see [`Op::backward_onto`](super::node::Op::backward_onto)).
pub(crate) type Backward = Box<dyn FnOnce(Saved, Tensor, &mut [Option<Tensor>]) -> Result<Vec<Option<Tensor>>>>;

/// An operation that ran. It holds no tensor but what the operation saves and what candle's own graph holds.
struct Entry {
    backward: Backward,
    saved: Saved,
    /// Where the gradient of each argument goes.
    to: Vec<To>,
    out: TensorId,
}

/// Where a gradient goes.
enum To {
    /// Nobody wants it.
    Nowhere,
    /// To a variable, or to the operation whose result this is.
    Leaf(TensorId),
    /// On through candle's operations.
    Node(Tensor),
}

impl To {
    fn of(arg: &Tensor) -> Self {
        match (arg.is_variable(), wants_grad(arg)) {
            (true, _) => Self::Leaf(arg.id()),
            (false, true) => Self::Node(arg.clone()),
            (false, false) => Self::Nowhere,
        }
    }
}

thread_local! {
    static TAPE: RefCell<Option<Vec<Entry>>> = const { RefCell::new(None) };
    static OFF: Cell<bool> = const { Cell::new(false) };
}

/// A recording of this thread's operations of `ops`, from [`start`](Tape::start) until it is used or dropped.
///
/// While it lives, the results of these operations must be differentiated through it, not through `Tensor::backward`,
/// which takes them for leaves. Operations on other threads are not recorded and enter candle's graph.
///
/// It keeps the values that backward passes read and no others, so that a tensor which nobody else holds goes early.
#[must_use = "a dropped tape forgets what it recorded"]
pub struct Tape {
    // recordings belong to the thread
    not_send: PhantomData<*const ()>,
}

impl Tape {
    /// Starts recording.
    ///
    /// # Errors
    /// A tape is already recording on this thread.
    pub fn start() -> Result<Self> {
        if is_recording() {
            bail!("Tape::start: expected no tape on this thread, got one that records");
        }
        TAPE.with_borrow_mut(|t| *t = Some(Vec::new()));
        Ok(Self { not_send: PhantomData })
    }

    /// The gradients of `loss` (any shape; summed) with respect to all variables it was computed from.
    ///
    /// # Errors
    /// What the operations' backward passes report.
    pub fn backward(self, loss: &Tensor) -> Result<GradStore> {
        let entries = TAPE.with_borrow_mut(Option::take).unwrap_or_default();
        drop(self);
        let mut grads = Gradients::of(loss)?;
        for Entry { backward, saved, to, out } in entries.into_iter().rev() {
            let grad = match grads.0.remove(&out) {
                Some(grad) => grad.contiguous()?,
                None => continue,
            };
            let mut so_far: Vec<Option<Tensor>> = to.iter().map(|to| grads.take(to)).collect();
            let arg_grads = backward(saved, grad, &mut so_far)?;
            for (to, grad) in to.iter().zip(so_far).chain(to.iter().zip(arg_grads)) {
                grad.map_or(Ok(()), |grad| grads.add(to, grad))?;
            }
        }
        let mut store = GradStore::default();
        for (id, grad) in grads.0 {
            store.insert_id(id, grad);
        }
        Ok(store)
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        TAPE.with_borrow_mut(|t| *t = None);
    }
}

/// Gradients of leaves, none of which holds its leaf.
struct Gradients(HashMap<TensorId, Tensor>);

impl Gradients {
    /// Those of the leaves that candle computed a tensor from.
    fn of(t: &Tensor) -> Result<Self> {
        let mut store = t.backward()?;
        let leaves = t.sorted_nodes().into_iter().filter(|node| node.is_variable());
        Ok(Self(leaves.filter_map(|leaf| Some((leaf.id(), store.remove(leaf)?))).collect()))
    }

    /// What a leaf has so far.
    fn take(&mut self, of: &To) -> Option<Tensor> {
        if let To::Leaf(id) = of { self.0.remove(id) } else { None }
    }

    fn add(&mut self, to: &To, grad: Tensor) -> Result<()> {
        match to {
            To::Nowhere => Ok(()),
            To::Leaf(id) => self.add_to_leaf(*id, grad),
            To::Node(node) => {
                let product = (node * grad)?.sum_all()?;
                Self::of(&product)?.0.into_iter().try_for_each(|(id, grad)| self.add_to_leaf(id, grad))
            }
        }
    }

    fn add_to_leaf(&mut self, id: TensorId, grad: Tensor) -> Result<()> {
        let sum = match self.0.remove(&id) {
            None => grad,
            Some(before) if !grad.device().is_cpu() => (before + grad)?,
            Some(before) => {
                let (before, grad) = (before.contiguous()?, grad.contiguous()?);
                let sum = Cpu::read(&[&before, &grad], |_, a| elementwise::add(a[0].data, a[1].data))?;
                tensor(sum, before.shape())
            }
        };
        self.0.insert(id, sum);
        Ok(())
    }
}

/// Runs `f` with the operations of `ops` recording nothing: evaluation, without a graph that would hold every
/// activation.
pub fn no_grad<T>(f: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            OFF.set(self.0);
        }
    }
    let _restore = Restore(OFF.replace(true));
    f()
}

pub(crate) fn is_off() -> bool {
    OFF.get()
}

/// An input of a composition of candle's operations: inside [`no_grad`] one that candle builds no graph on.
pub(crate) fn input(t: &Tensor) -> Tensor {
    if is_off() { t.detach() } else { t.clone() }
}

pub(crate) fn is_recording() -> bool {
    TAPE.with_borrow(|t| t.is_some())
}

pub(crate) fn record(backward: Backward, saved: Saved, args: &[&Tensor], out: &Tensor) {
    TAPE.with_borrow_mut(|t| {
        if let Some(entries) = t {
            let to = args.iter().map(|arg| To::of(arg)).collect();
            entries.push(Entry { backward, saved, to, out: out.id() });
        }
    });
}
