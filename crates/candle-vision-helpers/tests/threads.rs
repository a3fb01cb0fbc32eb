//! Generated shapes: right, and the same bit for bit for one, two and three threads.

use crate::common::{after, against_naive, random, values, with};
use candle_core::{Result, Tensor, Var};
use candle_vision_helpers::ops::{self, BatchNorm, ConvParams, Epilogue, Statistics};
use proptest::prelude::*;

fn with_threads<T: Send>(n: usize, f: impl FnOnce() -> T + Send) -> T {
    match rayon::ThreadPoolBuilder::new().num_threads(n).build() {
        Ok(pool) => pool.install(f),
        Err(e) => panic!("{e}"),
    }
}

/// All results and gradients of a function of variables.
fn all_of(f: impl Fn(&[Var]) -> Result<Tensor>, inputs: &[Tensor]) -> Result<Vec<u32>> {
    let vars: Vec<Var> = inputs.iter().map(Var::from_tensor).collect::<Result<_>>()?;
    let y = f(&vars)?;
    let grads = (&y * random(y.dims(), 99)?)?.sum_all()?.backward()?;
    let mut all = values(&y)?;
    for v in &vars {
        all.extend(grads.get(v).map(values).transpose()?.unwrap_or_default());
    }
    Ok(all.iter().map(|x| x.to_bits()).collect())
}

fn same_for_any_threads(f: impl Fn(&[Var]) -> Result<Tensor> + Sync, inputs: &[Tensor]) -> Result<()> {
    let one = with_threads(1, || all_of(&f, inputs))?;
    for n in [2, 3] {
        assert!(with_threads(n, || all_of(&f, inputs))? == one, "{n} threads differ from one");
    }
    Ok(())
}

#[derive(Debug, Clone)]
struct Conv {
    x: [usize; 4],
    w: [usize; 4],
    p: ConvParams,
    relu: bool,
}

