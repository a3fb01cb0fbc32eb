//! `facekp datasets split`: lists of the faces that validate and test.

use crate::output::{Usage, say};
use anyhow::{Result, bail};
use clap::ValueEnum;
use facekp_data::{
    Split,
    datasets::{
        find_first,
        lists::{self, Together},
    },
};
use std::path::PathBuf;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder of the data, where the lists are written.
    dir: PathBuf,
    /// The share of the faces that validate.
    #[arg(long, default_value_t = 0.1, value_parser = parse_share)]
    val: f64,
    /// The share of the faces that are kept for a last test, and neither train nor validate.
    #[arg(long, default_value_t = 0.0, value_parser = parse_share)]
    test: f64,
    /// What stays together: a person's faces where the data name people, a folder's, or a picture's.
    #[arg(long, value_enum, default_value_t = By::Subject)]
    by: By,
    /// Random seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    Subject,
    Folder,
    File,
}

fn parse_share(s: &str) -> Result<f64, String> {
    let share = s.parse::<f64>().ok().filter(|share| (0.0..1.0).contains(share));
    share.ok_or_else(|| format!("expected a share from 0 to below 1, got {s:?}"))
}

pub(super) fn run(a: &Args) -> Result<()> {
    if a.val + a.test <= 0.0 || a.val + a.test >= 1.0 {
        let got = a.val + a.test;
        return Err(Usage(format!("--val --test: expected shares of more than 0 and less than 1, got {got}")).into());
    }
    let together = match a.by {
        By::Subject => Together::Subject,
        By::Folder => Together::Folder,
        By::File => Together::File,
    };
    let found = find_first(&a.dir)?;
    let (dir, set) = (&found.path, found.open_plain()?);
    if !dir.is_dir() || (set.split(Split::Test).is_ok() && !dir.join("test.txt").exists()) {
        bail!("{}: expected a folder without splits of its own, got the {}", dir.display(), set.describe());
    }
    let pack = dir.with_file_name(format!("{}.fkpack", dir.file_name().unwrap_or_default().to_string_lossy()));
    if pack.is_file() {
        bail!("{}: expected no pack of the folder beside it: it goes before it, and keeps its splits", pack.display());
    }
    for (path, faces) in lists::write(set.as_ref(), dir, (a.val, a.test), together, a.seed)? {
        say(&format!("{}: {faces} of {} faces", path.display(), set.len()))?;
    }
    Ok(())
}
