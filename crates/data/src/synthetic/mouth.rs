//! The lower half of the painted face: lips, teeth, tongue, beard.

use super::{
    curve::{ellipse, ribbon, through},
    features::Features,
    person::{Beard, Color, Person, mix, screen, times},
    random::{noise, noise2},
    skin::{Skin, patch},
};
use candle_vision_helpers::Point;

impl Skin {
    pub(super) fn mouth(&mut self, p: &Person, f: &Features) {
        let lips = p.lips;
        let salt = p.salt;
        self.fill(&f.lips(), 0.007, 0.92, |x, y, _| {
            let crease = 0.88 + 0.24 * f64::from(noise(x as f32 * 55.0, y as f32 * 6.0, salt ^ 3));
            let lower = if y > 0.5 * (f.mouth_top[2].y + f.mouth_bottom[2].y) { 1.12 } else { 0.86 };
            times(lips, (crease * lower) as f32)
        });
        let bottom = f.lip_bottom[3];
        let gleam = Point::new(bottom.x, 0.45 * bottom.y + 0.55 * f.mouth_bottom[2].y);
        self.fill(&ellipse(gleam, 0.09, 0.016, 16), 0.012, 0.25, |_, _, c| mix(c, [1.0, 0.85, 0.8], 0.6));
        let opening = patch(&f.opening(), 0.003);
        let gap = f.mouth_bottom[2].y - f.mouth_top[2].y;
        if gap > 0.012 {
            self.blend(&opening, 1.0, |_, _, _| [0.03, 0.006, 0.006]);
            let (top, low) = (f.mouth_top[2].y, f.mouth_bottom[2].y);
            let half = 0.82 * f.lip_top[6].x;
            let tongue =
                patch(&ellipse(Point::new(0.0, low + 0.005), 0.6 * half, 0.3 * gap, 20), 0.02).within(&opening);
            self.blend(&tongue, 0.9, |_, _, _| screen(176, 74, 72));
            let edge = top + gap.min(0.085) * 0.95;
            let teeth = [
                Point::new(-half, top - 0.12),
                Point::new(half, top - 0.12),
                Point::new(half, edge - 0.02),
                Point::new(0.5 * half, edge),
                Point::new(-0.5 * half, edge),
                Point::new(-half, edge - 0.02),
            ];
            self.blend(&patch(&teeth, 0.006).within(&opening), 1.0, |x, y, _| {
                let gap = (x / 0.058).fract().abs();
                let line = if !(0.06..=0.94).contains(&gap) { 0.72 } else { 1.0 };
                let side = 1.0 - 0.55 * (x / half).powi(2);
                let lit = 0.6 + 0.4 * ((y - top) / 0.03).clamp(0.0, 1.0);
                times([0.82, 0.78, 0.69], (line * side * lit) as f32)
            });
        }
        let line = through(&f.mouth_top, 6);
        self.fill(&ribbon(&line, |t| 0.007 + 0.012 * (t * (1.0 - t) * 4.0)), 0.004, 0.85, |_, _, c| {
            [c[0] * 0.25, c[1] * 0.12, c[2] * 0.12]
        });
        for corner in [f.lip_top[0], f.lip_top[6]] {
            self.fill(&ellipse(corner, 0.018, 0.014, 10), 0.012, 0.6, |_, _, c| times(c, 0.4));
        }
        let below =
            [Point::new(-0.13, bottom.y + 0.015), Point::new(0.0, bottom.y + 0.03), Point::new(0.13, bottom.y + 0.015)];
        self.fill(&ribbon(&through(&below, 6), |_| 0.035), 0.025, 0.3, |_, _, c| times(c, 0.55));
    }

    pub(super) fn beard(&mut self, p: &Person, f: &Features) {
        let color = mix(times(p.hair_color, 0.6), times(p.skin, 0.15), 0.25);
        let salt = p.salt ^ 21;
        let hairs = move |strength: f32| {
            move |x: f64, y: f64, c: Color| {
                let strand = noise(x as f32 * 85.0, y as f32 * 22.0, salt);
                mix(
                    c,
                    times(color, 0.6 + 0.7 * strand),
                    strength * (0.72 + 0.28 * noise2(x as f32 * 40.0, y as f32 * 40.0, salt ^ 1)),
                )
            }
        };
        let (top, low, half) = (f.lip_top[3].y, f.lip_bottom[3].y, f.lip_top[6].x);
        let at = |points: &[(f64, f64)]| -> Vec<Point> {
            let right = points.iter().map(|&(x, y)| Point::new(x, y));
            right.chain(points.iter().rev().map(|&(x, y)| Point::new(-x, y))).collect()
        };
        let moustache = at(&[
            (0.0, top - 0.085),
            (0.12, top - 0.085),
            (half * 0.95, f.lip_top[6].y - 0.05),
            (half + 0.07, f.lip_top[6].y + 0.06),
            (half * 0.9, f.lip_top[6].y - 0.0),
            (0.0, top + 0.01),
        ]);
        let goatee = at(&[
            (0.0, low + 0.04),
            (0.10, low + 0.03),
            (half + 0.02, f.lip_top[6].y + 0.03),
            (half + 0.08, f.lip_top[6].y + 0.05),
            (0.26, low + 0.2),
            (0.22, 1.8),
            (0.0, 1.8),
        ]);
        let full = at(&[
            (0.0, low + 0.05),
            (0.1, low + 0.035),
            (half + 0.03, f.lip_top[6].y + 0.02),
            (half + 0.12, f.lip_top[6].y - 0.06),
            (0.55, 0.64),
            (0.68, 0.38),
            (0.74, 0.0),
            (0.95, 0.0),
            (0.95, 1.85),
            (0.0, 1.85),
        ]);
        match p.beard {
            Beard::None => {}
            Beard::Stubble => {
                self.fill(&full, 0.06, 0.42, hairs(0.8));
                self.fill(&moustache, 0.03, 0.42, hairs(0.8));
            }
            Beard::Moustache => self.fill(&moustache, 0.014, 0.95, hairs(1.0)),
            Beard::Goatee => {
                self.fill(&goatee, 0.03, 0.9, hairs(0.95));
                self.fill(&moustache, 0.014, 0.9, hairs(0.95));
            }
            Beard::Full => {
                self.fill(&full, 0.04, 0.93, hairs(1.0));
                self.fill(&moustache, 0.016, 0.93, hairs(1.0));
            }
        }
    }
}
