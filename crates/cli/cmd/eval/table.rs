//! What `eval` prints.

use facekp_eval::{Summary, metrics::Boxes};

/// A row per summary.
pub(super) fn of(summaries: &[Summary]) -> String {
    let name = |s: &Summary| if s.boxes == Boxes::Found { format!("{}, found", s.split) } else { s.split.clone() };
    let fraction = |v: Option<f64>| v.map_or("      –".into(), |v| format!("{v:.5}"));
    let mut lines = vec![format!(
        "{:<18}{:>6}{:>10}{:>11}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
        "split", "faces", "mean px", "median px", "NME", "NME pup.", "AUC@8", "FR@8", "AUC@10", "FR@10"
    )];
    for s in summaries {
        lines.push(format!(
            "{:<18}{:>6}{:>10.4}{:>11.4}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
            name(s),
            s.faces,
            s.mean_px,
            s.median_px,
            fraction(s.nme),
            fraction(s.nme_pupil),
            fraction(s.auc_08),
            fraction(s.fr_08),
            fraction(s.auc_10),
            fraction(s.fr_10)
        ));
    }
    if let Some(s) = summaries.first() {
        let left_out = summaries.iter().filter_map(|s| Some(format!("{}: {}", s.split, s.left_out()?)));
        lines.extend(left_out);
        lines.extend(summaries.windows(2).filter_map(|pair| beside(&pair[0], &pair[1])));
        lines.push(format!("NME: {}; errors in pixels of the original pictures", s.normalizer));
    }
    lines.join("\n")
}

/// What found boxes cost, beside the same split with annotated ones.
fn beside(annotated: &Summary, found: &Summary) -> Option<String> {
    let missed = found.faces - found.found.filter(|_| annotated.boxes == Boxes::Annotated)?;
    let times = annotated.nme.zip(found.nme).map(|(a, f)| format!(", NME {:.3} times that in annotated ones", f / a));
    Some(format!(
        "{}, found: in the boxes of the face finder{}; {missed} of {} faces not found: failures, in no mean",
        found.split,
        times.unwrap_or_default(),
        found.faces
    ))
}
