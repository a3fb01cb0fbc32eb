//! Points of one's own: schemes from files, recipes that `init` writes, networks that are measured and predict.

use crate::common::{facekp, fails_with, files, synth};
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
            let text = fs::read_to_string(&file).unwrap();
            let rows: Vec<&str> = text.lines().skip_while(|l| !l.starts_with('{')).skip(1).collect();
            let five: String = [36, 45, 30, 48, 54].iter().map(|&i: &usize| format!("{}\n", rows[i])).collect();
            fs::write(&file, five).unwrap();
        }
    }
    let whole = scheme.replace("part_of = { scheme = \"ibug68\", points = [36, 45, 30, 48, 54] }\n", "");
    let wrong = fails_with_own(&own, &whole);
    assert!(wrong.contains("normalizer.between: expected points below 5, got 36"), "{wrong}");
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

fn fails_with_own(own: &Path, scheme: &str) -> String {
    fs::write(own.join("scheme.toml"), scheme).unwrap();
    let out = facekp().args(["datasets", "check"]).arg(own).assert().code(1).get_output().clone();
    String::from_utf8(out.stderr).unwrap()
}

/// Five unnamed points of a folder become a network by the commands that `init` prints, shortened.
#[test]
fn init_writes_what_its_commands_need() {
    let dir = tempfile::tempdir().unwrap();
    let five = [36, 45, 30, 48, 54];
    let own = own(dir.path());
    let header: String = (0..5).map(|i| format!(",x{i},y{i}")).collect();
    let mut table = format!("file{header}\n");
    for (file, _) in files(&own) {
        if file.extension().is_some_and(|e| e == "pts") {
            let text = fs::read_to_string(&file).unwrap();
            let rows: Vec<&str> = text.lines().skip_while(|l| !l.starts_with('{')).skip(1).collect();
            let cells: String = five.iter().map(|&i: &usize| format!(",{}", rows[i].replace(' ', ","))).collect();
            table += &format!("{}.jpg{cells}\n", file.file_stem().unwrap().to_str().unwrap());
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
