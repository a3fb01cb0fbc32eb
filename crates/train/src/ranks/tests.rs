//! Two ranks, which are threads here, train as one process does, stop together and resume to the same bits.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::{Local, Team};
use crate::{
    begin::{Begin, Mode},
    compute::Compute,
    error::{Error, Result},
    fit::{Outcome, fit},
    loss::{LossConfig, Taken},
    observe::Observer,
    recipe::Recipe,
    testing::{discs, recipe},
};
use candle_core::{Device, Tensor, Var};
use candle_vision_helpers::{Size, ops};
use facekp_models::{Codec, codec::regression::RegressionCodec};
use std::{collections::BTreeMap, path::Path};

/// What each of `count` ranks gives; nothing of one that panics.
fn on_ranks<T: Send>(count: usize, f: impl Fn(Team) -> T + Sync) -> Vec<Option<T>> {
    let f = &f;
    std::thread::scope(|scope| {
        let threads: Vec<_> = Local::teams(count).into_iter().map(|team| scope.spawn(move || f(team))).collect();
        threads.into_iter().map(|t| t.join().ok()).collect()
    })
}

#[test]
fn sums_are_of_all_ranks_and_the_same_on_each() {
    // few values that all hear of, and many of which each rank adds up a part, with and without a rest
    for len in [1, 7, 40_000, 40_001] {
        let values = |rank: usize| -> Vec<f32> { (0..len).map(|i| (i as f32 * 0.7 + rank as f32).sin()).collect() };
        let sums = on_ranks(3, |team| {
            let mut own = values(team.rank());
            team.sum(&mut own).unwrap();
            own
        });
        let [a, b, c] = [0, 1, 2].map(values);
        let expected =
            a.iter().zip(&b).zip(&c).map(|((a, b), c)| (f64::from(*a) + f64::from(*b) + f64::from(*c)) as f32);
        let expected: Vec<f32> = expected.collect();
        assert!(sums.iter().all(|s| s.as_ref() == Some(&expected)), "{len} values");
    }
    // in single precision the 1 would be lost
    let sums = on_ranks(3, |team| {
        let mut own = [[1e8f32, 1.0, -1e8][team.rank()]];
        team.sum(&mut own).unwrap();
        own[0]
    });
    assert_eq!(sums, [Some(1.0); 3]);
}

#[test]
fn rank_0_is_heard_and_any_rank_can_raise_a_flag() {
    let heard = on_ranks(3, |team| {
        let said = team.hear(|| Ok(b"rank 0".to_vec())).unwrap();
        (said, team.any(team.rank() == 2).unwrap(), team.any(false).unwrap())
    });
    let others = Some((Some(b"rank 0".to_vec()), true, false));
    assert_eq!(heard, [Some((None, true, false)), others.clone(), others]);
    let alone = Team::default();
    assert!(alone.leads() && alone.any(true).unwrap() && alone.hear(|| Ok(vec![1])).unwrap().is_none());
    let error = on_ranks(2, |team| if team.leads() { team.any(true).map_err(|e| e.to_string()) } else { Ok(false) });
    assert_eq!(error[0], Some(Err("another rank is gone".to_owned())));
}

#[test]
fn ranks_are_counted_on_each_machine() {
    let machines = ["a", "b", "a", "ab", "b", "a"];
    let before = on_ranks(machines.len(), |team| team.before_on(machines[team.rank()]).unwrap());
    assert_eq!(before, [0, 0, 1, 0, 1, 2].map(Some));
    assert_eq!(Team::default().before_on("a").unwrap(), 0);
}

