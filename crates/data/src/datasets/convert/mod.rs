//! Writes a dataset's annotations in another form, its pictures beside them.

mod files;

use crate::{
    dataset::Dataset,
    datasets::lists::LISTS,
    error::{Error, Result},
    io::{self, whole_folder, write_whole},
    sample::{Annotation, Sample},
    scheme::Scheme,
    split::Split,
    synthetic::MARKER,
};
use candle_vision_helpers::{Affine, Point};
use image::{ImageFormat, RgbImage};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    io::Cursor,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

/// A form of annotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A `.pts` beside each picture.
    Pts,
    /// One of imglab's lists, `annotations.xml`.
    Imglab,
    /// COCO's keypoints, `annotations.json`.
    Coco,
    /// A table of points, `annotations.csv`.
    Csv,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pts, Self::Imglab, Self::Coco, Self::Csv];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pts => "pts",
            Self::Imglab => "imglab",
            Self::Coco => "coco",
            Self::Csv => "csv",
        }
    }

    /// The path of the annotations that [`convert`] wrote into the folder `out`; the folder where they lie beside
    /// pictures.
    pub fn file(self, out: &Path) -> PathBuf {
        match self {
            Self::Pts => out.to_path_buf(),
            Self::Imglab => out.join("annotations.xml"),
            Self::Coco => out.join("annotations.json"),
            Self::Csv => out.join("annotations.csv"),
        }
    }

    /// The 0-based positions that stand for a hidden point, for forms that have no other way to say it: what the file
    /// writes as -1 -1, which is written here, and as 0 0.
    fn marks(self) -> Option<[Point; 2]> {
        let at = |v: f64| Point::new(v, v);
        match self {
            // counted from 1
            Self::Pts => Some([at(-2.0), at(-1.0)]),
            Self::Imglab => Some([at(-1.0), at(0.0)]),
            Self::Coco | Self::Csv => None,
        }
    }

    /// The points of a face as the form has them.
    fn points(self, face: &Annotation) -> Vec<Point> {
        let hidden = self.marks().map_or(Point::default(), |[hidden, _]| hidden);
        let shown = face.points.points().iter().zip(face.points.visible());
        shown.map(|(p, &v)| if v { *p } else { hidden }).collect()
    }
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Converted {
    /// Faces.
    pub faces: usize,
    /// Copied pictures.
    pub pictures: usize,
    /// What the form cannot hold, a line each.
    pub lost: Vec<String>,
}

/// Gives the picture of a face, by the face's name, where it is in no file of its own.
pub type Decode<'a> = &'a dyn Fn(&str) -> Result<Arc<RgbImage>>;

/// A picture of the new folder, and the faces in it.
struct Picture<'a> {
    file: String,
    from: &'a Path,
    faces: Vec<&'a Annotation>,
}

impl Picture<'_> {
    /// Each face's name, and its name in the new folder.
    fn names(&self) -> impl Iterator<Item = (&str, String)> {
        let stem = self.file.rsplit_once('.').map_or(self.file.as_str(), |(stem, _)| stem);
        let numbered = move |k: usize| if k == 0 { stem.to_owned() } else { format!("{stem}#{}", k + 1) };
        self.faces.iter().enumerate().map(move |(k, face)| (face.id.as_str(), numbered(k)))
    }
}

