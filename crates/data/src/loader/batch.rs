//! Batches: samples as tensors.

use crate::{
    error::Result,
    keypoints::Keypoints,
    sample::{Sample, Scale},
    view::{View, ViewSpec},
};
use candle_core::{Device, Tensor};
use candle_vision_helpers::{Affine, Rect, Size};
use rayon::prelude::*;

/// Tensors of some samples, on the CPU.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The views, `(B, C, H, W)`, normalized.
    pub images: Tensor,
    /// The keypoints, `(B, K, 2)`, view pixels.
    pub points: Tensor,
    /// Weights of the points, `(B, K)`: 1 where the point counts, else 0.
    pub weights: Tensor,
    /// Everything else about each sample.
    pub items: Vec<Item>,
}

impl Batch {
    /// The plain views of `samples`, in order and without augmentation.
    ///
    /// # Errors
    /// When a sample's box has no area.
    pub fn of_samples(spec: &ViewSpec, samples: &[Sample]) -> Result<Self> {
        spec.validate().map_err(|w| w.below("view"))?;
        let one = |(index, sample): (usize, &Sample)| Ok(Part::new(index, sample.clone(), spec.view(sample, None)?));
        let parts = samples.par_iter().enumerate().map(one).collect::<Result<Vec<_>>>()?;
        Self::of_parts(spec, parts)
    }

    /// Tensors of views, normalized as `spec` says.
    pub(super) fn of_parts(spec: &ViewSpec, parts: Vec<Part>) -> Result<Self> {
        let (views, items): (Vec<View>, Vec<Item>) = parts.into_iter().map(|part| (part.view, part.item)).unzip();
        let (b, k) = (views.len(), views.first().map_or(0, |v| v.points.points().len()));
        let plane = spec.width * spec.height;
        let mut values = Vec::with_capacity(b * spec.channels() * plane);
        let (mut points, mut weights) = (Vec::with_capacity(b * k * 2), Vec::with_capacity(b * k));
        for view in &views {
            for ((channel, mean), std) in view.image.outer_iter().zip(&spec.mean).zip(&spec.std) {
                let factor = 1.0 / std;
                values.extend(channel.iter().map(|v| (v - mean) * factor));
            }
            points.extend(view.points.points().iter().flat_map(|p| [p.x as f32, p.y as f32]));
            weights.extend(view.points.visible().iter().map(|&v| f32::from(u8::from(v))));
        }
        Ok(Self {
            images: Tensor::from_vec(values, (b, spec.channels(), spec.height, spec.width), &Device::Cpu)?,
            points: Tensor::from_vec(points, (b, k, 2), &Device::Cpu)?,
            weights: Tensor::from_vec(weights, (b, k), &Device::Cpu)?,
            items,
        })
    }
}

/// Everything about one sample of a batch that is not in the tensors.
#[derive(Clone, Debug)]
pub struct Item {
    /// Index in the dataset, or among the samples given.
    pub index: usize,
    /// Name of the sample.
    pub id: String,
    /// Pose or subset of the dataset.
    pub subset: Option<String>,
    /// Map from original to view pixels.
    pub to_view: Affine,
    /// Whether the view is mirrored and the batch's points are renamed (`truth` is not).
    pub mirrored: bool,
    /// Annotated points, original pixels.
    pub truth: Keypoints,
    /// The face box, original pixels.
    pub face: Rect,
    /// The original picture's size.
    pub original: Size,
    /// Lengths that errors are divided by.
    pub scale: Scale,
}

/// A sample on its way into a batch.
pub(super) struct Part {
    view: View,
    item: Item,
}

impl Part {
    pub(super) fn new(index: usize, sample: Sample, view: View) -> Self {
        let Sample { id, subset, original, face, points: truth, scale, .. } = sample;
        let (to_view, mirrored) = (view.to_view, view.mirrored);
        Self { item: Item { index, id, subset, to_view, mirrored, truth, face, original, scale }, view }
    }
}
