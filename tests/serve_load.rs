//! The local page's server under load: hundreds of requests of many clients at a time, beside slow ones.

use crate::common::{
    picture,
    server::{Answer, Server},
    trained,
};
use serde_json::Value;
use std::{fs, io::Write, path::Path, thread};

const CLIENTS: usize = 8;
/// Requests of each client, before memory is looked at and once more after that: 200 of all.
const REQUESTS: usize = 25;
/// By how much the server may grow in the second 200 requests, bytes. 80 of them hand it a photo of 640 x 480, which
/// would be 74 MB if the pixels stayed; what its allocator keeps more for threads that come and go is a few.
const MOST_GROWTH: u64 = 24 << 20;

/// A request and what it was answered when nobody else asked.
struct Known {
    method: &'static str,
    path: &'static str,
    body: Vec<u8>,
    answer: Answer,
}

impl Known {
    fn new(server: &Server, method: &'static str, path: &'static str, body: Vec<u8>) -> Self {
        let answer = server.ask(method, path, &body);
        assert_eq!(answer.status, 200, "{path}: {}", answer.head);
        Self { method, path, body, answer }
    }

    /// Whether a further answer says the same: byte for byte, or of a photo the same faces.
    fn is(&self, other: &Answer) -> bool {
        let is_photo = self.method == "POST";
        other.status == 200 && if is_photo { same_faces(&self.answer, other) } else { self.answer.body == other.body }
    }
}

/// Whether points lie in the same places; times differ.
fn same_faces(a: &Answer, b: &Answer) -> bool {
    let places = |answer: &Answer| -> Vec<Vec<f64>> {
        let entry = answer.json();
        let faces = entry["faces"].as_array().unwrap().iter();
        faces
            .map(|face| {
                face["points"].as_array().unwrap().iter().flat_map(|p| [0usize, 1].map(|i| number(&p[i]))).collect()
            })
            .collect()
    };
    let (a, b) = (places(a), places(b));
    a.iter().map(Vec::len).eq(b.iter().map(Vec::len))
        && a.iter().flatten().zip(b.iter().flatten()).all(|(a, b)| (a - b).abs() < 1e-3)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// What every client asks in turn: a photo whose face has to be found, one whose face is known, an annotation, its
/// picture, and a file of the page.
fn asked(server: &Server) -> Vec<Known> {
    let photo = fs::read(picture()).unwrap();
    vec![
        Known::new(server, "POST", "/api/predict", photo.clone()),
        Known::new(server, "POST", "/api/predict?box=100,80,200,220", photo),
        Known::new(server, "GET", "/api/data/0", Vec::new()),
        Known::new(server, "GET", "/api/data/0/picture", Vec::new()),
        Known::new(server, "GET", "/app.js", Vec::new()),
    ]
}

/// Each client asks one thing after the other; how many were answered rightly.
fn answered(server: &Server, known: &[Known]) -> usize {
    let client = |first: usize| {
        let turns = (first..first + REQUESTS).map(|turn| &known[turn % known.len()]);
        turns.filter(|k| k.is(&server.ask(k.method, k.path, &k.body))).count()
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|first| scope.spawn(move || client(first))).collect();
        clients.into_iter().map(|c| c.join().unwrap()).sum()
    })
}

/// The server's memory that lies in RAM, bytes; `None` on systems that tell it elsewhere.
fn resident(server: &Server) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", server.child.id())).ok()?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"))?;
    kilobytes.parse::<u64>().ok().map(|k| k << 10)
}

fn one_annotated_picture(dir: &Path) {
    fs::copy(picture(), dir.join("a.jpg")).unwrap();
    fs::write(dir.join("a.pts"), "version: 1\nn_points: 3\n{\n10.5 20.25\n30 40.5\n50.5 61\n}\n").unwrap();
}

#[test]
fn two_hundred_requests_of_eight_clients_are_answered_beside_slow_ones_and_memory_stays() {
    let dir = tempfile::tempdir().unwrap();
    one_annotated_picture(dir.path());
    let server = Server::start(&trained().join("nose"), Some(dir.path()));
    let known = asked(&server);
    let slow: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(b"POST /api/predict HTTP/1.1\r\nHost:").unwrap();
            stream
        })
        .collect();
    assert_eq!(answered(&server, &known), 200);
    let before = resident(&server);
    assert_eq!(answered(&server, &known), 200);
    let after = resident(&server);
    drop(slow);
    assert_eq!(before.is_some(), cfg!(target_os = "linux"));
    if let (Some(before), Some(after)) = (before, after) {
        assert!(after <= before + MOST_GROWTH, "{before} bytes grew to {after}");
    }
}
