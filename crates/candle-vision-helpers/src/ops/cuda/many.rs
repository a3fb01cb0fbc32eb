//! One launch for many tensors: their addresses and lengths go to the device as a table, and each block works on one
//! chunk.

use super::launch::{blocks, count, empty, launch};
use super::storage::Cuda;
use crate::ops::graph::storage::Backend;
use crate::ops::optim::AdamWItem;
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, DevicePtr};
use candle_core::{CudaDevice, Result, Storage, Tensor, Var, bail};

/// Elements of a chunk, which is what a block does.
const CHUNK: usize = 1 << 14;

/// Numbers of a table's row, as `ROW` in kernels.cu: four addresses, the length, two packed floats.
const ROW: usize = 6;

/// As [`adamw_steps`](crate::ops::adamw_steps), all items f32 on one device and shaped alike.
pub(crate) fn adamw(items: &[AdamWItem<'_>]) -> Result<()> {
    let Some(first) = items.first().map(|i| i.step) else { return Ok(()) };
    let same = |i: &AdamWItem<'_>| {
        let s = i.step;
        s.beta1 == first.beta1
            && s.beta2 == first.beta2
            && s.eps == first.eps
            && s.bias_correction1 == first.bias_correction1
            && s.bias_correction2 == first.bias_correction2
    };
    if !items.iter().all(same) {
        bail!("adamw_steps: expected items with the same decay rates, eps and corrections, got different ones");
    }
    let grads: Vec<Tensor> = items.iter().map(|i| i.grad.contiguous()).collect::<Result<_>>()?;
    let rows: Vec<Row<'_>> = items
        .iter()
        .zip(&grads)
        .map(|(i, grad)| {
            let keep = 1.0 - i.step.lr * i.step.weight_decay;
            let rate = i.step.lr / i.step.bias_correction1;
            let tensors = [Some(i.param.as_tensor()), Some(grad), Some(i.m.as_tensor()), Some(i.v.as_tensor())];
            Row { tensors, numbers: [keep as f32, rate as f32] }
        })
        .collect();
    let (b1, b2) = (first.beta1 as f32, first.beta2 as f32);
    let (g1, g2) = ((1.0 - first.beta1) as f32, (1.0 - first.beta2) as f32);
    let (root, eps) = ((1.0 / first.bias_correction2.sqrt()) as f32, first.eps as f32);
    with_table(&rows, |t| {
        // SAFETY: the kernel's arguments; the table's tensors are held open by `with_table`.
        unsafe {
            let (rows, chunks, chunk) = (&t.rows, &t.chunks, &t.chunk);
            launch!(&t.dev, "adamw_many", t.grid(), rows, chunks, chunk, &b1, &g1, &b2, &g2, &root, &eps);
        }
        Ok(())
    })
}

/// As [`ema_steps`](crate::ops::ema_steps), all pairs f32 on one device and shaped alike.
pub(crate) fn ema(pairs: &[(&Var, &Tensor)], decay: f64) -> Result<()> {
    let values: Vec<Tensor> = pairs.iter().map(|(_, v)| v.contiguous()).collect::<Result<_>>()?;
    let numbers = [decay as f32, (1.0 - decay) as f32];
    let row = |((shadow, _), value)| Row { tensors: [Some(shadow), Some(value), None, None], numbers };
    let rows: Vec<Row<'_>> = pairs.iter().map(|(s, v)| (s.as_tensor(), *v)).zip(&values).map(row).collect();
    with_table(&rows, |t| {
        // SAFETY: as in `adamw`.
        unsafe { launch!(&t.dev, "ema_many", t.grid(), &t.rows, &t.chunks, &t.chunk) }
        Ok(())
    })
}

/// As [`global_norm`](crate::ops::global_norm), all tensors f32 on one device, one at least.
pub(crate) fn global_norm(tensors: &[&Tensor]) -> Result<Tensor> {
    let tensors: Vec<Tensor> = tensors.iter().map(|t| t.contiguous()).collect::<Result<_>>()?;
    let rows: Vec<Row<'_>> =
        tensors.iter().map(|t| Row { tensors: [Some(t), None, None, None], numbers: [0.0; 2] }).collect();
    let sums = with_table(&rows, |t| {
        let mut sums = empty::<f32>(&t.dev, t.blocks)?;
        // SAFETY: as in `adamw`; each block writes its sum.
        unsafe { launch!(&t.dev, "squares_many", t.grid(), &t.rows, &t.chunks, &t.chunk, &mut sums) }
        Ok(Cuda::tensor(sums, t.blocks, &t.dev))
    })?;
    sums.sum_all()?.sqrt()
}

