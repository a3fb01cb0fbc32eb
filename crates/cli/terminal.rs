//! What standard error can show: colors and moving bars belong on terminals, never in files.

use indicatif::{ProgressBar, ProgressStyle};
use std::{env, io::IsTerminal};

/// Whether standard error is a terminal whose cursor can be moved.
pub(crate) fn has_cursor() -> bool {
    std::io::stderr().is_terminal() && env::var_os("TERM").is_none_or(|t| t != "dumb")
}

/// Whether standard error may be colored: such a terminal, and no `NO_COLOR` (<https://no-color.org>).
pub(crate) fn has_color() -> bool {
    has_cursor() && env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

/// A bar for a download, whose length is set when it is known.
pub(crate) fn download_bar() -> ProgressBar {
    bar(0, "{bar:30} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left")
}

/// A bar over `length` steps in the style of `template`; invisible where it could not move.
pub(crate) fn bar(length: u64, template: &str) -> ProgressBar {
    if !has_cursor() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
