//! Memory and launches on a device.

use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::{
    CudaSlice, CudaView, DeviceRepr, LaunchArgs, LaunchConfig, PushKernelArg,
};
use candle_core::{Result, bail};

pub(super) mod ptx {
    include!(concat!(env!("OUT_DIR"), "/ptx.rs"));
}

/// Threads of a block, as `THREADS` in kernels.cu.
pub(super) const THREADS: usize = 256;

/// Most blocks for a thread for each element; each thread then continues with the next element a grid further.
const MAX_BLOCKS: usize = 1 << 16;

/// An address that no tensor has, for an argument that is left out.
static NULL: u64 = 0;

/// What the kernels count in 32 bits.
pub(super) fn count(n: usize) -> Result<u32> {
    match u32::try_from(n) {
        Ok(n) => Ok(n),
        Err(_) => bail!("expected at most {} elements in a channel for the CUDA kernels, got {n}", u32::MAX),
    }
}

/// Blocks for one thread for each element.
pub(super) fn elementwise(len: usize) -> LaunchConfig {
    blocks(len.div_ceil(THREADS).clamp(1, MAX_BLOCKS), 1)
}

/// A grid of blocks.
pub(super) fn blocks(x: usize, y: usize) -> LaunchConfig {
    // both are bounded by callers to what fits
    LaunchConfig { grid_dim: (x as u32, y as u32, 1), block_dim: (THREADS as u32, 1, 1), shared_mem_bytes: 0 }
}

/// Memory that the next launch fills.
pub(super) fn empty<T: DeviceRepr>(dev: &CudaDevice, len: usize) -> Result<CudaSlice<T>> {
    // SAFETY: callers hand it to a kernel that writes all of it before anything reads it.
    unsafe { dev.alloc::<T>(len) }
}

/// Launches a kernel of kernels.cu: device, name, grid, then references to its arguments in its order. Unsafe, since
/// it is not checked that they are the kernel's, and as long as it reads and writes.
macro_rules! launch {
    ($dev:expr, $kernel:literal, $grid:expr, $($arg:expr),+ $(,)?) => {{
        let f = $dev.get_or_load_custom_func($kernel, "candle_vision_helpers", $crate::ops::cuda::launch::ptx::KERNELS)?;
        let mut args = f.builder();
        $(candle_core::cuda_backend::cudarc::driver::PushKernelArg::arg(&mut args, $arg);)+
        candle_core::cuda_backend::WrapErr::w(args.launch($grid))?;
    }};
}
pub(super) use launch;

/// An argument that may be left out, as a null address.
pub(super) struct Maybe<'b, 'c>(pub Option<&'b CudaView<'c, f32>>);

// SAFETY: both push a device address that outlives the launch.
unsafe impl<'a, 'b: 'a, 'c: 'b> PushKernelArg<Maybe<'b, 'c>> for LaunchArgs<'a> {
    fn arg(&mut self, arg: Maybe<'b, 'c>) -> &mut Self {
        match arg.0 {
            Some(view) => self.arg(view),
            None => self.arg(&NULL),
        }
    }
}

/// As [`Maybe`], written to.
pub(super) struct MaybeMut<'b>(pub Option<&'b mut CudaSlice<f32>>);

// SAFETY: both push a device address that outlives the launch.
unsafe impl<'a, 'b: 'a> PushKernelArg<MaybeMut<'b>> for LaunchArgs<'a> {
    fn arg(&mut self, arg: MaybeMut<'b>) -> &mut Self {
        match arg.0 {
            Some(slice) => self.arg(slice),
            None => self.arg(&NULL),
        }
    }
}
