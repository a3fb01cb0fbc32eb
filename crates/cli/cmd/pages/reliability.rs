//! Whether points are off by as much as their network expects, seen and hidden.

use super::{number, plot, subject::Measured, table};
use anyhow::Result;
use candle_vision_helpers::Rect;
use facekp_data::{Dataset, Split};
use facekp_eval::{
    Hidden, Hider, Prediction, Reliability,
    plot::{Axes, Series},
};
use std::{collections::BTreeMap, path::Path, sync::Arc};

const TITLE: &str = "\n## Expected errors\n\nThe `sigma` of a point is the distance from where it is that its map's \
    spread lets one expect, measured by `facekp calibrate` on the validation faces. Here the points of the 689 test \
    faces, in parts of equal size by that expectation, with the mean of what was expected and of what was measured; \
    both are divided by the distance of the outer eye corners.";

const HIDDEN: &str = "\nHidden points are expected to be off by more. Here the same faces twice: with a rectangle of \
    one color before a quarter of the box, at any place in it, and with pictures that end at one of their four sides \
    so that a quarter of the box lies beyond; the points in the hidden part and the others, with what was expected \
    and measured before and behind that.\n\n";

/// Into how many parts the points are divided.
const BINS: usize = 20;
/// How far from what was expected the mean of a part may lie, as a part of it.
const NEAR: f64 = 0.2;

/// What a network expects of the test points, and what they have.
pub(super) struct Expected {
    name: String,
    /// The points in parts, the surest first.
    bins: Vec<Reliability>,
    hidden: Vec<Row>,
}

/// Points of faces that were hidden in part.
struct Row {
    points: &'static str,
    /// On the faces as they are.
    before: Reliability,
    after: Reliability,
}

/// The test points of a network; `None` where it was not calibrated, or the data have no test faces.
pub(super) fn of(name: &str, measured: &Measured) -> Result<Option<Expected>> {
    let Measured { predictor, data, flip, .. } = measured;
    let Some(faces) = data.split(Split::Full).ok().filter(|_| predictor.is_calibrated()) else { return Ok(None) };
    let seen = predictor.predict_dataset(data.clone(), &faces, *flip)?;
    let mut hidden = Vec::new();
    for (by, names) in
        [(Hider::Cover, ["under the rectangle", "beside it"]), (Hider::Border, ["beyond the picture", "within it"])]
    {
        let dataset = Arc::new(Hidden::new(data.clone(), by));
        let parts = faces.iter().map(|&i| Ok((i, dataset.part(i)?)));
        let parts = parts.collect::<Result<BTreeMap<usize, Rect>>>()?;
        let after = predictor.predict_dataset(dataset, &faces, *flip)?;
        for (points, inside) in names.into_iter().zip([true, false]) {
            let of = |predictions: &[Prediction]| {
                Reliability::of_points(predictions, unit, |p, at| parts[&p.index].contains(at) == inside)
            };
            hidden.extend(of(&seen).zip(of(&after)).map(|(before, after)| Row { points, before, after }));
        }
    }
    Ok(Some(Expected { name: name.to_owned(), bins: Reliability::of(&seen, BINS, unit), hidden }))
}

/// The length that errors are divided by.
fn unit(p: &Prediction) -> Option<f64> {
    p.scale.normalizer
}

/// The tables and, beside the page in `folder`, the curve.
pub(super) fn section(all: &[Expected], folder: &Path) -> Result<String> {
    let Some(most) = all.iter().flat_map(|e| &e.bins).map(|b| b.expected).reduce(f64::max) else {
        return Ok(String::new());
    };
    let numbers = |b: &Reliability| [(b.expected, 4), (b.measured, 4), (b.measured / b.expected, 2)];
    let cells = |b: &Reliability| numbers(b).map(|(value, digits)| number(Some(value), digits));
    let rows = all.iter().flat_map(|e| e.bins.iter().map(|b| (e, b)));
    let rows: Vec<Vec<String>> =
        rows.map(|(e, b)| [e.name.clone(), b.points.to_string()].into_iter().chain(cells(b)).collect()).collect();
    let head = ["network", "points", "expected", "measured", "measured / expected"];
    let curve = |e: &Expected| Series {
        name: e.name.clone(),
        points: e.bins.iter().map(|b| (b.expected, b.measured)).collect(),
    };
    let just = Series { name: "as expected".into(), points: vec![(0.0, 0.0), (most, most)] };
    let series: Vec<Series> = all.iter().map(curve).chain([just]).collect();
    let title = "Measured over expected errors of points".to_owned();
    let (x, y) = ("expected, over the eye distance".to_owned(), "measured".to_owned());
    let shown = plot(folder, "sigma", &Axes { title, x, y, log_y: false }, &series)?;
    let text = format!("{TITLE}{}\n\n", all.iter().map(judged).collect::<String>());
    Ok(text + &table(&head, &rows) + &shown + &hidden(all))
}

/// In how many of its parts a network is near.
fn judged(e: &Expected) -> String {
    let near = e.bins.iter().filter(|b| (b.measured / b.expected - 1.0).abs() <= NEAR).count();
    format!(" Of `{}` {near} of {} parts lie within {:.0} % of what was expected.", e.name, e.bins.len(), 100.0 * NEAR)
}

/// The points of faces that were hidden in part.
fn hidden(all: &[Expected]) -> String {
    let row = |name: &str, Row { points, before, after }: &Row| {
        let numbers = [before.expected, before.measured, after.expected, after.measured].map(|v| number(Some(v), 4));
        [name.to_owned(), (*points).to_owned(), after.points.to_string()].into_iter().chain(numbers).collect()
    };
    let rows: Vec<Vec<String>> = all.iter().flat_map(|e| e.hidden.iter().map(|r| row(&e.name, r))).collect();
    let head = ["network", "which", "points", "expected", "measured", "expected, hidden", "measured, hidden"];
    if rows.is_empty() { String::new() } else { HIDDEN.to_owned() + &table(&head, &rows) }
}
