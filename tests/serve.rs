//! The local page's server: what it answers, whom it refuses, and what it saves.

use crate::common::{facekp, picture, server::Server, trained};
use serde_json::{Value, json};
use std::{fs, path::Path};

fn nose() -> Server {
    Server::start(&trained().join("nose"), None)
}

/// An entry less what only a command writes, or only a page asks.
fn common_keys(mut entry: Value) -> Value {
    let keys = entry.as_object_mut().unwrap();
    ["overlay", "weights", "lack", "ms"].iter().for_each(|key| drop(keys.remove(*key)));
    for face in keys["faces"].as_array_mut().unwrap() {
        face.as_object_mut().unwrap().remove("pts");
    }
    entry
}

#[test]
fn a_photo_gets_the_entry_that_predict_writes() {
    let (server, photo, dir) = (nose(), picture(), tempfile::tempdir().unwrap());
    let mut command = facekp();
    command.args(["predict", "--device", "cpu", "--weights"]).arg(trained().join("nose")).arg(&photo);
    let out = command.args(["--json", "-", "--out"]).arg(dir.path()).assert().success().get_output().stdout.clone();
    let expected: Vec<Value> = serde_json::from_slice(&out).unwrap();
    let path = format!("/api/predict?name={}", photo.display().to_string().replace(' ', "%20"));
    let got = server.ask("POST", &path, &fs::read(&photo).unwrap()).json();
    assert_eq!(got["faces"].as_array().unwrap().len(), 1, "{got}");
    for part in ["read", "find", "network"] {
        assert!(got["ms"][part].as_f64().unwrap() >= 0.0, "{got}");
    }
    assert_eq!(common_keys(got.clone()), common_keys(expected[0].clone()));
    // in the box that was looked at, nothing is looked for
    let face: Vec<String> = [100.0, 80.0, 200.0, 220.0].map(|v: f64| v.to_string()).to_vec();
    let boxed = server.ask("POST", &format!("/api/predict?box={}", face.join(",")), &fs::read(&photo).unwrap()).json();
    assert!(boxed["faces"][0]["score"].is_null() && boxed["file"] == "photo", "{boxed}");
}

#[test]
fn maps_are_a_png_of_networks_that_have_them() {
    let server = nose();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/eval/tests/pictures/astronaut.jpg");
    let portrait = fs::read(file).unwrap();
    let maps = server.ask("POST", "/api/maps?weights=face68&face=0", &portrait);
    assert_eq!((maps.status, &maps.body[..8]), (200, &b"\x89PNG\r\n\x1a\n"[..]), "{}", maps.head);
    server.ask("POST", "/api/maps?weights=face68&face=7", &portrait).refused(422, "face 7");
    server.ask("POST", "/api/maps", &portrait).refused(422, "heatmaps");
    // ONNX files begin with their version, 8
    let onnx = server.ask("GET", "/api/onnx?weights=face68", &[]);
    assert_eq!((onnx.status, &onnx.body[..2]), (200, &[8, 8][..]), "{}", onnx.head);
    server.ask("GET", "/api/onnx?weights=nosy", &[]).refused(404, "listed");
    let networks = server.get("/api/networks");
    let listed = networks["networks"].as_array().unwrap();
    let face68 = listed.iter().find(|n| n["name"] == "face68").unwrap();
    assert!(
        face68["points"] == 68 && face68["maps"] == true && face68["lines"][0] == json!([0, 16, false]),
        "{face68}"
    );
    assert!(listed.iter().any(|n| n["name"] == networks["default"]) && networks["data"] == false, "{networks}");
}

