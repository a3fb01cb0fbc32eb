//! Vectors in space: `x` to the right, `y` down, `z` towards the camera; the unit is the distance between the outer eye
//! corners.

use std::ops::{Add, Mul, Sub};

/// A position or a direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Vec3 {
    pub x: f64,
    pub y: f64,
    pub z: f64,
}

impl Vec3 {
    pub(super) const fn new(x: f64, y: f64, z: f64) -> Self {
        Self { x, y, z }
    }

    pub(super) fn dot(self, o: Self) -> f64 {
        self.x * o.x + self.y * o.y + self.z * o.z
    }

    pub(super) fn cross(self, o: Self) -> Self {
        Self::new(self.y * o.z - self.z * o.y, self.z * o.x - self.x * o.z, self.x * o.y - self.y * o.x)
    }

    pub(super) fn length(self) -> f64 {
        self.dot(self).sqrt()
    }

    /// Length 1, or itself where it has none.
    pub(super) fn unit(self) -> Self {
        let l = self.length();
        if l > 1e-12 { self * (1.0 / l) } else { self }
    }
}

impl Add for Vec3 {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        Self::new(self.x + o.x, self.y + o.y, self.z + o.z)
    }
}

impl Sub for Vec3 {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        Self::new(self.x - o.x, self.y - o.y, self.z - o.z)
    }
}

impl Mul<f64> for Vec3 {
    type Output = Self;
    fn mul(self, k: f64) -> Self {
        Self::new(self.x * k, self.y * k, self.z * k)
    }
}

/// How the head is turned about a pivot in the neck.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    rows: [Vec3; 3],
    pivot: Vec3,
}

impl Turn {
    /// Radians: `yaw` turns the face to the picture's right, `pitch` downwards, `roll` clockwise.
    pub(super) fn new(yaw: f64, pitch: f64, roll: f64, pivot: Vec3) -> Self {
        let ((sy, cy), (sp, cp), (sr, cr)) = (yaw.sin_cos(), pitch.sin_cos(), roll.sin_cos());
        // roll · pitch · yaw, written out for columns x, y, z.
        let column = |v: Vec3| {
            let v = Vec3::new(cy * v.x + sy * v.z, v.y, -sy * v.x + cy * v.z);
            let v = Vec3::new(v.x, cp * v.y + sp * v.z, -sp * v.y + cp * v.z);
            Vec3::new(cr * v.x - sr * v.y, sr * v.x + cr * v.y, v.z)
        };
        let (a, b, c) =
            (column(Vec3::new(1.0, 0.0, 0.0)), column(Vec3::new(0.0, 1.0, 0.0)), column(Vec3::new(0.0, 0.0, 1.0)));
        Self { rows: [Vec3::new(a.x, b.x, c.x), Vec3::new(a.y, b.y, c.y), Vec3::new(a.z, b.z, c.z)], pivot }
    }

    /// Turns nothing.
    pub(super) fn none() -> Self {
        Self::new(0.0, 0.0, 0.0, Vec3::default())
    }

    pub(super) fn direction(&self, v: Vec3) -> Vec3 {
        Vec3::new(self.rows[0].dot(v), self.rows[1].dot(v), self.rows[2].dot(v))
    }

    pub(super) fn position(&self, p: Vec3) -> Vec3 {
        self.direction(p - self.pivot) + self.pivot
    }
}
