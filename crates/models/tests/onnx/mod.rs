//! ONNX files against the networks and codecs that they were made of, run by `rten`, which shares no code with them.

mod codecs;
mod finder;
mod networks;

use rten::{Model, Value};

/// A file that is read.
struct Session(Model);

impl Session {
    fn new(bytes: Vec<u8>) -> Self {
        Self(Model::load(bytes).unwrap())
    }

    /// The outputs by their names, for the only input.
    fn run<const N: usize>(&self, input: Value, names: [&str; N]) -> [Value; N] {
        let ids = names.map(|name| self.0.node_id(name).unwrap());
        self.0.run_n(vec![(self.0.input_ids()[0], input.into())], ids, None).unwrap()
    }

    fn outputs(&self) -> Vec<String> {
        let name = |id: &_| self.0.node_info(*id).unwrap().name().unwrap().to_owned();
        self.0.output_ids().iter().map(name).collect()
    }
}

fn bytes(shape: &[usize], values: Vec<u8>) -> Value {
    Value::from_shape(shape, values).unwrap()
}

fn floats(shape: &[usize], values: Vec<f32>) -> Value {
    Value::from_shape(shape, values).unwrap()
}

/// Pixels of pictures `(B, H, W, 3)` with soft and hard edges, each picture another.
fn pixels((batch, height, width): (usize, usize, usize)) -> Vec<u8> {
    let value = |i: usize| {
        let (c, x, y, b) = (i % 3, i / 3 % width, i / 3 / width % height, i / 3 / width / height);
        let soft = ((x * (3 + c) + b * 40) as f64 * 0.11).sin() * ((y * (5 - c)) as f64 * 0.07).cos();
        (128.0 + 90.0 * soft + ((x * 7 + y * 13 + b) % 37) as f64) as u8
    };
    (0..batch * height * width * 3).map(value).collect()
}

/// Fails unless all differ by `off`, and a ten-thousandth of what is wanted, at most.
fn near(what: &str, got: &[f32], want: &[f32], off: f32) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= off + 1e-4 * want.abs(), "{what} {i}: {got}, expected {want}");
    }
}
