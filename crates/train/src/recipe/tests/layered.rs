//! Recipes of several layers: bases, profiles, and the form of before.

use super::{Recipe, built_in, error, load};
use crate::recipe::{About, Chain, load::parse};
use toml::{Table, Value};

/// The recipes as they were written in full, by kinds of datasets, when the shipped weights were trained.
const OLD: &str = include_str!("old_form.toml");

#[test]
fn recipes_of_before_are_todays() {
    let old: Table = toml::from_str(OLD).unwrap();
    // the summed map has another sigma and another start since then, and some recipes are younger
    assert!(old.len() > 9 && old.keys().all(|name| Recipe::built_in().contains(&name.as_str())));
    for (name, text) in old {
        let text = toml::to_string(&text).unwrap();
        assert!(text.contains("datasets"), "{text}");
        let (then, now) = (Recipe::parse("old", &text, &[]).unwrap(), load(&name, &[]).unwrap());
        assert_eq!(then == now, name != "ibug68_summed_128", "{name}");
    }
    // as checkpoints keep what was set, and as it was written on command lines
    let now = load("nose", &["data.train.0.split=all", "data.val.split=\"train\""]).unwrap();
    assert_eq!(load("nose", &["data.datasets.0.train=all", "data.val=\"train\""]).unwrap(), now);
    let sets = "data.datasets=[{ kind = \"ibug68\", train = \"all\", weight = 10.0 }]";
    let recipe = load("ibug68_heatmap", &[sets, "data.datasets.0.kind=pts68"]).unwrap();
    let source = &recipe.data.train[0];
    assert_eq!((source.path.as_str(), source.split.name(), source.weight), ("ytf_68", "all", 10.0));
}

#[test]
fn every_profile_and_the_chain_are_sound() {
    let mut profiles = 0;
    for about in About::all().unwrap() {
        assert!(!about.purpose.is_empty() && !about.purpose.contains(". "), "{about:?}");
        for profile in about.profiles {
            let recipe = Recipe::load_profile(&about.recipe.name, Some(&profile), &[]).unwrap();
            assert!(recipe.train.epochs < about.recipe.train.epochs, "{profile} is no shorter");
            let resolved: Table = toml::from_str(&recipe.to_toml().unwrap()).unwrap();
            assert_eq!(resolved.keys().collect::<Vec<_>>(), ["data", "name", "task", "train"]);
            profiles += 1;
        }
    }
    assert_eq!(profiles, 12, "six networks by quick and smoke");
    let chain = Chain::load().unwrap();
    for (i, link) in chain.networks.iter().enumerate() {
        let earlier = |name: &String| chain.networks[..i].iter().any(|l| l.recipe == *name);
        assert!(link.starts_from.as_ref().is_none_or(earlier), "{link:?}");
        assert!(link.gpu.iter().all(|gpu| Recipe::built_in().contains(&gpu.as_str())));
        assert!(chain.stand_ins.iter().any(|s| s.path == link.data), "{link:?}");
    }
    for profile in ["smoke", "quick"] {
        assert_eq!(chain.networks.iter().filter(|l| l.profiles.iter().any(|p| p == profile)).count(), 6);
        assert!(chain.stand_ins.iter().all(|s| s.faces.contains_key(profile) && s.faces.contains_key("full")));
    }
    assert_eq!(chain.networks.iter().filter(|l| l.gpu.is_some()).count(), 5);
}

#[test]
fn what_holds_anyway_may_be_said() {
    let said = ["data.allow_overlap=false", "data.train.0.optional=false", "task.model.trunk=\"resnet\""];
    assert_eq!(load("ibug68_heatmap_128", &said).unwrap(), load("ibug68_heatmap_128", &[]).unwrap());
    let plain = load("nose", &["task.model.trunk=\"mobilenet_v2\""]).unwrap_err().to_string();
    assert!(plain.contains("trunk"), "{plain}");
}

