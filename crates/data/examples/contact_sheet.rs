//! Rendered faces side by side, with their points: `cargo run -p facekp-data --example contact_sheet -- imm58 24
//! sheet.png [points]`.

#![allow(clippy::print_stderr)]

use facekp_data::synthetic::{FaceSet, render};
use image::{Rgb, RgbImage, imageops};
use std::{env, error::Error, time::Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [name, count, out, rest @ ..] = &args[..] else {
        return Err("expected SCHEME COUNT PICTURE [points] [SEED]".into());
    };
    let set = [FaceSet::Imm, FaceSet::Ibug].into_iter().find(|s| s.scheme().name() == name);
    let set = set.ok_or("expected imm58 or ibug68")?;
    let seed = rest.iter().find_map(|s| s.parse().ok()).unwrap_or(1);
    let count: usize = count.parse()?;
    let (columns, w, h) = if set == FaceSet::Ibug { (6, 420, 420) } else { (6, 640, 480) };
    let mut sheet = RgbImage::new((columns * w) as u32, (count.div_ceil(columns) * h) as u32);
    let start = Instant::now();
    let pictures: Vec<_> = (0..count).map(|i| render(set, seed, i)).collect();
    eprintln!("{:.1} ms a picture", start.elapsed().as_secs_f64() * 1e3 / count as f64);
    for (i, r) in pictures.into_iter().enumerate() {
        let mut picture = r.image;
        if rest.iter().any(|s| s == "points") {
            for p in &r.points {
                for (dx, dy) in [(0, 0), (1, 0), (0, 1), (-1, 0), (0, -1)] {
                    if let Some(pixel) = picture
                        .get_pixel_mut_checked((p.x.round() as i32 + dx) as u32, (p.y.round() as i32 + dy) as u32)
                    {
                        *pixel = Rgb([255, 40, 40]);
                    }
                }
            }
        }
        imageops::replace(&mut sheet, &picture, (i % columns * w) as i64, (i / columns * h) as i64);
    }
    sheet.save(out)?;
    Ok(())
}
