//! Shared by the tests of `ops`: fixed random tensors and plain references.
#![allow(dead_code)] // each test binary needs some of it

use candle_core::{Device, Result, Tensor, Var};
use candle_vision_helpers::ops::{self, Activation, ConvParams, Epilogue};

/// An epilogue of bias and ReLU.
pub(crate) fn with(bias: Option<&Tensor>, relu: bool) -> Epilogue<&Tensor> {
    Epilogue { bias, residual: None, activation: if relu { Activation::Relu } else { Activation::None } }
}

/// An epilogue of residual and ReLU.
pub(crate) fn after(residual: Option<&Tensor>, relu: bool) -> Epilogue<&Tensor> {
    Epilogue { bias: None, residual, activation: if relu { Activation::Relu } else { Activation::None } }
}

/// Numbers between -1 and 1, the same for the same seed.
pub(crate) fn random(dims: &[usize], seed: u64) -> Result<Tensor> {
    let len = dims.iter().product();
    let mut state = seed.wrapping_mul(0x2545_f491_4f6c_dd1d) | 1;
    let values: Vec<f32> = (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect();
    Tensor::from_vec(values, dims, &Device::Cpu)
}

pub(crate) fn values(t: &Tensor) -> Result<Vec<f32>> {
    t.flatten_all()?.to_vec1()
}

/// Largest difference, relative to the largest value expected (at least 1e-3).
pub(crate) fn difference(got: &Tensor, expected: &[f64]) -> Result<f64> {
    let got = values(got)?;
    assert_eq!(got.len(), expected.len());
    let scale = expected.iter().fold(1e-3f64, |m, x| m.max(x.abs()));
    Ok(got.iter().zip(expected).map(|(g, e)| (f64::from(*g) - e).abs() / scale).fold(0.0, f64::max))
}

/// The textbook's seven loops, in double precision: `y`, and the gradients of x, weight and bias for a `dy` of the
/// given values.
pub(crate) struct NaiveConv {
    pub y: Vec<f64>,
    pub dx: Vec<f64>,
    pub dw: Vec<f64>,
    pub db: Vec<f64>,
}

pub(crate) fn naive_conv(
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    p: ConvParams,
    dy: Option<&Tensor>,
    relu: bool,
) -> Result<NaiveConv> {
    let (b, c, h, wd) = x.dims4()?;
    let (o, cg, kh, kw) = w.dims4()?;
    let oh = (h + 2 * p.padding - p.dilation * (kh - 1) - 1) / p.stride + 1;
    let ow = (wd + 2 * p.padding - p.dilation * (kw - 1) - 1) / p.stride + 1;
    let (xv, wv) = (values(x)?, values(w)?);
    let bv = bias.map(values).transpose()?;
    let dyv = dy.map(values).transpose()?;
    let mut n =
        NaiveConv { y: vec![0.0; b * o * oh * ow], dx: vec![0.0; xv.len()], dw: vec![0.0; wv.len()], db: vec![0.0; o] };
    let og = o / p.groups;
    for bi in 0..b {
        for oc in 0..o {
            for i in 0..oh {
                for j in 0..ow {
                    let q = ((bi * o + oc) * oh + i) * ow + j;
                    let taps = (0..cg)
                        .flat_map(|ic| (0..kh).flat_map(move |a| (0..kw).map(move |e| (ic, a, e))))
                        .filter_map(|(ic, a, e)| {
                            let (ih, iw) = (i * p.stride + a * p.dilation, j * p.stride + e * p.dilation);
                            let inside =
                                ih >= p.padding && iw >= p.padding && ih - p.padding < h && iw - p.padding < wd;
                            let channel = oc / og * cg + ic;
                            inside.then(|| {
                                (
                                    ((bi * c + channel) * h + ih - p.padding) * wd + iw - p.padding,
                                    ((oc * cg + ic) * kh + a) * kw + e,
                                )
                            })
                        });
                    let taps: Vec<(usize, usize)> = taps.collect();
                    let sum: f64 = taps.iter().map(|&(xi, wi)| f64::from(xv[xi]) * f64::from(wv[wi])).sum();
                    let y = sum + bv.as_ref().map_or(0.0, |b| f64::from(b[oc]));
                    n.y[q] = if relu { y.max(0.0) } else { y };
                    if let Some(dy) = &dyv
                        && (!relu || y > 0.0)
                    {
                        let g = f64::from(dy[q]);
                        n.db[oc] += g;
                        for (xi, wi) in taps {
                            n.dx[xi] += g * f64::from(wv[wi]);
                            n.dw[wi] += g * f64::from(xv[xi]);
                        }
                    }
                }
            }
        }
    }
    Ok(n)
}

/// Panics where a convolution of random tensors of these shapes, or one of its gradients, is off by 1e-4 of the largest
/// value.
pub(crate) fn against_naive(x: &[usize], w: &[usize], p: ConvParams, relu: bool) -> Result<()> {
    let what = format!("{x:?} * {w:?} {p:?} relu {relu}");
    let (x, w) = (Var::from_tensor(&random(x, 1)?)?, Var::from_tensor(&random(w, 2)?)?);
    let bias = Var::from_tensor(&random(&[w.dims()[0]], 3)?)?;
    let y = ops::conv2d(&x, &w, p, with(Some(&bias), relu))?;
    // Gradients where the sum before the ReLU is near 0 depend on its rounding: none is sent there.
    let far = naive_conv(&x, &w, Some(&bias), p, None, false)?.y;
    let mask: Vec<f32> = far.iter().map(|y| if relu && y.abs() < 1e-4 { 0.0 } else { 1.0 }).collect();
    let dy = (random(y.dims(), 4)? * Tensor::from_vec(mask, y.dims(), &Device::Cpu)?)?;
    let naive = naive_conv(&x, &w, Some(&bias), p, Some(&dy), relu)?;
    let off = difference(&y, &naive.y)?;
    assert!(off < 1e-4, "{what}: off by {off}");
    let grads = (&y * &dy)?.sum_all()?.backward()?;
    for (name, var, expected) in [("x", &x, &naive.dx), ("weight", &w, &naive.dw), ("bias", &bias, &naive.db)] {
        let Some(got) = grads.get(var) else { panic!("{what}: no gradient of {name}") };
        let off = difference(got, expected)?;
        assert!(off < 1e-4, "{what}: gradient of {name} off by {off}");
    }
    Ok(())
}
