//! Batch normalization whose batch lies on two ranks, which are threads here: values, statistics and gradients of one
//! batch.

use crate::common::{after, random, values};
use candle_core::{Device, Result, Tensor, Var};
use candle_vision_helpers::ops::{self, Activation, BatchNorm, Epilogue, Reduce};
use std::sync::{Arc, Barrier, Mutex, PoisonError};

/// The sums of two threads. Two numbers have the same sum in either order.
struct Pair {
    meet: Barrier,
    sums: Mutex<Vec<f64>>,
}

impl Pair {
    fn new() -> Arc<Self> {
        Arc::new(Self { meet: Barrier::new(2), sums: Mutex::default() })
    }
}

impl Reduce for Pair {
    fn sum(&self, values: &mut [f64]) -> Result<()> {
        let sums = || self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut sums = sums();
            sums.resize(values.len(), 0.0);
            sums.iter_mut().zip(values.iter()).for_each(|(sum, v)| *sum += v);
        }
        self.meet.wait();
        values.copy_from_slice(&sums());
        if self.meet.wait().is_leader() {
            sums().clear();
        }
        self.meet.wait();
        Ok(())
    }
}

/// What a rank, or one process, finds.
struct Found {
    y: Vec<f32>,
    dx: Vec<f32>,
    residual: Vec<f32>,
    /// Mean and variance.
    statistics: Vec<f32>,
    /// The gradients of gamma and beta, which add up over ranks.
    parameters: Vec<f32>,
}

const SAMPLES: usize = 5;
const DIMS: [usize; 4] = [SAMPLES, 3, 7, 5];

/// The samples from `from` on, `len` of them; each has another mean.
fn part(from: usize, len: usize, reduce: Option<Arc<dyn Reduce>>) -> Result<Found> {
    let offsets = Tensor::from_iter((0..SAMPLES).map(|b| 2.0 * b as f32), &Device::Cpu)?.reshape((SAMPLES, 1, 1, 1))?;
    let some = |t: Tensor| t.narrow(0, from, len)?.contiguous();
    let x = Var::from_tensor(&some(random(&DIMS, 1)?.broadcast_add(&offsets)?)?)?;
    let residual = Var::from_tensor(&some(random(&DIMS, 2)?)?)?;
    let (gamma, beta) = (Var::from_tensor(&random(&[3], 3)?)?, Var::from_tensor(&random(&[3], 4)?)?);
    let norm = BatchNorm { gamma: &gamma, beta: &beta, eps: 1e-5 };
    let out = ops::reduced(reduce, || ops::batch_norm_train(&x, &norm, after(Some(&residual), false)))?;
    // squared, so that a gradient has other sums than 0
    let loss = (out.y.sqr()? * some(random(&DIMS, 5)?)?)?.sum_all()?;
    let grads = loss.backward()?;
    let of = |v: &Var| grads.get(v).map(values).transpose().map(Option::unwrap_or_default);
    Ok(Found {
        y: values(&out.y)?,
        dx: of(&x)?,
        residual: of(&residual)?,
        statistics: [values(&out.mean)?, values(&out.var)?].concat(),
        parameters: [of(&gamma)?, of(&beta)?].concat(),
    })
}

