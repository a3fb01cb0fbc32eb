//! `facekp track` as a whole: frames from a folder, a file and stdin; lines and overlays; streams that are cut.

use crate::common::{facekp, fails_with};
use candle_vision_helpers::Size;
use facekp_data::video::{Rate, Video, Y4mWriter};
use image::{RgbImage, imageops};
use serde_json::Value;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

/// Frames of 300 × 240 in which the face of the portrait moves by 3 pixels to the left each.
fn frames(count: u32) -> Vec<RgbImage> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/eval/tests/pictures/astronaut.jpg");
    let portrait = image::open(file).unwrap().into_rgb8();
    (0..count).map(|i| imageops::crop_imm(&portrait, 60 + 3 * i, 0, 300, 240).to_image()).collect()
}

fn folder(dir: &Path, count: u32) -> PathBuf {
    let folder = dir.join("frames");
    fs::create_dir(&folder).unwrap();
    for (i, frame) in frames(count).iter().enumerate() {
        // by their letters, 10 would come before 9
        frame.save(folder.join(format!("{}.png", i + 8))).unwrap();
    }
    folder
}

fn y4m(dir: &Path, count: u32) -> PathBuf {
    let path = dir.join("video.y4m");
    let (to, rate) = (Box::new(File::create(&path).unwrap()), Rate::new(25, 1).unwrap());
    let mut to = Y4mWriter::new(to, &path, Size::new(300, 240), rate).unwrap();
    frames(count).iter().for_each(|frame| to.write(frame).unwrap());
    path
}

fn lines(text: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// One face in every frame, the same, which moves as it does.
fn check(lines: &[Value], count: usize, rate: f64) {
    assert_eq!(lines.len(), count);
    let mut first = None;
    for (i, line) in lines.iter().enumerate() {
        assert_eq!((&line["frame"], &line["width"], &line["height"]), (&i.into(), &300.into(), &240.into()));
        assert!((line["time"].as_f64().unwrap() - i as f64 / rate).abs() < 1e-9, "{line}");
        assert_eq!(line["lost"], Value::Array(Vec::new()));
        let faces = line["faces"].as_array().unwrap();
        assert_eq!(faces.len(), 1, "{line}");
        let face = &faces[0];
        assert_eq!((&face["id"], &face["new"]), (&1.into(), &(i == 0).into()));
        let points = face["points"].as_array().unwrap();
        assert!(points.len() == 68 && face["box"].as_array().unwrap().len() == 4 && face["roll"].is_number());
        let nose = points[30][0].as_f64().unwrap();
        let moved = *first.get_or_insert(nose) - nose;
        // 3 pixels a frame; the network is off by some, and smoothing comes a little late
        assert!((moved - 3.0 * i as f64).abs() < 5.0, "frame {i}: moved by {moved}");
    }
}

#[test]
fn a_folder_gives_a_line_and_an_overlay_for_each_frame() {
    let dir = tempfile::tempdir().unwrap();
    let (frames, drawn) = (folder(dir.path(), 4), dir.path().join("drawn"));
    let mut command = facekp();
    command.arg("track").arg(&frames).args(["--fps", "10", "--out"]).arg(&drawn);
    let found = lines(&command.assert().success().get_output().stdout);
    check(&found, 4, 10.0);
    for (line, name) in found.iter().zip(["8.png", "9.png", "10.png", "11.png"]) {
        assert!(Path::new(line["file"].as_str().unwrap()).ends_with(name), "{line}");
    }
    for i in 0..4 {
        let overlay = image::open(drawn.join(format!("frame_{i:06}.keypoints.png"))).unwrap().into_rgb8();
        let plain = image::open(frames.join(format!("{}.png", i + 8))).unwrap().into_rgb8();
        let changed = overlay.pixels().zip(plain.pixels()).filter(|(a, b)| a != b).count();
        assert!((200..20_000).contains(&changed), "{changed}");
    }
}

#[test]
fn y4m_goes_in_and_out_through_files_and_pipes() {
    let dir = tempfile::tempdir().unwrap();
    let (video, out, json) = (y4m(dir.path(), 3), dir.path().join("new/out.y4m"), dir.path().join("own/faces.jsonl"));
    facekp().arg("track").arg(&video).arg("--out").arg(&out).arg("--jsonl").arg(&json).assert().success();
    let written = fs::read(&json).unwrap();
    let found = lines(&written);
    check(&found, 3, 25.0);
    assert!(found[0]["file"].is_null());
    let drawn = Video::open(&out).unwrap();
    assert_eq!(drawn.rate(), Rate::new(25, 1));
    assert_eq!(drawn.map(|frame| frame.unwrap().picture.original).collect::<Vec<_>>(), [Size::new(300, 240); 3]);

    let piped = dir.path().join("piped.jsonl");
    let mut command = facekp();
    command.args(["track", "-", "--out", "-", "--jsonl"]).arg(&piped).write_stdin(fs::read(&video).unwrap());
    let stdout = command.assert().success().get_output().stdout.clone();
    assert_eq!((stdout, fs::read(&piped).unwrap()), (fs::read(&out).unwrap(), written));
}

#[test]
fn a_video_that_is_cut_ends_in_a_line_behind_what_was_seen() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = fs::read(y4m(dir.path(), 3)).unwrap();
    bytes.truncate(bytes.len() - 1000);
    let mut command = facekp();
    command.args(["track", "-"]).write_stdin(bytes);
    fails_with(&mut command, &["stdin: expected 108000 bytes of frame 2, got 107000 and the end"]);
    let stdout = command.assert().get_output().stdout.clone();
    check(&lines(&stdout), 2, 25.0);
}

#[test]
fn what_is_no_video_and_what_contradicts_itself_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (clip, empty) = (dir.path().join("clip.mp4"), dir.path().join("empty"));
    fs::write(&clip, b"\0\0\0\x18ftypmp42").unwrap();
    fs::create_dir(&empty).unwrap();
    fails_with(facekp().arg("track").arg(&clip), &["clip.mp4: expected", "yuv4mpegpipe"]);
    fails_with(facekp().arg("track").arg(&empty), &["empty: expected pictures"]);
    fails_with(facekp().args(["track", "no-such-folder"]), &["no-such-folder"]);
    facekp().args(["track", "-", "--out", "-"]).write_stdin("").assert().code(2);
    for wrong in [["--fps", "0"], ["--find-every", "0"], ["--agility", "0"], ["--agility", "nan"], ["--smooth", "on"]] {
        facekp().args(["track", "-"]).args(wrong).write_stdin("").assert().code(2);
    }
}
