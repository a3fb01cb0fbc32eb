//! The anatomy of a wing in units of its length: the root at `(0, 0)`, the tip at `(1, 0)`, `y` to the leading edge.

use crate::synthetic::random::{Draw, generator};
use candle_vision_helpers::Point;
use rand_pcg::Pcg64Mcg;
use std::f64::consts::{PI, TAU};

/// How many points are landmarks: the root and the tip, the ends of the four veins that do not end in the tip, and both
/// ends of the five cross veins.
pub(in crate::synthetic) const LANDMARKS: usize = 16;

/// The veins that run lengthwise, from the leading edge to the trailing edge: the part of an edge at which each ends,
/// and its place between the leading edge (0) and the trailing edge (1), at the root and at its end.
const VEINS: [(f64, f64, f64); 5] =
    [(0.56, 0.17, 0.0), (0.8, 0.34, 0.0), (1.0, 0.5, 0.5), (0.8, 0.67, 1.0), (0.56, 0.83, 1.0)];

/// The cross veins between each two of these: where each stands, as a part of the shorter one.
const CROSS_VEINS: [&[f64]; 4] = [&[0.64], &[0.75], &[0.55, 0.84], &[0.6]];

/// Points of a drawn outline and of a drawn vein: pieces of about half a pixel, and of a few.
const OUTLINE: usize = 1024;
const ALONG: usize = 48;

/// A vein that runs lengthwise.
struct Vein {
    /// The angle at which it ends, `0..=PI`.
    end: f64,
    /// Its place between the leading edge (0) and the trailing edge (1), at the root and at its end.
    from: f64,
    to: f64,
}

/// One wing. Its outline is a curve over an angle: 0 is the root, `PI` the tip, and the leading edge lies between.
pub(super) struct Shape {
    /// About half of the greatest width.
    width: f64,
    /// Moves the widest place towards the tip.
    taper: f64,
    /// Third harmonic of the width.
    waist: f64,
    /// Curves the axis towards an edge, and the two halves of it apart.
    bend: f64,
    sweep: f64,
    /// Above 0 the tip is blunt, below it is pointed.
    blunt: f64,
    /// How late the veins turn to an edge.
    turn: f64,
    veins: [Vein; 5],
    /// For each two neighboring veins, the ends of their cross veins, as parts of the shorter one.
    crossings: [Vec<[f64; 2]>; 4],
}

impl Shape {
    /// Wing `index` of a seed.
    pub(super) fn new(seed: u64, index: u64) -> Self {
        let r = &mut generator(seed, 7, index);
        let ratio = r.range(2.0, 3.5);
        let shape = Self {
            width: 1.0,
            taper: r.range(0.35, 0.65),
            waist: r.range(-0.05, 0.05),
            bend: r.range(-0.3, 0.1),
            sweep: r.range(-0.12, 0.12),
            blunt: r.range(-0.04, 0.09),
            turn: r.range(2.0, 3.2),
            veins: VEINS.map(|row| vein(row, r)),
            crossings: CROSS_VEINS.map(|gap| gap.iter().map(|&at| crossing(at, r)).collect()),
        };
        let across = |angle: f64| shape.margin(angle).y - shape.margin(TAU - angle).y;
        let widest = (0..=200).map(|i| across(PI * f64::from(i) / 200.0)).fold(0.0, f64::max);
        Self { width: 1.0 / (ratio * widest), ..shape }
    }

    /// The outline's place at an angle: `0..=PI` is the leading edge, the rest the trailing edge.
    fn margin(&self, angle: f64) -> Point {
        let (sin, cos) = angle.sin_cos();
        let wide = sin * (1.0 - self.taper * cos) + self.waist * (3.0 * angle).sin();
        let bent = sin * sin * (self.bend + self.sweep * cos);
        Point::new(0.5 * (1.0 - cos) + self.blunt * sin * sin, self.width * (wide + bent))
    }

    /// A place within: from the leading edge at an angle a `share` of the way straight across.
    fn within(&self, angle: f64, share: f64) -> Point {
        let (a, b) = (self.margin(angle), self.margin(TAU - angle));
        Point::new(a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share)
    }

