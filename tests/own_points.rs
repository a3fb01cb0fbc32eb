//! Points of one's own: schemes from files, recipes that `init` writes, networks that are measured and predict.

use crate::common::{SMALL, facekp, fails_with, files, people, picture, synth};
use crate::own_data::{output, own};
use std::{fs, path::Path};

/// Five of the 68 points, by a file of three lines and a recipe of four.
#[test]
fn points_of_ones_own_choice_are_trained_measured_and_predicted() {
    let dir = tempfile::tempdir().unwrap();
    let at = |args: &[&str]| {
        let mut c = facekp();
        c.current_dir(dir.path()).args(args);
        c
    };
    synth(dir.path(), "ibug68", 12);
    let scheme = "name = \"face5\"\npoints = [\"right eye\", \"left eye\", \"nose\", \"right mouth\", \"left mouth\"]\n\
                  mirror = [[0, 1], [3, 4]]\npart_of = { scheme = \"ibug68\", points = [36, 45, 30, 48, 54] }\n\
                  [normalizer]\nname = \"outer eye corners\"\nbetween = [[36], [45]]\n";
    fs::create_dir(dir.path().join("recipes")).unwrap();
    fs::write(dir.path().join("recipes/face5.toml"), scheme).unwrap();
    let recipe = "name = \"five\"\nbase = \"face68\"\n[task]\nscheme = \"face5.toml\"\n[data]\n\
                  train = [{ path = \"ibug_300W\", split = \"fit\" }]\nallow_overlap = false\n[train]\nepochs = 1\n\
                  [task.view]\nwidth = 64\nheight = 64\n[task.model]\nup = [16, 16]\n";
    fs::write(dir.path().join("recipes/five.toml"), recipe).unwrap();
    at(&["train", "recipes/five.toml", "--device", "cpu", "--data", ".", "--out", "run"]).assert().success();
    // the run needs the file no more
    fs::remove_dir_all(dir.path().join("recipes")).unwrap();
    let out =
        at(&["eval", "run", "--data", ".", "--split", "val", "--json", "-"]).assert().success().get_output().clone();
    let measured: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(measured["points"], 5, "{measured}");

    // the same points alone, in a folder of another name that says what they are
    let own = own(&dir.path().join("again"));
    for (file, _) in files(&own) {
        if file.extension().is_some_and(|e| e == "pts") {
            let five = five_of(&file).join("\n");
            fs::write(&file, five).unwrap();
        }
    }
    let whole = scheme.replace("part_of = { scheme = \"ibug68\", points = [36, 45, 30, 48, 54] }\n", "");
    fs::write(own.join("scheme.toml"), &whole).unwrap();
    let wrong = ["scheme.toml: expected a scheme", "normalizer.between: expected points below 5, got 36"];
    fails_with(facekp().args(["datasets", "check"]).arg(&own), &wrong);
    fs::write(own.join("scheme.toml"), whole.replace("[[36], [45]]", "[[0], [1]]")).unwrap();
    assert!(output(&["datasets", "check"], &own).contains("5 each"));
    let mut c = at(&["train", "face68", "--profile", "smoke", "--device", "cpu", "--out", "other", "--data", "again"]);
    let sets = [
        "task.scheme=\"again/own/scheme.toml\"",
        "data.train=[{path=\"own\",split=\"fit\"}]",
        "data.val={path=\"own\",split=\"val\"}",
    ];
    c.args(sets.iter().flat_map(|set| ["--set", set])).assert().success();
    // measured on a folder that the recipe does not name
    fs::rename(&own, dir.path().join("renamed")).unwrap();
    let out = at(&["eval", "other", "--data", "renamed", "--split", "all", "--json", "-"]);
    let out = { out }.assert().success().get_output().clone();
    let measured: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((&measured["points"], &measured["faces"]), (&5.into(), &12.into()), "{measured}");
}

