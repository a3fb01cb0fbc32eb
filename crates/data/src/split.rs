//! The parts of a dataset.

use crate::error::Error;

/// A part of a dataset, named as on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// IMM: people 1–32 (192 pictures). iBUG: all training faces (afw, helen/trainset, lfpw/trainset).
    Train,
    /// iBUG and lists of faces: the training faces without those of `Val` (for IMM the same as `Train`).
    Fit,
    /// IMM: people 33–40 (48 pictures). iBUG and lists of faces: every tenth training face in the order of ids, for
    /// choosing settings; those of `val.txt` where there is one.
    Val,
    /// IMM: same as `Val`. iBUG: same as `Full`. Lists of faces: those of `test.txt`.
    Test,
    /// The faces of helen/testset and lfpw/testset (iBUG alone).
    Common,
    /// The faces of the folder ibug (iBUG alone).
    Challenging,
    /// `Common` and `Challenging` together (iBUG alone).
    Full,
    /// All faces.
    All,
}

impl Split {
    /// All parts, in the order of the documentation.
    pub const ALL: [Self; 8] =
        [Self::Train, Self::Fit, Self::Val, Self::Test, Self::Common, Self::Challenging, Self::Full, Self::All];

    /// The error of a split that is empty since validation took all of `pictures`.
    pub(crate) fn none_left(pictures: usize, whose: &str) -> Error {
        let s = if pictures == 1 { "" } else { "s" };
        Error::Invalid(format!("{whose}: {pictures} picture{s}: none left to train on beside the validation faces"))
    }

    /// The name on the command line and in recipes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Fit => "fit",
            Self::Val => "val",
            Self::Test => "test",
            Self::Common => "common",
            Self::Challenging => "challenging",
            Self::Full => "full",
            Self::All => "all",
        }
    }
}

/// Training faces, in the order of ids, without and with every tenth.
pub(crate) fn fit_and_val(train: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let pick =
        |tenth: bool| train.iter().enumerate().filter(|(k, _)| (k % 10 == 0) == tenth).map(|(_, &i)| i).collect();
    (pick(false), pick(true))
}

impl std::str::FromStr for Split {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|x| x.name() == s)
            .ok_or_else(|| format!("expected one of {}, got {s:?}", Self::ALL.map(Self::name).join(", ")))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_read_back() {
        for split in Split::ALL {
            assert_eq!(split.name().parse::<Split>(), Ok(split));
        }
        let error = "trian".parse::<Split>().unwrap_err();
        assert!(error.contains("train, fit, val") && error.contains("\"trian\""), "{error}");
    }
}
