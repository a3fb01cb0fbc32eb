//! Which boxes are of one face, and which found face is whose.

use super::{appearance::Appearance, contact::Contact};
use candle_vision_helpers::Rect;

/// Boxes that share more than this part of their union are of one face; heads that pass each other share less, but for
/// a moment.
pub(super) const SAME: f64 = 0.5;

/// A track that is seen and a found face that are less than this apart, in sizes, are one.
const CONFIRMS: f64 = 0.5;
/// A track that is out of sight is where it is expected only roughly …
const FINDS_AGAIN: f64 = 0.75;
/// … and so much more roughly for each second.
const STRAYS: f64 = 0.5;
/// By so many sizes a found face counts as farther away where it looks as different as it can; two people differ by a
/// twentieth of that.
const LOOKS: f64 = 20.0;

/// A track that waits for its found face.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'a> {
    /// The box that it has; `None` where its points are unsure, or it is hidden.
    pub seen: Option<Rect>,
    /// The box that it should have.
    pub due: Rect,
    pub contact: Contact,
    /// Seconds since it was surely itself.
    pub age: f64,
    /// What it looked like then.
    pub appearance: Option<&'a Appearance>,
}

/// A face that the finder found.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub bounds: Rect,
    /// What it looks like, where that matters.
    pub appearance: Option<Appearance>,
}

/// The found face of each track: those in sight come first, by the boxes that they have and should have; the others by
/// the boxes that they should have, the more roughly the longer they are out of sight, and by what they look like.
pub(super) fn matched(tracks: &[Wanted], found: &[Candidate]) -> Vec<Option<usize>> {
    let mut matched = vec![None; tracks.len()];
    let visible = |i: usize, j: usize| {
        let (seen, due) = (apart(tracks[i].seen?, found[j].bounds), apart(tracks[i].due, found[j].bounds));
        let cost = if tracks[i].contact == Contact::Clear { seen } else { (seen + due) / 2.0 };
        Some(cost).filter(|cost| *cost < CONFIRMS)
    };
    for (i, j) in pairs(tracks.len(), found.len(), visible) {
        matched[i] = Some(j);
    }
    // a second box on a face that is in sight is nobody else's
    let taken: Vec<Rect> = tracks.iter().filter_map(|track| track.seen).collect();
    let is_free = |j: usize| !matched.contains(&Some(j)) && !is_among(found[j].bounds, &taken);
    let hidden = |i: usize, j: usize| {
        let (track, face) = (&tracks[i], &found[j]);
        let away = apart(track.due, face.bounds);
        let is_near = away < FINDS_AGAIN + STRAYS * track.age;
        let differs = track.appearance.zip(face.appearance.as_ref()).and_then(|(a, b)| a.difference(b));
        (track.seen.is_none() && is_free(j) && is_near).then(|| away + LOOKS * differs.unwrap_or(0.0))
    };
    for (i, j) in pairs(tracks.len(), found.len(), hidden) {
        matched[i] = Some(j);
    }
    matched
}

/// How far apart two boxes are: the distance of their centers in sizes, and half a size more for each factor of e
/// between their sizes. Infinite where a box is empty.
pub(super) fn apart(a: Rect, b: Rect) -> f64 {
    let size = |r: Rect| (r.width * r.height).sqrt();
    let mean = (size(a) * size(b)).sqrt();
    if mean > 0.0 {
        a.center().distance(b.center()) / mean + 0.5 * (size(a) / size(b)).ln().abs()
    } else {
        f64::INFINITY
    }
}

/// Pairs of one of `rows` and one of `columns`, each in one pair at most: of all that have a cost, the cheapest comes
/// first. Where two cost as much, the one with the lower indices does.
pub(super) fn pairs(rows: usize, columns: usize, cost: impl Fn(usize, usize) -> Option<f64>) -> Vec<(usize, usize)> {
    let all = (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j)));
    let mut all: Vec<_> = all.filter_map(|(i, j)| Some((cost(i, j)?, i, j))).collect();
    all.sort_by(|x, y| x.0.total_cmp(&y.0).then((x.1, x.2).cmp(&(y.1, y.2))));
    let mut chosen: Vec<(usize, usize)> = Vec::new();
    for (_, i, j) in all {
        if chosen.iter().all(|&(p, q)| p != i && q != j) {
            chosen.push((i, j));
        }
    }
    chosen
}

