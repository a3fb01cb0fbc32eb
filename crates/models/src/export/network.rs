//! A keypoint network as an ONNX file: normalization, network, codec, and the mean with the mirrored picture.

use super::{IMAGE, OnnxFile, OnnxOptions, json, planes};
use crate::error::{Error, Result};
use crate::networks::KeypointModel;
use crate::onnx::{Decoded, Dim, Graph, Value};
use crate::task::Task;
use crate::weights::Manifest;
use candle_core::{Device, Tensor};
use candle_vision_helpers::ops::ConvParams;
use facekp_data::{Scheme, ViewSpec};

/// The luma of ITU-R BT.601, as views of one channel have it.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];
/// The size of a batch in a file.
const BATCH: Dim = Dim::Any("B");

/// The network of a weights file as an ONNX file.
///
/// Its input is `image (B, H, W, 3)`, views as [`Task::view`] cuts them, before normalization. Its outputs are `points
/// (B, K, 2)`, view pixels, `confidence (B, K)` where the network has one, as [`crate::Codec::decode`] gives them, and
/// `sigma (B, K)`, view pixels, where it was calibrated; of a summed map `map (B, 1, h, w)` alone.
///
/// # Errors
/// A flip where there are no points, or no mirror map; a network too large for such a file.
pub fn network_to_onnx(manifest: &Manifest, model: &dyn KeypointModel, options: &OnnxOptions) -> Result<OnnxFile> {
    let (task, mut graph) = (&manifest.task, Graph::new());
    let (codec, view) = (task.codec()?, &task.view);
    let partners = match (options.flip, task.scheme.mirror()) {
        (false, _) => None,
        (true, Some(partners)) if codec.has_points() => Some(partners),
        (true, Some(_)) => return Err(Error::config("flip", "a network whose output names points", "a summed map")),
        (true, None) => {
            let got = format_args!("{}, which has none", task.scheme.name());
            return Err(Error::config("flip", "a scheme with a mirror map", got));
        }
    };
    let sides = [BATCH, Dim::Fixed(view.height), Dim::Fixed(view.width), Dim::Fixed(3)];
    let image = graph.input("image", options.input.element(), &sides, IMAGE);
    let planes = planes(&mut graph, &image, options.input);
    let views = normalized(&mut graph, &planes, view)?;
    let views = if partners.is_some() { with_mirrored(&mut graph, &views, view.width) } else { views };
    let output = model.onnx(&mut graph, &views)?;
    let count = Dim::Fixed(task.scheme.len());
    match codec.onnx(&mut graph, &output) {
        Decoded::Map(map) => {
            let sides: Vec<Dim> = codec.output_shape().into_iter().map(Dim::Fixed).collect();
            let doc = "one map that sums all points, 0..=1: it names none";
            graph.output("map", &map, &[&[BATCH], &sides[..]].concat(), doc);
        }
        Decoded::Points { points, confidence } => {
            let mean = partners.map(|partners| Mean { partners, width: view.width });
            let points = mean.as_ref().map(|m| m.points(&mut graph, &points)).unwrap_or(points);
            graph.output("points", &points, &[BATCH, count, Dim::Fixed(2)], "x and y in pixels of the picture");
            if let Some(sure) = confidence {
                let sure = mean.as_ref().map(|m| m.values(&mut graph, &sure)).unwrap_or(sure);
                graph.output("confidence", &sure, &[BATCH, count], "how sure each point is, 0..=1");
            }
            if let Some(calibration) = &manifest.calibration
                && let Some(spread) = codec.onnx_spread(&mut graph, &output)
            {
                let spread = mean.as_ref().map(|m| m.values(&mut graph, &spread)).unwrap_or(spread);
                let sigma = calibration.onnx(&mut graph, &spread);
                graph.output("sigma", &sigma, &[BATCH, count], "expected distance from where the point is, pixels");
            }
        }
    }
    let signature = graph.signature();
    let doc = format!("{}: {} points, {}", manifest.name, task.scheme.len(), task.model.title());
    let bytes = graph.into_bytes(&manifest.name, &doc, &metadata(manifest, options)?)?;
    Ok(OnnxFile { bytes, signature })
}

