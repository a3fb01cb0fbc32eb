//! Points from maps by ONNX operators: what the codec's `decode` and the helpers' `find_peak` compute, in 32-bit
//! floats. Values are `(B, K, n)`; cells are numbered row by row.

use super::{HeatmapCodec, Target, reading::NEAR};
use crate::codec::profile;
use crate::onnx::{Decoded, Element, Graph, Value};
use candle_vision_helpers::heatmap::Decode;

/// The highest cell of each map.
struct Peak {
    /// Its column and row, `(B, K, 1)`.
    x: Value,
    y: Value,
    /// The column and the row nearest to it that are not on a border.
    inner_x: Value,
    inner_y: Value,
    /// Its value.
    value: Value,
}

impl HeatmapCodec {
    /// What the maps `(B, K or 1, h, w)` say.
    pub(super) fn decoded(&self, g: &mut Graph, output: &Value) -> Decoded {
        if self.config.target == Target::Summed {
            return Decoded::Map(g.op("Sigmoid", &[output]));
        }
        let (points, cells) = (self.points as i64, self.cells_of(g, output));
        let (at, peak) = match (self.config.target, self.config.decode) {
            (Target::Softmax, Decode::SoftArgmax) => (self.weighed(g, &cells, profile::place), None),
            (_, decode) => {
                let peak = self.highest(g, &cells);
                (self.around(g, &cells, &peak, decode), Some(peak.value))
            }
        };
        let sure = match (self.config.target, peak) {
            (Target::Softmax, _) | (_, None) => self.near(g, &cells, &at),
            (_, Some(peak)) => peak,
        };
        let sure = g.reshape(&sure, &[0, points]);
        let stride = self.config.stride as f32;
        Decoded::Points { points: g.affine(&at, stride, 0.5 * stride - 0.5), confidence: Some(g.clip(&sure, 0.0, 1.0)) }
    }

    /// What each cell says, `(B, K, n)`.
    fn cells_of(&self, g: &mut Graph, output: &Value) -> Value {
        let flat = g.reshape(output, &[0, self.points as i64, (self.width * self.height) as i64]);
        match self.config.target {
            Target::Gaussian => g.op("Relu", &[&flat]),
            Target::Sigmoid | Target::Summed => g.op("Sigmoid", &[&flat]),
            Target::Softmax => g.along("Softmax", &[&flat], 2),
        }
    }

    /// The spread of each map, `(B, K)`, view pixels.
    pub(super) fn deviations(&self, g: &mut Graph, output: &Value) -> Value {
        let (w, h) = (self.width, self.height);
        let cells = self.cells_of(g, output);
        // about the map's middle, so that squares stay small numbers
        let at = move |i: usize, n: usize| profile::place(i, n) - (n as f64 - 1.0) / 2.0;
        let row = move |y: usize| {
            (0..w).flat_map(move |x| {
                let (x, y) = (at(x, w), at(y, h));
                [1.0, x as f32, y as f32, (x * x + y * y) as f32]
            })
        };
        let moments: Vec<f32> = (0..h).flat_map(row).collect();
        let moments = g.floats(&[w * h, 4], &moments);
        let moments = g.op("MatMul", &[&cells, &moments]);
        let sum = g.pick(&moments, 2, &[0]);
        let means = g.op("Div", &[&moments, &sum]);
        let (first, second) = (g.pick(&means, 2, &[1, 2]), g.pick(&means, 2, &[3]));
        let squares = g.op("Mul", &[&first, &first]);
        let squares = g.sum(&squares, 2);
        let variance = g.op("Sub", &[&second, &squares]);
        let variance = g.op("Relu", &[&variance]);
        let deviation = g.op("Sqrt", &[&variance]);
        let deviation = g.reshape(&deviation, &[0, self.points as i64]);
        g.affine(&deviation, self.config.stride as f32, 0.0)
    }

    /// The sum of the cells' places, each times its value, `(B, K, 2)`; `place` is that of a column or row of so many.
    fn weighed(&self, g: &mut Graph, cells: &Value, place: fn(usize, usize) -> f64) -> Value {
        let (w, h) = (self.width, self.height);
        let row = |y: usize| (0..w).flat_map(move |x| [place(x, w) as f32, place(y, h) as f32]);
        let places: Vec<f32> = (0..h).flat_map(row).collect();
        let places = g.floats(&[w * h, 2], &places);
        g.op("MatMul", &[cells, &places])
    }

