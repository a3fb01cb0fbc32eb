//! The four networks of `benches/torch_steps.py` as plain definitions, timed: `steps [NAME] [ROUNDS]`, one JSON line
//! each.
#![allow(clippy::print_stdout)]

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_vision_helpers::ops::{self, AdamWStep, ConvParams};
use std::time::Instant;

struct Params {
    vars: Vec<(Var, Var, Var)>,
    next: usize,
}

impl Params {
    fn var(&mut self, dims: &[usize], scale: f64) -> Result<Tensor> {
        if self.next == self.vars.len() {
            let z = || Var::zeros(dims, DType::F32, &Device::Cpu);
            let v = if scale == 0.0 {
                Tensor::ones(dims, DType::F32, &Device::Cpu)?
            } else {
                Tensor::randn(0f32, scale as f32, dims, &Device::Cpu)?
            };
            self.vars.push((Var::from_tensor(&v)?, z()?, z()?));
        }
        self.next += 1;
        Ok(self.vars[self.next - 1].0.as_tensor().clone())
    }
    fn conv(&mut self, x: &Tensor, o: usize, k: usize, stride: usize, bias: bool, relu: bool) -> Result<Tensor> {
        let c = x.dim(1)?;
        let w = self.var(&[o, c, k, k], (2.0 / (c * k * k) as f64).sqrt())?;
        let b = if bias { Some(self.var(&[o], 0.01)?) } else { None };
        ops::conv2d(x, &w, b.as_ref(), ConvParams { stride, padding: k / 2, ..Default::default() }, relu)
    }
    fn linear(&mut self, x: &Tensor, o: usize, relu: bool) -> Result<Tensor> {
        let i = x.dim(1)?;
        let (w, b) = (self.var(&[o, i], (1.0 / i as f64).sqrt())?, self.var(&[o], 0.01)?);
        ops::linear(x, &w, Some(&b), relu)
    }
    fn bn(&mut self, x: &Tensor, residual: Option<&Tensor>, relu: bool, train: bool) -> Result<Tensor> {
        let c = x.dim(1)?;
        let (g, b) = (self.var(&[c], 0.0)?, self.var(&[c], 0.01)?);
        if train {
            Ok(ops::batch_norm_train(x, &g, &b, 1e-5, residual, relu)?.y)
        } else {
            ops::batch_norm_eval(x, &g, &b, &g.zeros_like()?, &g.ones_like()?, 1e-5, residual, relu)
        }
    }
}

fn plain(
    p: &mut Params,
    x: &Tensor,
    channels: &[usize],
    kernels: &[usize],
    hidden: usize,
    out: usize,
) -> Result<Tensor> {
    let mut x = x.clone();
    for (&o, &k) in channels.iter().zip(kernels) {
        x = ops::max_pool2d(&p.conv(&x, o, k, 1, true, true)?, 2, 2, 0)?;
    }
    let x = p.linear(&x.flatten_from(1)?, hidden, true)?;
    p.linear(&x, out, false)
}

fn trunk(p: &mut Params, x: &Tensor, train: bool) -> Result<Tensor> {
    let x = p.conv(x, 64, 7, 2, false, false)?;
    let mut x = ops::max_pool2d(&p.bn(&x, None, true, train)?, 3, 2, 1)?;
    for (width, blocks, stride) in [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)] {
        for i in 0..blocks {
            let s = if i == 0 { stride } else { 1 };
            let identity = if i == 0 {
                let d = p.conv(&x, 4 * width, 1, s, false, false)?;
                p.bn(&d, None, false, train)?
            } else {
                x.clone()
            };
            let y = p.conv(&x, width, 1, 1, false, false)?;
            let y = p.bn(&y, None, true, train)?;
            let y = p.conv(&y, width, 3, s, false, false)?;
            let y = p.bn(&y, None, true, train)?;
            let y = p.conv(&y, 4 * width, 1, 1, false, false)?;
            x = p.bn(&y, Some(&identity), true, train)?;
        }
    }
    Ok(x)
}

fn forward(name: &str, p: &mut Params, x: &Tensor, train: bool) -> Result<Tensor> {
    p.next = 0;
    match name {
        "nose" => plain(p, x, &[20; 3], &[7, 5, 3], 128, 2),
        "face58" => plain(p, x, &[20, 24, 26, 28, 30], &[5; 5], 256, 116),
        "resnet50" => {
            let x = trunk(p, x, train)?;
            p.linear(&ops::avg_pool_global(&x)?, 136, false)
        }
        _ => {
            let mut x = trunk(p, x, train)?;
            for _ in 0..3 {
                x = p.conv(&ops::upsample_nearest2(&x)?, 256, 3, 1, false, false)?;
                x = p.bn(&x, None, true, train)?;
            }
            p.conv(&x, 68, 1, 1, true, false)
        }
    }
}

