//! A picture as the face finder sees it: shrunk as a whole, with black to the right and below up to whole cells.

use candle_core::{Device, Result, Tensor, bail};
use facekp_models::yunet::MULTIPLE;
use image::RgbImage;
use ndarray::Array3;

/// Fractional bits of a weight.
const FRACTION: u32 = 22;

/// `picture` at `width` x `height`: each new pixel the mean of the old ones below it and its neighbours, weighted by a
/// triangle (two pixels wide where it grows). It is to the bit what Pillow's `resize` gives with `BILINEAR`, since the
/// finder's published scores rest on such pictures.
pub(super) fn resized(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    if picture.dimensions() == (width, height) {
        return picture.clone();
    }
    let rows = Spans::new(picture.height(), height);
    across(picture, width, &rows).map_or_else(|| RgbImage::new(width, height), |narrow| down(&narrow, &rows, height))
}

/// Every row at its new width.
fn across(picture: &RgbImage, width: u32, rows: &Spans) -> Option<RgbImage> {
    let columns = Spans::new(picture.width(), width);
    if rows.spans.is_empty() || columns.spans.is_empty() {
        return None;
    }
    let mut narrow = RgbImage::new(width, picture.height());
    let old = picture.chunks_exact(picture.width() as usize * 3);
    for (new, old) in narrow.chunks_exact_mut(width as usize * 3).zip(old) {
        for (pixel, (start, weights)) in new.as_chunks_mut::<3>().0.iter_mut().zip(columns.iter()) {
            let mut sums = [HALF; 3];
            for (old, weight) in old[start * 3..].as_chunks::<3>().0.iter().zip(weights) {
                for (sum, value) in sums.iter_mut().zip(old) {
                    *sum += weight * i32::from(*value);
                }
            }
            *pixel = sums.map(byte);
        }
    }
    Some(narrow)
}

/// Every column at its new height.
fn down(picture: &RgbImage, rows: &Spans, height: u32) -> RgbImage {
    let line = picture.width() as usize * 3;
    let mut short = RgbImage::new(picture.width(), height);
    let mut sums = vec![0i32; line];
    for (new, (start, weights)) in short.chunks_exact_mut(line).zip(rows.iter()) {
        sums.fill(HALF);
        for (old, weight) in picture.as_raw()[start * line..].chunks_exact(line).zip(weights) {
            for (sum, value) in sums.iter_mut().zip(old) {
                *sum += weight * i32::from(*value);
            }
        }
        for (new, sum) in new.iter_mut().zip(&sums) {
            *new = byte(*sum);
        }
    }
    short
}

/// Rounds.
const HALF: i32 = 1 << (FRACTION - 1);

fn byte(sum: i32) -> u8 {
    (sum >> FRACTION).clamp(0, 255) as u8
}

/// What each new pixel is made of along one axis.
struct Spans {
    /// The first old pixel, and where its weight stands.
    spans: Vec<(usize, usize)>,
    weights: Vec<i32>,
}

impl Spans {
    fn new(from: u32, to: u32) -> Self {
        let scale = f64::from(from) / f64::from(to.max(1));
        let reach = scale.max(1.0);
        let (mut spans, mut weights) = (Vec::with_capacity(to as usize), Vec::new());
        for i in 0..if from == 0 { 0 } else { to } {
            let center = (f64::from(i) + 0.5) * scale;
            // cut off, not rounded down, as in Pillow
            let first = ((center - reach + 0.5) as i64).max(0);
            let end = ((center + reach + 0.5) as i64).min(i64::from(from));
            let triangle = |x: i64| (1.0 - ((x as f64 - center + 0.5) / reach).abs()).max(0.0);
            let total: f64 = (first..end).map(triangle).sum();
            spans.push((first as usize, weights.len()));
            let fixed = |x: i64| (0.5 + triangle(x) / total * f64::from(1 << FRACTION)) as i32;
            weights.extend((first..end).map(fixed));
        }
        Self { spans, weights }
    }

    fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        self.spans.iter().enumerate().map(|(i, &(first, from))| {
            let to = self.spans.get(i + 1).map_or(self.weights.len(), |next| next.1);
            (first, &self.weights[from..to])
        })
    }
}

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

    /// `numpy.asarray(Image.fromarray(pattern).resize((w, h), Image.BILINEAR))` of Pillow 13.0: the first values.
    #[test]
    fn small_pictures_are_those_of_pillow() {
        let expected: [((u32, u32), &[u8]); 5] = [
            ((3, 2), &[113, 141, 149, 144, 137, 157, 133, 144, 120, 132, 125, 133, 115, 141, 127, 119, 130, 134]),
            ((4, 5), &[19, 72, 125, 77, 130, 183, 145, 198, 200, 203, 122, 65, 119, 172, 213, 203, 185, 105, 118, 100]),
            (
                (7, 3),
                &[39, 92, 145, 83, 136, 189, 128, 181, 124, 172, 115, 168, 106, 159, 212, 151, 204, 110, 195, 102],
            ),
            ((9, 8), &[0, 53, 106, 25, 78, 131, 53, 106, 159, 82, 135, 188, 111, 164, 217, 140, 193, 246, 169, 222]),
            ((1, 1), &[126, 135, 137]),
        ];
        for ((w, h), values) in expected {
            let got = resized(&pattern(7, 5), w, h);
            assert_eq!(got.dimensions(), (w, h));
            assert_eq!(&got.as_raw()[..values.len()], values, "{w}x{h}");
        }
        assert_eq!(resized(&pattern(7, 5), 7, 5), pattern(7, 5));
    }

    /// `b.sum(), (b * (numpy.arange(len(b)) % 1009)).sum()` of the same, 301 x 203 to 131 x 77, `b` raveled.
    #[test]
    fn a_larger_picture_is_that_of_pillow() {
        let small = resized(&pattern(301, 203), 131, 77);
        let values = || small.as_raw().iter().map(|v| u64::from(*v));
        assert_eq!(values().sum::<u64>(), 3_867_261);
        assert_eq!(values().enumerate().map(|(i, v)| v * (i as u64 % 1009)).sum::<u64>(), 1_947_814_555);
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
