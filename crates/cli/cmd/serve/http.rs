//! One request and its answer over a connection, with limits of time; every connection carries one request.

use super::request::{Failure, Head};
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

/// How long a head and a body may take, and how long nothing of an answer may be taken.
const HEAD_TIME: Duration = Duration::from_secs(10);
const BODY_TIME: Duration = Duration::from_secs(60);
const WRITE_TIME: Duration = Duration::from_secs(30);
/// How long, and how many bytes, a request is read on that was answered.
const DRAIN_TIME: Duration = Duration::from_secs(2);
const DRAIN_BYTES: u64 = 64 << 20;

/// What a page may do: nothing but its own files and this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
    connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What could not be done with a sound request, such as a photo that is none.
impl From<anyhow::Error> for Failure {
    fn from(e: anyhow::Error) -> Self {
        Self::new(422, crate::output::one_line(&e))
    }
}

/// What is sent back.
#[derive(Debug)]
pub(super) struct Response {
    pub status: u16,
    pub kind: &'static str,
    pub body: Vec<u8>,
}

impl Response {
    pub(super) fn ok(kind: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, kind, body: body.into() }
    }

    pub(super) fn json(value: &impl serde::Serialize) -> Result<Self, Failure> {
        let body = serde_json::to_vec(value).map_err(|e| Failure::new(500, e.to_string()))?;
        Ok(Self::ok("application/json", body))
    }
}

impl From<Failure> for Response {
    fn from(Failure { status, message }: Failure) -> Self {
        let body = serde_json::json!({ "error": message }).to_string().into_bytes();
        Self { status, kind: "application/json", body }
    }
}

/// A connection, read up to a moment.
pub(super) struct Connection {
    stream: TcpStream,
    until: Instant,
    /// What came with the head and is behind it.
    rest: Vec<u8>,
}

/// A read that waits no longer than to that moment, however slowly bytes come.
impl Read for Connection {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(to)
    }
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, until: Instant::now() + HEAD_TIME, rest: Vec::new() }
    }

    /// The head of the request; `None` where the other side closes without one.
    pub(super) fn head(&mut self) -> Result<Option<Head>, Failure> {
        let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
        loop {
            let count = match self.read(&mut part) {
                // browsers open some in advance
                Ok(0) | Err(_) if bytes.is_empty() => return Ok(None),
                count => count.map_err(|e| unread(&e, "the head"))?,
            };
            if count == 0 {
                return Err(Failure::new(400, "expected a whole request, got one that ends within its head"));
            }
            bytes.extend_from_slice(&part[..count]);
            if let Some((head, length)) = Head::of(&bytes)? {
                self.rest = bytes.split_off(length);
                return Ok(Some(head));
            }
        }
    }

    /// The body, as long as the head says.
    pub(super) fn body(&mut self, head: &Head) -> Result<Vec<u8>, Failure> {
        let length = head.body_length()?;
        if head.header("Expect")?.is_some_and(|e| e.eq_ignore_ascii_case("100-continue")) {
            let go = self.stream.set_write_timeout(Some(WRITE_TIME));
            let go = go.and_then(|()| self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n"));
            go.map_err(|e| unread(&e, "the body"))?;
        }
        self.until = Instant::now() + BODY_TIME;
        let mut body = std::mem::take(&mut self.rest);
        body.truncate(length);
        let more = (length - body.len()) as u64;
        self.by_ref().take(more).read_to_end(&mut body).map_err(|e| unread(&e, "the body"))?;
        if body.len() < length {
            let got = body.len();
            return Err(Failure::new(400, format!("expected a body of {length} bytes, got one cut off after {got}")));
        }
        Ok(body)
    }

    /// Sends an answer.
    pub(super) fn send(&mut self, response: &Response) -> io::Result<()> {
        let Response { status, kind, body } = response;
        let head = format!(
            "HTTP/1.1 {status} {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
             Cross-Origin-Resource-Policy: same-origin\r\nContent-Security-Policy: {POLICY}\r\n\r\n",
            reason(*status),
            body.len(),
        );
        self.stream.set_write_timeout(Some(WRITE_TIME))?;
        self.stream.write_all(head.as_bytes())?;
        self.stream.write_all(body)?;
        self.stream.shutdown(Shutdown::Write)
    }

    /// Reads on what nobody asks for, so that the other side reads the answer and no reset.
    pub(super) fn drain(mut self) {
        self.until = Instant::now() + DRAIN_TIME;
        io::copy(&mut self.take(DRAIN_BYTES), &mut io::sink()).ok();
    }
}

fn unread(e: &io::Error, what: &str) -> Failure {
    match e.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Failure::new(408, format!("expected {what} sooner")),
        _ => Failure::new(400, format!("{what}: {e}")),
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Bad Request",
    }
}
