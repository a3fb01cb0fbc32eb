//! How a face that the face finder finds becomes the box of a scheme's points.

use serde::{Deserialize, Serialize};

/// A linear map from features of a found face to the tight box of a scheme's points, and what it was fitted on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoxFit {
    /// A row per feature: shares in the box's center (x, y) and sides (width, height).
    pub coefficients: Vec<[f64; 4]>,
    /// Where the whole picture lies, for a dataset whose networks look at that: how far its center is from the box's
    /// (x, y), and its sides, in units of the square root of the box's area.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<[f64; 4]>,
    /// What it was fitted on, in words.
    pub data: String,
    /// Found faces that it was fitted on.
    pub faces: usize,
    /// Mean intersection over union of its boxes with the points' own, on the same faces.
    pub overlap: f64,
}

impl BoxFit {
    /// Rows of coefficients: one for a constant, one for width over size, two for each of five points.
    pub const ROWS: usize = 12;
}
