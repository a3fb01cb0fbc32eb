//! Photos that were shrunk while they were decoded: boxes and points in their original pixels.

use super::{Located, Predictor, photo::checked};
use crate::error::Result;
use candle_vision_helpers::{Affine, Point, Rect};
use facekp_data::Picture;
use image::RgbImage;
use std::sync::Arc;

impl Predictor {
    /// Like [`Predictor::locate`]: `face` and what is found are in the photo's original pixels.
    ///
    /// # Errors
    /// As [`Predictor::locate`].
    pub fn locate_photo(&self, photo: &Picture, face: Option<Rect>) -> Result<Located> {
        let face = face.map(|f| checked(f, photo.original)).transpose()?;
        let found = self.locate(Arc::clone(&photo.image), face.map(|f| moved(f, &photo.to_image)))?;
        Ok(Located {
            face: moved(found.face, &photo.to_image.inverse()),
            points: found.points.iter().map(|p| photo.to_image.unapply(*p)).collect(),
            ..found
        })
    }

    /// Like [`Predictor::photo_heat`]: `face` is in the photo's original pixels.
    ///
    /// # Errors
    /// As [`Predictor::photo_heat`].
    pub fn heat_of_photo(&self, photo: &Picture, face: Rect, side: usize) -> Result<Option<RgbImage>> {
        self.photo_heat(Arc::clone(&photo.image), moved(face, &photo.to_image), side)
    }
}

/// A box after a map that neither turns nor mirrors.
fn moved(face: Rect, map: &Affine) -> Rect {
    let corner = map.apply(Point::new(face.x, face.y));
    let [across, _, _, _, down, _] = map.coefficients();
    Rect::new(corner.x, corner.y, face.width * across, face.height * down)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_box_goes_there_and_back() {
        // Half the size: the first pixel's edge stays at -0.5.
        let half = Affine::new([0.5, 0.0, -0.25, 0.0, 0.5, -0.25]).unwrap();
        let face = Rect::new(-0.5, 9.5, 40.0, 20.0);
        assert_eq!(moved(face, &half), Rect::new(-0.5, 4.5, 20.0, 10.0));
        assert_eq!(moved(moved(face, &half), &half.inverse()), face);
        assert_eq!(moved(face, &Affine::IDENTITY), face);
    }
}
