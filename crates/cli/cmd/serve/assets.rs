//! The page's files, which the program holds.

use super::http::Response;

macro_rules! assets {
    ($($name:literal $kind:literal,)*) => {
        /// Path, type and text of each.
        const ASSETS: &[(&str, &str, &str)] =
            &[$((concat!("/", $name), $kind, include_str!(concat!("../../serve/", $name)))),*];
    };
}

assets! {
    "style.css" "text/css; charset=utf-8",
    "app.js" "text/javascript; charset=utf-8",
    "api.js" "text/javascript; charset=utf-8",
    "stage.js" "text/javascript; charset=utf-8",
    "photos.js" "text/javascript; charset=utf-8",
    "camera.js" "text/javascript; charset=utf-8",
    "data.js" "text/javascript; charset=utf-8",
    "draw.js" "text/javascript; charset=utf-8",
    "faces.js" "text/javascript; charset=utf-8",
    "history.js" "text/javascript; charset=utf-8",
    "points.js" "text/javascript; charset=utf-8",
}

/// Whether a file is the same for everybody and holds nothing of anybody: modules are fetched without a token.
pub(super) fn is_public(path: &str) -> bool {
    ASSETS.iter().any(|(name, ..)| *name == path)
}

/// The page itself, or a file of it.
pub(super) fn file(path: &str) -> Option<Response> {
    if path == "/" {
        return Some(Response::ok("text/html; charset=utf-8", include_str!("../../serve/index.html")));
    }
    ASSETS.iter().find(|(name, ..)| *name == path).map(|(_, kind, text)| Response::ok(kind, *text))
}
