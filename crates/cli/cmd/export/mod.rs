//! `facekp export`: a network as an ONNX file for other programs, or as a measured weights file to ship.

pub(crate) mod onnx;
mod weights;

use crate::{parse::parse_name, shared_args::DataArg};
use anyhow::Result;
use facekp_models::export::{OnnxOptions, PixelType};
use std::path::PathBuf;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: facekp export face68 --onnx face68.onnx")]
pub(crate) struct Args {
    /// A weights file, a run folder, or a name in weights/ or runs/.
    weights: String,
    /// Write an ONNX file: pictures in, points out (of the face finder boxes).
    #[arg(long, value_name = "FILE", help_heading = "ONNX",
        conflicts_with_all = ["name", "out", "f16", "split", "overwrite"])]
    onnx: Option<PathBuf>,
    /// The numbers of its pictures, 0 to 255: u8 or f32.
    #[arg(long, value_name = "TYPE", value_parser = parse_pixels, default_value = "u8", requires = "onnx",
        conflicts_with_all = ["name", "out"], help_heading = "ONNX")]
    input: PixelType,
    /// It averages with the mirrored picture: somewhat more exact, twice the time.
    #[arg(long, requires = "onnx", conflicts_with_all = ["name", "out"], help_heading = "ONNX")]
    flip: bool,
    /// The licence that the file names [default: what is known of the weights].
    #[arg(long, value_name = "TEXT", requires = "onnx", conflicts_with_all = ["name", "out"], help_heading = "ONNX")]
    license: Option<String>,
    /// Measure the network and save it under this name in a folder of weights: letters, digits, `_`, `-` and `.`
    /// [default with --out: the recipe's name].
    #[arg(long, value_parser = parse_name, required_unless_present_any = ["onnx", "out"], help_heading = "Output")]
    name: Option<String>,
    /// The folder of NAME.safetensors and manifest.toml.
    #[arg(long, visible_alias = "weights", value_name = "DIR", default_value = "weights", help_heading = "Output")]
    out: PathBuf,
    /// 16-bit floats: half the size.
    #[arg(long, help_heading = "Output")]
    f16: bool,
    /// Replace another network of this name.
    #[arg(long, help_heading = "Output")]
    overwrite: bool,
    #[command(flatten)]
    data: DataArg,
    /// The splits it is measured on.
    #[arg(long, help_heading = "Data", default_value = "val", value_delimiter = ',')]
    split: Vec<facekp_data::Split>,
}

fn parse_pixels(s: &str) -> Result<PixelType, String> {
    match s {
        "u8" => Ok(PixelType::U8),
        "f32" => Ok(PixelType::F32),
        _ => Err(format!("expected u8 or f32, got {s:?}")),
    }
}

pub(crate) fn run(a: &Args) -> Result<()> {
    let Some(file) = &a.onnx else { return weights::write(a) };
    onnx::write(&a.weights, file, &OnnxOptions { input: a.input, flip: a.flip, license: a.license.clone() })
}
