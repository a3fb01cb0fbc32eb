//! An affine map of the plane that always knows its inverse: a picture and its points move by the same one.

use crate::geom::{Point, Rect, Size};
use serde::{Deserialize, Serialize};

/// `(x, y) → (a x + b y + c, d x + e y + f)`, stored with its inverse; invertible by construction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 6]", into = "[f64; 6]")]
pub struct Affine {
    fwd: [f64; 6],
    inv: [f64; 6],
}

/// The coefficients have no inverse, or are not finite.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("affine map {0:?} has no inverse")]
pub struct NotInvertible(pub [f64; 6]);

impl Affine {
    /// The map that moves nothing.
    pub const IDENTITY: Self = Self { fwd: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0], inv: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0] };

    /// A map from its six coefficients, row by row.
    ///
    /// # Errors
    /// [`NotInvertible`] when the determinant is zero or anything is not finite.
    pub fn new(m: [f64; 6]) -> Result<Self, NotInvertible> {
        let det = m[0] * m[4] - m[1] * m[3];
        let inv = [
            m[4] / det,
            -m[1] / det,
            (m[1] * m[5] - m[4] * m[2]) / det,
            -m[3] / det,
            m[0] / det,
            (m[3] * m[2] - m[0] * m[5]) / det,
        ];
        if m.iter().chain(&inv).all(|v| v.is_finite()) { Ok(Self { fwd: m, inv }) } else { Err(NotInvertible(m)) }
    }

    /// The map that moves everything by `(dx, dy)`.
    pub fn translation(dx: f64, dy: f64) -> Self {
        Self { fwd: [1.0, 0.0, dx, 0.0, 1.0, dy], inv: [1.0, 0.0, -dx, 0.0, 1.0, -dy] }
    }

    /// The map that takes `rect` onto the whole area of a picture of `size`: each side is scaled on its own.
    ///
    /// # Errors
    /// [`NotInvertible`] when `rect` has no area or is not finite.
    pub fn rect_to_size(rect: Rect, size: Size) -> Result<Self, NotInvertible> {
        let (sx, sy) = (size.width as f64 / rect.width, size.height as f64 / rect.height);
        Self::new([sx, 0.0, -0.5 - rect.x * sx, 0.0, sy, -0.5 - rect.y * sy])
    }

    /// Rotation by `radians` (clockwise on the screen, since y points down) and scaling by `scale`, both about
    /// `center`.
    ///
    /// # Errors
    /// [`NotInvertible`] when `scale` is zero or anything is not finite.
    pub fn rotation_scale(center: Point, radians: f64, scale: f64) -> Result<Self, NotInvertible> {
        let (s, c) = radians.sin_cos();
        let (a, b) = (scale * c, -scale * s);
        Self::new([a, b, center.x - a * center.x - b * center.y, -b, a, center.y + b * center.x - a * center.y])
    }

    /// Mirrors left and right within a picture `width` pixels wide: `x → width - 1 - x`.
    pub fn mirror(width: usize) -> Self {
        let w = width as f64 - 1.0;
        Self { fwd: [-1.0, 0.0, w, 0.0, 1.0, 0.0], inv: [-1.0, 0.0, w, 0.0, 1.0, 0.0] }
    }

    /// The point that `p` is moved to.
    pub fn apply(&self, p: Point) -> Point {
        map(&self.fwd, p)
    }

    /// The point that is moved to `p`.
    pub fn unapply(&self, p: Point) -> Point {
        map(&self.inv, p)
    }

    /// First this map, then `next`.
    pub fn then(&self, next: &Self) -> Self {
        Self { fwd: compose(&next.fwd, &self.fwd), inv: compose(&self.inv, &next.inv) }
    }

    /// The map that undoes this one.
    pub fn inverse(&self) -> Self {
        Self { fwd: self.inv, inv: self.fwd }
    }

    /// The coefficients, row by row.
    pub fn coefficients(&self) -> [f64; 6] {
        self.fwd
    }

    /// How many times longer lengths become: the square root of the change of area.
    pub fn scale(&self) -> f64 {
        (self.fwd[0] * self.fwd[4] - self.fwd[1] * self.fwd[3]).abs().sqrt()
    }
}

impl TryFrom<[f64; 6]> for Affine {
    type Error = NotInvertible;
    fn try_from(m: [f64; 6]) -> Result<Self, NotInvertible> {
        Self::new(m)
    }
}

impl From<Affine> for [f64; 6] {
    fn from(a: Affine) -> Self {
        a.fwd
    }
}

fn map(m: &[f64; 6], p: Point) -> Point {
    Point::new(m[0] * p.x + m[1] * p.y + m[2], m[3] * p.x + m[4] * p.y + m[5])
}

