//! From luma and color differences (Y'CbCr) to RGB and back: ITU-R BT.601 and BT.709, eight bits.

use super::{
    chroma::Rows,
    header::{Header, Range},
};
use candle_vision_helpers::Size;
use image::RgbImage;

/// The shares of red and blue in luma.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Weights {
    red: f64,
    blue: f64,
}

impl Weights {
    const BT_601: Self = Self { red: 0.299, blue: 0.114 };
    const BT_709: Self = Self { red: 0.2126, blue: 0.0722 };

    /// Y4M does not say which it has; as video players do, one of more than 576 lines or of 1280 columns or more is
    /// taken for BT.709, a smaller one for BT.601.
    pub(super) fn of(size: Size) -> Self {
        if size.width >= 1280 || size.height > 576 { Self::BT_709 } else { Self::BT_601 }
    }

    fn luma(self, rgb: [f64; 3]) -> f64 {
        self.red * rgb[0] + (1.0 - self.red - self.blue) * rgb[1] + self.blue * rgb[2]
    }

    /// Luma, blue and red difference of RGB in `0..=255`, in limited range and before rounding.
    pub(super) fn encoded(self, rgb: [f64; 3]) -> [f64; 3] {
        let luma = self.luma(rgb);
        let difference = |color: f64, share: f64| 128.0 + 224.0 / 255.0 * (color - luma) / (2.0 * (1.0 - share));
        [16.0 + 219.0 / 255.0 * luma, difference(rgb[2], self.blue), difference(rgb[0], self.red)]
    }
}

/// The same backwards, in 65536ths; color differences are given in sixteenths.
struct Decoding {
    black: i32,
    luma: i32,
    red: i32,
    green: [i32; 2],
    blue: i32,
}

impl Decoding {
    fn new(weights: Weights, range: Range) -> Self {
        let (black, luma, difference) = match range {
            Range::Limited => (16, 255.0 / 219.0, 255.0 / 224.0),
            Range::Full => (0, 1.0, 1.0),
        };
        let (red, blue) = (2.0 * (1.0 - weights.red) * difference, 2.0 * (1.0 - weights.blue) * difference);
        let rest = 1.0 - weights.red - weights.blue;
        let fixed = |v: f64, parts: f64| (v * parts).round() as i32;
        let green = [blue * weights.blue / rest, red * weights.red / rest].map(|v| fixed(v, 4096.0));
        Self { black, luma: fixed(luma, 65536.0), red: fixed(red, 4096.0), green, blue: fixed(blue, 4096.0) }
    }

    fn rgb(&self, luma: u8, [b, r]: [i32; 2]) -> [u8; 3] {
        let (luma, b, r) = ((i32::from(luma) - self.black) * self.luma + 32768, b - 2048, r - 2048);
        let rgb = [self.red * r, -self.green[0] * b - self.green[1] * r, self.blue * b];
        rgb.map(|color| ((luma + color) >> 16).clamp(0, 255) as u8)
    }
}

/// A frame's planes, one behind the other and whole, as a picture; `None` where they are not.
pub(super) fn to_rgb(header: &Header, bytes: &[u8]) -> Option<RgbImage> {
    let Size { width, height } = header.size;
    if bytes.len() != header.bytes() {
        return None;
    }
    let decoding = Decoding::new(Weights::of(header.size), header.range);
    let (luma, colors) = bytes.split_at_checked(width * height)?;
    let mut planes = match header.colors {
        None => None,
        Some(along) => {
            let (blue, red) = colors.split_at_checked(colors.len() / 2)?;
            Some((Rows::new((width, height), along), blue, red))
        }
    };
    let (mut blue, mut red) = (vec![2048; width], vec![2048; width]);
    let mut rgb = vec![0; 3 * width * height];
    for (y, (to, luma)) in rgb.chunks_exact_mut(3 * width).zip(luma.chunks_exact(width)).enumerate() {
        if let Some((rows, b, r)) = &mut planes {
            rows.row(b, y, &mut blue);
            rows.row(r, y, &mut red);
        }
        let colors = blue.iter().zip(&red);
        for ((to, luma), (b, r)) in to.as_chunks_mut::<3>().0.iter_mut().zip(luma).zip(colors) {
            *to = decoding.rgb(*luma, [*b, *r]);
        }
    }
    RgbImage::from_raw(u32::try_from(width).ok()?, u32::try_from(height).ok()?, rgb)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(weights: Weights, range: Range, [y, b, r]: [u8; 3]) -> [u8; 3] {
        Decoding::new(weights, range).rgb(y, [16 * i32::from(b), 16 * i32::from(r)])
    }

    /// By the formulas of BT.601 and BT.709: R = 1.164 (Y - 16) + 1.596 (Cr - 128) and so on.
    #[test]
    fn colors_by_hand() {
        let (sd, hd) = (Weights::BT_601, Weights::BT_709);
        assert_eq!(decoded(sd, Range::Limited, [235, 128, 128]), [255; 3]);
        assert_eq!(decoded(sd, Range::Limited, [16, 128, 128]), [0; 3]);
        // 1.164383 · 65 = 75.685, + 1.596027 · 112 = 254.44; green -0.48 and blue -0.97 are cut
        assert_eq!(decoded(sd, Range::Limited, [81, 90, 240]), [254, 0, 0]);
        // 1.164383 · 47 = 54.726, + 1.792741 · 112 = 255.51; green + 0.213249 · 26 - 0.532909 · 112 = 0.58
        assert_eq!(decoded(hd, Range::Limited, [63, 102, 240]), [255, 1, 0]);
        assert_eq!(decoded(sd, Range::Full, [0, 128, 128]), [0; 3]);
        // 100 + 1.402 · 28 = 139.26, 100 - 0.714136 · 28 = 80.0, 100
        assert_eq!(decoded(sd, Range::Full, [100, 128, 156]), [139, 80, 100]);
        // what lies outside is cut: 1.164383 · -16 + (0.213249 + 0.532909) · 128 = 76.9 is within
        assert_eq!(decoded(sd, Range::Limited, [255, 128, 128]), [255; 3]);
        assert_eq!(decoded(hd, Range::Limited, [0, 0, 0])[1], 77);
    }

    #[test]
    fn what_is_encoded_is_decoded_again() {
        for weights in [Weights::BT_601, Weights::BT_709] {
            for rgb in [[0_u8, 0, 0], [255, 255, 255], [200, 30, 90], [10, 250, 5], [1, 2, 255], [128, 128, 128]] {
                let encoded = weights.encoded(rgb.map(f64::from)).map(|v| v.round() as u8);
                let back = decoded(weights, Range::Limited, encoded);
                for (a, b) in rgb.iter().zip(back) {
                    // half a level of each of the three, times at most 1.16, 2.11 and 0.53
                    assert!(a.abs_diff(b) <= 2, "{rgb:?}: {encoded:?} {back:?}");
                }
            }
        }
        assert_eq!(Weights::of(Size::new(640, 480)), Weights::BT_601);
        assert_eq!(Weights::of(Size::new(720, 576)), Weights::BT_601);
        assert_eq!(Weights::of(Size::new(1280, 534)), Weights::BT_709);
        assert_eq!(Weights::of(Size::new(404, 720)), Weights::BT_709);
    }
}
