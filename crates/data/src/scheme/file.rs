//! A scheme as it stands in TOML and in the metadata of weights, and its checks.

use super::{Group, Length, Normalizer, Outline, PartOf, Scheme};
use crate::error::{Error, Result as CrateResult};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// More points than any annotation has; a typo should be reported, not allocated.
const MAX_POINTS: usize = 10_000;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    name: String,
    points: Points,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mirror: Option<Vec<[usize; 2]>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<GroupFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    part_of: Option<PartOf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    normalizer: Option<NormalizerFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    normalizer_pupil: Option<NormalizerFile>,
}

/// How many points, or what each is called.
#[derive(Deserialize, Serialize)]
#[serde(untagged, expecting = "a number of points or a list of their names")]
enum Points {
    Count(usize),
    Names(Vec<String>),
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct GroupFile {
    name: String,
    first: usize,
    last: usize,
    #[serde(default)]
    outline: Outline,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct NormalizerFile {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    between: Option<[Vec<usize>; 2]>,
    #[serde(rename = "box", default, skip_serializing_if = "Option::is_none")]
    of_box: Option<OfBox>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum OfBox {
    Diagonal,
    Side,
}

impl File {
    /// Points and nothing said of them but what errors are divided by where nothing is known: the box's diagonal.
    fn plain(name: String, points: Points) -> Self {
        let normalizer =
            NormalizerFile { name: "box's diagonal".to_owned(), between: None, of_box: Some(OfBox::Diagonal) };
        Self {
            name,
            points,
            mirror: None,
            groups: Vec::new(),
            part_of: None,
            normalizer: Some(normalizer),
            normalizer_pupil: None,
        }
    }

    /// The scheme, checked; `file` is what errors call it.
    fn check(self, file: &Path) -> CrateResult<Scheme> {
        Scheme::try_from(self).map_err(|reason| Error::format(file, None, "a scheme", reason))
    }
}

impl Scheme {
    /// A scheme that says nothing but how many points there are, `points5`.
    pub(crate) fn of_count(count: usize) -> CrateResult<Self> {
        File { normalizer: None, ..File::plain(format!("points{count}"), Points::Count(count)) }
            .check(Path::new("points"))
    }

    /// A scheme of points that `file` names, without a mirror, their errors divided by the box's diagonal.
    pub(crate) fn of_names(file: &Path, name: String, points: Vec<String>) -> CrateResult<Self> {
        File::plain(name, Points::Names(points)).check(file)
    }

    /// The same points as a scheme of their own, with another name and mirror; errors are divided by the box's diagonal
    /// where they were by nothing, or by points of a larger scheme.
    pub(crate) fn alone(&self, name: &str, mirror: Option<Vec<[usize; 2]>>) -> CrateResult<Self> {
        let own = File { name: name.to_owned(), mirror, part_of: None, ..self.clone().into() };
        let known = own.normalizer.is_some() && self.part_of.is_none();
        let plain = File::plain(String::new(), Points::Count(0));
        let own = if known { own } else { File { normalizer: plain.normalizer, normalizer_pupil: None, ..own } };
        own.check(Path::new(name))
    }
}

/// `key: expected …, got …`, the one form in which serde passes a reason on.
fn wrong<T>(
    at: impl std::fmt::Display,
    expected: impl std::fmt::Display,
    got: impl std::fmt::Display,
) -> Result<T, String> {
    Err(format!("{at}: expected {expected}, got {got}"))
}

impl TryFrom<File> for Scheme {
    type Error = String;

    fn try_from(file: File) -> Result<Self, String> {
        let (len, names) = match file.points {
            Points::Count(n) => (n, Vec::new()),
            Points::Names(names) => (names.len(), names),
        };
        if file.name.is_empty() || file.name.contains(['/', '\\', '\n']) {
            return wrong("name", "a name without slashes", format_args!("{:?}", file.name));
        }
        if !(1..=MAX_POINTS).contains(&len) {
            return wrong("points", format_args!("1 to {MAX_POINTS}"), len);
        }
        if let Some((i, name)) = names.iter().enumerate().find(|(i, n)| names[..*i].contains(n)) {
            return wrong(format_args!("points.{i}"), "every name once", format_args!("{name:?} again"));
        }
        // The larger scheme is named, not known: its indices cannot be checked here.
        let reach = if file.part_of.is_some() { MAX_POINTS } else { len };
        if let Some(part) = &file.part_of {
            if part.points.len() != len {
                return wrong("part_of.points", format_args!("{len} indices, one for each point"), part.points.len());
            }
            if let Some(i) = (0..len).find(|&i| part.points[..i].contains(&part.points[i])) {
                return wrong("part_of.points", "every index once", format_args!("{} again", part.points[i]));
            }
        }
        Ok(Self {
            mirror: file.mirror.map(|pairs| mirror(&pairs, len)).transpose()?,
            groups: groups(file.groups, len)?,
            normalizer: file.normalizer.map(|n| normalizer("normalizer", n, reach)).transpose()?,
            normalizer_pupil: file.normalizer_pupil.map(|n| normalizer("normalizer_pupil", n, reach)).transpose()?,
            part_of: file.part_of,
            name: file.name,
            names,
            len,
        })
    }
}

/// Points that no pair names are their own image.
fn mirror(pairs: &[[usize; 2]], len: usize) -> Result<Vec<usize>, String> {
    let mut image: Vec<usize> = (0..len).collect();
    for (i, &[a, b]) in pairs.iter().enumerate() {
        let at = format!("mirror.{i}");
        if a == b {
            return wrong(at, "two points", format_args!("{a} twice"));
        }
        for point in [a, b] {
            match image.get(point) {
                None => return wrong(at, format_args!("points below {len}"), point),
                Some(&other) if other != point => {
                    return wrong(at, "every point in one pair", format_args!("{point} again"));
                }
                Some(_) => {}
            }
        }
        image.swap(a, b);
    }
    Ok(image)
}

fn groups(files: Vec<GroupFile>, len: usize) -> Result<Vec<Group>, String> {
    if files.is_empty() {
        return Ok(vec![Group { name: "points".into(), points: 0..len, outline: Outline::None }]);
    }
    let mut next = 0;
    for (i, group) in files.iter().enumerate() {
        if group.first != next {
            return wrong(
                format_args!("groups.{i}.first"),
                format_args!("{next}: groups cover all points in order"),
                group.first,
            );
        }
        if !(group.first..len).contains(&group.last) {
            return wrong(format_args!("groups.{i}.last"), format_args!("{} to {}", group.first, len - 1), group.last);
        }
        if files[..i].iter().any(|other| other.name == group.name) {
            return wrong(format_args!("groups.{i}.name"), "every name once", format_args!("{:?} again", group.name));
        }
        next = group.last + 1;
    }
    if next != len {
        return wrong("groups", format_args!("groups of all {len} points"), format_args!("groups of the first {next}"));
    }
    let group = |g: GroupFile| Group { name: g.name, points: g.first..g.last + 1, outline: g.outline };
    Ok(files.into_iter().map(group).collect())
}

fn normalizer(key: &str, file: NormalizerFile, reach: usize) -> Result<Normalizer, String> {
    let length = match (file.between, file.of_box) {
        (None, Some(OfBox::Diagonal)) => Length::Diagonal,
        (None, Some(OfBox::Side)) => Length::Side,
        (Some([a, b]), None) => {
            for set in [&a, &b] {
                if set.is_empty() {
                    return wrong(format_args!("{key}.between"), "two sets of points", "an empty set");
                }
                if let Some(i) = set.iter().find(|&&i| i >= reach) {
                    return wrong(format_args!("{key}.between"), format_args!("points below {reach}"), i);
                }
            }
            if a == b {
                return wrong(
                    format_args!("{key}.between"),
                    "two different sets of points",
                    format_args!("{a:?} twice"),
                );
            }
            Length::Between(a, b)
        }
        (Some(_), Some(_)) => return wrong(key, "either between or box", "both"),
        (None, None) => return wrong(key, "between or box", "neither"),
    };
    Ok(Normalizer { name: file.name, length })
}

impl From<Scheme> for File {
    fn from(scheme: Scheme) -> Self {
        let pairs = |image: Vec<usize>| image.iter().enumerate().filter(|(a, b)| a < b).map(|(a, &b)| [a, b]).collect();
        let group = |g: Group| GroupFile {
            first: g.points.start,
            last: g.points.end.saturating_sub(1),
            name: g.name,
            outline: g.outline,
        };
        let normalizer = |n: Normalizer| {
            let (between, of_box) = match n.length {
                Length::Between(a, b) => (Some([a, b]), None),
                Length::Diagonal => (None, Some(OfBox::Diagonal)),
                Length::Side => (None, Some(OfBox::Side)),
            };
            NormalizerFile { name: n.name, between, of_box }
        };
        Self {
            points: if scheme.names.is_empty() { Points::Count(scheme.len) } else { Points::Names(scheme.names) },
            name: scheme.name,
            mirror: scheme.mirror.map(pairs),
            groups: scheme.groups.into_iter().map(group).collect(),
            part_of: scheme.part_of,
            normalizer: scheme.normalizer.map(normalizer),
            normalizer_pupil: scheme.normalizer_pupil.map(normalizer),
        }
    }
}
