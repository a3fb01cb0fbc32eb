//! Convolutions by panels at every level: rows of the maps that are shorter than a vector or end inside one, images
//! that do, and outputs that fill no tile evenly.

use crate::at_every_level;
use crate::common::against_naive;
use candle_vision_helpers::ops::ConvParams;

#[test]
fn maps_of_every_width_and_outputs_of_every_number_are_right() -> candle_core::Result<()> {
    let p = |stride, padding| ConvParams { stride, padding, ..ConvParams::default() };
    at_every_level(|_| {
        for width in [1, 2, 3, 5, 7, 8, 9, 13, 16, 17, 31, 33] {
            against_naive(&[3, 2, 6, width], &[50, 2, 3, 3], p(1, 1), false)?;
        }
        // tiles of 6 and of 12 rows
        for outputs in 49..=61 {
            against_naive(&[2, 3, 5, 7], &[outputs, 3, 1, 1], p(1, 0), true)?;
        }
        against_naive(&[2, 3, 11, 14], &[70, 3, 3, 3], p(2, 1), false)?;
        // deeper than a panel
        against_naive(&[9, 270, 3, 4], &[51, 270, 1, 1], p(1, 0), false)
    })
}
