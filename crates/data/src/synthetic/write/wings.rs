//! Rendered wings as a points folder: pictures beside `.pts`, and a `scheme.toml` that says what the points are.

use super::{MARKER, picture, pts, save};
use crate::{
    error::{Error, Result},
    io::whole_folder,
    synthetic::wing::{LANDMARKS, render},
};
use rayon::prelude::*;
use std::path::Path;

/// The most keypoints that a rendered wing has.
pub const MOST_WING_POINTS: u16 = 1000;

/// Writes `count` pictures of insect wings with `points` keypoints each to the new folder `out`: `wing_00000.jpg`
/// beside `wing_00000.pts`, and so on, and their scheme as `scheme.toml`. The first 16 points are landmarks (root, tip,
/// ends and crossings of veins), the others are spread evenly along the outline. The folder appears when all is
/// written, or not at all.
///
/// # Errors
/// When `out` holds something already, `count` is 0, `points` is 0 or above [`MOST_WING_POINTS`], or a file cannot be
/// written.
pub fn write_wings(points: usize, count: usize, out: &Path, seed: u64) -> Result<()> {
    if count == 0 {
        return Err(Error::Invalid("rendered wings: expected a count of 1 or more, got 0".into()));
    }
    if !(1..=usize::from(MOST_WING_POINTS)).contains(&points) {
        return Err(Error::Invalid(format!("rendered wings: expected 1 to {MOST_WING_POINTS} points, got {points}")));
    }
    whole_folder(out, |dir| {
        (0..count).into_par_iter().try_for_each(|i| {
            let wing = render(seed, i, points);
            picture(&dir.join(format!("wing_{i:05}.jpg")), &wing.image, false)?;
            save(&dir.join(format!("wing_{i:05}.pts")), pts(&wing.points).as_bytes())
        })?;
        save(&dir.join("scheme.toml"), scheme(points).as_bytes())?;
        let text = format!("rendered wings, no photographs: {points} points, {count} pictures, seed {seed}\n");
        save(&dir.join(MARKER), text.as_bytes())
    })
}

/// The scheme of so many points, as TOML. It has no mirror: the leading edge is always the upper one.
fn scheme(points: usize) -> String {
    let group = |name: &str, first: usize, last: usize, outline: &str| {
        format!("    {{ name = \"{name}\", first = {first}, last = {last}, outline = \"{outline}\" }},\n")
    };
    let landmarks = group("landmarks", 0, points.min(LANDMARKS) - 1, "none");
    let outline = if points > LANDMARKS { group("outline", LANDMARKS, points - 1, "closed") } else { String::new() };
    format!(
        "name = \"wing{points}\"\npoints = {points}\ngroups = [\n{landmarks}{outline}]\n\n\
         [normalizer]\nname = \"box's diagonal\"\nbox = \"diagonal\"\n"
    )
}
