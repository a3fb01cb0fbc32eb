//! The part of a batch that one of several processes makes.

use std::ops::Range;

/// One of `of` parts of every batch: as equal as can be, each a range of samples in the order of the batch, the larger
/// ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which part, from 0 on.
    pub part: usize,
    /// How many there are.
    pub of: usize,
}

impl Share {
    /// All of every batch.
    pub const WHOLE: Self = Self { part: 0, of: 1 };

    /// The samples of a batch of `len` that are in this part; none where no such part is.
    pub fn range(self, len: usize) -> Range<usize> {
        let of = self.of.max(1);
        let start = |part: usize| (len / of * part + part.min(len % of)).min(len);
        start(self.part)..start(self.part.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn seven_samples_in_three_parts() {
        let parts: Vec<_> = (0..4).map(|part| Share { part, of: 3 }.range(7)).collect();
        assert_eq!(parts, [0..3, 3..5, 5..7, 7..7]);
        assert_eq!(Share::WHOLE.range(7), 0..7);
    }

    proptest! {
        #[test]
        fn parts_cover_a_batch_in_order_and_are_about_equal(len in 0usize..200, of in 1usize..20) {
            let parts: Vec<_> = (0..of).map(|part| Share { part, of }.range(len)).collect();
            let all: Vec<usize> = parts.iter().cloned().flatten().collect();
            prop_assert_eq!(all, (0..len).collect::<Vec<_>>());
            prop_assert!(parts.iter().all(|p| (len / of..=len.div_ceil(of)).contains(&p.len())));
        }
    }
}
