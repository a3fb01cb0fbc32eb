//! The text of a file with its coding, and parts of it replaced.

use std::ops::Range;

const MARK: &str = "\u{feff}";

/// A file's text as readers take it: UTF-8, with or without a mark, or else Latin-1.
pub(super) struct Text {
    pub content: String,
    coding: Coding,
}

#[derive(Clone, Copy)]
enum Coding {
    Utf8,
    Marked,
    Latin1,
}

impl Text {
    pub(super) fn of(bytes: &[u8]) -> Self {
        match str::from_utf8(bytes) {
            Ok(text) => match text.strip_prefix(MARK) {
                Some(rest) => Self { content: rest.to_owned(), coding: Coding::Marked },
                None => Self { content: text.to_owned(), coding: Coding::Utf8 },
            },
            Err(_) => Self { content: bytes.iter().copied().map(char::from).collect(), coding: Coding::Latin1 },
        }
    }

    /// The bytes of a changed text. What is put into one is ASCII.
    pub(super) fn encode(&self, content: String) -> Vec<u8> {
        match self.coding {
            Coding::Utf8 => content.into_bytes(),
            Coding::Marked => [MARK.as_bytes(), content.as_bytes()].concat(),
            Coding::Latin1 => content.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect(),
        }
    }
}

/// `text` with each range, in ascending order, replaced.
pub(super) fn splice(text: &str, parts: &[(Range<usize>, String)]) -> String {
    let mut spliced = text.to_owned();
    for (range, new) in parts.iter().rev() {
        spliced.replace_range(range.clone(), new);
    }
    spliced
}

/// A coordinate with as many decimals as are worth keeping: three, and no zeros behind them.
pub(super) fn decimal(value: f64) -> String {
    let rounded = (value * 1e3).round() / 1e3;
    // no minus before a zero
    format!("{}", rounded + 0.0)
}
