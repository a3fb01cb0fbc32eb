//! A depth-buffered triangle rasteriser on a grid twice as fine as the picture, and the camera's perspective.

use super::{
    mesh::Mesh,
    person::Color,
    vec3::{Turn, Vec3},
};
use candle_vision_helpers::Point;

/// Samples a pixel, each way.
pub(super) const FINE: usize = 2;

/// Maps space to picture pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Camera {
    /// From the origin of space, along `z`.
    pub distance: f64,
    /// Pixels a unit of space at `z = 0`.
    pub scale: f64,
    /// Where the origin of space appears.
    pub center: Point,
}

impl Camera {
    pub(super) fn project(&self, p: Vec3) -> Point {
        let k = self.scale * self.distance / (self.distance - p.z).max(0.1);
        Point::new(self.center.x + k * p.x, self.center.y + k * p.y)
    }
}

/// What a color may depend on.
pub(super) struct Fragment {
    pub uv: [f32; 2],
    /// Unit length, towards the camera's side.
    pub normal: Vec3,
    /// Whether the surface's inner side is seen.
    pub inside: bool,
}

/// Colors and depths of the fine grid; a sample without a depth shows the background.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    color: Vec<Color>,
    depth: Vec<f32>,
}

#[derive(Clone, Copy)]
struct Corner {
    x: f32,
    y: f32,
    z: f32,
    uv: [f32; 2],
    n: [f32; 3],
}

impl Canvas {
    /// For a picture of `width × height` pixels.
    pub(super) fn new(width: usize, height: usize) -> Self {
        let (width, height) = (width * FINE, height * FINE);
        Self { width, height, color: vec![[0.0; 3]; width * height], depth: vec![f32::MIN; width * height] }
    }

    /// Draws a mesh; `shade` gives a fragment's color and opacity, or `None` where the surface has a hole. What is
    /// translucent leaves the depth as it is.
    pub(super) fn draw(
        &mut self,
        mesh: &Mesh,
        turn: &Turn,
        camera: &Camera,
        shade: impl Fn(&Fragment) -> Option<(Color, f32)>,
    ) {
        let corners: Vec<Corner> = (mesh.position.iter().zip(&mesh.normal).zip(&mesh.uv))
            .map(|((&p, &n), &uv)| {
                let p = turn.position(p);
                let at = camera.project(p);
                let n = turn.direction(n);
                let fine = FINE as f64;
                Corner {
                    x: ((at.x + 0.5) * fine - 0.5) as f32,
                    y: ((at.y + 0.5) * fine - 0.5) as f32,
                    z: p.z as f32,
                    uv,
                    n: [n.x as f32, n.y as f32, n.z as f32],
                }
            })
            .collect();
        for r in 0..mesh.rows.saturating_sub(1) {
            for c in 0..mesh.cols.saturating_sub(1) {
                let i = r * mesh.cols + c;
                let [a, b, d, e] = [i, i + 1, i + mesh.cols, i + mesh.cols + 1].map(|k| corners[k]);
                self.triangle([a, b, d], &shade);
                self.triangle([b, e, d], &shade);
            }
        }
    }

    fn triangle(&mut self, [a, b, c]: [Corner; 3], shade: &impl Fn(&Fragment) -> Option<(Color, f32)>) {
        let area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
        if area.abs() < 1e-9 || !area.is_finite() {
            return;
        }
        let low = |v: [f32; 3], end: usize| (v[0].min(v[1]).min(v[2]).ceil().max(0.0) as usize).min(end);
        let high = |v: [f32; 3], end: usize| ((v[0].max(v[1]).max(v[2]).floor() + 1.0).max(0.0) as usize).min(end);
        let (xs, ys) = ([a.x, b.x, c.x], [a.y, b.y, c.y]);
        let (x0, x1, y0, y1) = (low(xs, self.width), high(xs, self.width), low(ys, self.height), high(ys, self.height));
        let inv = 1.0 / area;
        for y in y0..y1 {
            for x in x0..x1 {
                let (px, py) = (x as f32, y as f32);
                let wa = ((b.x - px) * (c.y - py) - (b.y - py) * (c.x - px)) * inv;
                let wb = ((c.x - px) * (a.y - py) - (c.y - py) * (a.x - px)) * inv;
                let wc = 1.0 - wa - wb;
                if wa < 0.0 || wb < 0.0 || wc < 0.0 {
                    continue;
                }
                let i = y * self.width + x;
                let z = wa * a.z + wb * b.z + wc * c.z;
                if z <= self.depth[i] {
                    continue;
                }
                let of = |k: usize| f64::from(wa * a.n[k] + wb * b.n[k] + wc * c.n[k]);
                let normal = Vec3::new(of(0), of(1), of(2)).unit();
                let inside = area < 0.0;
                let uv = std::array::from_fn(|k| wa * a.uv[k] + wb * b.uv[k] + wc * c.uv[k]);
                let fragment = Fragment { uv, normal: if inside { normal * -1.0 } else { normal }, inside };
                let Some((color, alpha)) = shade(&fragment) else { continue };
                if alpha >= 1.0 {
                    self.depth[i] = z;
                    self.color[i] = color;
                } else if self.depth[i] > f32::MIN {
                    let below = self.color[i];
                    self.color[i] = std::array::from_fn(|k| below[k] + (color[k] - below[k]) * alpha);
                }
            }
        }
    }

    /// The picture over a background: the mean of each pixel's samples.
    pub(super) fn over(&self, background: &mut [Color]) {
        let width = self.width / FINE;
        let share = 1.0 / (FINE * FINE) as f32;
        for (i, pixel) in background.iter_mut().enumerate() {
            let (x, y) = (i % width * FINE, i / width * FINE);
            let back = *pixel;
            let mut sum = [0.0f32; 3];
            for k in 0..FINE * FINE {
                let j = (y + k / FINE) * self.width + x + k % FINE;
                let c = if self.depth[j] > f32::MIN { self.color[j] } else { back };
                (0..3).for_each(|k| sum[k] += c[k] * share);
            }
            *pixel = sum;
        }
    }
}
