//! Rendered faces and wings: pictures with exact keypoints for a machine without the datasets, from a seed alone.
//!
//! A head is a surface in space (`head`) with painted features (`features`, `skin`), hair, neck, clothes and glasses,
//! seen by a camera (`raster`) under a lamp (`shade`). The keypoints are places on the curves that the features are
//! painted from, carried through the same camera; of the lower face, they are the contour that one sees, as annotators
//! mark it. Everything is drawn from `(seed, person, picture)`. An insect's wing (`wing`) is a subject that is no
//! face, with as many points as one asks for.

mod background;
mod body;
mod curve;
mod features;
mod film;
mod finish;
mod hair;
mod head;
mod mesh;
mod mouth;
mod person;
mod points;
mod polygon;
mod random;
mod raster;
mod shade;
mod situation;
mod skin;
mod vec3;
mod wing;
mod write;

#[cfg(test)]
mod tests;

pub use film::{Cast, Film, FilmFrame};
pub use write::{MARKER, MOST_WING_POINTS, write_dataset, write_wings};

use crate::scheme::{IBUG_68, IMM_58, Scheme};
use candle_vision_helpers::{Point, Rect};
use features::Features;
use head::Head;
use image::RgbImage;
use person::Person;
use random::{Draw, generator};
use raster::{Camera, Canvas};
use situation::Situation;
use skin::Skin;
use std::sync::Arc;
use vec3::{Turn, Vec3};

/// A rendered picture and what is known of it.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// RGB; a grey picture repeats its channel.
    pub image: RgbImage,
    /// In the scheme's order, picture pixels.
    pub points: Vec<Point>,
    /// Which person, from 0.
    pub person: usize,
    /// `1..=6` as in the IMM face database; 0 for pictures in iBUG's manner.
    pub pose: usize,
    /// Whether it is a grey picture.
    pub grey: bool,
    /// For names of files as in the IMM face database.
    pub female: bool,
}

/// Pictures of one person in the IMM face database's manner.
const POSES: usize = 6;

/// The folders of iBUG 300-W by picture: twenty hold about the shares of the real set, and the first six one of each.
const FOLDERS: [&str; 20] = [
    "helen/trainset",
    "helen/testset",
    "ibug",
    "lfpw/trainset",
    "lfpw/testset",
    "afw",
    "helen/trainset",
    "helen/trainset",
    "lfpw/trainset",
    "helen/trainset",
    "helen/trainset",
    "lfpw/trainset",
    "helen/testset",
    "helen/trainset",
    "helen/trainset",
    "afw",
    "helen/trainset",
    "lfpw/trainset",
    "helen/trainset",
    "helen/trainset",
];

fn folder(index: usize) -> &'static str {
    FOLDERS[index % FOLDERS.len()]
}

/// A real dataset whose pictures, points and files are imitated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaceSet {
    /// The IMM face database: six pictures in a row of one person, 640 by 480 pixels, 58 points.
    Imm,
    /// iBUG 300-W: every picture of another person, a square of twice the points' box, 68 points.
    Ibug,
}

impl FaceSet {
    /// The scheme of its points.
    pub fn scheme(self) -> &'static Arc<Scheme> {
        match self {
            Self::Imm => &IMM_58,
            Self::Ibug => &IBUG_68,
        }
    }
}

/// Picture `index` of a seed.
pub fn render(set: FaceSet, seed: u64, index: usize) -> Rendered {
    match set {
        FaceSet::Imm => imm(seed, index),
        FaceSet::Ibug => ibug(seed, index),
    }
}

fn imm(seed: u64, index: usize) -> Rendered {
    let (number, pose) = (index / POSES, index % POSES + 1);
    let person = Person::new(seed, number as u64);
    let situation = Situation::imm(seed, index as u64, pose);
    let (width, height) = (640.0, 480.0);
    let scene = Scene::new(&person, &situation);
    let near = situation.distance / (situation.distance - 0.8);
    let camera = Camera {
        distance: situation.distance,
        scale: 130.0 * situation.zoom / near,
        center: Point::new(width * (0.5 + situation.shift.0), height * (0.5 + situation.shift.1)),
    };
    let points = scene.points(&camera, false);
    // Three of forty people of the real set have grey pictures.
    let grey = generator(seed, 5, number as u64).chance(0.1);
    let image = scene.picture(&camera, seed, index, (640, 480), grey);
    Rendered { image, points, person: number, pose, grey, female: person.female }
}

