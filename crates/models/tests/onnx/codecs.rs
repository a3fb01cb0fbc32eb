//! What is read from maps by ONNX operators is what the codecs read: peaks inside, on borders and in corners, and maps
//! without a peak.

use super::{Session, floats, near};
use crate::common::{flat, noise};
use candle_core::{Device, Tensor};
use candle_vision_helpers::{Size, heatmap::Decode};
use facekp_models::codec::heatmap::{Config, HeatmapCodec, Target};
use facekp_models::onnx::{Decoded, Dim, Element, Graph};
use facekp_models::{Codec, Task};

const WIDTH: usize = 11;
const HEIGHT: usize = 8;
const CELLS: usize = WIDTH * HEIGHT;

/// Reads maps by the graph of a codec: points and confidences.
fn by_graph(codec: &dyn Codec, shape: &[usize], values: &[f32]) -> (Vec<f32>, Option<Vec<f32>>) {
    let mut graph = Graph::new();
    let sides: Vec<Dim> = shape[1..].iter().map(|&n| Dim::Fixed(n)).collect();
    let output = graph.input("output", Element::F32, &[&[Dim::Any("B")], &sides[..]].concat(), "maps");
    let Decoded::Points { points, confidence } = codec.onnx(&mut graph, &output) else { panic!("no points") };
    graph.output("points", &points, &[Dim::Any("B"), Dim::Any("K"), Dim::Fixed(2)], "");
    if let Some(confidence) = &confidence {
        graph.output("confidence", confidence, &[Dim::Any("B"), Dim::Any("K")], "");
    }
    let session = Session::new(graph.into_bytes("codec", "", &[]).unwrap());
    let input = floats(shape, values.to_vec());
    if confidence.is_none() {
        let [points] = session.run(input, ["points"]);
        return (points.into_shape_vec::<f32, 3>().unwrap().1, None);
    }
    let [points, sure] = session.run(input, ["points", "confidence"]);
    (points.into_shape_vec::<f32, 3>().unwrap().1, Some(sure.into_shape_vec::<f32, 2>().unwrap().1))
}

/// A bell of the height 0.9 about a place, on a little noise that tells cells apart.
fn bell(x: f64, y: f64, sigma: f64) -> Vec<f64> {
    let grain = noise(&format!("{x} {y}"), CELLS);
    let value = |i: usize| {
        let (dx, dy) = ((i % WIDTH) as f64 - x, (i / WIDTH) as f64 - y);
        0.9 * (-0.5 * (dx * dx + dy * dy) / (sigma * sigma)).exp() + 0.01 * (grain[i] + 0.5)
    };
    (0..CELLS).map(value).collect()
}

/// Maps with values of `0..=1`. No two cells are equal: of several highest ones ONNX takes the first, as the codecs do,
/// but rten the last.
fn shown() -> Vec<Vec<f64>> {
    let (right, low) = (WIDTH as f64 - 1.0, HEIGHT as f64 - 1.0);
    let places = [
        (4.3, 3.8),
        (0.1, 3.3),
        (right - 0.2, 2.7),
        (5.2, -0.3),
        (6.4, low + 0.2),
        (-0.3, -0.4),
        (right + 0.3, low + 0.1),
        (right - 0.1, 0.2),
        (1.2, low - 1.3),
        (-2.0, 4.1),
        (2.45, 2.6),
    ];
    let mut maps: Vec<Vec<f64>> = places.iter().map(|&(x, y)| bell(x, y, 1.4)).collect();
    maps.push(bell(7.3, 1.6, 0.5));
    // no vertex: a ramp to a corner
    maps.push((0..CELLS).map(|i| (i % WIDTH + i / WIDTH + 1) as f64 / 40.0 + i as f64 * 1e-4).collect());
    // a ridge on a border
    maps.push((0..CELLS).map(|i| 0.05 + 0.01 * (i % WIDTH) as f64 + 1e-4 * i as f64).collect());
    maps
}

/// The output of a network whose maps show `p`.
fn output(target: Target, p: f64) -> f32 {
    (match target {
        Target::Gaussian => p - 0.005,
        Target::Sigmoid | Target::Summed => (p / (1.0 - p)).ln(),
        Target::Softmax => p.ln(),
    }) as f32
}

#[test]
fn every_way_of_reading_gives_the_same_by_operators() {
    let maps = shown();
    let (points, view) = (maps.len(), Size::new(WIDTH * 4, HEIGHT * 4));
    for target in [Target::Gaussian, Target::Sigmoid, Target::Softmax] {
        for decode in [Decode::Argmax, Decode::Quarter, Decode::Dark, Decode::SoftArgmax] {
            let codec = HeatmapCodec::new(&Config { stride: 4, sigma: 1.4, target, decode }, points, view).unwrap();
            // the second of the batch has the maps in another order
            let rows = maps.iter().chain(maps.iter().rev());
            let values: Vec<f32> = rows.flatten().map(|&p| output(target, p)).collect();
            let shape = [2, points, HEIGHT, WIDTH];
            let (want, sure) =
                codec.decode(&Tensor::from_vec(values.clone(), &shape[..], &Device::Cpu).unwrap()).unwrap();
            let (got, got_sure) = by_graph(&codec, &shape, &values);
            let what = format!("{target:?} by {decode:?}");
            near(&what, &got, &flat(&want), 2e-3);
            near(&what, &got_sure.unwrap(), &flat(&sure.unwrap()), 1e-5);
        }
    }
}

/// Under ReLU nothing is left.
#[test]
fn an_empty_map_gives_a_cell_and_no_confidence() {
    for decode in [Decode::Argmax, Decode::Quarter, Decode::Dark, Decode::SoftArgmax] {
        let config = Config { stride: 4, sigma: 1.4, target: Target::Gaussian, decode };
        let codec = HeatmapCodec::new(&config, 1, Size::new(WIDTH * 4, HEIGHT * 4)).unwrap();
        let (points, sure) = by_graph(&codec, &[1, 1, HEIGHT, WIDTH], &[-0.5; CELLS]);
        // by hand: cells are centered between the second and the third of their four pixels
        assert!(points.iter().all(|v| v % 4.0 == 1.5 && (1.0..43.0).contains(v)), "{decode:?} {points:?}");
        assert_eq!(sure.unwrap(), [0.0], "{decode:?}");
    }
}

#[test]
fn regression_is_scaled_by_the_view() {
    let task: Task = crate::common::nose();
    let (got, sure) = by_graph(task.codec().unwrap().as_ref(), &[3, 2], &[0.0, 0.0, -0.5, 0.5, 0.25, -0.25]);
    // by hand: the view is 80 x 60, its center (39.5, 29.5)
    assert_eq!((got, sure), (vec![39.5, 29.5, -0.5, 59.5, 59.5, 14.5], None));
}
