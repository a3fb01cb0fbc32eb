//! Who may ask: the page itself, opened by whoever reads the printed address, and no other page or user.

use super::request::{Failure, Head};
use anyhow::{Result, anyhow};
use subtle::ConstantTimeEq;

/// Random bytes of a token.
const RANDOM: usize = 16;

/// What a request has to show.
pub(super) struct Gate {
    port: u16,
    token: String,
    /// Which paths are the same for everybody, and need no token.
    is_public: fn(&str) -> bool,
}

impl Gate {
    /// A gate with a token of its own.
    pub(super) fn new(port: u16, is_public: fn(&str) -> bool) -> Result<Self> {
        let mut random = [0; RANDOM];
        getrandom::fill(&mut random).map_err(|e| anyhow!("expected random bytes of the system, got {e}"))?;
        Ok(Self::with_token(port, random.iter().map(|b| format!("{b:02x}")).collect(), is_public))
    }

    /// A gate with a token that is known: the fuzzers' one.
    pub(super) fn with_token(port: u16, token: String, is_public: fn(&str) -> bool) -> Self {
        Self { port, token, is_public }
    }

    /// The address that opens the page.
    pub(super) fn address(&self) -> String {
        format!("http://127.0.0.1:{}/?token={}", self.port, self.token)
    }

    /// Checks that the request names this server (a name that another site points here is none of its names), that
    /// writes come from its own page, and that it has the token.
    pub(super) fn check(&self, head: &Head) -> Result<(), Failure> {
        let refuse = |expected: &str| Err(Failure::new(403, expected));
        if !head.header("Host")?.is_some_and(|host| self.is_own(host)) {
            return refuse("expected the Host 127.0.0.1 or localhost with this server's port");
        }
        let is_own = |origin: &str| origin.strip_prefix("http://").is_some_and(|host| self.is_own(host));
        if head.method != "GET" && !head.header("Origin")?.is_none_or(is_own) {
            return refuse("expected a request of this server's own page, got one of another origin");
        }
        if (self.is_public)(&head.path) {
            return Ok(());
        }
        let token = head.header("X-Facekp-Token")?.or(head.query("token")).unwrap_or_default();
        if !bool::from(token.as_bytes().ct_eq(self.token.as_bytes())) {
            return refuse("expected the token of the address that `facekp serve` printed");
        }
        Ok(())
    }

    fn is_own(&self, host: &str) -> bool {
        let bare = |name: &str| self.port == 80 && host == name;
        ["127.0.0.1", "localhost"].iter().any(|name| host == format!("{name}:{}", self.port) || bare(name))
    }
}
