//! Downloads from a small server on loopback: whole, continued, changed meanwhile, and archives that are not to be
//! trusted.

use candle_vision_helpers::{Point, Size};
use facekp_data::{
    datasets::{
        fetch::{self, Known, Source, fetch, source},
        imm,
    },
    formats::asf,
    open_kind,
};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    sync::{Arc, Mutex},
};

/// What the server does with one request.
#[derive(Clone, Copy)]
enum Answer {
    /// All of it, or the range that was asked for.
    Whole,
    /// Announces all and hangs up after so many bytes.
    Stop(usize),
    /// All of it, whatever was asked for.
    NoRanges,
    /// Not there.
    Missing,
}

/// Answers one request after another; returns its address and, as they come, the `Range` headers.
fn serve(body: Vec<u8>, tag: &'static str, answers: Vec<Answer>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/faces.tar.gz", listener.local_addr().unwrap());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let note = heard.clone();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut range, mut condition) = (String::new(), String::new());
            for line in
                BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap).take_while(|l| !l.is_empty())
            {
                match line.split_once(": ") {
                    Some((k, v)) if k.eq_ignore_ascii_case("range") => range = v.into(),
                    Some((k, v)) if k.eq_ignore_ascii_case("if-range") => condition = v.into(),
                    _ => {}
                }
            }
            note.lock().unwrap().push(range.clone());
            let from =
                range.strip_prefix("bytes=").and_then(|r| r.strip_suffix('-')).and_then(|r| r.parse::<usize>().ok());
            let from = from.filter(|_| condition == tag && !matches!(answer, Answer::NoRanges)).unwrap_or(0);
            let head = match (answer, from) {
                (Answer::Missing, _) => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
                (_, 0) => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nETag: {tag}\r\n\r\n", body.len()),
                (_, n) if n >= body.len() => format!(
                    "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */{}\r\nContent-Length: 0\r\n\r\n",
                    body.len()
                ),
                (_, n) => format!(
                    "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {n}-{}/{}\r\nContent-Length: {}\r\nETag: {tag}\r\n\r\n",
                    body.len() - 1,
                    body.len(),
                    body.len() - n
                ),
            };
            stream.write_all(head.as_bytes()).unwrap();
            let to = match answer {
                Answer::Stop(n) => n,
                Answer::Missing => from,
                _ => body.len(),
            };
            stream.write_all(body.get(from..to).unwrap_or_default()).unwrap();
        }
    });
    (url, heard)
}

/// A tar.gz from names and contents; a name is written as it is, however bad.
fn archive(entries: &[(&str, tar::EntryType, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, kind, contents) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        if matches!(kind, tar::EntryType::Symlink | tar::EntryType::Link) {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_size(contents.len() as u64);
        header.set_cksum();
        tar.append(&header, &contents[..]).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// One face of IMM, below `prefix`.
fn imm(prefix: &str) -> Vec<(String, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let (jpg, asf) = (folder.path().join("01-1m.jpg"), folder.path().join("01-1m.asf"));
    image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8, y as u8, 9])).save(&jpg).unwrap();
    let points: Vec<_> =
        (0..58).map(|i| Point::new(5.0 + f64::from(i % 8) * 4.0, 5.0 + f64::from(i / 8) * 4.0)).collect();
    asf::write(&asf, "01-1m.jpg", Size::new(64, 48), &points).unwrap();
    [jpg, asf]
        .iter()
        .map(|p| (format!("{prefix}{}", p.file_name().unwrap().to_str().unwrap()), fs::read(p).unwrap()))
        .collect()
}

fn imm_archive(prefix: &str) -> Vec<u8> {
    let files = imm(prefix);
    let entries: Vec<_> = files.iter().map(|(n, c)| (n.as_str(), tar::EntryType::Regular, c.clone())).collect();
    archive(&entries)
}

/// The folder of `fetch`, with nothing beside it.
fn fetched(dest: &Path, source: &Source, url: &str) -> Result<(), String> {
    let folder = fetch(source, dest, Some(url), &mut |_, _| {}).map_err(|e| e.to_string())?;
    assert_eq!(open_kind(&folder, imm::KIND).unwrap().len(), 1);
    assert_eq!(left(dest), ["imm_face_db"]);
    Ok(())
}

fn left(dest: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dest).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_dataset_comes_whole_in_either_layout() {
    for prefix in ["", "./", "imm_face_db/"] {
        let dest = tempfile::tempdir().unwrap();
        let (url, heard) = serve(imm_archive(prefix), "\"1\"", vec![Answer::Whole]);
        let mut last = (0, None);
        let folder =
            fetch(&source("imm").unwrap(), dest.path(), Some(&url), &mut |done, of| last = (done, of)).unwrap();
        assert_eq!(Some(last.0), last.1);
        assert!(last.0 > 500);
        assert_eq!(open_kind(&folder, imm::KIND).unwrap().len(), 1);
        // Asked again, it is there: the server does not answer any more.
        fetched(dest.path(), &source("imm").unwrap(), &url).unwrap();
        assert_eq!(*heard.lock().unwrap(), [""]);
    }
}

#[test]
fn a_stopped_download_is_continued() {
    let dest = tempfile::tempdir().unwrap();
    let imm = source("imm").unwrap();
    let (url, heard) = serve(imm_archive(""), "\"1\"", vec![Answer::Stop(300), Answer::Stop(420), Answer::Whole]);
    for _ in 0..2 {
        let text = fetched(dest.path(), &imm, &url).unwrap_err();
        assert!(text.starts_with(&url) && text.ends_with("; the next try continues"), "{text}");
        assert!(!dest.path().join("imm_face_db").exists());
    }
    fetched(dest.path(), &imm, &url).unwrap();
    assert_eq!(*heard.lock().unwrap(), ["", "bytes=300-", "bytes=420-"]);
}

