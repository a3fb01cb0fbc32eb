//! Line plots: losses, errors, cumulative curves.

use super::{
    Axes, CANVAS, COLORS, FAINT, INK, Series, TEXT,
    axis::Axis,
    font, heading,
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

/// Draws a line plot as SVG text.
///
/// # Errors
/// [`Error::Plot`] for no points or none that is finite.
pub fn lines_svg(axes: &Axes, series: &[Series]) -> Result<String> {
    let frame = frame(axes, series)?;
    svg(&axes.title, CANVAS, |root| draw(root, axes, &frame, series))
}

/// Draws a line plot into a PNG file.
///
/// # Errors
/// As [`lines_svg`]; when the file cannot be written.
pub fn lines_png(axes: &Axes, series: &[Series], path: &Path) -> Result<()> {
    let frame = frame(axes, series)?;
    raster::write(path, &picture(&axes.title, CANVAS, |root| draw(root, axes, &frame, series))?)
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
    // so are single points compared by both of their lengths
    let x0 = if series.iter().all(|s| s.points.len() == 1) { x0.min(0.0) } else { x0 };
    // epochs come whole
    let whole = points.iter().all(|p| p.0.fract() == 0.0);
    Axis::exact(x0, x1, 6, whole)
        .zip(Axis::new(y0, y1, 5, axes.log_y))
        .ok_or_else(|| Error::plot(&axes.title, "expected at least one finite point, got none"))
}

fn draw<B: DrawingBackend>(
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
