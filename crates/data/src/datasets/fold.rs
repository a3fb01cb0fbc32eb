//! Cross-validation: one of several equal parts of the training faces is held out.

use crate::{
    dataset::{Dataset, Frame},
    datasets::people::people_of,
    error::{Error, Result},
    sample::{Annotation, Sample},
    scheme::Scheme,
    split::Split,
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};

/// More parts than anybody trains networks for.
const MOST: usize = 100;

/// Part `part` of `of`, written `2/5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fold {
    part: usize,
    of: usize,
}

impl Fold {
    /// Each of `of` parts.
    ///
    /// # Errors
    /// When there are fewer than 2 or more than 100.
    pub fn all(of: usize) -> Result<Vec<Self>, String> {
        if !(2..=MOST).contains(&of) {
            return Err(format!("expected 2 to {MOST} folds, got {of}"));
        }
        Ok((1..=of).map(|part| Self { part, of }).collect())
    }

    /// What names of runs carry: `fold2of5`.
    pub fn slug(self) -> String {
        format!("fold{}of{}", self.part, self.of)
    }
}

impl FromStr for Fold {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let numbers: Option<(usize, usize)> =
            s.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        let Some((part, of)) = numbers else { return Err(format!("expected K/N, such as 2/5, got {s:?}")) };
        match Self::all(of)?.into_iter().find(|fold| fold.part == part) {
            Some(fold) => Ok(fold),
            None => Err(format!("expected a fold from 1 to {of}, got {part}")),
        }
    }
}

impl TryFrom<String> for Fold {
    type Error = String;

    fn try_from(s: String) -> Result<Self, String> {
        s.parse()
    }
}

impl From<Fold> for String {
    fn from(fold: Fold) -> Self {
        fold.to_string()
    }
}

impl fmt::Display for Fold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

/// The dataset with that part of its training faces as `val`, and the others as `train` and `fit`: every person, or
/// where nobody is named every picture, is in one part, in the order of the training faces.
///
/// # Errors
/// When the dataset has no training faces, or fewer people than parts, or an annotation cannot be read.
pub fn hold_out(inner: Box<dyn Dataset>, fold: Fold) -> Result<Box<dyn Dataset>> {
    let train = inner.split(Split::Train)?;
    let people = people_of(inner.as_ref(), &train)?;
    let count = people.iter().max().map_or(0, |last| last + 1);
    if count < fold.of {
        let (set, of) = (inner.describe(), fold.of);
        let reason = format!("{set}: expected {of} people or pictures to train on, one for each fold, got {count}");
        return Err(Error::Invalid(reason));
    }
    let is_held = |person: usize| person % fold.of == fold.part - 1;
    let (held, kept): (Vec<_>, Vec<_>) = train.into_iter().zip(people).partition(|(_, person)| is_held(*person));
    let indices = |part: Vec<(usize, usize)>| part.into_iter().map(|(i, _)| i).collect();
    Ok(Box::new(Folded { inner, fold, held: indices(held), kept: indices(kept) }))
}

struct Folded {
    inner: Box<dyn Dataset>,
    fold: Fold,
    held: Vec<usize>,
    kept: Vec<usize>,
}

impl Dataset for Folded {
    fn scheme(&self) -> &Arc<Scheme> {
        self.inner.scheme()
    }

    fn len(&self) -> usize {
        self.inner.len()
    }

    fn get(&self, i: usize) -> Result<Sample> {
        self.inner.get(i)
    }

    fn annotation(&self, i: usize) -> Result<Annotation> {
        self.inner.annotation(i)
    }

    fn frame(&self) -> Frame {
        self.inner.frame()
    }

    fn split(&self, split: Split) -> Result<Vec<usize>> {
        match split {
            Split::Train | Split::Fit => Ok(self.kept.clone()),
            Split::Val => Ok(self.held.clone()),
            _ => self.inner.split(split),
        }
    }

    fn describe(&self) -> String {
        format!("{}, fold {}", self.inner.describe(), self.fold)
    }

    fn is_synthetic(&self) -> bool {
        self.inner.is_synthetic()
    }
}
