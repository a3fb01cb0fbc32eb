//! Draws points, lines, boxes, text and grids on 8-bit RGB pictures.

use crate::{
    font,
    geom::{Point, Rect},
};
use image::{Rgb, RgbImage};

/// A color: red, green, blue.
pub type Color = [u8; 3];
/// The color of predictions.
pub const RED: Color = [230, 25, 25];
/// The color of the truth.
pub const BLUE: Color = [20, 70, 255];
/// The color of boxes.
pub const GREEN: Color = [30, 180, 60];

/// Colors from dark to bright in even steps, readable in gray as well.
const HEAT: [Color; 5] = [[0, 0, 0], [90, 20, 110], [190, 50, 80], [250, 145, 15], [255, 255, 175]];

/// A filled, antialiased disc of `radius` pixels about `center`; parts outside the picture are dropped.
pub fn disc(picture: &mut RgbImage, center: Point, radius: f64, color: Color) {
    let reach = Rect::new(center.x, center.y, 0.0, 0.0);
    cover(picture, reach, radius, color, |p| radius - p.distance(center));
}

/// An antialiased line of `thickness` pixels, with round ends.
pub fn line(picture: &mut RgbImage, from: Point, to: Point, thickness: f64, color: Color) {
    let Some(reach) = Rect::around(&[from, to]) else { return };
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let length2 = dx * dx + dy * dy;
    cover(picture, reach, thickness / 2.0, color, |p| {
        let along = if length2 > 0.0 { ((p.x - from.x) * dx + (p.y - from.y) * dy) / length2 } else { 0.0 };
        let t = along.clamp(0.0, 1.0);
        thickness / 2.0 - p.distance(Point::new(from.x + t * dx, from.y + t * dy))
    });
}

/// The outline of `rect`, `thickness` pixels wide.
pub fn rect(picture: &mut RgbImage, rect: Rect, thickness: f64, color: Color) {
    let (x1, y1) = (rect.x + rect.width, rect.y + rect.height);
    let corners = [Point::new(rect.x, rect.y), Point::new(x1, rect.y), Point::new(x1, y1), Point::new(rect.x, y1)];
    for i in 0..4 {
        line(picture, corners[i], corners[(i + 1) % 4], thickness, color);
    }
}

/// Writes `text` in capitals of 5×7 cells, each `size` pixels wide, from the top left pixel `(x, y)`. Each letter takes
/// `6 * size` pixels; what has no glyph shows as a box.
pub fn text(picture: &mut RgbImage, (x, y): (i64, i64), size: u32, color: Color, text: &str) {
    let size = i64::from(size.max(1));
    for (n, letter) in text.chars().enumerate() {
        let left = x + n as i64 * 6 * size;
        for (row, bits) in font::glyph(letter).into_iter().enumerate() {
            for column in (0..5).filter(|c| bits >> (4 - c) & 1 == 1) {
                fill(picture, left + column * size, y + row as i64 * size, size, color);
            }
        }
    }
}

/// The width in pixels that [`text`] takes, without the gap after the last letter.
pub fn text_width(text: &str, size: u32) -> u32 {
    (text.chars().count() as u32 * 6).saturating_sub(1) * size.max(1)
}

/// Places `tiles` in a grid of `columns`, `gap` pixels apart on white; tiles keep their size and are centered in their
/// cells.
pub fn grid(tiles: &[RgbImage], columns: usize, gap: u32) -> RgbImage {
    let columns = columns.clamp(1, tiles.len().max(1));
    let rows = tiles.len().div_ceil(columns);
    let cell =
        (tiles.iter().map(RgbImage::width).max().unwrap_or(0), tiles.iter().map(RgbImage::height).max().unwrap_or(0));
    let extent = |n: usize, side: u32| (n as u32 * (side + gap)).saturating_sub(gap);
    let mut sheet = RgbImage::from_pixel(extent(columns, cell.0), extent(rows, cell.1), Rgb([255; 3]));
    for (i, tile) in tiles.iter().enumerate() {
        let (column, row) = ((i % columns) as u32, (i / columns) as u32);
        let x = column * (cell.0 + gap) + (cell.0 - tile.width()) / 2;
        let y = row * (cell.1 + gap) + (cell.1 - tile.height()) / 2;
        image::imageops::replace(&mut sheet, tile, i64::from(x), i64::from(y));
    }
    sheet
}

