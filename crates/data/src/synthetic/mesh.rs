//! Surfaces as grids of vertices with normals.

use super::vec3::Vec3;

/// `rows × cols` vertices; neighbours are joined by two triangles each.
pub(super) struct Mesh {
    pub rows: usize,
    pub cols: usize,
    pub position: Vec<Vec3>,
    pub normal: Vec<Vec3>,
    /// What the color depends on.
    pub uv: Vec<[f32; 2]>,
}

impl Mesh {
    /// From a function of row and column; columns go to the picture's right and rows down where the surface faces the
    /// camera.
    pub(super) fn grid(rows: usize, cols: usize, vertex: impl Fn(usize, usize) -> (Vec3, [f32; 2])) -> Self {
        let mut position = Vec::with_capacity(rows * cols);
        let mut uv = Vec::with_capacity(rows * cols);
        for r in 0..rows {
            for c in 0..cols {
                let (p, t) = vertex(r, c);
                position.push(p);
                uv.push(t);
            }
        }
        let at = |r: usize, c: usize| position[r * cols + c];
        let normal_at = |r: usize, c: usize| {
            let right = at(r, (c + 1).min(cols - 1)) - at(r, c.saturating_sub(1));
            let down = at((r + 1).min(rows - 1), c) - at(r.saturating_sub(1), c);
            right.cross(down)
        };
        let normal = (0..rows * cols)
            .map(|i| {
                let (r, c) = (i / cols, i % cols);
                let n = normal_at(r, c);
                // At a pole the row has shrunk to a point: its neighbour knows the direction.
                let n = if n.length() > 1e-9 { n } else { normal_at(if r == 0 { 1 } else { r - 1 }, c) };
                n.unit()
            })
            .collect();
        Self { rows, cols, position, normal, uv }
    }

    /// A tube of `radius` along a line of places.
    pub(super) fn tube(line: &[Vec3], radius: f64) -> Self {
        let sides = 7;
        let n = line.len();
        Self::grid(n, sides, |r, c| {
            let along = (line[(r + 1).min(n - 1)] - line[r.saturating_sub(1)]).unit();
            let up = if along.y.abs() < 0.9 { Vec3::new(0.0, 1.0, 0.0) } else { Vec3::new(1.0, 0.0, 0.0) };
            let (a, b) = (along.cross(up).unit(), along.cross(along.cross(up)).unit());
            let (s, k) = (c as f64 / (sides - 1) as f64 * std::f64::consts::TAU).sin_cos();
            (line[r] + a * (k * radius) + b * (s * radius), [0.0, 0.0])
        })
    }
}
