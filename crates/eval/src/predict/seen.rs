//! What a network says of one view.

use candle_vision_helpers::{Affine, Point};
use facekp_models::Calibration;

/// What a network finds in one view, in the view's pixels.
pub(super) struct Found {
    pub points: Vec<Point>,
    pub confidence: Option<Vec<f64>>,
    /// The spread of each point's map; once calibrated, the expected distance of the point from where it is.
    pub sigma: Option<Vec<f64>>,
}

impl Found {
    /// Under the names that the points have in a mirror.
    pub(super) fn renamed(&self, mirror: &[usize]) -> Self {
        let renamed = |values: &Vec<f64>| mirror.iter().map(|&i| values[i]).collect();
        Self {
            points: mirror.iter().map(|&i| self.points[i]).collect(),
            confidence: self.confidence.as_ref().map(renamed),
            sigma: self.sigma.as_ref().map(renamed),
        }
    }

    /// What was found in the mirrored view `width` pixels wide, in the pixels and names of the view itself.
    pub(super) fn unmirrored(&self, width: usize, partners: &[usize]) -> Self {
        let mirror = Affine::mirror(width);
        let mut found = self.renamed(partners);
        found.points.iter_mut().for_each(|p| *p = mirror.unapply(*p));
        found
    }

    pub(super) fn averaged(&self, other: &Self) -> Self {
        let middle = |(p, q): (&Point, &Point)| Point::new((p.x + q.x) / 2.0, (p.y + q.y) / 2.0);
        let means = |a: &Option<Vec<f64>>, b: &Option<Vec<f64>>| {
            let both = a.as_ref().zip(b.as_ref());
            both.map(|(a, b)| a.iter().zip(b).map(|(c, d)| (c + d) / 2.0).collect())
        };
        Self {
            points: self.points.iter().zip(&other.points).map(middle).collect(),
            confidence: means(&self.confidence, &other.confidence),
            sigma: means(&self.sigma, &other.sigma),
        }
    }

    /// With expected errors in place of spreads; without either where nothing was calibrated.
    pub(super) fn calibrated(self, calibration: Option<&Calibration>) -> Self {
        let errors = |spreads: Vec<f64>| calibration.map(|c| spreads.into_iter().map(|s| c.error(s)).collect());
        Self { sigma: self.sigma.and_then(errors), ..self }
    }

    /// What was found, in pixels that `map` leads to.
    pub(super) fn moved(self, map: &Affine) -> Self {
        let scale = map.scale();
        Self {
            points: self.points.iter().map(|p| map.apply(*p)).collect(),
            sigma: self.sigma.map(|all| all.into_iter().map(|s| s * scale).collect()),
            ..self
        }
    }
}
