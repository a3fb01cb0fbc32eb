//! Whole pictures at another size, as the networks of others were trained and measured on.

use image::RgbImage;
use rayon::prelude::*;

/// Fractional bits of a weight.
const FRACTION: u32 = 22;

/// `picture` at `width` x `height`: each new pixel the mean of the old ones below it and its neighbors, weighted by a
/// triangle (two pixels wide where it grows). To the bit what Pillow's `resize` gives with `BILINEAR`.
///
/// No sides of 0 pixels: a picture without pixels becomes black, one that is to have none becomes empty.
pub fn resize(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
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
    let old = picture.par_chunks_exact(picture.width() as usize * 3);
    narrow.par_chunks_exact_mut(width as usize * 3).zip(old).with_min_len(AT_ONCE).for_each(|(new, old)| {
        let old = old.as_chunks::<3>().0;
        for (pixel, (start, weights)) in new.as_chunks_mut::<3>().0.iter_mut().zip(columns.iter()) {
            // two sums in one number: neither reaches 2³²
            let (mut both, mut green) = (u64::from(HALF) << 32 | u64::from(HALF), HALF);
            for ([r, g, b], weight) in old[start..].iter().zip(weights) {
                both += u64::from(*weight) * (u64::from(*b) << 32 | u64::from(*r));
                green += weight * u32::from(*g);
            }
            *pixel = [byte(both as u32), byte(green), byte((both >> 32) as u32)];
        }
    });
    Some(narrow)
}

/// Every column at its new height.
fn down(picture: &RgbImage, rows: &Spans, height: u32) -> RgbImage {
    let line = picture.width() as usize * 3;
    let mut short = RgbImage::new(picture.width(), height);
    let rows = rows.iter().collect::<Vec<_>>();
    let old = picture.as_raw();
    short.par_chunks_exact_mut(line).zip(rows).with_min_len(AT_ONCE).for_each_init(
        || vec![0u32; line],
        |sums, (new, (start, weights))| {
            sums.fill(HALF);
            for (old, weight) in old[start * line..].chunks_exact(line).zip(weights) {
                for (sum, value) in sums.iter_mut().zip(old) {
                    *sum += weight * u32::from(*value);
                }
            }
            for (new, sum) in new.iter_mut().zip(sums.iter()) {
                *new = byte(*sum);
            }
        },
    );
    short
}

/// Rows of a task at least.
const AT_ONCE: usize = 16;

/// Rounds.
const HALF: u32 = 1 << (FRACTION - 1);

fn byte(sum: u32) -> u8 {
    (sum >> FRACTION).min(255) as u8
}

/// What each new pixel is made of along one axis.
struct Spans {
    /// The first old pixel, and where its weight stands.
    spans: Vec<(usize, usize)>,
    weights: Vec<u32>,
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
            let fixed = |x: i64| (0.5 + triangle(x) / total * f64::from(1 << FRACTION)) as u32;
            weights.extend((first..end).map(fixed));
        }
        Self { spans, weights }
    }

    fn iter(&self) -> impl Iterator<Item = (usize, &[u32])> {
        self.spans.iter().enumerate().map(|(i, &(first, from))| {
            let to = self.spans.get(i + 1).map_or(self.weights.len(), |next| next.1);
            (first, &self.weights[from..to])
        })
    }
}

#[cfg(test)]
mod tests {
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
            let got = resize(&pattern(7, 5), w, h);
            assert_eq!(got.dimensions(), (w, h));
            assert_eq!(&got.as_raw()[..values.len()], values, "{w}x{h}");
        }
        assert_eq!(resize(&pattern(7, 5), 7, 5), pattern(7, 5));
    }

    /// `b.sum(), (b * (numpy.arange(len(b)) % 1009)).sum()` of the same, 301 x 203 to 131 x 77, `b` raveled.
    #[test]
    fn a_larger_picture_is_that_of_pillow() {
        let small = resize(&pattern(301, 203), 131, 77);
        let values = || small.as_raw().iter().map(|v| u64::from(*v));
        assert_eq!(values().sum::<u64>(), 3_867_261);
        assert_eq!(values().enumerate().map(|(i, v)| v * (i as u64 % 1009)).sum::<u64>(), 1_947_814_555);
    }

    #[test]
    fn a_picture_without_pixels_has_none_to_give() {
        assert_eq!(resize(&RgbImage::new(0, 3), 2, 2), RgbImage::new(2, 2));
        assert_eq!(resize(&pattern(4, 4), 0, 2), RgbImage::new(0, 2));
    }

    #[test]
    fn light_stays_light_however_far_it_shrinks() {
        for (w, h) in [(1, 1), (7, 3), (400, 2)] {
            let white = RgbImage::from_pixel(1999, 3, Rgb([255, 128, 1]));
            assert!(resize(&white, w, h).pixels().all(|p| p.0 == [255, 128, 1]), "{w}x{h}");
        }
    }
}
