//! A scheme for points that nobody has described: how many there are, and which swap in a mirror.

use crate::{
    dataset::Dataset,
    error::{Error, Result},
    scheme::Scheme,
};
use candle_vision_helpers::Point;

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
    let shapes = shapes(set)?;
    let (pairs, mean) = frontal(&shapes, set.scheme().len())?;
    let identity: Vec<usize> = (0..mean.len()).collect();
    let residual = |pairs: &[usize]| residual_of(&shown(&mean), pairs, axis(&mean, pairs));
    let percent = |v: f64| format!("{:.1} % of the box's side", 100.0 * v);
    let (count, objects, least) = (mean.len(), set.len(), residual(&pairs));
    let (found, kept) = (percent(least), percent(residual(&identity)));
    let swaps = pairs.iter().enumerate().any(|(i, &j)| i != j);
    let mut evidence = vec![format!("{count} points, marked on {objects} objects")];
    let is_mirror = least < LARGEST && swaps;
    evidence.push(if is_mirror {
        format!(
            "mirrored, the mean of the most symmetric half lies {found} from itself with these pairs, {kept} without"
        )
    } else {
        format!("no mirror pairs: mirrored, the mean of the most symmetric half lies {found} from itself at best")
    });
    let swapped = || pairs.iter().enumerate().filter(|(i, j)| i < *j).map(|(i, &j)| [i, j]).collect();
    Ok(Proposal { scheme: set.scheme().alone(name, is_mirror.then(swapped))?, evidence })
}

impl Proposal {
    /// The scheme's file, which begins with what speaks for it.
    ///
    /// # Errors
    /// When the scheme cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String> {
        let said: String = self.evidence.iter().map(|line| format!("# {line}\n")).collect();
        let scheme =
            toml::to_string(&self.scheme).map_err(|e| Error::Invalid(format!("{}: {e}", self.scheme.name())))?;
        Ok(said + &scheme)
    }
}

/// An object's points where it shows them, in sides of its box from its center.
type Shape = Vec<Option<Point>>;

fn shown(points: &[Point]) -> Shape {
    points.iter().copied().map(Some).collect()
}

fn shapes(set: &dyn Dataset) -> Result<Vec<Shape>> {
    let shape = |i| {
        let face = set.annotation(i)?;
        let (center, side) = (face.face.center(), (face.face.width * face.face.height).sqrt());
        let place = |p: &Point| Point::new((p.x - center.x) / side, (p.y - center.y) / side);
        let points = face.points.points().iter().zip(face.points.visible());
        Ok(points.map(|(p, shown)| shown.then(|| place(p))).collect())
    };
    (0..set.len()).map(shape).collect()
}

/// Mirror pairs and mean of the half of the objects that are the most symmetric: of faces, those that look straight,
/// since a set that looks more to one side has no symmetric mean.
fn frontal(shapes: &[Shape], count: usize) -> Result<(Vec<usize>, Vec<Point>)> {
    let whole = mean_of(shapes.iter(), count)?;
    let (mut mean, mut image) = (whole.clone(), pairs(&whole));
    for _ in 0..3 {
        let mut order: Vec<(f64, Shape)> = shapes.iter().map(|s| upright(s, &image)).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        let half = order.iter().take(shapes.len().div_ceil(2)).map(|(_, s)| s);
        // a point that only the others show has its place from all
        mean = mean_of(half, count).unwrap_or_else(|_| whole.clone());
        image = pairs(&mean);
    }
    Ok((image, mean))
}

/// The mean of each point over the shapes that show it.
fn mean_of<'a>(shapes: impl Iterator<Item = &'a Shape>, count: usize) -> Result<Vec<Point>> {
    let mut all = vec![Vec::new(); count];
    for shape in shapes {
        all.iter_mut().zip(shape).for_each(|(all, p)| all.extend(*p));
    }
    let mean = |(i, points): (usize, Vec<Point>)| {
        let hidden = || Error::Invalid(format!("point {i}: expected it on one object at least, got it hidden on all"));
        Point::mean(points).ok_or_else(hidden)
    };
    all.into_iter().enumerate().map(mean).collect()
}

/// One object turned about its middle so that these pairs mirror it best, and what residual is left then.
fn upright(shape: &Shape, pairs: &[usize]) -> (f64, Shape) {
    let both: Vec<(Point, Point)> = pairs.iter().zip(shape).filter_map(|(&j, p)| Some(((*p)?, shape[j]?))).collect();
    let Some(middle) = Point::mean(both.iter().map(|(p, _)| *p)) else { return (f64::INFINITY, shape.clone()) };
    // the turn that lays the mirrored points on those that they become, of which half stands the object up
    let (mut across, mut along) = (0.0, 0.0);
    for (p, other) in both {
        let (x, y) = (p.x - middle.x, p.y - middle.y);
        let (u, v) = (middle.x - other.x, other.y - middle.y);
        across += u * y - v * x;
        along += u * x + v * y;
    }
    let (sin, cos) = (-across.atan2(along) / 2.0).sin_cos();
    let turn = |p: Point| {
        let (x, y) = (p.x - middle.x, p.y - middle.y);
        Point::new(middle.x + cos * x - sin * y, middle.y + sin * x + cos * y)
    };
    let turned: Shape = shape.iter().map(|p| p.map(turn)).collect();
    (residual_of(&turned, pairs, middle.x), turned)
}

/// Where the mirror stands that fits pairs best.
fn axis(shape: &[Point], pairs: &[usize]) -> f64 {
    pairs.iter().zip(shape).map(|(&j, p)| (p.x + shape[j].x) / 2.0).sum::<f64>() / shape.len().max(1) as f64
}

fn mirrored(p: Point, axis: f64) -> Point {
    Point::new(2.0 * axis - p.x, p.y)
}

/// The root of the mean squared distance of mirrored points from those that they become.
fn residual_of(shape: &Shape, pairs: &[usize], axis: f64) -> f64 {
    let square = |(p, &j): (&Option<Point>, &usize)| Some(mirrored((*p)?, axis).distance(shape[j]?).powi(2));
    let squares: Vec<f64> = shape.iter().zip(pairs).filter_map(square).collect();
    (squares.iter().sum::<f64>() / squares.len().max(1) as f64).sqrt()
}

/// What each point becomes in a mirror, the nearest pairs first.
fn pairs(shape: &[Point]) -> Vec<usize> {
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
    image
}
