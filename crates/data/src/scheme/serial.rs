//! A scheme within other files: by name where a built-in one is meant, else with all its keys.

use super::{
    Scheme,
    built_in::{by_name, names},
};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};
use std::{fmt, sync::Arc};

/// For `#[serde(with)]`: a built-in scheme is written by its name, another one with all its keys; both are read.
pub mod named {
    use super::{Arc, Deserializer, NameOrScheme, Scheme, Serialize, Serializer, by_name};

    /// Writes the name of a built-in scheme, all keys of another.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(scheme: &Arc<Scheme>, to: S) -> Result<S::Ok, S::Error> {
        match by_name(scheme.name()) {
            Some(known) if known == *scheme => scheme.name().serialize(to),
            _ => scheme.as_ref().serialize(to),
        }
    }

    /// Reads the name of a built-in scheme, or a scheme with all its keys.
    ///
    /// # Errors
    /// An unknown name, or a scheme that breaks a rule.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Scheme>, D::Error> {
        from.deserialize_any(NameOrScheme)
    }
}

struct NameOrScheme;

impl<'de> Visitor<'de> for NameOrScheme {
    type Value = Arc<Scheme>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a scheme: one of {}, or a table", names())
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        by_name(name)
            .ok_or_else(|| E::custom(format_args!("scheme: expected one of {}, or a table, got {name:?}", names())))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Scheme::deserialize(MapAccessDeserializer::new(map)).map(Arc::new)
    }
}
