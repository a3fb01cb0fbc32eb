//! What the readers keep of a face until its picture is asked for, and the checks that all formats share.

use crate::{
    error::{Error, Result},
    formats::Shape,
    io,
    keypoints::Keypoints,
    picture::{Picture, Pixels, load_picture, picture_size},
    sample::{Annotation, Sample, Scale},
    scheme::{Normalizer, Scheme},
    source::Source,
    synthetic::MARKER,
};
use candle_vision_helpers::{Point, Rect, Size};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

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
    /// Where the picture is no file of its own: the path is the table's then, with the face's name below it.
    pub pixels: Option<Pixels>,
    /// Where it is annotated, for formats in which that can be changed.
    pub source: Option<Source>,
}

impl Record {
    /// A face whose box is the tight box of its visible points, which `file` annotates.
    pub(crate) fn new(id: String, path: PathBuf, scheme: &Arc<Scheme>, shape: Shape, file: &Path) -> Result<Self> {
        let size = host_size(file, &path)?;
        Self::sized(id, (path, size), scheme, shape, file)
    }

    /// A face whose picture stands in the line that annotates it.
    pub(crate) fn within(id: String, pixels: Pixels, scheme: &Arc<Scheme>, shape: Shape) -> Result<Self> {
        let (path, size) = (pixels.file.join(&id), pixels.load()?.original);
        let record = Self::sized(id, (path, size), scheme, shape, &pixels.file)?;
        Ok(Self { pixels: Some(pixels), ..record })
    }

    fn sized(
        id: String,
        (path, size): (PathBuf, Size),
        scheme: &Arc<Scheme>,
        shape: Shape,
        file: &Path,
    ) -> Result<Self> {
        check_reach(file, &shape, size)?;
        let (line, count) = (shape.lines.first().copied(), shape.points.len());
        let mut points = Keypoints::new(scheme, shape.points)
            .ok_or_else(|| Error::format(file, line, format!("{} points", scheme.len()), count.to_string()))?;
        shape.visible.iter().enumerate().filter(|(_, v)| !**v).for_each(|(i, _)| points.hide(i));
        let shown: Vec<Point> = points.annotated().collect();
        let face = Rect::around(&shown).filter(|r| r.width > 0.0 && r.height > 0.0);
        let face = face.ok_or_else(|| {
            Error::format(file, line, "points that span a face", "points in one place or on one line")
        })?;
        let scale = scale(&points, face);
        Ok(Self { id, path, subject: None, subset: None, size, face, scale, points, pixels: None, source: None })
    }

    /// A face in `picture` below `dir`, named by it; a further one of the same picture gets its number. Its subset is
    /// the picture's folder.
    pub(crate) fn of(
        dir: &Path,
        picture: PathBuf,
        number: usize,
        scheme: &Arc<Scheme>,
        (shape, file): (Shape, &Path),
    ) -> Result<Self> {
        let mut id = io::id_below(dir, &picture);
        let subset = id.rsplit_once('/').map(|(folder, _)| folder.to_owned());
        if number > 1 {
            id += &format!("#{number}");
        }
        Ok(Self { subset, ..Self::new(id, picture, scheme, shape, file)? })
    }

    /// The face without its picture.
    pub(crate) fn annotation(&self) -> Annotation {
        let (id, picture, subject) = (self.id.clone(), self.path.clone(), self.subject.clone());
        Annotation { id, picture, subject, face: self.face, points: self.points.clone() }
    }

    /// Decodes the picture; the sample, and what its file says of how the camera was held (EXIF, 1 to 8).
    pub(crate) fn load_turned(&self) -> Result<(Sample, u8)> {
        let picture = self.pixels.as_ref().map_or_else(|| load_picture(&self.path), Pixels::load)?;
        let Picture { image, original, to_image, orientation, .. } = picture;
        if original != self.size {
            let (a, b) = (self.size, original);
            let reason = format!("{}x{} pixels where its header says {}x{}", b.width, b.height, a.width, a.height);
            return Err(Error::Picture { path: self.path.clone(), reason });
        }
        let sample = Sample {
            id: self.id.clone(),
            path: self.path.clone(),
            subject: self.subject.clone(),
            subset: self.subset.clone(),
            image,
            to_image,
            original,
            face: self.face,
            points: self.points.clone(),
            scale: self.scale,
        };
        Ok((sample, orientation))
    }

    /// Decodes the picture; the whole sample.
    pub(crate) fn load(&self) -> Result<Sample> {
        self.load_turned().map(|(sample, _)| sample)
    }
}

/// Counts the faces of each name: of `a.jpg` and `a.png` too.
#[derive(Debug, Default)]
pub(crate) struct Numbers(HashMap<PathBuf, usize>);

impl Numbers {
    /// The number of the next face in `picture`, from 1.
    pub(crate) fn next(&mut self, picture: &Path) -> usize {
        let number = self.0.entry(picture.with_extension("")).or_default();
        *number += 1;
        *number
    }
}

/// Record `i`, or an error that says how many there are.
pub(crate) fn nth<T>(records: &[T], i: usize) -> Result<&T> {
    records.get(i).ok_or_else(|| Error::Invalid(format!("expected a sample below {}, got {i}", records.len())))
}

/// Whether the faces in `dir` are rendered ones.
pub(crate) fn is_rendered(dir: &Path) -> bool {
    dir.join(MARKER).is_file()
}

/// Lengths that errors of the face are divided by; eyes in one place, or with a hidden point, give none.
pub(crate) fn scale(points: &Keypoints, face: Rect) -> Scale {
    // the normalizer of a part names points of the whole
    if points.scheme().part_of().is_some() {
        return Scale::default();
    }
    let measure = |n: Option<&Normalizer>| n?.measure(points.points(), points.visible(), face);
    let scheme = points.scheme();
    Scale { normalizer: measure(scheme.normalizer()), normalizer_pupil: measure(scheme.normalizer_pupil()) }
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

/// The size of the picture that `file` annotates, which has to be the one that it states; `wrong` makes the error of
/// what was expected and what it states.
pub(crate) fn stated_size(
    file: &Path,
    picture: &Path,
    stated: Option<Size>,
    wrong: impl FnOnce(String, String) -> Error,
) -> Result<Size> {
    let size = host_size(file, picture)?;
    let words = |s: Size| format!("{}x{}", s.width, s.height);
    match stated.filter(|stated| *stated != size) {
        Some(stated) => Err(wrong(format!("the picture's size {}", words(size)), words(stated))),
        None => Ok(size),
    }
}

/// How many picture sizes away from its picture a point may lie: somewhat outside happens, far away is a mistake.
const REACH: f64 = 3.0;

/// Refuses visible points absurdly far outside their picture.
pub(crate) fn check_reach(file: &Path, shape: &Shape, size: Size) -> Result<()> {
    let Shape { points, visible, lines } = shape;
    let within = |v: f64, side: usize| v >= -REACH * side as f64 && v <= (1.0 + REACH) * side as f64;
    let far = |p: &Point| !(within(p.x, size.width) && within(p.y, size.height));
    match points.iter().zip(visible).position(|(p, &v)| v && far(p)) {
        None => Ok(()),
        Some(i) => Err(Error::format(
            file,
            lines.get(i).copied(),
            format!("point {i} near its picture of {}x{} pixels", size.width, size.height),
            format!("({}, {})", points[i].x, points[i].y),
        )),
    }
}
