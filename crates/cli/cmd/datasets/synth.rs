//! `facekp datasets synth`: rendered faces, and insect wings with as many keypoints as one asks for.

use crate::output::{Usage, say};
use anyhow::Result;
use clap::ValueEnum;
use facekp_data::synthetic::{self, FaceSet, MOST_WING_POINTS};
use std::{num::NonZeroUsize, path::PathBuf};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What is rendered, and the format of its files.
    #[arg(long)]
    scheme: Scheme,
    /// With `wing`: how many keypoints, 1 to 1000 [default: 24].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_WING_POINTS)))]
    points: Option<u16>,
    /// How many pictures.
    #[arg(long)]
    count: NonZeroUsize,
    /// A folder that does not exist yet or is empty.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Random seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// What can be rendered.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Scheme {
    /// Faces with IMM's 58 points, .jpg and .asf.
    Imm58,
    /// Faces with iBUG's 68 points, .jpg, .pts and XML.
    Ibug68,
    /// Insect wings with any number of points, .jpg, .pts and scheme.toml.
    Wing,
}

/// The keypoints of a wing where no number is given.
const WING_POINTS: usize = 24;

pub(super) fn run(a: &Args) -> Result<()> {
    let (what, points) = match (a.scheme, a.points) {
        (Scheme::Wing, points) => ("wings", wings(points.map_or(WING_POINTS, usize::from), a)?),
        (_, Some(_)) => return Err(Usage("--points: expected with --scheme wing only".into()).into()),
        (Scheme::Imm58, None) => ("faces", faces(FaceSet::Imm, a)?),
        (Scheme::Ibug68, None) => ("faces", faces(FaceSet::Ibug, a)?),
    };
    say(&format!("{}: {} rendered {what}, {points} points each", a.out.display(), a.count))
}

/// Renders wings and returns the number of their points.
fn wings(points: usize, a: &Args) -> Result<usize> {
    synthetic::write_wings(points, a.count.get(), &a.out, a.seed)?;
    Ok(points)
}

/// Renders faces and returns the number of their points.
fn faces(set: FaceSet, a: &Args) -> Result<usize> {
    synthetic::write_dataset(set, a.count.get(), &a.out, a.seed)?;
    Ok(set.scheme().len())
}
