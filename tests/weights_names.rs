//! Names of weights mean the same to every command and to recipes.

use crate::common::{self, SMALL, facekp, fails_with, people, train};
use facekp_models::WeightsKind;
use sha2::{Digest, Sha256};
use std::fs;

#[test]
fn weights_are_found_by_the_same_names_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    train(&dir.path().join("runs/mine"), 1).assert().success();
    let below = dir.path().join("below");
    fs::create_dir(&below).unwrap();
    let at = |args: &[&str]| {
        let mut c = facekp();
        c.current_dir(&below).args(args);
        c
    };
    let picture = common::picture();
    let picture = picture.to_str().unwrap();
    let data = people().to_str().unwrap();
    // `nose` is shipped with the program's sources, `mine` is a run above this folder
    for name in ["nose", "mine"] {
        at(&["predict", picture, "--weights", name]).assert().success();
        at(&["eval", name, "--split", "val", "--data", data]).assert().success();
        at(&["export", name, "--name", &format!("copy-{name}"), "--out", "out", "--data", data]).assert().success();
        let from = format!("train.init_from=\"{name}\"");
        let args = ["train", "nose", "--epochs", "1", "--set", &from, "--data", data, "--out"];
        let network = if name == "mine" { &SMALL[..] } else { &[] };
        at(&args).arg(name).args(network).assert().success();
        fs::remove_dir_all(below.join(name)).unwrap();
    }
    at(&["report", "mine", "--out", "page", "--data", data]).assert().success();
    fails_with(
        &mut at(&["predict", picture, "--weights", "nosy"]),
        &["nosy: expected a weights file", "known: ", "mine", "nose"],
    );
    let args = ["train", "nose", "--set", "train.init_from=\"nosy\"", "--device", "cpu", "--data", data];
    fails_with(&mut at(&args), &["train.init_from: nosy: expected a weights file", "known: ", "mine", "nose"]);
}

#[test]
fn shipped_weights_are_those_that_the_manifest_lists() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("weights");
    let manifest: toml::Table = fs::read_to_string(folder.join("manifest.toml")).unwrap().parse().unwrap();
    let mut shipped = Vec::new();
    for path in fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()) {
        if path.extension().is_some_and(|e| e == "safetensors") {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let bytes = fs::read(&path).unwrap();
            let entry = manifest[&name].as_table().unwrap();
            let sha: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(entry["sha256"].as_str().unwrap(), sha, "{name}");
            assert_eq!(entry["bytes"].as_integer().unwrap(), bytes.len() as i64, "{name}");
            shipped.push(name);
        }
    }
    shipped.sort();
    assert_eq!(manifest.keys().collect::<Vec<_>>(), shipped.iter().collect::<Vec<_>>());
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// What is not known of a file is said so.
#[test]
fn every_shipped_file_says_how_it_came_about() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("weights");
    let manifest: toml::Table = fs::read_to_string(folder.join("manifest.toml")).unwrap().parse().unwrap();
    let notice = fs::read_to_string(folder.join("NOTICE")).unwrap();
    let mut networks = 0;
    for (name, entry) in &manifest {
        let said = |key: &str| entry.get(key).and_then(toml::Value::as_str).unwrap_or_else(|| panic!("{name}: {key}"));
        assert!(notice.contains(&format!("{name}.safetensors")), "{name}: expected its terms in NOTICE");
        assert!(is_hex(said("added"), 40), "{name}");
        if entry.get("recipe").is_none() {
            assert!(is_hex(said("source_sha256"), 64) && !said("source").is_empty(), "{name}");
            continue;
        }
        networks += 1;
        let WeightsKind::Network(file) = WeightsKind::read(&folder.join(format!("{name}.safetensors"))).unwrap() else {
            panic!("{name}: expected a network");
        };
        assert_eq!((&*file.name, &*file.data), (said("recipe"), said("data")), "{name}");
        let origin = file.origin.as_ref();
        let recorded = |value: Option<&String>| value.map_or("not recorded", String::as_str).to_owned();
        assert_eq!(said("program"), recorded(origin.map(|o| &o.program)), "{name}");
        assert_eq!(said("commit"), recorded(origin.and_then(|o| o.commit.as_ref())), "{name}");
        assert_eq!(said("data_sha256"), recorded(origin.map(|o| &o.data_sha256)), "{name}");
    }
    assert!(networks > 4, "{networks} networks");
}