/// As [`scale_all`](crate::ops::scale_all), all f32 on one device, one at least.
pub(crate) fn scale_all(tensors: &[&Tensor], factor: &Tensor) -> Result<Vec<Tensor>> {
    let tensors: Vec<Tensor> = tensors.iter().map(|t| t.contiguous()).collect::<Result<_>>()?;
    let out: Vec<Tensor> = tensors
        .iter()
        .map(|t| {
            let dev = t.device().as_cuda_device()?;
            Ok(Cuda::tensor(empty::<f32>(dev, t.elem_count())?, t.shape(), dev))
        })
        .collect::<Result<_>>()?;
    let row = |(t, o)| Row { tensors: [Some(t), Some(o), None, None], numbers: [0.0; 2] };
    let rows: Vec<Row<'_>> = tensors.iter().zip(&out).map(row).collect();
    Cuda::read(&[factor], |_, a| {
        with_table(&rows, |t| {
            // SAFETY: as in `adamw`; `out` is new and its chunks cover it.
            unsafe { launch!(&t.dev, "scale_many", t.grid(), &t.rows, &t.chunks, &t.chunk, &a[0].data) }
            Ok(())
        })
    })?;
    Ok(out)
}

/// What a kernel sees of a group of tensors of one length, the first always there.
struct Row<'a> {
    tensors: [Option<&'a Tensor>; 4],
    numbers: [f32; 2],
}

/// The table on the device.
struct Table {
    dev: CudaDevice,
    rows: CudaSlice<u64>,
    chunks: CudaSlice<u32>,
    chunk: u32,
    blocks: usize,
}

impl Table {
    fn grid(&self) -> candle_core::cuda_backend::cudarc::driver::LaunchConfig {
        blocks(self.blocks, 1)
    }
}

/// Runs `then` with the table of these rows, whose tensors stay where they are meanwhile.
fn with_table<T>(rows: &[Row<'_>], then: impl FnOnce(&Table) -> Result<T>) -> Result<T> {
    let Some(Row { tensors: [Some(first), ..], .. }) = rows.first() else {
        bail!("expected one tensor at least, got none")
    };
    let dev = first.device().as_cuda_device()?.clone();
    let stream = dev.cuda_stream();
    let tensors: Vec<&Tensor> = rows.iter().flat_map(|r| r.tensors).flatten().collect();
    let guards: Vec<_> = tensors.iter().map(|t| t.storage_and_layout()).collect();
    let mut held = Vec::with_capacity(guards.len());
    let mut addresses = Vec::with_capacity(guards.len());
    for (storage, layout) in &guards {
        let Storage::Cuda(s) = &**storage else { bail!("expected a tensor on a CUDA device, got one elsewhere") };
        let Some((from, _)) = layout.contiguous_offsets() else {
            bail!("expected a contiguous tensor, got strides {:?}", layout.stride())
        };
        let (address, guard) = s.as_cuda_slice::<f32>()?.device_ptr(&stream);
        held.push(guard);
        addresses.push(address + (from * size_of::<f32>()) as u64);
    }
    let (mut table, mut chunks) = (Vec::with_capacity(ROW * rows.len()), Vec::new());
    let mut addresses = addresses.into_iter();
    for (number, row) in rows.iter().enumerate() {
        table.extend(row.tensors.map(|t| t.map_or(0, |_| addresses.next().unwrap_or(0))));
        let len = row.tensors[0].map_or(0, |t| t.elem_count());
        table.push(len as u64);
        table.push(u64::from(row.numbers[0].to_bits()) | u64::from(row.numbers[1].to_bits()) << 32);
        for chunk in 0..len.div_ceil(CHUNK) {
            chunks.extend([count(number)?, count(chunk)?]);
        }
    }
    let blocks = chunks.len() / 2;
    if blocks == 0 {
        bail!("expected tensors with elements, got none");
    }
    let t =
        Table { rows: dev.clone_htod(&table)?, chunks: dev.clone_htod(&chunks)?, chunk: count(CHUNK)?, blocks, dev };
    then(&t)
}
