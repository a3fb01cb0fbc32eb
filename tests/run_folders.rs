//! Run folders: nothing but a run's own files is removed, one process writes at a time, and what cannot be resumed
//! is refused.

use crate::common::{self, SMALL, facekp, fails_with, files, people, synth, train};
use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// A run that continues until it is killed.
struct Running(Child);

impl Running {
    /// Starts a command and waits until `ready`.
    fn start(command: &assert_cmd::Command, ready: impl Fn() -> bool) -> Self {
        let quiet = || Stdio::null();
        let mut c = Command::new(command.get_program());
        c.args(command.get_args()).env_remove("FACEKP_DATA").stdout(quiet()).stderr(quiet());
        let mut this = Self(c.spawn().unwrap());
        let start = Instant::now();
        while !ready() {
            assert!(this.0.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(60));
            sleep(Duration::from_millis(2));
        }
        this
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_project_of_ones_own_is_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let project = dir.path().join("proj");
    let data = synth(&project.join("datasets"), "imm58", 12);
    fs::write(project.join("recipe.toml"), include_str!("../crates/train/recipes/nose.toml")).unwrap();
    fs::write(project.join("notes.txt"), "mine").unwrap();
    let before = files(&project);
    for more in [&[][..], &["--overwrite"], &["--resume"]] {
        let mut c = facekp();
        c.current_dir(&project)
            .args(["train", "recipe.toml", "--data", "datasets", "--out", "."])
            .args(SMALL)
            .args(more);
        let words = if more == ["--resume"] { "nothing to resume" } else { "found datasets, notes.txt, recipe.toml" };
        fails_with(&mut c, &[words]);
        assert_eq!(files(&project), before);
    }
    // the folder of the data itself
    let mut c = facekp();
    c.args(["train", "nose", "--overwrite"]).args(SMALL).arg("--data").arg(&data).arg("--out").arg(&data);
    fails_with(&mut c, &["expected the files of a run alone"]);
    assert_eq!(files(&project), before);
}

#[test]
fn a_run_is_replaced_only_where_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    train(&run, 1).assert().success();
    for name in ["notes.txt", "best.safetensors.bak", ".hidden"] {
        fs::write(run.join(name), "mine").unwrap();
        let before = files(&run);
        fails_with(train(&run, 1).arg("--overwrite"), &["found", name]);
        assert_eq!(files(&run), before);
        fs::remove_file(run.join(name)).unwrap();
    }
    // folders are foreign whatever they are called
    fs::remove_file(run.join("eval.json")).unwrap();
    fs::create_dir(run.join("eval.json")).unwrap();
    fails_with(train(&run, 1).arg("--overwrite"), &["found eval.json"]);
    fs::remove_dir(run.join("eval.json")).unwrap();
    // its own recipe, given as the recipe
    let mut c = facekp();
    c.arg("train").arg(run.join("recipe.toml")).args(["--overwrite", "--device", "cpu", "--data"]).arg(people());
    fails_with(c.arg("--out").arg(&run), &["recipe.toml is needed for the run"]);
    assert!(run.join("best.safetensors").is_file());
    // what a file manager leaves is neither in the way nor removed
    fs::write(run.join(".DS_Store"), "").unwrap();
    train(&run, 2).arg("--overwrite").assert().success();
    assert!(run.join(".DS_Store").is_file());
    assert_eq!(fs::read_to_string(run.join("history.csv")).unwrap().lines().count(), 3);
}

#[test]
fn a_new_run_needs_a_folder_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["notes.txt", "lock", "recipe.toml", "eval.json", "best.safetensors"] {
        let run = dir.path().join("of").join(name);
        fs::create_dir_all(&run).unwrap();
        fs::write(run.join(name), "mine").unwrap();
        for more in [&[][..], &["--overwrite"]] {
            fails_with(train(&run, 1).args(more), &["expected", "found", name]);
            assert_eq!(fs::read_to_string(run.join(name)).unwrap(), "mine");
            assert_eq!(files(&run).len(), 1);
        }
    }
    // an empty one will do
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    train(&empty, 1).assert().success();
}

