//! Runs that are killed, resumed, refused and repeated, on rendered discs.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::{
    begin::Mode,
    checkpoint::LAST,
    testing::{discs, recipe},
};
use candle_core::Device;
use std::{collections::BTreeMap, fs, path::Path};

type Bits = BTreeMap<String, Vec<u32>>;

fn bits(file: &Path) -> Bits {
    let tensors = candle_core::safetensors::load(file, &Device::Cpu).unwrap();
    let of = |t: candle_core::Tensor| {
        t.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().map(|v| v.to_bits()).collect()
    };
    tensors.into_iter().map(|(name, t)| (name, of(t))).collect()
}

/// What must be the same of two runs: the history except for the seconds, all weights, moments and results.
fn numbers(run: &Path) -> (Vec<String>, Vec<Bits>, Vec<String>) {
    let strip = |r: EpochRecord| format!("{:?}", EpochRecord { seconds: 0.0, ..r });
    let history = read_history(run).into_iter().map(strip).collect();
    let text = |name: &str| fs::read_to_string(run.join(name)).unwrap();
    let files = [BEST, LAST, OPTIM].map(|f| bits(&run.join(f)));
    (history, files.to_vec(), ["recipe.toml", "eval.json", "predictions.json"].map(text).to_vec())
}

fn read_history(run: &Path) -> Vec<EpochRecord> {
    facekp_eval::run_files::history::read(&run.join("history.csv")).unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn train(recipe: &Recipe, run: &Path, mode: Mode) -> Result<Outcome> {
    fit(recipe, &discs(14), &Device::Cpu, &Begin::new(run, mode), &mut [])
}

const ALL: &[&str] = &["train.accumulate=2", "train.clip_norm=0.5", "train.augment.flip=0.5", "train.flip_test=true"];

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_others() {
    let dir = tempfile::tempdir().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|n| dir.path().join(n));
    let first = recipe(ALL).unwrap();
    let _ = train(&first, &a, Mode::New).unwrap();
    let _ = train(&first, &b, Mode::New).unwrap();
    assert_eq!(numbers(&a), numbers(&b));
    let _ = train(&recipe(&[ALL, &["train.seed=6"]].concat()).unwrap(), &c, Mode::New).unwrap();
    assert_ne!(numbers(&a).1, numbers(&c).1);
}

/// Keeps every state of the folder.
struct Copier {
    to: PathBuf,
    copies: Vec<PathBuf>,
}

impl Observer for Copier {
    fn wrote(&mut self, run: &Path) {
        let to = self.to.join(self.copies.len().to_string());
        copy(run, &to);
        self.copies.push(to);
    }
}

/// Every state of the folder between two writes is what a kill at that moment leaves: from each the run must come to
/// the same end.
#[test]
fn a_run_killed_anywhere_resumes_to_the_same_bits() {
    for changes in [ALL, &["train.optimizer={kind=\"sgd\",momentum=0.9}", "train.ema=0", "data.train.0.weight=1.4"]] {
        let recipe = recipe(changes).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let whole = dir.path().join("whole");
        let mut copier = Copier { to: dir.path().to_owned(), copies: Vec::new() };
        let begin = Begin::new(&whole, Mode::New);
        let outcome = fit(&recipe, &discs(14), &Device::Cpu, &begin, &mut [&mut copier]).unwrap();
        assert_eq!(outcome.epochs, 4);
        let copies = copier.copies;
        // of each epoch: last (and best) and optim written, each renamed, the history
        assert!(copies.len() >= 4 * 5 + 3, "{}", copies.len());
        for killed in copies {
            let _ = train(&recipe, &killed, Mode::Resume).unwrap();
            assert_eq!(numbers(&whole), numbers(&killed), "{}", killed.display());
            let left: Vec<_> = fs::read_dir(&killed).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert!(!left.iter().any(|n| n.to_string_lossy().contains(".next")), "{left:?}");
        }
    }
}

struct Killer(usize);

impl Observer for Killer {
    fn step(&mut self, _: usize, _: Option<f64>) {
        self.0 -= 1;
        assert!(self.0 > 0, "killed amid an epoch");
    }
}

