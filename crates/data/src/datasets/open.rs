//! Opens the dataset that a recipe or a command asks for, by its folder or by its kind.

use crate::{
    dataset::Dataset,
    datasets::{
        find::{Found, find, find_all, named, nothing},
        format::DatasetKind,
        subset,
    },
    error::{Error, Result},
    io,
    scheme::Scheme,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Opens the dataset `path` below the folder `data`, with the points of `scheme`.
///
/// `path` is the name of a folder or pack in `data`, or the start of one: `ibug_300W` finds
/// `ibug_300W_large_face_landmark_dataset` and `ibug_300W.fkpack`. A pack goes before the folder of its name. Where
/// `data` has none of that name, `data` itself or a dataset in it is taken that is of the format published under that
/// name. Without `path`, `data` has to hold one dataset with these points.
///
/// A dataset that has the points of `scheme` among others is seen through `scheme`, as the nose's tip of IMM's 58
/// points is.
///
/// # Errors
/// When there is no such dataset, with what is there instead; when it has other points, or an annotation is broken.
pub fn open_dataset(data: &Path, path: Option<&str>, scheme: &Arc<Scheme>) -> Result<Box<dyn Dataset>> {
    let mut others = Vec::new();
    for found in groups(data, path)? {
        let mut fitting = Vec::new();
        for found in found {
            let set = found.open_as(Some(scheme))?;
            if set.scheme() == scheme { fitting.push((found, set)) } else { others.push((found, set)) }
        }
        if fitting.len() > 1 {
            let all: Vec<_> = fitting.iter().map(|(found, _)| named(found, data)).collect();
            let (data, name, all) = (data.display(), scheme.name(), all.join(", "));
            return Err(Error::Invalid(format!("{data}: expected one dataset of {name}, got {all}: name its folder")));
        }
        if let Some((_, set)) = fitting.pop() {
            return Ok(set);
        }
    }
    // A pack was cut for the points that it holds: the folder goes before it.
    others.sort_by_key(|(found, _)| found.is_pack());
    let seen: Vec<_> =
        others.iter().map(|(found, set)| format!("{} ({})", set.scheme().name(), found.path.display())).collect();
    match others.into_iter().find(|(_, set)| scheme.places_in(set.scheme()).is_some()) {
        Some((_, set)) => subset::through(set, scheme),
        None => {
            let (data, name, seen) = (data.display(), scheme.name(), seen.join(", "));
            Err(Error::Invalid(format!("{data}: expected points of the scheme {name}, got {seen}")))
        }
    }
}

/// Whether `data` has a folder or pack that `path` names or begins the name of, or a dataset published under that name.
///
/// # Errors
/// When a folder cannot be read.
pub fn has_dataset(data: &Path, path: &str) -> Result<bool> {
    let published = |found: &Found| found.kind.is_published_as(Path::new(path));
    Ok(!places(data, path)?.is_empty() || find_all(data)?.iter().any(published))
}

/// What `path` may mean, what it means first; several datasets in one group are not told apart by it.
fn groups(data: &Path, path: Option<&str>) -> Result<Vec<Vec<Found>>> {
    let Some(path) = path else { return Ok(vec![find(data)?]) };
    let places = places(data, path)?;
    let mut groups = Vec::new();
    for place in &places {
        groups.push(find_all(place)?);
    }
    if places.is_empty() {
        let called = |f: &Found| f.path == data && starts_with(&data.canonicalize().unwrap_or_default(), path);
        let mut all = find_all(data)?;
        all.retain(|found| found.kind.is_published_as(Path::new(path)) || called(found));
        all.sort_by_key(|found| !found.is_pack());
        groups.extend(all.into_iter().map(|found| vec![found]));
    }
    groups.retain(|found| !found.is_empty());
    if !groups.is_empty() {
        return Ok(groups);
    }
    Err(match places.first() {
        Some(place) => nothing(place, &DatasetKind::expected()),
        None => nothing(data, &format!("a dataset called {path}")),
    })
}

/// The files and folders that `path` names in `data`, or begins the name of.
fn places(data: &Path, path: &str) -> Result<Vec<PathBuf>> {
    let place = data.join(path);
    let (Some(parent), Some(name)) = (place.parent(), place.file_name()) else { return Ok(vec![place]) };
    // Folders within a dataset are its parts: the test faces of iBUG 300-W are no points folder.
    let whole = |kind: &&DatasetKind| kind.format().holds_below.is_none();
    for kind in DatasetKind::ALL.iter().filter(whole) {
        if kind.holds(parent)? {
            return Ok(Vec::new());
        }
    }
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let name = name.to_string_lossy();
    let rank = |p: &PathBuf| match p.file_name().unwrap_or_default().to_string_lossy() {
        own if own == name && p.is_file() => 0,
        own if own.strip_suffix(".fkpack").is_some_and(|stem| stem == name) => 1,
        own if own == name => 2,
        _ => 3,
    };
    let listed = if parent.is_dir() { io::list(parent)? } else { Vec::new() };
    let mut all: Vec<PathBuf> = listed.into_iter().filter(|p| starts_with(p, &name)).collect();
    if place.exists() && !all.contains(&place) {
        all.push(place.clone()); // a hidden one has to be named whole
    }
    all.sort_by_key(rank);
    if all.first().is_some_and(|first| rank(first) < 3) {
        all.retain(|p| rank(p) < 3);
    }
    Ok(all)
}

fn starts_with(path: &Path, name: &str) -> bool {
    path.file_name().is_some_and(|own| own.to_string_lossy().starts_with(name))
}

/// Opens the dataset of `kind` in `dir`, the folder itself or one in it: recipes named kinds before they named folders.
///
/// # Errors
/// When nothing of the kind is there, with what is there instead, or an annotation is broken.
pub fn open_kind(dir: &Path, kind: DatasetKind) -> Result<Box<dyn Dataset>> {
    let all = if kind.holds(dir)? { vec![Found { kind, path: dir.into() }] } else { find_all(dir)? };
    let is_one = |found: &Found| {
        let whole = found.kind.part().is_none() && found.kind.format().name == kind.format().name;
        found.kind == kind || whole
    };
    // A pack goes before the folder that it was made of, but not where less is wanted than it was cut for.
    let rank = |found: &Found| match (found.is_pack(), found.kind == kind) {
        (true, true) => 0,
        (false, _) if found.kind.is_published_as(&found.path) => 1,
        (false, _) => 2,
        (true, false) => 3,
    };
    let found = all.into_iter().filter(is_one).min_by_key(rank);
    let found = found.ok_or_else(|| nothing(dir, kind.format().expected))?;
    let set = found.open()?;
    match kind.part() {
        Some(part) if found.kind != kind => subset::through_named(set, part),
        _ => Ok(set),
    }
}
