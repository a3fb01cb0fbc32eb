//! A scheme for points that nobody has described: how many there are, and which swap in a mirror.

use crate::{
    dataset::Dataset,
    error::{Error, Result},
    scheme::Scheme,
};
use candle_vision_helpers::Point;
use std::{path::Path, sync::Arc};

/// A proposed scheme, and what speaks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The scheme.
    pub scheme: Scheme,
    /// What was found, a sentence each.
    pub evidence: Vec<String>,
}

/// Largest residual of the mirrored mean shape, in sides of the box, of points that swap: annotators' noise and a set
/// that looks more to one side stay below.
const LARGEST: f64 = 0.03;

/// Proposes a scheme called `name` for the points of `set`: named and grouped as in its own scheme, with mirror pairs
/// by the least residual of the mirrored mean shape, or none where that says so, and errors divided by the box's
/// diagonal where the scheme divides by nothing.
///
/// # Errors
/// When an annotation cannot be read, a point is marked on no object, or the name cannot be one.
pub fn propose(set: &dyn Dataset, name: &str) -> Result<Proposal> {
    let mean = mean_shape(set)?;
    let identity: Vec<usize> = (0..mean.len()).collect();
    let (pairs, residual) = pairs(&mean);
    let percent = |v: f64| format!("{:.1} % of the box's side", 100.0 * v);
    let (count, objects) = (mean.len(), set.len());
    let (found, kept) = (percent(residual), percent(residual_of(&mean, &identity, axis(&mean, &identity))));
    let swaps = pairs.iter().enumerate().any(|(i, &j)| i != j);
    let mut evidence = vec![format!("{count} points, marked on {objects} objects")];
    let mirror = (residual < LARGEST && swaps).then(|| pairs.iter().enumerate().filter(|(i, j)| i < *j));
    evidence.push(match &mirror {
        Some(_) => format!("mirrored, the mean shape lies {found} from itself with these pairs, {kept} without"),
        None => format!("no mirror pairs: mirrored, the mean shape lies {found} from itself at best"),
    });
    let mut table = toml::Table::try_from(set.scheme().as_ref()).map_err(|e| Error::Invalid(format!("{name}: {e}")))?;
    table.insert("name".to_owned(), name.into());
    table.remove("part_of");
    match mirror {
        Some(pairs) => {
            let pairs = pairs.map(|(i, &j)| toml::Value::from(vec![i as i64, j as i64])).collect::<Vec<_>>();
            table.insert("mirror".to_owned(), pairs.into());
        }
        None => drop(table.remove("mirror")),
    }
    if set.scheme().normalizer().is_none() || set.scheme().part_of().is_some() {
        let normalizer = [("name", "box's diagonal"), ("box", "diagonal")].map(|(k, v)| (k.to_owned(), v.into()));
        table.insert("normalizer".to_owned(), toml::Table::from_iter(normalizer).into());
        table.remove("normalizer_pupil");
    }
    Ok(Proposal { scheme: Scheme::from_toml(Path::new(name), &table.to_string())?, evidence })
}

/// A scheme that says nothing but how many points there are.
pub(crate) fn plain(count: usize) -> Result<Arc<Scheme>> {
    let text = format!("name = \"points{count}\"\npoints = {count}\n");
    Scheme::from_toml(Path::new("points"), &text).map(Arc::new)
}

/// The mean of each point over the objects that show it, in sides of the object's box from its center.
fn mean_shape(set: &dyn Dataset) -> Result<Vec<Point>> {
    let mut sums = vec![(Point::default(), 0usize); set.scheme().len()];
    for i in 0..set.len() {
        let face = set.annotation(i)?;
        let (center, side) = (face.face.center(), (face.face.width * face.face.height).sqrt());
        for ((sum, count), (p, shown)) in sums.iter_mut().zip(face.points.points().iter().zip(face.points.visible())) {
            if *shown {
                *sum = Point::new(sum.x + (p.x - center.x) / side, sum.y + (p.y - center.y) / side);
                *count += 1;
            }
        }
    }
    let mean = |(i, (sum, count)): (usize, &(Point, usize))| match *count {
        0 => Err(Error::Invalid(format!("point {i}: expected it on one object at least, got it hidden on all"))),
        n => Ok(Point::new(sum.x / n as f64, sum.y / n as f64)),
    };
    sums.iter().enumerate().map(mean).collect()
}

/// Where the mirror stands that fits pairs best.
fn axis(shape: &[Point], pairs: &[usize]) -> f64 {
    pairs.iter().zip(shape).map(|(&j, p)| (p.x + shape[j].x) / 2.0).sum::<f64>() / shape.len().max(1) as f64
}

fn mirrored(p: Point, axis: f64) -> Point {
    Point::new(2.0 * axis - p.x, p.y)
}

/// The root of the mean squared distance of mirrored points from those that they become.
fn residual_of(shape: &[Point], pairs: &[usize], axis: f64) -> f64 {
    let square = |(p, &j): (&Point, &usize)| mirrored(*p, axis).distance(shape[j]).powi(2);
    (shape.iter().zip(pairs).map(square).sum::<f64>() / shape.len().max(1) as f64).sqrt()
}

/// What each point becomes in a mirror, the nearest pairs first, and their residual.
fn pairs(shape: &[Point]) -> (Vec<usize>, f64) {
    let mut image: Vec<usize> = (0..shape.len()).collect();
    // where the mirror stands is known better once there are pairs
    for _ in 0..3 {
        let at = axis(shape, &image);
        let mut all: Vec<(f64, usize, usize)> = Vec::with_capacity(shape.len() * (shape.len() + 1) / 2);
        for i in 0..shape.len() {
            all.extend((i..shape.len()).map(|j| (mirrored(shape[i], at).distance(shape[j]), i, j)));
        }
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let mut free = vec![true; shape.len()];
        for (_, i, j) in all {
            if free[i] && free[j] {
                (free[i], free[j]) = (false, false);
                (image[i], image[j]) = (j, i);
            }
        }
    }
    let residual = residual_of(shape, &image, axis(shape, &image));
    (image, residual)
}
