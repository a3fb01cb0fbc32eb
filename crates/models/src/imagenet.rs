//! Where torchvision's trunks with ImageNet weights come from.

use crate::error::Result;
use facekp_data::datasets::fetch::{self, Known};
use std::path::{Path, PathBuf};

/// One file of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// What `init_from` calls it.
    pub name: &'static str,
    /// The file's address; its name ends in the first digits of its hash.
    pub url: &'static str,
    /// What the file is known to be.
    pub known: Known,
}

/// The files that can be fetched, under torchvision's licence (BSD-3-Clause): `IMAGENET1K_V1` of each depth.
/// MobileNetV2 comes with the program.
pub const SOURCES: [Source; 3] = [
    Source {
        name: "resnet18_imagenet",
        url: "https://download.pytorch.org/models/resnet18-f37072fd.pth",
        known: Known {
            bytes: Some(46_830_571),
            sha256: Some("f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec"),
        },
    },
    Source {
        name: "resnet34_imagenet",
        url: "https://download.pytorch.org/models/resnet34-b627a593.pth",
        known: Known { bytes: None, sha256: Some("b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f") },
    },
    Source {
        name: "resnet50_imagenet",
        url: "https://download.pytorch.org/models/resnet50-0676ba61.pth",
        known: Known {
            bytes: Some(102_530_333),
            sha256: Some("0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a"),
        },
    },
];

/// The source called `name`.
pub fn source(name: &str) -> Option<Source> {
    SOURCES.into_iter().find(|s| s.name == name)
}

/// Downloads a file of weights into the folder `dest`, where [`crate::locate()`] finds it by its name if that is a
/// `weights` folder; a file that is there already is left alone. `url` replaces the source's own; `progress` is given
/// the bytes so far and in all.
///
/// # Errors
/// When the download fails (what came is kept, and continued the next time), or size or hash are not the known ones.
pub fn fetch(
    source: &Source,
    dest: &Path,
    url: Option<&str>,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<PathBuf> {
    let file = dest.join(format!("{}.pth", source.name));
    fetch::file(url.unwrap_or(source.url), &file, source.known, progress)?;
    Ok(file)
}