fn convs() -> impl Strategy<Value = Conv> {
    let channels = (1usize..=3, prop_oneof![1usize..=4, Just(1)], prop_oneof![1usize..=9, 20usize..=70]);
    let window = (1usize..=7, 1usize..=7, 1usize..=3, 0usize..=4, 1usize..=3);
    (1usize..=9, channels, window, 1usize..=24, 1usize..=40, any::<bool>()).prop_map(
        |(b, (groups, cg, o), (kh, kw, stride, padding, dilation), h, w, relu)| {
            // an image that the kernel fits
            let least = |k: usize| ((k - 1) * dilation + 1).saturating_sub(2 * padding).max(1);
            let (h, w) = (h.max(least(kh)), w.max(least(kw)));
            // few enough multiplications that the textbook's loops take no time
            let o = o.min((3_000_000 / (b * h * w * kh * kw * cg).max(1)).max(1)).next_multiple_of(groups);
            Conv {
                x: [b, groups * cg, h, w],
                w: [o, cg, kh, kw],
                p: ConvParams { stride, padding, dilation, groups },
                relu,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolutions_are_right_and_do_not_depend_on_threads(c in convs()) {
        let run = || -> Result<()> {
            with_threads(2, || against_naive(&c.x, &c.w, c.p, c.relu))?;
            let inputs = [random(&c.x, 1)?, random(&c.w, 2)?, random(&c.w[..1], 3)?];
            same_for_any_threads(|v| ops::conv2d(&v[0], &v[1], c.p, with(Some(&v[2]), c.relu)), &inputs)
        };
        if let Err(e) = run() {
            return Err(TestCaseError::fail(e.to_string()));
        }
    }

    #[test]
    fn transposed_convolutions_do_not_depend_on_threads(c in convs()) {
        let run = || -> Result<()> {
            let o = c.w[1] * c.p.groups;
            let inputs = [random(&[c.x[0], c.w[0], c.x[2].min(9), c.x[3].min(9)], 1)?, random(&c.w, 2)?, random(&[o], 3)?];
            let p = ConvParams { padding: 0, ..c.p };
            same_for_any_threads(|v| ops::conv_transpose2d(&v[0], &v[1], p, with(Some(&v[2]), c.relu)), &inputs)
        };
        if let Err(e) = run() {
            return Err(TestCaseError::fail(e.to_string()));
        }
    }

    #[test]
    fn doubled_convolutions_do_not_depend_on_threads(b in 1usize..5, c in 1usize..40, o in 1usize..40, h in 1usize..9, w in 1usize..9) {
        let run = || -> Result<()> {
            let inputs = [random(&[b, c, h, w], 1)?, random(&[o, c, 3, 3], 2)?, random(&[o], 3)?];
            same_for_any_threads(|v| ops::upsample_nearest2_conv3(&v[0], &v[1], with(Some(&v[2]), true)), &inputs)
        };
        if let Err(e) = run() {
            return Err(TestCaseError::fail(e.to_string()));
        }
    }

    #[test]
    fn pools_match_the_definition(b in 1usize..4, h in 1usize..14, w in 1usize..14, kernel in 1usize..6, stride in 1usize..4, padding in 0usize..3) {
        let padding = padding.min(kernel / 2);
        prop_assume!(h + 2 * padding >= kernel && w + 2 * padding >= kernel);
        let run = || -> Result<()> {
            // few different values: many ties
            let x = Var::from_tensor(&(random(&[b, 2, h, w], 5)? * 3.0)?.round()?)?;
            let y = ops::max_pool2d(&x, kernel, stride, padding)?;
            let (_, _, oh, ow) = y.dims4()?;
            let g = random(y.dims(), 6)?;
            let dx = (&y * &g)?.sum_all()?.backward()?.get(&x).map(values).transpose()?.unwrap_or_default();
            let (xv, yv, gv) = (values(&x)?, values(&y)?, values(&g)?);
            let mut expected = vec![0f32; xv.len()];
            for q in 0..yv.len() {
                let (plane, i, j) = (q / (oh * ow), q / ow % oh, q % ow);
                let mut best: Option<usize> = None;
                for kh in 0..kernel {
                    for kw in 0..kernel {
                        let (ih, iw) = (i * stride + kh, j * stride + kw);
                        if ih >= padding && iw >= padding && ih - padding < h && iw - padding < w {
                            let at = (plane * h + ih - padding) * w + iw - padding;
                            if best.is_none_or(|b| xv[at] > xv[b]) {
                                best = Some(at);
                            }
                        }
                    }
                }
                let Some(best) = best else { panic!("an empty window") };
                assert_eq!(yv[q], xv[best]);
                expected[best] += gv[q];
            }
            for (a, b) in dx.iter().zip(&expected) {
                assert!((a - b).abs() < 1e-5, "{a} {b}");
            }
            Ok(())
        };
        if let Err(e) = run() {
            return Err(TestCaseError::fail(e.to_string()));
        }
    }
}

#[test]
fn nothing_else_depends_on_threads() -> Result<()> {
    let x = random(&[5, 37, 21, 19], 1)?;
    let c = random(&[37], 2)?;
    same_for_any_threads(
        |v| {
            Ok(ops::batch_norm_train(
                &v[0],
                &BatchNorm { gamma: &v[1], beta: &v[1], eps: 1e-5 },
                after(Some(&v[2]), true),
            )?
            .y)
        },
        &[x.clone(), c.clone(), x.clone()],
    )?;
    same_for_any_threads(
        |v| {
            ops::batch_norm_eval(
                &v[0],
                &BatchNorm { gamma: &v[1], beta: &v[1], eps: 1e-5 },
                &Statistics { mean: &c, var: &c.sqr()? },
                Epilogue::RELU,
            )
        },
        &[x.clone(), c.clone()],
    )?;
    same_for_any_threads(|v| ops::mse_loss(&v[0], &v[1], None), &[x.clone(), random(x.dims(), 3)?])?;
    same_for_any_threads(|v| ops::log_softmax_maps(&v[0]), std::slice::from_ref(&x))?;
    same_for_any_threads(|v| ops::max_pool2d(&v[0], 3, 2, 1), std::slice::from_ref(&x))?;
    same_for_any_threads(|v| ops::avg_pool_global(&v[0]), std::slice::from_ref(&x))?;
    let layer = [random(&[9, 300], 4)?, random(&[150, 300], 5)?, random(&[150], 6)?];
    same_for_any_threads(|v| ops::linear(&v[0], &v[1], with(Some(&v[2]), true)), &layer)?;
    // large enough for the panels, for the parts that few pixels are cut into, and for groups of taps
    for (x, w, p) in [
        ([2, 70, 15, 17], [90, 70, 3, 3], ConvParams { padding: 1, ..Default::default() }),
        ([1, 64, 7, 7], [200, 64, 3, 3], ConvParams { padding: 1, ..Default::default() }),
        ([3, 64, 14, 14], [128, 64, 1, 1], ConvParams { stride: 2, ..Default::default() }),
        ([2, 300, 14, 14], [64, 300, 1, 1], ConvParams::default()),
    ] {
        same_for_any_threads(|v| ops::conv2d(&v[0], &v[1], p, Epilogue::NONE), &[random(&x, 7)?, random(&w, 8)?])?;
    }
    Ok(())
}
