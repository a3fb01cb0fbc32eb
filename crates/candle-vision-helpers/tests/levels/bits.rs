//! Results and gradients that are the same bits with AVX2 and with NEON, whose kernels cut and sum alike.

use crate::common::{after, random, values, with};
use crate::{Turn, at_every_level};
use candle_core::{Result, Tensor, Var};
use candle_vision_helpers::ops::{self, Activation, BatchNorm, ConvParams, Epilogue, Frozen, Level, Statistics};

/// The 64-bit FNV-1a hash of numbers, little-endian byte by byte.
fn digest(tensors: &[Tensor]) -> Result<u64> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for tensor in tensors {
        for byte in values(tensor)?.into_iter().flat_map(f32::to_le_bytes) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
    Ok(hash)
}

/// The digest of what `f` makes of random variables of these shapes, and of its gradients.
fn of(f: impl Fn(&[Var]) -> Result<Tensor>, shapes: &[&[usize]]) -> Result<u64> {
    let vars = shapes.iter().zip(1..).map(|(dims, seed)| Var::from_tensor(&random(dims, seed)?));
    let vars = vars.collect::<Result<Vec<_>>>()?;
    let y = f(&vars)?;
    let grads = (&y * random(y.dims(), 99)?)?.sum_all()?.backward()?;
    let grads = vars.iter().filter_map(|v| grads.get(v).cloned());
    digest(&std::iter::once(y).chain(grads).collect::<Vec<_>>())
}

/// A network with every kernel for prediction.
fn network(x: &Tensor) -> Result<Tensor> {
    let p = |stride, padding| ConvParams { stride, padding, ..ConvParams::default() };
    let y = ops::conv2d(x, &random(&[20, 3, 3, 3], 1)?, p(1, 1), Epilogue::NONE)?;
    let y = ops::max_pool2d(&y, 3, 2, 1)?;
    let y = ops::depthwise_conv3(&y, &random(&[20, 1, 3, 3], 2)?, None, 1, Activation::Relu6)?;
    let y = ops::upsample_nearest2_conv3(&y, &random(&[33, 20, 3, 3], 3)?, Epilogue::RELU)?;
    let half = ops::conv2d(&y, &random(&[33, 33, 1, 1], 4)?, p(2, 0), Epilogue::NONE)?;
    ops::upsample_nearest2_add(&half, &y)
}

