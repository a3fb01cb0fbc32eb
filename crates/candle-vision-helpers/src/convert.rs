//! Pictures ↔ arrays ↔ tensors.

#[cfg(feature = "candle")]
use candle_core::{DType, Result, Tensor, bail};
use image::{Rgb, RgbImage};
use ndarray::{Array3, ArrayView3};

/// A planar picture `(1 or 3, H, W)` in `0..=1` as 8-bit RGB; values outside are clamped.
pub fn to_rgb(picture: &Array3<f32>) -> RgbImage {
    paint(picture.view(), 0.0, 1.0)
}

/// A tensor `(C, H, W)` (C = 1 or 3) or `(H, W)`, scaled from its `min..max` to `0..=1`, as RGB.
///
/// A constant tensor is mid gray; values that are not finite are black.
///
/// # Errors
/// On another rank or number of channels.
#[cfg(feature = "candle")]
pub fn tensor_to_rgb(tensor: &Tensor) -> Result<RgbImage> {
    let shape = match *tensor.dims() {
        [h, w] => (1, h, w),
        [c @ (1 | 3), h, w] => (c, h, w),
        _ => bail!("tensor_to_rgb: tensor: expected (H, W), (1, H, W) or (3, H, W), got {:?}", tensor.dims()),
    };
    let values = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
    let finite = || values.iter().copied().filter(|v| v.is_finite());
    let (low, high) = (finite().fold(f32::INFINITY, f32::min), finite().fold(f32::NEG_INFINITY, f32::max));
    let picture = ArrayView3::from_shape(shape, &values).map_err(candle_core::Error::wrap)?;
    Ok(if high > low { paint(picture, low, high - low) } else { paint(picture, low - 0.5, 1.0) })
}

/// `(value - low) / range` in 8 bits; one channel is repeated, missing ones are black.
fn paint(picture: ArrayView3<'_, f32>, low: f32, range: f32) -> RgbImage {
    let (channels, height, width) = picture.dim();
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        Rgb(std::array::from_fn(|c| {
            let c = if channels == 1 { 0 } else { c };
            let value = picture.get((c, y as usize, x as usize)).copied().unwrap_or(0.0);
            // `as` sends what is not a number to 0.
            ((value - low) / range * 255.0).round().clamp(0.0, 255.0) as u8
        }))
    })
}

#[cfg(feature = "candle")]
#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use candle_core::Device;

    fn ramp(shape: (usize, usize, usize)) -> Array3<f32> {
        Array3::from_shape_fn(shape, |(c, y, x)| (c * 100 + y * 10 + x) as f32 / 255.0)
    }

    #[test]
    fn pictures_come_back_as_bytes() {
        let picture = ramp((3, 2, 4));
        assert_eq!(to_rgb(&picture).get_pixel(3, 1).0, [13, 113, 213]);
        let gray = to_rgb(&Array3::from_elem((1, 2, 2), 2.0));
        assert_eq!(gray.get_pixel(1, 1).0, [255; 3]);
    }

    #[test]
    fn tensors_are_stretched_to_their_range() {
        let t = Tensor::new(&[[-2.0f32, 0.0], [2.0, f32::NAN]], &Device::Cpu).unwrap();
        let picture = tensor_to_rgb(&t).unwrap();
        assert_eq!([(0, 0), (1, 0), (0, 1), (1, 1)].map(|(x, y)| picture.get_pixel(x, y)[0]), [0, 128, 255, 0]);
        let flat = tensor_to_rgb(&Tensor::ones((3, 2, 2), DType::F32, &Device::Cpu).unwrap()).unwrap();
        assert_eq!(flat.get_pixel(0, 0).0, [128; 3]);
        assert!(tensor_to_rgb(&Tensor::ones((2, 2, 2), DType::F32, &Device::Cpu).unwrap()).is_err());
    }
}
