//! What a face looks like: its colors, by which faces that come back into sight are told apart.

use super::contact::head;
use candle_vision_helpers::Rect;
use image::RgbImage;

/// A box has so many cells in a row and in a column …
const CELLS: usize = 4;
/// … each of which is looked at in so many places in a row and in a column, however large it is.
const PLACES: usize = 8;
/// Faces are compared by so many cells or more: of one that is nearly covered, too little is seen.
const LEAST_CELLS: usize = 4;

/// The mean color of each cell of a face's box, red, green and blue in `0..=1`; `None` for those that cannot be seen.
/// So small a picture tells much (Torralba, Fergus, Freeman: 80 Million Tiny Images, PAMI 2008), and depends little on
/// where the box lies exactly.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Appearance {
    cells: [Option<[f64; 3]>; CELLS * CELLS],
}

impl Appearance {
    /// Of the face in `bounds`; cells that reach out of the frame, and those half in the head of one of `others`,
    /// which may be in front of it, are not seen.
    pub(super) fn of(frame: &RgbImage, bounds: Rect, others: &[Rect]) -> Self {
        let (w, h) = (bounds.width / CELLS as f64, bounds.height / CELLS as f64);
        let one = |i: usize| {
            let cell = Rect::new(bounds.x + w * (i % CELLS) as f64, bounds.y + h * (i / CELLS) as f64, w, h);
            let is_covered = others.iter().any(|other| head(*other).shared_area(cell) > w * h / 2.0);
            if is_covered { None } else { mean_color(frame, cell) }
        };
        Self { cells: std::array::from_fn(one) }
    }

    /// How much colors differ, `0..=1`: the root of the mean square over that half of the cells which both show that
    /// differs least, so that a hand, hair, or another head before the rest does not count (least trimmed squares:
    /// Rousseeuw, Least Median of Squares Regression, JASA 1984). `None` where too few cells can be compared.
    pub(super) fn difference(&self, other: &Self) -> Option<f64> {
        let both = self.cells.iter().zip(&other.cells).filter_map(|(a, b)| Some(((*a)?, (*b)?)));
        let mut squares: Vec<f64> =
            both.map(|(a, b)| (0..3).map(|c| (a[c] - b[c]).powi(2)).sum::<f64>() / 3.0).collect();
        if squares.len() < LEAST_CELLS {
            return None;
        }
        squares.sort_by(f64::total_cmp);
        let half = squares.len().div_ceil(2);
        Some((squares[..half].iter().sum::<f64>() / half as f64).sqrt())
    }
}

/// The mean of places spread over a cell; `None` where one of them is outside the frame.
fn mean_color(frame: &RgbImage, cell: Rect) -> Option<[f64; 3]> {
    let mut sum = [0.0; 3];
    for i in 0..PLACES * PLACES {
        let along = |i: usize| (i as f64 + 0.5) / PLACES as f64;
        let x = (cell.x + cell.width * along(i % PLACES)).round();
        let y = (cell.y + cell.height * along(i / PLACES)).round();
        if !(0.0..f64::from(frame.width())).contains(&x) || !(0.0..f64::from(frame.height())).contains(&y) {
            return None;
        }
        let color = frame.get_pixel(x as u32, y as u32);
        sum.iter_mut().zip(color.0).for_each(|(sum, c)| *sum += f64::from(c));
    }
    Some(sum.map(|s| s / (255.0 * (PLACES * PLACES) as f64)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use image::Rgb;
    use proptest::prelude::*;

    const SKIN: [u8; 3] = [200, 150, 120];

    /// A face of 80 pixels before a gray ground, from some column on blue.
    fn frame(left: u32, skin: [u8; 3], blue_from: u32) -> RgbImage {
        RgbImage::from_fn(200, 100, |x, y| {
            let is_face = (left..left + 80).contains(&x) && (10..90).contains(&y);
            let else_color = if is_face { skin } else { [128; 3] };
            Rgb(if x >= blue_from { [0, 0, 255] } else { else_color })
        })
    }

    fn bounds(left: f64) -> Rect {
        Rect::new(left - 0.5, 9.5, 80.0, 80.0)
    }

    #[test]
    fn another_color_tells_faces_apart_and_another_place_does_not() {
        let of = |frame: &RgbImage, left: f64| Appearance::of(frame, bounds(left), &[]);
        let (light, dark) = (of(&frame(20, SKIN, 200), 20.0), of(&frame(20, [100, 75, 60], 200), 20.0));
        // the root of (100² + 75² + 60²) / 3, of 255
        let got = light.difference(&dark).unwrap();
        assert!((got - 0.313_929).abs() < 1e-6, "{got}");
        // elsewhere, and looked at two pixels beside it, where the last column of cells shows some ground
        assert_eq!(light.difference(&of(&frame(90, SKIN, 200), 92.0)), Some(0.0));
    }

    #[test]
    fn what_others_cover_or_no_frame_shows_is_not_compared() {
        let alone = Appearance::of(&frame(20, SKIN, 200), bounds(20.0), &[]);
        let seen = |blue_from: u32, others: &[Rect]| {
            Appearance::of(&frame(20, SKIN, blue_from), bounds(20.0), others).difference(&alone)
        };
        // a half that is covered does not count; three quarters do, unless they are known to be covered
        assert_eq!(seen(60, &[]), Some(0.0));
        assert!(seen(40, &[]).is_some_and(|d| d > 0.3), "{:?}", seen(40, &[]));
        // a head from 40 to 100, whose box is a tenth narrower on either side
        let other = Rect::new(46.0, 10.0, 48.0, 80.0);
        assert_eq!(seen(40, &[other]), Some(0.0));
        assert_eq!(seen(40, &[other, Rect::new(10.0, 10.0, 40.0, 80.0)]), None);
        assert_eq!(Appearance::of(&frame(20, SKIN, 200), bounds(-70.0), &[]).difference(&alone), None);
    }

    proptest! {
        #[test]
        fn differences_are_symmetric_and_no_box_is_too_strange(
            a in (-300.0..300.0, -300.0..300.0, 0.0..300.0, 0.0..300.0f64),
            b in (-300.0..300.0, -300.0..300.0, 0.0..300.0, 0.0..300.0f64),
        ) {
            let frame = frame(40, SKIN, 100);
            let of = |(x, y, w, h): (f64, f64, f64, f64)| Appearance::of(&frame, Rect::new(x, y, w, h), &[]);
            let (p, q) = (of(a), of(b));
            prop_assert_eq!(p.difference(&q), q.difference(&p));
            prop_assert!(p.difference(&q).is_none_or(|d| (0.0..=1.0).contains(&d)));
            prop_assert!(p.difference(&p).is_none_or(|d| d == 0.0));
            let none = of((f64::NAN, 0.0, f64::INFINITY, f64::NAN));
            prop_assert_eq!(none.difference(&p), None);
        }
    }
}
