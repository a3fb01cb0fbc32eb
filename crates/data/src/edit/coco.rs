//! The keypoints of an annotation in COCO's JSON.

use super::{Change, text::decimal, text::splice};
use crate::{
    error::{Error, Result},
    formats::{
        Shape,
        coco::{self, Object},
    },
};
use serde::de::{Deserialize, IgnoredAny};
use std::{ops::Range, path::Path};

pub(super) fn read(path: &Path, text: &str, annotation: usize) -> Result<Shape> {
    find(&objects(path, text)?, path, annotation)
}

/// All objects of a file.
pub(super) fn objects(path: &Path, text: &str) -> Result<Vec<Object>> {
    Ok(coco::parse(path, text)?.map(|c| c.objects).unwrap_or_default())
}

/// The shape of the annotation in this place of a file with these objects.
pub(super) fn find(objects: &[Object], path: &Path, annotation: usize) -> Result<Shape> {
    let object = objects.iter().find(|o| o.index == annotation);
    object.map(|o| o.shape.clone()).ok_or_else(|| gone(path, annotation))
}

/// The text with other numbers in the annotation's keypoints, and their count.
pub(super) fn change(path: &Path, text: &str, annotation: usize, changes: &[Change]) -> Result<String> {
    let member = |of: Range<usize>, key: &str| {
        let found = members(text, of)?.into_iter().rev().find(|(name, _)| name == key);
        found.map(|(_, value)| value)
    };
    let found = || {
        let all = elements(text, member(0..text.len(), "annotations")?)?;
        let one = all.into_iter().nth(annotation)?;
        let numbers = elements(text, member(one.clone(), "keypoints")?)?;
        Some((numbers, member(one, "num_keypoints")))
    };
    let (numbers, count) = found().ok_or_else(|| gone(path, annotation))?;
    let mut marked: Vec<bool> =
        numbers.iter().skip(2).step_by(3).map(|v| text[v.clone()].parse::<f64>() != Ok(0.0)).collect();
    let (mut parts, mut is_other) = (Vec::new(), false);
    for &(i, point) in changes {
        let Some([x, y, v]) = numbers.get(3 * i..3 * i + 3).and_then(|n| <&[_; 3]>::try_from(n).ok()) else {
            return Err(gone(path, annotation));
        };
        let was_marked = std::mem::replace(&mut marked[i], point.is_some());
        let new = point.map_or(["0".to_owned(), "0".to_owned()], |p| [decimal(p.x), decimal(p.y)]);
        parts.extend([x, y].into_iter().cloned().zip(new));
        // one that was marked as covered stays so
        if was_marked != point.is_some() {
            is_other = true;
            parts.push((v.clone(), if was_marked { "0" } else { "2" }.to_owned()));
        }
    }
    if is_other {
        parts.extend(count.map(|at| (at, marked.iter().filter(|m| **m).count().to_string())));
    }
    parts.sort_by_key(|(range, _)| range.start);
    Ok(splice(text, &parts))
}

fn gone(path: &Path, annotation: usize) -> Error {
    Error::format(path, None, format!("an annotation in place {annotation} of the list, from 0"), "none")
}

/// The end of the value that begins at `at`, whatever it is.
fn value<T: for<'de> Deserialize<'de>>(text: &str, at: usize) -> Option<(T, usize)> {
    let mut stream = serde_json::Deserializer::from_str(text.get(at..)?).into_iter::<T>();
    let value = stream.next()?.ok()?;
    Some((value, at + stream.byte_offset()))
}

/// Where the next character stands that is no blank.
fn dark(text: &str, at: usize) -> Option<(usize, u8)> {
    let rest = text.get(at..)?;
    let blank = rest.len() - rest.trim_start_matches([' ', '\n', '\r', '\t']).len();
    Some((at + blank, *text.as_bytes().get(at + blank)?))
}

/// Keys and places of the values of the object in a range; `None` where there is none.
fn members(text: &str, of: Range<usize>) -> Option<Vec<(String, Range<usize>)>> {
    let mut all = Vec::new();
    let (start, b'{') = dark(text, of.start)? else { return None };
    let mut at = start + 1;
    loop {
        match dark(text, at)? {
            (_, b'}') => return Some(all),
            (next, b',') => at = next + 1,
            (next, _) => {
                let (key, end) = value::<String>(text, next)?;
                let (colon, b':') = dark(text, end)? else { return None };
                let (from, _) = dark(text, colon + 1)?;
                let (_, end) = value::<IgnoredAny>(text, from)?;
                all.push((key, from..end));
                at = end;
            }
        }
    }
}

/// Places of the elements of the array in a range; `None` where there is none.
fn elements(text: &str, of: Range<usize>) -> Option<Vec<Range<usize>>> {
    let mut all = Vec::new();
    let (start, b'[') = dark(text, of.start)? else { return None };
    let mut at = start + 1;
    loop {
        match dark(text, at)? {
            (_, b']') => return Some(all),
            (next, b',') => at = next + 1,
            (next, _) => {
                let (_, end) = value::<IgnoredAny>(text, next)?;
                all.push(next..end);
                at = end;
            }
        }
    }
}