/// Blends a heatmap (values in `0..=1`, `(H, W)`, stretched to the picture) over `picture`, dark to bright, with
/// `opacity`.
pub fn overlay_heat(picture: &mut RgbImage, heat: &ndarray::Array2<f32>, opacity: f64) {
    let (rows, columns) = heat.dim();
    if rows == 0 || columns == 0 {
        return;
    }
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    // Half-pixel right: the map's area covers the picture's.
    let place = |i: u32, to: f64, cells: usize| {
        let at = ((f64::from(i) + 0.5) / to * cells as f64 - 0.5).clamp(0.0, cells as f64 - 1.0);
        (at as usize, (at as usize + 1).min(cells - 1), at.fract())
    };
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let ((x0, x1, fx), (y0, y1, fy)) = (place(x, width, columns), place(y, height, rows));
        let mix = |row: usize| f64::from(heat[(row, x0)]) * (1.0 - fx) + f64::from(heat[(row, x1)]) * fx;
        mix_in(pixel, heat_color(mix(y0) * (1.0 - fy) + mix(y1) * fy), opacity);
    }
}

fn heat_color(value: f64) -> Color {
    let at = value.clamp(0.0, 1.0) * (HEAT.len() - 1) as f64;
    let (low, part) = (at as usize, at.fract());
    let high = (low + 1).min(HEAT.len() - 1);
    std::array::from_fn(|c| (f64::from(HEAT[low][c]) * (1.0 - part) + f64::from(HEAT[high][c]) * part).round() as u8)
}

/// Paints every pixel within `reach` and `margin` around it by how deep inside the shape it is, in pixels (0 on the
/// outline).
fn cover(picture: &mut RgbImage, reach: Rect, margin: f64, color: Color, depth: impl Fn(Point) -> f64) {
    let (width, height) = picture.dimensions();
    // `as` sends what is not a number to 0 and what is too large to the edge.
    let range = |from: f64, to: f64, side: u32| {
        ((from - margin - 1.0).max(0.0) as u32).min(side)..((to + margin + 2.0).max(0.0) as u32).min(side)
    };
    for y in range(reach.y, reach.y + reach.height, height) {
        for x in range(reach.x, reach.x + reach.width, width) {
            let share = (depth(Point::new(f64::from(x), f64::from(y))) + 0.5).clamp(0.0, 1.0);
            if share > 0.0 {
                mix_in(picture.get_pixel_mut(x, y), color, share);
            }
        }
    }
}

fn fill(picture: &mut RgbImage, x: i64, y: i64, side: i64, color: Color) {
    for (px, py) in (y..y + side).flat_map(|py| (x..x + side).map(move |px| (px, py))) {
        if let (Ok(px), Ok(py)) = (u32::try_from(px), u32::try_from(py))
            && let Some(pixel) = picture.get_pixel_mut_checked(px, py)
        {
            *pixel = Rgb(color);
        }
    }
}