#[test]
fn weights_say_which_program_and_data_made_them_and_export_notes_it() {
    let dir = tempfile::tempdir().unwrap();
    let run = common::trained().join("nose");
    let origin = |file: &std::path::Path| match WeightsKind::read(file).unwrap() {
        WeightsKind::Network(manifest) => manifest.origin.unwrap(),
        other => panic!("{other:?}"),
    };
    let best = origin(&run.join("best.safetensors"));
    assert_eq!(best, origin(&run.join("last.safetensors")));
    assert_eq!(best.program, concat!("facekp ", env!("CARGO_PKG_VERSION")));
    assert!(is_hex(&best.data_sha256, 64), "{best:?}");
    let mut export = facekp();
    export.arg("export").arg(&run).args(["--name", "small", "--data"]).arg(people()).arg("--out").arg(dir.path());
    export.assert().success();
    assert_eq!(origin(&dir.path().join("small.safetensors")), best);
    let manifest: toml::Table = fs::read_to_string(dir.path().join("manifest.toml")).unwrap().parse().unwrap();
    let entry = &manifest["small"];
    assert_eq!(
        (entry["program"].as_str(), entry["data_sha256"].as_str()),
        (Some(&*best.program), Some(&*best.data_sha256))
    );
    assert_eq!(entry["commit"].as_str().unwrap(), best.commit.as_deref().unwrap_or("not recorded"));
    // other faces are other data
    let other = dir.path().join("other");
    train(&other, 1).args(["--fold", "1/2"]).assert().success();
    assert_ne!(origin(&other.join("best.safetensors")).data_sha256, best.data_sha256);
}

#[test]
fn an_export_replaces_another_network_only_where_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let export = |weights: &std::path::Path| {
        let mut c = facekp();
        c.arg("export").arg(weights).args(["--name", "n", "--data"]).arg(people()).arg("--out").arg(dir.path());
        c
    };
    let (own, shipped) = (common::trained().join("nose"), std::path::Path::new("nose"));
    let there = || fs::read(dir.path().join("n.safetensors")).unwrap();
    export(&own).assert().success();
    let first = there();
    // the same network may be measured again, as by a call that was killed
    export(&own).args(["--split", "train,val"]).assert().success();
    let again = there();
    assert!(again != first);
    fails_with(&mut export(shipped), &["n.safetensors: expected no other network of this name, or --overwrite"]);
    assert!(there() == again);
    export(shipped).arg("--overwrite").assert().success();
    assert!(there() != again);
}

#[test]
fn weights_of_others_say_whose_they_are() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("weights");
    let manifest: toml::Table = fs::read_to_string(folder.join("manifest.toml")).unwrap().parse().unwrap();
    let notice = fs::read_to_string(folder.join("NOTICE")).unwrap();
    for name in ["face_finder", "mobilenet_v2_imagenet"] {
        let entry = manifest[name].as_table().unwrap();
        assert!(notice.contains(&format!("{name}.safetensors\n===")), "{name}");
        for key in ["source_sha256", "license"] {
            let said = entry[key].as_str().unwrap();
            // the licence's name is the notice's own words
            assert!(notice.contains(said.rsplit(", ").next().unwrap()), "{name}: {key}: {said}");
        }
    }
}

/// The file is in its place already, so that nobody is asked for it.
#[test]
fn weights_of_pytorch_are_found_by_their_name_and_a_network_starts_from_them() {
    let dir = tempfile::tempdir().unwrap();
    let made = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/models/tests/pth/old.pth");
    fs::create_dir(dir.path().join("weights")).unwrap();
    fs::copy(made, dir.path().join("weights/resnet18_imagenet.pth")).unwrap();
    let at = |args: &[&str]| {
        let mut c = facekp();
        c.current_dir(dir.path()).args(args);
        c
    };
    let out = at(&["weights", "fetch", "resnet18_imagenet"]).assert().success().get_output().clone();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.contains("init_from = \"resnet18_imagenet\""), "{text}");
    let faces = common::synth(dir.path(), "ibug68", 6);
    let mut c = at(&["train", "ibug68_heatmap_128", "--profile", "smoke", "--device", "cpu", "--data"]);
    c.arg(faces.parent().unwrap()).args(["--set", "train.init_from=\"resnet18_imagenet\"", "--out", "run"]);
    let out = c.assert().success().get_output().clone();
    let text = String::from_utf8(out.stderr).unwrap();
    assert!(text.contains("starts from") && text.contains(": 4 of"), "{text}");
    fails_with(&mut at(&["weights", "fetch", "resnet34_imagenet", "--url", "http://127.0.0.1:9/x"]), &["127.0.0.1:9"]);
    assert_eq!(common::files(&dir.path().join("weights")).len(), 1);
}
