//! Plots as SVG (for the page) and PNG (as a file): lines and bars.
//!
//! Both come from one drawing routine on a canvas of 1600 units across; the SVG scales with its page.

mod axis;
mod bars;
mod lines;
mod raster;
mod svg;

pub(crate) use bars::{bars_png, bars_svg};
pub use lines::{lines_png, lines_svg};

use plotters::prelude::*;

/// One line of a plot.
#[derive(Clone, Debug)]
pub struct Series {
    /// Legend text.
    pub name: String,
    /// Points `(x, y)` of the line, from left to right; those that are not finite are left out.
    pub points: Vec<(f64, f64)>,
}

/// Texts and scale of a plot's axes.
#[derive(Clone, Debug)]
pub struct Axes {
    /// Title above the plot.
    pub title: String,
    /// Label of the x axis with its unit.
    pub x: String,
    /// Label of the y axis with its unit.
    pub y: String,
    /// Whether y is logarithmic.
    pub log_y: bool,
}

/// One bar of a bar plot.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    /// Label.
    pub name: String,
    /// Value, drawn as length.
    pub value: f64,
}

const CANVAS: (u32, u32) = (1600, 1000);
/// Distinguishable for color-blind readers (Okabe and Ito 2008).
const COLORS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(120, 94, 20),
    RGBColor(60, 60, 60),
];
const INK: RGBColor = RGBColor(34, 38, 46);
const FAINT: RGBColor = RGBColor(221, 225, 232);
const TEXT: f64 = 40.0;
const TITLE: f64 = 46.0;
/// `plotters` counts a font's size with its line gap; its SVG backend divides by the same number.
const LINE_GAP: f64 = 1.24;

fn font(size: f64) -> TextStyle<'static> {
    ("sans-serif", size * LINE_GAP).into_font().color(&INK)
}

fn heading() -> TextStyle<'static> {
    ("sans-serif", TITLE * LINE_GAP, FontStyle::Bold).into_font().color(&INK)
}

#[cfg(test)]
mod tests;
