//! What a folder of annotated pictures holds: `cargo run -p facekp-data --example read_dataset -- FOLDER`. Without a
//! folder, a few rendered faces are read.

#![allow(clippy::print_stdout)]

use facekp_data::{
    Split,
    datasets::find_first,
    synthetic::{FaceSet, write_dataset},
};
use std::{env, error::Error, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    match env::args_os().nth(1) {
        Some(folder) => print_contents(folder.as_ref()),
        None => print_rendered(),
    }
}

pub(crate) fn print_rendered() -> Result<(), Box<dyn Error>> {
    let rendered = tempfile::tempdir()?;
    let folder = rendered.path().join("faces");
    write_dataset(FaceSet::Imm, 12, &folder, 1)?;
    print_contents(&folder)
}

fn print_contents(folder: &Path) -> Result<(), Box<dyn Error>> {
    // points that no scheme describes are read as well: they have numbers and no names
    let data = find_first(folder)?.open_plain()?;
    let scheme = data.scheme();
    println!("{}: {} faces, {} points each ({})", data.describe(), data.len(), scheme.len(), scheme.name());

    // asking for a split that a dataset does not have is an error
    for split in Split::ALL {
        if let Ok(faces) = data.split(split) {
            println!("{:>12}: {} faces", split.name(), faces.len());
        }
    }

    for i in 0..data.len().min(3) {
        let sample = data.get(i)?;
        let (size, face) = (sample.original, sample.face);
        println!(
            "{}: {}x{} pixels, a face of {:.0}x{:.0}",
            sample.id, size.width, size.height, face.width, face.height
        );
        let points = sample.points.points().iter().zip(sample.points.visible());
        for (k, (point, visible)) in points.enumerate().take(5) {
            let name = scheme.point_names().get(k).map_or("", String::as_str);
            let hidden = if *visible { "" } else { ", not annotated" };
            println!("{k:>6} {name} ({:.1}, {:.1}){hidden}", point.x, point.y);
        }
    }
    Ok(())
}