/// A digest for each operation, of as many shapes as it has kernels. Softmax has none: its exponentials are the
/// system's.
fn digests() -> Result<Vec<(&'static str, u64)>> {
    let p = |stride, padding, dilation, groups| ConvParams { stride, padding, dilation, groups };
    let conv =
        |x: &[usize], w: &[usize], p| of(|v| ops::conv2d(&v[0], &v[1], p, with(Some(&v[2]), true)), &[x, w, &w[..1]]);
    let depthwise = |stride| {
        let f = |v: &[Var]| ops::depthwise_conv3(&v[0], &v[1], Some(&v[2]), stride, Activation::Relu6);
        of(f, &[&[2, 5, 17, 21], &[5, 1, 3, 3], &[5]])
    };
    let train = |v: &[Var]| {
        Ok(ops::batch_norm_train(&v[0], &BatchNorm { gamma: &v[1], beta: &v[2], eps: 1e-5 }, after(Some(&v[3]), true))?
            .y)
    };
    let eval = |v: &[Var]| {
        let squared = v[1].sqr()?.detach();
        let running = Statistics { mean: &squared, var: &squared };
        ops::batch_norm_eval(&v[0], &BatchNorm { gamma: &v[1], beta: &v[2], eps: 1e-5 }, &running, Epilogue::NONE)
    };
    let maps: &[usize] = &[2, 5, 13, 37];
    Ok(vec![
        ("few outputs, line by line", conv(&[2, 3, 20, 37], &[5, 3, 3, 3], p(1, 1, 1, 1))?),
        ("many outputs, by panels", conv(&[2, 3, 20, 37], &[60, 3, 3, 3], p(1, 1, 1, 1))?),
        ("deep, in steps of two", conv(&[3, 70, 9, 7], &[51, 70, 3, 3], p(2, 1, 1, 1))?),
        ("in groups, dilated", conv(&[3, 4, 17, 18], &[8, 2, 3, 3], p(1, 2, 2, 2))?),
        ("transposed", {
            let f = |v: &[Var]| ops::conv_transpose2d(&v[0], &v[1], p(2, 1, 1, 1), Epilogue::RELU);
            of(f, &[&[2, 7, 9, 10], &[7, 6, 4, 4]])?
        }),
        ("of doubled maps", {
            let f = |v: &[Var]| ops::upsample_nearest2_conv3(&v[0], &v[1], Epilogue::NONE);
            of(f, &[&[2, 6, 9, 10], &[7, 6, 3, 3]])?
        }),
        ("depthwise", depthwise(1)?),
        ("depthwise, in steps of two", depthwise(2)?),
        ("maxima", of(|v| ops::max_pool2d(&v[0], 3, 2, 1), &[maps])?),
        ("means", of(|v| ops::avg_pool_global(&v[0]), &[maps])?),
        ("doubled and added", of(|v| ops::upsample_nearest2_add(&v[0], &v[1]), &[maps, &[2, 5, 26, 74]])?),
        ("normalized by the batch", of(train, &[maps, &[5], &[5], maps])?),
        ("normalized", of(eval, &[maps, &[5], &[5]])?),
        ("loss", of(|v| ops::mse_loss(&v[0], &v[1], None), &[maps, maps])?),
        ("plan", digest(&[Frozen::new().run(&random(&[2, 3, 22, 30], 5)?, network)?])?),
    ])
}

/// Printed by this test, with either.
const EXPECTED: [(&str, u64); 15] = [
    ("few outputs, line by line", 0x05a8_14bd_5d0e_268d),
    ("many outputs, by panels", 0x7568_81b3_7c34_cf1d),
    ("deep, in steps of two", 0x2abe_8b5a_db84_f2aa),
    ("in groups, dilated", 0x016c_3c6d_cfb3_9a3a),
    ("transposed", 0x24a1_7c26_32c4_10dc),
    ("of doubled maps", 0x34ce_e0b7_8b03_23f9),
    ("depthwise", 0xe5f5_122a_c797_fbc9),
    ("depthwise, in steps of two", 0x770e_28b6_695a_5c0b),
    ("maxima", 0x53b1_5868_4a60_b054),
    ("means", 0xf7c9_c4fb_5a65_01e5),
    ("doubled and added", 0x131a_11fc_461a_7aeb),
    ("normalized by the batch", 0x1c01_e69e_e17e_09af),
    ("normalized", 0xc845_8558_cf1b_73cc),
    ("loss", 0xe0c8_f4eb_84e5_2c16),
    ("plan", 0x65a1_ca98_f7fd_29d4),
];

#[test]
fn avx2_and_neon_give_the_same_bits() -> Result<()> {
    at_every_level(|level| {
        if [Level::Neon, Level::Avx2].contains(&level) {
            let got = digests()?;
            assert!(got == EXPECTED, "{level:?}: {got:#x?}");
        }
        Ok(())
    })
}

#[test]
fn a_level_that_is_not_there_stands_for_the_best_below() {
    let _turn = Turn::take();
    let there: Vec<_> = Level::ALL.into_iter().filter(|l| ops::force_level(*l) == *l).collect();
    for asked in Level::ALL {
        let best = there.iter().rev().find(|l| **l as u8 <= asked as u8).copied();
        assert_eq!(Some(ops::force_level(asked)), best, "{asked:?}");
        assert_eq!(Some(ops::level()), best);
    }
    assert_eq!(there[0], Level::Portable);
    assert_eq!(there.contains(&Level::Neon), cfg!(target_arch = "aarch64"));
}
