//! A setting that cannot be: its key, what was expected there, and what it is.

use std::fmt::{self, Display};

/// Shows something in one line: what others wrote into files, and files' names, may have several.
#[derive(Clone, Copy, Debug)]
pub struct OneLine<T>(pub T);

impl<T: Display> Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Joined<'a, 'b>(&'a mut fmt::Formatter<'b>);
        impl fmt::Write for Joined<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                let mut parts = text.split(['\n', '\r']);
                self.0.write_str(parts.next().unwrap_or_default())?;
                parts.try_for_each(|part| self.0.write_str(" ").and_then(|()| self.0.write_str(part)))
            }
        }
        fmt::Write::write_fmt(&mut Joined(f), format_args!("{}", self.0))
    }
}

/// What is wrong with one setting. The key is a field of its own, so that whoever knows the file can find its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The key, dotted, as seen by whoever found it: `crop.enlarge`.
    pub at: String,
    /// What could stand there.
    pub expected: String,
    /// What stands there.
    pub got: String,
}

impl Wrong {
    /// From anything that can be shown.
    pub fn new(at: impl Into<String>, expected: impl Display, got: impl Display) -> Self {
        Self { at: at.into(), expected: expected.to_string(), got: got.to_string() }
    }

    /// The same, seen from the table `above` the key.
    #[must_use]
    pub fn below(self, above: &str) -> Self {
        Self { at: format!("{above}.{}", self.at), ..self }
    }
}

impl Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, got {}", OneLine(&self.at), OneLine(&self.expected), OneLine(&self.got))
    }
}

impl std::error::Error for Wrong {}

/// Refuses a `value` for which `holds` is not true.
///
/// # Errors
/// The key, what was `expected` and the value.
pub fn ensure<T: Display>(
    at: &str,
    value: T,
    expected: impl Display,
    holds: impl FnOnce(&T) -> bool,
) -> Result<(), Wrong> {
    if holds(&value) { Ok(()) } else { Err(Wrong::new(at, expected, value)) }
}

/// Refuses all but finite numbers above 0.
///
/// # Errors
/// As [`ensure`].
pub fn ensure_positive(at: &str, value: f64) -> Result<(), Wrong> {
    ensure(at, value, "a number above 0", |v| v.is_finite() && *v > 0.0)
}

/// Refuses all but finite numbers of 0 or more.
///
/// # Errors
/// As [`ensure`].
pub fn ensure_not_negative(at: &str, value: f64) -> Result<(), Wrong> {
    ensure(at, value, "a number of 0 or more", |v| v.is_finite() && *v >= 0.0)
}

/// Refuses all but numbers from 0 to below 1.
///
/// # Errors
/// As [`ensure`].
pub fn ensure_below_one(at: &str, value: f64) -> Result<(), Wrong> {
    ensure(at, value, "a number from 0 to below 1", |v| (0.0..1.0).contains(v))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_said_from_where_it_is_seen() {
        let wrong = Wrong::new("enlarge", "a number above 0", -1.0).below("crop").below("view");
        assert_eq!(wrong.to_string(), "view.crop.enlarge: expected a number above 0, got -1");
    }

    #[test]
    fn what_is_no_number_is_within_no_bounds() {
        for check in [ensure_positive, ensure_not_negative, ensure_below_one] {
            assert!(check("x", f64::NAN).is_err() && check("x", f64::INFINITY).is_err());
            assert!(check("x", 0.5).is_ok());
        }
        assert!(ensure_positive("x", 0.0).is_err() && ensure_not_negative("x", 0.0).is_ok());
        assert!(ensure_below_one("x", 1.0).is_err());
    }
}
