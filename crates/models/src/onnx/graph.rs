//! A graph: inputs, weights, nodes and outputs, and the file that they become.

use super::proto;
use crate::error::{Error, Result};
use candle_core::{DType, Tensor};
use prost::Message;
use std::fmt;

/// The set of operators that graphs are made of: ONNX 1.12 of 2022, ONNX Runtime 1.12 and later.
pub const OPSET: i64 = 17;
const IR_VERSION: i64 = 8;

/// A value of a graph: an input, a weight, or what a node computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value(pub(super) String);

/// The numbers of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// Whole numbers from 0 to 255.
    U8,
    /// 32-bit floats.
    F32,
    /// 64-bit integers.
    I64,
}

impl Element {
    /// Its number in `TensorProto.DataType`.
    pub(super) fn code(self) -> i32 {
        match self {
            Self::F32 => 1,
            Self::U8 => 2,
            Self::I64 => 7,
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::U8 => "u8",
            Self::F32 => "f32",
            Self::I64 => "i64",
        })
    }
}

/// A side of an input or output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dim {
    /// Always of this size.
    Fixed(usize),
    /// Of any size; sides of one name are of one size.
    Any(&'static str),
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(n) => write!(f, "{n}"),
            Self::Any(name) => f.write_str(name),
        }
    }
}

