//! Draws plots into an RGB picture: a backend for `plotters` with antialiased lines and built-in letters, so that no
//! font is needed.

use super::LINE_GAP;
use crate::error::{Error, Result};
use crate::visualize::png;
use candle_vision_helpers::{Point, draw};
use image::{Rgb, RgbImage};
use plotters::{coord::Shift, prelude::*, style::FontTransform};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    text_anchor::{HPos, VPos},
};
use std::{convert::Infallible, path::Path};

type Done = std::result::Result<(), DrawingErrorKind<Infallible>>;

/// What `draw` draws, as a picture on white.
pub(super) fn picture(
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

/// Writes a picture as a PNG file that appears only when whole.
pub(super) fn write(path: &Path, picture: &RgbImage) -> Result<()> {
    Ok(facekp_data::write_whole(path, &png(picture)?)?)
}

/// The picture that is drawn on.
pub(super) struct Raster<'a>(&'a mut RgbImage);

/// An opaque color that looks like `color` on white.
fn on_white(color: BackendColor) -> draw::Color {
    let (r, g, b) = color.rgb;
    [r, g, b].map(|v| (f64::from(v) * color.alpha + 255.0 * (1.0 - color.alpha)).round() as u8)
}

fn point((x, y): BackendCoord) -> Point {
    Point::new(f64::from(x), f64::from(y))
}

impl DrawingBackend for Raster<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.0.dimensions()
    }

    fn ensure_prepared(&mut self) -> Done {
        Ok(())
    }

    fn present(&mut self) -> Done {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Done {
        let (w, h) = self.0.dimensions();
        if let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y))
            && x < w
            && y < h
        {
            self.0.put_pixel(x, y, Rgb(on_white(color)));
        }
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Done {
        if style.color().alpha > 0.0 {
            draw::line(self.0, point(from), point(to), f64::from(style.stroke_width()), on_white(style.color()));
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Done {
        let mut last = None;
        for p in path {
            if let Some(last) = last {
                self.draw_line(last, p, style)?;
            }
            last = Some(p);
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(&mut self, center: BackendCoord, radius: u32, style: &S, _fill: bool) -> Done {
        draw::disc(self.0, point(center), f64::from(radius), on_white(style.color()));
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, pos: BackendCoord) -> Done {
        // A capital of the built-in letters is 7 cells high, about 0.7 of a font's size.
        let cell = (style.size() / LINE_GAP / 10.0).round().max(1.0) as u32;
        let (w, h) = (draw::text_width(text, cell), 7 * cell);
        // Letters know no angle: they are set on a slip of paper, which is then turned.
        let mut slip = RgbImage::from_pixel(w.max(1), h, Rgb([255; 3]));
        draw::text(&mut slip, (0, 0), cell, [0; 3], text);
        let dx = match style.anchor().h_pos {
            HPos::Left => 0,
            HPos::Right => -(w as i32),
            HPos::Center => -(w as i32) / 2,
        };
        let dy = match style.anchor().v_pos {
            VPos::Top => 0,
            VPos::Center => -(h as i32) / 2,
            VPos::Bottom => -(h as i32),
        };
        let transform = style.transform();
        for (x, y, _) in slip.enumerate_pixels().filter(|(_, _, p)| p.0 == [0; 3]) {
            let (tx, ty) = turn(&transform, x as i32 + dx, y as i32 + dy);
            self.draw_pixel((pos.0 + tx, pos.1 + ty), style.color())?;
        }
        Ok(())
    }

    fn estimate_text_size<T: BackendTextStyle>(
        &self,
        text: &str,
        style: &T,
    ) -> std::result::Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let cell = (style.size() / LINE_GAP / 10.0).round().max(1.0) as u32;
        Ok((draw::text_width(text, cell), 7 * cell))
    }
}

fn turn(transform: &FontTransform, x: i32, y: i32) -> (i32, i32) {
    match transform {
        FontTransform::None => (x, y),
        FontTransform::Rotate90 => (-y, x),
        FontTransform::Rotate180 => (-x, -y),
        FontTransform::Rotate270 => (y, -x),
    }
}