    /// The sum of the cells within [`NEAR`] of a place, `(B, K, 1)`.
    fn near(&self, g: &mut Graph, cells: &Value, at: &Value) -> Value {
        let mut squares = |axis: i64, count: usize, shape: &[i64]| {
            let (numbers, center) = (numbered(g, count), g.pick(at, 2, &[axis]));
            let off = g.op("Sub", &[&numbers, &center]);
            let square = g.op("Mul", &[&off, &off]);
            g.reshape(&square, shape)
        };
        let across = squares(0, self.width, &[0, 0, 1, self.width as i64]);
        let down = squares(1, self.height, &[0, 0, self.height as i64, 1]);
        let distance = g.op("Add", &[&across, &down]);
        let inside = g.compared(&distance, "LessOrEqual", (NEAR * NEAR) as f32);
        let inside = g.cast(&inside, Element::F32);
        let inside = g.reshape(&inside, &[0, 0, (self.width * self.height) as i64]);
        let inside = g.op("Mul", &[&inside, cells]);
        g.sum(&inside, 2)
    }

    fn highest(&self, g: &mut Graph, cells: &Value) -> Peak {
        let index = g.largest(cells, 2);
        let value = g.along("GatherElements", &[cells, &index], 2);
        // a map has at most 2048 rows and columns: whole numbers that 32-bit floats hold, and divide, exactly
        let index = g.cast(&index, Element::F32);
        let width = g.number(self.width as f32);
        let y = g.op("Div", &[&index, &width]);
        let y = g.op("Floor", &[&y]);
        let before = g.op("Mul", &[&y, &width]);
        let x = g.op("Sub", &[&index, &before]);
        let mut inner = |v: &Value, side: usize| g.clip(v, 1.0, side as f32 - 2.0);
        Peak { inner_x: inner(&x, self.width), inner_y: inner(&y, self.height), x, y, value }
    }

    /// The place that is read around the highest cell, `(B, K, 2)`, cells.
    fn around(&self, g: &mut Graph, cells: &Value, peak: &Peak, decode: Decode) -> Value {
        match decode {
            Decode::Argmax => g.along("Concat", &[&peak.x, &peak.y], 2),
            Decode::Quarter => self.quarter(g, cells, peak),
            Decode::Dark => {
                let quarter = self.quarter(g, cells, peak);
                let (vertex, sound) = self.dark(g, cells, peak);
                g.op("Where", &[&sound, &vertex, &quarter])
            }
            Decode::SoftArgmax => {
                let cell = g.along("Concat", &[&peak.x, &peak.y], 2);
                let sum = g.sum(cells, 2);
                let weighed = self.weighed(g, cells, |i, _| i as f64);
                let mean = g.op("Div", &[&weighed, &sum]);
                let any = g.compared(&sum, "Greater", 0.0);
                g.op("Where", &[&any, &mean, &cell])
            }
        }
    }

    /// The values of the cells that lie `steps` behind the one in a column and row, `(B, K, steps)`.
    fn beside(&self, g: &mut Graph, cells: &Value, (x, y): (&Value, &Value), steps: &[f32]) -> Value {
        let (width, steps) = (g.number(self.width as f32), g.floats(&[steps.len()], steps));
        let row = g.op("Mul", &[y, &width]);
        let index = g.op("Add", &[&row, x]);
        let index = g.op("Add", &[&index, &steps]);
        let index = g.cast(&index, Element::I64);
        g.along("GatherElements", &[cells, &index], 2)
    }

