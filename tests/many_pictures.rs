//! Many pictures: lists, parts for several processes, and lines that continue where a killed process ended.

use crate::common::{facekp, fails_with, files, people, trained};
use assert_cmd::Command;
use predicates::str::contains;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::Path,
};

/// Forty-eight small pictures in `photos/a` and `photos/b` below `dir`, of the same names in both, and a list of them,
/// `all.txt`, as seen from a folder in `dir`; the names in the list.
pub(crate) fn photos(dir: &Path) -> Vec<String> {
    let rendered = files(&people().join("imm_face_db")).into_iter().map(|(file, _)| file);
    let rendered: Vec<_> = rendered.filter(|file| file.extension().is_some_and(|e| e == "jpg")).collect();
    let mut names = Vec::new();
    for folder in ["a", "b"] {
        fs::create_dir_all(dir.join("photos").join(folder)).unwrap();
        for file in &rendered {
            let name = format!("photos/{folder}/{}.png", file.file_stem().unwrap().to_str().unwrap());
            image::open(file).unwrap().thumbnail_exact(32, 24).save(dir.join(&name)).unwrap();
            names.push(format!("../{name}"));
        }
    }
    fs::write(dir.join("all.txt"), names.join("\n") + "\n").unwrap();
    names
}

/// `predict` in the folder `base`, which is made; nothing is looked for, which is quick.
pub(crate) fn predict(base: &Path) -> Command {
    fs::create_dir_all(base).unwrap();
    let mut c = facekp();
    c.current_dir(base).args(["predict", "--weights"]).arg(trained().join("nose"));
    c.args(["--device", "cpu", "--box", "4,4,24,16", "--out", "out"]);
    c
}

/// All files of a folder by their names.
pub(crate) fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let file = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    };
    fs::read_dir(dir).unwrap().map(file).collect()
}

pub(crate) fn entries(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["file"].as_str().unwrap()).collect()
}