/// Three faces with three points each, of which one face shows one, on the first rank, and two on the second.
#[test]
fn losses_and_gradients_of_ranks_add_up_to_those_of_the_batch() {
    let (device, view) = (&Device::Cpu, Size::new(40, 30));
    let output = Tensor::new(&[[0.1f32, -0.2, 0.3, 0.0, 0.5, 0.5], [0.4; 6], [-0.3; 6]], device).unwrap();
    let points = Tensor::new(&[[[9f32, 8.0], [7.0, 6.0], [20.0, 10.0]]; 3], device).unwrap();
    let weights = Tensor::new(&[[1f32, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]], device).unwrap();
    let wing = "kind = 'wing'\nomega = 10.0\nepsilon = 2.0";
    for kind in ["kind = 'mse'", "kind = 'l1'", wing, "kind = 'point_distance'\nepsilon = 1.0"] {
        let loss: LossConfig = toml::from_str(kind).unwrap();
        let part = |from: usize, len: usize, team: &Team| -> (f32, Vec<f32>) {
            let some = |t: &Tensor| t.narrow(0, from, len).unwrap().contiguous().unwrap();
            let output = Var::from_tensor(&some(&output)).unwrap();
            let codec: &dyn Codec = &RegressionCodec::new(3, view);
            let (points, weights) = (&some(&points), &some(&weights));
            let of = Taken { output: &output, points, weights, codec, view };
            let value = ops::reduced(team.reduce(), || loss.compute(&of)).unwrap();
            let grads = value.backward().unwrap();
            let grad = grads.get(&output).unwrap().flatten_all().unwrap();
            (value.to_scalar().unwrap(), grad.to_vec1().unwrap())
        };
        let (value, gradient) = part(0, 3, &Team::default());
        let ranks = on_ranks(2, |team| if team.leads() { part(0, 1, &team) } else { part(1, 2, &team) });
        let [a, b] = [0, 1].map(|rank| ranks[rank].clone().unwrap());
        assert!((a.0 + b.0 - value).abs() < 1e-5 * value.abs(), "{kind}: {} + {} and {value}", a.0, b.0);
        let off = [a.1, b.1].concat().iter().zip(&gradient).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 1e-5 && gradient.iter().any(|g| g.abs() > 1e-2), "{kind}: {off}, {gradient:?}");
    }
}

/// Ends a run behind some steps.
struct End {
    steps: usize,
    panics: bool,
}

impl Observer for End {
    fn step(&mut self, _: usize, _: Option<f64>) {
        self.steps = self.steps.saturating_sub(1);
        assert!(!self.panics || self.steps > 0, "a rank dies");
    }
    fn stops(&mut self) -> bool {
        self.steps == 0
    }
}

const NEVER: End = End { steps: usize::MAX, panics: false };

/// Trains on two ranks; the second one meets an end.
fn on_two(recipe: &Recipe, run: &Path, mode: Mode, end: End) -> Vec<Option<Result<Outcome>>> {
    on_ranks(2, |team| {
        let mut watch = if team.leads() { NEVER } else { End { ..end } };
        let compute = Compute { device: &Device::Cpu, team };
        fit(recipe, &discs(13), compute, &Begin::new(run, mode), &mut [&mut watch])
    })
}

fn alone(recipe: &Recipe, run: &Path) {
    let _ = fit(recipe, &discs(13), &Device::Cpu, &Begin::new(run, Mode::New), &mut []).unwrap();
}

fn both_end_well(ended: Vec<Option<Result<Outcome>>>) {
    for (rank, outcome) in ended.into_iter().enumerate() {
        // rank 0 alone validates
        assert_eq!(outcome.unwrap().unwrap().validation.is_some(), rank == 0);
    }
}

/// All tensors of a run: averages, trained weights, moments.
fn tensors(run: &Path) -> BTreeMap<String, Vec<f32>> {
    let mut all = BTreeMap::new();
    for file in ["best.safetensors", "last.safetensors", "optim.safetensors"] {
        for (name, t) in candle_core::safetensors::load(run.join(file), &Device::Cpu).unwrap() {
            all.insert(format!("{file}: {name}"), t.flatten_all().unwrap().to_vec1().unwrap());
        }
    }
    all
}

/// The largest difference of trained weights, in units of the value where that is above 1.
fn difference(a: &Path, b: &Path) -> (f32, String) {
    let (a, b) = (tensors(a), tensors(b));
    assert!(a.keys().eq(b.keys()));
    let trained = a.iter().filter(|(name, _)| name.contains(": trained.") && !name.contains(".running_"));
    let off = trained.map(|(name, values)| {
        let each = values.iter().zip(&b[name]).map(|(a, b)| (a - b).abs() / b.abs().max(1.0));
        (each.fold(0.0, f32::max), name.clone())
    });
    off.fold((0.0, String::new()), |most, one| if one.0 > most.0 { one } else { most })
}

