//! Pixels with transparency over white, as a page shows them.

use image::{DynamicImage, GenericImageView, Rgb, RgbImage, Rgba};

/// RGB of 8 bits; what is transparent shows white.
pub(super) fn over_white(image: DynamicImage, is_premultiplied: bool) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let Rgba([r, g, b, alpha]) = image.get_pixel(x, y);
        let clear = 255 - u32::from(alpha);
        let blend = |v: u8| match is_premultiplied {
            true => (u32::from(v) + clear).min(255) as u8,
            false => ((u32::from(v) * u32::from(alpha) + 255 * clear + 127) / 255) as u8,
        };
        Rgb([r, g, b].map(blend))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use image::{GrayAlphaImage, ImageBuffer, LumaA, RgbaImage};

    fn one(image: impl Into<DynamicImage>) -> [u8; 3] {
        over_white(image.into(), false).get_pixel(0, 0).0
    }

    #[test]
    fn transparent_pixels_show_white_and_opaque_ones_themselves() {
        let rgba = |p: [u8; 4]| one(RgbaImage::from_pixel(1, 1, Rgba(p)));
        assert_eq!(rgba([10, 20, 30, 255]), [10, 20, 30]);
        assert_eq!(rgba([10, 20, 30, 0]), [255; 3]);
        // 255 - (255 - v) · 51 / 255 is 255 - (255 - v) / 5.
        assert_eq!(rgba([0, 100, 205, 51]), [204, 224, 245]);
        assert_eq!(one(GrayAlphaImage::from_pixel(1, 1, LumaA([100, 51]))), [224; 3]);
        let deep = ImageBuffer::from_pixel(1, 1, Rgba([0_u16, 100 * 257, 205 * 257, 51 * 257]));
        assert_eq!(one(deep), [204, 224, 245]);
        let premultiplied = RgbaImage::from_pixel(1, 1, Rgba([0, 20, 41, 51]));
        assert_eq!(over_white(premultiplied.into(), true).get_pixel(0, 0).0, [204, 224, 245]);
    }

    /// Of 16 bits, the same rounding with alpha as without.
    #[test]
    fn opaque_pixels_of_16_bits_are_those_without_alpha() {
        let value = |x: u32| [x as u16 * 257, x as u16 * 251 + 128, 65535 - x as u16 * 129];
        let with = ImageBuffer::from_fn(256, 1, |x, _| Rgba([value(x)[0], value(x)[1], value(x)[2], 65535]));
        let without = ImageBuffer::from_fn(256, 1, |x, _| Rgb(value(x)));
        assert_eq!(over_white(DynamicImage::ImageRgba16(with), false), DynamicImage::ImageRgb16(without).into_rgb8());
    }
}
