//! `predict` over a folder of user photos: what is broken costs a line, never the others, and memory stays bounded.

use crate::common::{self, facekp, people, picture, trained};
use serde_json::Value;
use std::{
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt,
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

/// Six sound pictures and six that are broken in six ways; the broken ones' names.
fn twelve(dir: &Path) -> [&'static str; 6] {
    let jpeg = fs::read(picture()).unwrap();
    let list = fs::read_dir(people().join("imm_face_db")).unwrap().map(|e| e.unwrap().path());
    let mut sound: Vec<_> = list.filter(|p| p.extension().is_some_and(|x| x == "jpg")).collect();
    sound.sort();
    for file in &sound[..6] {
        fs::copy(file, dir.join(file.file_name().unwrap())).unwrap();
    }
    let mut png = Vec::new();
    let drawn = image::open(picture()).unwrap();
    drawn.write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
    let mut huge = jpeg.clone();
    let frame = huge.windows(2).position(|w| w == [0xff, 0xc0]).expect("a baseline JPEG");
    huge[frame + 5..frame + 9].fill(0xff);
    let broken: [(&str, &[u8]); 6] = [
        ("a-empty.jpg", &[]),
        ("b-text.jpg", b"not a picture"),
        ("c-huge.jpg", &huge),
        ("d-cut.png", &png[..png.len() / 2]),
        ("e-header.jpg", &jpeg[..frame + 4]),
        ("f-heic.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
    ];
    for (name, bytes) in broken {
        fs::write(dir.join(name), bytes).unwrap();
    }
    broken.map(|b| b.0)
}

/// Runs a command in an address space of 6 GB; what it printed, and its largest resident memory in KiB.
fn bounded(command: &assert_cmd::Command) -> (Output, u64) {
    let mut c = Command::new("bash");
    c.args(["-c", "ulimit -v 6000000 && exec \"$@\"", "bash"]).arg(command.get_program()).args(command.get_args());
    let child = c.env_remove("FACEKP_LOG").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let watch = std::thread::spawn(move || {
        let mut most = 0;
        while let Ok(text) = fs::read_to_string(&status) {
            let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
            let Some(kib) = line.and_then(|l| l.trim().strip_suffix(" kB")?.trim().parse().ok()) else { break };
            most = most.max(kib);
            std::thread::sleep(Duration::from_millis(2));
        }
        most
    });
    let output = child.wait_with_output().unwrap();
    (output, watch.join().unwrap())
}

#[test]
fn a_folder_with_six_broken_pictures_gives_six_results_and_six_lines() {
    let dir = tempfile::tempdir().unwrap();
    let (photos, out) = (dir.path().join("photos"), dir.path().join("out"));
    fs::create_dir(&photos).unwrap();
    let broken = twelve(&photos);
    let mut command = facekp();
    command
        .args(["predict", "--weights"])
        .arg(trained().join("nose"))
        .arg(&photos)
        .arg("--out")
        .arg(&out)
        .args(["--json", "-"]);
    let (output, kib) = bounded(&command);
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert!(kib < 1_500_000, "{kib} KiB resident at most");
    let results: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(results.len(), 12);
    let found = results.iter().filter(|r| r["faces"].as_array().unwrap().len() == 1 && r["error"].is_null());
    assert_eq!(found.count(), 6);
    for name in broken {
        let lines: Vec<&str> = log.lines().filter(|l| l.contains(name)).collect();
        assert_eq!(lines.len(), 1, "{name}: {log}");
        let entry = results.iter().find(|r| r["file"].as_str().unwrap().ends_with(name)).unwrap();
        assert!(entry["error"].as_str().is_some_and(|e| lines[0].contains(e)), "{entry}");
    }
    let overlays = fs::read_dir(&out).unwrap().filter(|e| {
        let path = e.as_ref().unwrap().path();
        path.extension().is_some_and(|x| x == "png")
    });
    assert_eq!(overlays.count(), 6);
}

#[test]
fn one_broken_picture_has_its_entry_as_two_have() {
    let dir = tempfile::tempdir().unwrap();
    for count in [1, 2] {
        let missing = (0..count).map(|i| dir.path().join(format!("no-{i}.jpg")));
        let mut command = facekp();
        command.args(["predict", "--weights"]).arg(trained().join("nose")).args(missing).arg("--out").arg(dir.path());
        let out = command.args(["--json", "-"]).assert().code(1).get_output().stdout.clone();
        let results: Vec<Value> = serde_json::from_slice(&out).unwrap();
        assert_eq!(results.len(), count);
        assert!(results.iter().all(|r| r["error"].as_str().unwrap().contains("no-")), "{results:?}");
    }
}

#[test]
fn what_is_no_picture_is_a_line_and_the_others_continue() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path().join("here");
    fs::create_dir_all(here.join("empty")).unwrap();
    let name = OsStr::from_bytes(b"f\xe9.jpg");
    fs::copy(picture(), here.join(name)).unwrap();
    let mut command = facekp();
    command.current_dir(&here).args(["predict", "--weights"]).arg(trained().join("nose"));
    let output = command.arg(name).args(["..", "empty", "--json", "-"]).assert().code(1).get_output().clone();
    let log = String::from_utf8(output.stderr).unwrap();
    let results: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(results[0]["error"].is_null(), "{}", results[0]);
    let bytes: Vec<u8> = serde_json::from_value(results[0]["file_bytes"].clone()).unwrap();
    assert_eq!(OsStr::from_bytes(&bytes), name, "the caller can find the file again");
    for place in ["..", "empty"] {
        assert!(log.contains(&format!("{place}: expected pictures")), "{log}");
    }
    let mut outputs = fs::read_dir(here.join("predictions")).unwrap().map(|e| e.unwrap().file_name());
    assert!(outputs.any(|n| n.as_bytes().starts_with(b"f\xe9")), "outputs are named after their pictures");
}

#[test]
fn a_box_beyond_sense_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for wrong in ["0,0,1e9,1e9", "-1e9,0,2,2", "639,0,100000,100000"] {
        let mut command = facekp();
        command.args(["predict", "--weights"]).arg(trained().join("nose")).arg(picture()).args(["--box", wrong]);
        common::fails_with(command.current_dir(dir.path()), &["expected a box", "640 x 480"]);
    }
}

#[test]
fn a_network_without_confidence_says_null() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = facekp();
    command.args(["predict", "--weights"]).arg(trained().join("nose")).arg(picture()).arg("--out").arg(dir.path());
    let out = command.args(["--json", "-"]).assert().success().get_output().stdout.clone();
    let results: Vec<Value> = serde_json::from_slice(&out).unwrap();
    let point = &results[0]["faces"][0]["points"][0];
    assert!(point[0].is_number() && point[2].is_null(), "{}", results[0]);
}
