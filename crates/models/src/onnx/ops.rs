//! The operators that graphs are made of, each by its name in ONNX.

use super::graph::{Attribute, Element, Graph, Value};
use crate::error::Result;
use candle_core::Tensor;
use candle_vision_helpers::ops::{Activation, ConvParams};

impl Graph {
    /// An operator without attributes: `Add`, `Sigmoid`, `Where`.
    pub(crate) fn op(&mut self, name: &str, inputs: &[&Value]) -> Value {
        self.node(name, inputs, &[])
    }

    /// An operator along an axis: `Softmax`, `Concat`.
    pub(crate) fn along(&mut self, name: &str, inputs: &[&Value], axis: i64) -> Value {
        self.node(name, inputs, &[("axis", Attribute::Int(axis))])
    }

    /// A single number.
    pub(crate) fn number(&mut self, value: f32) -> Value {
        self.floats(&[], &[value])
    }

    /// `x * factor + offset`.
    pub(crate) fn affine(&mut self, x: &Value, factor: f32, offset: f32) -> Value {
        let (factor, offset) = (self.number(factor), self.number(offset));
        let product = self.op("Mul", &[x, &factor]);
        self.op("Add", &[&product, &offset])
    }

    /// Whether an operator of two values holds of `x` and a number, as booleans.
    pub(crate) fn compared(&mut self, x: &Value, operator: &str, number: f32) -> Value {
        let number = self.number(number);
        self.op(operator, &[x, &number])
    }

    /// Values at least `low` and at most `high`.
    pub(crate) fn clip(&mut self, x: &Value, low: f32, high: f32) -> Value {
        let (low, high) = (self.number(low), self.number(high));
        self.op("Clip", &[x, &low, &high])
    }

    /// The same values as other numbers; of booleans 1 and 0.
    pub(crate) fn cast(&mut self, x: &Value, to: Element) -> Value {
        self.node("Cast", &[x], &[("to", Attribute::Int(i64::from(to.code())))])
    }

    /// The same values in another shape: 0 keeps a side, -1 takes what is left.
    pub(crate) fn reshape(&mut self, x: &Value, dims: &[i64]) -> Value {
        let dims = self.whole(dims);
        self.op("Reshape", &[x, &dims])
    }

    pub(crate) fn transpose(&mut self, x: &Value, order: &[i64]) -> Value {
        self.node("Transpose", &[x], &[("perm", Attribute::Ints(order))])
    }

    /// The parts of `x` at `places` of an axis, which may be in any order.
    pub(crate) fn pick(&mut self, x: &Value, axis: i64, places: &[i64]) -> Value {
        let places = self.whole(places);
        self.along("Gather", &[x, &places], axis)
    }

    /// The part of `x` at one place of an axis, which is then gone.
    pub(crate) fn part(&mut self, x: &Value, axis: i64, place: i64) -> Value {
        let place = self.whole_number(place);
        self.along("Gather", &[x, &place], axis)
    }

    /// The place of the largest value along an axis, the first one of several.
    pub(crate) fn largest(&mut self, x: &Value, axis: i64) -> Value {
        self.node("ArgMax", &[x], &[("axis", Attribute::Int(axis)), ("keepdims", Attribute::Int(1))])
    }

    /// The sum along an axis, which stays with one value.
    pub(crate) fn sum(&mut self, x: &Value, axis: i64) -> Value {
        let axes = self.whole(&[axis]);
        self.node("ReduceSum", &[x, &axes], &[("keepdims", Attribute::Int(1))])
    }

    /// As `candle_vision_helpers::ops::conv2d`.
    pub(crate) fn conv(&mut self, x: &Value, weight: &Tensor, bias: Option<&Tensor>, p: ConvParams) -> Result<Value> {
        let (_, _, height, width) = weight.dims4()?;
        let (kernel, pads) = ([height as i64, width as i64], [p.padding as i64; 4]);
        let (strides, dilations) = ([p.stride as i64; 2], [p.dilation as i64; 2]);
        let weight = self.weight(weight)?;
        let bias = bias.map(|b| self.weight(b)).transpose()?;
        let inputs: Vec<&Value> = [Some(x), Some(&weight), bias.as_ref()].into_iter().flatten().collect();
        let attributes = [
            ("kernel_shape", Attribute::Ints(&kernel)),
            ("strides", Attribute::Ints(&strides)),
            ("pads", Attribute::Ints(&pads)),
            ("dilations", Attribute::Ints(&dilations)),
            ("group", Attribute::Int(p.groups as i64)),
        ];
        Ok(self.node("Conv", &inputs, &attributes))
    }

    /// As `candle_vision_helpers::ops::linear`: `weight (outputs, inputs)`.
    pub(crate) fn linear(&mut self, x: &Value, weight: &Tensor, bias: &Tensor) -> Result<Value> {
        let (weight, bias) = (self.weight(weight)?, self.weight(bias)?);
        Ok(self.node("Gemm", &[x, &weight, &bias], &[("transB", Attribute::Int(1))]))
    }

    /// As `candle_vision_helpers::ops::max_pool2d`.
    pub(crate) fn max_pool(&mut self, x: &Value, kernel: usize, stride: usize, padding: usize) -> Value {
        let (kernel, strides, pads) = ([kernel as i64; 2], [stride as i64; 2], [padding as i64; 4]);
        let attributes = [
            ("kernel_shape", Attribute::Ints(&kernel)),
            ("strides", Attribute::Ints(&strides)),
            ("pads", Attribute::Ints(&pads)),
        ];
        self.node("MaxPool", &[x], &attributes)
    }

    /// Maps at twice their size, each value four times.
    pub(crate) fn doubled(&mut self, x: &Value) -> Value {
        let (no_region, scales) = (Value(String::new()), self.floats(&[4], &[1.0, 1.0, 2.0, 2.0]));
        let attributes = [
            ("mode", Attribute::Text("nearest")),
            ("coordinate_transformation_mode", Attribute::Text("asymmetric")),
            ("nearest_mode", Attribute::Text("floor")),
        ];
        self.node("Resize", &[x, &no_region, &scales], &attributes)
    }

    pub(crate) fn activation(&mut self, x: Value, activation: Activation) -> Value {
        match activation {
            Activation::None => x,
            Activation::Relu => self.op("Relu", &[&x]),
            Activation::Relu6 => self.clip(&x, 0.0, 6.0),
        }
    }
}
