//! The schemes that come with the program.

use super::Scheme;
use std::{
    path::Path,
    sync::{Arc, LazyLock},
};

macro_rules! built_in {
    ($($(#[$doc:meta])* $constant:ident = $file:literal;)*) => {
        $($(#[$doc])* pub static $constant: LazyLock<Arc<Scheme>> =
            LazyLock::new(|| read($file, include_str!(concat!("../../schemes/", $file))));)*
        const ALL: &[&LazyLock<Arc<Scheme>>] = &[$(&$constant),*];
    };
}

built_in! {
    /// The 58 points of the IMM face database.
    IMM_58 = "imm58.toml";
    /// The 68 points of iBUG 300-W.
    IBUG_68 = "ibug68.toml";
    /// The tip of the nose alone: point 52 of [`IMM_58`].
    NOSE_1 = "nose1.toml";
}

/// The built-in scheme called `name`.
pub fn by_name(name: &str) -> Option<Arc<Scheme>> {
    ALL.iter().map(|scheme| &***scheme).find(|scheme| scheme.name == name).cloned()
}

/// The built-in schemes.
pub(crate) fn all() -> Vec<Arc<Scheme>> {
    ALL.iter().map(|scheme| Arc::clone(scheme)).collect()
}

/// The names of the built-in schemes, for errors.
pub(super) fn names() -> String {
    all().iter().map(|scheme| scheme.name()).collect::<Vec<_>>().join(", ")
}

#[allow(clippy::panic)] // The text is this program's own; a test reads all of them.
fn read(file: &str, text: &str) -> Arc<Scheme> {
    Arc::new(Scheme::from_toml(Path::new(file), text).unwrap_or_else(|e| panic!("{e}")))
}
