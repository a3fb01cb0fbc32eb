//! Finds the datasets of the chain, or renders faces in their stead.

use crate::{jobs::Profile, run};
use anyhow::Result;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A dataset that jobs need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Imm,
    Ibug,
}

impl Need {
    /// Its name for readers.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Imm => "The IMM face database",
            Self::Ibug => "iBUG 300-W",
        }
    }

    /// Whether the dataset is in `data` or below it, by what the folders hold, as the readers see it.
    fn find(self, data: &Path) -> bool {
        let children = std::fs::read_dir(data).into_iter().flatten().filter_map(|e| Some(e.ok()?.path()));
        let named = children.filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with(self.folder())));
        std::iter::once(data.to_path_buf()).chain(named).any(|d| match self {
            Self::Imm => holds(&d, "", ".asf"),
            Self::Ibug => holds(&d, "labels_ibug_300W", ".xml"),
        })
    }

    fn scheme(self) -> &'static str {
        match self {
            Self::Imm => "imm58",
            Self::Ibug => "ibug68",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Imm => "imm_face_db",
            Self::Ibug => "ibug_300W",
        }
    }
}

fn holds(dir: &Path, start: &str, end: &str) -> bool {
    let fits = |name: &str| name.starts_with(start) && name.ends_with(end);
    std::fs::read_dir(dir).is_ok_and(|mut l| l.any(|e| e.is_ok_and(|e| fits(&e.file_name().to_string_lossy()))))
}

/// The folder of a dataset, rendered below `out` when it is not in `data`; and whether it was.
pub fn provide(program: &Path, need: Need, data: &Path, out: &Path, profile: Profile) -> Result<(PathBuf, bool)> {
    if need.find(data) {
        return Ok((data.to_path_buf(), false));
    }
    let rendered = out.join("rendered");
    let folder = rendered.join(need.folder());
    if !folder.is_dir() {
        let count = match (profile, need) {
            (Profile::Smoke, _) => "60",
            (_, Need::Imm) => "240",
            (Profile::Quick, Need::Ibug) => "1200",
            (Profile::Full, Need::Ibug) => "2700",
        };
        let mut c = Command::new(program);
        c.args(["datasets", "synth", "--scheme", need.scheme(), "--count", count, "--out"]).arg(&folder);
        run::step("rendered faces", &mut c)?;
    }
    Ok((rendered, true))
}