/// The five points' lines, `x y`, of a face of the 68.
fn five_of(points: &Path) -> Vec<String> {
    let text = fs::read_to_string(points).unwrap();
    let rows: Vec<&str> = text.lines().skip_while(|l| !l.starts_with('{')).skip(1).collect();
    [36, 45, 30, 48, 54].iter().map(|&i: &usize| rows[i].to_owned()).collect()
}

/// Five unnamed points of a folder become a network by the commands that `init` prints, shortened.
#[test]
fn init_writes_what_its_commands_need() {
    let dir = tempfile::tempdir().unwrap();
    let own = own(dir.path());
    let header: String = (0..5).map(|i| format!(",x{i},y{i}")).collect();
    let mut table = format!("file{header}\n");
    for (file, _) in files(&own) {
        if file.extension().is_some_and(|e| e == "pts") {
            let cells = five_of(&file).join(",").replace(' ', ",");
            table += &format!("{}.jpg,{cells}\n", file.file_stem().unwrap().to_str().unwrap());
            fs::remove_file(&file).unwrap();
        }
    }
    fs::write(own.join("points.csv"), table).unwrap();
    let at = |args: &[&str]| {
        let mut c = facekp();
        c.current_dir(dir.path()).args(args);
        c
    };
    let out = at(&["init", "own"]).assert().success().get_output().clone();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.contains("a scheme of 5 points; 5 points, marked on 12 objects; mirrored"), "{text}");
    let scheme = fs::read_to_string(dir.path().join("own/scheme.toml")).unwrap();
    assert!(scheme.contains("mirror = [[0, 1], [3, 4]]"), "{scheme}");
    let commands: Vec<Vec<&str>> =
        text.lines().filter(|l| l.starts_with("facekp ")).map(|l| l.split(' ').skip(1).collect()).collect();
    let [train, eval, predict] = &commands[..] else { panic!("{text}") };
    let short = ["--set", "train.epochs=1", "--set", "task.view.width=64", "--set", "task.view.height=64"];
    at(train).args(short).args(["--device", "cpu"]).assert().success();
    let out = at(eval).args(["--json", "-"]).assert().success().get_output().clone();
    let measured: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((&measured["points"], &measured["split"]), (&5.into(), &"val".into()), "{measured}");
    let photo = files(&own).into_iter().map(|f| f.0).find(|p| p.extension().is_some_and(|e| e == "jpg")).unwrap();
    let predict: Vec<&str> = predict
        .iter()
        .map(|a| {
            if *a == "photo.jpg" {
                photo.to_str().unwrap()
            } else if *a == "X,Y,W,H" {
                "20,20,90,90"
            } else {
                a
            }
        })
        .collect();
    at(&predict).assert().success();

    fails_with(&mut at(&["init", "own"]), &["own.toml: expected no such file yet, or --overwrite"]);
    at(&["init", "own", "--overwrite"]).assert().success();
    fails_with(&mut at(&["init", "nowhere"]), &["nowhere"]);
    let out = at(&["init", "--list"]).assert().success().get_output().clone();
    assert!(String::from_utf8(out.stdout).unwrap().contains("epochs"));
}

