//! Networks that only predict: turned once into a plan for the CPU.
//!
//! The first time that pictures of some size come, the network's own code runs once while its operations are noted
//! (`trace`). From them a plan is made (`plan`): weights packed in the order in which they are read, maps in blocks of
//! channels from the first to the last operation, bias, residual and activation within each, and a place in memory for
//! every map (`memory`). The kernels are in `cpu::blocked`. A network's code knows nothing of this, and candle's
//! tensors stand at the two ends.

mod memory;
mod plan;
pub(crate) mod trace;

use super::counting;
use super::cpu::{
    blocked::convert::{to_blocks, to_planes},
    parallel,
    simd::Vectors,
    uncleared::{Shared, room, try_filled},
};
use super::graph::{
    storage::{Backend, Cpu, tensor},
    tape::no_grad,
};
use super::shapes::elements;
use candle_core::{DType, Error, Tensor};
use plan::{Layer, Plan, Weights};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Plans of this many sizes of pictures are kept, the latest ones.
const SIZES: usize = 8;
/// Floats in 64 bytes, a line of the cache.
const LINE: usize = 16;

/// What a plan depends on: channels, height and width of the pictures, and a vector's lanes.
type Key = [usize; 4];

/// The plans of one network, whose weights must not change.
#[derive(Debug, Default)]
pub struct Frozen {
    known: Mutex<Known>,
    /// Memory of passes that have ended.
    spare: Mutex<Vec<Vec<f32>>>,
}

#[derive(Debug, Default)]
struct Known {
    /// `None` for a network that computes what there are no kernels for.
    plans: Vec<(Key, Option<Arc<Plan>>)>,
    weights: Weights,
}

impl Known {
    fn find(&self, key: Key) -> Option<Option<Arc<Plan>>> {
        self.plans.iter().find(|(k, _)| *k == key).map(|(_, plan)| plan.clone())
    }
}

impl Frozen {
    /// Without plans yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What `network` gives for `images (B, C, H, W)`, without gradients: by a plan where all that it computes from the
    /// pictures to its result is made of [`conv2d`](super::conv2d),
    /// [`upsample_nearest2_conv3`](super::upsample_nearest2_conv3), [`depthwise_conv3`](super::depthwise_conv3) and
    /// [`max_pool2d`](super::max_pool2d) on the CPU, else by itself. The numbers are the same bit for bit for any
    /// number of threads and pictures; they differ from the network's own in the order of sums.
    ///
    /// For one size of pictures `network` is asked once: what it does must depend on nothing else of the pictures, and
    /// it must not change maps in place.
    ///
    /// # Errors
    /// Those of `network`; memory that is not there.
    pub fn run<E: From<Error>>(
        &self,
        images: &Tensor,
        network: impl Fn(&Tensor) -> Result<Tensor, E>,
    ) -> Result<Tensor, E> {
        // once, since the plan depends on them
        let vectors = Vectors::in_use();
        match self.plan(images, &network, vectors)? {
            Some(plan) => Ok(self.pass(&plan, images, vectors)?),
            None => no_grad(|| network(images)),
        }
    }

    fn plan<E: From<Error>>(
        &self,
        images: &Tensor,
        network: &impl Fn(&Tensor) -> Result<Tensor, E>,
        vectors: Vectors,
    ) -> Result<Option<Arc<Plan>>, E> {
        let &[b, c, h, w] = images.dims() else { return Ok(None) };
        if !images.device().is_cpu() || images.dtype() != DType::F32 || b * c * h * w == 0 {
            return Ok(None);
        }
        let lanes = vectors.lanes();
        let key = [c, h, w, lanes];
        if let Some(plan) = self.known().find(key) {
            return Ok(plan);
        }
        let one = images.narrow(0, 0, 1)?.contiguous()?;
        // not under the lock: this thread may take up another task meanwhile that asks for a plan
        let (output, steps) = counting::uncounted(|| trace::traced(|| no_grad(|| network(&one))));
        let (output, mut known) = (output?, self.known());
        if let Some(plan) = known.find(key) {
            return Ok(plan);
        }
        let plan = Plan::of(steps, &one, output.id(), lanes, &mut known.weights)?.map(Arc::new);
        if known.plans.len() == SIZES {
            known.plans.remove(0);
        }
        known.plans.push((key, plan.clone()));
        known.weights.keep_used();
        Ok(plan)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pictures in turn, all threads on each, but for those that every thread has one of.
    fn pass(&self, plan: &Plan, images: &Tensor, vectors: Vectors) -> Result<Tensor, Error> {
        let images = images.contiguous()?;
        let b = images.dim(0)?;
        let threads = rayon::current_num_threads();
        let (input, output) = (&plan.input, &plan.output);
        let (from, to) = (input.channels * input.h * input.w, output.channels * output.h * output.w);
        counting::add(plan.products * b as u64);
        let len = elements("Frozen", &[b, to])?;
        let result = Cpu::read(&[&images], |_, args| {
            let data = args[0].data;
            // SAFETY: every picture writes all of its part.
            unsafe {
                try_filled(len, |y| {
                    let one = |i: usize, alone: bool| {
                        let y = Shared::of(y.part(i * to, to));
                        self.with_memory(plan, |memory| run(plan, &data[i * from..][..from], memory, y, vectors, alone))
                    };
                    parallel::in_pool(|| {
                        let together = if threads > 1 { b / threads * threads } else { 0 };
                        let failed = Mutex::new(None);
                        parallel::for_each(together, |i| {
                            if let Err(e) = one(i, true) {
                                *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(e);
                            }
                        });
                        if let Some(e) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
                            return Err(e);
                        }
                        (together..b).try_for_each(|i| one(i, threads == 1))
                    })
                })
            }
        })?;
        Ok(tensor(result, (b, output.channels, output.h, output.w)))
    }

    /// Memory for the maps of a pass, which begins at a line of the cache.
    fn with_memory(&self, plan: &Plan, run: impl FnOnce(Shared)) -> Result<(), Error> {
        let needed = plan.len + LINE;
        let kept = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut memory = match kept {
            Some(memory) if memory.len() >= needed => memory,
            _ => {
                let mut fresh = room(needed)?;
                fresh.resize(needed, 0.0);
                fresh
            }
        };
        let ahead = memory.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        run(Shared::of(&mut memory[ahead..]));
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < rayon::current_num_threads() {
            spare.push(memory);
        }
        Ok(())
    }
}

/// One picture.
///
/// # Safety
/// `memory` is the plan's, `y` has room for its output; nothing else touches them meanwhile.
unsafe fn run(plan: &Plan, picture: &[f32], memory: Shared, y: Shared, vectors: Vectors, alone: bool) {
    // SAFETY: the plan's maps lie in its memory, those that live together apart from each other, with the zeros and the
    // weights that their layers need.
    unsafe {
        to_blocks(picture, &plan.input, memory, alone);
        for layer in &plan.layers {
            match layer {
                Layer::Conv(conv) => conv.run(memory, vectors, alone),
                Layer::Depthwise(conv) => conv.run(memory, vectors, alone),
                Layer::MaxPool(pool) => pool.run(memory, vectors, alone),
            }
        }
        to_planes(&plan.output, memory, y, alone);
    }
}
