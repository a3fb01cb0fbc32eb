//! Tensors of all ranks, added up in one flat buffer: one message, however many tensors there are.

use super::Team;
use crate::error::Result;
use candle_core::{Tensor, Var};

/// Replaces each tensor by its sum over all ranks, which give tensors of the same shapes in the same order.
///
/// # Errors
/// When a tensor operation fails or a rank is gone.
pub(crate) fn sum_all(team: &Team, tensors: &mut [&mut Tensor]) -> Result<()> {
    if team.count() == 1 || tensors.is_empty() {
        return Ok(());
    }
    let flat = tensors.iter().map(|t| t.flatten_all()).collect::<candle_core::Result<Vec<_>>>()?;
    let sums = team.sum_tensor(&Tensor::cat(&flat, 0)?)?;
    let mut from = 0;
    for tensor in tensors.iter_mut() {
        let len = tensor.elem_count();
        **tensor = sums.narrow(0, from, len)?.reshape(tensor.dims())?;
        from += len;
    }
    Ok(())
}

/// Sets variables to their means over all ranks.
///
/// # Errors
/// As [`sum_all`].
pub(crate) fn average(team: &Team, variables: &[Var]) -> Result<()> {
    if team.count() == 1 {
        return Ok(());
    }
    let mut values: Vec<Tensor> = variables.iter().map(Var::as_detached_tensor).collect();
    sum_all(team, &mut values.iter_mut().collect::<Vec<_>>())?;
    for (variable, sum) in variables.iter().zip(values) {
        variable.set(&(sum / team.count() as f64)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        error::Error,
        ranks::{Local, Ranks},
    };
    use candle_core::Device;
    use std::sync::{Arc, Mutex};

    /// A matrix whose rows do not follow each other in memory, a scalar and a row, of numbers from `from` on.
    fn three(from: f32) -> [Tensor; 3] {
        let numbers = Tensor::arange(from, from + 6.0, &Device::Cpu).unwrap();
        let turned = numbers.reshape((2, 3)).unwrap().t().unwrap();
        [turned, Tensor::new(from, &Device::Cpu).unwrap(), Tensor::new(&[from, -from], &Device::Cpu).unwrap()]
    }

    fn values(t: &Tensor) -> (Vec<usize>, Vec<f32>) {
        (t.dims().to_vec(), t.flatten_all().unwrap().to_vec1().unwrap())
    }

    fn summed(team: &Team, mut tensors: [Tensor; 3]) -> [(Vec<usize>, Vec<f32>); 3] {
        sum_all(team, &mut tensors.iter_mut().collect::<Vec<_>>()).unwrap();
        tensors.each_ref().map(values)
    }

    /// What 1 and 10 and the numbers behind them add up to.
    fn sums() -> [(Vec<usize>, Vec<f32>); 3] {
        // by rows of the turned matrix: 0 3, 1 4, 2 5, twice, and 11
        let turned = vec![11.0, 17.0, 13.0, 19.0, 15.0, 21.0];
        [(vec![3, 2], turned), (vec![], vec![11.0]), (vec![2], vec![11.0, -11.0])]
    }

    #[test]
    fn each_tensor_gets_its_own_sum_in_its_own_shape() {
        std::thread::scope(|scope| {
            let ranks = Local::teams(2).into_iter().zip([1.0, 10.0]);
            let ranks: Vec<_> = ranks.map(|(team, from)| scope.spawn(move || summed(&team, three(from)))).collect();
            ranks.into_iter().for_each(|rank| assert_eq!(rank.join().unwrap(), sums()));
        });
        sum_all(&Local::teams(2)[0], &mut []).unwrap();
        assert_eq!(summed(&Team::default(), three(1.0)), three(1.0).each_ref().map(values));
    }

    /// One of two ranks that sum on their devices, the other of which has 11 everywhere.
    #[derive(Default)]
    struct Direct(Mutex<Vec<Vec<usize>>>);

    impl Ranks for Direct {
        fn rank(&self) -> usize {
            0
        }
        fn count(&self) -> usize {
            2
        }
        fn gather(&self, _: &[u8], _: &mut [u8]) -> Result<()> {
            Err(Error::Rank("through the host's memory".to_owned()))
        }
        fn exchange(&self, own: &[u8], all: &mut [u8]) -> Result<()> {
            self.gather(own, all)
        }
        fn tell(&self, _: &mut Vec<u8>) -> Result<()> {
            Err(Error::Rank("through the host's memory".to_owned()))
        }
        fn sum_on_device(&self, own: &Tensor) -> Result<Option<Tensor>> {
            assert!(own.is_contiguous());
            self.0.lock().unwrap().push(own.dims().to_vec());
            Ok(Some((own + 11.0)?))
        }
    }

    #[test]
    fn what_is_on_devices_is_summed_there_in_one_buffer() {
        let ranks = Arc::new(Direct::default());
        let team = Team::new(ranks.clone());
        let zeros = three(0.0).each_ref().map(|t| t.zeros_like().unwrap());
        let all = summed(&team, zeros).map(|(_, values)| values).concat();
        assert_eq!(all, [11.0; 9]);
        assert_eq!(*ranks.0.lock().unwrap(), [[9]]);
        // the mean of two ranks
        let variable = Var::new(&[5f32, 1.0], &Device::Cpu).unwrap();
        average(&team, std::slice::from_ref(&variable)).unwrap();
        assert_eq!(variable.to_vec1::<f32>().unwrap(), [8.0, 6.0]);
        // and so are the statistics of batch normalization
        let statistics = Tensor::new(&[1f64], &Device::Cpu).unwrap();
        let sum = team.reduce().unwrap().sum_on_device(&statistics).unwrap().unwrap();
        assert_eq!(sum.to_vec1::<f64>().unwrap(), [12.0]);
    }
}
