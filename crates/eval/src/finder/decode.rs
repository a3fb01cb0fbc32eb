//! From the finder's maps to faces in pixels of the picture that it saw.

use super::{FoundFace, direction};
use candle_core::{Result, Tensor};
use candle_vision_helpers::{Point, Rect};
use facekp_models::networks::yunet::{OUTPUTS, STRIDES};

/// The faces of picture `index` of a batch with a score above `least`, in rows of each map. `maps` are `(B, 16, h, w)`.
///
/// The network counts from a picture's edge, so that half a pixel lies between its numbers and centers of pixels.
///
/// Sync point: reads the maps back.
pub(super) fn faces(maps: &[Tensor; 3], index: usize, least: f64) -> Result<Vec<FoundFace>> {
    let mut found = Vec::new();
    for (map, stride) in maps.iter().zip(STRIDES) {
        let (_, _, height, width) = map.dims4()?;
        let (values, plane) = (map.get(index)?.flatten_all()?.to_vec1::<f32>()?, height * width);
        let Some(values) = values.get(..OUTPUTS * plane) else { continue };
        let stride = stride as f64;
        for at in 0..plane {
            let value = |output: usize| f64::from(values[output * plane + at]);
            let score = (sigmoid(value(0)) * sigmoid(value(1))).sqrt();
            if score.is_nan() || score <= least {
                continue;
            }
            let (x, y) = ((at % width) as f64, (at / width) as f64);
            let place = |i: usize| Point::new((value(i) + x) * stride - 0.5, (value(i + 1) + y) * stride - 0.5);
            let (center, w, h) = (place(2), value(4).exp() * stride, value(5).exp() * stride);
            let landmarks: [Point; 5] = std::array::from_fn(|i| place(6 + 2 * i));
            let bounds = Rect::new(center.x - w / 2.0, center.y - h / 2.0, w, h);
            if [bounds.x, bounds.y, w, h].iter().all(|v| v.is_finite()) && landmarks.iter().all(|p| p.is_finite()) {
                let (score, roll) = (score as f32, direction::roll(&landmarks));
                found.push(FoundFace { bounds, upright: bounds, score, landmarks, roll });
            }
        }
    }
    Ok(found)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use candle_core::Device;

    /// Maps of one row of two places, all logits far below 0, with the given numbers at one of them.
    fn maps(level: usize, at: usize, numbers: [f32; OUTPUTS]) -> [Tensor; 3] {
        std::array::from_fn(|l| {
            let mut values = [[-20f32, -20.0], [-20.0, -20.0]].concat();
            values.resize(OUTPUTS * 2, 0.0);
            if l == level {
                numbers.iter().enumerate().for_each(|(i, n)| values[i * 2 + at] = *n);
            }
            Tensor::from_vec(values, (1, OUTPUTS, 1, 2), &Device::Cpu).unwrap()
        })
    }

    #[test]
    fn a_place_becomes_a_face_by_hand() {
        let mut numbers = [0.0; OUTPUTS];
        // sigmoid(0) = 1/2 and sigmoid(ln 3) = 3/4
        (numbers[0], numbers[1]) = (0.0, 3f32.ln());
        (numbers[2], numbers[3], numbers[4], numbers[5]) = (0.5, 2.0, 2f32.ln(), 4f32.ln());
        (numbers[6], numbers[7]) = (-0.25, 1.0);
        let found = faces(&maps(1, 1, numbers), 0, 0.6).unwrap();
        assert_eq!(found.len(), 1);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-5, "{a} and {b}");
        close(found[0].score.into(), 0.375f64.sqrt());
        // at stride 16, in the second column: the center at 1.5 and 2 cells, the sides 2 and 4 cells
        let b = found[0].bounds;
        for (got, want) in [(b.x, 7.5), (b.y, -0.5), (b.width, 32.0), (b.height, 64.0)] {
            close(got, want);
        }
        let eye = found[0].landmarks[0];
        close(eye.x, 11.5);
        close(eye.y, 15.5);
        assert_eq!(faces(&maps(1, 1, numbers), 0, 0.62).unwrap(), []);
    }

    #[test]
    fn what_is_no_number_is_no_face() {
        for i in 0..OUTPUTS {
            let mut numbers = [1f32; OUTPUTS];
            numbers[i] = f32::NAN;
            assert_eq!(faces(&maps(0, 0, numbers), 0, 0.5).unwrap(), [], "output {i}");
        }
        let mut numbers = [1f32; OUTPUTS];
        numbers[4] = 1e9;
        assert_eq!(faces(&maps(2, 0, numbers), 0, 0.5).unwrap(), []);
    }
}