/// Writes all faces of `set` into `out`, a folder that is new or empty: annotations in the given form, the scheme as
/// `scheme.toml`, and copies of the pictures under the names of their samples; what is no file of its own (in a pack,
/// or a table with pixels) becomes a PNG, as it is stored. The folder appears whole or not at all.
///
/// # Errors
/// When something is in the folder, a picture cannot be read, or something cannot be written.
pub fn convert(set: &dyn Dataset, form: Form, out: &Path) -> Result<Converted> {
    let mut all = Vec::with_capacity(set.len());
    let (mut stored, mut shrunk) = (HashMap::new(), 0);
    for i in 0..set.len() {
        let annotation = set.annotation(i)?;
        all.push(if annotation.picture.is_file() {
            annotation
        } else {
            let Sample { to_image, .. } = set.get(i)?;
            shrunk += usize::from(to_image != Affine::IDENTITY);
            stored.insert(annotation.id.clone(), i);
            annotation.transformed(&to_image)
        });
    }
    let decode = |id: &str| match stored.get(id) {
        Some(&i) => Ok(set.get(i)?.image),
        None => Err(Error::Invalid(format!("{id}: expected a picture, got none"))),
    };
    let own = [Split::Common, Split::Challenging].into_iter().filter(|s| set.split(*s).is_ok());
    let own: Vec<&str> = own.map(Split::name).collect();
    let lists = lists(set, &all)?;
    let title = &set.describe();
    let about = About { scheme: set.scheme(), title, synthetic: set.is_synthetic(), lists, decode: Some(&decode) };
    let mut converted = write_folder(&about, all, form, out)?;
    if shrunk > 0 {
        converted.lost.push(format!("the original size of {shrunk} pictures that are stored at another"));
    }
    if !own.is_empty() {
        converted.lost.push(format!("which test faces are {}: test.txt names them all", own.join(" and ")));
    }
    Ok(converted)
}

/// The names of the faces that validate, and of those that are kept for a test.
fn lists(set: &dyn Dataset, all: &[Annotation]) -> Result<BTreeMap<Split, BTreeSet<String>>> {
    let names = |split| -> BTreeSet<String> {
        let indices = set.split(split).unwrap_or_default();
        indices.into_iter().filter_map(|i| all.get(i)).map(|face| face.id.clone()).collect()
    };
    let val = names(Split::Val);
    // of some datasets they are the same
    let test = names(Split::Test).difference(&val).cloned().collect();
    Ok(BTreeMap::from([(Split::Val, val), (Split::Test, test)]))
}

/// Fails where [`write_folder`] would refuse to write, before any work is done.
///
/// # Errors
/// When something is in the folder, or it has no name.
pub fn check_new(out: &Path) -> Result<()> {
    io::check_new(out)
}

/// What a folder of annotations says of all of them.
#[derive(Clone)]
pub struct About<'a> {
    /// The points' scheme.
    pub scheme: &'a Scheme,
    /// One line.
    pub title: &'a str,
    /// Whether the faces are rendered ones.
    pub synthetic: bool,
    /// The names of the faces of splits that lists can say, `val` and `test`.
    pub lists: BTreeMap<Split, BTreeSet<String>>,
    /// Where some pictures are in no files of their own.
    pub decode: Option<Decode<'a>>,
}

/// Writes annotations into `out`, as [`convert`] does.
///
/// # Errors
/// As [`convert`].
pub fn write_folder(about: &About<'_>, all: Vec<Annotation>, form: Form, out: &Path) -> Result<Converted> {
    check_new(out)?;
    let (kept, lost) = kept(all, form);
    if kept.is_empty() {
        return Err(Error::format(out, None, "faces to write", "none"));
    }
    let pictures = pictures(&kept, form, about.decode.is_some())?;
    whole_folder(out, |draft| write(about, form, &pictures, draft))?;
    Ok(Converted { faces: kept.len(), pictures: pictures.len(), lost })
}

