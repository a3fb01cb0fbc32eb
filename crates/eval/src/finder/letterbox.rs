//! Pictures as the face finder sees them: one with black to the right and below up to whole cells, or views of one
//! size.

use candle_core::{Device, Result, Tensor, bail};
use facekp_models::networks::yunet::MULTIPLE;
use image::RgbImage;
use ndarray::Array3;

/// The network's input `(1, 3, H, W)`: blue, green, red as `0..=255`.
///
/// # Errors
/// When there is no memory for it.
pub(super) fn framed(picture: &RgbImage, device: &Device) -> Result<Tensor> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let (w, h) = (width.max(1).next_multiple_of(MULTIPLE), height.max(1).next_multiple_of(MULTIPLE));
    let mut planes = vec![0f32; 3 * w * h];
    for (channel, plane) in planes.chunks_exact_mut(w * h).enumerate() {
        let rows = picture.chunks_exact((width * 3).max(1));
        for (to, row) in plane.chunks_exact_mut(w).zip(rows) {
            for (to, pixel) in to.iter_mut().zip(row.as_chunks::<3>().0) {
                *to = f32::from(pixel[2 - channel]);
            }
        }
    }
    Tensor::from_vec(planes, (1, 3, h, w), device)
}

/// The network's input `(B, 3, H, W)` of pictures `(3, H, W)`: red, green, blue in `0..=1`, of one size.
///
/// # Errors
/// When there is no memory for it.
pub(super) fn stacked(pictures: &[Array3<f32>], device: &Device) -> Result<Tensor> {
    let Some((_, height, width)) = pictures.first().map(Array3::dim) else { bail!("no picture to look at") };
    let mut planes = Vec::with_capacity(pictures.len() * 3 * height * width);
    for picture in pictures {
        for channel in picture.outer_iter().rev() {
            planes.extend(channel.iter().map(|v| v * 255.0));
        }
    }
    Tensor::from_vec(planes, (pictures.len(), 3, height, width), device)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use image::Rgb;

    fn pattern(width: u32, height: u32) -> RgbImage {
        let value = |x: u32, y: u32, c: u32| ((37 * x + 91 * y + 53 * c + 17 * x * y) % 256) as u8;
        RgbImage::from_fn(width, height, |x, y| Rgb([0, 1, 2].map(|c| value(x, y, c))))
    }

    #[test]
    fn the_frame_is_black_to_the_right_and_below_and_blue_comes_first() {
        let input = framed(&pattern(33, 5), &Device::Cpu).unwrap();
        assert_eq!(input.dims(), [1, 3, 32, 64]);
        let all = input.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for (c, plane) in all.chunks_exact(32 * 64).enumerate() {
            for (at, value) in plane.iter().enumerate() {
                let (x, y) = (at % 64, at / 64);
                let inside = x < 33 && y < 5;
                let pixel = if inside { pattern(33, 5).get_pixel(x as u32, y as u32)[2 - c] } else { 0 };
                assert_eq!(*value, f32::from(pixel), "{c} {x} {y}");
            }
        }
        assert_eq!(framed(&RgbImage::new(0, 0), &Device::Cpu).unwrap().dims(), [1, 3, 32, 32]);
    }
}
