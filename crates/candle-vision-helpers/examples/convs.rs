//! Speed of single convolutions in GFLOP a second of processor time: forward, weight gradient, input gradient.
#![allow(clippy::print_stdout)]

use candle_core::{Device, Result, Tensor, Var};
use candle_vision_helpers::ops::{ConvParams, conv2d};

fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 1e6
}

fn best(mut f: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut best = f64::MAX;
    for _ in 0..5 {
        let t = cpu_ms();
        f()?;
        best = best.min(cpu_ms() - t);
    }
    Ok(best)
}

fn main() -> Result<()> {
    candle_vision_helpers::ops::keep_freed_memory();
    // batch, channels, height, width, outputs, kernel, stride, relu
    let table = [
        (8, 1, 180, 240, 20, 5, 1),
        (8, 20, 90, 120, 24, 5, 1),
        (8, 24, 45, 60, 26, 5, 1),
        (8, 26, 22, 30, 28, 5, 1),
        (8, 28, 11, 15, 30, 5, 1),
        (8, 3, 224, 224, 64, 7, 2),
        (8, 64, 56, 56, 64, 1, 1),
        (8, 64, 56, 56, 64, 3, 1),
        (8, 256, 56, 56, 64, 1, 1),
        (8, 64, 56, 56, 256, 1, 1),
        (8, 128, 28, 28, 128, 3, 1),
        (8, 128, 56, 56, 128, 3, 2),
        (8, 256, 56, 56, 512, 1, 2),
        (8, 512, 28, 28, 128, 1, 1),
        (8, 256, 14, 14, 256, 3, 1),
        (8, 256, 14, 14, 1024, 1, 1),
        (8, 512, 7, 7, 512, 3, 1),
        (8, 2048, 7, 7, 512, 1, 1),
        (4, 2048, 16, 16, 256, 3, 1),
        (4, 256, 64, 64, 256, 3, 1),
    ];
    for (b, c, h, w, o, k, stride) in table {
        let x = Var::randn(0f32, 1.0, (b, c, h, w), &Device::Cpu)?;
        let wt = Var::randn(0f32, 1.0, (o, c, k, k), &Device::Cpu)?;
        let (xd, wd) = (x.detach(), wt.detach());
        let p = ConvParams { stride, padding: k / 2, ..Default::default() };
        let y = conv2d(&xd, &wd, None, p, false)?;
        let gf = 2.0 * (y.elem_count() * c * k * k) as f64 / 1e6;
        let g = y.ones_like()?;
        let f = best(|| conv2d(&xd, &wd, None, p, false).map(|_| ()))?;
        let back = |x: &Tensor, w: &Tensor| -> Result<f64> {
            let y = (conv2d(x, w, None, p, false)? * &g)?;
            let plain = (y.detach() * &g)?;
            drop(plain);
            best(|| y.backward().map(|_| ()))
        };
        let (dw, dx) = (back(&xd, &wt)?, back(&x, &wd)?);
        println!(
            "{c:4} {h:3}x{w:3} -> {o:4} k{k} s{stride}: forward {f:7.1} ms {:5.1}  dw {dw:7.1} ms {:5.1}  dx {dx:7.1} ms {:5.1}",
            gf / f,
            gf / dw,
            gf / dx
        );
    }
    Ok(())
}