fn ibug(seed: u64, index: usize) -> Rendered {
    // Other people than in the pictures in IMM's manner.
    let person = Person::new(seed ^ 0x1B06, index as u64);
    let situation = Situation::wild(seed, index as u64, folder(index) == "ibug");
    let scene = Scene::new(&person, &situation);
    let r = &mut generator(seed, 6, index as u64);
    let side = if r.chance(0.7) { 420.0 } else { r.range(260.0, 420.0).round() };
    let trial = Camera { distance: situation.distance, scale: 100.0, center: Point::new(0.0, 0.0) };
    let points = scene.points(&trial, true);
    let seen = Rect::around(&points).unwrap_or(Rect::new(-100.0, -100.0, 200.0, 200.0));
    let k = 0.5 * side / seen.width.max(seen.height) * situation.zoom;
    let m = seen.center();
    let center =
        Point::new(side * (0.5 + situation.shift.0) - 0.5 - k * m.x, side * (0.5 + situation.shift.1) - 0.5 - k * m.y);
    let camera = Camera { scale: k * trial.scale, center, ..trial };
    let grey = r.chance(0.06);
    let image = scene.picture(&camera, seed, index, (side as usize, side as usize), grey);
    Rendered { image, points: scene.points(&camera, true), person: index, pose: 0, grey, female: person.female }
}

/// A person in a situation, before a camera.
struct Scene<'a> {
    person: &'a Person,
    situation: &'a Situation,
    features: Features,
    turn: Turn,
}

impl<'a> Scene<'a> {
    fn new(person: &'a Person, situation: &'a Situation) -> Self {
        let (yaw, pitch, roll) = situation.pose;
        let turn = Turn::new(yaw, pitch, roll, Vec3::new(0.0, 0.75, -0.25));
        Self { person, situation, features: Features::new(person, &situation.expression), turn }
    }

    /// The keypoints in picture pixels.
    fn points(&self, camera: &Camera, ibug: bool) -> Vec<Point> {
        let head = Head::new(self.person, &self.features);
        let (sin, cos) = self.situation.pose.2.sin_cos();
        let seen = |v: Vec3| camera.project(self.turn.position(v));
        let outward = |v: Vec3, side: f64| {
            let p = seen(v);
            side * (p.x * cos + p.y * sin)
        };
        points::points(&head, ibug, outward).into_iter().map(seen).collect()
    }

    fn picture(
        &self,
        camera: &Camera,
        seed: u64,
        index: usize,
        (width, height): (usize, usize),
        grey: bool,
    ) -> RgbImage {
        let mut picture = background::background(self.situation, seed, index as u64, width, height);
        self.canvas(camera, (width, height)).over(&mut picture);
        let film = (self.situation.blur, self.situation.noise);
        finish::photograph(picture, width, film, grey, self.person.salt ^ (index as u32).wrapping_mul(0x9E37))
    }

    /// The person, before nothing.
    fn canvas(&self, camera: &Camera, (width, height): (usize, usize)) -> Canvas {
        let (p, light, turn, still) = (self.person, &self.situation.light, &self.turn, &Turn::none());
        let head = Head::new(p, &self.features);
        let skin = Skin::paint(p, &self.features, &self.situation.expression);
        let mut canvas = Canvas::new(width, height);
        canvas.draw(&head.mesh(), turn, camera, |f| {
            Some((body::skin_lit(light, skin.at(f.uv[0], f.uv[1]), f.normal), 1.0))
        });
        for side in [-1.0, 1.0] {
            canvas.draw(&body::ear(&head, side), turn, camera, |f| body::ear_color(p, light, f));
        }
        if let Some(mesh) = hair::shell(&head) {
            canvas.draw(&mesh, turn, camera, |f| hair::shell_color(p, light, f));
        }
        if let Some(mesh) = hair::curtain(&head) {
            canvas.draw(&mesh, turn, camera, |f| hair::curtain_color(p, light, f));
        }
        canvas.draw(&body::trunk(p), still, camera, |f| body::trunk_color(p, light, f));
        if let Some(g) = &p.glasses {
            let (frame, lenses) = body::glasses(&head, g);
            let wire = shade::Gloss { strength: 0.25, power: 24, wrap: 0.1 };
            for mesh in &lenses {
                canvas.draw(mesh, turn, camera, |f| body::lens_color(light, f));
            }
            for mesh in &frame {
                canvas.draw(mesh, turn, camera, |f| Some((shade::lit(light, g.color, f.normal, wire), 1.0)));
            }
        }
        canvas
    }
}
