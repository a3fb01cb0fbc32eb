//! Bar plots: one value per name.

use super::{
    Axes, Bar, CANVAS, COLORS, TEXT, font, heading,
    raster::{self, picture},
    svg::svg,
};
use crate::error::{Error, Result};
use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use std::path::Path;

/// Draws horizontal bars with their values as SVG text; `axes.x` is the unit, `axes.y` is not shown.
///
/// # Errors
/// [`Error::Plot`] for no bars or a value that is negative or not finite.
pub(crate) fn bars_svg(axes: &Axes, bars: &[Bar]) -> Result<String> {
    let top = longest(axes, bars)?;
    svg(&axes.title, canvas(bars), |root| draw(root, axes, bars, top))
}

/// Draws horizontal bars into a PNG file.
///
/// # Errors
/// As [`bars_svg`]; when the file cannot be written.
pub(crate) fn bars_png(axes: &Axes, bars: &[Bar], path: &Path) -> Result<()> {
    let top = longest(axes, bars)?;
    raster::write(path, &picture(&axes.title, canvas(bars), |root| draw(root, axes, bars, top))?)
}

fn longest(axes: &Axes, bars: &[Bar]) -> Result<f64> {
    match bars.iter().find(|b| !(b.value.is_finite() && b.value >= 0.0)) {
        Some(b) => Err(Error::plot(&axes.title, format!("expected a length for {}, got {}", b.name, b.value))),
        None if bars.is_empty() => Err(Error::plot(&axes.title, "expected at least one bar, got none")),
        None => Ok(bars.iter().map(|b| b.value).fold(0.0, f64::max)),
    }
}

fn canvas(bars: &[Bar]) -> (u32, u32) {
    (CANVAS.0, 170 + 64 * bars.len() as u32)
}

fn draw<B: DrawingBackend>(
    root: &DrawingArea<B, Shift>,
    axes: &Axes,
    bars: &[Bar],
    top: f64,
) -> std::result::Result<(), String> {
    let words = |e: DrawingAreaErrorKind<B::ErrorType>| e.to_string();
    root.fill(&WHITE).map_err(words)?;
    root.draw(&Text::new(axes.title.clone(), (30, 24), heading())).map_err(words)?;
    root.draw(&Text::new(axes.x.clone(), (30, 86), font(TEXT))).map_err(words)?;
    let names = bars.iter().map(|b| b.name.chars().count()).max().unwrap_or(0);
    let left = 40 + (names as f64 * TEXT * 0.6) as i32;
    let room = f64::from(CANVAS.0 as i32 - left - 200);
    for (i, bar) in bars.iter().enumerate() {
        let middle = 170 + 64 * i as i32;
        let long = if top > 0.0 { (bar.value / top * room).round() as i32 } else { 0 };
        let right = font(TEXT).pos(Pos::new(HPos::Right, VPos::Center));
        root.draw(&Text::new(bar.name.clone(), (left - 16, middle), right)).map_err(words)?;
        root.draw(&Rectangle::new([(left, middle - 21), (left + long.max(2), middle + 21)], COLORS[0].filled()))
            .map_err(words)?;
        let value = font(TEXT).pos(Pos::new(HPos::Left, VPos::Center));
        root.draw(&Text::new(format!("{:.2}", bar.value), (left + long + 14, middle), value)).map_err(words)?;
    }
    Ok(())
}
