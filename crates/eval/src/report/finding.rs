//! How well the face finder finds faces: its section of the page.

use super::{album::Album, html::Html};
use crate::error::Result;
use crate::finder::FinderSummary;

/// Writes the section.
pub(super) fn render(h: &mut Html, found: &FinderSummary, album: &Album) -> Result<()> {
    let mut done = Ok(());
    h.el("section", &[("id", "finding")], |h| {
        h.leaf("h2", &[], "Finding faces");
        h.leaf("p", &[], &format!("{}. {}", found.data, found.criterion));
        let table = found.size_table();
        h.table(1, &table.head, &table.rows);
        h.leaf("h3", &[], "From a least size on");
        let table = found.limit_table();
        h.table(1, &table.head, &table.rows);
        h.leaf("p", &[("class", "soft")], &found.about_areas());
        let (axes, series) = found.plot();
        if series.is_empty() {
            return;
        }
        let caption = "A line for each least size: 16+ are faces of 16 px and more, with the average precision, the \
                       area below. Along a line the least score falls from left to right; where it drops to 0 the \
                       finder has nothing more to report.";
        done = album.lines(h, "curve", &axes, &series, caption);
    });
    done
}