/// Whether a box is that of a face of `others`.
pub(super) fn is_among(rect: Rect, others: &[Rect]) -> bool {
    others.iter().any(|other| other.overlap(rect) > SAME)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};
    use proptest::prelude::*;

    fn row(xs: &[f64]) -> Vec<Rect> {
        xs.iter().map(|&x| Rect::new(x, 0.0, 100.0, 100.0)).collect()
    }

    fn paired(a: &[Rect], b: &[Rect]) -> Vec<(usize, usize)> {
        pairs(a.len(), b.len(), |i, j| Some(apart(a[i], b[j])).filter(|cost| *cost < 0.8))
    }

    #[test]
    fn each_box_has_the_partner_that_is_nearest() {
        // two faces moved by 30 to the right: the first one's new box is 40 from the second one's old one
        assert_eq!(paired(&row(&[0.0, 70.0]), &row(&[30.0, 100.0])), [(0, 0), (1, 1)]);
        // of two boxes about one face, the nearer one
        assert_eq!(paired(&row(&[50.0]), &row(&[60.0, 49.0])), [(0, 1)]);
        assert_eq!(paired(&row(&[0.0]), &row(&[90.0])), []);
        assert_eq!(paired(&[], &row(&[0.0])), []);
    }

    /// A track that is due at `x`, in sight or not, and a found face there, of one color.
    fn due(x: f64, is_seen: bool, appearance: Option<&Appearance>) -> Wanted<'_> {
        let due = row(&[x])[0];
        Wanted { seen: is_seen.then_some(due), due, contact: Contact::Clear, age: 0.2, appearance }
    }

    fn found(x: f64, appearance: Option<&Appearance>) -> Candidate {
        Candidate { bounds: row(&[x])[0], appearance: appearance.cloned() }
    }

    #[test]
    fn hidden_faces_are_found_again_by_place_and_look() {
        let plain = |color: [u8; 3]| {
            Appearance::of(&RgbImage::from_pixel(40, 40, Rgb(color)), Rect::new(0.0, 0.0, 40.0, 40.0), &[])
        };
        let (red, blue) = (plain([200, 60, 60]), plain([60, 60, 200]));
        let (red, blue) = (Some(&red), Some(&blue));
        // each is nearer to where the other is due, by 0.2 sizes
        let tracks = [due(0.0, false, red), due(60.0, false, blue)];
        assert_eq!(matched(&tracks, &[found(40.0, red), found(20.0, blue)]), [Some(0), Some(1)]);
        assert_eq!(matched(&tracks, &[found(40.0, None), found(20.0, None)]), [Some(1), Some(0)]);
        // at most 0.75 sizes and 0.5 · 0.2 more, whatever they look like; one in sight is where it is
        assert_eq!(matched(&tracks, &[found(90.0, red)]), [None, Some(0)]);
        assert_eq!(matched(&[due(0.0, false, red)], &[found(84.0, red), found(86.0, red)]), [Some(0)]);
        assert_eq!(matched(&[due(0.0, false, red)], &[found(86.0, red)]), [None]);
        assert_eq!(matched(&[due(0.0, false, red), due(10.0, true, blue)], &[found(10.0, red)]), [None, Some(0)]);
    }

    #[test]
    fn size_counts_and_nothing_is_far_from_all() {
        let (near, far) = (Rect::new(0.0, 0.0, 100.0, 100.0), Rect::new(25.0, 25.0, 50.0, 50.0));
        // half of ln 2
        assert!((apart(near, far) - 0.346_574).abs() < 1e-6 && apart(near, near) == 0.0);
        assert_eq!(apart(near, Rect::new(0.0, 0.0, 0.0, 10.0)), f64::INFINITY);
    }

    proptest! {
        #[test]
        fn nothing_is_paired_twice_and_no_pair_is_left(
            a in prop::collection::vec(0.0..500.0, 0..6),
            b in prop::collection::vec(0.0..500.0, 0..6),
        ) {
            let (a, b) = (row(&a), row(&b));
            let chosen = paired(&a, &b);
            for i in 0..a.len() {
                prop_assert!(chosen.iter().filter(|p| p.0 == i).count() <= 1);
            }
            for (i, x) in a.iter().enumerate() {
                for (j, y) in b.iter().enumerate() {
                    let both_free = chosen.iter().all(|&(p, q)| p != i && q != j);
                    prop_assert!(!both_free || apart(*x, *y) >= 0.8);
                }
            }
        }
    }
}