#[test]
fn the_page_and_all_of_its_files_are_there() {
    let server = nose();
    let page = server.ask("GET", "/", b"");
    assert_eq!(page.status, 200);
    for header in
        ["Cache-Control: no-store", "X-Content-Type-Options: nosniff", "default-src 'none'; script-src 'self'"]
    {
        assert!(page.head.contains(header), "{}", page.head);
    }
    let mut files = vec!["/style.css".to_owned(), "/app.js".to_owned()];
    assert!(files.iter().all(|f| page.text().contains(&format!("\"{f}\""))), "{}", page.text());
    let mut seen = 0;
    while let Some(file) = files.get(seen).cloned() {
        seen += 1;
        // modules are fetched without a token
        let got = server.raw(format!("GET {file} HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", server.port).as_bytes());
        assert_eq!(got.status, 200, "{file}");
        for import in got.text().split("from \"./").skip(1).filter_map(|t| t.split_once('"')) {
            let path = format!("/{}", import.0);
            if !files.contains(&path) {
                files.push(path);
            }
        }
    }
    assert!(seen > 8, "{files:?}");
}

#[test]
fn strangers_and_broken_requests_are_refused() {
    let server = nose();
    let (port, token) = (server.port, server.token.clone());
    let send = |lines: &str| server.raw(format!("{lines}\r\n\r\n").as_bytes());
    let host = format!("Host: 127.0.0.1:{port}");
    let wrong = "0".repeat(token.len());
    send(&format!("GET / HTTP/1.1\r\n{host}")).refused(403, "token");
    send(&format!("GET /api/networks HTTP/1.1\r\n{host}\r\nX-Facekp-Token: {wrong}")).refused(403, "token");
    send(&format!("GET /api/networks?token= HTTP/1.1\r\n{host}")).refused(403, "token");
    send(&format!("GET /?token={token} HTTP/1.1\r\nHost: evil.example:{port}")).refused(403, "Host");
    send(&format!("GET /?token={token} HTTP/1.1")).refused(403, "Host");
    send(&format!("GET /?token={token} HTTP/1.1\r\n{host}\r\n{host}")).refused(400, "Host");
    let post = |more: &str| format!("POST /api/predict?token={token} HTTP/1.1\r\n{host}\r\n{more}");
    send(&post("Origin: http://evil.example\r\nContent-Length: 1")).refused(403, "origin");
    send(&post("Origin: null\r\nContent-Length: 1")).refused(403, "origin");
    let own = format!("{}\r\n\r\nx", post(&format!("Origin: http://localhost:{port}\r\nContent-Length: 1")));
    server.raw(own.as_bytes()).refused(422, "picture");
    send(&post("Content-Length: 33554433")).refused(413, "33554432");
    send(&post("Content-Length: 99999999999999999999999")).refused(413, "bytes");
    send(&post("Content-Length: -1")).refused(411, "Content-Length");
    send(&post("X: y")).refused(411, "Content-Length");
    send(&post("Transfer-Encoding: chunked\r\nContent-Length: 3")).refused(411, "Content-Length");
    server.raw(format!("{}\r\n\r\ncut", post("Content-Length: 1000")).as_bytes()).refused(400, "cut off after 3");
    send("nonsense").refused(400, "HTTP/1.1");
    send(&format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(40_000))).refused(431, "head");
    server.raw(b"GET / HT").refused(400, "ends within its head");
    server.ask("POST", "/api/predict?weights=../../etc/passwd", b"x").refused(404, "listed");
    server.ask("POST", "/api/predict?box=1,2,3", b"x").refused(400, "X,Y,W,H");
    server.ask("POST", "/api/predict", b"").refused(422, "picture");
    let jpeg = fs::read(picture()).unwrap();
    server.ask("POST", "/api/predict", &jpeg[..200]).refused(422, "picture");
    server.ask("POST", "/api/predict?box=0,0,1e9,1e9", &jpeg).refused(422, "expected a box");
    server.ask("GET", "/api/predict", b"").refused(405, "GET");
    server.ask("GET", "/api/data", b"").refused(404, "--data");
    server.ask("GET", "/../Cargo.toml", b"").refused(404, "no such page");
    server.ask("GET", "/a%0Ab%0D%0Ac", b"").refused(404, "/a b  c: no such page");
    // and after all that it answers as before
    server.ask("POST", "/api/predict", &jpeg).json();
}

