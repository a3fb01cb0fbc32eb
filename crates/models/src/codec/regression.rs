//! Direct regression: the output is `(x, y)` of every point as `(pixel - center) / side` of the view, so about
//! `-0.5..=0.5`.

use super::{Codec, batch_of};
use crate::error::Result;
use crate::onnx::{Decoded, Graph, Value};
use candle_core::Tensor;
use candle_vision_helpers::Size;

/// The codec for `points` points in a view of a given size.
#[derive(Clone, Copy, Debug)]
pub struct RegressionCodec {
    points: usize,
    view: Size,
}

impl RegressionCodec {
    /// Makes a codec for `points` points in views of `view` pixels.
    pub fn new(points: usize, view: Size) -> Self {
        Self { points, view }
    }

    /// Center and side of the view: x, then y.
    fn sizes(&self) -> ([f32; 2], [f32; 2]) {
        let (w, h) = (self.view.width as f32, self.view.height as f32);
        ([(w - 1.0) / 2.0, (h - 1.0) / 2.0], [w, h])
    }

    /// The same as tensors, each `(2,)`.
    fn frame(&self, like: &Tensor) -> Result<(Tensor, Tensor)> {
        let (center, side) = self.sizes();
        let tensor = |values: &[f32; 2]| Tensor::new(values, like.device())?.to_dtype(like.dtype());
        Ok((tensor(&center)?, tensor(&side)?))
    }
}

impl Codec for RegressionCodec {
    fn output_shape(&self) -> Vec<usize> {
        vec![2 * self.points]
    }

    fn encode(&self, points: &Tensor) -> Result<Tensor> {
        let batch = batch_of("points", points, &[self.points, 2])?;
        let (center, side) = self.frame(points)?;
        Ok(points.broadcast_sub(&center)?.broadcast_div(&side)?.reshape((batch, 2 * self.points))?)
    }

    fn decode(&self, output: &Tensor) -> Result<(Tensor, Option<Tensor>)> {
        Ok((self.points(&output.detach())?, None))
    }

    fn onnx(&self, graph: &mut Graph, output: &Value) -> Decoded {
        let (center, side) = self.sizes();
        let (center, side) = (graph.floats(&[2], &center), graph.floats(&[2], &side));
        let pairs = graph.reshape(output, &[0, self.points as i64, 2]);
        let scaled = graph.op("Mul", &[&pairs, &side]);
        Decoded::Points { points: graph.op("Add", &[&scaled, &center]), confidence: None }
    }

    fn points(&self, output: &Tensor) -> Result<Tensor> {
        let batch = batch_of("regression output", output, &self.output_shape())?;
        let (center, side) = self.frame(output)?;
        Ok(output.reshape((batch, self.points, 2))?.broadcast_mul(&side)?.broadcast_add(&center)?)
    }

    fn spread_weights(&self, weights: &Tensor) -> Result<Tensor> {
        let batch = batch_of("weights", weights, &[self.points])?;
        let both = weights.unsqueeze(2)?.broadcast_as((batch, self.points, 2))?;
        Ok(both.reshape((batch, 2 * self.points))?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use candle_core::Device;
    use proptest::prelude::*;

    #[test]
    fn the_views_edges_are_half() {
        // By hand: an 80×60 view covers -0.5..=79.5 and -0.5..=59.5, so its corners are ∓½ and its center is 0.
        let codec = RegressionCodec::new(3, Size::new(80, 60));
        let points = Tensor::new(&[[[-0.5f32, -0.5], [39.5, 29.5], [79.5, 59.5]]], &Device::Cpu).unwrap();
        let target: Vec<f32> = codec.encode(&points).unwrap().squeeze(0).unwrap().to_vec1().unwrap();
        assert_eq!(target, [-0.5, -0.5, 0.0, 0.0, 0.5, 0.5]);
    }

    #[test]
    fn weights_follow_their_points() {
        let codec = RegressionCodec::new(2, Size::new(8, 8));
        let spread = codec.spread_weights(&Tensor::new(&[[1f32, 0.0]], &Device::Cpu).unwrap()).unwrap();
        assert_eq!(spread.to_vec2::<f32>().unwrap(), [[1.0, 1.0, 0.0, 0.0]]);
        assert!(codec.spread_weights(&Tensor::new(&[[1f32, 0.0, 1.0]], &Device::Cpu).unwrap()).is_err());
    }

    proptest! {
        #[test]
        fn round_trips(w in 1usize..600, h in 1usize..600, at in prop::collection::vec((-1.5f32..2.5, -1.5f32..2.5), 1..9)) {
            let codec = RegressionCodec::new(at.len(), Size::new(w, h));
            let flat: Vec<f32> = at.iter().flat_map(|&(x, y)| [x * w as f32, y * h as f32]).collect();
            let points = Tensor::from_vec(flat.clone(), (1, at.len(), 2), &Device::Cpu).unwrap();
            let (back, confidence) = codec.decode(&codec.encode(&points).unwrap()).unwrap();
            let back: Vec<f32> = back.flatten_all().unwrap().to_vec1().unwrap();
            for (a, b) in flat.iter().zip(&back) {
                prop_assert!((a - b).abs() < 1e-3, "{} {}", a, b);
            }
            prop_assert!(confidence.is_none(), "a number where nothing was measured");
        }
    }
}
