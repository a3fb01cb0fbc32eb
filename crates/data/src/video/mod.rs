//! Videos as frames in their order: a folder of pictures, or Y4M (YUV4MPEG2) from a file or a stream.

mod chroma;
mod color;
mod header;
mod natural;
mod rate;
mod read;
mod write;

pub use rate::Rate;
pub use write::Y4mWriter;

use crate::{
    error::Result,
    io::pictures_in,
    picture::{Picture, load_photo},
};
use candle_vision_helpers::{Affine, Size};
use read::Y4m;
use std::{
    io::BufRead,
    path::{Path, PathBuf},
    sync::Arc,
    vec::IntoIter,
};

/// A frame of a video.
#[derive(Clone, Debug)]
pub struct VideoFrame {
    /// Its number, from 0.
    pub number: usize,
    /// Its file, where every frame has its own.
    pub file: Option<PathBuf>,
    /// Its picture.
    pub picture: Picture,
}

/// The frames of a video, one after another. Behind an error there are none.
pub struct Video {
    frames: Frames,
    number: usize,
}

enum Frames {
    Files(IntoIter<PathBuf>),
    Stream(Y4m),
    Over,
}

impl Video {
    /// The pictures of a folder in the natural order of their names (`2.jpg` before `10.jpg`), or the frames of a Y4M
    /// file.
    ///
    /// # Errors
    /// When a folder holds no picture, a file cannot be read, or is no Y4M of a kind that is read.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.is_dir() {
            return Ok(Self { frames: Frames::Stream(Y4m::open(path)?), number: 0 });
        }
        let mut files = pictures_in(path)?;
        let name = |file: &Path| file.file_name().unwrap_or_default().as_encoded_bytes().to_vec();
        files.sort_by(|a, b| natural::compare(&name(a), &name(b)));
        Ok(Self { frames: Frames::Files(files.into_iter()), number: 0 })
    }

    /// The frames of a Y4M stream, as they come; errors call it `name`.
    ///
    /// # Errors
    /// As [`Video::open`].
    pub fn read(from: Box<dyn BufRead + Send>, name: &Path) -> Result<Self> {
        Ok(Self { frames: Frames::Stream(Y4m::read(from, name)?), number: 0 })
    }

    /// The frame rate that a Y4M header states.
    pub fn rate(&self) -> Option<Rate> {
        match &self.frames {
            Frames::Stream(y4m) => y4m.rate(),
            Frames::Files(_) | Frames::Over => None,
        }
    }
}

impl Iterator for Video {
    type Item = Result<VideoFrame>;

    fn next(&mut self) -> Option<Self::Item> {
        let (file, picture) = match &mut self.frames {
            Frames::Over => return None,
            Frames::Files(files) => {
                let file = files.next()?;
                let picture = load_photo(&file);
                (Some(file), picture)
            }
            Frames::Stream(y4m) => (None, y4m.next_frame(self.number).transpose()?.map(whole)),
        };
        match picture {
            Ok(picture) => {
                self.number += 1;
                Some(Ok(VideoFrame { number: self.number - 1, file, picture }))
            }
            Err(e) => {
                self.frames = Frames::Over;
                Some(Err(e))
            }
        }
    }
}

fn whole(image: image::RgbImage) -> Picture {
    let original = Size::of(&image);
    Picture { image: Arc::new(image), original, to_image: Affine::IDENTITY, orientation: 1, lack: None }
}
