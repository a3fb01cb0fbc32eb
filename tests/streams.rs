//! Streams and usage: logs are best effort, colors stay on terminals, results go where they are sent, wrong usage is
//! status 2.

use crate::common::{facekp, people, picture, train, trained};
use std::{
    fs::{self, File},
    os::unix::fs::{FileTypeExt, symlink},
    path::Path,
    process::{Command, Output, Stdio},
};

/// A started command of the tests, with its streams as asked for.
fn plain(command: &assert_cmd::Command) -> Command {
    let mut c = Command::new(command.get_program());
    c.args(command.get_args()).env_remove("FACEKP_DATA").env_remove("FACEKP_LOG").stdin(Stdio::null());
    c
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs a command whose stderr has lost its reader.
fn without_reader(mut command: Command) -> Output {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.stderr(writer).output().unwrap()
}

#[test]
fn training_continues_when_the_reader_of_its_log_has_gone() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let out = without_reader(plain(&train(&run, 2)));
    assert!(out.status.success(), "{}", out.status);
    assert!(run.join("eval.json").is_file());
}

#[test]
fn a_failure_keeps_its_status_without_a_reader() {
    let mut c = facekp();
    c.args(["predict", "--weights", "no-such-weights", "x.jpg"]);
    assert_eq!(without_reader(plain(&c)).status.code(), Some(1));
    let mut c = facekp();
    let dir = tempfile::tempdir().unwrap();
    c.args(["predict", "--weights"]).arg(trained().join("nose")).args(["a.jpg", "b.jpg", "--out"]).arg(dir.path());
    assert_eq!(without_reader(plain(&c)).status.code(), Some(1));
    let mut usage = facekp();
    usage.arg("--no-such-option");
    assert_eq!(without_reader(plain(&usage)).status.code(), Some(2));
}

#[test]
fn a_full_disk_under_the_log_is_no_failure() {
    let Ok(full) = File::options().write(true).open("/dev/full") else { return };
    let dir = tempfile::tempdir().unwrap();
    let out = plain(&train(&dir.path().join("run"), 1)).stderr(full).output().unwrap();
    assert!(out.status.success(), "{}", out.status);
}

#[test]
fn a_log_file_has_no_color_codes() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let out = plain(&train(&dir.path().join("run"), 1)).stderr(File::create(&log).unwrap()).output().unwrap();
    assert!(out.status.success());
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("epoch 1/1") && !log.contains('\u{1b}'), "{log:?}");
}

/// A pipe gives its bytes once.
#[test]
fn a_picture_comes_through_a_pipe() {
    let dir = tempfile::tempdir().unwrap();
    let predict = |picture: &str| {
        let mut c = facekp();
        c.current_dir(dir.path()).args(["predict", picture, "--box", "4,4,200,160", "--weights"]);
        c.arg(trained().join("nose"));
        c
    };
    let bytes = fs::read(picture()).unwrap();
    let out = predict("-").args(["--json", "-"]).write_stdin(bytes.clone()).assert().success().get_output().clone();
    let found: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((&found[0]["file"], &found[0]["width"]), (&"/dev/stdin".into(), &640.into()));
    assert!(dir.path().join("predictions/stdin.keypoints.png").is_file());
    let mut copied = predict("-");
    copied.args(["--annotations", "new"]).write_stdin(bytes).assert().code(2);
    let substitution = format!(
        "{} predict <(cat {}) --box 4,4,200,160 --weights {} --out {}",
        assert_cmd::cargo::cargo_bin("facekp").display(),
        picture().display(),
        trained().join("nose").display(),
        dir.path().display()
    );
    let out = Command::new("bash").args(["-c", &substitution]).output().unwrap();
    assert!(out.status.success(), "{}", text(&out.stderr));
}

/// Launchers of many processes number them all, also where each predicts a part of the pictures for itself.
#[test]
fn a_numbered_process_that_predicts_logs_as_any_other() {
    for rank in ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"] {
        let dir = tempfile::tempdir().unwrap();
        let mut c = facekp();
        c.env(rank, "1").args(["predict", "--weights"]).arg(trained().join("nose")).arg(picture()).arg("--out");
        let out = c.arg(dir.path()).args(["--box", "4,4,200,160"]).assert().success().get_output().clone();
        assert!(text(&out.stderr).contains("1 face -> "), "{rank}: {}", text(&out.stderr));
    }
}