/// `(v / 255 - mean) / std`, of luma where the view is grey.
fn normalized(graph: &mut Graph, planes: &Value, view: &ViewSpec) -> Result<Value> {
    let luma = Tensor::new(&LUMA, &Device::Cpu)?.reshape((1, 3, 1, 1))?;
    let planes = if view.grey { graph.conv(planes, &luma, None, ConvParams::default())? } else { planes.clone() };
    let channels = [1, view.channels(), 1, 1];
    let mean = graph.floats(&channels, &view.mean.iter().map(|m| m * 255.0).collect::<Vec<_>>());
    let factor = graph.floats(&channels, &view.std.iter().map(|s| 1.0 / (255.0 * s)).collect::<Vec<_>>());
    let centered = graph.op("Sub", &[&planes, &mean]);
    Ok(graph.op("Mul", &[&centered, &factor]))
}

/// Views, and behind them in the batch their mirror images.
fn with_mirrored(graph: &mut Graph, views: &Value, width: usize) -> Value {
    let mirrored = graph.pick(views, 3, &(0..width as i64).rev().collect::<Vec<_>>());
    graph.along("Concat", &[views, &mirrored], 0)
}

/// The mean of what was found in views and in their mirror images.
struct Mean<'a> {
    partners: &'a [usize],
    /// Of the views.
    width: usize,
}

impl Mean<'_> {
    /// `(2 B, K, 2)` → `(B, K, 2)`.
    fn points(&self, graph: &mut Graph, points: &Value) -> Value {
        let (plain, mirrored) = self.halves(graph, points, &[2]);
        let (sign, offset) = (graph.floats(&[2], &[-1.0, 1.0]), graph.floats(&[2], &[self.width as f32 - 1.0, 0.0]));
        let back = graph.op("Mul", &[&mirrored, &sign]);
        let back = graph.op("Add", &[&back, &offset]);
        mean(graph, &plain, &back)
    }

    /// `(2 B, K)` → `(B, K)`.
    fn values(&self, graph: &mut Graph, values: &Value) -> Value {
        let (plain, mirrored) = self.halves(graph, values, &[]);
        mean(graph, &plain, &mirrored)
    }

    /// The two halves of a batch, the second under the names that its points have in a mirror; `behind`: the sides
    /// behind the points.
    fn halves(&self, graph: &mut Graph, both: &Value, behind: &[i64]) -> (Value, Value) {
        let sides = [&[2, -1, self.partners.len() as i64], behind].concat();
        let both = graph.reshape(both, &sides);
        let (plain, mirrored) = (graph.part(&both, 0, 0), graph.part(&both, 0, 1));
        let partners: Vec<i64> = self.partners.iter().map(|&p| p as i64).collect();
        (plain, graph.pick(&mirrored, 1, &partners))
    }
}

fn mean(graph: &mut Graph, a: &Value, b: &Value) -> Value {
    let sum = graph.op("Add", &[a, b]);
    graph.affine(&sum, 0.5, 0.0)
}

/// What the file says of itself.
fn metadata(manifest: &Manifest, options: &OnnxOptions) -> Result<Vec<(&'static str, String)>> {
    let Task { scheme, view, found_box, .. } = &manifest.task;
    let license = options.license.clone();
    let mut entries = vec![
        ("name", manifest.name.clone()),
        ("license", license.unwrap_or_else(|| format!("not stated; learned from: {}", manifest.data))),
        ("data", manifest.data.clone()),
        ("scheme", toml_of(scheme)?),
        ("mirror", json(&scheme.mirror())?),
        ("view", json(&[view.width, view.height])?),
        ("box", json(&view.crop)?),
        ("flip", json(&options.flip)?),
    ];
    if let Some(fit) = found_box {
        entries.push(("found_box", json(fit)?));
    }
    Ok(entries)
}

fn toml_of(scheme: &Scheme) -> Result<String> {
    toml::to_string(scheme).map_err(|e| Error::config("scheme", "what TOML can hold", e))
}
