//! Networks that only predict: turned once into a plan for the CPU.
//!
//! The first time that pictures come, the network's own code runs once while its operations are noted (`trace`). From
//! them layers are made (`network`, `layer`): weights packed in the order in which they are read (`weights`), maps in
//! blocks of channels from the first to the last operation, bias, residual and activation within each. For pictures of
//! some size a plan (`plan`) says which of them are computed a few rows at a time (`stream`), and has a place in memory
//! for every map (`memory`). The kernels are in `cpu::blocked`, and `cpu::team` are the threads that share a picture. A
//! network's code knows nothing of this, and candle's tensors stand at the two ends.

mod layer;
mod memory;
mod network;
mod pass;
mod plan;
mod stream;
#[cfg(test)]
mod tests;
pub(crate) mod trace;
mod weights;

use super::counting;
use super::cpu::{
    simd::Vectors,
    team::{self, together},
    uncleared::{Shared, room},
};
use super::graph::{
    storage::{Backend, Cpu, tensor},
    tape::no_grad,
};
use super::shapes::elements;
use candle_core::{DType, Error, Tensor};
use network::Network;
use plan::Plan;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use weights::Weights;

/// Of networks and of plans so many are kept, the latest ones.
const KEPT: usize = 16;
/// Floats of a pass's memory beyond which it is given back: 16 MiB.
const SPARE: usize = 4 << 20;
/// Floats in 64 bytes, a line of the cache.
const ALIGNED: usize = 16;

/// What decides how layers are computed; all numbers are the same.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Floats of a map that stays in the caches from one layer to the next.
    cached: usize,
    /// Floats of the maps of a strip at most, for more than one row at a time.
    strip: usize,
}

impl Default for Limits {
    /// 1 MiB each: about the second-level cache of a core.
    fn default() -> Self {
        Self { cached: 1 << 18, strip: 1 << 18 }
    }
}

/// The plans of one network, whose weights must not change.
#[derive(Debug, Default)]
pub struct Frozen {
    known: Mutex<Known>,
    /// Memory of passes that have ended, by its capacity.
    spare: Mutex<Vec<Vec<f32>>>,
    any_size: bool,
    limits: Limits,
}

#[derive(Debug, Default)]
struct Known {
    /// By channels, height and width of the pictures that the network ran on, and a vector's lanes.
    networks: Latest<[usize; 4], Network>,
    /// By channels, height and width of the pictures, a vector's lanes, and threads that share a picture.
    plans: Latest<[usize; 5], Plan>,
    weights: Weights,
}

/// The latest of some things; `None` where there is none for a key.
#[derive(Debug)]
struct Latest<K, T>(Vec<(K, Option<Arc<T>>)>);

impl<K, T> Default for Latest<K, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: PartialEq, T> Latest<K, T> {
    fn find(&self, key: &K) -> Option<Option<Arc<T>>> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, known)| known.clone())
    }

    fn keep(&mut self, key: K, new: Option<T>) -> Option<Arc<T>> {
        if self.0.len() == KEPT {
            self.0.remove(0);
        }
        let new = new.map(Arc::new);
        self.0.push((key, new.clone()));
        new
    }
}

impl Frozen {
    /// Without plans yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Without plans yet, of a network that does the same with pictures of any size: it is asked once for all of them,
    /// best with a small one, and plans for other sizes are derived from what it did.
    pub fn of_any_size() -> Self {
        Self { any_size: true, ..Self::default() }
    }

