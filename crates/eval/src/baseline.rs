//! The mean shape of the training faces: what a network that looks at nothing would predict. Every network has to
//! beat it.

use crate::error::{Error, Result};
use crate::predict::Prediction;
use candle_vision_helpers::{Affine, Point, Rect, Size};
use facekp_data::{Dataset, Frame, Sample};

/// From units of the frame (`-0.5..=0.5` each way) to original pixels.
fn to_pixels(frame: Frame, sample: &Sample) -> Result<Affine> {
    let (what, area) = match frame {
        Frame::Box => ("box of points", Rect::around(&sample.points.annotated().collect::<Vec<_>>())),
        Frame::Picture => ("picture", Some(sample.original.area())),
    };
    // A picture of one pixel covers -0.5..=0.5.
    let unit = |r: Rect| Affine::rect_to_size(r, Size::new(1, 1)).map(|m| m.inverse());
    area.and_then(|r| unit(r).ok()).ok_or_else(|| Error::Mismatch {
        id: sample.id.clone(),
        reason: format!("expected a {what} with an area, got none"),
    })
}

/// The mean over training faces, in units of a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct MeanShape {
    /// Frame the points are relative to.
    pub frame: Frame,
    /// Points in the scheme's order, `-0.5..=0.5` across the frame.
    pub points: Vec<Point>,
}

impl MeanShape {
    /// Averages the annotated points of the samples `indices` of `data`.
    ///
    /// # Errors
    /// When there are no samples, one cannot be read, or a point is annotated nowhere.
    pub fn fit(data: &dyn Dataset, indices: &[usize], frame: Frame) -> Result<Self> {
        let mut sums = vec![(Point::default(), 0usize); data.scheme().len()];
        for &i in indices {
            let sample = data.get(i)?;
            let frame = to_pixels(frame, &sample)?;
            for (sum, (p, visible)) in sums.iter_mut().zip(sample.points.points().iter().zip(sample.points.visible())) {
                if *visible {
                    let p = frame.unapply(*p);
                    *sum = (Point::new(sum.0.x + p.x, sum.0.y + p.y), sum.1 + 1);
                }
            }
        }
        let mean = |(i, (sum, n)): (usize, &(Point, usize))| match *n {
            0 => Err(Error::Empty(format!("mean shape: expected point {i} in at least one training face, got none"))),
            n => Ok(Point::new(sum.x / n as f64, sum.y / n as f64)),
        };
        Ok(Self { frame, points: sums.iter().enumerate().map(mean).collect::<Result<_>>()? })
    }

    /// The mean shape put into a sample's frame, original pixels.
    ///
    /// # Errors
    /// When the sample's frame has no area.
    pub fn place(&self, sample: &Sample) -> Result<Vec<Point>> {
        let frame = to_pixels(self.frame, sample)?;
        Ok(self.points.iter().map(|&p| frame.apply(p)).collect())
    }

    /// "Predicts" the samples `indices` of `data`, in order.
    ///
    /// # Errors
    /// When a sample cannot be read.
    pub fn predict(&self, data: &dyn Dataset, indices: &[usize]) -> Result<Vec<Prediction>> {
        let one = |&index: &usize| {
            let sample = data.get(index)?;
            Ok(Prediction {
                index,
                points: self.place(&sample)?,
                confidence: None,
                sigma: None,
                id: sample.id,
                subset: sample.subset,
                truth: sample.points,
                scale: sample.scale,
            })
        };
        indices.iter().map(one).collect()
    }
}
