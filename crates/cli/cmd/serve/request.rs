//! What a request of HTTP/1.1 says before its body: bytes in, and a head or the reason why it is refused out.
//!
//! Nothing here knows of connections or of what is answered, so that the fuzzers read it as it stands
//! (`fuzz/src/lib.rs`).

use candle_vision_helpers::wrong::OneLine;
use httparse::{EMPTY_HEADER, Request, Status};
use percent_encoding::percent_decode_str;

/// The longest head of a request, bytes, and the most headers in it.
const MOST_HEAD: usize = 16 << 10;
const MOST_HEADERS: usize = 64;
/// The longest body, bytes.
const MOST_BODY: usize = 32 << 20;

/// Why a request is refused: HTTP's status and one line.
#[derive(Debug)]
pub(super) struct Failure {
    pub status: u16,
    pub message: String,
}

impl Failure {
    /// One line, whatever of the request stands in it.
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self { status, message: OneLine(message).to_string() }
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
    /// The head that these bytes begin with, and its length; `None` where they end within it.
    pub(super) fn of(bytes: &[u8]) -> Result<Option<(Self, usize)>, Failure> {
        let mut headers = [EMPTY_HEADER; MOST_HEADERS];
        let mut request = Request::new(&mut headers);
        match request.parse(bytes) {
            Ok(Status::Complete(length)) => Ok(Some((Self::decoded(&request)?, length))),
            Ok(Status::Partial) if bytes.len() < MOST_HEAD => Ok(None),
            Ok(Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                let most = format!("expected a head of at most {MOST_HEAD} bytes and {MOST_HEADERS} headers");
                Err(Failure::new(431, most))
            }
            Err(e) => Err(Failure::new(400, format!("expected a request of HTTP/1.1, got {e}"))),
        }
    }

    fn decoded(request: &Request<'_, '_>) -> Result<Self, Failure> {
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

    /// The length of the body in bytes, which has to be stated.
    pub(super) fn body_length(&self) -> Result<usize, Failure> {
        let stated = self.header("Content-Length")?.filter(|v| v.bytes().all(|b| b.is_ascii_digit()));
        let Some(stated) =
            stated.filter(|v| !v.is_empty() && self.header("Transfer-Encoding").is_ok_and(|t| t.is_none()))
        else {
            return Err(Failure::new(411, "expected a body whose Content-Length is stated in bytes"));
        };
        let length = stated.parse().unwrap_or(usize::MAX);
        if length > MOST_BODY {
            return Err(Failure::new(413, format!("expected a body of at most {MOST_BODY} bytes, got {stated}")));
        }
        Ok(length)
    }
}