fn mix_in(pixel: &mut Rgb<u8>, color: Color, share: f64) {
    let share = share.clamp(0.0, 1.0);
    for (old, new) in pixel.0.iter_mut().zip(color) {
        *old = (f64::from(*old) * (1.0 - share) + f64::from(new) * share).round() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHITE: Color = [255; 3];

    fn ink(picture: &RgbImage) -> (f64, Point) {
        let (mut sum, mut x, mut y) = (0.0, 0.0, 0.0);
        for (px, py, p) in picture.enumerate_pixels() {
            let v = f64::from(p[0]) / 255.0;
            (sum, x, y) = (sum + v, x + v * f64::from(px), y + v * f64::from(py));
        }
        (sum, Point::new(x / sum, y / sum))
    }

    #[test]
    fn discs_have_their_area_and_center() {
        for (center, radius) in [(Point::new(20.3, 15.8), 6.0), (Point::new(18.0, 16.5), 2.5)] {
            let mut picture = RgbImage::new(40, 32);
            disc(&mut picture, center, radius, WHITE);
            let (area, found) = ink(&picture);
            assert!((area / (std::f64::consts::PI * radius * radius) - 1.0).abs() < 0.03, "{area}");
            assert!(found.distance(center) < 0.05, "{found:?}");
        }
    }

    #[test]
    fn lines_have_their_length_times_thickness() {
        let mut picture = RgbImage::new(60, 60);
        line(&mut picture, Point::new(10.0, 12.0), Point::new(46.0, 39.0), 3.0, WHITE);
        // 45 pixels long, and half a disc at each end.
        let (area, middle) = ink(&picture);
        assert!((area - (45.0 * 3.0 + std::f64::consts::PI * 2.25)).abs() < 3.0, "{area}");
        assert!(middle.distance(Point::new(28.0, 25.5)) < 0.05);
    }

    #[test]
    fn what_lies_outside_is_dropped() {
        let mut picture = RgbImage::new(8, 8);
        for bad in
            [Point::new(-50.0, 4.0), Point::new(1e12, 1e12), Point::new(f64::NAN, 1.0), Point::new(f64::INFINITY, 1.0)]
        {
            disc(&mut picture, bad, 3.0, RED);
            line(&mut picture, bad, bad, 1.0, RED);
            rect(&mut picture, Rect::new(bad.x, bad.y, 3.0, 3.0), 1.0, RED);
        }
        text(&mut picture, (-400, 300), 2, RED, "OUT");
        assert!(picture.pixels().all(|p| p.0 == [0; 3]));
        rect(&mut picture, Rect::new(2.0, -5.0, 100.0, 8.0), 1.0, BLUE);
        assert_eq!(
            (picture.get_pixel(2, 0).0, picture.get_pixel(6, 3).0, picture.get_pixel(5, 1).0),
            (BLUE, BLUE, [0; 3])
        );
    }

    #[test]
    fn text_is_as_wide_as_it_says() {
        let mut picture = RgbImage::new(80, 20);
        text(&mut picture, (2, 3), 2, WHITE, "h1e");
        let columns = picture.enumerate_pixels().filter(|(_, _, p)| p[0] > 0).map(|(x, ..)| x);
        assert_eq!((columns.clone().min(), columns.max()), (Some(2), Some(1 + text_width("h1e", 2))));
        let glyphs: std::collections::HashSet<_> = ('A'..='Z').chain('0'..='9').map(font::glyph).collect();
        assert_eq!(glyphs.len(), 36, "two letters look the same");
    }

    #[test]
    fn tiles_stand_in_their_cells() {
        let tile = |w, h, v| RgbImage::from_pixel(w, h, Rgb([v; 3]));
        let sheet = grid(&[tile(4, 4, 10), tile(2, 2, 20), tile(4, 2, 30)], 2, 3);
        assert_eq!(sheet.dimensions(), (11, 11));
        assert_eq!(
            [(0, 0), (8, 1), (9, 2), (7, 0), (0, 8), (5, 5)].map(|(x, y)| sheet.get_pixel(x, y)[0]),
            [10, 20, 20, 255, 30, 255]
        );
        assert_eq!(grid(&[], 3, 2).dimensions(), (0, 0));
    }

    #[test]
    fn heat_is_stretched_and_blended() {
        let mut picture = RgbImage::from_pixel(4, 2, Rgb([100; 3]));
        overlay_heat(&mut picture, &ndarray::arr2(&[[0.0, 1.0]]), 0.5);
        assert_eq!(picture.get_pixel(0, 0).0, [50; 3]);
        assert_eq!(picture.get_pixel(3, 1).0, [178, 178, 138]);
        overlay_heat(&mut picture, &ndarray::Array2::zeros((0, 3)), 0.5);
    }
}