#[test]
fn a_run_killed_amid_an_epoch_resumes_to_the_same_bits() {
    let recipe = recipe(&[]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let [whole, killed] = ["whole", "killed"].map(|n| dir.path().join(n));
    let _ = train(&recipe, &whole, Mode::New).unwrap();
    for (steps, mode) in [(2, Mode::New), (3, Mode::Resume), (7, Mode::Resume)] {
        let stopped = std::panic::catch_unwind(|| {
            let begin = Begin::new(&killed, mode);
            fit(&recipe, &discs(14), &Device::Cpu, &begin, &mut [&mut Killer(steps)]).map(|_| ())
        });
        assert!(stopped.is_err());
    }
    let _ = train(&recipe, &killed, Mode::Resume).unwrap();
    assert_eq!(numbers(&whole), numbers(&killed));
}

/// A heatmap network, which takes views of any size.
const MAPS: &[&str] = &[
    "task.view={width=64,height=64,grey=false,crop={kind=\"picture\"},mean=[0.3,0.3,0.3],std=[0.3,0.3,0.3]}",
    "task.codec={kind=\"heatmap\",stride=8,sigma=1.2,target=\"softmax\",decode=\"soft_argmax\"}",
    "task.model={kind=\"heatmap_net\",trunk=\"mobilenet_v2\",up=[8,8]}",
    "train.loss={kind=\"softmax_cross_entropy\",coordinate=20.0}",
    "train.batch=7",
    "train.epochs=3",
];

#[test]
fn views_that_are_small_first_grow_and_a_run_killed_on_either_side_resumes_to_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let small = |scale: f64| format!("train.small_first={{share=0.67,scale={scale:.1}}}");
    let run = |name: &str, changes: &[&str]| {
        let _ = train(&recipe(&[MAPS, changes].concat()).unwrap(), &at(name), Mode::New).unwrap();
        let (history, weights, _) = numbers(&at(name));
        (history, weights)
    };
    let grown = run("grown", &[&small(0.5)]);
    assert_ne!(grown, run("plain", &[]));
    assert_eq!(run("same size", &[&small(1.0)]), run("plain again", &[]));
    let recipe = recipe(&[MAPS, &[&small(0.5)]].concat()).unwrap();
    for (steps, mode) in [(2, Mode::New), (4, Mode::Resume), (2, Mode::Resume)] {
        let stopped = std::panic::catch_unwind(|| {
            let begin = Begin::new(at("killed"), mode);
            fit(&recipe, &discs(14), &Device::Cpu, &begin, &mut [&mut Killer(steps)]).map(|_| ())
        });
        assert!(stopped.is_err());
    }
    let _ = train(&recipe, &at("killed"), Mode::Resume).unwrap();
    assert_eq!(numbers(&at("grown")), numbers(&at("killed")));
}

#[test]
fn a_run_with_maps_knows_what_errors_to_expect() {
    let dir = tempfile::tempdir().unwrap();
    let mut data = discs(112);
    data.val.indices = (0..112).collect();
    data.train[0].indices = (112..116).collect();
    let calibration = |name: &str, changes: &[&str]| {
        let (recipe, begin) = (recipe(changes).unwrap(), Begin::new(dir.path().join(name), Mode::New));
        let _ = fit(&recipe, &data, &Device::Cpu, &begin, &mut []).unwrap();
        WeightsFile::read(&dir.path().join(name).join(BEST)).unwrap().manifest.calibration
    };
    let maps = [MAPS, &["train.epochs=1"]].concat();
    let found = calibration("maps", &maps).unwrap();
    assert!(found.data().contains("discs, 112") && found.error(4.0) > 0.0, "{found:?}");
    assert_eq!(calibration("points", &["train.epochs=1"]), None);
    // faces that were trained on would promise too much
    assert_eq!(calibration("overlap", &[&maps[..], &["data.allow_overlap=true"]].concat()), None);
}

#[test]
fn another_recipe_or_a_taken_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let _ = train(&recipe(&["train.epochs=1"]).unwrap(), &run, Mode::New).unwrap();
    let again = train(&recipe(&["train.epochs=1"]).unwrap(), &run, Mode::New).unwrap_err().to_string();
    assert!(again.contains("--resume"), "{again}");
    let other = train(&recipe(&["train.epochs=2"]).unwrap(), &run, Mode::Resume).unwrap_err().to_string();
    assert!(other.ends_with("the run was started with another recipe: train.epochs was 1, is now 2"), "{other}");
    // a finished run resumes to its results
    assert_eq!(train(&recipe(&["train.epochs=1"]).unwrap(), &run, Mode::Resume).unwrap().epochs, 1);
    let bytes = fs::read(run.join(OPTIM)).unwrap();
    fs::write(run.join(OPTIM), &bytes[..bytes.len() / 2]).unwrap();
    let broken = train(&recipe(&["train.epochs=1"]).unwrap(), &run, Mode::Resume).unwrap_err().to_string();
    assert!(
        broken.contains("optim.safetensors: expected the checkpoint of a run") && !broken.contains('\n'),
        "{broken}"
    );
}

