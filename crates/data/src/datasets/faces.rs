//! A dataset of faces that a format has read, in plain splits, for formats that know of none.

use crate::{
    dataset::Dataset,
    datasets::{
        record::{Record, is_rendered, nth},
        report::CheckReport,
    },
    error::{Error, Result},
    io,
    sample::{Annotation, Sample},
    scheme::{self, Scheme},
    split::{Split, fit_and_val},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

/// What a folder says that its points mean.
pub(super) const SCHEME: &str = "scheme.toml";

/// The scheme that stands in the folder `dir` beside the annotations.
///
/// # Errors
/// When it is no scheme.
pub(super) fn own_scheme(dir: &Path) -> Result<Option<Arc<Scheme>>> {
    let path = dir.join(SCHEME);
    path.is_file().then(|| Ok(Arc::new(Scheme::from_toml(&path, &io::read_text(&path)?)?))).transpose()
}

/// The built-in scheme whose points some of are those of `part`.
pub(super) fn whole_of(part: &Scheme) -> Option<Arc<Scheme>> {
    part.part_of().and_then(|whole| scheme::by_name(&whole.scheme))
}

/// The scheme that `count` points are read as, where files do not say what points mean: the one in the folder `dir`,
/// else the one that is asked for, else the built-in one of as many points. `wrong` makes the error of how many it
/// could have been, such as `58 or 68`.
///
/// # Errors
/// When there is none of so many points, or the folder's is no scheme.
pub(super) fn scheme_of(
    dir: &Path,
    wanted: Option<&Arc<Scheme>>,
    count: usize,
    wrong: impl FnOnce(String) -> Error,
) -> Result<Arc<Scheme>> {
    let known = match (own_scheme(dir)?, wanted) {
        (Some(own), _) => vec![own],
        // a whole dataset is seen through a part of its points
        (None, Some(wanted)) => [Arc::clone(wanted)].into_iter().chain(whole_of(wanted)).collect(),
        (None, None) => scheme::all(),
    };
    let numbers: Vec<String> = known.iter().map(|s| s.len().to_string()).collect();
    known.into_iter().find(|s| s.len() == count).ok_or_else(|| wrong(numbers.join(" or ")))
}

/// What faces have in common that must not both train and validate.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Who<'a> {
    Named(&'a str),
    In(&'a Path),
}

/// Faces in the order of their ids. Every tenth one validates; where the faces say who they are, every tenth person.
#[derive(Debug)]
pub(crate) struct Faces {
    records: Vec<Record>,
    scheme: Arc<Scheme>,
    /// The format in words, such as `points folder`.
    what: &'static str,
    /// The folder's own name.
    name: String,
    synthetic: bool,
}

impl Faces {
    /// The faces of the folder `dir`; the first broken one is the error.
    pub(super) fn new(what: &'static str, dir: &Path, scheme: &Arc<Scheme>, read: Vec<Result<Record>>) -> Result<Self> {
        let mut records = read.into_iter().collect::<Result<Vec<_>>>()?;
        records.sort_by(|a, b| a.id.cmp(&b.id));
        let name = dir.canonicalize().unwrap_or_else(|_| dir.into());
        let name = name.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { records, scheme: Arc::clone(scheme), what, name, synthetic: is_rendered(dir) })
    }

    /// The check of such faces.
    pub(super) fn check(what: &str, scheme: &Scheme, read: Vec<Result<Record>>) -> CheckReport {
        let mut report = CheckReport::of(what);
        let sound = report.decoded(read, |f| f);
        report.fact("faces", sound.len());
        report.fact("points", format!("{} each", scheme.len()));
        report.hidden(sound.iter().map(|r| &r.points));
        report.outside(sound.iter());
        report.sizes(sound.iter());
        report
    }

    /// For each face, the number of the person it is of, in the order of first faces. Faces without a name are of the
    /// same one where they are in one picture, since two lists may name a face twice.
    fn people(&self) -> Vec<usize> {
        let mut numbers = BTreeMap::new();
        let mut number = |record| {
            let next = numbers.len();
            *numbers.entry(record).or_insert(next)
        };
        self.records.iter().map(|r| number(r.subject.as_deref().map_or(Who::In(&r.path), Who::Named))).collect()
    }
}

impl Dataset for Faces {
    fn scheme(&self) -> &Arc<Scheme> {
        &self.scheme
    }

    fn len(&self) -> usize {
        self.records.len()
    }

    fn get(&self, i: usize) -> Result<Sample> {
        nth(&self.records, i)?.load()
    }

    fn annotation(&self, i: usize) -> Result<Annotation> {
        Ok(nth(&self.records, i)?.annotation())
    }

    fn split(&self, split: Split) -> Result<Vec<usize>> {
        let people = self.people();
        let count = people.iter().max().map_or(0, |last| last + 1);
        let chosen: BTreeSet<usize> = fit_and_val(&(0..count).collect::<Vec<_>>()).1.into_iter().collect();
        let (val, fit): (Vec<_>, Vec<_>) = (0..self.len()).partition(|&i| chosen.contains(&people[i]));
        match split {
            Split::Train | Split::All => Ok((0..self.len()).collect()),
            Split::Fit if fit.is_empty() => Err(Split::none_left(self.len(), &self.describe())),
            Split::Fit => Ok(fit),
            Split::Val => Ok(val),
            Split::Test | Split::Common | Split::Challenging | Split::Full => Err(Error::Invalid(format!(
                "expected a split of a {} (train, fit, val, all), got {}",
                self.what,
                split.name()
            ))),
        }
    }

    fn describe(&self) -> String {
        let rendered = if self.synthetic { "rendered faces in " } else { "" };
        format!("{rendered}{} {}, {} faces", self.what, self.name, self.len())
    }

    fn is_synthetic(&self) -> bool {
        self.synthetic
    }
}
