//! Point schemes as const tables: how many points, their groups, which pairs swap in a mirror, what errors are divided
//! by.

use candle_vision_helpers::Point;

/// Points that belong together, in drawing order.
#[derive(Debug, PartialEq, Eq)]
pub struct Group {
    /// For tables and plots.
    pub name: &'static str,
    /// First point.
    pub start: usize,
    /// One past the last point.
    pub end: usize,
    /// Whether the outline closes.
    pub closed: bool,
}

/// A distance between the means of two point sets.
#[derive(Debug, PartialEq, Eq)]
pub struct Distance {
    /// One end: the mean of these points.
    pub a: &'static [usize],
    /// The other end.
    pub b: &'static [usize],
}

impl Distance {
    /// Measures it on a whole set of points of the scheme.
    pub fn measure(&self, points: &[Point]) -> Option<f64> {
        let mean = |set: &[usize]| {
            set.iter().map(|&i| points.get(i).copied()).collect::<Option<Vec<_>>>().and_then(Point::mean)
        };
        Some(mean(self.a)?.distance(mean(self.b)?))
    }
}

/// A set of keypoints with fixed order and meaning.
#[derive(Debug, PartialEq, Eq)]
pub struct Scheme {
    /// The name in recipes and weight files: `imm58`, `ibug68`, `nose1`.
    pub name: &'static str,
    /// How many points.
    pub len: usize,
    /// Cover all points, in order, without overlap.
    pub groups: &'static [Group],
    /// `flip[i]` is the point that point `i` becomes in a mirror; an involution.
    pub flip: &'static [usize],
    /// Between the outer eye corners, the field's standard normaliser; `None` where the scheme has no eyes.
    pub interocular: Option<Distance>,
    /// Between the eye centres (means of the eye points).
    pub interpupil: Option<Distance>,
}

/// The scheme called `name`.
pub fn by_name(name: &str) -> Option<&'static Scheme> {
    [&IMM_58, &IBUG_68, &NOSE_1].into_iter().find(|s| s.name == name)
}

const fn group(name: &'static str, start: usize, end: usize, closed: bool) -> Group {
    Group { name, start, end, closed }
}

/// The 58 points of the IMM face database. Left and right are the subject's own.
///
/// No table of mirror pairs was published. This one is the one-to-one assignment with the least residual between the
/// Procrustes-aligned mean shape of the 80 frontal pictures and its mirror image: 1.0 px on average, 2.6 px at most, at
/// 124 px between the outer eye corners; every point's second-best partner is at least five times as far.
/// The tests repeat the measurement.
pub static IMM_58: Scheme = Scheme {
    name: "imm58",
    len: 58,
    groups: &[
        group("jaw", 0, 13, false),
        group("left eye", 13, 21, true),
        group("right eye", 21, 29, true),
        group("left brow", 29, 34, false),
        group("right brow", 34, 39, false),
        group("mouth", 39, 47, true),
        group("nose", 47, 58, false),
    ],
    #[rustfmt::skip]
    flip: &[
        12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, // jaw
        21, 22, 23, 24, 25, 26, 27, 28, // left eye
        13, 14, 15, 16, 17, 18, 19, 20, // right eye
        34, 35, 36, 37, 38, // left brow
        29, 30, 31, 32, 33, // right brow
        43, 42, 41, 40, 39, 46, 45, 44, // mouth
        57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, // nose
    ],
    // Each eye starts at its outer corner and goes over the upper lid.
    interocular: Some(Distance { a: &[21], b: &[13] }),
    interpupil: Some(Distance { a: &[21, 22, 23, 24, 25, 26, 27, 28], b: &[13, 14, 15, 16, 17, 18, 19, 20] }),
};

/// The 68 points of iBUG 300-W. Left and right are the subject's own.
pub static IBUG_68: Scheme = Scheme {
    name: "ibug68",
    len: 68,
    groups: &[
        group("jaw", 0, 17, false),
        group("right brow", 17, 22, false),
        group("left brow", 22, 27, false),
        group("nose bridge", 27, 31, false),
        group("nose base", 31, 36, false),
        group("right eye", 36, 42, true),
        group("left eye", 42, 48, true),
        group("outer mouth", 48, 60, true),
        group("inner mouth", 60, 68, true),
    ],
    #[rustfmt::skip]
    flip: &[
        16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, // jaw
        26, 25, 24, 23, 22, // right brow
        21, 20, 19, 18, 17, // left brow
        27, 28, 29, 30, // nose bridge
        35, 34, 33, 32, 31, // nose base
        45, 44, 43, 42, 47, 46, // right eye
        39, 38, 37, 36, 41, 40, // left eye
        54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, // outer mouth
        64, 63, 62, 61, 60, 67, 66, 65, // inner mouth
    ],
    interocular: Some(Distance { a: &[36], b: &[45] }),
    interpupil: Some(Distance { a: &[36, 37, 38, 39, 40, 41], b: &[42, 43, 44, 45, 46, 47] }),
};

/// The tip of the nose alone: point 52 of IMM.
pub static NOSE_1: Scheme = Scheme {
    name: "nose1",
    len: 1,
    groups: &[group("nose tip", 0, 1, false)],
    flip: &[0],
    interocular: None,
    interpupil: None,
};

/// The point of [`IMM_58`] that [`NOSE_1`] is.
pub const IMM_NOSE_TIP: usize = 52;
