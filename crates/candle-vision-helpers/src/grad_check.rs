//! Gradients against central finite differences.

use crate::rng;
use candle_core::{DType, Result, Tensor, Var, bail};

/// Checks the gradient of `f` with respect to every element of every input: the output is projected on a fixed random
/// tensor, and the slope of that number between `x - eps` and `x + eps` is compared with the gradient.
///
/// `tolerance` is the difference allowed, relative to the larger of the two slopes and 1.
///
/// # Errors
/// Names the first input and element whose gradient is off, with what was expected and what was got; or what `f`
/// reports.
pub fn check(f: impl Fn(&[Tensor]) -> Result<Tensor>, inputs: &[Tensor], eps: f64, tolerance: f64) -> Result<()> {
    let vars: Vec<Var> = inputs.iter().map(|t| Var::from_tensor(&t.copy()?)).collect::<Result<_>>()?;
    let tracked: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let output = f(&tracked)?;
    let direction = fixed(output.elem_count());
    let along = Tensor::from_slice(&direction, output.shape(), output.device())?.to_dtype(output.dtype())?;
    let grads = (output * along)?.sum_all()?.backward()?;
    // The projection of a plain evaluation, summed in double precision.
    let value = |changed: &[Tensor]| -> Result<f64> {
        let y = f(changed)?.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
        Ok(y.iter().zip(&direction).map(|(y, d)| y * f64::from(*d)).sum())
    };
    for (i, input) in inputs.iter().enumerate() {
        let got = match grads.get(&tracked[i]) {
            Some(g) => g.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?,
            None => vec![0.0; input.elem_count()],
        };
        let original = input.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
        let mut changed = inputs.to_vec();
        for at in 0..original.len() {
            let mut moved = |by: f64| -> Result<f64> {
                let mut values = original.clone();
                values[at] += by;
                changed[i] = Tensor::from_vec(values, input.shape(), input.device())?.to_dtype(input.dtype())?;
                value(&changed)
            };
            let expected = (moved(eps)? - moved(-eps)?) / (2.0 * eps);
            let allowed = tolerance * expected.abs().max(got[at].abs()).max(1.0);
            // also where one of them is NaN
            if (expected - got[at]).abs().partial_cmp(&allowed).is_none_or(|o| o.is_gt()) {
                bail!(
                    "grad_check: input {i} {:?}, element {at}: expected a gradient of {expected}, got {}",
                    input.dims(),
                    got[at]
                );
            }
        }
    }
    Ok(())
}

/// Numbers between -1 and 1 that are the same every time.
fn fixed(len: usize) -> Vec<f32> {
    let states = (0..len as u64).map(|i| rng::STEP.wrapping_mul(i).wrapping_add(0x5eed));
    states.map(|state| (rng::splitmix64(state) >> 40) as f32 / (1u64 << 23) as f32 - 1.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn accepts_a_right_gradient_and_names_a_wrong_one() -> Result<()> {
        let x = Tensor::new(&[[0.5f32, -1.5], [2.0, 0.25]], &Device::Cpu)?;
        check(|t| t[0].sqr(), std::slice::from_ref(&x), 1e-2, 1e-3)?;
        // half of the dependence is hidden from the graph
        let wrong = check(|t| &t[0] * t[0].detach(), &[x], 1e-2, 1e-3);
        let message = wrong.map_err(|e| e.to_string()).err().unwrap_or_default();
        assert!(message.contains("input 0 [2, 2], element 0: expected a gradient of"), "{message}");
        Ok(())
    }
}