/// A network with batch normalization, 20 steps of plain descent; a batch of 13 is one of 7 and one of 6. From random
/// weights, rounding alone would change its first layers' gradients by hundredths: maps are small and layers many.
const MAPS: &[&str] = &[
    "task.view={width=64,height=64,grey=false,crop={kind=\"picture\"},mean=[0.3,0.3,0.3],std=[0.3,0.3,0.3]}",
    "task.codec={kind=\"heatmap\",stride=8,sigma=1.2,target=\"softmax\",decode=\"soft_argmax\"}",
    "task.model={kind=\"heatmap_net\",trunk=\"mobilenet_v2\",up=[8,8]}",
    "train.loss={kind=\"softmax_cross_entropy\",coordinate=20.0}",
    "train.optimizer={kind=\"sgd\",momentum=0.9}",
    "train.schedule={kind=\"constant\",lr=1e-5}",
    "train.batch=13",
    "train.epochs=20",
    "train.init_from=\"mobilenet_v2_imagenet\"",
];

#[test]
fn two_ranks_train_as_one_process_does() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let plain: &[&str] = &["train.accumulate=2", "train.clip_norm=0.5", "train.augment.flip=0.5"];
    for (name, changes) in [("maps", MAPS), ("plain", plain)] {
        let recipe = recipe(changes).unwrap();
        let (one, two) = (at(&format!("{name} one")), at(&format!("{name} two")));
        alone(&recipe, &one);
        both_end_well(on_two(&recipe, &two, Mode::New, NEVER));
        let (off, of) = difference(&one, &two);
        assert!(off < 1e-5, "{name}: {off} in {of}");
        let loss = |run: &Path| facekp_eval::run_files::history::read(&run.join("history.csv")).unwrap();
        for (a, b) in loss(&one).iter().zip(loss(&two)) {
            assert!((a.train_loss - b.train_loss).abs() < 1e-4 * a.train_loss, "{name}: {a:?}, {b:?}");
        }
    }
    // by statistics of its own part each rank sees another network
    let apart = recipe(&[MAPS, &["train.sync_batch_norm=false"]].concat()).unwrap();
    both_end_well(on_two(&apart, &at("apart"), Mode::New, NEVER));
    let (off, _) = difference(&at("maps one"), &at("apart"));
    assert!(off > 2e-5, "{off}");
}

#[test]
fn a_run_whose_rank_stops_or_dies_resumes_to_the_same_bits() {
    for synced in [true, false] {
        let synced = format!("train.sync_batch_norm={synced}");
        let recipe = recipe(&[MAPS, &["train.epochs=3", "train.ema=0.5", synced.as_str()]].concat()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let [whole, cut] = ["whole", "cut"].map(|name| dir.path().join(name));
        both_end_well(on_two(&recipe, &whole, Mode::New, NEVER));
        let stopped = on_two(&recipe, &cut, Mode::New, End { steps: 2, panics: false });
        for outcome in stopped {
            let error = outcome.unwrap().unwrap_err();
            assert!(matches!(&error, Error::Stopped { epoch: 2, .. }), "{error}");
        }
        let died = on_two(&recipe, &cut, Mode::Resume, End { steps: 1, panics: true });
        let [first, second] = [&died[0], &died[1]];
        assert!(second.is_none());
        let error = first.as_ref().unwrap().as_ref().unwrap_err().to_string();
        assert!(error.contains("another rank is gone"), "{error}");
        both_end_well(on_two(&recipe, &cut, Mode::Resume, NEVER));
        assert!(tensors(&whole) == tensors(&cut), "{synced}: other bits");
    }
}

#[test]
fn ranks_that_do_not_fit_each_other_are_refused_and_nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let (run, recipe) = (dir.path().join("run"), recipe(&[]).unwrap());
    let begin = Begin::new(&run, Mode::New);
    let other = on_ranks(2, |team| {
        let data = discs(if team.leads() { 14 } else { 13 });
        fit(&recipe, &data, Compute { device: &Device::Cpu, team }, &begin, &mut []).unwrap_err().to_string()
    });
    let different = "expected the same data on all 2 ranks, got different ones";
    assert!(other.iter().all(|said| said.as_deref() == Some(different)), "{other:?}");
    // the last of four batches has two faces
    let many = on_ranks(3, |team| {
        let compute = Compute { device: &Device::Cpu, team };
        fit(&recipe, &discs(14), compute, &begin, &mut []).unwrap_err().to_string()
    });
    let few = "loader: expected a sample or more for each of 3 shares, got a batch of 2";
    assert!(many.iter().all(|said| said.as_deref() == Some(few)), "{many:?}");
    assert!(!run.exists());
}