fn compose(a: &[f64; 6], b: &[f64; 6]) -> [f64; 6] {
    [
        a[0] * b[0] + a[1] * b[3],
        a[0] * b[1] + a[1] * b[4],
        a[0] * b[2] + a[1] * b[5] + a[2],
        a[3] * b[0] + a[4] * b[3],
        a[3] * b[1] + a[4] * b[4],
        a[3] * b[2] + a[4] * b[5] + a[5],
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn maps() -> impl Strategy<Value = Affine> {
        let numbers = (-200.0..200.0, -200.0..200.0, -3.2..3.2, 0.2..5.0, -50.0..50.0, -50.0..50.0, any::<bool>());
        numbers.prop_map(|(x, y, radians, scale, dx, dy, mirror)| {
            let a = Affine::rotation_scale(Point::new(x, y), radians, scale).unwrap();
            let a = a.then(&Affine::translation(dx, dy));
            if mirror { a.then(&Affine::mirror(64)) } else { a }
        })
    }

    fn points() -> impl Strategy<Value = Point> {
        (-500.0..500.0, -500.0..500.0).prop_map(|(x, y)| Point::new(x, y))
    }

    proptest! {
        #[test]
        fn unapply_undoes_apply(a in maps(), p in points()) {
            prop_assert!(a.unapply(a.apply(p)).distance(p) < 1e-8);
            prop_assert!(a.inverse().apply(a.apply(p)).distance(p) < 1e-8);
            prop_assert!(a.inverse().unapply(p).distance(a.apply(p)) < 1e-8);
        }

        #[test]
        fn then_is_one_after_the_other(a in maps(), b in maps(), p in points()) {
            let both = a.then(&b);
            prop_assert!(both.apply(p).distance(b.apply(a.apply(p))) < 1e-7);
            prop_assert!(both.unapply(both.apply(p)).distance(p) < 1e-7);
        }

        #[test]
        fn the_stored_inverse_is_the_one_of_the_coefficients(a in maps(), b in maps(), p in points()) {
            let both = a.then(&b);
            let anew = Affine::new(both.coefficients()).unwrap();
            prop_assert!(anew.unapply(p).distance(both.unapply(p)) < 1e-6);
        }

        #[test]
        fn a_box_goes_onto_the_whole_area(x in -500.0..500.0, y in -500.0..500.0, w in 1.0..900.0, h in 1.0..900.0,
                                          width in 1usize..400, height in 1usize..400) {
            let map = Affine::rect_to_size(Rect::new(x, y, w, h), Size::new(width, height)).unwrap();
            prop_assert!(map.apply(Point::new(x, y)).distance(Point::new(-0.5, -0.5)) < 1e-8);
            let far = Point::new(width as f64 - 0.5, height as f64 - 0.5);
            prop_assert!(map.apply(Point::new(x + w, y + h)).distance(far) < 1e-8);
        }

        #[test]
        fn rotation_keeps_the_center_and_scales_distances(x in -50.0..50.0, y in -50.0..50.0, radians in -3.2..3.2, scale in 0.1..8.0, p in points()) {
            let center = Point::new(x, y);
            let map = Affine::rotation_scale(center, radians, scale).unwrap();
            prop_assert!(map.apply(center).distance(center) < 1e-9);
            prop_assert!((map.apply(p).distance(center) - scale * p.distance(center)).abs() < 1e-8);
            prop_assert!((map.scale() - scale).abs() < 1e-9);
        }

        #[test]
        fn coefficients_survive_json(a in maps()) {
            let back = Affine::try_from(<[f64; 6]>::from(a)).unwrap();
            prop_assert_eq!(back.coefficients(), a.coefficients());
        }
    }

    #[test]
    fn a_quarter_turn_is_clockwise_on_the_screen() {
        let map = Affine::rotation_scale(Point::default(), std::f64::consts::FRAC_PI_2, 1.0).unwrap();
        assert!(map.apply(Point::new(1.0, 0.0)).distance(Point::new(0.0, 1.0)) < 1e-12);
    }

    #[test]
    fn a_mirror_swaps_the_outer_columns_and_undoes_itself() {
        let map = Affine::mirror(10);
        assert_eq!(map.apply(Point::new(0.0, 3.0)), Point::new(9.0, 3.0));
        assert_eq!(map.then(&map).coefficients(), Affine::IDENTITY.coefficients());
    }

    #[test]
    fn maps_without_an_inverse_are_refused() {
        for bad in [
            [0.0; 6],
            [1.0, 2.0, 0.0, 2.0, 4.0, 0.0],
            [f64::NAN, 0.0, 0.0, 0.0, 1.0, 0.0],
            [1.0, 0.0, f64::INFINITY, 0.0, 1.0, 0.0],
        ] {
            assert!(Affine::new(bad).is_err(), "{bad:?}");
        }
        assert!(Affine::rect_to_size(Rect::new(0.0, 0.0, 0.0, 5.0), Size::new(4, 4)).is_err());
        assert!(Affine::rotation_scale(Point::default(), 0.1, 0.0).is_err());
    }
}
