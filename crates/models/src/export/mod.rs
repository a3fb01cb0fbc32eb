//! Networks as ONNX files that need nothing of this project: pictures go in as programs hold them, points come out.

mod finder;
mod network;

pub use finder::finder_to_onnx;
pub use network::network_to_onnx;

use crate::error::{Error, Result};
use crate::onnx::{Element, Graph, Value};
use serde::Serialize;

/// What a file is made for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnnxOptions {
    /// The numbers of its pictures.
    pub input: PixelType,
    /// Whether each picture is looked at a second time, mirrored, and the points found are averaged.
    pub flip: bool,
    /// The licence that the file names; `None`: what is known of the weights.
    pub license: Option<String>,
}

/// The numbers of a picture, 0 to 255.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PixelType {
    /// Whole numbers of 8 bits.
    #[default]
    U8,
    /// 32-bit floats.
    F32,
}

impl PixelType {
    fn element(self) -> Element {
        match self {
            Self::U8 => Element::U8,
            Self::F32 => Element::F32,
        }
    }
}

/// The contents of an ONNX file.
#[derive(Clone, Debug)]
pub struct OnnxFile {
    /// The file's bytes.
    pub bytes: Vec<u8>,
    /// What goes in and what comes out, in one line.
    pub signature: String,
}

/// What the input `image` is, in the file's own words.
const IMAGE: &str = "pictures: rows of pixels of red, green, blue, 0..=255";

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::config("metadata", "what JSON can hold", e))
}

/// Pictures `(B, H, W, 3)` as planes of floats `(B, 3, H, W)`.
fn planes(graph: &mut Graph, image: &Value, pixels: PixelType) -> Value {
    let floats = match pixels {
        PixelType::U8 => graph.cast(image, Element::F32),
        PixelType::F32 => image.clone(),
    };
    graph.transpose(&floats, &[0, 3, 1, 2])
}
