//! The check of iBUG 300-W: its parts counted, its lists compared with the `.pts`.

use super::{Boxes, Face, List, Part, read_all};
use crate::{
    datasets::report::CheckReport,
    error::{Error, Result},
};
use std::path::Path;

pub(super) fn check(dir: &Path) -> Result<CheckReport> {
    let mut report = CheckReport::of("iBUG 300-W");
    let sound = report.decoded(read_all(dir, Boxes::Tight)?, |f| &f.record);
    let count = |keep: &dyn Fn(&Face) -> bool| sound.iter().filter(|f| keep(f)).count();
    let part = |part: Part| count(&|f| f.part == part && !f.mirror);
    report.fact("faces", sound.len());
    report.fact("points", "68 each");
    report.fact("train", part(Part::Train));
    report.fact("common", part(Part::Common));
    report.fact("challenging", part(Part::Challenging));
    report.fact("full", part(Part::Common) + part(Part::Challenging));
    if part(Part::Other) > 0 {
        report.fact("outside the standard folders", part(Part::Other));
    }
    let mirrors = count(&|f| f.mirror);
    if mirrors > 0 {
        report.fact("mirror copies", format!("{mirrors} (left out of the parts above)"));
    }
    for (name, list) in [("train list", List::Train), ("test list", List::Test)] {
        let listed = count(&|f| f.list == Some(list));
        if listed > 0 {
            report.fact(name, listed);
        }
    }
    agreement(&mut report, &sound);
    report.hidden(sound.iter().map(|f| &f.record.points));
    report.outside(sound.iter().map(|f| &f.record));
    report.sizes(sound.iter().map(|f| &f.record));
    Ok(report)
}

/// Compares the points of faces that a list and a `.pts` both have. Both are rounded: the list to its decimals, the
/// `.pts` to three. A list in whole pixels is dlib's, where it is open whether the 1 was subtracted.
fn agreement(report: &mut CheckReport, faces: &[Face]) {
    let (mut both, mut largest) = (0, 0.0_f64);
    for face in faces {
        let Some((gap, decimals)) = face.gap else { continue };
        both += 1;
        largest = largest.max(gap);
        let rounding = if decimals == 0 { 1.5 } else { 0.5 * 0.1_f64.powi(decimals as i32) };
        let allowed = rounding + 0.0005 + 1e-9;
        if gap > allowed {
            let path = face.record.path.with_extension("pts");
            let expected = format!("the list's points within their rounding ({allowed:.4} px)");
            report.problems.push(Error::format(path, None, expected, format!("a difference of {gap:.4} px")));
        }
    }
    if both > 0 {
        report.fact("in both XML and .pts", format!("{both}, largest difference {largest:.4} px"));
    }
}
