//! When a face's points deserve doubt, and why: the one place that says it.

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
    /// All reasons to doubt a face with this score, mean confidence and agreement of box and points; what is not known
    /// is no reason.
    pub(super) fn of(score: Option<f64>, confidence: Option<f64>, agreement: Option<f64>) -> Vec<Self> {
        let below = |value: Option<f64>, least: f64| value.filter(|v| *v < least || v.is_nan());
        let finder = below(score, LEAST_SCORE).map(Self::Finder);
        let confidence = below(confidence, LEAST_CONFIDENCE).map(Self::Confidence);
        let agreement = below(agreement, LEAST_AGREEMENT).map(Self::Box);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_said_and_what_is_unknown_is_none() {
        assert_eq!(Doubt::of(None, None, None), []);
        assert_eq!(Doubt::of(Some(0.9), Some(0.8), Some(0.9)), []);
        let all = Doubt::of(Some(0.55), Some(0.2), Some(0.1));
        assert_eq!(all, [Doubt::Finder(0.55), Doubt::Confidence(0.2), Doubt::Box(0.1)]);
        let words: Vec<String> = all.iter().map(Doubt::to_string).collect();
        assert_eq!(words[2], "the points do not confirm their box (overlap 0.10)");
        assert!(words[0].contains("score 0.55") && words[1].contains("confidence 0.20"));
        assert!(matches!(Doubt::of(None, Some(f64::NAN), None)[..], [Doubt::Confidence(_)]));
    }
}
