//! A leaner backward pass than candle's, for the operations of `ops`.
//!
//! `Tensor::backward` clears a tensor for every gradient, adds the gradient to it in a separate pass on one thread,
//! and keeps all that the forward pass saved until the loss is dropped. A [`Tape`] moves gradients instead, adds only
//! where two meet, and releases what was saved as soon as it was used. Candle's operations may stand anywhere in
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

use super::storage::{Backend, Cpu, tensor, wants_grad};
use crate::ops::cpu::elementwise;
use candle_core::{Result, Tensor, backprop::GradStore, bail};
use std::cell::{Cell, RefCell};
use std::marker::PhantomData;

/// The backward pass of one operation: from its arguments, its result, the result's gradient and the gradients that
/// arguments already have to the arguments' gradients (see [`Op::backward_onto`](super::node::Op::backward_onto)).
pub(crate) type Backward =
    Box<dyn Fn(&[&Tensor], &Tensor, &Tensor, &mut [Option<Tensor>]) -> Result<Vec<Option<Tensor>>>>;

struct Entry {
    backward: Backward,
    args: Vec<Tensor>,
    out: Tensor,
}

thread_local! {
    static TAPE: RefCell<Option<Vec<Entry>>> = const { RefCell::new(None) };
    static OFF: Cell<bool> = const { Cell::new(false) };
}

/// A recording of this thread's operations of `ops`, from [`start`](Tape::start) until it is used or dropped.
///
/// While it lives, the results of these operations must be differentiated through it, not through `Tensor::backward`,
/// which takes them for leaves. Operations on other threads are not recorded and enter candle's graph.
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
        let mut grads = loss.backward()?;
        for Entry { backward, args, out } in entries.into_iter().rev() {
            let Some(grad) = grads.remove(&out) else { continue };
            let refs: Vec<&Tensor> = args.iter().collect();
            let mut so_far: Vec<Option<Tensor>> =
                args.iter().map(|arg| if arg.is_variable() { grads.remove(arg) } else { None }).collect();
            let arg_grads = backward(&refs, &out, &grad.contiguous()?, &mut so_far)?;
            drop((grad, out));
            for (arg, left) in args.iter().zip(so_far) {
                left.map_or(Ok(()), |left| add_to(&mut grads, arg, left))?;
            }
            for (arg, grad) in args.iter().zip(arg_grads) {
                let Some(grad) = grad else { continue };
                if arg.is_variable() {
                    add_to(&mut grads, arg, grad)?;
                } else if wants_grad(arg) {
                    through_candle(&mut grads, arg, &grad)?;
                }
            }
        }
        Ok(grads)
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        TAPE.with_borrow_mut(|t| *t = None);
    }
}

/// Takes a gradient through candle's operations to the leaves that `node` was computed from.
fn through_candle(grads: &mut GradStore, node: &Tensor, grad: &Tensor) -> Result<()> {
    let product = (node * grad)?.sum_all()?;
    let mut more = product.backward()?;
    for leaf in product.sorted_nodes() {
        if leaf.is_variable()
            && let Some(g) = more.remove(leaf)
        {
            add_to(grads, leaf, g)?;
        }
    }
    Ok(())
}

fn add_to(grads: &mut GradStore, to: &Tensor, grad: Tensor) -> Result<()> {
    let sum = match grads.remove(to) {
        None => grad,
        Some(before) if !grad.device().is_cpu() => (before + grad)?,
        Some(before) => {
            let (before, grad) = (before.contiguous()?, grad.contiguous()?);
            let sum = Cpu::read(&[&before, &grad], |_, a| elementwise::add(a[0].data, a[1].data))?;
            tensor(sum, to.shape())
        }
    };
    grads.insert(to, sum);
    Ok(())
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

pub(crate) fn record(backward: Backward, args: Vec<Tensor>, out: Tensor) {
    TAPE.with_borrow_mut(|t| {
        if let Some(entries) = t {
            entries.push(Entry { backward, args, out });
        }
    });
}