/// Points beside `a.jpg`, none beside `b.jpg`.
pub(crate) fn two_pictures(dir: &Path) -> &'static str {
    let text = "version: 1\nn_points: 3\n{\n10.5 20.25\n30 40.123456\n50.5 61\n}\n";
    fs::write(dir.join("a.pts"), text).unwrap();
    for name in ["a.jpg", "b.jpg"] {
        fs::copy(picture(), dir.join(name)).unwrap();
    }
    text
}

#[test]
fn a_moved_point_alone_changes_and_a_changed_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let text = two_pictures(dir.path());
    let file = dir.path().join("a.pts");
    let server = Server::start(&trained().join("nose"), Some(dir.path()));
    let listed = server.get("/api/data");
    assert_eq!(listed["items"][1], json!({ "id": "b", "annotated": false, "writable": true }));
    let item = server.get("/api/data/0");
    assert_eq!((&item["width"], &item["points"][0]), (&json!(640), &json!([9.5, 19.25, true])));
    let shown = server.ask("GET", "/api/data/0/picture", b"");
    assert!(shown.head.contains("image/jpeg") && shown.body == fs::read(picture()).unwrap(), "{}", shown.head);
    let mut points = item["points"].clone();
    points[0][0] = json!(11.5);
    let save = |n: usize, digest: &Value, points: &Value| {
        let body = json!({ "digest": digest, "points": points }).to_string();
        server.ask("PUT", &format!("/api/data/{n}"), body.as_bytes())
    };
    let digest = save(0, &item["digest"], &points).json()["digest"].clone();
    let moved = text.replace("10.5 20.25", "12.500 20.250");
    assert_eq!(fs::read_to_string(&file).unwrap(), moved);
    // neither what was read before that, nor after somebody else's change
    save(0, &item["digest"], &points).refused(409, "changed since");
    fs::write(&file, text).unwrap();
    points[0][0] = json!(13.5);
    save(0, &digest, &points).refused(409, "a.pts");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    // hidden, and a file of its own for the other picture
    let digest = server.get("/api/data/0")["digest"].clone();
    points = item["points"].clone();
    points[1] = json!([0, 0, false]);
    save(0, &digest, &points).json();
    assert_eq!(fs::read_to_string(&file).unwrap(), text.replace("30 40.123456", "-1 -1"));
    assert!(server.get("/api/data/1")["points"].is_null());
    save(1, &Value::Null, &item["points"]).json();
    assert_eq!(server.get("/api/data/1")["points"][0], json!([9.5, 19.25, true]));
    save(1, &Value::Null, &item["points"]).refused(409, "b.pts");
    save(0, &digest, &json!([[1, 2, true]])).refused(422, "3 finite points");
    server.ask("PUT", "/api/data/0", b"{").refused(400, "JSON");
    server.ask("GET", "/api/data/2", b"").refused(404, "below 2");
    let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["a.jpg", "a.pts", "b.jpg", "b.pts"]);
}

#[test]
fn a_format_without_a_writer_is_only_looked_at() {
    let server = Server::start(&trained().join("nose"), Some(&crate::common::people().join("imm_face_db")));
    let item = server.get("/api/data/0");
    assert!(item["writable"] == false && item["digest"].is_null(), "{item}");
    let points = item["points"].as_array().unwrap();
    assert_eq!(points.len(), 58);
    let body = json!({ "digest": null, "points": points }).to_string();
    server.ask("PUT", "/api/data/0", body.as_bytes()).refused(405, "to look at");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it() {
    let mut server = nose();
    server.get("/api/networks");
    std::process::Command::new("kill").arg("-INT").arg(server.child.id().to_string()).status().unwrap();
    assert!(server.child.wait().unwrap().success());
}
