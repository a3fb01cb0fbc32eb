//! The points of every face in a photo: `cargo run --release -p facekp-eval --example predict photo.jpg`.

#![allow(clippy::print_stdout)]

use candle_core::Device;
use facekp_data::picture::load_photo;
use facekp_eval::{Finder, Flip, PhotoReader, Predictor, Wanted};
use facekp_models::{FINDER, locate};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("expected the file of a photo")?;
    let (predictor, _) = Predictor::load(&locate("face68")?, &Device::Cpu)?;
    let finder = Finder::load(&locate(FINDER)?, &Device::Cpu)?;
    let reader = PhotoReader { predictor: &predictor, finder: Some(&finder), flip: Flip::Averaged };
    for face in reader.faces(&[load_photo(file.as_ref())?], &Wanted::default())?.iter().flatten() {
        println!("{:.1} % sure: {:?}", 100.0 * face.score.unwrap_or_default(), face.points);
    }
    Ok(())
}
