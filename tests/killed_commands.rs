//! Commands that make files, killed at any moment or run twice at a time: what has its name is whole, and the same
//! command ends what was begun.

use crate::{
    common::{facekp, files, people, trained},
    killed::{fraction, moments},
};
use assert_cmd::Command;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{self, Child, Stdio},
    thread::sleep,
    time::Instant,
};

fn export(name: &str, out: &Path) -> Command {
    let mut c = facekp();
    c.arg("export").arg(trained().join("nose")).args(["--name", name, "--data"]).arg(people()).arg("--out").arg(out);
    c
}

fn convert(out: &Path) -> Command {
    let mut c = facekp();
    c.args(["datasets", "convert", "--to", "coco"]).arg(people().join("imm_face_db")).arg(out);
    c
}

fn pack(out: &Path) -> Command {
    let mut c = facekp();
    c.args(["datasets", "pack", "--side", "64", "--out"]).arg(out).arg(people().join("imm_face_db"));
    c
}

/// The command as a child.
fn start(command: &Command) -> Child {
    let mut c = process::Command::new(command.get_program());
    c.args(command.get_args()).env_remove("FACEKP_DATA").env_remove("FACEKP_WEIGHTS").env_remove("FACEKP_LOG");
    c.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Contents by name of the files below a folder that are not hidden.
fn shown(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let all = files(dir).into_iter().map(|(file, _)| (file.strip_prefix(dir).unwrap().to_owned(), file));
    let is_hidden = |name: &Path| name.components().any(|c| c.as_os_str().as_encoded_bytes().starts_with(b"."));
    all.filter(|(name, _)| !is_hidden(name)).map(|(name, file)| (name, fs::read(file).unwrap())).collect()
}

/// Kills what `make` does in a folder at moments spread over its time. Whatever is there then is as an undisturbed one
/// leaves it, and the same command ends with all of that, and with nothing else.
fn killed(seed: u64, make: impl Fn(&Path) -> Command) {
    let dir = tempfile::tempdir().unwrap();
    let folder = |name: &str| {
        let folder = dir.path().join(name);
        fs::create_dir(&folder).unwrap();
        folder
    };
    // the first one may have to fetch the program from the disk
    let [first, second] = ["whole", "again"].map(|name| {
        let out = folder(name);
        let mut command = make(&out);
        let begun = Instant::now();
        command.assert().success();
        (begun.elapsed(), shown(&out))
    });
    let (took, expected) = (first.0.min(second.0), second.1);
    assert!(first.1 == expected, "expected the same files twice");
    let (mut ends, mut within) = (Vec::new(), 1.0);
    // a command that is through before its moment, as it may be on a machine that is busy only now and then, is tried
    // again with earlier ones
    while ends.len() < moments() || !ends.contains(&Some(9)) && ends.len() < 4 * moments() {
        let i = ends.len();
        let out = folder(&format!("killed{i}"));
        let mut child = start(&make(&out));
        sleep(took.mul_f64(within * fraction(seed, i)));
        child.kill().unwrap();
        ends.push(child.wait().unwrap().signal());
        if ends[i].is_none() {
            within *= 0.8;
        }
        let there = shown(&out);
        let what = format!("moment {i}, {:?}: {:?}", ends[i], there.keys());
        assert!(there.iter().all(|(name, bytes)| expected.get(name) == Some(bytes)), "{what}");
        if there.len() < expected.len() {
            make(&out).assert().success();
        }
        assert!(shown(&out) == expected, "{what}");
        assert_eq!(files(&out).len(), expected.len(), "hidden files stay: {what}");
    }
    assert!(ends.contains(&Some(9)), "none was at work: {ends:?}");
}

#[test]
fn a_killed_export_leaves_whole_files_and_is_ended_by_the_same_command() {
    killed(12, |out| export("small", out));
}

#[test]
fn a_killed_conversion_leaves_a_whole_folder_or_none() {
    killed(15, |out| convert(&out.join("coco")));
}

#[test]
fn a_killed_packing_leaves_a_whole_pack_or_none() {
    killed(14, |out| pack(&out.join("people.fkpack")));
}

#[test]
fn of_two_conversions_into_one_folder_one_succeeds() {
    let dir = tempfile::tempdir().unwrap();
    let [one, both] = ["one", "both"].map(|name| dir.path().join(name));
    convert(&one).assert().success();
    let children = [(); 2].map(|()| start(&convert(&both)));
    let outs = children.map(|child| child.wait_with_output().unwrap());
    let refused: Vec<&str> =
        outs.iter().filter(|o| !o.status.success()).map(|o| str::from_utf8(&o.stderr).unwrap()).collect();
    let said = format!("facekp: {}: expected a new or empty folder", both.display());
    assert!(refused.len() == 1 && refused[0].lines().filter(|l| l.starts_with(&said)).count() == 1, "{refused:?}");
    assert!(shown(&both) == shown(&one));
    let mut left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["both", "one"]);
}

/// A list is read, changed and replaced by one process at a time.
#[test]
fn exports_into_one_folder_at_a_time_are_all_listed() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["a", "b", "c", "c"];
    let children = names.map(|name| start(&export(name, dir.path())));
    for child in children {
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }
    let mut shown = shown(dir.path());
    let list = String::from_utf8(shown.remove(Path::new("manifest.toml")).unwrap()).unwrap();
    let list: toml::Table = list.parse().unwrap();
    assert_eq!((list.len(), shown.len()), (3, 3), "{list}");
    for (file, bytes) in shown {
        let sha: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(list[file.file_stem().unwrap().to_str().unwrap()]["sha256"].as_str().unwrap(), sha);
    }
}
