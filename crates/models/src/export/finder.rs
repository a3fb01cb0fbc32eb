//! The face finder as an ONNX file: a picture of any size goes in, a box, a score and five points come out for every
//! place of its maps; the best of overlapping boxes are the caller's to choose.

use super::{IMAGE, OnnxFile, OnnxOptions, json, planes};
use crate::error::{Error, Result};
use crate::finder_file::FinderFile;
use crate::networks::yunet::{MULTIPLE, STRIDES, YuNet};
use crate::onnx::{Dim, Element, Graph, Value};
use candle_core::Device;

/// The axes of maps behind the batch: rows, columns, numbers of a place.
const ROWS: i64 = 1;
const COLUMNS: i64 = 2;
const NUMBERS: i64 = 3;

/// The face finder as an ONNX file.
///
/// Its input is `image (B, H, W, 3)`, of any size: what lacks to whole cells is black, to the right and below. Its
/// outputs, for N places of its maps, the finest first, each row by row: `boxes (B, N, 4)`, x and y of the corner above
/// to the left, width and height; `scores (B, N)`, 0 to 1; `landmarks (B, N, 5, 2)`, eyes, tip of the nose, corners of
/// the mouth; all in pixels of the picture.
///
/// # Errors
/// A flip; weights that are not the finder's.
pub fn finder_to_onnx(file: &FinderFile, options: &OnnxOptions) -> Result<OnnxFile> {
    if options.flip {
        return Err(Error::config("flip", "a network of keypoints", "the face finder"));
    }
    let mut graph = Graph::new();
    let (batch, any) = (Dim::Any("B"), Dim::Any("N"));
    let sides = [batch, Dim::Any("H"), Dim::Any("W"), Dim::Fixed(3)];
    let image = graph.input("image", options.input.element(), &sides, IMAGE);
    let planes = planes(&mut graph, &image, options.input);
    let blue_first = graph.pick(&planes, 1, &[2, 1, 0]);
    let input = padded(&mut graph, &blue_first);
    let maps = YuNet::new(&file.tensors, &Device::Cpu)?.onnx(&mut graph, &input)?;
    let places = maps.iter().zip(STRIDES).map(|(map, stride)| Places::of(&mut graph, map, stride)).collect::<Vec<_>>();
    let mut all = |pick: fn(&Places) -> &Value| graph.along("Concat", &places.iter().map(pick).collect::<Vec<_>>(), 1);
    let (boxes, scores, landmarks) = (all(|p| &p.boxes), all(|p| &p.scores), all(|p| &p.landmarks));
    let corner = "x and y of the corner above to the left, width and height, in pixels of the picture";
    graph.output("boxes", &boxes, &[batch, any, Dim::Fixed(4)], corner);
    graph.output("scores", &scores, &[batch, any], "how sure it is that there is a face, 0..=1");
    let parts = "x and y of eyes, tip of the nose and corners of the mouth, in pixels of the picture";
    graph.output("landmarks", &landmarks, &[batch, any, Dim::Fixed(5), Dim::Fixed(2)], parts);
    let signature = graph.signature();
    let m = &file.manifest;
    let metadata = [
        ("name", m.name.clone()),
        ("license", options.license.clone().unwrap_or_else(|| m.license.clone())),
        ("source", m.source.clone()),
        ("boxes", json(&m.boxes)?),
    ];
    let bytes = graph.into_bytes(&m.name, "finds faces", &metadata)?;
    Ok(OnnxFile { bytes, signature })
}

/// Pictures `(B, 3, H, W)` with 0 to the right and below up to whole cells of the coarsest map.
fn padded(graph: &mut Graph, planes: &Value) -> Value {
    let shape = graph.op("Shape", &[planes]);
    let sides = graph.pick(&shape, 0, &[2, 3]);
    let cell = graph.whole(&[MULTIPLE as i64]);
    let over = graph.op("Mod", &[&sides, &cell]);
    let lack = graph.op("Sub", &[&cell, &over]);
    let lack = graph.op("Mod", &[&lack, &cell]);
    // before each of the four axes, then behind each
    let none = graph.whole(&[0; 6]);
    let pads = graph.along("Concat", &[&none, &lack], 0);
    let black = graph.number(0.0);
    graph.op("Pad", &[planes, &pads, &black])
}

/// What each place of a map says, row by row.
struct Places {
    boxes: Value,
    scores: Value,
    landmarks: Value,
}

impl Places {
    /// Of a map `(B, 16, h, w)` whose places are `stride` pixels apart. The network counts from a picture's edge, half
    /// a pixel before the center of its first pixel.
    fn of(graph: &mut Graph, map: &Value, stride: usize) -> Self {
        let stride = stride as f32;
        let map = graph.transpose(map, &[0, 2, 3, 1]);
        let shape = graph.op("Shape", &[&map]);
        // x and y of six points, in cells
        let grid = {
            let xs = counted(graph, &shape, COLUMNS, &[-1, 1]);
            let ys = counted(graph, &shape, ROWS, &[-1, 1, 1]);
            let (across, down) =
                (graph.floats(&[12], &[1.0, 0.0].repeat(6)), graph.floats(&[12], &[0.0, 1.0].repeat(6)));
            let (xs, ys) = (graph.op("Mul", &[&xs, &across]), graph.op("Mul", &[&ys, &down]));
            graph.op("Add", &[&xs, &ys])
        };
        let points = graph.pick(&map, NUMBERS, &[2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        let points = graph.op("Add", &[&points, &grid]);
        let points = graph.affine(&points, stride, -0.5);
        let sides = graph.pick(&map, NUMBERS, &[4, 5]);
        let sides = graph.op("Exp", &[&sides]);
        let sides = graph.affine(&sides, stride, 0.0);
        let (center, half) = (graph.pick(&points, NUMBERS, &[0, 1]), graph.affine(&sides, 0.5, 0.0));
        let corner = graph.op("Sub", &[&center, &half]);
        let boxes = graph.along("Concat", &[&corner, &sides], NUMBERS);
        let landmarks = graph.pick(&points, NUMBERS, &(2..12).collect::<Vec<_>>());
        let logits = graph.pick(&map, NUMBERS, &[0, 1]);
        let sure = graph.op("Sigmoid", &[&logits]);
        let (face, object) = (graph.part(&sure, NUMBERS, 0), graph.part(&sure, NUMBERS, 1));
        let score = graph.op("Mul", &[&face, &object]);
        let score = graph.op("Sqrt", &[&score]);
        Self {
            boxes: graph.reshape(&boxes, &[0, -1, 4]),
            scores: graph.reshape(&score, &[0, -1]),
            landmarks: graph.reshape(&landmarks, &[0, -1, 5, 2]),
        }
    }
}

/// `0, 1, …` along an axis of something of that shape, with `sides`.
fn counted(graph: &mut Graph, shape: &Value, axis: i64, sides: &[i64]) -> Value {
    let length = graph.part(shape, 0, axis);
    let (zero, one) = (graph.whole_number(0), graph.whole_number(1));
    let numbers = graph.op("Range", &[&zero, &length, &one]);
    let numbers = graph.cast(&numbers, Element::F32);
    graph.reshape(&numbers, sides)
}
