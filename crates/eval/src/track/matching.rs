//! Which boxes are of one face.

use candle_vision_helpers::Rect;

/// Boxes that share more than this part of their union are of one face; heads that pass each other share less, but for
/// a moment.
pub(super) const SAME: f64 = 0.5;

/// Pairs of one box of `a` and one of `b`, each box in one pair at most: of all that share more than `least` of their
/// union, the pair that shares most comes first. Where two pairs share as much, the one with the lower indices does.
pub(super) fn pairs(a: &[Option<Rect>], b: &[Option<Rect>], least: f64) -> Vec<(usize, usize)> {
    let of = |(i, x): (usize, &Option<Rect>)| {
        let with = move |(j, y): (usize, &Option<Rect>)| Some((x.as_ref()?.overlap((*y)?), i, j));
        b.iter().enumerate().filter_map(with).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = a.iter().enumerate().flat_map(of).filter(|(shared, ..)| *shared > least).collect();
    all.sort_by(|x, y| y.0.total_cmp(&x.0).then((x.1, x.2).cmp(&(y.1, y.2))));
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

    fn row(xs: &[f64]) -> Vec<Option<Rect>> {
        xs.iter().map(|&x| Some(Rect::new(x, 0.0, 100.0, 100.0))).collect()
    }

    #[test]
    fn each_box_has_the_partner_that_shares_most_with_it() {
        // two faces moved by 30 to the right: the first one's new box shares 100 - 40 with the second one's old one
        let (before, after) = (row(&[0.0, 70.0]), row(&[30.0, 100.0]));
        assert_eq!(pairs(&before, &after, 0.1), [(0, 0), (1, 1)]);
        // of two boxes about one face, the nearer one
        assert_eq!(pairs(&row(&[50.0]), &row(&[60.0, 49.0]), 0.1), [(0, 1)]);
        assert_eq!(pairs(&row(&[0.0]), &row(&[90.0]), 0.1), []);
        assert_eq!(pairs(&[None, row(&[0.0])[0]], &row(&[0.0]), 0.1), [(1, 0)]);
        assert_eq!(pairs(&[], &row(&[0.0]), 0.1), []);
    }

    proptest! {
        #[test]
        fn nothing_is_paired_twice_and_no_pair_is_left(
            a in prop::collection::vec(0.0..500.0, 0..6),
            b in prop::collection::vec(0.0..500.0, 0..6),
        ) {
            let (a, b) = (row(&a), row(&b));
            let chosen = pairs(&a, &b, 0.2);
            for i in 0..a.len() {
                prop_assert!(chosen.iter().filter(|p| p.0 == i).count() <= 1);
            }
            for (i, x) in a.iter().enumerate() {
                for (j, y) in b.iter().enumerate() {
                    let both_free = chosen.iter().all(|&(p, q)| p != i && q != j);
                    let shared = x.unwrap_or(Rect::new(0.0, 0.0, 0.0, 0.0)).overlap(y.unwrap_or(Rect::new(0.0, 0.0, 0.0, 0.0)));
                    prop_assert!(!both_free || shared <= 0.2);
                }
            }
        }
    }
}
