//! Which faces validate and test, where lists beside the data say so: `val.txt` and `test.txt`, a sample's name a line.

use crate::{
    dataset::Dataset,
    datasets::people::{numbered, people_of},
    error::{Error, Result},
    formats::quoted,
    io,
    split::Split,
};
use candle_vision_helpers::rng::splitmix64;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The lists in a folder, each with the split that it names.
pub(super) const LISTS: [(&str, Split); 2] = [("val.txt", Split::Val), ("test.txt", Split::Test)];

/// The splits that lists in `dir` and in its folders give to samples of these names, none without a list. The names in
/// a list are those below its folder.
///
/// # Errors
/// When a list cannot be read, or names what is not there or what a list has named before.
pub(super) fn read<'a>(dir: &Path, ids: impl Iterator<Item = &'a str>) -> Result<BTreeMap<Split, BTreeSet<usize>>> {
    let numbers: BTreeMap<&str, usize> = ids.enumerate().map(|(i, id)| (id, i)).collect();
    let above = |id: &&'a str| id.match_indices('/').map(|(end, _)| end + 1).collect::<Vec<_>>();
    let nested = numbers.keys().flat_map(|id| above(id).into_iter().map(move |end| &id[..end]));
    let folders: BTreeSet<&str> = nested.chain([""]).collect();
    let mut taken = BTreeSet::new();
    let mut lists: BTreeMap<Split, BTreeSet<usize>> = BTreeMap::new();
    for (folder, (name, split)) in folders.iter().flat_map(|folder| LISTS.map(|list| (folder, list))) {
        let path = dir.join(folder).join(name);
        if !path.is_file() {
            continue;
        }
        let text = io::read_text(&path)?;
        let chosen = lists.entry(split).or_default();
        for (line, id) in text.lines().enumerate().filter(|(_, id)| !id.is_empty()) {
            let wrong = |expected| Error::format(&path, Some(line + 1), expected, quoted(id));
            let i = *numbers
                .get(format!("{folder}{id}").as_str())
                .ok_or_else(|| wrong("the name of a sample, its picture's path without extension"))?;
            if !taken.insert(i) {
                return Err(wrong("a sample that is in no list yet"));
            }
            chosen.insert(i);
        }
    }
    Ok(lists)
}

/// What stays on one side of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Together {
    /// All faces of a person, where the data say who it is; else those of a picture.
    Subject,
    /// All faces of a folder.
    Folder,
    /// All faces of a picture.
    File,
}

/// Writes `val.txt` and `test.txt` beside the data in `dir`, those whose shares are above 0: so large parts of the
/// samples of `set`, at random from `seed`; what stays together is taken where it brings a list nearer to its share.
/// Says how many samples each list has.
///
/// # Errors
/// When a list is there already, when a list stays empty or nothing is left to train on, or when a file cannot be
/// written.
pub fn write(
    set: &dyn Dataset,
    dir: &Path,
    (val, test): (f64, f64),
    together: Together,
    seed: u64,
) -> Result<Vec<(PathBuf, usize)>> {
    if let Some((name, _)) = LISTS.into_iter().find(|(name, _)| dir.join(name).exists()) {
        return Err(Error::format(dir.join(name), None, "no list yet", "one"));
    }
    let ids = (0..set.len()).map(|i| Ok(set.annotation(i)?.id)).collect::<Result<Vec<_>>>()?;
    let mut rest = groups(set, &ids, together)?;
    rest.sort_by_key(|group| group.first().map(|&i| (splitmix64(splitmix64(seed) ^ i as u64), i)));
    let mut lists = Vec::new();
    for ((name, _), share) in LISTS.into_iter().zip([val, test]).filter(|(_, share)| *share > 0.0) {
        let (wanted, mut list): (f64, Vec<usize>) = (share * ids.len() as f64, Vec::new());
        rest.retain(|group| {
            let now = list.len() as f64;
            let is_nearer = (now + group.len() as f64 - wanted).abs() < (now - wanted).abs();
            list.extend(group.iter().filter(|_| is_nearer));
            !is_nearer
        });
        list.sort_unstable();
        lists.push((dir.join(name), list));
    }
    let (of, left) = (set.describe(), rest.len());
    if let Some((path, _)) = lists.iter().find(|(_, list)| list.is_empty()) {
        let path = path.display();
        let reason = format!("{of}: {left} groups of samples that stay together, none small enough for {path}");
        return Err(Error::Invalid(reason));
    }
    if left == 0 {
        return Err(Error::Invalid(format!("{of}: none left to train on beside the lists: samples stay together")));
    }
    for (k, (path, list)) in lists.iter().enumerate() {
        let names: String = list.iter().map(|&i| format!("{}\n", ids[i])).collect();
        if let Err(e) = io::write_whole(path, names.as_bytes()) {
            lists[..k].iter().for_each(|(path, _)| drop(fs::remove_file(path)));
            return Err(e);
        }
    }
    Ok(lists.into_iter().map(|(path, list)| (path, list.len())).collect())
}

/// Samples that stay together.
fn groups(set: &dyn Dataset, ids: &[String], together: Together) -> Result<Vec<Vec<usize>>> {
    let all: Vec<usize> = (0..ids.len()).collect();
    let numbers = match together {
        Together::Subject => people_of(set, &all)?,
        Together::Folder => numbered(ids.iter().map(|id| id.rsplit_once('/').map_or("", |(folder, _)| folder))),
        Together::File => {
            let pictures = all.iter().map(|&i| Ok(set.annotation(i)?.picture)).collect::<Result<Vec<_>>>()?;
            numbered(pictures.iter())
        }
    };
    let mut groups = vec![Vec::new(); numbers.iter().max().map_or(0, |last| last + 1)];
    all.into_iter().zip(numbers).for_each(|(i, number)| groups[number].push(i));
    Ok(groups)
}
