//! Single operations over a table of shapes, each next to candle's: `cargo bench -p candle-vision-helpers --bench
//! ops`.
#![allow(clippy::panic)] // criterion has no other way to fail
#![allow(missing_docs)] // criterion's macro writes a public function

use candle_core::{Device, Result, Tensor, Var};
use candle_vision_helpers::ops::{self, BatchNorm, ConvParams, Epilogue};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

/// Batch, channels, height, width, outputs, kernel, stride; padding is "same".
const CONVOLUTIONS: [(usize, usize, usize, usize, usize, usize, usize); 8] = [
    (8, 1, 180, 240, 20, 5, 1),
    (8, 20, 90, 120, 24, 5, 1),
    (8, 3, 224, 224, 64, 7, 2),
    (8, 64, 56, 56, 64, 3, 1),
    (8, 256, 56, 56, 64, 1, 1),
    (8, 128, 28, 28, 128, 3, 1),
    (8, 256, 14, 14, 256, 3, 1),
    (8, 512, 7, 7, 512, 3, 1),
];

fn convolutions(c: &mut Criterion) -> Result<()> {
    for (b, ch, h, w, o, k, stride) in CONVOLUTIONS {
        let x = Var::randn(0f32, 1.0, (b, ch, h, w), &Device::Cpu)?;
        let weight = Var::randn(0f32, 0.1, (o, ch, k, k), &Device::Cpu)?;
        let (xd, wd) = (x.detach(), weight.detach());
        let p = ConvParams { stride, padding: k / 2, ..Default::default() };
        let mut group = c.benchmark_group(format!("conv2d {b}x{ch}x{h}x{w} to {o}, {k}x{k} stride {stride}"));
        let stock = |x: &Tensor, w: &Tensor| x.conv2d(w, p.padding, stride, 1, 1);
        group.bench_function("forward, ours", |bench| {
            bench.iter(|| black_box(ops::conv2d(&xd, &wd, p, Epilogue::NONE)))
        });
        group.bench_function("forward, candle", |bench| bench.iter(|| black_box(stock(&xd, &wd))));
        let (ours, theirs) = (ops::conv2d(&x, &weight, p, Epilogue::NONE)?, stock(&x, &weight)?);
        group.bench_function("backward, ours", |bench| bench.iter(|| black_box(ours.backward())));
        group.bench_function("backward, candle", |bench| bench.iter(|| black_box(theirs.backward())));
        group.finish();
    }
    Ok(())
}

fn layers(c: &mut Criterion) -> Result<()> {
    let x = Var::randn(0f32, 1.0, (8, 64, 112, 112), &Device::Cpu)?;
    let gamma = Var::ones(64, candle_core::DType::F32, &Device::Cpu)?;
    let candle_norm = |x: &Tensor| -> Result<Tensor> {
        let mean = x.mean_keepdim((0, 2, 3))?;
        let centered = x.broadcast_sub(&mean)?;
        let var = centered.sqr()?.mean_keepdim((0, 2, 3))?;
        let scale = gamma.reshape((1, 64, 1, 1))?.broadcast_div(&(var + 1e-5)?.sqrt()?)?;
        centered.broadcast_mul(&scale)?.broadcast_add(&gamma.reshape((1, 64, 1, 1))?)?.relu()
    };
    let pairs: [(&str, Tensor, Tensor); 3] = [
        (
            "batch norm and ReLU",
            ops::batch_norm_train(&x, &BatchNorm { gamma: &gamma, beta: &gamma, eps: 1e-5 }, Epilogue::RELU)?.y,
            candle_norm(&x)?,
        ),
        ("max-pool 2", ops::max_pool2d(&x, 2, 2, 0)?, x.max_pool2d(2)?),
        (
            "nearest x2",
            ops::upsample_nearest2(&x.narrow(2, 0, 56)?)?,
            x.narrow(2, 0, 56)?.upsample_nearest2d(112, 224)?,
        ),
    ];
    for (name, ours, theirs) in pairs {
        let mut group = c.benchmark_group(format!("{name} 8x64x112x112"));
        group.bench_function("backward, ours", |bench| bench.iter(|| black_box(ours.backward())));
        group.bench_function("backward, candle", |bench| bench.iter(|| black_box(theirs.backward())));
        group.finish();
    }
    let mut group = c.benchmark_group("forward 8x64x112x112");
    let xd = x.detach();
    group.bench_function("batch norm and ReLU, ours", |bench| {
        bench.iter(|| ops::batch_norm_train(&xd, &BatchNorm { gamma: &gamma, beta: &gamma, eps: 1e-5 }, Epilogue::RELU))
    });
    group.bench_function("batch norm and ReLU, candle", |bench| bench.iter(|| candle_norm(&xd)));
    group.bench_function("max-pool 3 stride 2, ours", |bench| bench.iter(|| ops::max_pool2d(&xd, 3, 2, 1)));
    group.bench_function("max-pool 3 stride 2 (no padding), candle", |bench| {
        bench.iter(|| xd.max_pool2d_with_stride(3, 2))
    });
    group.finish();
    Ok(())
}

fn all(c: &mut Criterion) {
    ops::keep_freed_memory();
    if let Err(e) = convolutions(c).and_then(|()| layers(c)) {
        panic!("{e}");
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = all
}
criterion_main!(benches);