#[test]
fn a_second_run_in_a_folder_is_refused_and_names_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let running = Running::start(&train(&run, 100_000), || run.join("history.csv").is_file());
    let process = format!("process {} on ", running.0.id());
    for more in [&[][..], &["--overwrite"], &["--resume"]] {
        fails_with(train(&run, 100_000).args(more), &[&process, "is training in it"]);
    }
    drop(running);
    // the file of the dead process does no harm
    assert!(fs::read_to_string(run.join("lock")).unwrap().contains(&process));
    let done = fs::read_to_string(run.join("history.csv")).unwrap().lines().count();
    let again = Running::start(train(&run, 100_000).arg("--resume"), || {
        fs::read_to_string(run.join("history.csv")).is_ok_and(|h| h.lines().count() > done)
    });
    drop(again);
    train(&run, 1).arg("--overwrite").assert().success();
}

#[test]
fn what_cannot_be_resumed_says_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let [typo, empty, run] = ["typo", "empty", "run"].map(|n| dir.path().join(n));
    fs::create_dir(&empty).unwrap();
    for folder in [&typo, &empty] {
        fails_with(train(folder, 1).arg("--resume"), &["nothing to resume", folder.to_str().unwrap()]);
    }
    assert!(!typo.exists() && empty.is_dir());
    train(&run, 1).assert().success();
    fs::remove_file(run.join("optim.safetensors")).unwrap();
    let before = files(&run);
    fails_with(train(&run, 1).arg("--resume"), &["optim.safetensors is missing beside best.safetensors", "init_from"]);
    assert_eq!(files(&run), before);
}

#[test]
fn a_run_does_not_go_on_with_other_data() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    train(&run, 1).assert().success();
    let before = files(&run);
    let refused = |change: &dyn Fn(&Path), words: &str| {
        let data = tempfile::tempdir().unwrap();
        common::copy(people(), data.path());
        let mut c = facekp();
        c.args(["train", "nose", "--resume", "--epochs", "2", "--device", "cpu", "--data"]).arg(data.path());
        c.arg("--out").arg(&run);
        change(&data.path().join("imm_face_db"));
        fails_with(&mut c, &["started on other data", words]);
        assert_eq!(files(&run), before);
    };
    let first = |data: &Path| {
        let name = common::stem(1, 1);
        [data.join(format!("{name}.asf")), data.join(format!("{name}.jpg"))]
    };
    let removed = |data: &Path| first(data).iter().for_each(|f| fs::remove_file(f).unwrap());
    refused(&removed, "training faces: 18 then, 17 now");
    let moved = |data: &Path| {
        // the tip of the nose, by half a pixel
        let [asf, _] = first(data);
        let text = fs::read_to_string(&asf).unwrap();
        let row = text.lines().filter(|l| l.split_whitespace().count() >= 7 && !l.starts_with('#')).nth(52).unwrap();
        let x = row.split_whitespace().nth(2).unwrap();
        let changed = row.replacen(x, &format!("{:.8}", x.parse::<f64>().unwrap() + 0.5 / 640.0), 1);
        fs::write(&asf, text.replacen(row, &changed, 1)).unwrap();
    };
    refused(&moved, "training faces: the same 18, but other points or boxes");
    // the same data in another place
    let data = tempfile::tempdir().unwrap();
    common::copy(people(), data.path());
    let mut c = facekp();
    c.args(["train", "nose", "--resume", "--device", "cpu", "--data"]).arg(data.path()).arg("--out").arg(&run);
    c.assert().success();
}

#[test]
fn validation_faces_are_not_trained_on_unless_the_recipe_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let twice = "data.train=[{path=\"imm_face_db\",split=\"train\"},{path=\"imm_face_db\",split=\"val\"}]";
    for set in ["data.val.split=train", "data.train.0.split=all", twice] {
        let count = if set.contains("data.val") { "18 of 18" } else { "6 of 6" };
        let words = ["data.val: ", count, "validation faces that are trained on too", "data.allow_overlap = true"];
        fails_with(train(&run, 1).args(["--set", set]), &words);
        assert!(!run.exists());
    }
    train(&run, 1)
        .args(["--set", twice, "--set", "data.allow_overlap=false", "--set", "data.allow_overlap=true"])
        .assert()
        .success();
    assert!(fs::read_to_string(run.join("recipe.toml")).unwrap().contains("allow_overlap = true"));
}

