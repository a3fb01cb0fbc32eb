//! The rectified wing loss (Feng et al. 2020).

use super::{
    pointwise::{Difference, Pointwise, logarithm, on_points},
    taken::{Loss, Taken, has_coordinates},
};
use crate::error::Result;
use candle_core::Tensor;
use candle_vision_helpers::{
    Wrong,
    wrong::{ensure, ensure_not_negative, ensure_positive},
};
use facekp_models::CodecConfig;
use serde::{Deserialize, Serialize};

/// Rectified wing (Feng et al. 2020, "Rectified Wing Loss for Efficient and Robust Facial Landmark Localisation with
/// Convolutional Neural Networks", equation 6), view pixels: nothing up to `rest`, where annotators disagree anyway,
/// then `omega ln(1 + (d - rest) / epsilon)` up to `omega`, then linear.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RectifiedWing {
    /// Distance that costs nothing.
    pub rest: f64,
    /// Distance from which it is linear, and height of the logarithmic part.
    pub omega: f64,
    /// Curvature of the logarithmic part.
    pub epsilon: f64,
}

impl Pointwise for RectifiedWing {
    fn costs_and_slopes(&self, at: &Difference) -> Result<(Tensor, Tensor)> {
        let (&Self { rest, omega, epsilon }, distance) = (self, &at.distance);
        let (near, curved) = (distance.lt(rest)?, distance.lt(omega)?);
        // below `rest` the logarithm is taken of nothing, and not used
        let (curve, slope) = logarithm(&(distance - rest)?.relu()?, omega, epsilon)?;
        let offset = omega - omega * (1.0 + (omega - rest) / epsilon).ln();
        let costs = curved.where_cond(&curve, &(distance - offset)?)?;
        let slopes = (curved.where_cond(&slope, &slope.ones_like()?)? * &at.sign)?;
        let nothing = distance.zeros_like()?;
        Ok((near.where_cond(&nothing, &costs)?, near.where_cond(&nothing, &slopes)?))
    }
}

impl Loss for RectifiedWing {
    fn fits(codec: &CodecConfig) -> bool {
        has_coordinates(codec)
    }

    fn validate(&self) -> Result<(), Wrong> {
        ensure_not_negative("rest", self.rest)?;
        ensure_positive("epsilon", self.epsilon)?;
        ensure_positive("omega", self.omega)?;
        ensure("omega", self.omega, format_args!("a number above rest ({})", self.rest), |omega| *omega > self.rest)
    }

    fn compute(&self, of: &Taken<'_>) -> Result<Tensor> {
        on_points(self, of)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::loss::pointwise::mean;
    use candle_core::Device;
    use candle_vision_helpers::grad_check;

    const LOSS: RectifiedWing = RectifiedWing { rest: 0.5, omega: 10.0, epsilon: 2.0 };

    fn tensor(values: &[f32]) -> Tensor {
        Tensor::new(values, &Device::Cpu).unwrap()
    }

    /// Equation 6 in float64: `0`, `w ln(1 + (|x| - r) / ε)` and `|x| - C` with `C = w - w ln(1 + (w - r) / ε)`.
    #[test]
    fn values_are_the_papers() {
        let RectifiedWing { rest: r, omega: w, epsilon: e } = LOSS;
        let paper = |x: f64| match x.abs() {
            d if d < r => 0.0,
            d if d < w => w * (1.0 + (d - r) / e).ln(),
            d => d - (w - w * (1.0 + (w - r) / e).ln()),
        };
        assert!((paper(3.0) - 8.109_302_162).abs() < 1e-9, "10 ln(2.25)");
        for x in [-12.0, -3.0, -0.4, 0.0, 0.2, 0.5, 3.0, 9.99, 10.0, 40.0] {
            let got = mean(&LOSS, &tensor(&[x]), &tensor(&[0.0]), &tensor(&[1.0])).unwrap();
            let got = f64::from(got.to_scalar::<f32>().unwrap());
            assert!((got - paper(f64::from(x))).abs() < 1e-5, "{x}: {got}");
        }
    }

    #[test]
    fn the_slope_is_the_slope_and_hidden_points_have_none() {
        let (target, weights) = (tensor(&[0.0; 5]), tensor(&[1.0, 1.0, 1.0, 1.0, 0.0]));
        let f =
            |x: &[Tensor]| mean(&LOSS, &x[0], &target, &weights).map_err(|e| candle_core::Error::Msg(e.to_string()));
        // one in each part, away from their borders
        grad_check::check(f, &[tensor(&[0.2, -2.0, 6.0, 14.0, 3.0])], 1e-2, 1e-3).unwrap();
    }

    #[test]
    fn the_logarithm_begins_before_it_ends() {
        assert!(LOSS.validate().is_ok());
        let wrong = RectifiedWing { omega: 0.5, ..LOSS }.validate().unwrap_err();
        assert_eq!(wrong.to_string(), "omega: expected a number above rest (0.5), got 0.5");
    }
}