/// Processes that are killed at any moment, and started again with the same command.
#[cfg(unix)]
#[test]
fn killed_shards_end_as_undisturbed_ones() {
    use crate::killed::{fraction, moments};
    use std::{
        os::unix::process::ExitStatusExt,
        process::Stdio,
        thread::sleep,
        time::{Duration, Instant},
    };
    let dir = tempfile::tempdir().unwrap();
    let (at, all) = (|name: &str| dir.path().join(name), photos(dir.path()));
    let shard = |base: &str, part: usize| {
        let mut c = predict(&at(base));
        c.args(["--list", "../all.txt", "--shard", &format!("{part}/2")]);
        c.args(["--resume", "--jsonl", &format!("{part}.jsonl")]);
        c
    };
    let begun = Instant::now();
    for part in [1, 2] {
        shard("whole", part).assert().success();
    }
    let took = begun.elapsed() / 2;
    let mut ends = Vec::new();
    for i in 0..moments() {
        let start = |part| {
            let command = shard("killed", part);
            let mut c = std::process::Command::new(command.get_program());
            c.args(command.get_args()).current_dir(at("killed")).env_remove("FACEKP_WEIGHTS").env_remove("FACEKP_LOG");
            c.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        };
        let mut children = [1, 2].map(start);
        sleep(took.mul_f64(fraction(6, i) * 0.7).max(Duration::from_millis(1)));
        for child in &mut children {
            child.kill().unwrap();
            ends.push(child.wait().unwrap());
        }
    }
    assert!(ends.iter().any(|end| end.signal() == Some(9)), "none was at work: {ends:?}");
    for part in [1, 2] {
        shard("killed", part).assert().success();
    }
    let read = |base: &str, part: usize| fs::read_to_string(at(base).join(format!("{part}.jsonl"))).unwrap();
    for part in [1, 2] {
        assert_eq!(read("killed", part), read("whole", part));
    }
    let (whole, killed) = (contents(&at("whole/out")), contents(&at("killed/out")));
    assert_eq!(killed.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
    assert!(killed == whole && killed.len() == 2 * all.len(), "an overlay and a .pts each: {}", killed.len());

    // every picture once; the list restores the order, and one process alone says the same
    let mut joined = entries(&[1, 2].map(|part| read("killed", part)).concat());
    let place = |entry: &Value| all.iter().position(|name| *name == entry["file"]).unwrap();
    joined.sort_by_key(place);
    assert_eq!(names(&joined), all);
    predict(&at("one")).args(["--list", "../all.txt", "--jsonl", "all.jsonl"]).assert().success();
    let one = entries(&fs::read_to_string(at("one/all.jsonl")).unwrap());
    assert_eq!(one.len(), all.len());
    for (mut a, mut b) in joined.into_iter().zip(one) {
        let [p, q] = [&mut a, &mut b].map(|entry| entry.pointer_mut("/faces/0/points").unwrap().take());
        assert_eq!(a, b);
        for k in [0, 1] {
            // what is seen together may change the last digits
            assert!((p[0][k].as_f64().unwrap() - q[0][k].as_f64().unwrap()).abs() < 1e-3, "{p} {q}");
        }
    }

    // once more, and nothing is written anew
    let times = |base: &str| -> Vec<_> {
        files(&at(base)).iter().map(|(file, _)| file.metadata().unwrap().modified().unwrap()).collect()
    };
    let before = (times("killed/out"), read("killed", 1));
    shard("killed", 1).assert().success().stderr(contains("have a line and are skipped"));
    assert_eq!((times("killed/out"), read("killed", 1)), before);
}

#[test]
fn a_list_is_taken_behind_what_is_given_from_a_file_and_from_stdin() {
    let dir = tempfile::tempdir().unwrap();
    let (base, all) = (dir.path().join("base"), photos(dir.path()));
    let [a, b, c] = [0, 1, 30].map(|i| all[i].as_str());
    let list = format!("# {a}\n\r\n{b}\r\nmissing.png\n{c}");
    let run = |command: &mut Command| {
        let out = command.args(["--jsonl", "-"]).assert().code(1).stderr(contains("1 of 4 pictures failed"));
        entries(std::str::from_utf8(&out.get_output().stdout).unwrap())
    };
    let piped = run(predict(&base).arg(a).args(["--list", "-"]).write_stdin(list.clone()));
    assert_eq!(names(&piped), [a, b, "missing.png", c]);
    assert!(piped[2]["error"].as_str().unwrap().starts_with("missing.png: "), "{}", piped[2]);
    fs::write(base.join("some.txt"), &list).unwrap();
    assert_eq!(run(predict(&base).arg(a).args(["--list", "some.txt"])), piped);
    // a part of a job may have no pictures
    let none = predict(&base).args(["--list", "-", "--jsonl", "-"]).write_stdin("# none\n").assert().success();
    none.stdout("").stderr(contains("stdin: no pictures"));
    fs::write(base.join("some.txt"), "a.png\nb\0.png\n").unwrap();
    fails_with(predict(&base).args(["--list", "some.txt"]), &["some.txt:2: expected the name of a picture, got a NUL"]);
    fails_with(predict(&base).args(["--list", "none.txt"]), &["none.txt: "]);
}

#[test]
fn what_cannot_be_continued_is_refused_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (base, all) = (dir.path().join("base"), photos(dir.path()));
    let resume = |more: &[&str]| {
        let mut c = predict(&base);
        c.args(&all[..2]).args(["--resume", "--jsonl", "all.jsonl"]).args(more);
        c
    };
    let file = base.join("all.jsonl");
    resume(&[]).assert().success();
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(names(&entries(&text)), all[..2]);
    fails_with(&mut resume(&["--no-flip"]), &["all.jsonl: ", "--no-flip: false then, true now"]);
    fails_with(&mut resume(&["--shard", "1/2"]), &["--shard: all then, 1/2 now"]);
    let nose = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights/nose.safetensors");
    let mut other = facekp();
    other.current_dir(&base).args(["predict", "--resume", "--jsonl", "all.jsonl", "--box", "4,4,24,16"]);
    fails_with(other.args(&all[..2]).arg("--weights").arg(nose), &["all.jsonl: ", "network: "]);
    {
        let held = File::open(&file).unwrap();
        held.lock().unwrap();
        fails_with(&mut resume(&[]), &["all.jsonl: another process is writing to it"]);
        fails_with(predict(&base).arg(&all[0]).args(["--jsonl", "all.jsonl"]), &["another process is writing to it"]);
    }
    let torn = format!("{}\n{}", &text[..50], text);
    fs::write(&file, &torn).unwrap();
    fails_with(&mut resume(&[]), &["all.jsonl:1: expected the entry of a picture"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), torn);

    // lines of an earlier version, or of a call that was not to be resumed
    fs::write(&file, &text[..text.len() - 9]).unwrap();
    fs::remove_file(base.join("all.jsonl.run")).unwrap();
    let said = resume(&[]).assert().success();
    said.stderr(contains("all.jsonl.run: not there")).stderr(contains("the last line was cut short"));
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    // without --resume a file is replaced, and what it was made with is forgotten
    predict(&base).arg(&all[2]).args(["--jsonl", "all.jsonl"]).assert().success();
    assert_eq!(names(&entries(&fs::read_to_string(&file).unwrap())), all[2..3]);
    assert!(!base.join("all.jsonl.run").exists());
}

