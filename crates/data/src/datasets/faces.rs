//! A dataset of faces that a format has read, in plain splits, for formats that know of none.

use crate::{
    dataset::Dataset,
    datasets::{
        lists,
        people::people,
        record::{Record, is_rendered, nth},
        report::CheckReport,
    },
    error::{Error, Result},
    formats::quoted,
    io,
    sample::{Annotation, Sample},
    scheme::{self, Scheme},
    source::Source,
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

/// [`scheme_of`] of points that `file` names; where no scheme is asked for or given, that of these names under `name`,
/// without a mirror, errors divided by the box's diagonal.
///
/// # Errors
/// As [`scheme_of`], and when the scheme calls a point otherwise.
pub(super) fn named_scheme_of(
    dir: &Path,
    wanted: Option<&Arc<Scheme>>,
    (file, name, names): (&Path, &str, &[String]),
    wrong: impl FnOnce(String) -> Error,
) -> Result<Arc<Scheme>> {
    if wanted.is_none() && own_scheme(dir)?.is_none() {
        let name = name.chars().map(|c| if "/\\\n".contains(c) { '_' } else { c }).collect();
        return Scheme::of_names(file, name, names.to_vec()).map(Arc::new);
    }
    let scheme = scheme_of(dir, wanted, names.len(), wrong)?;
    match scheme.point_names().iter().zip(names).find(|(ours, theirs)| ours != theirs) {
        Some((ours, theirs)) => {
            Err(Error::format(file, None, format!("keypoints as in {}: {ours:?}", scheme.name()), quoted(theirs)))
        }
        None => Ok(scheme),
    }
}

/// What a folder is called.
pub(super) fn folder_name(dir: &Path) -> String {
    let path = dir.canonicalize().unwrap_or_else(|_| dir.into());
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Chooses the scheme of a folder; one is asked for or none.
type Choose = fn(&Path, Option<&Arc<Scheme>>) -> Result<Arc<Scheme>>;
/// Reads a folder's faces with the scheme that was chosen.
type Read = fn(&Path, &Arc<Scheme>) -> Result<Vec<Result<Record>>>;

/// Opens a folder of faces in the format `what`.
pub(super) fn open(
    what: &'static str,
    dir: &Path,
    wanted: Option<&Arc<Scheme>>,
    (scheme_of, read): (Choose, Read),
) -> Result<Box<dyn Dataset>> {
    let scheme = scheme_of(dir, wanted)?;
    Ok(Box::new(Faces::new(what, dir, &scheme, read(dir, &scheme)?)?))
}

/// Checks such a folder.
pub(super) fn check(
    what: &str,
    dir: &Path,
    wanted: Option<&Arc<Scheme>>,
    (scheme_of, read): (Choose, Read),
) -> Result<CheckReport> {
    let scheme = scheme_of(dir, wanted)?;
    Ok(Faces::check(what, dir, &scheme, read(dir, &scheme)?))
}

/// Faces in the order of their ids. Those of the [lists] validate and test; without a list every tenth one validates,
/// and where the faces say who they are, every tenth person.
#[derive(Debug)]
pub(crate) struct Faces {
    records: Vec<Record>,
    scheme: Arc<Scheme>,
    /// The format in words, such as `points folder`.
    what: &'static str,
    /// The folder's own name.
    name: String,
    synthetic: bool,
    /// Those that lists beside the data name, by split.
    lists: BTreeMap<Split, BTreeSet<usize>>,
}

impl Faces {
    /// The faces of the folder `dir`; the first broken one is the error.
    pub(super) fn new(what: &'static str, dir: &Path, scheme: &Arc<Scheme>, read: Vec<Result<Record>>) -> Result<Self> {
        let mut records = read.into_iter().collect::<Result<Vec<_>>>()?;
        records.sort_by(|a, b| a.id.cmp(&b.id));
        let lists = lists::read(dir, records.iter().map(|r| r.id.as_str()))?;
        Ok(Self {
            records,
            scheme: Arc::clone(scheme),
            what,
            name: folder_name(dir),
            synthetic: is_rendered(dir),
            lists,
        })
    }

    /// The check of such faces.
    pub(super) fn check(what: &str, dir: &Path, scheme: &Scheme, read: Vec<Result<Record>>) -> CheckReport {
        let mut report = CheckReport::of(what);
        let sound = report.decoded(read, |f| f);
        report.fact("faces", sound.len());
        // names of broken faces are not to be missed twice
        if report.problems.is_empty()
            && let Err(e) = lists::read(dir, sound.iter().map(|r| r.id.as_str()))
        {
            report.problems.push(e);
        }
        report.fact("points", format!("{} each", scheme.len()));
        report.hidden(sound.iter().map(|r| &r.points));
        report.outside(sound.iter());
        report.sizes(sound.iter());
        report
    }

    /// The faces that train and those that validate, of all that are not kept for a test.
    fn fit_and_val(&self) -> (Vec<usize>, Vec<usize>) {
        let listed = |split, i: &usize| self.lists.get(&split).is_some_and(|list| list.contains(i));
        let rest: Vec<usize> = (0..self.len()).filter(|i| !listed(Split::Test, i)).collect();
        if self.lists.contains_key(&Split::Val) {
            return rest.into_iter().partition(|i| !listed(Split::Val, i));
        }
        let people = people(rest.iter().map(|&i| &self.records[i]).map(|r| (r.subject.as_deref(), r.path.as_path())));
        let count = people.iter().max().map_or(0, |last| last + 1);
        let chosen: BTreeSet<usize> = fit_and_val(&(0..count).collect::<Vec<_>>()).1.into_iter().collect();
        let (val, fit): (Vec<_>, Vec<_>) =
            rest.into_iter().zip(people).partition(|(_, person)| chosen.contains(person));
        (fit.into_iter().map(|(i, _)| i).collect(), val.into_iter().map(|(i, _)| i).collect())
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

    fn source(&self, i: usize) -> Option<&Source> {
        self.records.get(i)?.source.as_ref()
    }

    fn split(&self, split: Split) -> Result<Vec<usize>> {
        let tests = self.lists.get(&Split::Test);
        let (fit, val) = self.fit_and_val();
        match split {
            Split::All => Ok((0..self.len()).collect()),
            Split::Train => {
                let mut train = [fit, val].concat();
                train.sort_unstable();
                Ok(train)
            }
            Split::Fit if fit.is_empty() => Err(Split::none_left(self.len(), &self.describe())),
            Split::Fit => Ok(fit),
            Split::Val => Ok(val),
            Split::Test if tests.is_some() => Ok(tests.into_iter().flatten().copied().collect()),
            Split::Test | Split::Common | Split::Challenging | Split::Full => Err(Error::Invalid(format!(
                "expected a split of a {} (train, fit, val, all, or test with test.txt), got {}",
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
