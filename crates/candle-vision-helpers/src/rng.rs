//! A hash of whole numbers that seeds and fixed test values are made of.

/// Steele, Lea and Flood's SplitMix64 ("Fast splittable pseudorandom number generators", 2014): the output after one
/// step of its counter from `x`, so that neighboring numbers give unrelated ones.
pub const fn splitmix64(x: u64) -> u64 {
    let z = x.wrapping_add(STEP);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What the counter of [`splitmix64`] moves by.
pub(crate) const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    /// The outputs that the authors' program prints for the seed 1234567.
    #[test]
    fn it_is_the_published_one() {
        let expected: [u64; 5] = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        assert_eq!(std::array::from_fn(|i| splitmix64(STEP.wrapping_mul(i as u64).wrapping_add(1_234_567))), expected);
    }
}
