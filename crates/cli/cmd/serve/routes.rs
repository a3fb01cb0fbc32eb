//! Which request is answered by what.

use super::{
    album::Album,
    assets,
    counter::Counter,
    gate::Gate,
    http::{Connection, Response},
    networks::Networks,
    photos,
    request::{Failure, Head},
};
use serde_json::json;

/// All that requests are about.
pub(super) struct Site {
    pub gate: Gate,
    pub networks: Networks,
    pub album: Option<Album>,
    /// Requests that are being answered.
    pub working: Counter,
}

impl Site {
    /// Reads the request of a connection and answers it.
    pub(super) fn serve(&self, mut connection: Connection) {
        let sent = match connection.head() {
            Ok(None) => return,
            Ok(Some(head)) => {
                let _working = self.working.add();
                let response = self.answer(&head, &mut connection).unwrap_or_else(|failure| {
                    tracing::debug!("{} {}: {} {}", head.method, head.path, failure.status, failure.message);
                    failure.into()
                });
                connection.send(&response)
            }
            Err(failure) => connection.send(&failure.into()),
        };
        match sent {
            Ok(()) => connection.drain(),
            // whoever asked is gone
            Err(e) => tracing::debug!("an answer was not sent: {e}"),
        }
    }

    /// Nothing of a body is read before the gate let the request through.
    fn answer(&self, head: &Head, connection: &mut Connection) -> Result<Response, Failure> {
        self.gate.check(head)?;
        let path: Vec<&str> = head.path.split('/').skip(1).collect();
        let album =
            || self.album.as_ref().ok_or_else(|| Failure::new(404, "expected `facekp serve --data DIR`, got none"));
        match (head.method.as_str(), &path[..]) {
            ("GET", ["api", "networks"]) => Response::json(&json!({
                "networks": self.networks.list(),
                "default": self.networks.default(),
                "data": self.album.is_some(),
            })),
            ("GET", ["api", "onnx"]) => {
                Ok(Response::ok("application/octet-stream", self.networks.onnx(head.query("weights"))?))
            }
            ("POST", ["api", "predict"]) => photos::predict(&self.networks, head, &connection.body(head)?),
            ("POST", ["api", "maps"]) => photos::maps(&self.networks, head, &connection.body(head)?),
            ("GET", ["api", "data"]) => album()?.list(),
            ("GET", ["api", "data", item]) => album()?.get(number(item)?),
            ("GET", ["api", "data", item, "picture"]) => album()?.picture(number(item)?),
            ("PUT", ["api", "data", item]) => album()?.put(number(item)?, &connection.body(head)?),
            (_, ["api", "networks" | "onnx" | "predict" | "maps"] | ["api", "data", ..]) => {
                Err(Failure::new(405, format!("{}: expected another method than {}", head.path, head.method)))
            }
            ("GET", _) => {
                assets::file(&head.path).ok_or_else(|| Failure::new(404, format!("{}: no such page", head.path)))
            }
            _ => Err(Failure::new(405, format!("{}: expected GET, got {}", head.path, head.method))),
        }
    }
}

fn number(text: &str) -> Result<usize, Failure> {
    text.parse().map_err(|_| Failure::new(404, format!("expected the number of an item, from 0, got {text:?}")))
}