    /// How far across a vein lies at an angle.
    fn share(&self, vein: &Vein, angle: f64) -> f64 {
        vein.from + (vein.to - vein.from) * (angle / vein.end).min(1.0).powf(self.turn)
    }

    fn on(&self, vein: &Vein, angle: f64) -> Point {
        self.within(angle, self.share(vein, angle))
    }

    /// The outline, a closed line from the root over the leading edge to the tip and back.
    pub(super) fn outline(&self) -> Vec<Point> {
        (0..OUTLINE).map(|i| self.margin(TAU * i as f64 / OUTLINE as f64)).collect()
    }

    /// The veins that run lengthwise, each a line from the root.
    pub(super) fn veins(&self) -> Vec<Vec<Point>> {
        let line = |vein: &Vein| -> Vec<Point> {
            (0..=ALONG).map(|i| self.on(vein, vein.end * i as f64 / ALONG as f64)).collect()
        };
        self.veins.iter().map(line).collect()
    }

    /// The ends of the cross veins; the first is nearer to the leading edge.
    pub(super) fn cross_veins(&self) -> Vec<[Point; 2]> {
        let gaps = self.veins.iter().zip(self.veins.iter().skip(1)).zip(&self.crossings);
        gaps.flat_map(|((a, b), crossings)| {
            let shorter = a.end.min(b.end);
            crossings.iter().map(move |&[from, to]| [self.on(a, from * shorter), self.on(b, to * shorter)])
        })
        .collect()
    }

    /// The outline of the dark spot at the leading edge, between the ends of the first two veins.
    pub(super) fn spot(&self) -> Vec<Point> {
        let [first, second, ..] = &self.veins;
        let angle = |i: u32| first.end + (second.end - first.end) * (0.3 + 0.45 * f64::from(i) / 8.0);
        let edge = (0..=8).map(|i| self.within(angle(i), 0.0));
        let inner = (0..=8).rev().map(|i| self.within(angle(i), 0.85 * self.share(second, angle(i))));
        edge.chain(inner).collect()
    }

    /// The landmarks: root, tip, ends of veins from the leading edge to the trailing edge, crossings of veins.
    pub(super) fn landmarks(&self) -> Vec<Point> {
        let ends = self.veins.iter().filter(|vein| vein.end < PI).map(|vein| self.on(vein, vein.end));
        let crossings = self.cross_veins().into_iter().flatten();
        [self.margin(0.0), self.margin(PI)].into_iter().chain(ends).chain(crossings).collect()
    }

    /// `count` keypoints: the landmarks, and those beyond them evenly along the outline.
    pub(super) fn points(&self, count: usize) -> Vec<Point> {
        let mut points = self.landmarks();
        points.extend(spread(&self.outline(), count.saturating_sub(points.len())));
        points.truncate(count);
        points
    }
}

fn vein((end, from, to): (f64, f64, f64), r: &mut Pcg64Mcg) -> Vein {
    // the one that ends in the tip always does
    let moved = if end < 1.0 { r.range(-0.035, 0.035) } else { 0.0 };
    Vein { end: PI * (end + moved), from: from + r.range(-0.02, 0.02), to }
}

/// A cross vein stands a little aslant.
fn crossing(at: f64, r: &mut Pcg64Mcg) -> [f64; 2] {
    let from = at + r.range(-0.025, 0.025);
    [from, from + r.range(-0.05, 0.05)]
}

/// `count` places evenly along a closed line, the first half a step after its start.
pub(super) fn spread(line: &[Point], count: usize) -> Vec<Point> {
    let pieces = || line.iter().zip(line.iter().cycle().skip(1));
    let step = pieces().map(|(a, b)| a.distance(*b)).sum::<f64>() / count as f64;
    let (mut places, mut passed) = (Vec::with_capacity(count), 0.0);
    for (a, b) in pieces() {
        let length = a.distance(*b);
        let left = |n: usize| step * (n as f64 + 0.5) - passed;
        while places.len() < count && left(places.len()) <= length {
            let t = left(places.len()) / length;
            places.push(Point::new(a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t));
        }
        passed += length;
    }
    places
}
