//! Graphs of ONNX operators (operator set 17): networks and codecs add to them what they compute, and they are written
//! as files that ONNX Runtime and others run. The format: onnx.proto and the operators' pages at onnx.ai.

mod graph;
mod ops;
mod proto;

pub use graph::{Dim, Element, Graph, OPSET, Value};

/// What a graph makes of a network's output.
#[derive(Clone, Debug)]
pub enum Decoded {
    /// Single points.
    Points {
        /// `(B, K, 2)`, view pixels.
        points: Value,
        /// `(B, K)` in `0..=1`; `None` where the output has no confidence.
        confidence: Option<Value>,
    },
    /// The map that sums all points, `(B, 1, h, w)` in `0..=1`: it names none.
    Map(Value),
}
