//! Pictures on their way: decoded, looked at and written at the same time, a few of each, so that memory does not grow
//! with their number.

use super::{
    inputs::Groups,
    outputs::{self, Extras},
};
use crate::{
    output::{is_of_kind, one_line},
    terminal,
};
use anyhow::{Context, Result, anyhow};
use facekp_data::{Picture, picture::load_photo, pictures_in};
use facekp_eval::{Located, PhotoReader, PictureResult, Wanted};
use indicatif::ProgressBar;
use rayon::prelude::*;
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    time::Instant,
};

/// What a call is about.
pub(super) struct Job<'a> {
    pub pictures: &'a [PathBuf],
    /// The paths of each picture's files less their ends.
    pub names: &'a [PathBuf],
    /// Which pictures have results already. They are looked at again where their group has others: what a network says
    /// may depend in its last digits on what it sees together.
    pub done: &'a [bool],
    pub wanted: Wanted,
    pub extras: Extras,
}

/// From so many pictures on a bar is worth its line.
const MANY: usize = 20;

/// A picture of a group, or why it has none.
type Decoded = (usize, Result<Picture>);
type Seen = (usize, Result<(Picture, Vec<Located>)>);

/// What is wrong with the place where files go, and would be for every other picture.
const NO_PLACE: [ErrorKind; 4] =
    [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::ReadOnlyFilesystem, ErrorKind::PermissionDenied];

/// What is called with the results of some pictures.
type Take<'a> = &'a mut (dyn FnMut(Vec<PictureResult>) -> Result<()> + Send);

/// Hands the results of all pictures that have none to `take`, in order, each as soon as its files are there.
///
/// # Errors
/// When nothing more can be written, be it files or what `take` writes. What is wrong with a picture is in its entry.
pub(super) fn run(reader: &PhotoReader<'_>, job: &Job<'_>, take: Take<'_>) -> Result<()> {
    let wanted = job.done.iter().filter(|done| !**done).count();
    let (start, mut count, mut faces) = (Instant::now(), 0, 0);
    let bar = match wanted {
        ..MANY => ProgressBar::hidden(),
        many => terminal::bar(many as u64, "{bar:24} {pos}/{len} pictures, {eta} left"),
    };
    // without a place to wait in, one group is decoded, one looked at and one written
    let (to_network, decoded) = sync_channel(0);
    let (to_writer, seen) = sync_channel(0);
    std::thread::scope(|scope| {
        scope.spawn(move || decode(job, &to_network));
        let (bar, count, faces) = (&bar, &mut count, &mut faces);
        let writer = scope.spawn(move || {
            write(reader, job, &seen, &mut |results: Vec<PictureResult>| {
                *count += results.len();
                *faces += results.iter().map(|r| r.faces.len()).sum::<usize>();
                bar.inc(results.len() as u64);
                take(results)
            })
        });
        look(reader, job, &decoded, &to_writer);
        drop((decoded, to_writer));
        writer.join().unwrap_or_else(|_| Err(anyhow!("expected results to be written, got a panic")))
    })?;
    bar.finish_and_clear();
    if count > 1 {
        let seconds = start.elapsed().as_secs_f64();
        let rate = count as f64 / seconds.max(1e-9);
        tracing::info!("{count} pictures with {faces} faces in {seconds:.1} s: {rate:.1} pictures/s");
    }
    Ok(())
}

fn decode(job: &Job<'_>, to: &SyncSender<Vec<Decoded>>) {
    for group in Groups::new(job.pictures) {
        if job.done[group.clone()].iter().all(|done| *done) {
            continue;
        }
        let one = |i: usize| (i, load(&job.pictures[i]));
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

/// Writes groups until there are none, and hands the results of each to `take`, in order.
fn write(reader: &PhotoReader<'_>, job: &Job<'_>, from: &Receiver<Vec<Seen>>, take: Take<'_>) -> Result<()> {
    for group in from {
        let group: Vec<Seen> = group.into_iter().filter(|(i, _)| !job.done[*i]).collect();
        let results: Vec<Result<PictureResult>> =
            group.into_par_iter().map(|seen| write_one(reader, job, seen)).collect();
        let (mut whole, mut end) = (Vec::with_capacity(results.len()), Ok(()));
        for result in results {
            match result {
                Ok(result) => whole.push(result),
                Err(e) => {
                    end = Err(e);
                    break;
                }
            }
        }
        take(whole)?;
        end?;
    }
    Ok(())
}

/// Writes the files of a picture; its entry.
///
/// # Errors
/// When those of no other picture could be written either.
fn write_one(reader: &PhotoReader<'_>, job: &Job<'_>, (i, seen): Seen) -> Result<PictureResult> {
    let file = &job.pictures[i];
    let written = seen.map(|(photo, faces)| {
        warn(file, &photo, &faces, job.wanted.face.is_some());
        outputs::write(reader.predictor, (file, &photo), &faces, &job.names[i], job.extras)
            .with_context(|| file.display().to_string())
    });
    let error = match written {
        Ok(Ok(result)) => return Ok(result),
        Ok(Err(e)) if is_of_kind(&e, &NO_PLACE) => return Err(e),
        Ok(Err(e)) | Err(e) => e,
    };
    if job.pictures.len() > 1 {
        tracing::error!("{}", one_line(&error));
    }
    Ok(PictureResult::failed(file, one_line(&error)))
}

/// What a reader of the results should doubt; `given`: whether somebody said where the face is.
fn warn(file: &Path, photo: &Picture, faces: &[Located], given: bool) {
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
        [(_, doubt)] if given => tracing::warn!("{file}: {doubt}"),
        [(_, doubt)] if all == 1 => tracing::warn!("{file}: {doubt}; --box X,Y,W,H says where the face is"),
        [(i, doubt)] => tracing::warn!("{file}: face {i} of {all}: {doubt}"),
        [(i, doubt), ..] => {
            tracing::warn!("{file}: {} of {all} faces are doubtful, the first is face {i}: {doubt}", doubtful.len());
        }
    }
}