    /// What `network` gives for `images (B, C, H, W)`, without gradients: by a plan where all that it computes from the
    /// pictures to its result is made of [`conv2d`](super::conv2d),
    /// [`upsample_nearest2_conv3`](super::upsample_nearest2_conv3), [`depthwise_conv3`](super::depthwise_conv3),
    /// [`max_pool2d`](super::max_pool2d) and [`upsample_nearest2_add`](super::upsample_nearest2_add) on the CPU, else
    /// by itself. The numbers are the same bit for bit for any number of threads and pictures; they differ from the
    /// network's own in the order of sums, and those of 3×3 convolutions by rounding, since they take fewer products.
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
        self.run_all(images, |images| Ok([network(images)?])).map(|[map]| map)
    }

    /// As [`run`](Self::run), for a network that gives several maps.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub fn run_all<const N: usize, E: From<Error>>(
        &self,
        images: &Tensor,
        network: impl Fn(&Tensor) -> Result<[Tensor; N], E>,
    ) -> Result<[Tensor; N], E> {
        // once, since the plan depends on them
        let vectors = Vectors::in_use();
        let Some(layers) = self.layers(images, &network, vectors)? else { return no_grad(|| network(images)) };
        let (b, threads) = (images.dim(0)?, rayon::current_num_threads());
        // all threads on each picture, but for those that every thread has one of
        let together = b / threads * threads;
        let parts = [(0..together, 1), (together..b, threads)];
        let mut planned = Vec::new();
        for (pictures, threads) in parts.into_iter().filter(|(pictures, _)| !pictures.is_empty()) {
            let Some(plan) = self.plan(&layers, images, vectors, threads)? else { return no_grad(|| network(images)) };
            planned.push((pictures, plan));
        }
        let maps = self.pass(&planned, images, vectors)?;
        maps.try_into().map_err(|_| Error::Msg("Frozen: expected as many maps as outputs".into()).into())
    }

    /// The layers of `network`.
    fn layers<const N: usize, E: From<Error>>(
        &self,
        images: &Tensor,
        network: &impl Fn(&Tensor) -> Result<[Tensor; N], E>,
        vectors: Vectors,
    ) -> Result<Option<Arc<Network>>, E> {
        let &[b, c, h, w] = images.dims() else { return Ok(None) };
        if !images.device().is_cpu() || images.dtype() != DType::F32 || b * c * h * w == 0 {
            return Ok(None);
        }
        let lanes = vectors.lanes();
        let key = if self.any_size { [c, 0, 0, lanes] } else { [c, h, w, lanes] };
        if let Some(layers) = self.known().networks.find(&key) {
            return Ok(layers);
        }
        let one = images.narrow(0, 0, 1)?.contiguous()?;
        // not under the lock: this thread may take up another task meanwhile that asks for a plan
        let (outputs, steps) = counting::uncounted(|| trace::traced(|| no_grad(|| network(&one))));
        let (outputs, mut known) = (outputs?.each_ref().map(Tensor::id), self.known());
        if let Some(layers) = known.networks.find(&key) {
            return Ok(layers);
        }
        let layers = Network::of(steps, &one, &outputs, lanes, &mut known.weights)?;
        let layers = known.networks.keep(key, layers);
        known.weights.keep_used();
        Ok(layers)
    }

    /// The plan for pictures of the size of `images` that so many threads share.
    fn plan(
        &self,
        layers: &Arc<Network>,
        images: &Tensor,
        vectors: Vectors,
        threads: usize,
    ) -> Result<Option<Arc<Plan>>, Error> {
        let (_, c, h, w) = images.dims4()?;
        let (key, mut known) = ([c, h, w, vectors.lanes(), threads], self.known());
        if let Some(plan) = known.plans.find(&key) {
            return Ok(plan);
        }
        let plan = Plan::of(layers, [h, w], threads, self.limits);
        Ok(known.plans.keep(key, plan))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All maps of all pictures: some of them by one plan, some by another.
    fn pass(
        &self,
        planned: &[(Range<usize>, Arc<Plan>)],
        images: &Tensor,
        vectors: Vectors,
    ) -> Result<Vec<Tensor>, Error> {
        let images = images.contiguous()?;
        let (b, c, h, w) = images.dims4()?;
        let Some((_, plan)) = planned.first() else { return Ok(Vec::new()) };
        counting::add(plan.products * b as u64);
        let dims: Vec<_> = plan.outputs().map(|map| [b, map.channels, map.h, map.w]).collect();
        let lens = dims.iter().map(|dims| elements("Frozen", dims)).collect::<Result<Vec<_>, Error>>()?;
        let mut results = lens.iter().map(|len| room(*len)).collect::<Result<Vec<_>, Error>>()?;
        let to: Vec<Shared> = results.iter_mut().map(|result| Shared::new(result.as_mut_ptr())).collect();
        Cpu::read(&[&images], |_, args| {
            let (data, one) = (args[0].data, c * h * w);
            let run = |plan: &Plan, i: usize| {
                self.with_memory(plan, |memory| {
                    let picture = &data[i * one..][..one];
                    // SAFETY: the results have room for all pictures.
                    let part = |(to, len): (&Shared, &usize)| unsafe { Shared::new(to.ptr().add(i * (len / b))) };
                    let to: Vec<_> = to.iter().zip(&lens).map(part).collect();
                    // SAFETY: the memory is the plan's, and the parts are this picture's.
                    together(plan.threads, |team| unsafe { plan.run(team, picture, memory, vectors, &to) });
                })
            };
            for (pictures, plan) in planned {
                if plan.threads > 1 {
                    pictures.clone().try_for_each(|i| run(plan, i))?;
                    continue;
                }
                let failed = Mutex::new(None);
                team::for_each(pictures.len(), |i| {
                    if let Err(e) = run(plan, pictures.start + i) {
                        *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(e);
                    }
                });
                if let Some(e) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
                    return Err(e);
                }
            }
            Ok(())
        })?;
        for (result, len) in results.iter_mut().zip(&lens) {
            // SAFETY: the capacity is there, and every picture wrote all of its part.
            unsafe { result.set_len(*len) };
        }
        Ok(results.into_iter().zip(dims).map(|(result, dims)| tensor(result, &dims)).collect())
    }

    /// Memory for the maps of a pass, which begins at a line of the cache. What is in it is left from others, or never
    /// was written: kernels read what was written in this pass alone.
    fn with_memory(&self, plan: &Plan, run: impl FnOnce(Shared)) -> Result<(), Error> {
        let needed = plan.len + ALIGNED;
        let kept = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut memory = match kept {
            Some(memory) if memory.capacity() >= needed => memory,
            _ => room(needed)?,
        };
        let ahead = memory.as_ptr().align_offset(ALIGNED * size_of::<f32>()).min(ALIGNED);
        // SAFETY: there is room for so many floats more than the plan's.
        run(Shared::new(unsafe { memory.as_mut_ptr().add(ahead) }));
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < rayon::current_num_threads() && memory.capacity() <= SPARE {
            spare.push(memory);
        }
        Ok(())
    }
}
