//! The frames of a video with the points and ids of its faces drawn: a PNG each, or Y4M.

use crate::output::{open_stream, write_file};
use anyhow::Result;
use candle_vision_helpers::{Point, Size};
use facekp_data::{
    PREDICTION_SUFFIX, Picture, Scheme,
    video::{Rate, Y4mWriter},
};
use facekp_eval::{TrackedFrame, visualize};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where drawn frames go.
pub(super) struct Overlays {
    target: Target,
    scheme: Arc<Scheme>,
}

enum Target {
    /// Into `frame_000000.keypoints.png` and so on.
    Folder(PathBuf),
    /// Into a stream that begins with the first frame, whose size it takes.
    Video { path: PathBuf, rate: Rate, stream: Option<Y4mWriter> },
}

/// Whether what is drawn goes into one stream of Y4M: its name ends so, or is `-`.
pub(super) fn is_video(out: &Path) -> bool {
    out == Path::new("-") || out.extension().is_some_and(|end| end.eq_ignore_ascii_case("y4m"))
}

impl Overlays {
    /// To `out`: a folder, or Y4M where it ends so or is `-`. The folder is made at once, so that one that cannot be
    /// made costs no time.
    pub(super) fn new(out: &Path, rate: Rate, scheme: &Arc<Scheme>) -> Result<Self> {
        let target = if is_video(out) {
            Target::Video { path: out.to_path_buf(), rate, stream: None }
        } else {
            std::fs::create_dir_all(out).map_err(|e| facekp_data::Error::io(out, e))?;
            Target::Folder(out.to_path_buf())
        };
        Ok(Self { target, scheme: Arc::clone(scheme) })
    }

    /// Draws a frame and writes it.
    pub(super) fn add(&mut self, picture: &Picture, frame: &TrackedFrame) -> Result<()> {
        let mut drawn = (*picture.image).clone();
        for face in &frame.faces {
            let shown = |&(x, y, _): &(f64, f64, Option<f64>)| picture.to_image.apply(Point::new(x, y));
            let points: Vec<Point> = face.points.iter().map(shown).collect();
            visualize::tracked(&mut drawn, &self.scheme, &points, face.id);
        }
        match &mut self.target {
            Target::Folder(folder) => {
                let name = format!("frame_{:06}{PREDICTION_SUFFIX}.png", frame.frame);
                write_file(&folder.join(name), &visualize::png(&drawn)?)
            }
            Target::Video { stream: Some(stream), .. } => Ok(stream.write(&drawn)?),
            Target::Video { path, rate, stream } => {
                let begun = stream.insert(Y4mWriter::new(open_stream(path)?, path, Size::of(&drawn), *rate)?);
                Ok(begun.write(&drawn)?)
            }
        }
    }
}