#[test]
fn a_file_that_changed_meanwhile_starts_afresh() {
    let dest = tempfile::tempdir().unwrap();
    let imm = source("imm").unwrap();
    let (url, _) = serve(vec![7; 900], "\"old\"", vec![Answer::Stop(300)]);
    fetched(dest.path(), &imm, &url).unwrap_err();
    let (url, heard) = serve(imm_archive(""), "\"new\"", vec![Answer::Stop(400), Answer::NoRanges]);
    fetched(dest.path(), &imm, &url).unwrap_err();
    fetched(dest.path(), &imm, &url).unwrap();
    assert_eq!(*heard.lock().unwrap(), ["bytes=300-", "bytes=400-"]);
}

#[test]
fn size_and_hash_are_checked_where_known() {
    let body = imm_archive("");
    let sha256: String = Sha256::digest(&body).iter().map(|b| format!("{b:02x}")).collect();
    let right = Known { bytes: Some(body.len() as u64), sha256: Some(Box::leak(sha256.into_boxed_str())) };
    let cases = [
        (right, ""),
        (Known { bytes: Some(7), ..right }, "expected 7 bytes, got"),
        (Known { sha256: Some("00"), ..right }, "expected SHA-256 00, got"),
    ];
    for (known, expected) in cases {
        let source = Source { known, ..source("imm").unwrap() };
        let dest = tempfile::tempdir().unwrap();
        let (url, _) = serve(body.clone(), "\"1\"", vec![Answer::Whole]);
        match fetched(dest.path(), &source, &url) {
            Ok(()) => assert_eq!(expected, ""),
            Err(text) => {
                assert!(text.contains(expected) && !expected.is_empty(), "{text}");
                assert!(left(dest.path()).is_empty());
            }
        }
    }
}

#[test]
fn archives_that_are_not_to_be_trusted_leave_nothing() {
    use tar::EntryType::{Directory, Fifo, Link, Regular, Symlink};
    let file = |name| archive(&[(name, Regular, b"evil".to_vec())]);
    let cases = [
        (file("../evil.txt"), "the path \"../evil.txt\""),
        (file("a/../../evil.txt"), "the path \"a/../../evil.txt\""),
        (file("/tmp/facekp-evil.txt"), "the path \"/tmp/facekp-evil.txt\""),
        (archive(&[("l", Symlink, vec![]), ("l/x", Regular, b"evil".to_vec())]), "the link \"l\""),
        (archive(&[("l", Link, vec![])]), "the link \"l\""),
        (archive(&[("f", Fifo, vec![])]), "the special file \"f\""),
        (archive(&[("d", Directory, vec![])]), "expected imm, got an archive of something else"),
        (b"PK\x03\x04....".to_vec(), "expected a .tar.gz archive, got something else"),
        (imm_archive("")[..400].to_vec(), "expected a whole .tar.gz archive, got"),
    ];
    for (body, expected) in cases {
        let outer = tempfile::tempdir().unwrap();
        let dest = outer.path().join("a/b");
        let (url, _) = serve(body, "\"1\"", vec![Answer::Whole]);
        let text = fetched(&dest, &source("imm").unwrap(), &url).unwrap_err();
        assert!(text.contains(expected) && text.lines().count() == 1, "{expected} is not in {text}");
        assert!(left(&dest).is_empty() && left(outer.path()) == ["a"], "{expected}: {:?}", left(&dest));
        assert!(!Path::new("/tmp/facekp-evil.txt").exists());
    }
}

#[test]
fn what_fails_is_named() {
    let dest = tempfile::tempdir().unwrap();
    let (url, _) = serve(vec![], "\"1\"", vec![Answer::Missing]);
    let text = fetched(dest.path(), &source("imm").unwrap(), &url).unwrap_err();
    assert_eq!(text, format!("{url}: expected the file, got HTTP status 404"));
    assert!(fetched(dest.path(), &source("imm").unwrap(), "http://127.0.0.1:1/x").is_err());
    assert!(left(dest.path()).is_empty());
    fs::create_dir(dest.path().join("imm_face_db")).unwrap();
    fs::write(dest.path().join("imm_face_db/mine.txt"), "mine").unwrap();
    assert!(fetched(dest.path(), &source("imm").unwrap(), &url).unwrap_err().contains("got something else"));
    assert_eq!(source("ytf").unwrap_err().to_string(), "expected one of imm, ibug, got \"ytf\"");
}

#[test]
fn a_single_file_is_fetched_once_and_under_its_name_only_when_it_is_right() {
    let dir = tempfile::tempdir().unwrap();
    let (to, body) = (dir.path().join("weights/small.pth"), vec![7; 900]);
    let file = |url: &str, bytes| fetch::file(url, &to, Known { bytes: Some(bytes), sha256: None }, &mut |_, _| ());
    let (url, _) = serve(body.clone(), "\"1\"", vec![Answer::Whole]);
    let text = file(&url, 901).unwrap_err().to_string();
    assert!(text.ends_with("expected 901 bytes, got 900") && !to.exists(), "{text}");
    let (url, _) = serve(body.clone(), "\"1\"", vec![Answer::Stop(300), Answer::Whole]);
    file(&url, 900).unwrap_err();
    assert!(!to.exists());
    file(&url, 900).unwrap();
    assert_eq!(fs::read(&to).unwrap(), body);
    // nobody is asked a second time
    file("http://127.0.0.1:9/", 900).unwrap();
}
