//! The pictures that a call of `predict` is about.

use crate::output::Usage;
use anyhow::Result;
use candle_vision_helpers::Size;
use facekp_data::{picture::picture_size, pictures_in};
use std::path::{Path, PathBuf};

/// The pictures that arguments stand for, in their order.
pub(super) fn pictures(arguments: &[PathBuf]) -> Vec<PathBuf> {
    arguments.iter().flat_map(|a| inside(a)).collect()
}

/// The pictures of a folder or of a pattern. What stands for none stands for itself, and fails when its turn comes.
fn inside(argument: &Path) -> Vec<PathBuf> {
    if cfg!(unix) && argument == Path::new("-") {
        return vec![PathBuf::from("/dev/stdin")];
    }
    if argument.is_dir() {
        return pictures_in(argument).unwrap_or_else(|_| vec![argument.to_path_buf()]);
    }
    // shells expand patterns, but not quoted ones, and not everywhere
    let pattern = argument.to_str().filter(|p| !argument.exists() && p.contains(['*', '?', '[']));
    let matched: Vec<PathBuf> = pattern.and_then(|p| glob::glob(p).ok()).into_iter().flatten().flatten().collect();
    let found: Vec<PathBuf> =
        matched.iter().filter(|p| !facekp_data::is_prediction(p)).flat_map(|p| inside(p)).collect();
    if found.is_empty() { vec![argument.to_path_buf()] } else { found }
}

/// Refuses weights where pictures are expected: before `--weights` they stood there.
pub(super) fn refuse_weights(arguments: &[PathBuf]) -> Result<()> {
    let Some((first, others)) = arguments.split_first() else { return Ok(()) };
    let Some(name) = first.to_str() else { return Ok(()) };
    let weights = first.extension().is_some_and(|e| e == "safetensors")
        || (!first.is_file() && pictures_in(first).is_err() && facekp_models::locate(name).is_ok());
    if !weights {
        return Ok(());
    }
    let picture = others.first().map_or("PICTURE".into(), |p| p.display().to_string());
    let line =
        format!("expected pictures, got the weights {name}; now it is: facekp predict {picture} --weights {name}");
    Err(Usage(line).into())
}

/// Whether it is an open file by its number, such as stdin, which may be a pipe: what is read of one is gone.
pub(super) fn is_opened(picture: &Path) -> bool {
    ["/dev/stdin", "/dev/fd", "/proc"].iter().any(|opened| picture.starts_with(opened))
}

/// Pictures of a group at most …
const PICTURES: usize = 8;
/// … as long as they have no more pixels than this together: groups are in memory at the same time.
const PIXELS: usize = 8 << 20;

/// Pictures that are decoded and looked at together. It depends on nothing but the pictures, so that results do not
/// depend on the machine.
pub(super) struct Groups<'a> {
    pictures: &'a [PathBuf],
    at: usize,
}

impl<'a> Groups<'a> {
    pub(super) fn new(pictures: &'a [PathBuf]) -> Self {
        Self { pictures, at: 0 }
    }
}

impl Iterator for Groups<'_> {
    type Item = std::ops::Range<usize>;

    fn next(&mut self) -> Option<Self::Item> {
        let (start, mut pixels) = (self.at, 0);
        while self.at < self.pictures.len() && self.at - start < PICTURES {
            // what cannot be read takes no memory
            let picture = Some(&self.pictures[self.at]).filter(|picture| !is_opened(picture));
            let size = picture.and_then(|picture| picture_size(picture).ok());
            let Size { width, height } = size.unwrap_or(Size::new(0, 0));
            pixels += width.saturating_mul(height);
            if pixels > PIXELS && self.at > start {
                break;
            }
            self.at += 1;
        }
        (self.at > start).then_some(start..self.at)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use image::RgbImage;

    #[test]
    fn groups_are_small_in_number_and_in_pixels() {
        let dir = tempfile::tempdir().unwrap();
        let of = |sizes: &[(u32, u32)]| {
            let one = |(i, &(w, h)): (usize, &(u32, u32))| {
                let path = dir.path().join(format!("{i}.png"));
                RgbImage::new(w, h).save(&path).unwrap();
                path
            };
            let files: Vec<PathBuf> = sizes.iter().enumerate().map(one).collect();
            Groups::new(&files).collect::<Vec<_>>()
        };
        assert_eq!(of(&[(20, 10); 10]), [0..8, 8..10]);
        // 6 megapixels each: two are more than 8
        assert_eq!(of(&[(3000, 2000), (3000, 2000), (10, 10)]), [0..1, 1..3]);
        assert_eq!(Groups::new(&["none.jpg".into()]).next(), Some(0..1));
        assert_eq!(Groups::new(&[]).count(), 0);
    }

    #[test]
    fn patterns_are_expanded_and_what_stands_for_nothing_stays() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.png", "a.png", "a.keypoints.png", "c.txt"] {
            RgbImage::new(2, 2).save_with_format(dir.path().join(name), image::ImageFormat::Png).unwrap();
        }
        let (here, pattern) = (|name: &str| dir.path().join(name), dir.path().join("*.png"));
        assert_eq!(pictures(&[pattern]), [here("a.png"), here("b.png")]);
        assert_eq!(pictures(&[dir.path().to_path_buf()]), [here("a.png"), here("b.png")]);
        let nothing = [here("*.gif"), here("missing.jpg")];
        assert_eq!(pictures(&nothing), nothing);
    }
}
