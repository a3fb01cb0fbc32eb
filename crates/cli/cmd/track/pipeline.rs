//! Frames on their way: read ahead, tracked in their order and drawn behind, each on a thread of its own.

use super::overlays::Overlays;
use crate::output::Lines;
use anyhow::{Result, anyhow};
use facekp_data::{
    Picture,
    video::{Rate, Video, VideoFrame},
};
use facekp_eval::{FaceTracker, TrackedFrame};
use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::Instant,
};

/// Frames that are read ahead, and that wait to be drawn.
const AHEAD: usize = 4;

type Read = facekp_data::Result<VideoFrame>;
type Drawing = (Picture, TrackedFrame);

/// Tracks all frames. What comes before a frame that cannot be read has been written when this fails.
pub(super) fn run(
    video: Video,
    rate: Rate,
    tracker: FaceTracker<'_>,
    (lines, overlays): (Lines, Option<Overlays>),
) -> Result<()> {
    thread::scope(|scope| {
        let (to_tracker, frames) = sync_channel(AHEAD);
        scope.spawn(move || read(video, &to_tracker));
        let drawing = overlays.map(|overlays| {
            let (to_writer, tracked) = sync_channel(AHEAD);
            (to_writer, scope.spawn(move || draw(overlays, &tracked)))
        });
        let (to_writer, writer) = drawing.unzip();
        let followed = follow(frames, rate, tracker, (lines, to_writer));
        let drawn = match writer {
            Some(writer) => writer.join().unwrap_or_else(|_| Err(anyhow!("expected frames to be drawn, got a panic"))),
            None => Ok(()),
        };
        followed.and(drawn)
    })
}

fn read(video: Video, to: &SyncSender<Read>) {
    for frame in video {
        // nobody waits for more when results cannot be written
        if to.send(frame).is_err() {
            return;
        }
    }
}

fn draw(mut overlays: Overlays, from: &Receiver<Drawing>) -> Result<()> {
    from.iter().try_for_each(|(picture, frame)| overlays.add(&picture, &frame))
}

/// Tracks frame by frame until there are none, one cannot be read or nobody takes what is drawn. It takes the ends of
/// both ways with it, so that reading and drawing end, too.
fn follow(
    frames: Receiver<Read>,
    rate: Rate,
    mut tracker: FaceTracker<'_>,
    (mut lines, to_writer): (Lines, Option<SyncSender<Drawing>>),
) -> Result<()> {
    let (start, mut count, mut ids) = (Instant::now(), 0, 0);
    for frame in frames {
        let VideoFrame { number, file, picture } = frame?;
        if let Some(lack) = &picture.lack {
            tracing::warn!("frame {number}: expected a whole picture, got {lack}");
        }
        let tracked = tracker.next_frame(&picture, rate.time(number))?;
        let tracked = file.iter().fold(tracked, |tracked, file| tracked.of_file(file));
        lines.add(&tracked)?;
        count += 1;
        ids += tracked.faces.iter().filter(|face| face.new).count();
        if to_writer.as_ref().is_some_and(|to| to.send((picture, tracked)).is_err()) {
            break;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let each = count as f64 / seconds.max(1e-9);
    tracing::info!("{count} frames with {ids} faces in {seconds:.1} s: {each:.1} frames/s");
    Ok(())
}