/// `script` gives the program a terminal.
#[test]
fn a_terminal_has_colors_unless_it_is_asked_for_none() {
    if Command::new("script").arg("--version").output().is_err() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let on_terminal = |name: &str, value: &str| {
        let check = format!(
            "{} predict --weights {} missing-1.jpg missing-2.jpg --out {}",
            assert_cmd::cargo::cargo_bin("facekp").display(),
            trained().join("nose").display(),
            dir.path().display()
        );
        let mut c = Command::new("script");
        c.args(["-qec", &check, "/dev/null"]).stdin(Stdio::null()).env_remove("NO_COLOR").env("TERM", "xterm");
        text(&c.env(name, value).output().unwrap().stdout)
    };
    assert!(on_terminal("TERM", "xterm").contains('\u{1b}'));
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let shown = on_terminal(name, value);
        assert!(shown.contains("missing-1.jpg") && !shown.contains('\u{1b}'), "{name}={value}: {shown:?}");
    }
}

#[test]
fn json_goes_into_devices_pipes_and_the_ends_of_links() {
    let dir = tempfile::tempdir().unwrap();
    let predict = |json: &Path| {
        let mut c = facekp();
        c.args(["predict", "--weights"])
            .arg(trained().join("nose"))
            .arg(picture())
            .arg("--out")
            .arg(dir.path().join("out"));
        c.arg("--json").arg(json).assert().success();
    };
    // a device made for this test: broken code run by root would take the system's away
    let device = dir.path().join("null");
    let made = Command::new("mknod").arg(&device).args(["c", "1", "3"]).output().is_ok_and(|o| o.status.success());
    if made && File::options().append(true).open(&device).is_ok() {
        predict(&device);
        assert!(fs::metadata(&device).unwrap().file_type().is_char_device());
    }

    let (target, link) = (dir.path().join("target.json"), dir.path().join("link.json"));
    fs::write(&target, "[]").unwrap();
    symlink(&target, &link).unwrap();
    predict(&link);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert!(fs::read_to_string(&target).unwrap().contains("faces"));

    let program = assert_cmd::cargo::cargo_bin("facekp");
    let substitution = format!(
        "{} predict --weights {} {} --out {} --json >(cat)",
        program.display(),
        trained().join("nose").display(),
        picture().display(),
        dir.path().join("out").display()
    );
    let out = Command::new("bash").args(["-c", &substitution]).output().unwrap();
    assert!(out.status.success() && text(&out.stdout).contains("faces"), "{}", text(&out.stderr));

    let kept = dir.path().join("kept.txt");
    fs::write(&kept, "first line\n").unwrap();
    let redirected = substitution.replace(">(cat)", "/dev/stdout") + &format!(" >> {}", kept.display());
    assert!(Command::new("bash").args(["-c", &redirected]).status().unwrap().success());
    let kept = fs::read_to_string(kept).unwrap();
    assert!(kept.starts_with("first line\n") && kept.contains("faces"), "{kept}");
}

#[test]
fn wrong_usage_is_status_2() {
    let data = people().display().to_string();
    let cases: [&[&str]; 23] = [
        &["train", "nose", "--device", "gpu"],
        &["eval", "nose", "--device", "cuda:x"],
        &["predict", "x.jpg", "--weights", "nose", "--device", "tpu"],
        &["report", "runs/x", "--out", "x", "--device", "GPU"],
        &["bench", "--device", "gpu"],
        &["eval", "mean-shape", "--dataset", "foo", "--data", &data],
        &["eval", "nose", "--dataset", "imm58", "--data", &data],
        &["eval", "nose", "--split", "trian"],
        &["eval", "nose", "--decode", "x"],
        &["bench", "--only", "x"],
        &["bench", "--ops", "x"],
        &["bench", "--rounds", "0"],
        &["bench", "--batch", "0"],
        &["bench", "--rounds", "18446744073709551615"],
        &["bench", "--batch", "18446744073709551615"],
        &["train", "nose", "--set", "train.epochs"],
        &["datasets", "fetch", "x"],
        &["datasets", "synth", "--scheme", "imm58", "--count", "0", "--out", "x"],
        &["datasets", "synth", "--scheme", "imm58", "--points", "24", "--count", "1", "--out", "x"],
        &["datasets", "synth", "--scheme", "wing", "--points", "1001", "--count", "1", "--out", "x"],
        &["datasets", "preview", &data, "--out", "x.png", "--count", "0"],
        &["datasets", "pack", &data, "--out", "x.fkpack", "--side", "1"],
        &["datasets", "pack", &data, "--out", "x.fkpack", "--margin", "nan"],
    ];
    for case in cases {
        let out = facekp().args(case).assert().get_output().clone();
        assert_eq!(out.status.code(), Some(2), "{case:?}: {}", text(&out.stderr));
        assert!(out.stdout.is_empty(), "{case:?}");
    }
}