#[test]
fn one_picture_does_not_train_and_validate_itself() {
    let dir = tempfile::tempdir().unwrap();
    for (scheme, kind) in [("imm58", "imm58"), ("ibug68", "ibug68")] {
        let data = synth(&dir.path().join(kind), scheme, 1);
        let recipe = if kind == "imm58" { "face58" } else { "ibug68_resnet50_128" };
        let mut c = facekp();
        c.args(["train", recipe, "--device", "cpu", "--set", "train.init_from=", "--data"]).arg(&data);
        fails_with(c.arg("--out").arg(dir.path().join("run")), &["1 picture: none left to train on"]);
    }
    let data = dir.path().join("ibug68/ibug_300W");
    let mut c = facekp();
    c.args(["train", "ibug68_resnet50_128", "--device", "cpu", "--set", "train.init_from=", "--set"]);
    c.args(["data.train.0.split=train", "--data"]).arg(&data);
    fails_with(c.arg("--out").arg(dir.path().join("run")), &["1 of 1", "1 picture: none left to train on"]);
}

#[test]
#[cfg(unix)]
fn everything_written_follows_the_umask_and_nothing_half_written_stays() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    train(&run, 1).assert().success();
    let modes: Vec<u32> = files(&run).iter().map(|(p, _)| p.metadata().unwrap().permissions().mode() & 0o777).collect();
    let plain = dir.path().join("plain");
    fs::write(&plain, "").unwrap();
    let expected = plain.metadata().unwrap().permissions().mode() & 0o777;
    assert!(modes.iter().all(|&m| m == expected), "{modes:?} {expected}");
    let names = ["last.safetensors.next", ".optim.safetensors.next.7-12.part", ".history.csv.7-3.part", ".tmpa1B2c3"];
    names.iter().for_each(|name| fs::write(run.join(name), "half").unwrap());
    // somebody else's
    fs::write(run.join(".notes.7-3.part"), "mine").unwrap();
    train(&run, 1).arg("--resume").assert().success();
    assert!(names.iter().all(|name| !run.join(name).exists()) && run.join(".notes.7-3.part").is_file());
}

#[test]
fn other_commands_replace_only_what_they_wrote() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path();
    let run = common::trained().join("nose");
    let data = people().to_str().unwrap();
    fs::create_dir(out.join("figures")).unwrap();
    for (name, text) in [("index.html", "<title>My page</title>"), ("figures/mine.svg", "<svg/>")] {
        fs::write(out.join(name), text).unwrap();
    }
    fs::write(out.join("manifest.toml"), "[project]\nname = \"mine\"\n").unwrap();
    let before = files(out);
    let mut report = facekp();
    fails_with(
        report.arg("report").arg(&run).args(["--data", data, "--out"]).arg(out),
        &["index.html: expected nothing"],
    );
    let mut export = facekp();
    export.arg("export").arg(&run).args(["--name", "small", "--data", data, "--out"]).arg(out);
    fails_with(&mut export, &["manifest.toml: expected nothing or a manifest"]);
    fs::write(out.join("small.safetensors"), "mine").unwrap();
    fails_with(&mut export, &["small.safetensors: expected nothing or weights"]);
    fs::remove_file(out.join("small.safetensors")).unwrap();
    let mut synth = facekp();
    fails_with(
        synth.args(["datasets", "synth", "--scheme", "imm58", "--count", "1", "--out"]).arg(out),
        &["empty folder"],
    );
    assert_eq!(files(out), before);
    fs::remove_file(out.join("index.html")).unwrap();
    for _ in 0..2 {
        facekp().arg("report").arg(&run).args(["--data", data, "--out"]).arg(out).assert().success();
    }
    assert!(out.join("figures/mine.svg").is_file());
}

/// Each would train by itself, and the second one would meet the first one's lock at best.
#[cfg(not(feature = "mpi"))]
#[test]
fn one_of_several_processes_is_refused_by_a_program_that_knows_no_mpi() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    for rank in ["0", "1"] {
        let mut c = train(&run, 1);
        c.env("OMPI_COMM_WORLD_RANK", rank).env("OMPI_COMM_WORLD_SIZE", "2");
        let said = c.assert().code(2).get_output().stderr.clone();
        let expected = "facekp: expected one process, got 2 that MPI started: build with --features mpi\n";
        assert_eq!(String::from_utf8(said).unwrap(), expected);
    }
    assert!(!run.exists());
}
