//! Pictures on their way: decoded, looked at and written at the same time, a few of each, so that memory does not grow
//! with their number.

use super::{
    inputs::Groups,
    outputs::{self, Extras},
};
use crate::{
    output::{Lines, one_line},
    terminal,
};
use anyhow::{Context, Result, anyhow};
use facekp_data::{Picture, picture::load_photo, pictures_in};
use facekp_eval::{Located, PhotoReader, PictureResult, Wanted};
use indicatif::ProgressBar;
use rayon::prelude::*;
use std::{
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    time::Instant,
};

/// What a call is about.
pub(super) struct Job<'a> {
    pub pictures: &'a [PathBuf],
    pub out: &'a Path,
    pub jsonl: Option<&'a Path>,
    pub wanted: Wanted,
    pub extras: Extras,
}

/// From so many pictures on a bar is worth its line.
const MANY: usize = 20;

/// A picture of a group, or why it has none.
type Decoded = (usize, Result<Picture>);
type Seen = (usize, Result<(Picture, Vec<Located>)>);

/// The results of all pictures, in order.
///
/// # Errors
/// When the lines of `jsonl` cannot be written. What is wrong with a picture is in its entry.
pub(super) fn run(reader: &PhotoReader<'_>, job: &Job<'_>) -> Result<Vec<PictureResult>> {
    let names = outputs::names(job.pictures, job.out);
    let mut lines = job.jsonl.map(Lines::open).transpose()?;
    let (start, mut results) = (Instant::now(), Vec::with_capacity(job.pictures.len()));
    let bar = match job.pictures.len() {
        ..MANY => ProgressBar::hidden(),
        many => terminal::bar(many as u64, "{bar:24} {pos}/{len} pictures, {eta} left"),
    };
    // without a place to wait in, one group is decoded, one looked at and one written
    let (to_network, decoded) = sync_channel(0);
    let (to_writer, seen) = sync_channel(0);
    std::thread::scope(|scope| {
        scope.spawn(move || decode(job.pictures, &to_network));
        let (names, lines, results, bar) = (&names, &mut lines, &mut results, &bar);
        let writer = scope.spawn(move || {
            write(reader, job, (names, &seen), &mut |result| {
                if let Some(lines) = lines {
                    lines.add(&result)?;
                }
                results.push(result);
                bar.inc(1);
                Ok(())
            })
        });
        look(reader, job, &decoded, &to_writer);
        drop((decoded, to_writer));
        writer.join().unwrap_or_else(|_| Err(anyhow!("expected results to be written, got a panic")))
    })?;
    bar.finish_and_clear();
    let (seconds, faces) = (start.elapsed().as_secs_f64(), results.iter().map(|r| r.faces.len()).sum::<usize>());
    if results.len() > 1 {
        let rate = results.len() as f64 / seconds.max(1e-9);
        tracing::info!("{} pictures with {faces} faces in {seconds:.1} s: {rate:.1} pictures/s", results.len());
    }
    Ok(results)
}

fn decode(pictures: &[PathBuf], to: &SyncSender<Vec<Decoded>>) {
    for group in Groups::new(pictures) {
        let one = |i: usize| (i, load(&pictures[i]));
        // nobody waits for more when results cannot be written
        if to.send(group.into_par_iter().map(one).collect()).is_err() {
            return;
        }
    }
}

fn load(file: &Path) -> Result<Picture> {
    if file.is_dir() {
        pictures_in(file)?;
    }
    Ok(load_photo(file)?)
}

fn look(reader: &PhotoReader<'_>, job: &Job<'_>, from: &Receiver<Vec<Decoded>>, to: &SyncSender<Vec<Seen>>) {
    for group in from {
        let (mut places, mut photos, mut seen) = (Vec::new(), Vec::new(), Vec::new());
        for (i, photo) in group {
            match photo {
                Ok(photo) => {
                    places.push(i);
                    photos.push(photo);
                }
                Err(e) => seen.push((i, Err(e))),
            }
        }
        // a box that is not within one picture is no reason to refuse the others
        let together = reader.faces(&photos, &job.wanted);
        let faces: Vec<Result<Vec<Located>>> = match together {
            Ok(faces) => faces.into_iter().map(Ok).collect(),
            Err(_) => photos.iter().map(|p| alone(reader, job, p)).collect(),
        };
        let named = |(i, (photo, faces)): (usize, (Picture, Result<Vec<Located>>))| {
            let file = || job.pictures[i].display().to_string();
            (i, faces.with_context(file).map(|faces| (photo, faces)))
        };
        seen.extend(places.into_iter().zip(photos.into_iter().zip(faces)).map(named));
        seen.sort_by_key(|(i, _)| *i);
        if to.send(seen).is_err() {
            return;
        }
    }
}

fn alone(reader: &PhotoReader<'_>, job: &Job<'_>, photo: &Picture) -> Result<Vec<Located>> {
    Ok(reader.faces(std::slice::from_ref(photo), &job.wanted)?.pop().unwrap_or_default())
}

/// Writes groups until there are none, and hands each result to `done`, in order.
fn write(
    reader: &PhotoReader<'_>,
    job: &Job<'_>,
    (names, from): (&[PathBuf], &Receiver<Vec<Seen>>),
    done: &mut dyn FnMut(PictureResult) -> Result<()>,
) -> Result<()> {
    for group in from {
        let one = |(i, seen): Seen| {
            let file = &job.pictures[i];
            let written = seen.and_then(|(photo, faces)| {
                warn(file, &photo, &faces);
                outputs::write(reader.predictor, (file, &photo), &faces, &names[i], job.extras)
                    .with_context(|| file.display().to_string())
            });
            written.unwrap_or_else(|e| {
                if job.pictures.len() > 1 {
                    tracing::error!("{}", one_line(&e));
                }
                PictureResult::failed(file, one_line(&e))
            })
        };
        let results: Vec<PictureResult> = group.into_par_iter().map(one).collect();
        results.into_iter().try_for_each(&mut *done)?;
    }
    Ok(())
}

/// What a reader of the results should doubt.
fn warn(file: &Path, photo: &Picture, faces: &[Located]) {
    if let Some(lack) = &photo.lack {
        tracing::warn!(
            "{}: expected a whole picture, got {lack}; points in what is missing are guesses",
            file.display()
        );
    }
    let doubtful: Vec<(usize, String)> =
        faces.iter().enumerate().filter_map(|(i, face)| Some((i + 1, face.doubt()?))).collect();
    let (file, all) = (file.display(), faces.len());
    match &doubtful[..] {
        [] => {}
        [(_, doubt)] if all == 1 => tracing::warn!("{file}: {doubt}; --box X,Y,W,H says where the face is"),
        [(i, doubt)] => tracing::warn!("{file}: face {i} of {all}: {doubt}"),
        [(i, doubt), ..] => {
            tracing::warn!("{file}: {} of {all} faces are doubtful, the first is face {i}: {doubt}", doubtful.len());
        }
    }
}
