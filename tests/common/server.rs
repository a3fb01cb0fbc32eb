//! `facekp serve` as a child, and requests to it byte by byte.

use super::facekp;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// A server that ends with the test.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) port: u16,
    pub(crate) token: String,
}

/// What it answers.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Server {
    /// Starts it on a free port with these weights, and this dataset where one is named.
    pub(crate) fn start(weights: &Path, data: Option<&Path>) -> Self {
        Self::of(&mut Self::command(weights, data))
    }

    /// What starts it.
    pub(crate) fn command(weights: &Path, data: Option<&Path>) -> Command {
        let mut c = Command::new(facekp().get_program());
        c.args(["serve", "--port", "0", "--device", "cpu", "--weights"]).arg(weights);
        c.env_remove("FACEKP_DATA").env_remove("FACEKP_WEIGHTS").env_remove("FACEKP_LOG");
        if let Some(dir) = data {
            c.arg("--data").arg(dir);
        }
        c
    }

    /// Starts it by a command of [`Server::command`].
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (port, token) = line.trim().strip_prefix("http://127.0.0.1:").unwrap().split_once("/?token=").unwrap();
        Self { child, port: port.parse().unwrap(), token: token.to_owned() }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// Sends bytes, ends the sending, and reads the answer.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        Answer::read(stream)
    }

    /// A request with the headers of a program that may ask.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        self.raw(&self.door().request(method, path, body))
    }

    /// For requests that may outlive it.
    pub(crate) fn door(&self) -> Door {
        Door { port: self.port, token: self.token.clone() }
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        self.ask("GET", path, b"").json()
    }
}

/// Where a server is asked that may end meanwhile.
pub(crate) struct Door {
    port: u16,
    token: String,
}

impl Door {
    /// As [`Server::ask`]; `None` where the server ends without an answer.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &[u8]) -> Option<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
        stream.write_all(&self.request(method, path, body)).ok()?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).ok()?;
        Answer::of(&bytes)
    }

    fn request(&self, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
        let (port, token, length) = (self.port, &self.token, body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Facekp-Token: {token}\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        [head.as_bytes(), body].concat()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Answer {
    pub(crate) fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        Self::of(&bytes).unwrap_or_else(|| panic!("{bytes:?}"))
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Some(Self { status, head, body: bytes[end + 4..].to_vec() })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The JSON of a request that succeeded.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Asserts that it was refused in one line.
    pub(crate) fn refused(&self, status: u16, words: &str) {
        let text = self.text();
        assert_eq!(self.status, status, "{text}");
        let said: Value = serde_json::from_str(&text).unwrap();
        let error = said["error"].as_str().unwrap();
        assert!(error.contains(words) && !error.contains('\n'), "{words:?} is not in {error:?}");
    }
}