/// Two ranks, three samples and two.
fn two_ranks(pair: Option<&Arc<Pair>>) -> Result<[Found; 2]> {
    let reduce = || pair.map(|p| Arc::clone(p) as Arc<dyn Reduce>);
    std::thread::scope(|scope| {
        let second = scope.spawn(|| part(3, 2, reduce()));
        let first = part(0, 3, reduce())?;
        match second.join() {
            Ok(second) => Ok([first, second?]),
            Err(_) => panic!("the second rank panicked"),
        }
    })
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert!(a.len() == b.len() && !a.is_empty());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn a_batch_on_two_ranks_is_normalized_as_one() -> Result<()> {
    let whole = part(0, SAMPLES, None)?;
    let differences = |[a, b]: [Found; 2]| {
        let sums: Vec<f32> = a.parameters.iter().zip(&b.parameters).map(|(a, b)| a + b).collect();
        [
            largest_difference(&[a.y, b.y].concat(), &whole.y),
            largest_difference(&[a.dx, b.dx].concat(), &whole.dx),
            largest_difference(&[a.residual, b.residual].concat(), &whole.residual),
            largest_difference(&a.statistics, &whole.statistics),
            largest_difference(&b.statistics, &whole.statistics),
            // sums of 175 terms of up to 10 each
            largest_difference(&sums, &whole.parameters) / 10.0,
        ]
    };
    let synced = differences(two_ranks(Some(&Pair::new()))?);
    assert!(synced.iter().all(|d| *d < 2e-5), "{synced:?}");
    // each by its own statistics is something else
    let apart = differences(two_ranks(None)?);
    assert!(apart[0] > 0.1 && apart[1] > 0.01 && apart[3] > 0.1, "{apart:?}");
    Ok(())
}

/// The gradients of a normalization of random numbers and its activation: of x, gamma and beta. Without a residual, the
/// way back computes again where the activation was open; with one, here of zeros, it reads the result.
fn behind_an_activation(seed: u64, pair: Option<&Arc<Pair>>, activation: Activation, zeros: bool) -> Result<Vec<f32>> {
    let x = Var::from_tensor(&random(&DIMS, seed)?)?;
    let (gamma, beta) = (Var::from_tensor(&(random(&[3], 3)? * 9.0)?)?, Var::from_tensor(&random(&[3], 4)?)?);
    let norm = BatchNorm { gamma: &gamma, beta: &beta, eps: 1e-5 };
    let residual = if zeros { Some(random(&DIMS, 5)?.zeros_like()?) } else { None };
    let end = Epilogue { bias: None, residual: residual.as_ref(), activation };
    let reduce = pair.map(|p| Arc::clone(p) as Arc<dyn Reduce>);
    let y = ops::reduced(reduce, || ops::batch_norm_train(&x, &norm, end))?.y;
    assert!(values(&y)?.contains(&0.0) && values(&y)?.iter().any(|y| *y >= 6.0));
    let grads = (&y * random(&DIMS, 6)?)?.sum_all()?.backward()?;
    let of = |v: &Var| grads.get(v).map(values).transpose().map(Option::unwrap_or_default);
    Ok([of(&x)?, of(&gamma)?, of(&beta)?].concat())
}

#[test]
fn an_activation_is_open_on_the_way_back_where_its_result_says_so() -> Result<()> {
    for activation in [Activation::Relu, Activation::Relu6] {
        let both = |seed: u64, pair: Option<&Arc<Pair>>| -> Result<[Vec<f32>; 2]> {
            let gradients = |zeros| behind_an_activation(seed, pair, activation, zeros);
            Ok([gradients(false)?, gradients(true)?])
        };
        let pair = Pair::new();
        let [first, second] = std::thread::scope(|scope| {
            let second = scope.spawn(|| both(2, Some(&pair)));
            let first = both(1, Some(&pair))?;
            match second.join() {
                Ok(second) => Ok::<_, candle_core::Error>([first, second?]),
                Err(_) => panic!("the second rank panicked"),
            }
        })?;
        for [again, read] in [first, second, both(1, None)?] {
            assert_eq!(again.len(), 5 * 3 * 35 + 6);
            assert_eq!(again, read, "{activation:?}");
        }
    }
    Ok(())
}

#[test]
fn a_scalar_is_summed_over_the_ranks_and_is_itself_alone() -> Result<()> {
    let (pair, scalar) = (Pair::new(), |v: f32| Tensor::new(v, &Device::Cpu));
    let value = |v: f32, by: Option<Arc<dyn Reduce>>| ops::reduced(by, || ops::total(&scalar(v)?))?.to_scalar::<f32>();
    let reduce = || Some(Arc::clone(&pair) as Arc<dyn Reduce>);
    let both = std::thread::scope(|scope| {
        let second = scope.spawn(|| value(2.5, reduce()));
        [value(4.0, reduce()).ok(), second.join().ok().and_then(Result::ok)]
    });
    assert_eq!(both, [Some(6.5); 2]);
    // what was in use for the call alone is gone
    assert_eq!((value(4.0, None)?, ops::total(&scalar(3.0)?)?.to_scalar::<f32>()?), (4.0, 3.0));
    Ok(())
}