#[test]
fn a_picture_that_failed_or_is_given_twice_has_its_lines_once() {
    let dir = tempfile::tempdir().unwrap();
    let (base, all) = (dir.path().join("base"), photos(dir.path()));
    let given = [all[0].as_str(), "missing.png", &all[0], &all[1]];
    let run = || {
        let mut c = predict(&base);
        c.args(given).args(["--resume", "--jsonl", "new/all.jsonl"]);
        let out = c.assert().code(1).stderr(contains("1 of 4 pictures failed"));
        let log = String::from_utf8(out.get_output().stderr.clone()).unwrap();
        (fs::read_to_string(base.join("new/all.jsonl")).unwrap(), log)
    };
    let (text, log) = run();
    assert_eq!(names(&entries(&text)), given);
    assert_eq!(log.matches("missing.png: ").count(), 1, "{log}");
    let (again, log) = run();
    assert_eq!(again, text);
    assert!(log.contains("4 of 4 pictures have a line") && !log.contains("missing.png"), "{log}");
    // the second time it was given, its files have another name
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    assert!(lines[2].contains("_2.keypoints.png"), "{}", lines[2]);
    fs::write(base.join("new/all.jsonl"), lines[..2].concat()).unwrap();
    assert_eq!(run().0, text);
    // lines of pictures that are not among the inputs stay, and are said
    let mut fewer = predict(&base);
    fewer.arg(&all[0]).args(["--resume", "--jsonl", "new/all.jsonl"]);
    fewer.assert().code(1).stderr(contains("3 lines of pictures that are not among these stay"));
}

#[test]
fn wrong_parts_and_impossible_resumes_are_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    for (args, words) in [
        (&["--shard", "0/2"][..], "expected a part from 1 to 2, got 0"),
        (&["--shard", "3/2"], "expected a part from 1 to 2, got 3"),
        (&["--shard", "2"], "expected I/N, such as 2/4"),
        (&["--resume"], "--jsonl"),
        (&["--resume", "--jsonl", "x", "--json", "y"], "cannot be used with"),
        (&["--resume", "--jsonl", "x", "--annotations", "y"], "cannot be used with"),
        (&["--resume", "--jsonl", "-"], "--resume: expected --jsonl with a file, got -"),
    ] {
        predict(dir.path()).arg("a.png").args(args).assert().code(2).stderr(contains(words));
    }
    facekp().args(["predict", "--shard", "1/2"]).assert().code(2).stderr(contains("PICTURE"));
    assert!(files(dir.path()).is_empty());
}
