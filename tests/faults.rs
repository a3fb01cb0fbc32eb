//! Faults on purpose while pictures are predicted, converted and exported: a call ends with one line or says it of the
//! picture, and no file is half written.

use crate::{
    common::{disk::Disk, facekp, fails_with, files, people, picture, trained},
    many_pictures::{contents, entries, photos, predict},
};
use assert_cmd::Command;
use predicates::str::contains;
use std::{
    fs::{self, File, OpenOptions},
    os::unix::{
        fs::{OpenOptionsExt, symlink},
        process::ExitStatusExt,
    },
    path::{Path, PathBuf},
    process::{self, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

fn plain(command: &Command) -> process::Command {
    let mut c = process::Command::new(command.get_program());
    c.args(command.get_args()).current_dir(command.get_current_dir().unwrap_or(Path::new(".")));
    c.env_remove("FACEKP_DATA").env_remove("FACEKP_WEIGHTS").env_remove("FACEKP_LOG").stdin(Stdio::null());
    c
}

/// The same by a shell that first does `before`.
fn by_shell(command: &Command, before: &str) -> Output {
    let own = plain(command);
    let mut c = process::Command::new("sh");
    c.arg("-c").arg(format!("{before} exec \"$@\"")).arg("sh").arg(own.get_program()).args(own.get_args());
    c.current_dir(own.get_current_dir().unwrap()).env_remove("FACEKP_WEIGHTS").env_remove("FACEKP_LOG");
    c.stdin(Stdio::null()).output().unwrap()
}

/// The line that a failed command ends with; there is no other of its kind.
fn said(out: &Output) -> String {
    let text = String::from_utf8(out.stderr.clone()).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("facekp: ")).collect();
    assert!(lines.len() == 1 && !text.contains("panicked"), "{text}");
    lines[0].to_owned()
}

/// Nothing but whole lines, and none of a picture that failed.
fn whole_lines(file: &Path) -> usize {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    assert!(entries(&text).iter().all(|entry| entry["error"].is_null()), "{text}");
    text.lines().count()
}

fn no_parts(dir: &Path) {
    let parts: Vec<_> =
        files(dir).into_iter().filter(|(file, _)| file.extension().is_some_and(|e| e == "part")).collect();
    assert!(parts.is_empty(), "{parts:?}");
}

#[test]
fn results_on_a_full_device_are_a_failure() {
    let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else { return };
    let dir = tempfile::tempdir().unwrap();
    let full = || full.try_clone().unwrap();
    let eval = || {
        let mut c = facekp();
        c.current_dir(dir.path()).arg("eval").arg(trained().join("nose")).arg("--data").arg(people());
        c
    };
    let mut commands = ["--json", "--jsonl"].map(|to| {
        let mut c = predict(dir.path());
        c.arg(picture()).args([to, "-"]);
        c
    });
    let mut json = eval();
    json.args(["--json", "-"]);
    for command in commands.iter_mut().chain([&mut json, &mut eval()]) {
        let out = plain(command).stdout(full()).output().unwrap();
        assert_eq!(out.status.code(), Some(1));
        assert!(said(&out).contains("No space left on device"), "{}", said(&out));
    }
    // a device made for this test: broken code run by root would put a file in the system's place
    let device = dir.path().join("full");
    let made = process::Command::new("mknod").arg(&device).args(["c", "1", "7"]).output();
    if made.is_ok_and(|o| o.status.success()) && OpenOptions::new().append(true).open(&device).is_ok() {
        for to in ["--json", "--jsonl"] {
            fails_with(predict(dir.path()).arg(picture()).args([to, "full"]), &["full: No space left on device"]);
            assert!(!device.metadata().unwrap().is_file());
        }
    }
}

/// The limit lies within the lines: overlays and points are shorter.
#[test]
fn lines_that_can_grow_no_more_end_with_a_whole_one_and_continue() {
    let dir = tempfile::tempdir().unwrap();
    photos(dir.path());
    let resume = |base: &str| {
        let mut c = predict(&dir.path().join(base));
        c.args(["--list", "../all.txt", "--resume", "--jsonl", "all.jsonl"]);
        c
    };
    let read = |base: &str| fs::read(dir.path().join(base).join("all.jsonl")).unwrap();
    resume("whole").assert().success();
    assert!(
        read("whole").len() > 8192 && files(&dir.path().join("whole/out")).iter().all(|(_, length)| *length < 8192)
    );
    // units of 512 bytes; the signal ends the program, and where it is ignored, writing fails
    for (base, before) in [("killed", "ulimit -f 16;"), ("fails", "trap '' XFSZ; ulimit -f 16;")] {
        let out = by_shell(&resume(base), before);
        let file = dir.path().join(base).join("all.jsonl");
        if out.status.signal().is_none() {
            assert_eq!(out.status.code(), Some(1));
            assert!(said(&out).contains("cannot write all.jsonl: "), "{}", said(&out));
            assert!(whole_lines(&file) > 0);
        }
        assert!(fs::metadata(&file).unwrap().len() <= 8192);
        resume(base).assert().success();
        assert!(read(base) == read("whole"), "{base}");
        assert!(contents(&dir.path().join(base).join("out")) == contents(&dir.path().join("whole/out")), "{base}");
    }
}

/// Needs the right to mount, and is left out where there is none.
#[test]
fn a_full_disk_ends_the_call_and_no_picture_is_given_up() {
    let Some(disk) = Disk::mount("size=64k") else { return };
    let dir = tempfile::tempdir().unwrap();
    let all = photos(dir.path());
    let resume = |base: &str| {
        let mut c = predict(&dir.path().join(base));
        c.args(["--list", "../all.txt", "--resume", "--jsonl", "all.jsonl"]);
        c
    };
    resume("whole").assert().success();
    let (base, file) = (dir.path().join("full"), dir.path().join("full/all.jsonl"));
    fs::create_dir(&base).unwrap();
    symlink(disk.path(), base.join("out")).unwrap();
    fails_with(&mut resume("full"), &[".keypoints.", "No space left on device"]);
    let count = whole_lines(&file);
    assert!(count < all.len());
    fails_with(&mut resume("full"), &["No space left on device"]);
    // which pictures of a group still find room is chance
    assert!(whole_lines(&file) >= count);
    no_parts(disk.path());
    disk.remount("size=4m");
    resume("full").assert().success();
    assert!(fs::read(&file).unwrap() == fs::read(dir.path().join("whole/all.jsonl")).unwrap());
    assert!(contents(disk.path()) == contents(&dir.path().join("whole/out")));
}

#[test]
fn results_weights_and_datasets_appear_whole_or_not_on_a_full_disk() {
    let Some(disk) = Disk::mount("size=4k") else { return };
    let dir = tempfile::tempdir().unwrap();
    let (full, run) = (disk.path(), trained().join("nose"));
    let all = photos(dir.path());
    let mut json = predict(&dir.path().join("base"));
    json.args(&all).arg("--json").arg(full.join("all.json"));
    let mut export = facekp();
    export.arg("export").arg(&run).args(["--name", "small", "--data"]).arg(people()).arg("--out").arg(full.join("w"));
    let mut convert = facekp();
    convert.args(["datasets", "convert", "--to", "coco"]).arg(people().join("imm_face_db")).arg(full.join("coco"));
    let mut report = facekp();
    report.arg("report").arg(&run).arg("--data").arg(people()).arg("--out").arg(full.join("page"));
    let named =
        [(json, "all.json: "), (export, "w/small.safetensors: "), (convert, "coco/"), (report, "page/figures/")];
    for (mut command, name) in named {
        let name = format!("facekp: {}/{name}", full.display());
        fails_with(&mut command, &[&name, "No space left on device"]);
        assert!(files(full).is_empty(), "{:?}", files(full));
    }
}

/// A folder that cannot be written: by its mode, or for root, whom modes do not bind, a disk.
fn read_only(dir: &Path) -> Option<(PathBuf, Option<Disk>)> {
    use std::os::unix::fs::PermissionsExt;
    let folder = dir.join("fixed");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    if File::create(folder.join("probe")).is_err() {
        return Some((folder, None));
    }
    Disk::mount("size=1m,ro").map(|disk| (disk.path().to_owned(), Some(disk)))
}

#[test]
fn a_folder_that_cannot_be_written_is_named_once() {
    let dir = tempfile::tempdir().unwrap();
    let all = photos(dir.path());
    let Some((fixed, _disk)) = read_only(dir.path()) else { return };
    let base = dir.path().join("base");
    let run = |to: &str| {
        let mut c = predict(&base);
        c.args(&all[..9]).arg(to).arg(fixed.join("new"));
        c
    };
    for to in ["--json", "--jsonl"] {
        fails_with(&mut run(to), &[fixed.to_str().unwrap()]);
    }
    // for all pictures together, not for each
    symlink(&fixed, base.join("fixed")).unwrap();
    let mut out = facekp();
    out.current_dir(&base).args(["predict", "--weights"]).arg(trained().join("nose")).args(&all[..9]);
    out.args(["--box", "4,4,24,16", "--out", "fixed", "--resume", "--jsonl", "all.jsonl"]);
    fails_with(&mut out, &["fixed/", ".keypoints."]);
    assert_eq!(whole_lines(&base.join("all.jsonl")), 0);
}

/// A named pipe among the pictures holds the program where it has listed the folder and read no picture.
#[cfg(target_os = "linux")]
#[test]
fn pictures_that_vanish_or_change_after_they_were_listed_cost_their_own_entries() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("folder");
    fs::create_dir(&folder).unwrap();
    let all = photos(dir.path());
    let from = |i: usize| dir.path().join(all[i].strip_prefix("../").unwrap());
    let pipe = folder.join("a.png");
    assert!(process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (i, name) in ["b.png", "c.png", "d.png", "e.png"].iter().enumerate() {
        fs::copy(from(i), folder.join(name)).unwrap();
    }
    let mut command = predict(dir.path());
    command.args(["folder", "--jsonl", "all.jsonl"]);
    let mut child = plain(&command).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // to open for writing without waiting fails as long as nobody reads
    let open = || OpenOptions::new().write(true).custom_flags(0o4000).open(&pipe);
    let begun = Instant::now();
    let writer = loop {
        match open() {
            Ok(writer) => break writer,
            Err(_) => sleep(Duration::from_millis(1)),
        }
        assert!(child.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(60));
    };
    fs::remove_file(folder.join("b.png")).unwrap();
    let bytes = fs::read(folder.join("c.png")).unwrap();
    fs::write(folder.join("c.png"), &bytes[..bytes.len() / 2]).unwrap();
    fs::copy(from(4), folder.join("d.png")).unwrap();
    drop(writer);
    while child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60));
        drop(open());
        sleep(Duration::from_millis(1));
    }
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(said(&out).contains("3 of 5 pictures failed"), "{}", said(&out));
    let text = fs::read_to_string(dir.path().join("all.jsonl")).unwrap();
    let entries = entries(&text);
    let failed: Vec<bool> = entries.iter().map(|entry| entry["error"].is_string()).collect();
    assert_eq!(failed, [true, true, true, false, false], "{text}");
    assert!(entries[1]["error"].as_str().unwrap().contains("b.png: No such file"), "{text}");
    assert!(entries[2]["error"].as_str().unwrap().contains("c.png: "), "{text}");
}

/// Each file is of one of them, and whole; lines are refused to the second.
#[test]
fn two_processes_with_one_output_do_not_mix() {
    let dir = tempfile::tempdir().unwrap();
    let all = photos(dir.path());
    let base = dir.path().join("base");
    let run = || {
        let mut c = predict(&base);
        c.args(["--list", "../all.txt", "--json", "all.json"]);
        c
    };
    run().assert().success();
    let expected = (contents(&base.join("out")), fs::read(base.join("all.json")).unwrap());
    let mut children = [(); 2].map(|()| plain(&run()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
    assert!((contents(&base.join("out")), fs::read(base.join("all.json")).unwrap()) == expected);
    let held = File::create(base.join("all.jsonl")).unwrap();
    held.lock().unwrap();
    let mut second = predict(&base);
    second.arg(&all[0]).args(["--jsonl", "all.jsonl"]).assert().code(1).stderr(contains("another process is writing"));
}
