//! The natural order of file names: numbers in them count as numbers.

use std::cmp::Ordering;

/// Compares two names byte by byte, runs of digits by their value; names that differ in leading zeros alone, as they
/// are written.
pub(super) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let (mut left, mut right) = (a, b);
    while let (Some(x), Some(y)) = (left.first(), right.first()) {
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (p, q) = (number(&mut left), number(&mut right));
            p.len().cmp(&q.len()).then(p.cmp(q))
        } else {
            (left, right) = (&left[1..], &right[1..]);
            x.cmp(y)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    left.len().cmp(&right.len()).then(a.cmp(b))
}

/// Takes the digits from the front; returns them without leading zeros.
fn number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let digits = text.iter().take_while(|c| c.is_ascii_digit()).count();
    let (front, rest) = text.split_at(digits);
    *text = rest;
    &front[front.iter().take_while(|c| **c == b'0').count()..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_count_as_numbers() {
        let mut names = ["f10.jpg", "f9.jpg", "f09.jpg", "f1a2.jpg", "f1a10.jpg", "f.jpg", "e99.jpg", "f1.jpg"];
        names.sort_by(|a, b| compare(a.as_bytes(), b.as_bytes()));
        assert_eq!(names, ["e99.jpg", "f.jpg", "f1.jpg", "f1a2.jpg", "f1a10.jpg", "f09.jpg", "f9.jpg", "f10.jpg"]);
        // more digits than any number has
        assert_eq!(compare(b"100000000000000000000000000000", b"99999999999999999999999999999"), Ordering::Greater);
        assert_eq!(compare(b"0", b"00"), Ordering::Less);
    }

    proptest! {
        #[test]
        fn it_is_an_order(a in "[ab0-2]{0,6}", b in "[ab0-2]{0,6}", c in "[ab0-2]{0,6}") {
            let of = |x: &str, y: &str| compare(x.as_bytes(), y.as_bytes());
            prop_assert_eq!(of(&a, &b), of(&b, &a).reverse());
            prop_assert_eq!(of(&a, &b) == Ordering::Equal, a == b);
            if of(&a, &b) == Ordering::Less && of(&b, &c) == Ordering::Less {
                prop_assert_eq!(of(&a, &c), Ordering::Less);
            }
        }
    }
}