fn write(about: &About<'_>, form: Form, pictures: &[Picture<'_>], out: &Path) -> Result<()> {
    for picture in pictures {
        let to = out.join(&picture.file);
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
        }
        match (about.decode, picture.faces.first()) {
            (Some(decode), Some(face)) if !picture.from.is_file() => {
                let mut png = Cursor::new(Vec::new());
                let encoded = decode(&face.id)?.write_to(&mut png, ImageFormat::Png);
                encoded.map_err(|e| Error::Invalid(format!("{}: {e}", face.id)))?;
                fs::write(&to, png.into_inner()).map_err(|e| Error::io(&to, e))?;
            }
            _ => drop(fs::copy(picture.from, &to).map_err(|e| Error::io(&to, e))?),
        }
    }
    let scheme = about.scheme;
    let text = toml::to_string(scheme).map_err(|e| Error::Invalid(format!("{}: {e}", scheme.name())))?;
    write_whole(&out.join("scheme.toml"), text.as_bytes())?;
    if about.synthetic {
        write_whole(&out.join(MARKER), b"rendered, no photographs\n")?;
    }
    for (name, split) in LISTS {
        let names = pictures.iter().flat_map(Picture::names);
        let listed = |id: &str| about.lists.get(&split).is_some_and(|list| list.contains(id));
        let chosen: String = names.filter(|(id, _)| listed(id)).map(|(_, name)| name + "\n").collect();
        if !chosen.is_empty() {
            write_whole(&out.join(name), chosen.as_bytes())?;
        }
    }
    files::write(about, form, pictures, out)
}

/// Each picture once, or, for annotations beside it, once for each of its faces.
fn pictures(all: &[Annotation], form: Form, decodes: bool) -> Result<Vec<Picture<'_>>> {
    let mut stems = BTreeSet::new();
    let mut by_file: BTreeMap<String, Picture<'_>> = BTreeMap::new();
    for face in all {
        let is_file = face.picture.is_file();
        if !is_file && !decodes {
            return Err(Error::format(&face.picture, None, "a picture in a file of its own", "none"));
        }
        let stem = if form == Form::Pts || !is_file { face.id.as_str() } else { base(face) };
        let end = if is_file { face.picture.extension().unwrap_or_default().to_string_lossy() } else { "png".into() };
        let file = format!("{stem}.{end}");
        if !Path::new(&file).components().all(|c| matches!(c, Component::Normal(_))) {
            return Err(Error::format(&face.picture, None, "a name that stays in its folder", file));
        }
        // two annotations beside pictures would be one file
        if form == Form::Pts && !stems.insert(stem) {
            return Err(Error::format(&face.picture, None, "one picture of each name", stem));
        }
        let entry = || Picture { file: file.clone(), from: &face.picture, faces: Vec::new() };
        let picture = by_file.entry(file.clone()).or_insert_with(entry);
        if picture.from != face.picture {
            return Err(Error::format(&face.picture, None, "one picture of each name", file));
        }
        picture.faces.push(face);
    }
    Ok(by_file.into_values().collect())
}

/// A sample's name without the number of a further face in its picture.
fn base(face: &Annotation) -> &str {
    let (id, own) = (face.id.as_str(), face.picture.file_stem().unwrap_or_default().to_string_lossy());
    match id.rsplit_once('#') {
        Some((base, _)) if base.rsplit('/').next() == Some(&*own) => base,
        _ => id,
    }
}

/// The faces that the form can hold, and what of them and of the others it cannot, a line each.
fn kept(all: Vec<Annotation>, form: Form) -> (Vec<Annotation>, Vec<String>) {
    let mut lost = Vec::new();
    let people: BTreeSet<&String> = all.iter().filter_map(|face| face.subject.as_ref()).collect();
    if form != Form::Csv && !people.is_empty() {
        lost.push(format!("who the faces are of ({} people)", people.len()));
    }
    let Some([hidden, other]) = form.marks() else { return (all, lost) };
    let mostly_hidden = |face: &Annotation| {
        let hidden = face.points.visible().iter().filter(|v| !**v).count();
        2 * hidden > face.points.visible().len()
    };
    let (gone, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(mostly_hidden);
    if !gone.is_empty() {
        lost.push(format!("{} faces, most of whose points are hidden", gone.len()));
    }
    // positions are rounded when they are written
    let is_near = |p: &Point, mark: Point| p.distance(mark) < 1e-3;
    let shown = |face: &Annotation| face.points.annotated().filter(|p| is_near(p, hidden) || is_near(p, other)).count();
    let taken: usize = kept.iter().map(shown).sum();
    if taken > 0 {
        lost.push(format!("{taken} points at the place that stands for a hidden one"));
    }
    (kept, lost)
}
