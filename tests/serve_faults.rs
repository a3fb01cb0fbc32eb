//! Faults on purpose while points are corrected: files are as before a change or after it, two servers do not undo each
//! other's, and a picture that changes is shown as it was or as it is.

use crate::{
    common::{picture, server::Server, stem, trained},
    killed::{fraction, moments},
    serve::two_pictures,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread::{self, sleep},
    time::{Duration, Instant},
};

fn start(dir: &Path) -> Server {
    Server::start(&trained().join("nose"), Some(dir))
}

fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|b| format!("{b:02x}")).collect()
}

/// What saves the points of `item` with the first one at `x`, for whoever read a file of this digest.
fn change(item: &Value, digest: &str, x: f64) -> Vec<u8> {
    let mut points = item["points"].clone();
    points[0][0] = json!(x);
    json!({ "digest": digest, "points": points }).to_string().into_bytes()
}

#[test]
fn a_server_killed_while_it_saves_leaves_the_file_as_before_or_after() {
    let dir = tempfile::tempdir().unwrap();
    let (text, file) = (two_pictures(dir.path()), dir.path().join("a.pts"));
    // 9.5 and 11.5, counted from 1
    let states = ["10.500 20.250", "12.500 20.250"].map(|row| text.replace("10.5 20.25", row));
    fs::write(&file, &states[0]).unwrap();
    for i in 0..moments() {
        let mut server = start(dir.path());
        let item = server.get("/api/data/0");
        let there = fs::read_to_string(&file).unwrap();
        let first = states.iter().position(|state| *state == there).expect("one of both states");
        let (door, saved) = (server.door(), AtomicUsize::new(0));
        thread::scope(|scope| {
            scope.spawn(|| {
                // ends with the server
                for n in first.. {
                    let body = change(&item, &digest(&states[n % 2]), [11.5, 9.5][n % 2]);
                    let Some(answer) = door.ask("PUT", "/api/data/0", &body) else { break };
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    saved.fetch_add(1, Ordering::Relaxed);
                }
            });
            let begun = Instant::now();
            while saved.load(Ordering::Relaxed) == 0 && begun.elapsed() < Duration::from_secs(60) {
                sleep(Duration::from_millis(1));
            }
            sleep(Duration::from_millis(40).mul_f64(fraction(9, i)));
            server.child.kill().unwrap();
            server.child.wait().unwrap();
        });
        assert!(saved.into_inner() > 0, "moment {i}: nothing was saved");
    }
    let there = fs::read_to_string(&file).unwrap();
    assert!(states.contains(&there), "{there}");
    let server = start(dir.path());
    let item = server.get("/api/data/0");
    server.ask("PUT", "/api/data/0", &change(&item, &digest(&there), 13.5)).json();
    assert_eq!(fs::read_to_string(&file).unwrap(), text.replace("10.5 20.25", "14.500 20.250"));
}

#[test]
fn of_two_servers_that_save_at_a_time_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let text = two_pictures(dir.path());
    let servers = [start(dir.path()), start(dir.path())];
    for round in 0..5 {
        let item = servers[0].get("/api/data/0");
        let known = item["digest"].as_str().unwrap();
        let x = [20.5, 22.5].map(|x| x + f64::from(round) / 4.0);
        let answers = thread::scope(|scope| {
            let save = |k: usize| servers[k].ask("PUT", "/api/data/0", &change(&item, known, x[k]));
            [0, 1].map(|k| scope.spawn(move || save(k))).map(|thread| thread.join().unwrap())
        });
        let winner = usize::from(answers[0].status != 200);
        assert_eq!(answers[winner].status, 200, "{answers:?}");
        answers[1 - winner].refused(409, "a.pts: expected the file that was read, got one that changed since");
        let row = format!("{:.3} 20.250", x[winner] + 1.0);
        assert_eq!(fs::read_to_string(dir.path().join("a.pts")).unwrap(), text.replace("10.5 20.25", &row));
    }
}

#[test]
fn a_picture_that_changes_while_it_is_read_is_shown_as_it_was_or_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    two_pictures(&data);
    let (file, next) = (data.join("a.jpg"), dir.path().join("next.jpg"));
    let one = fs::read(&file).unwrap();
    let other = fs::read(picture().with_file_name(stem(2, 1) + ".jpg")).unwrap();
    let (cut, server, is_done) = (&one[..one.len() / 2], start(&data), AtomicBool::new(false));
    let get = || server.ask("GET", "/api/data/0/picture", b"");
    let answers: Vec<_> = thread::scope(|scope| {
        scope.spawn(|| {
            let begun = Instant::now();
            while !is_done.load(Ordering::Relaxed) && begun.elapsed() < Duration::from_secs(60) {
                for bytes in [&one[..], cut, &other[..]] {
                    fs::write(&next, bytes).unwrap();
                    fs::rename(&next, &file).unwrap();
                }
            }
        });
        let answers = (0..40).map(|_| get()).collect();
        is_done.store(true, Ordering::Relaxed);
        answers
    });
    for answer in answers {
        if answer.status == 200 {
            assert!(answer.body == one || answer.body == other, "shown: {} bytes", answer.body.len());
        } else {
            answer.refused(422, "a.jpg");
        }
    }
    fs::write(&file, cut).unwrap();
    get().refused(422, "a.jpg");
    fs::remove_file(&file).unwrap();
    get().refused(422, "a.jpg");
    fs::write(&file, &one).unwrap();
    assert!(get().body == one);
}
