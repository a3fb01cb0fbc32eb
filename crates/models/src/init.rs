//! Seeded initialization on the host: the same weights for the same seed and name, on every device.

use crate::error::{Error, Result};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Normal};
use rand_pcg::Pcg64Mcg;

/// The way a parameter starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// All values the same.
    Constant(f64),
    /// Normal with this standard deviation.
    Normal(f64),
    /// He et al. 2015, normal, fan in, gain for ReLU.
    KaimingNormalFanIn,
    /// He et al. 2015, normal, fan out (torchvision's ResNet).
    KaimingNormalFanOut,
    /// PyTorch's default of convolutions and linear layers: uniform within ±1/√fan_in.
    Uniform,
    /// Uniform within ± this bound.
    Bounded(f64),
}

/// The generator of one parameter: `hash(name) ^ seed`, so that adding a layer changes no other layer's start.
pub(crate) fn generator(name: &str, seed: u64) -> Pcg64Mcg {
    Pcg64Mcg::seed_from_u64(fnv1a(name.as_bytes()) ^ seed)
}

/// FNV-1a, 64 bits: unlike the standard library's hash, fixed for all time.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// Row-major values for `shape`: `(O, I, KH, KW)` of a convolution, `(O, I)` of a linear layer, `(O,)` of a bias.
///
/// # Errors
/// When the initialization needs a fan that the shape does not have.
pub(crate) fn values(init: Init, shape: &[usize], rng: &mut Pcg64Mcg) -> Result<Vec<f32>> {
    let count = shape.iter().product();
    let normal = |std: f64| {
        Normal::new(0.0, std)
            .map_err(|e| Error::config("initialization", "a standard deviation", format_args!("{std} ({e})")))
    };
    Ok(match init {
        Init::Constant(v) => vec![v as f32; count],
        Init::Normal(std) => draw(normal(std)?, count, rng),
        Init::KaimingNormalFanIn => draw(normal((2.0 / fans(shape)?.0).sqrt())?, count, rng),
        Init::KaimingNormalFanOut => draw(normal((2.0 / fans(shape)?.1).sqrt())?, count, rng),
        Init::Uniform => within(1.0 / fans(shape)?.0.sqrt(), count, rng),
        Init::Bounded(bound) => within(bound, count, rng),
    })
}

fn draw(normal: Normal<f64>, count: usize, rng: &mut Pcg64Mcg) -> Vec<f32> {
    (0..count).map(|_| normal.sample(rng) as f32).collect()
}

fn within(bound: f64, count: usize, rng: &mut Pcg64Mcg) -> Vec<f32> {
    (0..count).map(|_| (bound * (2.0 * rng.random::<f64>() - 1.0)) as f32).collect()
}

/// How many values feed one output, and how many outputs one value feeds.
fn fans(shape: &[usize]) -> Result<(f64, f64)> {
    match shape {
        [o, i, kernel @ ..] if *o > 0 && *i > 0 => {
            let kernel = kernel.iter().product::<usize>().max(1) as f64;
            Ok((*i as f64 * kernel, *o as f64 * kernel))
        }
        _ => Err(Error::config("initialization", "a shape (outputs, inputs, ..)", format_args!("{shape:?}"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn fnv_1a_has_its_published_values() {
        // Test vectors of the FNV authors (isthe.com/chongo/tech/comp/fnv): "", "a", "foobar".
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn spread_follows_the_fans() {
        let shape = [64, 16, 3, 3];
        let moments = |init| {
            let v = values(init, &shape, &mut generator("conv.weight", 1)).unwrap();
            let mean = v.iter().map(|&x| f64::from(x)).sum::<f64>() / v.len() as f64;
            let var = v.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / v.len() as f64;
            (mean, var, v.iter().fold(0f32, |m, x| m.max(x.abs())))
        };
        let close = |got: f64, want: f64| (got / want - 1.0).abs() < 0.05;
        let (mean, var, _) = moments(Init::KaimingNormalFanIn);
        assert!(mean.abs() < 0.01 && close(var, 2.0 / (16.0 * 9.0)), "{mean} {var}");
        assert!(close(moments(Init::KaimingNormalFanOut).1, 2.0 / (64.0 * 9.0)));
        // A uniform distribution within ±b has the variance b²/3.
        let (_, var, largest) = moments(Init::Uniform);
        assert!(close(var, 1.0 / 144.0 / 3.0) && largest <= 1.0 / 12.0, "{var} {largest}");
        assert!(values(Init::Uniform, &[5], &mut generator("bias", 1)).is_err());
    }
}