/// Processor time of the main thread, milliseconds: what counts on a busy machine, with one thread.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 1e6
}

fn median(mut v: Vec<f64>) -> f64 {
    v.sort_by(f64::total_cmp);
    (v[v.len() / 2] * 1e3).round() / 1e3
}

#[cfg(target_os = "linux")]
fn peak_mb() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap_or("0 0");
    line.split_whitespace().nth(1).and_then(|n| n.parse::<usize>().ok()).unwrap_or(0) / 1024
}

fn main() -> Result<()> {
    ops::keep_freed_memory();
    let args: Vec<String> = std::env::args().collect();
    let rounds: usize = args.get(2).and_then(|r| r.parse().ok()).unwrap_or(7);
    let nets: [(&str, usize, [usize; 3], &[usize]); 4] = [
        ("nose", 16, [1, 60, 80], &[2]),
        ("face58", 8, [1, 180, 240], &[116]),
        ("resnet50", 8, [3, 224, 224], &[136]),
        ("heatmap", 4, [3, 256, 256], &[68, 64, 64]),
    ];
    for (name, batch, shape, out) in nets {
        if args.get(1).is_some_and(|n| n != name && n != "all") {
            continue;
        }
        let mut p = Params { vars: vec![], next: 0 };
        let x = Tensor::randn(0f32, 1.0, [&[batch], &shape[..]].concat(), &Device::Cpu)?;
        let y = Tensor::randn(0f32, 1.0, [&[batch], out].concat(), &Device::Cpu)?;
        let (mut cpu, mut cpu_forward, mut cpu_infer) = (vec![], vec![], vec![]);
        let (mut fwd, mut step, mut opt, mut infer) = (vec![], vec![], vec![], vec![]);
        for round in 1..=rounds + 2 {
            let (t0, c0) = (Instant::now(), cpu_ms());
            let tape = if std::env::var_os("NO_TAPE").is_none() { Some(ops::Tape::start()?) } else { None };
            let o = forward(name, &mut p, &x, true)?;
            let (t1, c1) = (Instant::now(), cpu_ms());
            let loss = ops::mse_loss(&o, &y, None)?;
            let mut grads = match tape {
                Some(t) => t.backward(&loss)?,
                None => loss.backward()?,
            };
            drop((o, loss));
            let t2 = Instant::now();
            let s = AdamWStep {
                lr: 1e-4,
                beta1: 0.9,
                beta2: 0.999,
                eps: 1e-8,
                weight_decay: 0.01,
                bias_correction1: 1.0 - 0.9f64.powi(round as i32),
                bias_correction2: 1.0 - 0.999f64.powi(round as i32),
            };
            for (v, m, a) in &p.vars {
                if let Some(g) = grads.remove(v) {
                    ops::adamw_step(v, &g, m, a, &s)?;
                }
            }
            let (t3, c3) = (Instant::now(), cpu_ms());
            if round > 2 {
                fwd.push((t1 - t0).as_secs_f64() * 1e3);
                step.push((t3 - t0).as_secs_f64() * 1e3);
                cpu.push(c3 - c0);
                cpu_forward.push(c1 - c0);
                opt.push((t3 - t2).as_secs_f64() * 1e3);
            }
        }
        let one = x.narrow(0, 0, 1)?;
        for _ in 0..rounds + 2 {
            let (t0, c0) = (Instant::now(), cpu_ms());
            ops::no_grad(|| forward(name, &mut p, &one, false))?;
            infer.push(t0.elapsed().as_secs_f64() * 1e3);
            cpu_infer.push(cpu_ms() - c0);
        }
        let least = step.iter().copied().fold(f64::MAX, f64::min);
        println!(
            "{{\"name\": \"{name}\", \"forward_ms\": {}, \"step_ms\": {}, \"least\": {least:.2}, \"adamw_ms\": {}, \"infer1_ms\": {}, \"peak_mb\": {}, \"cpu_forward\": {}, \"cpu_step\": {}, \"cpu_infer1\": {}}}",
            median(fwd),
            median(step),
            median(opt),
            median(infer),
            peak_mb(),
            median(cpu_forward),
            median(cpu),
            median(cpu_infer)
        );
    }
    Ok(())
}
