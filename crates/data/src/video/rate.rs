//! Frame rates as the fractions that videos state.

use std::{
    fmt::{self, Display},
    str::FromStr,
};

/// How many frames a video has in how many seconds, both above 0: 30000 in 1001.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    frames: u32,
    seconds: u32,
}

impl Default for Rate {
    /// 30 frames a second.
    fn default() -> Self {
        Self { frames: 30, seconds: 1 }
    }
}

impl Rate {
    /// A rate of so many frames in so many seconds; `None` where one of them is 0.
    pub fn new(frames: u32, seconds: u32) -> Option<Self> {
        (frames > 0 && seconds > 0).then_some(Self { frames, seconds })
    }

    /// Frames in a second.
    pub fn per_second(self) -> f64 {
        f64::from(self.frames) / f64::from(self.seconds)
    }

    /// When frame `number` is shown, in seconds from the first one.
    pub fn time(self, number: usize) -> f64 {
        number as f64 * f64::from(self.seconds) / f64::from(self.frames)
    }
}

/// As in a Y4M header: `30000:1001`.
impl Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.frames, self.seconds)
    }
}

/// Digits behind the point of a decimal number that are read.
const DECIMALS: usize = 4;

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fraction = |a: &str, b: &str| Rate::new(a.trim().parse().ok()?, b.trim().parse().ok()?);
        let read = match (text.split_once(['/', ':']), text.split_once('.')) {
            (Some((frames, seconds)), _) => fraction(frames, seconds),
            (None, Some((whole, part))) if part.len() <= DECIMALS && part.bytes().all(|c| c.is_ascii_digit()) => {
                fraction(&format!("{whole}{part}"), &format!("1{}", "0".repeat(part.len())))
            }
            (None, Some(_)) => None,
            (None, None) => fraction(text, "1"),
        };
        read.ok_or_else(|| format!("expected frames a second, such as 25, 29.97 or 30000/1001, got {text:?}"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rates_are_read_as_people_and_headers_write_them() {
        for (text, frames, seconds) in
            [("25", 25, 1), ("30000/1001", 30000, 1001), ("30000:1001", 30000, 1001), ("29.97", 2997, 100)]
        {
            assert_eq!(text.parse(), Ok(Rate { frames, seconds }), "{text}");
        }
        for text in ["", "0", "0:0", "25/0", "-3", "1e3", "3.14159", "3.x", "99999999999", "nan"] {
            assert!(text.parse::<Rate>().unwrap_err().starts_with("expected frames a second"), "{text}");
        }
    }

    #[test]
    fn times_by_hand() {
        let rate: Rate = "30000/1001".parse().unwrap();
        assert_eq!(rate.time(30000), 1001.0);
        assert!((rate.per_second() - 29.97003).abs() < 1e-5);
        assert_eq!((Rate::default().time(45), rate.to_string()), (1.5, "30000:1001".to_owned()));
    }
}
