//! Plans of a network that gives several maps of pictures of any size, as the face finder's does, with every
//! instruction set.

use crate::{
    Turn, at_every_level,
    common::{difference, random, values},
};
use candle_core::{Result, Tensor};
use candle_vision_helpers::ops::{self, Activation, ConvParams, Epilogue, Frozen};
use std::cell::Cell;

/// A 1×1 convolution and a depthwise one.
struct Pair {
    thin: Tensor,
    deep: Tensor,
    bias: Tensor,
}

impl Pair {
    fn new(inputs: usize, outputs: usize, seed: u64) -> Result<Self> {
        let thin = (random(&[outputs, inputs, 1, 1], seed)? * (1.7 / (inputs as f64).sqrt()))?;
        Ok(Self { thin, deep: (random(&[outputs, 1, 3, 3], seed + 1)? * 0.6)?, bias: random(&[outputs], seed + 2)? })
    }

    fn forward(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        let epilogue = Epilogue { bias: Some(&self.bias), ..Epilogue::NONE };
        let y = ops::conv2d(x, &self.thin, ConvParams::default(), epilogue)?;
        ops::depthwise_conv3(&y, &self.deep, Some(&self.bias), 1, activation)
    }
}

/// Maps at a quarter, an eighth and a sixteenth of the size, with a way back from the smaller to the larger ones.
struct Pyramid {
    stem: Tensor,
    pairs: Vec<Pair>,
    calls: Cell<usize>,
}

impl Pyramid {
    fn new() -> Result<Self> {
        let sizes = [(16, 16), (16, 20), (20, 20), (20, 20), (20, 7), (20, 20), (20, 33)];
        let pairs = sizes.iter().zip(0..).map(|(&(i, o), seed)| Pair::new(i, o, 10 * seed + 2));
        Ok(Self {
            stem: (random(&[16, 3, 3, 3], 1)? * 0.6)?,
            pairs: pairs.collect::<Result<_>>()?,
            calls: Cell::new(0),
        })
    }

    fn maps(&self, x: &Tensor) -> Result<[Tensor; 4]> {
        self.calls.set(self.calls.get() + 1);
        let [p0, p1, p2, p3, p4, p5, p6] = &self.pairs[..] else { return Err(candle_core::Error::Msg("pairs".into())) };
        let (relu, halved) = (Activation::Relu, |x: &Tensor| ops::max_pool2d(x, 2, 2, 0));
        let half = ConvParams { stride: 2, padding: 1, ..ConvParams::default() };
        let at2 = p0.forward(&ops::conv2d(x, &self.stem, half, Epilogue::RELU)?, relu)?;
        let at4 = p1.forward(&halved(&at2)?, relu)?;
        let at8 = p2.forward(&halved(&at4)?, relu)?;
        let at16 = p3.forward(&halved(&at8)?, relu)?;
        let sum = ops::upsample_nearest2_add(&at16, &at8)?;
        let at8 = p5.forward(&sum, relu)?;
        let at4 = p6.forward(&ops::upsample_nearest2_add(&at8, &at4)?, Activation::None)?;
        // one of them is read by other layers, one twice given
        Ok([at4, at8, p4.forward(&at16, Activation::None)?, at16])
    }
}

const SIZES: [(usize, usize); 4] = [(16, 16), (288, 256), (64, 112), (304, 272)];

#[test]
fn pictures_of_any_size_give_what_the_network_gives() -> Result<()> {
    at_every_level(|level| {
        let (net, frozen) = (Pyramid::new()?, Frozen::of_any_size());
        for (h, w) in SIZES {
            let x = random(&[2, 3, h, w], 5)?;
            let (expected, products) = ops::count_products(|| ops::no_grad(|| net.maps(&x)));
            net.calls.set(0);
            let (maps, by_plan) = ops::count_products(|| frozen.run_all(&x, |x| net.maps(x)));
            assert_eq!(net.calls.get(), usize::from((h, w) == SIZES[0]), "{level:?}: only the first size is asked");
            assert_eq!(by_plan, products, "{level:?}, {h} x {w}");
            for (i, (map, expected)) in maps?.iter().zip(&expected?).enumerate() {
                assert_eq!(map.dims(), expected.dims());
                let expected: Vec<f64> = values(expected)?.into_iter().map(f64::from).collect();
                let off = difference(map, &expected)?;
                assert!(off < 2e-5, "{level:?}, {h} x {w}, map {i}: off by {off}");
            }
        }
        Ok(())
    })
}

#[test]
fn sizes_that_do_not_fit_are_left_to_the_network_and_its_error() -> Result<()> {
    let _turn = Turn::take();
    let (net, frozen) = (Pyramid::new()?, Frozen::of_any_size());
    frozen.run_all(&random(&[1, 3, 32, 32], 1)?, |x| net.maps(x))?;
    // a map of 5 rows is halved to 2, which are no half of it
    let wrong = frozen.run_all(&random(&[1, 3, 40, 32], 1)?, |x| net.maps(x)).map(|_| ()).map_err(|e| e.to_string());
    assert!(wrong.as_ref().is_err_and(|e| e.contains("upsample_nearest2_add: summand: expected")), "{wrong:?}");
    assert_eq!(net.calls.get(), 2);
    Ok(())
}

#[test]
fn a_map_given_twice_is_there_twice_and_the_picture_itself_is_no_plan() -> Result<()> {
    let _turn = Turn::take();
    let w = random(&[5, 3, 3, 3], 2)?;
    let x = random(&[3, 3, 9, 11], 1)?;
    let conv = |x: &Tensor| ops::conv2d(x, &w, ConvParams::default(), Epilogue::RELU);
    let [a, b] = Frozen::new().run_all(&x, |x| conv(x).map(|y| [y.clone(), y]))?;
    assert_eq!(values(&a)?, values(&b)?);
    let frozen = Frozen::new();
    for _ in 0..2 {
        let [same, _] = frozen.run_all(&x, |x| Ok::<_, candle_core::Error>([x.clone(), conv(x)?]))?;
        assert_eq!(values(&same)?, values(&x)?);
    }
    Ok(())
}
