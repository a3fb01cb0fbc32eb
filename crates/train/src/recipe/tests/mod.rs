//! Recipes: what is read, overridden and refused.

#![allow(clippy::unwrap_used)]

mod layered;

use super::*;
use crate::loss::{LossConfig, Wing};

fn load(name: &str, changes: &[&str]) -> Result<Recipe> {
    Recipe::load(name, &changes.iter().map(|&c| c.to_owned()).collect::<Vec<_>>())
}

fn error(text: &str, changes: &[&str]) -> String {
    let changes: Vec<String> = changes.iter().map(|&c| c.to_owned()).collect();
    let message = Recipe::parse("my.toml", text, &changes).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

/// The text of a built-in recipe with a line changed, and that line's number.
fn changed(name: &str, from: &str, to: &str) -> (String, usize) {
    let text = built_in::text(name).unwrap();
    let line = text.lines().position(|l| l.contains(from)).unwrap() + 1;
    (text.replacen(from, to, 1), line)
}

#[test]
fn built_in_recipes_are_sound_and_named_as_their_files() {
    for name in Recipe::built_in() {
        let recipe = load(name, &[]).unwrap();
        assert_eq!(recipe.name, name);
        let text = recipe.to_toml().unwrap();
        assert_eq!(Recipe::parse("resolved", &text, &[]).unwrap(), recipe, "{text}");
    }
    for name in ["nose", "face58", "ibug68_resnet50", "ibug68_heatmap", "ibug68_resnet50_128", "ibug68_heatmap_128"] {
        assert!(Recipe::built_in().contains(&name));
    }
}

#[test]
fn small_first_views_are_of_a_size_that_the_network_takes() {
    let sides = |profile: &str| -> Vec<usize> {
        let small = ["train.small_first={share=0.75,scale=0.75}".to_owned()];
        let recipe = match profile {
            "" => Recipe::load("face68", &small),
            profile => Recipe::load_profile("face68", Some(profile), &small),
        };
        let recipe = recipe.unwrap();
        let mut sides: Vec<_> = (0..recipe.train.epochs).map(|epoch| recipe.task_in(epoch).view.width).collect();
        sides.dedup();
        sides
    };
    // views of 256, 96 and 64 pixels; three quarters of a single epoch are none
    assert_eq!([sides(""), sides("quick"), sides("smoke")], [vec![192, 256], vec![64, 96], vec![64]]);
    for (recipe, small, expected) in [
        ("face68", "share=0.0,scale=0.5", None),
        ("face68", "share=1.0,scale=0.5", Some("train.small_first.share: expected a number from 0 to below 1, got 1")),
        (
            "face68",
            "share=0.5,scale=1.5",
            Some("train.small_first.scale: expected a number above 0, at most 1, got 1.5"),
        ),
        ("face58", "share=0.0,scale=0.5", None),
        ("face58", "share=0.5,scale=0.5", Some("train.small_first: expected nothing but for a heatmap_net")),
    ] {
        let message = load(recipe, &[&format!("train.small_first={{{small}}}")]).err().map(|e| e.to_string());
        let as_expected = match (&message, expected) {
            (Some(message), Some(expected)) => message.contains(expected),
            (message, expected) => message.is_none() && expected.is_none(),
        };
        assert!(as_expected, "{small}: {message:?}, not {expected:?}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (recipe, from, to, expected) in [
        ("nose", "epochs = ", "epoch = ", "unknown key `epoch`, expected one of `epochs`, `batch`, `seed`"),
        ("nose", "beta = 0.005", "betta = 0.02", "unknown key `betta`, expected `beta`"),
        ("nose", "[task.view]", "[task.vew]", "unknown key `vew`, expected one of `scheme`, `view`"),
        ("nose", "batch = 8", "batch = \"many\"", "wrong type: got string \"many\", expected a whole number"),
        ("nose", "beta = 0.005", "beta = \"small\"", "wrong type: got string \"small\", expected a number"),
        (
            "nose",
            "kind = \"adamw\"",
            "kind = \"adamx\"",
            "unknown value `adamx`, expected one of `sgd`, `adam`, `adamw`",
        ),
        ("nose", "batch = 8", "batch = 0", "train.batch: expected 1 or more, got 0"),
        ("nose", "batch = 8", "batch = -1", "integer `-1`, expected a whole number"),
        ("nose", "lr = 2e-3", "lr = -2e-3", "train.schedule.lr: expected a number above 0, got -0.002"),
        ("nose", "rise = 0.1", "rise = 1.5", "train.schedule.rise: expected a number from 0 to 1, got 1.5"),
        (
            "nose",
            "weight_decay = 0.02",
            "weight_decay = 0.02\nbeta1 = 1.0",
            "train.optimizer.beta1: expected a number from 0 to below 1, got 1",
        ),
        ("nose", "ema = 0.998", "ema = 1.0", "train.ema: expected a number from 0 to below 1, got 1"),
        ("nose", "flip = 0.5", "flip = 1.5", "train.augment.flip: expected a number from 0 to 1, got 1.5"),
        ("nose", "kind = \"smooth_l1\"", "kind = \"mse\"#", "unknown key `beta`, expected none"),
        (
            "nose",
            "kind = \"regression\"",
            "kind = \"regression\"\nstride = 4",
            "unknown key `stride`: task.codec.stride means nothing",
        ),
        ("ibug68_heatmap", "stride = 4", "stride = 5", "task.codec.stride: expected a divisor"),
        ("nose", "[data]", "[data", "expected"),
        ("nose", "\"nose1\"", "\"nose2\"", "scheme: expected one of imm58, ibug68, nose1, or a table, got \"nose2\""),
    ] {
        let (text, line) = changed(recipe, from, to);
        let line = if to.contains('\n') { line + 1 } else { line };
        let message = error(&text, &[]);
        let at = if expected.starts_with("unknown key `beta`") { line + 1 } else { line };
        assert!(message.starts_with(&format!("my.toml:{at}: ")), "line {at}: {message}");
        assert!(message.contains(expected), "{message}");
    }
    let (text, line) = changed("ibug68_heatmap", "target = \"softmax\"", "target = \"sigmoid\"");
    let message = error(&text, &[]);
    assert!(
        message.contains("train.loss.kind: expected a loss for the task's codec: binary_cross_entropy"),
        "{message} {line}"
    );
    let message = error("name = \"x\"\n", &[]);
    assert!(message.contains("missing key `data`"), "{message}");
}

#[test]
fn overrides_reach_every_key_by_their_toml_type() {
    let recipe = load(
        "nose",
        &[
            "train.epochs=3",
            "task.view.width=64",
            "task.view.mean=[0.4]",
            "task.model.channels=[4, 4]",
            "task.model.kernels.1=3",
            "task.model.kernels=[5, 3]",
            "train.augment.flip=0",
            "train.freeze=[\"conv\"]",
            "train.lr_factors.fc1=0.1",
            "train.init_from=weights/old one",
            "name=mine",
            "data.train.0.weight=2",
            "train.loss={kind=\"wing\", omega=5, epsilon=1.0}",
        ],
    )
    .unwrap();
    assert_eq!((recipe.train.epochs, recipe.task.view.width, recipe.name.as_str()), (3, 64, "mine"));
    assert_eq!(recipe.train.init_from.as_deref(), Some("weights/old one"));
    assert_eq!(recipe.train.lr_factors["fc1"], 0.1);
    assert_eq!(recipe.data.train[0].weight, 2.0);
    assert_eq!(recipe.train.loss, LossConfig::Wing(Wing { omega: 5.0, epsilon: 1.0 }));
    assert_eq!(recipe.train.augment.rotation, 15.0);
}

#[test]
fn wrong_overrides_name_themselves() {
    let text = built_in::text("nose").unwrap();
    for (change, expected) in [
        ("train.epoch=3", "--set train.epoch=3: unknown key `epoch`, expected one of `epochs`, `batch`"),
        ("trian.epochs=3", "unknown key `trian`, expected one of `name`, `data`, `task`, `train`"),
        ("train.epochs=three", "wrong type: got string \"three\", expected a whole number"),
        ("train.epochs", "expected key=value"),
        ("=3", "expected a key before ="),
        ("train.epochs=0", "--set train.epochs=0: train.epochs: expected 1 or more, got 0"),
        ("train.epochs=1000001", "train.epochs: expected 1000000 at most, got 1000001"),
        ("data.train.0.weight=1e12", "data.train.0.weight: expected a number above 0, at most 1000, got 1000000000000"),
        ("train.epochs.x=1", "expected a table or an array above \"x\", got integer"),
        ("task.model.kernels.7=1", "expected an index below 3, got \"7\""),
        ("task.view={width=1}", "missing key"),
        ("train.loss.kind=mse", "unknown key `beta`, expected none"),
        (
            "train.augment={flip=7}",
            "--set train.augment={flip=7}: train.augment.flip: expected a number from 0 to 1, got 7",
        ),
    ] {
        let message = error(text, &[change]);
        assert!(message.contains(expected), "{change}: {message}");
        // a good override before or after does not take the blame
        assert!(error(text, &["train.seed=2", change, "train.batch=2"]).contains(change), "{change}");
    }
}

#[test]
fn a_name_that_is_no_recipe_lists_those_that_are() {
    let message = load("nosee", &[]).unwrap_err().to_string();
    assert!(message.starts_with("nosee: expected a TOML file or one of nose, face58"), "{message}");
    assert!(load(".", &[]).unwrap_err().to_string().starts_with(".: expected a recipe in TOML"));
}

#[test]
fn the_first_difference_is_named_by_its_key() {
    let a = load("nose", &[]).unwrap();
    assert_eq!(a.first_difference(&a), None);
    let b = load("nose", &["train.loss={kind=\"mse\"}", "train.seed=3"]).unwrap();
    assert_eq!(a.first_difference(&b).unwrap(), "train.loss.beta was 0.005, is now nothing");
    let c = load("nose", &["data.train.0.weight=2"]).unwrap();
    assert_eq!(a.first_difference(&c).unwrap(), "data.train.0.weight was 1.0, is now 2.0");
}