/// An attribute of a node.
pub(super) enum Attribute<'a> {
    Int(i64),
    Ints(&'a [i64]),
    Text(&'a str),
}

/// A graph in the making.
#[derive(Debug, Default)]
pub struct Graph {
    graph: proto::Graph,
    inputs: Vec<String>,
    outputs: Vec<String>,
}

impl Graph {
    /// A graph of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// An input of a name; `doc` says what it is.
    pub fn input(&mut self, name: &str, element: Element, dims: &[Dim], doc: &str) -> Value {
        self.graph.input.push(info(name, element, dims, doc));
        self.inputs.push(format!("{name} {} {element}", shape(dims)));
        Value(name.to_owned())
    }

    /// Makes `value`, of 32-bit floats, an output of a name; `doc` says what it is.
    pub fn output(&mut self, name: &str, value: &Value, dims: &[Dim], doc: &str) {
        self.add("Identity", &[value], &[], name.to_owned());
        self.graph.output.push(info(name, Element::F32, dims, doc));
        self.outputs.push(format!("{name} {}", shape(dims)));
    }

    /// What goes in and what comes out, in one line.
    pub fn signature(&self) -> String {
        format!("{} -> {}", self.inputs.join(", "), self.outputs.join(", "))
    }

    /// The bytes of a file: the graph, what it is in words, and entries that readers find as `metadata_props`.
    ///
    /// # Errors
    /// When it is larger than such a file can be.
    pub fn into_bytes(self, name: &str, doc: &str, metadata: &[(&str, String)]) -> Result<Vec<u8>> {
        let entry =
            |(key, value): &(&str, String)| proto::Entry { key: Some((*key).to_owned()), value: Some(value.clone()) };
        let model = proto::Model {
            ir_version: Some(IR_VERSION),
            producer_name: Some("facekp".to_owned()),
            producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            doc_string: Some(doc.to_owned()),
            graph: Some(proto::Graph { name: Some(name.to_owned()), ..self.graph }),
            opset_import: vec![proto::OperatorSet { domain: Some(String::new()), version: Some(OPSET) }],
            metadata_props: metadata.iter().map(entry).collect(),
        };
        let size = model.encoded_len();
        if i32::try_from(size).is_err() {
            return Err(Error::config("ONNX", "a network of 2 GB at most", format_args!("{size} bytes")));
        }
        Ok(model.encode_to_vec())
    }

    /// The tensor as 32-bit floats. Sync point.
    pub(crate) fn weight(&mut self, tensor: &Tensor) -> Result<Value> {
        let values: Vec<f32> = tensor.detach().to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
        Ok(self.floats(tensor.dims(), &values))
    }

    /// A constant of a shape; an empty one is that of a single number.
    pub(crate) fn floats(&mut self, dims: &[usize], values: &[f32]) -> Value {
        self.constant(Element::F32, dims, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// A constant list of whole numbers.
    pub(crate) fn whole(&mut self, values: &[i64]) -> Value {
        self.constant(Element::I64, &[values.len()], values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// A single whole number.
    pub(crate) fn whole_number(&mut self, value: i64) -> Value {
        self.constant(Element::I64, &[], value.to_le_bytes().to_vec())
    }

    fn constant(&mut self, element: Element, dims: &[usize], raw: Vec<u8>) -> Value {
        let name = format!("c{}", self.graph.initializer.len());
        self.graph.initializer.push(proto::Tensor {
            dims: dims.iter().map(|&n| n as i64).collect(),
            data_type: Some(element.code()),
            name: Some(name.clone()),
            raw_data: Some(raw),
        });
        Value(name)
    }

    /// A node and its only result. An input of an empty name is left out.
    pub(super) fn node(&mut self, op: &str, inputs: &[&Value], attributes: &[(&str, Attribute<'_>)]) -> Value {
        let name = format!("{op}{}", self.graph.node.len());
        self.add(op, inputs, attributes, name)
    }

    fn add(&mut self, op: &str, inputs: &[&Value], attributes: &[(&str, Attribute<'_>)], output: String) -> Value {
        self.graph.node.push(proto::Node {
            input: inputs.iter().map(|v| v.0.clone()).collect(),
            output: vec![output.clone()],
            name: Some(format!("node_{output}")),
            op_type: Some(op.to_owned()),
            attribute: attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
        });
        Value(output)
    }
}

fn attribute(name: &str, value: &Attribute<'_>) -> proto::Attribute {
    let plain = proto::Attribute { name: Some(name.to_owned()), ..proto::Attribute::default() };
    match *value {
        Attribute::Int(i) => proto::Attribute { i: Some(i), kind: Some(proto::INT), ..plain },
        Attribute::Ints(ints) => proto::Attribute { ints: ints.to_vec(), kind: Some(proto::INTS), ..plain },
        Attribute::Text(s) => proto::Attribute { s: Some(s.into()), kind: Some(proto::STRING), ..plain },
    }
}

fn info(name: &str, element: Element, dims: &[Dim], doc: &str) -> proto::ValueInfo {
    let dim = |dim: &Dim| match dim {
        Dim::Fixed(n) => proto::Dimension { dim_value: Some(*n as i64), dim_param: None },
        Dim::Any(name) => proto::Dimension { dim_value: None, dim_param: Some((*name).to_owned()) },
    };
    let shape = Some(proto::Shape { dim: dims.iter().map(dim).collect() });
    let tensor_type = Some(proto::TensorType { elem_type: Some(element.code()), shape });
    proto::ValueInfo {
        name: Some(name.to_owned()),
        kind: Some(proto::Type { tensor_type }),
        doc_string: Some(doc.to_owned()),
    }
}

fn shape(dims: &[Dim]) -> String {
    format!("({})", dims.iter().map(Dim::to_string).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The file of Python's onnx 1.23.2, `helper.make_model(graph, opset_imports=[make_opsetid("", 17)], ir_version=8,
    /// producer_name="facekp", producer_version=…, doc_string="d").SerializeToString()` with the property `k`, of the
    /// same nodes, and accepted by its checker.
    #[test]
    fn files_are_those_of_the_onnx_package_byte_for_byte() {
        let mut graph = Graph::new();
        let sides = [Dim::Any("B"), Dim::Fixed(2)];
        let x = graph.input("x", Element::U8, &sides, "in");
        let x = graph.cast(&x, Element::F32);
        let factors = graph.floats(&[2], &[0.5, -2.0]);
        let x = graph.op("Mul", &[&x, &factors]);
        let y = graph.transpose(&x, &[0, 1]);
        graph.output("y", &y, &sides, "out");
        assert_eq!(graph.signature(), "x (B, 2) u8 -> y (B, 2)");
        let bytes = graph.into_bytes("g", "d", &[("k", "v".to_owned())]).unwrap();
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let version = env!("CARGO_PKG_VERSION");
        let version = format!("1a{:02x}{}", version.len(), hex(version.as_bytes()));
        let rest = "\
            3201643afa010a270a0178120543617374301a0a6e6f64655f43617374302204436173742a090a02746f1801a001020a210a0543\
            617374300a02633012044d756c311a096e6f64655f4d756c3122034d756c0a3d0a044d756c31120a5472616e73706f7365321a0f\
            6e6f64655f5472616e73706f73653222095472616e73706f73652a0d0a047065726d40004001a001070a210a0a5472616e73706f\
            7365321201791a066e6f64655f7922084964656e746974791201672a1208021001420263304a080000003f000000c05a180a0178\
            120f0a0d080212090a031201420a0208021a02696e62190a0179120f0a0d080112090a031201420a0208021a036f757442040a00\
            101172060a016b120176";
        assert_eq!(hex(&bytes), format!("08081206666163656b70{version}{rest}"));
    }
}
