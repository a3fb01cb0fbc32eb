//! What other devices get, run on the CPU next to the kernels.
use super::*;
use crate::ops::epilogue::Activation;
use crate::ops::layers::testing::same_values_and_gradients;

#[test]
fn composition_agrees_with_the_kernel() -> Result<()> {
    let gamma = Tensor::new(&[0.5f32, -1.0, 2.0], &candle_core::Device::Cpu)?;
    let norm = BatchNorm { gamma: &gamma, beta: &gamma, eps: 1e-5 };
    let planes = Planes { b: 2, c: 3, plane: 21 };
    let one = gamma.ones_like()?;
    for activation in [Activation::Relu, Activation::Relu6] {
        let with = |x: &Tensor, end: &dyn Fn(&Tensor, Epilogue<&Tensor>) -> Result<Tensor>| {
            // below 0, between and above 6
            let residual = (x * 8.0)?;
            let y = end(x, Epilogue { residual: Some(&residual), activation, bias: None })?;
            let some = y.flatten_all()?.to_vec1::<f32>()?;
            let cut = |v: f32| some.iter().filter(|y| **y == v).count();
            assert!(cut(0.0) > 9 && (activation == Activation::Relu || cut(6.0) > 9), "{some:?}");
            Ok(y)
        };
        same_values_and_gradients(
            &[2, 3, 7, 3],
            |x| with(x, &|x, e| Ok(batch_norm_train(x, &norm, e)?.y)),
            |x| with(x, &|x, e| Ok(train_composed(x, &norm, e, planes)?.y)),
        )?;
        same_values_and_gradients(
            &[2, 3, 7, 3],
            |x| with(x, &|x, e| batch_norm_eval(x, &norm, &Statistics { mean: &gamma, var: &one }, e)),
            |x| {
                let (scale, shift) = norm.affine(&gamma, &one)?;
                with(x, &|x, e| scale_composed(x, &scale, &shift, e))
            },
        )?;
    }
    Ok(())
}

#[test]
fn running_statistics_move_by_the_momentum() -> Result<()> {
    let cpu = &candle_core::Device::Cpu;
    // means 2 and -1, unbiased variances 4 and 1
    let x = Tensor::new(&[[0f32, -2.0], [2.0, -1.0], [4.0, 0.0]], cpu)?;
    let (gamma, beta) = (Tensor::new(&[1f32, 2.0], cpu)?, Tensor::new(&[0f32, 1.0], cpu)?);
    let norm = BatchNorm { gamma: &gamma, beta: &beta, eps: 1e-5 };
    let (mean, var) = (Var::new(&[0f32, 1.0], cpu)?, Var::new(&[1f32, 1.0], cpu)?);
    let running = Running { mean: &mean, var: &var, momentum: 0.25 };
    let y = batch_norm_train_running(&x, &norm, &running, Epilogue::NONE)?;
    let got = [mean.to_vec1::<f32>()?, var.to_vec1()?].concat();
    assert!(got.iter().zip([0.5, 0.5, 1.75, 1.0]).all(|(v, e)| (v - e).abs() < 1e-6), "{got:?}");
    assert_eq!(y.to_vec2::<f32>()?, batch_norm_train(&x, &norm, Epilogue::NONE)?.y.to_vec2::<f32>()?);
    let same = Running { mean: &mean, var: &mean, momentum: 0.25 };
    assert!(batch_norm_train_running(&x, &norm, &same, Epilogue::NONE).is_err());
    Ok(())
}
