//! Which boxes are of one face.

use candle_vision_helpers::Rect;

/// Boxes that share more than this part of their union are of one face; heads that pass each other share less, but for
/// a moment.
pub(super) const SAME: f64 = 0.5;

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
