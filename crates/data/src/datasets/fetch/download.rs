//! One file over HTTP or HTTPS, continued where it stopped (RFC 9110: `Range` with `If-Range`).

use crate::error::{Error, Result};
use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    path::Path,
    time::Duration,
};
use ureq::{
    Agent, Body,
    http::{HeaderMap, Response},
};

/// Downloads `url` to `part`, which may hold the beginning of it already. What comes is kept when it stops.
///
/// # Errors
/// When the server cannot be reached, answers with an error, or stops before the end.
pub(super) fn download(url: &str, part: &Path, progress: &mut dyn FnMut(u64, Option<u64>)) -> Result<()> {
    let fail = |reason: String| Error::Download { url: url.into(), reason };
    // Which version of the file the beginning is of.
    let note = part.with_extension("etag");
    let version = fs::read_to_string(&note).ok();
    // A beginning of unknown version is not continued: the two halves might not belong together.
    let have = version.as_ref().and_then(|_| fs::metadata(part).ok()).map_or(0, |m| m.len());

    let mut response = request(url, have, version.as_deref()).map_err(&fail)?;
    let status = response.status().as_u16();
    let (start, total) = match (status, content_range(response.headers())) {
        (206, Some((Some(start), total))) if start == have => (have, total),
        // All of it was there already.
        (416, Some((None, Some(total)))) if total == have && have > 0 => (have, Some(total)),
        (200, _) => (0, header(response.headers(), "content-length").and_then(|v| v.parse().ok())),
        (416, _) => {
            fs::remove_file(part).ok();
            return Err(fail("expected the rest of the file, got another file; the next try starts afresh".into()));
        }
        (code, _) => return Err(fail(format!("expected the file, got HTTP status {code}"))),
    };
    if status != 416 {
        let version = header(response.headers(), "etag").filter(|v| !v.starts_with("W/"));
        match version.or(header(response.headers(), "last-modified")) {
            Some(version) => fs::write(&note, version).map_err(|e| Error::io(&note, e))?,
            None => drop(fs::remove_file(&note)),
        }
        let mut file = open(part, start).map_err(|e| Error::io(part, e))?;
        receive(response.body_mut(), &mut file, part, start, total, progress).map_err(|reason| match reason {
            Stopped::Network(reason) => fail(format!("{reason}; the next try continues")),
            Stopped::Disk(e) => e,
        })?;
    }
    fs::remove_file(note).ok();
    Ok(())
}

fn request(url: &str, have: u64, version: Option<&str>) -> Result<Response<Body>, String> {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        // A line that went dead is noticed; a slow one may take its time.
        .timeout_per_read(Some(Duration::from_secs(60)))
        .build()
        .into();
    let mut request = agent.get(url);
    if let (1.., Some(version)) = (have, version) {
        request = request.header("Range", format!("bytes={have}-")).header("If-Range", version);
    }
    request.call().map_err(|e| e.to_string())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `bytes START-END/TOTAL`, or `bytes */TOTAL` where the range does not exist.
fn content_range(headers: &HeaderMap) -> Option<(Option<u64>, Option<u64>)> {
    let (range, total) = header(headers, "content-range")?.strip_prefix("bytes ")?.split_once('/')?;
    let start = range.split_once('-').and_then(|(start, _)| start.parse().ok());
    Some((start, total.parse().ok()))
}

fn open(part: &Path, start: u64) -> std::io::Result<File> {
    if start > 0 { OpenOptions::new().append(true).open(part) } else { File::create(part) }
}

enum Stopped {
    Network(String),
    Disk(Error),
}

fn receive(
    body: &mut Body,
    file: &mut File,
    part: &Path,
    start: u64,
    total: Option<u64>,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<(), Stopped> {
    let (mut reader, mut buffer, mut done) = (body.as_reader(), vec![0; 1 << 16], start);
    progress(done, total);
    loop {
        let got = reader.read(&mut buffer).map_err(|e| Stopped::Network(e.to_string()))?;
        if got == 0 {
            break;
        }
        file.write_all(&buffer[..got]).map_err(|e| Stopped::Disk(Error::io(part, e)))?;
        done += got as u64;
        progress(done, total);
    }
    match total {
        Some(total) if total != done => Err(Stopped::Network(format!("expected {total} bytes, got {done}"))),
        _ => Ok(()),
    }
}
