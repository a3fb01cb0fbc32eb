//! Rendered films: heads that move smoothly before a background that stays, with exact points in every frame.

use super::{
    Scene,
    background::background,
    finish::photograph,
    person::Person,
    raster::Camera,
    situation::{Expression, Situation},
};
use candle_vision_helpers::{Point, Size};
use image::RgbImage;
use std::f64::consts::TAU;

/// Who plays in a film, and what they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    /// One head that sways, turns, nods and speaks.
    One,
    /// Three heads, two of which cross the picture within four seconds, before each other and before the third.
    Crossing,
}

/// A film: what its frames show is a function of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Film {
    /// Who plays.
    pub cast: Cast,
    /// Width and height of the frames, pixels.
    pub size: Size,
    /// Who they are, what they look like and where they are.
    pub seed: u64,
}

/// A frame of a film.
#[derive(Clone, Debug)]
pub struct FilmFrame {
    /// RGB, with a camera's blur and noise.
    pub image: RgbImage,
    /// The 68 points of each head, the farthest head first, also where a nearer one covers them; pixels.
    pub heads: Vec<Vec<Point>>,
}

/// How a head is held and where it appears.
struct Part {
    /// Of the picture's sides, from its top left corner.
    at: (f64, f64),
    /// Pixels between the outer eye corners, of the picture's height.
    scale: f64,
    /// Yaw, pitch and roll, radians.
    pose: (f64, f64, f64),
    /// How far the mouth is open.
    open: f64,
}

/// A number that sways between -1 and 1, so often in a second.
fn sway(time: f64, often: f64, phase: f64) -> f64 {
    (TAU * often * time + phase).sin()
}

impl Cast {
    /// What each of them does, the farthest first.
    fn parts(self, time: f64) -> Vec<Part> {
        let open = 0.15 * (1.0 + sway(time, 0.5, 0.0));
        match self {
            Self::One => vec![Part {
                at: (0.5 + 0.06 * sway(time, 0.2, 0.0), 0.45 + 0.03 * sway(time, 0.27, 1.0)),
                scale: 0.2 * (1.0 + 0.05 * sway(time, 0.15, 0.5)),
                pose: (0.3 * sway(time, 0.23, 0.3), 0.1 * sway(time, 0.31, 1.0), 0.12 * sway(time, 0.19, 2.0)),
                open,
            }],
            Self::Crossing => {
                // there and back: the same speed all the time would end outside
                let across = 0.32 * sway(time, 0.125, -TAU / 4.0);
                let part = |x: f64, y: f64, scale: f64| Part { at: (x, y), scale, pose: (0.0, 0.0, 0.0), open };
                vec![
                    part(0.5, 0.4, 0.14),
                    Part { pose: (-0.15, 0.0, 0.0), ..part(0.5 - across, 0.44, 0.15) },
                    Part { pose: (0.15, 0.0, 0.0), ..part(0.5 + across, 0.48, 0.16) },
                ]
            }
        }
    }
}

impl Film {
    /// The frame at `time`, seconds.
    pub fn frame(&self, time: f64) -> FilmFrame {
        let (width, height) = (self.size.width, self.size.height);
        let (w, h) = (width as f64, height as f64);
        let base = Situation { noise: 0.012, blur: 0.5, distance: 12.0, ..Situation::wild(self.seed, 0, false) };
        let mut picture = background(&base, self.seed, 0, width, height);
        let mut heads = Vec::new();
        for (i, part) in self.cast.parts(time).into_iter().enumerate() {
            // other people than in single pictures
            let person = Person { glasses: None, ..Person::new(self.seed ^ 0xF17A, i as u64) };
            let expression = Expression { open: part.open, ..Expression::rest() };
            let situation = Situation { pose: part.pose, expression, ..base.clone() };
            let scene = Scene::new(&person, &situation);
            let center = Point::new(w * part.at.0 - 0.5, h * part.at.1 - 0.5);
            let camera = Camera { distance: base.distance, scale: h * part.scale, center };
            scene.canvas(&camera, (width, height)).over(&mut picture);
            heads.push(scene.points(&camera, true));
        }
        // every frame has noise of its own
        let salt = (self.seed as u32) ^ ((time * 1000.0).round() as u32).wrapping_mul(0x9E37);
        FilmFrame { image: photograph(picture, width, (base.blur, base.noise), false, salt), heads }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size::new(160, 120);

    #[test]
    fn a_head_moves_smoothly_and_stays_in_the_picture() {
        let (step, parts) = (1.0 / 30.0, |time: f64| Cast::One.parts(time).remove(0));
        for i in 0..600 {
            let time = f64::from(i) * step;
            let (now, next) = (parts(time), parts(time + step));
            // 0.06 · 2π · 0.2 of the width a second, and 0.03 · 2π · 0.27 of the height
            assert!((next.at.0 - now.at.0).abs() < 0.076 * step && (next.at.1 - now.at.1).abs() < 0.051 * step);
            assert!((0.4..0.6).contains(&now.at.0) && (0.0..=0.3).contains(&now.open));
        }
    }

    #[test]
    fn the_background_stays_and_noise_and_points_change() {
        let film = Film { cast: Cast::One, size: SIZE, seed: 3 };
        let (a, b, again) = (film.frame(0.0), film.frame(0.5), film.frame(0.0));
        assert_eq!((a.heads.len(), a.heads[0].len(), a.image.dimensions()), (1, 68, (160, 120)));
        assert_eq!((&a.heads, a.image.as_raw()), (&again.heads, again.image.as_raw()));
        // 0.06 · sin(2π · 0.1) of 160 pixels, and what the turn of the head adds
        let moved = b.heads[0][30].x - a.heads[0][30].x;
        assert!((3.0..20.0).contains(&moved), "{moved}");
        let corner = |f: &FilmFrame| (0..10).map(|i| i32::from(f.image.get_pixel(i, i)[1])).sum::<i32>() / 10;
        assert!((corner(&a) - corner(&b)).abs() < 8, "{} {}", corner(&a), corner(&b));
        assert_ne!(a.image.as_raw()[..300], b.image.as_raw()[..300]);
    }

    #[test]
    fn two_heads_change_sides_and_all_stay_in_the_picture() {
        let film = Film { cast: Cast::Crossing, size: SIZE, seed: 3 };
        let nose = |time: f64| film.frame(time).heads.iter().map(|points| points[30].x).collect::<Vec<f64>>();
        let (first, last) = (nose(0.0), nose(4.0));
        assert!(first[1] > first[0] && first[0] > first[2], "{first:?}");
        assert!(last[1] < last[0] && last[0] < last[2], "{last:?}");
        for time in [0.0, 2.0, 4.0] {
            let points = film.frame(time).heads.concat();
            assert!(points.iter().all(|p| p.x > 0.0 && p.y > 0.0 && p.x < 159.0 && p.y < 119.0), "{time}");
        }
    }
}
