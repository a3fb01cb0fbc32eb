//! When a face's points deserve doubt, and why: the one place that says it.

use crate::predict::photo::Located;
use std::fmt;

/// Below this score what the finder found may be no face.
const LEAST_SCORE: f64 = 0.6;
/// Below this mean confidence the maps are spread: the network does not see where the points are.
const LEAST_CONFIDENCE: f64 = 0.5;
/// Less than this part of their union is shared by the box and the points found in it: they are not about one face.
const LEAST_AGREEMENT: f64 = 0.6;

/// A reason to doubt the points of a face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Doubt {
    /// The finder's score is low.
    Finder(f64),
    /// The mean confidence of the points is low.
    Confidence(f64),
    /// The box that was looked at and the box of the points found share little of their union.
    Box(f64),
}

impl Doubt {
    /// All reasons to doubt a face.
    pub(super) fn of(found: &Located) -> Vec<Self> {
        let below = |value: Option<f64>, least: f64| value.filter(|v| *v < least || v.is_nan());
        let finder = below(found.score, LEAST_SCORE).map(Self::Finder);
        let confidence = below(found.mean_confidence(), LEAST_CONFIDENCE).map(Self::Confidence);
        let agreement = below(found.agreement, LEAST_AGREEMENT).map(Self::Box);
        finder.into_iter().chain(confidence).chain(agreement).collect()
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finder(score) => write!(f, "it may be no face (score {score:.2})"),
            Self::Confidence(mean) => write!(f, "the network is unsure (mean confidence {mean:.2})"),
            Self::Box(part) => write!(f, "the points do not confirm their box (overlap {part:.2})"),
        }
    }
}
