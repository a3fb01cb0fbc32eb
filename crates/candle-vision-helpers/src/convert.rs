//! Pictures ↔ arrays ↔ tensors.

use candle_core::{DType, Device, Result, Tensor, bail};
use image::{Rgb, RgbImage};
use ndarray::{Array3, ArrayView3};

/// Stacks planar pictures of one shape `(C, H, W)` into a tensor `(B, C, H, W)`.
///
/// # Errors
/// When there are none, or their shapes differ.
pub fn stack(pictures: &[Array3<f32>], device: &Device) -> Result<Tensor> {
    let Some(first) = pictures.first() else { bail!("expected at least one picture to stack, got none") };
    let (c, h, w) = first.dim();
    let mut values = Vec::with_capacity(pictures.len() * c * h * w);
    for (i, picture) in pictures.iter().enumerate() {
        if picture.dim() != (c, h, w) {
            bail!("picture {i} of the stack: expected shape {:?} like the first, got {:?}", (c, h, w), picture.dim());
        }
        match picture.as_slice() {
            Some(slice) => values.extend_from_slice(slice),
            None => values.extend(picture.iter()),
        }
    }
    Tensor::from_vec(values, (pictures.len(), c, h, w), device)
}

/// A planar picture `(1 or 3, H, W)` in `0..=1` as 8-bit RGB; values outside are clamped.
pub fn to_rgb(picture: &Array3<f32>) -> RgbImage {
    paint(picture.view(), 0.0, 1.0)
}

/// A tensor `(C, H, W)` (C = 1 or 3) or `(H, W)`, scaled from its own `min..max` to `0..=1`, as RGB.
///
/// A constant tensor is mid grey; values that are not finite are black.
///
/// # Errors
/// On another rank or number of channels.
pub fn tensor_to_rgb(tensor: &Tensor) -> Result<RgbImage> {
    let shape = match *tensor.dims() {
        [h, w] => (1, h, w),
        [c @ (1 | 3), h, w] => (c, h, w),
        _ => bail!("expected a tensor (H, W), (1, H, W) or (3, H, W) to draw, got {:?}", tensor.shape()),
    };
    let values = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
    let finite = || values.iter().copied().filter(|v| v.is_finite());
    let (low, high) = (finite().fold(f32::INFINITY, f32::min), finite().fold(f32::NEG_INFINITY, f32::max));
    let picture = ArrayView3::from_shape(shape, &values).map_err(candle_core::Error::wrap)?;
    Ok(if high > low { paint(picture, low, high - low) } else { paint(picture, low - 0.5, 1.0) })
}

/// `(value - low) / range` as 8 bits; one channel is repeated, missing ones are black.
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ramp(shape: (usize, usize, usize)) -> Array3<f32> {
        Array3::from_shape_fn(shape, |(c, y, x)| (c * 100 + y * 10 + x) as f32 / 255.0)
    }

    #[test]
    fn stacking_keeps_order_and_strides_do_not_matter() {
        let a = ramp((3, 2, 4));
        let turned = ramp((4, 2, 3)).permuted_axes([2, 1, 0]);
        assert!(!turned.is_standard_layout());
        let t = stack(&[a.clone(), turned.clone()], &Device::Cpu).unwrap();
        assert_eq!(t.dims(), [2, 3, 2, 4]);
        let values = t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(values.iter().eq(a.iter().chain(turned.iter())));
    }

    #[test]
    fn nothing_and_unlike_shapes_are_errors() {
        assert!(stack(&[], &Device::Cpu).is_err());
        let error = stack(&[ramp((1, 2, 3)), ramp((1, 3, 2))], &Device::Cpu).unwrap_err().to_string();
        assert!(error.contains("picture 1"), "{error}");
    }

    #[test]
    fn pictures_come_back_as_bytes() {
        let picture = ramp((3, 2, 4));
        assert_eq!(to_rgb(&picture).get_pixel(3, 1).0, [13, 113, 213]);
        let grey = to_rgb(&Array3::from_elem((1, 2, 2), 2.0));
        assert_eq!(grey.get_pixel(1, 1).0, [255; 3]);
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
