//! One request of HTTP/1.1 and its answer over a connection, with limits of length and time; every connection carries
//! one request.

use httparse::{EMPTY_HEADER, Request, Status};
use percent_encoding::percent_decode_str;
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

/// The longest head of a request, bytes, and the most headers in it.
const MOST_HEAD: usize = 16 << 10;
const MOST_HEADERS: usize = 64;
/// The longest body, bytes.
pub(super) const MOST_BODY: usize = 32 << 20;
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

/// Why a request is refused: HTTP's status and one line.
#[derive(Debug)]
pub(super) struct Failure {
    pub status: u16,
    pub message: String,
}

impl Failure {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

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

/// The head of a request.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub method: String,
    /// Decoded, without the query.
    pub path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl Head {
    /// The value of a header that stands there once; `Err` where it stands there twice.
    pub(super) fn header(&self, name: &str) -> Result<Option<&str>, Failure> {
        let mut all = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str());
        match (all.next(), all.next()) {
            (_, Some(_)) => Err(Failure::new(400, format!("expected one header {name}, got several"))),
            (one, None) => Ok(one),
        }
    }

    /// The first value of this name in the query.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    fn of(request: &Request<'_, '_>) -> Result<Self, Failure> {
        let bad = |what: &str| Failure::new(400, format!("expected a request in UTF-8, got other bytes in its {what}"));
        let text = |part: &str| percent_decode_str(part).decode_utf8().map(|t| t.into_owned());
        let (path, query) =
            request.path.unwrap_or_default().split_once('?').unwrap_or((request.path.unwrap_or(""), ""));
        let pair = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Ok((text(name)?, text(value)?))
        };
        let query: Result<_, std::str::Utf8Error> = query.split('&').filter(|p| !p.is_empty()).map(pair).collect();
        let header =
            |h: &httparse::Header<'_>| Some((h.name.to_owned(), str::from_utf8(h.value).ok()?.trim().to_owned()));
        Ok(Self {
            method: request.method.unwrap_or_default().to_owned(),
            path: text(path).map_err(|_| bad("path"))?,
            query: query.map_err(|_| bad("query"))?,
            headers: request.headers.iter().map(header).collect::<Option<_>>().ok_or_else(|| bad("headers"))?,
        })
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
            bytes.extend_from_slice(&part[..count]);
            let mut headers = [EMPTY_HEADER; MOST_HEADERS];
            let mut request = Request::new(&mut headers);
            match request.parse(&bytes) {
                Ok(Status::Complete(length)) => {
                    let head = Head::of(&request)?;
                    self.rest = bytes.split_off(length);
                    return Ok(Some(head));
                }
                Ok(Status::Partial) if count == 0 => {
                    return Err(Failure::new(400, "expected a whole request, got one that ends within its head"));
                }
                Ok(Status::Partial) if bytes.len() < MOST_HEAD => {}
                Ok(Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                    let most = format!("expected a head of at most {MOST_HEAD} bytes and {MOST_HEADERS} headers");
                    return Err(Failure::new(431, most));
                }
                Err(e) => return Err(Failure::new(400, format!("expected a request of HTTP/1.1, got {e}"))),
            }
        }
    }

    /// The body, as long as the head says.
    pub(super) fn body(&mut self, head: &Head) -> Result<Vec<u8>, Failure> {
        let stated = head.header("Content-Length")?.filter(|v| v.bytes().all(|b| b.is_ascii_digit()));
        let Some(stated) =
            stated.filter(|v| !v.is_empty() && head.header("Transfer-Encoding").is_ok_and(|t| t.is_none()))
        else {
            return Err(Failure::new(411, "expected a body whose Content-Length is stated in bytes"));
        };
        let length = stated.parse().unwrap_or(usize::MAX);
        if length > MOST_BODY {
            return Err(Failure::new(413, format!("expected a body of at most {MOST_BODY} bytes, got {stated}")));
        }
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
