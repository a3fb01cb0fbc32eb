//! Curves as SVG (for the page) and PNG (beside it): losses, cumulative errors, bars.
//!
//! Both come from one drawing routine on a canvas of 1600 × 1000 units; the SVG scales with its page.

use crate::{Error, Result, raster::Raster, ticks::Axis};
use image::{Rgb, RgbImage};
use plotters::{
    coord::{
        Shift,
        ranged1d::{KeyPointHint, NoDefaultFormatting, ValueFormatter},
    },
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use std::path::Path;

/// One line of a plot.
#[derive(Clone, Debug)]
pub struct Series {
    /// In the legend.
    pub name: String,
    /// x, y.
    pub points: Vec<(f64, f64)>,
}

/// Axes.
#[derive(Clone, Debug)]
pub struct Axes {
    /// Above the plot.
    pub title: String,
    /// With its unit.
    pub x: String,
    /// With its unit.
    pub y: String,
    /// Whether y is logarithmic.
    pub log_y: bool,
}

/// One bar of a bar plot.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Beside it.
    pub name: String,
    /// Its length.
    pub value: f64,
}

const CANVAS: (u32, u32) = (1600, 1000);
/// Told apart without seeing colours, too (Okabe and Ito 2008).
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

/// A line plot as SVG text.
///
/// # Errors
/// [`crate::Error::Plot`] for no points or none that is finite.
pub fn lines_svg(axes: &Axes, series: &[Series]) -> Result<String> {
    let frame = frame(axes, series)?;
    svg(&axes.title, CANVAS, |root| draw_lines(root, axes, &frame, series))
}

/// The same as a PNG file.
///
/// # Errors
/// As [`lines_svg`]; when the file cannot be written.
pub fn lines_png(axes: &Axes, series: &[Series], path: &Path) -> Result<()> {
    let frame = frame(axes, series)?;
    let picture = picture(&axes.title, CANVAS, |root| draw_lines(root, axes, &frame, series))?;
    Ok(facekp_data::write_whole(path, &crate::visualize::png(&picture)?)?)
}

/// Horizontal bars with their values as SVG text; `axes.x` is the unit, `axes.y` is not shown.
///
/// # Errors
/// [`crate::Error::Plot`] for no bars or a length that is negative or not finite.
pub fn bars_svg(axes: &Axes, bars: &[Bar]) -> Result<String> {
    let top = longest(axes, bars)?;
    svg(&axes.title, bars_canvas(bars), |root| draw_bars(root, axes, bars, top))
}

/// The same as a PNG file.
///
/// # Errors
/// As [`bars_svg`]; when the file cannot be written.
pub fn bars_png(axes: &Axes, bars: &[Bar], path: &Path) -> Result<()> {
    let top = longest(axes, bars)?;
    let picture = picture(&axes.title, bars_canvas(bars), |root| draw_bars(root, axes, bars, top))?;
    Ok(facekp_data::write_whole(path, &crate::visualize::png(&picture)?)?)
}

fn svg(
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
    let words = format!("role=\"img\" aria-label=\"{}\" ", crate::report::html::escape(title));
    Ok(text.replacen(&fixed, &words, 1).replace("font-family=\"sans-serif\"", "font-family=\"system-ui, sans-serif\""))
}

fn picture(
    title: &str,
    (w, h): (u32, u32),
    draw: impl FnOnce(&DrawingArea<Raster, Shift>) -> std::result::Result<(), String>,
) -> Result<RgbImage> {
    let mut picture = RgbImage::from_pixel(w, h, Rgb([255; 3]));
    let root = Raster(&mut picture).into_drawing_area();
    draw(&root).map_err(|e| Error::plot(title, e))?;
    drop(root);
    Ok(picture)
}

fn frame(axes: &Axes, series: &[Series]) -> Result<(Axis, Axis)> {
    let shown = |(x, y): &&(f64, f64)| x.is_finite() && y.is_finite() && !(axes.log_y && *y <= 0.0);
    let points: Vec<(f64, f64)> = series.iter().flat_map(|s| s.points.iter().filter(shown)).copied().collect();
    let range = |f: fn(&(f64, f64)) -> f64| {
        points.iter().map(f).fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)))
    };
    let ((x0, x1), (y0, y1)) = (range(|p| p.0), range(|p| p.1));
    // A linear axis of errors or losses starts at 0 so that heights can be compared.
    let y0 = if !axes.log_y && y0 > 0.0 { 0.0 } else { y0 };
    // epochs come whole
    let whole = points.iter().all(|p| p.0.fract() == 0.0);
    Axis::exact(x0, x1, 6, whole)
        .zip(Axis::new(y0, y1, 5, axes.log_y))
        .ok_or_else(|| Error::plot(&axes.title, "expected at least one finite point, got none"))
}

