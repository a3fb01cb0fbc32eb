//! Which faces validate and test, where lists beside the data say so: `val.txt` and `test.txt`, a sample's name a line.

use crate::{
    dataset::Dataset,
    datasets::people::{numbered, people_of},
    error::{Error, Result},
    io,
    split::Split,
};
use candle_vision_helpers::rng::splitmix64;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// The lists in a folder, each with the split that it names.
const LISTS: [(&str, Split); 2] = [("val.txt", Split::Val), ("test.txt", Split::Test)];

/// The splits that the lists in `dir` give to samples of these names, `None` without a list of that split.
///
/// # Errors
/// When a list cannot be read, or names what is not there or what a list has named before.
pub(super) fn read<'a>(dir: &Path, ids: impl Iterator<Item = &'a str>) -> Result<BTreeMap<Split, BTreeSet<usize>>> {
    let numbers: BTreeMap<&str, usize> = ids.enumerate().map(|(i, id)| (id, i)).collect();
    let mut taken = BTreeSet::new();
    let mut lists = BTreeMap::new();
    for (name, split) in LISTS {
        let path = dir.join(name);
        if !path.is_file() {
            continue;
        }
        let text = io::read_text(&path)?;
        let mut chosen = BTreeSet::new();
        for (line, id) in text.lines().enumerate().map(|(i, text)| (i + 1, text.trim())) {
            if id.is_empty() || id.starts_with("# ") {
                continue;
            }
            let wrong = |expected| Error::format(&path, Some(line), expected, format!("{id:?}"));
            let i =
                *numbers.get(id).ok_or_else(|| wrong("the name of a sample, its picture's path without extension"))?;
            if !taken.insert(i) {
                return Err(wrong("a sample that is in no list yet"));
            }
            chosen.insert(i);
        }
        lists.insert(split, chosen);
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

/// Writes `val.txt` and, where `test` is above 0, `test.txt` beside the data in `dir`: so large parts of the samples of
/// `set`, at random from `seed`, as near to the shares as what stays together allows. Says how many samples each list
/// has.
///
/// # Errors
/// When a list is there already, when nothing would be left to train on, or when a file cannot be written.
pub fn write(
    set: &dyn Dataset,
    dir: &Path,
    (val, test): (f64, f64),
    together: Together,
    seed: u64,
) -> Result<Vec<(PathBuf, usize)>> {
    let all: Vec<usize> = (0..set.len()).collect();
    let ids = all.iter().map(|&i| Ok(set.annotation(i)?.id)).collect::<Result<Vec<_>>>()?;
    let groups = groups(set, &ids, together)?;
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by_key(|&g| (splitmix64(splitmix64(seed) ^ g as u64), g));
    let mut rest = order.into_iter();
    let mut chosen = Vec::new();
    for ((name, _), share) in LISTS.into_iter().zip([val, test]).filter(|(_, share)| *share > 0.0) {
        let path = dir.join(name);
        if path.exists() {
            return Err(Error::format(path, None, "no such list yet", "one"));
        }
        let wanted = share * all.len() as f64;
        let mut list: Vec<&str> = Vec::new();
        while (list.len() as f64) < wanted - 0.5 {
            let Some(group) = rest.next() else { break };
            list.extend(groups[group].iter().map(|&i| ids[i].as_str()));
        }
        list.sort_unstable();
        chosen.push((path, list));
    }
    let left = rest.map(|group| groups[group].len()).sum::<usize>();
    if left == 0 || chosen.iter().any(|(_, list)| list.is_empty()) {
        let (of, count, left) = (set.describe(), groups.len(), if left == 0 { "to train on" } else { "in a list" });
        return Err(Error::Invalid(format!("{of}: {count} groups of samples that stay together: none left {left}")));
    }
    for (path, list) in &chosen {
        io::write_whole(path, (list.join("\n") + "\n").as_bytes())?;
    }
    Ok(chosen.into_iter().map(|(path, list)| (path, list.len())).collect())
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
