//! `--shard I/N`: the pictures that one of several processes takes.

use sha2::{Digest, Sha256};
use std::{fmt, path::Path, str::FromStr};

/// Part `part` of `of`, written `2/4`.
///
/// A picture's name alone says in which part it is: the first eight bytes of the name's SHA-256, read as a number whose
/// first byte counts most, modulo `of`, is `part - 1`. So the parts are disjoint and cover all pictures even where
/// every process lists a folder for itself while it changes, and a name that is given twice is in one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shard {
    part: u64,
    of: u64,
}

impl Shard {
    /// Whether the picture is in this part.
    pub(super) fn has(self, picture: &Path) -> bool {
        let hash = Sha256::digest(picture.as_os_str().as_encoded_bytes());
        let number = hash.iter().take(8).fold(0, |number, &byte| (number << 8) | u64::from(byte));
        number % self.of == self.part - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let numbers: Option<(u64, u64)> =
            s.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((part, of)) if (1..=of).contains(&part) => Ok(Self { part, of }),
            Some((part, of @ 1..)) => Err(format!("expected a part from 1 to {of}, got {part}")),
            _ => Err(format!("expected I/N, such as 2/4, got {s:?}")),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_picture_is_in_one_part(names in prop::collection::vec(".*", 0..50), of in 1u64..40) {
            let parts: Vec<Shard> = (1..=of).map(|part| format!("{part}/{of}").parse().unwrap()).collect();
            for name in &names {
                prop_assert_eq!(parts.iter().filter(|part| part.has(Path::new(name))).count(), 1);
            }
        }
    }

    /// `int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % of` in Python; other releases and other
    /// machines have to agree, or a restarted job would lose pictures.
    #[test]
    fn the_parts_are_those_of_the_documented_rule() {
        let part_of = |name: &str, of: u64| {
            let is_in = |part: &u64| Shard { part: *part, of }.has(Path::new(name));
            (1..=of).find(is_in).unwrap()
        };
        let names = ["a.jpg", "b.jpg", "photos/c.png", "é.jpg"];
        assert_eq!(names.map(|name| part_of(name, 4)), [3, 3, 4, 1]);
        assert_eq!(names.map(|name| part_of(name, 7)), [5, 3, 1, 7]);
        let all: Vec<String> = (0..1000).map(|i| format!("{i}.jpg")).collect();
        let counts = [1, 2, 3, 4].map(|part| all.iter().filter(|name| part_of(name, 4) == part).count());
        assert_eq!(counts, [252, 269, 237, 242]);
    }

    #[test]
    fn what_is_no_part_is_refused() {
        assert_eq!("3/4".parse::<Shard>().unwrap().to_string(), "3/4");
        for wrong in ["0/4", "5/4", "1/0", "0/0", "1", "1/", "/4", "a/4", "-1/4", "1/4/2", ""] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