fn longest(axes: &Axes, bars: &[Bar]) -> Result<f64> {
    match bars.iter().find(|b| !(b.value.is_finite() && b.value >= 0.0)) {
        Some(b) => Err(Error::plot(&axes.title, format!("expected a length for {}, got {}", b.name, b.value))),
        None if bars.is_empty() => Err(Error::plot(&axes.title, "expected at least one bar, got none")),
        None => Ok(bars.iter().map(|b| b.value).fold(0.0, f64::max)),
    }
}

fn bars_canvas(bars: &[Bar]) -> (u32, u32) {
    (CANVAS.0, 170 + 64 * bars.len() as u32)
}

fn font(size: f64) -> TextStyle<'static> {
    ("sans-serif", size * 1.24).into_font().color(&INK)
}

fn draw_lines<B: DrawingBackend>(
    root: &DrawingArea<B, Shift>,
    axes: &Axes,
    (x, y): &(Axis, Axis),
    series: &[Series],
) -> std::result::Result<(), String> {
    let words = |e: DrawingAreaErrorKind<B::ErrorType>| e.to_string();
    root.fill(&WHITE).map_err(words)?;
    root.draw(&Text::new(axes.title.clone(), (30, 24), heading())).map_err(words)?;
    draw_legend(root, series).map_err(words)?;
    let mut chart = ChartBuilder::on(root)
        .margin_top(160)
        .margin_right(50)
        .margin_left(16)
        .margin_bottom(16)
        .x_label_area_size(124)
        .y_label_area_size(190)
        .build_cartesian_2d(x.clone(), y.clone())
        .map_err(words)?;
    chart
        .configure_mesh()
        .axis_style(INK)
        .bold_line_style(FAINT)
        .light_line_style(TRANSPARENT)
        .label_style(font(TEXT))
        .axis_desc_style(font(TEXT))
        .x_desc(axes.x.clone())
        .y_desc(axes.y.clone())
        .draw()
        .map_err(words)?;
    for (s, color) in series.iter().zip(COLORS.iter().cycle()) {
        let placed: Vec<(f64, f64)> = s.points.iter().filter_map(|p| Some((x.place(p.0)?, y.place(p.1)?))).collect();
        if placed.len() <= 25 {
            chart.draw_series(placed.iter().map(|p| Circle::new(*p, 8, color.filled()))).map_err(words)?;
        }
        chart.draw_series(LineSeries::new(placed, color.stroke_width(5))).map_err(words)?;
    }
    Ok(())
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let part = if self.hi > self.lo { (value - self.lo) / (self.hi - self.lo) } else { 0.5 };
        (f64::from(from) + part * f64::from(to - from)).round() as i32
    }

    fn key_points<H: KeyPointHint>(&self, hint: H) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.lo..self.hi
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        self.label(*value)
    }
}

fn heading() -> TextStyle<'static> {
    ("sans-serif", TITLE * 1.24, FontStyle::Bold).into_font().color(&INK)
}

fn draw_legend<B: DrawingBackend>(
    root: &DrawingArea<B, Shift>,
    series: &[Series],
) -> std::result::Result<(), DrawingAreaErrorKind<B::ErrorType>> {
    let mut left = 30;
    for (s, color) in series.iter().zip(COLORS.iter().cycle()) {
        root.draw(&Rectangle::new([(left, 110), (left + 56, 118)], color.filled()))?;
        let text = font(TEXT).pos(Pos::new(HPos::Left, VPos::Center));
        root.draw(&Text::new(s.name.clone(), (left + 70, 114), text))?;
        left += 70 + (s.name.chars().count() as f64 * TEXT * 0.56) as i32 + 50;
    }
    Ok(())
}

fn draw_bars<B: DrawingBackend>(
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

#[cfg(test)]
mod tests;