#[test]
fn a_profile_is_laid_over_its_recipe_and_what_is_set_over_both() {
    let set = ["train.ema=0.5".to_owned()];
    let quick = Recipe::load_profile("ibug68_heatmap_128", Some("quick"), &set).unwrap();
    let (view, train) = (&quick.task.view, &quick.train);
    assert_eq!((view.width, view.height, train.epochs, train.ema), (64, 64, 3, 0.5));
    assert_eq!((train.init_from.as_deref(), train.schedule.peak(), train.batch), (Some(""), 1e-3, 16));
    assert_eq!(quick.name, "ibug68_heatmap_128");
    let message = Recipe::load_profile("nose", Some("fast"), &[]).unwrap_err().to_string();
    assert_eq!(message, "nose.toml: profile: expected quick or smoke, got \"fast\"");
    assert!(Recipe::load_profile("ibug68_heatmap", Some("quick"), &[]).unwrap_err().to_string().contains("none"));
}

/// A recipe of three layers; line 1 is the name's.
const LAYERED: &str = "name = \"mine\"\nbase = \"nose\"\n[train]\nbatch = 4\n[train.loss]\nkind = \"mse\"\n\
    [profile.quick]\ntrain.epochs = 2\n[profile.quick.train.schedule]\nrise = 0.5\n";

#[test]
fn a_table_of_another_kind_takes_the_place_of_the_bases() {
    let recipe = parse("my.toml", LAYERED, Some("quick"), &[]).unwrap().1;
    assert_eq!(recipe.train.loss, crate::loss::LossConfig::Mse(crate::loss::Mse {}));
    assert_eq!((recipe.name.as_str(), recipe.train.batch, recipe.train.epochs), ("mine", 4, 2));
    assert_eq!(Value::try_from(&recipe.train.schedule).unwrap()["rise"].as_float(), Some(0.5));
    assert_eq!(recipe.train.augment, load("nose", &[]).unwrap().train.augment);
}

#[test]
fn what_is_wrong_in_a_layer_is_said_with_the_line_where_it_stands() {
    for (from, to, expected) in [
        ("batch = 4", "batch = 0", "my.toml:4: train.batch: expected 1 or more, got 0"),
        ("batch = 4", "bach = 4", "my.toml:4: unknown key `bach`"),
        ("batch = 4", "batch = \"4\"", "my.toml:4: wrong type: got string \"4\""),
        ("kind = \"mse\"", "kind = \"mse\"\nbeta = 1.0", "my.toml:7: unknown key `beta`"),
        ("train.epochs = 2", "train.epochs = 0", "my.toml:8: train.epochs: expected 1 or more, got 0"),
        ("rise = 0.5", "rise = 2.0", "my.toml:10: train.schedule.rise: expected a number from 0 to 1, got 2"),
        ("rise = 0.5", "raise = 0.5", "my.toml:10: unknown key `raise`"),
        ("batch = 4", "batch = 4\nclip_norm = -1.0", "my.toml:5: train.clip_norm: expected a number of 0 or more"),
        ("[train]", "[train", "my.toml:3: "),
        ("\"nose\"", "\"nosy\"", "my.toml:2: base: expected the name of a built-in recipe, got \"nosy\""),
        ("\"nose\"", "\"face58\"", "my.toml:2: base: expected a recipe without a base of its own"),
        ("\"nose\"", "7", "my.toml:2: base: expected the name of a built-in recipe, got 7"),
        // what fits without the profile
        ("batch = 4", "epochs = 4\nschedule = { kind = \"constant\", lr = 1e-3 }", "my.toml:11: unknown key `rise`"),
    ] {
        let text = LAYERED.replacen(from, to, 1);
        let message = parse("my.toml", &text, Some("quick"), &[]).map(|_| ()).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{to}: {message}");
    }
    // at the profile's line only with the profile
    let text = LAYERED.replacen("train.epochs = 2", "train.epochs = 0", 1);
    assert!(Recipe::parse("my.toml", &text, &[]).is_ok());
    let message = error(LAYERED, &["task.model.hidden=0"]);
    assert!(message.starts_with("--set task.model.hidden=0: task.model.hidden: expected 1 to 65536"), "{message}");
    // what only the base says is its fault
    let text = LAYERED.replacen("batch = 4", "epochs = 4", 1) + "[task.view]\nwidth = 4\n";
    let message = Recipe::parse("my.toml", &text, &[]).unwrap_err().to_string();
    assert!(message.starts_with("my.toml:11: task.view: expected 2^3 pixels or more a side"), "{message}");
    assert!(built_in::text("nose").is_some());
}
