//! Plots as SVG text that a page can hold.

use crate::error::{Error, Result};
use crate::markup::escape;
use plotters::{coord::Shift, prelude::*};

/// What `draw` draws, as SVG text that takes its size from the page.
pub(super) fn svg(
    title: &str,
    (w, h): (u32, u32),
    draw: impl FnOnce(&DrawingArea<SVGBackend, Shift>) -> std::result::Result<(), String>,
) -> Result<String> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (w, h)).into_drawing_area();
        draw(&root).and_then(|()| root.present().map_err(|e| e.to_string())).map_err(|e| Error::plot(title, e))?;
    }
    // The page sets the size; the picture says in words what it is.
    let fixed = format!("width=\"{w}\" height=\"{h}\" ");
    let words = format!("role=\"img\" aria-label=\"{}\" ", escape(title));
    Ok(text.replacen(&fixed, &words, 1).replace("font-family=\"sans-serif\"", "font-family=\"system-ui, sans-serif\""))
}
