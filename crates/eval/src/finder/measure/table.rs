//! A summary as tables and as a curve, for the terminal and for the page.

use super::{FinderSummary, SizePart};
use crate::error::Result;
use crate::plot::{Axes, Series, lines_svg};

/// A table in words; all columns but the first are numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct FinderTable {
    /// Titles of the columns.
    pub head: Vec<&'static str>,
    /// Rows of as many cells.
    pub rows: Vec<Vec<String>>,
}

const HEAD: [&str; 6] = ["size of face", "faces", "found", "recall", "false alarms", "precision"];

impl FinderSummary {
    /// Every class of sizes, and all.
    pub fn size_table(&self) -> FinderTable {
        let name = |part: &SizePart| match part.to {
            Some(to) if part.from == 0.0 => format!("below {to} px"),
            Some(to) => format!("{} to {to} px", part.from),
            None => format!("{} px and more", part.from),
        };
        let mut rows: Vec<_> = self.by_size.iter().map(|part| row(name(part), part)).collect();
        let all = SizePart::new(0.0, None, self.faces, self.found, self.false_alarms);
        rows.push(row("all".into(), &all));
        FinderTable { head: HEAD.to_vec(), rows }
    }

    /// Every least size, with the average precision.
    pub fn limit_table(&self) -> FinderTable {
        let areas = self.average_precision.values();
        let rows = self.at_least.iter().zip(areas).map(|(part, area)| {
            let mut cells = row(format!("{} px and more", part.from), part);
            cells.push(number(*area));
            cells
        });
        FinderTable { head: [&HEAD[..], &["average precision"]].concat(), rows: rows.collect() }
    }

    /// How the average precision was made, in words.
    pub fn about_areas(&self) -> String {
        format!(
            "Average precision: area under the curve of precision over recall as the least score falls, the precision \
             at each recall being the greatest at that recall or more. The finder looks at no score below {}: what it \
             would find there counts as missed. All other numbers are those of faces with a score above {}.",
            super::LEAST_CANDIDATE,
            self.score
        )
    }

    /// The curves as SVG text.
    ///
    /// # Errors
    /// When there is no face of any of the least sizes.
    pub fn curve_svg(&self) -> Result<String> {
        let (axes, series) = self.plot();
        lines_svg(&axes, &series)
    }

    pub(crate) fn plot(&self) -> (Axes, Vec<Series>) {
        let line = |(least, curve): (&u32, &Vec<super::CurvePoint>)| {
            let (first, last) = (curve.first()?, curve.last()?);
            let inner = curve.iter().map(|p| (p.recall, p.precision));
            // nothing is found beyond the last recall
            let points = [(0.0, first.precision)].into_iter().chain(inner).chain([(last.recall, 0.0), (1.0, 0.0)]);
            let area = number(self.average_precision.get(least).copied().flatten());
            Some(Series { name: format!("{least}+: {area}"), points: points.collect() })
        };
        let axes = Axes {
            title: "Average precision by least size in px".into(),
            x: "recall".into(),
            y: "precision".into(),
            log_y: false,
        };
        (axes, self.curves.iter().filter_map(line).collect())
    }
}

fn row(name: String, part: &SizePart) -> Vec<String> {
    vec![
        name,
        part.faces.to_string(),
        part.found.to_string(),
        number(part.recall),
        part.false_alarms.to_string(),
        number(part.precision),
    ]
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), |v| format!("{v:.3}"))
}
