//! Kinds by their names, from the table of formats.

use super::{FORMATS, PARTS, format::DatasetKind};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::str::FromStr;

impl DatasetKind {
    /// Every format that can be read, in the order in which a folder is asked.
    pub const ALL: &'static [Self] = FORMATS;

    /// All names that are understood, with those of old recipes.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FORMATS.iter().chain(PARTS).map(|kind| kind.name())
    }

    /// What a folder of any format holds, for errors.
    pub(crate) fn expected() -> String {
        let all: Vec<&str> = FORMATS.iter().map(|kind| kind.format().expected).collect();
        match &all[..] {
            [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
            _ => all.concat(),
        }
    }
}

impl FromStr for DatasetKind {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let found = FORMATS.iter().chain(PARTS).find(|kind| kind.name() == s);
        found
            .copied()
            .ok_or_else(|| format!("expected one of {}, got {s:?}", Self::names().collect::<Vec<_>>().join(", ")))
    }
}

impl Serialize for DatasetKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for DatasetKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_name_is_read_back_and_no_two_are_the_same() {
        let names: std::collections::BTreeSet<_> = DatasetKind::names().collect();
        assert_eq!(names.len(), FORMATS.len() + PARTS.len());
        for name in names {
            let kind: DatasetKind = name.parse().unwrap();
            assert_eq!(kind.name(), name);
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("{name:?}"));
            assert_eq!(serde_json::from_str::<DatasetKind>(&format!("{name:?}")).unwrap(), kind);
        }
        assert!(serde_json::from_str::<DatasetKind>("\"imm\"").unwrap_err().to_string().contains("got \"imm\""));
    }
}
