//! For the unit tests of the compositions that other devices get.

use candle_core::{Device, Result, Tensor, Var};

/// Panics where two functions of a tensor of this shape differ, in value or gradient.
pub(crate) fn same_values_and_gradients(
    dims: &[usize],
    a: impl Fn(&Tensor) -> Result<Tensor>,
    b: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<()> {
    let wave = |dims: &[usize], by: f32| -> Result<Tensor> {
        let len: usize = dims.iter().product();
        let values: Vec<f32> = (0..len).map(|i| (i as f32 * by).sin()).collect();
        Tensor::from_vec(values, dims, &Device::Cpu)
    };
    let run = |f: &dyn Fn(&Tensor) -> Result<Tensor>| -> Result<Vec<f32>> {
        let x = Var::from_tensor(&wave(dims, 1.7)?)?;
        let y = f(&x)?;
        let grads = (&y * wave(y.dims(), 0.6)?)?.sum_all()?.backward()?;
        let mut all = y.flatten_all()?.to_vec1()?;
        if let Some(g) = grads.get(&x) {
            all.extend(g.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(all)
    };
    let (a, b) = (run(&a)?, run(&b)?);
    assert_eq!(a.len(), b.len());
    for (i, (a, b)) in a.iter().zip(&b).enumerate() {
        assert!((a - b).abs() < 1e-4, "{dims:?}, number {i}: {a} and {b}");
    }
    Ok(())
}
