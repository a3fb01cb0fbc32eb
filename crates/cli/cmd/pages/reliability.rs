//! Whether points are off by as much as their network expects.

use super::{number, plot, subject::Measured, table};
use anyhow::Result;
use facekp_data::Split;
use facekp_eval::{
    Prediction, Reliability,
    plot::{Axes, Series},
};
use std::path::Path;

const TITLE: &str = "\n## Expected errors\n\nThe `sigma` of a point is the distance from where it is that its map's \
    spread lets one expect, measured by `facekp calibrate` on the validation faces. Here the points of the 689 test \
    faces, in parts of equal size by that expectation, with the mean of what was expected and of what was measured; \
    both are divided by the distance of the outer eye corners. A network that was trained on its validation faces, as \
    `face68` was, promises a little too much.\n\n";

/// Into how many parts the points are divided.
const BINS: usize = 20;

/// A network's name and its test points by expected errors.
pub(super) type Bins = (String, Vec<Reliability>);

/// The test points of a network; `None` where it was not calibrated, or the data have no test faces.
pub(super) fn of(name: &str, measured: &Measured) -> Result<Option<Bins>> {
    let Measured { predictor, data, flip, .. } = measured;
    let Some(faces) = data.split(Split::Full).ok().filter(|_| predictor.is_calibrated()) else { return Ok(None) };
    let predictions = predictor.predict_dataset(data.clone(), &faces, *flip)?;
    let bins = Reliability::of(&predictions, BINS, |p: &Prediction| p.scale.normalizer);
    Ok(Some((name.to_owned(), bins)))
}

/// The table and, beside the page in `folder`, the curve.
pub(super) fn section(all: &[Bins], folder: &Path) -> Result<String> {
    let Some(most) = all.iter().flat_map(|(_, bins)| bins).map(|b| b.expected).reduce(f64::max) else {
        return Ok(String::new());
    };
    let row = |name: &str, b: &Reliability| {
        let numbers = [(b.expected, 4), (b.measured, 4), (b.measured / b.expected, 2)];
        let numbers = numbers.map(|(value, digits)| number(Some(value), digits));
        [name.to_owned(), b.points.to_string()].into_iter().chain(numbers).collect()
    };
    let rows: Vec<Vec<String>> = all.iter().flat_map(|(name, bins)| bins.iter().map(move |b| row(name, b))).collect();
    let head = ["network", "points", "expected", "measured", "measured / expected"];
    let curve = |(name, bins): &Bins| Series {
        name: name.clone(),
        points: bins.iter().map(|b| (b.expected, b.measured)).collect(),
    };
    let just = Series { name: "as expected".into(), points: vec![(0.0, 0.0), (most, most)] };
    let series: Vec<Series> = all.iter().map(curve).chain([just]).collect();
    let title = "Measured over expected errors of points".to_owned();
    let (x, y) = ("expected, over the eye distance".to_owned(), "measured".to_owned());
    let shown = plot(folder, "sigma", &Axes { title, x, y, log_y: false }, &series)?;
    Ok(TITLE.to_owned() + &table(&head, &rows) + &shown)
}