    /// A quarter of a cell towards the higher of two neighbors, along each axis that has two.
    fn quarter(&self, g: &mut Graph, cells: &Value, peak: &Peak) -> Value {
        let step = self.width as f32;
        let across = self.beside(g, cells, (&peak.inner_x, &peak.y), &[-1.0, 1.0]);
        let down = self.beside(g, cells, (&peak.x, &peak.inner_y), &[-step, step]);
        let mut truth = |operator: &str, a: &Value, b: &Value| {
            let holds = g.op(operator, &[a, b]);
            g.cast(&holds, Element::F32)
        };
        let [two_across, two_down] =
            [(&peak.x, &peak.inner_x), (&peak.y, &peak.inner_y)].map(|(v, i)| truth("Equal", v, i));
        let mut lean = |at: &Value, pair: &Value, has_two: &Value| {
            let (before, after) = (g.pick(pair, 2, &[0]), g.pick(pair, 2, &[1]));
            let more = g.op("Greater", &[&after, &before]);
            let less = g.op("Less", &[&after, &before]);
            let (more, less) = (g.cast(&more, Element::F32), g.cast(&less, Element::F32));
            let lean = g.op("Sub", &[&more, &less]);
            let lean = g.op("Mul", &[&lean, has_two]);
            let lean = g.affine(&lean, 0.25, 0.0);
            g.op("Add", &[at, &lean])
        };
        let (x, y) = (lean(&peak.x, &across, &two_across), lean(&peak.y, &down, &two_down));
        g.along("Concat", &[&x, &y], 2)
    }

    /// The vertex of the paraboloid through the logarithms of nine cells, `(B, K, 2)`, and whether it is a peak near
    /// the highest cell, `(B, K, 1)`.
    fn dark(&self, g: &mut Graph, cells: &Value, peak: &Peak) -> (Value, Value) {
        let step = self.width as f32;
        let nine = [-step - 1.0, -step, -step + 1.0, -1.0, 0.0, 1.0, step - 1.0, step, step + 1.0];
        let nine = self.beside(g, cells, (&peak.inner_x, &peak.inner_y), &nine);
        // Parts of the peak, as the sums below are of weights whose sum is 0: their logarithms are small numbers.
        let (parts, least) = (g.op("Div", &[&nine, &peak.value]), g.number(LEAST_PART));
        let parts = g.op("Max", &[&parts, &least]);
        let logs = g.op("Log", &[&parts]);
        let fit = g.floats(&[9, 5], &fit().concat());
        let fit = g.op("MatMul", &[&logs, &fit]);
        let [gx, gy, gxx, gyy, gxy] = [0, 1, 2, 3, 4].map(|i| g.pick(&fit, 2, &[i]));
        let mut difference = |a: (&Value, &Value), b: (&Value, &Value)| {
            let (a, b) = (g.op("Mul", &[a.0, a.1]), g.op("Mul", &[b.0, b.1]));
            g.op("Sub", &[&a, &b])
        };
        let det = difference((&gxx, &gyy), (&gxy, &gxy));
        let (x, y) = (difference((&gyy, &gx), (&gxy, &gy)), difference((&gxx, &gy), (&gxy, &gx)));
        let mut sound = g.compared(&peak.value, "Greater", 0.0);
        for (value, operator, limit) in [(&gxx, "Less", -1e-9), (&gyy, "Less", -1e-9), (&det, "Greater", 1e-12)] {
            let holds = g.compared(value, operator, limit);
            sound = g.op("And", &[&sound, &holds]);
        }
        let mut vertex = Vec::with_capacity(2);
        for (part, inner, at) in [(x, &peak.inner_x, &peak.x), (y, &peak.inner_y, &peak.y)] {
            let part = g.op("Div", &[&part, &det]);
            let place = g.op("Sub", &[inner, &part]);
            let off = g.op("Sub", &[&place, at]);
            let off = g.op("Abs", &[&off]);
            let near = g.compared(&off, "LessOrEqual", 1.0);
            sound = g.op("And", &[&sound, &near]);
            vertex.push(place);
        }
        (g.along("Concat", &vertex.iter().collect::<Vec<_>>(), 2), sound)
    }
}

/// What a cell's logarithm counts for at least, as a part of the peak.
const LEAST_PART: f32 = 1e-4;

/// The share of each of nine cells, row by row, in the paraboloid's two slopes and three second derivatives.
fn fit() -> [[f32; 5]; 9] {
    std::array::from_fn(|i| {
        let (u, v) = ((i % 3) as f32 - 1.0, (i / 3) as f32 - 1.0);
        [u / 6.0, v / 6.0, u * u - 2.0 / 3.0, v * v - 2.0 / 3.0, u * v / 4.0]
    })
}

/// `0, 1, …`, so many.
fn numbered(g: &mut Graph, count: usize) -> Value {
    g.floats(&[count], &(0..count).map(|i| i as f32).collect::<Vec<_>>())
}