/// Predictions become a dataset that is read again, and every fold is trained.
#[test]
fn predictions_are_written_to_be_corrected_and_folds_are_compared() {
    let dir = tempfile::tempdir().unwrap();
    let at = |args: &[&str]| {
        let mut c = facekp();
        c.current_dir(dir.path()).args(args);
        c
    };
    let photos = dir.path().join("photos/b");
    fs::create_dir_all(&photos).unwrap();
    fs::copy(picture(), photos.join("one.jpg")).unwrap();
    fs::copy(picture(), dir.path().join("photos/two.jpg")).unwrap();
    for form in ["coco", "imglab", "csv", "pts"] {
        let mut c = at(&["predict", "photos/two.jpg", "photos/b", "--box", "100,100,300,300", "--annotations", form]);
        c.args(["--to", form, "--json", "-", "--weights", "face58"]);
        let out = c.assert().success().get_output().clone();
        let found: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        let said = output(&["datasets", "find", "--json"], &dir.path().join(form));
        let set: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!((&set[0]["faces"], &set[0]["scheme"]), (&2.into(), &"imm58".into()), "{form}: {said}");
        assert!(dir.path().join(form).join("b/one.jpg").is_file());
        if form == "csv" {
            let table = fs::read_to_string(dir.path().join("csv/annotations.csv")).unwrap();
            let x: f64 = table.lines().nth(1).unwrap().split(',').nth(1).unwrap().parse().unwrap();
            assert!((x - found[1]["faces"][0]["points"][0][0].as_f64().unwrap()).abs() < 1e-3, "{table} {found}");
        }
    }
    let mut again = at(&["predict", "photos", "--annotations", "coco", "--weights", "face58"]);
    fails_with(&mut again, &["coco: expected a new or empty folder, got one with files in it"]);

    let mut c = at(&["train", "nose", "--fold", "all/2", "--set", "train.epochs=1"]);
    let out = c.args(SMALL).arg("--data").arg(people()).assert().success().get_output().clone();
    let text = String::from_utf8(out.stdout).unwrap();
    let rows: Vec<&str> = text.lines().map(|l| l.split_whitespace().next().unwrap()).collect();
    assert_eq!(rows, ["nose-fold1of2:", "nose-fold2of2:", "fold", "1/2", "2/2", "mean", "spread"], "{text}");
    let px = |row: usize| text.lines().nth(row).unwrap().split_whitespace().nth(2).unwrap().parse::<f64>().unwrap();
    let mean: f64 = text.lines().nth(5).unwrap().split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!((mean - (px(3) + px(4)) / 2.0).abs() < 2e-3, "{text}");
    // what the run is measured on later is its own fold
    let mut c = at(&["eval", "nose-fold2of2", "--by", "group", "--normalizer", "diagonal", "--data"]);
    let out = c.arg(people()).assert().success().get_output().clone();
    let measured = String::from_utf8(out.stdout).unwrap();
    let val = measured.lines().find(|l| l.starts_with("val")).unwrap();
    let again: f64 = val.split_whitespace().nth(2).unwrap().parse().unwrap();
    assert!(measured.contains("fold 2/2") && (again - px(4)).abs() < 1e-3, "{text}{measured}");
    // stopped before the second one, it goes on there
    fs::remove_dir_all(dir.path().join("runs/nose-fold2of2")).unwrap();
    let mut c = at(&["train", "nose", "--fold", "all/2", "--set", "train.epochs=1", "--resume"]);
    let out = c.args(SMALL).arg("--data").arg(people()).assert().success().get_output().clone();
    assert_eq!(String::from_utf8(out.stdout).unwrap(), text);
    let mut c = at(&["train", "nose", "--fold", "all/2", "--out", "x", "--data"]);
    let out = c.arg(people()).assert().code(2).get_output().clone();
    assert!(String::from_utf8(out.stderr).unwrap().contains("--out: expected one fold, got several"));
}

/// The commands of docs/own-data.md, on fewer and smaller pictures.
#[test]
fn the_walk_in_the_documentation_can_be_gone() {
    let dir = tempfile::tempdir().unwrap();
    let text = include_str!("../docs/own-data.md");
    let commands: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("facekp ")).collect();
    assert_eq!(commands.len(), 7, "{commands:?}");
    let mut said = String::new();
    for command in commands {
        let command = command.replace("--count 200", "--count 20");
        let mut c = facekp();
        c.current_dir(dir.path()).args(command.split(' '));
        if command.starts_with("train ") {
            let short = ["train.epochs=1", "task.view.width=64", "task.view.height=64"];
            c.args(short.iter().flat_map(|set| ["--set", set])).args(["--device", "cpu"]);
        }
        said += &String::from_utf8(c.assert().success().get_output().stdout.clone()).unwrap();
    }
    assert!(said.contains("val.txt: 3 of 20 faces") && said.contains("landmarks"), "{said}");
    assert!(dir.path().join("predictions/wing_00000.keypoints.pts").is_file(), "{said}");
}
