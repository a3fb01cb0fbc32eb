//! The points of every face in a photo: `cargo run --release --example predict photo.jpg`.

#![allow(clippy::print_stdout)]

use facekp::Detector;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print_faces(&std::env::args().nth(1).ok_or("expected the file of a photo")?)
}

pub(crate) fn print_faces(photo: &str) -> Result<(), Box<dyn std::error::Error>> {
    for face in Detector::load("face68")?.predict_file(photo)? {
        println!("{:.1} % sure: {:?}", 100.0 * face.score.unwrap_or_default(), face.points);
    }
    Ok(())
}
