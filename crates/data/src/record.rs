//! What the readers keep of a face until its picture is asked for, and the checks that all formats share.

use crate::{Annotation, Error, Keypoints, Result, Sample, Scale, Scheme, load_picture, picture::picture_size};
use candle_vision_helpers::{Affine, Point, Rect, Size};
use std::{path::Path, path::PathBuf, sync::Arc};

/// A face in a picture that is not decoded yet.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub id: String,
    pub path: PathBuf,
    pub subject: Option<String>,
    pub subset: Option<String>,
    pub size: Size,
    pub face: Rect,
    pub points: Keypoints,
    pub scale: Scale,
}

impl Record {
    /// A face whose box is the tight box of its points; `lines[i]` is where point `i` stands in `file`.
    pub fn new(
        id: String,
        path: PathBuf,
        scheme: &'static Scheme,
        points: Vec<Point>,
        (file, lines): (&Path, &[usize]),
    ) -> Result<Self> {
        let size = host_size(file, &path)?;
        check_reach(file, &points, lines, size)?;
        let line = lines.first().copied();
        let face = Rect::around(&points).filter(|r| r.width > 0.0 && r.height > 0.0);
        let face = face.ok_or_else(|| {
            Error::format(file, line, "points that span a face", "points in one place or on one line")
        })?;
        let scale = scale(scheme, &points);
        let count = points.len();
        let points = Keypoints::new(scheme, points)
            .ok_or_else(|| Error::format(file, line, format!("{} points", scheme.len), count.to_string()))?;
        Ok(Self { id, path, subject: None, subset: None, size, face, points, scale })
    }

    /// All but the picture.
    pub fn annotation(&self) -> Annotation {
        let (id, picture) = (self.id.clone(), self.path.clone());
        Annotation { id, picture, face: self.face, points: self.points.clone() }
    }

    /// Decodes the picture.
    pub fn load(&self) -> Result<Sample> {
        let image = load_picture(&self.path)?;
        let original = Size::new(image.width() as usize, image.height() as usize);
        if original != self.size {
            let (a, b) = (self.size, original);
            let reason = format!("{}x{} pixels where its header says {}x{}", b.width, b.height, a.width, a.height);
            return Err(Error::Picture { path: self.path.clone(), reason });
        }
        Ok(Sample {
            id: self.id.clone(),
            path: self.path.clone(),
            subject: self.subject.clone(),
            subset: self.subset.clone(),
            image: Arc::new(image),
            to_image: Affine::IDENTITY,
            original,
            face: self.face,
            points: self.points.clone(),
            scale: self.scale,
        })
    }
}

/// Record `i`, or an error that says how many there are.
pub(crate) fn nth<T>(records: &[T], i: usize) -> Result<&T> {
    records.get(i).ok_or_else(|| Error::Invalid(format!("expected a sample below {}, got {i}", records.len())))
}

/// What errors of this face are divided by; eyes in one place give nothing to divide by.
pub(crate) fn scale(scheme: &Scheme, points: &[Point]) -> Scale {
    let measure = |d: &Option<crate::scheme::Distance>| d.as_ref()?.measure(points).filter(|&d| d > 0.0);
    Scale { interocular: measure(&scheme.interocular), interpupil: measure(&scheme.interpupil) }
}

/// The size of the picture that `file` annotates.
pub(crate) fn host_size(file: &Path, picture: &Path) -> Result<Size> {
    if picture.is_file() {
        picture_size(picture)
    } else {
        let name = picture.file_name().unwrap_or_default().to_string_lossy();
        Err(Error::format(file, None, format!("its picture {name} in the folder"), "no such file"))
    }
}

/// How many picture sizes away from its picture a point may lie: somewhat outside happens, far away is a mistake.
const REACH: f64 = 3.0;

/// Refuses points absurdly far outside their picture.
pub(crate) fn check_reach(file: &Path, points: &[Point], lines: &[usize], size: Size) -> Result<()> {
    let within = |v: f64, side: usize| v >= -REACH * side as f64 && v <= (1.0 + REACH) * side as f64;
    match points.iter().position(|p| !(within(p.x, size.width) && within(p.y, size.height))) {
        None => Ok(()),
        Some(i) => Err(Error::format(
            file,
            lines.get(i).copied(),
            format!("point {i} near its picture of {}x{} pixels", size.width, size.height),
            format!("({}, {})", points[i].x, points[i].y),
        )),
    }
}