#[test]
fn a_few_samples_are_memorized() {
    let changes = ["train.epochs=60", "train.augment={}", "task.model.channels=[8]", "train.schedule.lr=1e-2"];
    let changes = [&changes[..], &["data.allow_overlap=true"]].concat();
    let dir = tempfile::tempdir().unwrap();
    let mut data = discs(8);
    data.val = data.train[0].clone();
    let begin = Begin::new(dir.path(), Mode::New);
    let _ = fit(&recipe(&changes).unwrap(), &data, &Device::Cpu, &begin, &mut []).unwrap();
    let history = read_history(dir.path());
    let (first, last) = (history.first().unwrap(), history.last().unwrap());
    // the start is the mean shape: some 6 pixels off
    assert!(first.val_px > 4.0 && last.val_px < 1.0, "{first:?} {last:?}");
    assert!(history.iter().all(|r| r.train_loss.is_finite() && r.val_loss.is_finite() && r.val_nme.is_nan()));
    let summary = Summary::read(&dir.path().join("eval.json")).unwrap();
    let best = history.iter().map(|r| r.val_px).fold(f64::INFINITY, f64::min);
    assert!((summary.mean_px - best).abs() < 1e-4, "{} {best}", summary.mean_px);
}

#[test]
fn a_run_without_progress_stops_early() {
    // a rate of next to nothing leaves the error where it is, except for its last bits
    let changes = ["train.epochs=50", "train.patience=3", "train.schedule={kind=\"constant\",lr=1e-30}", "train.ema=0"];
    let dir = tempfile::tempdir().unwrap();
    let outcome = train(&recipe(&changes).unwrap(), dir.path(), Mode::New).unwrap();
    assert_eq!((outcome.epochs, outcome.best_epoch), (4, 1));
    let again = train(&recipe(&changes).unwrap(), dir.path(), Mode::Resume).unwrap();
    assert_eq!(again.epochs, 4, "a stopped run continues when it is resumed");
}

#[test]
fn validation_errors_can_be_sparse_but_losses_cannot() {
    let dir = tempfile::tempdir().unwrap();
    let outcome =
        train(&recipe(&["train.epochs=5", "train.validate_every=2"]).unwrap(), dir.path(), Mode::New).unwrap();
    let history = read_history(dir.path());
    assert!(history.iter().all(|r| r.val_loss.is_finite()));
    let measured: Vec<_> = history.iter().filter(|r| r.val_px.is_finite()).map(|r| r.epoch).collect();
    assert_eq!(measured, [2, 4, 5]);
    assert!(measured.contains(&outcome.best_epoch));
}

#[test]
fn a_loss_that_is_no_number_stops_the_run() {
    let changes = [
        "train.schedule={kind=\"constant\",lr=1e30}",
        "train.optimizer={kind=\"sgd\",momentum=0.0}",
        "train.loss={kind=\"mse\"}",
    ];
    let dir = tempfile::tempdir().unwrap();
    let error = train(&recipe(&changes).unwrap(), dir.path(), Mode::New).unwrap_err();
    assert!(matches!(&error, Error::Diverged { name, epoch: 1, .. } if name == "discs"), "{error}");
    assert!(!dir.path().exists(), "a run of no epoch leaves files behind");
    // what the only step made of the weights shows in validation
    let begin = Begin::new(dir.path(), Mode::New);
    let error = fit(&recipe(&changes).unwrap(), &discs(4), &Device::Cpu, &begin, &mut []).unwrap_err().to_string();
    assert!(error.contains(" in the validation behind epoch 1: "), "{error}");
}

#[test]
fn frozen_parameters_stay_and_others_move() {
    let dir = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|n| dir.path().join(n));
    let changes = ["train.ema=0", "train.epochs=1"];
    let _ = train(&recipe(&changes).unwrap(), &a, Mode::New).unwrap();
    let from = format!("train.init_from=\"{}\"", a.display());
    let freeze = [&changes[..], &["train.freeze=[\"fc2\"]", from.as_str()]].concat();
    let _ = train(&recipe(&freeze).unwrap(), &b, Mode::New).unwrap();
    let (a, b) = (bits(&a.join(BEST)), bits(&b.join(LAST)));
    let same: Vec<_> = a.iter().filter(|(name, v)| b[*name] == **v).map(|(name, _)| name.as_str()).collect();
    assert_eq!(same, ["fc2.bias", "fc2.weight"]);
    let typo = [&changes[..], &["train.freeze=[\"fc9\"]"]].concat();
    let error = train(&recipe(&typo).unwrap(), &dir.path().join("c"), Mode::New).unwrap_err().to_string();
    assert_eq!(error, "train.freeze: expected the start of a parameter's name, got \"fc9\"");
}
