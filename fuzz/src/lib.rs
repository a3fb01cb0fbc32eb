//! The readers as the fuzzers and the replay of their corpora call them: bytes in; no panic, no endless loop, and every
//! error in one line. Each function says whether it has read its input whole.
//!
//! A crate of its own for the fuzzers, and a module of the tests in `tests/`: what stands here uses the public
//! interface of the crates, and of the local page's server the files that read a request.

#[allow(dead_code)] // the fuzzers have no server
#[path = "../../crates/cli/cmd/serve/gate.rs"]
mod gate;
#[path = "../../crates/cli/cmd/serve/request.rs"]
mod request;

use candle_core::Device;
use candle_vision_helpers::Size;
use facekp_data::{
    BoxedPhotos, Dataset, DatasetKind, PackDataset, Scheme, Split, check,
    datasets::{self, Found, map::mapped},
    formats, load_picture,
    picture::{load_photo, picture_size},
    video::Video,
};
use facekp_models::{FinderFile, WeightsFile};
use facekp_train::Recipe;
use gate::Gate;
use request::{Failure, Head};
use sha2::{Digest, Sha256};
use std::{fmt::Display, fs, io::Cursor, path::Path, sync::Arc};
use tempfile::TempDir;

/// A reader of bytes.
pub type Reader = fn(&[u8]) -> bool;

/// Every reader by its name, which is that of its target, its corpus and, where it has one, its dictionary.
pub const ALL: [(&str, Reader); 17] = [
    ("asf", asf),
    ("pts", pts),
    ("imglab", imglab),
    ("coco", coco),
    ("csv", csv),
    ("csv_pixels", csv_pixels),
    ("tps", tps),
    ("scheme", scheme),
    ("recipe", recipe),
    ("lists", lists),
    ("map", map),
    ("pack", pack),
    ("weights", weights),
    ("photo_boxes", photo_boxes),
    ("picture", picture),
    ("y4m", y4m),
    ("http", http),
];

/// What annotations are of: 24 × 16 pixels of grey.
const PICTURE: &[u8] = include_bytes!("../corpus/picture/sound_grey.png");
const SIZE: Size = Size::new(24, 16);
/// How many points a face has where its file does not say it.
const POINTS: usize = 3;
/// Three faces in two pictures.
const TABLE: &[u8] = b"file,tip_x,tip_y,root_x,root_y,end_x,end_y\n\
    a.png,4,3,12,8,20,12\na.png,5,4,13,9,19,11\nb.png,3,2,11,7,18,13\n";

/// The text of an `.asf` file: of three points by itself, and of IMM's 58 beside its picture.
pub fn asf(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let three = said(formats::asf::parse(Path::new("a.asf"), &text, POINTS)).map(|asf| asf.shape(SIZE));
    dataset(datasets::imm::KIND, &[("a.png", PICTURE), ("01-1m.asf", data)]) || three.is_some()
}

/// The text of a `.pts` file.
pub fn pts(data: &[u8]) -> bool {
    said(formats::pts::parse(Path::new("a.pts"), &String::from_utf8_lossy(data), POINTS));
    dataset(datasets::pts_folder::KIND, &[("a.png", PICTURE), ("a.pts", data)])
}

/// The text of an imglab list.
pub fn imglab(data: &[u8]) -> bool {
    let path = Path::new("a.xml");
    let (pictures, problems) = formats::imglab_xml::parse(path, &String::from_utf8_lossy(data));
    problems.iter().for_each(one_line);
    for face in pictures.iter().flat_map(|picture| &picture.boxes) {
        said(face.shape(path, POINTS));
    }
    dataset(datasets::imglab::KIND, &[("a.png", PICTURE), ("a.xml", data)])
}

/// The text of a COCO file.
pub fn coco(data: &[u8]) -> bool {
    said(formats::coco::parse(Path::new("a.json"), &String::from_utf8_lossy(data)));
    dataset(datasets::coco::KIND, &[("a.png", PICTURE), ("a.json", data)])
}

/// A table of points.
pub fn csv(data: &[u8]) -> bool {
    dataset(datasets::csv::KIND, &[("a.png", PICTURE), ("a.csv", data)])
}

/// A table that holds its pictures.
pub fn csv_pixels(data: &[u8]) -> bool {
    dataset(datasets::csv_pixels::KIND, &[("a.csv", data)])
}

/// A landmark file.
pub fn tps(data: &[u8]) -> bool {
    dataset(datasets::tps::KIND, &[("a.png", PICTURE), ("a.tps", data)])
}

/// The text of a scheme.
pub fn scheme(data: &[u8]) -> bool {
    let read = said(Scheme::from_toml(Path::new("scheme.toml"), &String::from_utf8_lossy(data)));
    let Some(scheme) = read else { return false };
    let grouped = scheme.groups().iter().flat_map(|group| group.points.clone());
    assert!(grouped.eq(0..scheme.len()), "expected groups of all points in order");
    if let Some(mirror) = scheme.mirror() {
        assert!((0..scheme.len()).all(|i| mirror[mirror[i]] == i), "expected a mirror of the mirror to change nothing");
    }
    true
}

/// The text of a recipe. What follows a line of `---` are overrides, one a line.
pub fn recipe(data: &[u8]) -> bool {
    let whole = String::from_utf8_lossy(data);
    let (text, changes) = whole.split_once("\n---\n").unwrap_or((&*whole, ""));
    let changes: Vec<String> = changes.lines().map(str::to_owned).collect();
    let Some(recipe) = said(Recipe::parse("recipe.toml", text, &changes)) else { return false };
    // run folders and weights keep it in this form
    let again = said(recipe.to_toml()).and_then(|text| said(Recipe::parse("resolved.toml", &text, &[])));
    assert!(again.is_some(), "expected the resolved recipe to be read");
    true
}

/// A list of who validates, beside a table.
pub fn lists(data: &[u8]) -> bool {
    dataset(datasets::csv::KIND, &[("a.png", PICTURE), ("b.png", PICTURE), ("faces.csv", TABLE), ("val.txt", data)])
}

/// A map from the three points of a table to two.
pub fn map(data: &[u8]) -> bool {
    let dir = folder(&[("a.png", PICTURE), ("b.png", PICTURE), ("faces.csv", TABLE), ("map.toml", data)]);
    let two = Scheme::from_toml(Path::new("two.toml"), "name = 'two'\npoints = 2\n").expect("a sound scheme");
    let faces = Found { kind: datasets::csv::KIND, path: dir.path().into() }.open().expect("a sound table");
    said(mapped(faces, &Arc::new(two), &dir.path().join("map.toml"))).is_some_and(|set| all_of(&*set))
}

/// A pack as it is, and the pack of these contents: pictures, and an index from the first `{"` on.
pub fn pack(data: &[u8]) -> bool {
    const HEADER: u64 = 56;
    let begin = data.windows(2).position(|two| two == b"{\"").unwrap_or(data.len());
    let mut sealed = b"FKPACK\x00\x01".to_vec();
    sealed.extend((HEADER + begin as u64).to_le_bytes());
    sealed.extend(((data.len() - begin) as u64).to_le_bytes());
    sealed.extend_from_slice(&Sha256::digest(data));
    sealed.extend_from_slice(data);
    let read = [pack_file(data), pack_file(&sealed)];
    read.contains(&true)
}

fn pack_file(data: &[u8]) -> bool {
    let dir = folder(&[("a.fkpack", data)]);
    let path = dir.path().join("a.fkpack");
    said(PackDataset::kind_of(&path));
    said(PackDataset::open(&path)).is_some_and(|set| all_of(&set))
}

/// A weights file as it is; one whose header is the first line, with the line's length before it; and files without
/// tensors whose manifest is the input, a network's and a face finder's.
pub fn weights(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let (header, tensors) = match data.iter().position(|&byte| byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, Default::default()),
    };
    let measured = |header: &[u8], tensors: &[u8]| {
        let length = (header.len() as u64).to_le_bytes();
        weights_file(&[&length[..], header, tensors].concat())
    };
    let described = |key: &str| {
        let header = serde_json::json!({ "__metadata__": { key: text } }).to_string();
        measured(header.as_bytes(), &[])
    };
    let read = [weights_file(data), measured(header, tensors), described("facekp"), described("facekp_finder")];
    read.contains(&true)
}

fn weights_file(data: &[u8]) -> bool {
    let dir = folder(&[("a.safetensors", data)]);
    let path = dir.path().join("a.safetensors");
    let (is_finder, finder) = (FinderFile::is_one(&path), said(FinderFile::read(&path)));
    assert!(is_finder || finder.is_none(), "expected a face finder to be known by its header");
    let network = said(WeightsFile::read(&path));
    if let Some(file) = &network {
        said(file.build(&path, &Device::Cpu));
    }
    finder.is_some() || network.is_some()
}

/// A list of photos with boxes.
pub fn photo_boxes(data: &[u8]) -> bool {
    said(formats::photo_boxes::parse(Path::new("boxes.json"), &String::from_utf8_lossy(data)));
    let dir = folder(&[("a.png", PICTURE), ("b.png", PICTURE), ("boxes.json", data)]);
    let Some(set) = said(BoxedPhotos::open(dir.path())) else { return false };
    set.photos().iter().all(|photo| said(photo.load()).is_some())
}

/// A picture of any kind, as data and as a user's photo.
pub fn picture(data: &[u8]) -> bool {
    let dir = folder(&[("a.png", data)]);
    let path = dir.path().join("a.png");
    said(load_photo(&path));
    let (size, picture) = (said(picture_size(&path)), said(load_picture(&path)));
    if let Some(picture) = &picture {
        assert_eq!(Some(picture.original), size, "expected the size that the header says");
    }
    picture.is_some()
}

/// What was read; an error is checked.
fn said<T, E: Display>(result: Result<T, E>) -> Option<T> {
    result.inspect_err(one_line).ok()
}

fn one_line(error: &impl Display) {
    let text = error.to_string();
    assert!(!text.contains('\n'), "expected an error in one line, got {text:?}");
}

/// A video, to its end.
pub fn y4m(data: &[u8]) -> bool {
    let video = said(Video::read(Box::new(Cursor::new(data.to_vec())), Path::new("a.y4m")));
    video.is_some_and(|video| video.map(said).all(|frame| frame.is_some()))
}

/// A request to the local page, up to its body: read if the gate lets it through and, where there is to be a body, its
/// length is stated.
pub fn http(data: &[u8]) -> bool {
    const TOKEN: &str = "00112233445566778899aabbccddeeff";
    let is_public: fn(&str) -> bool = |path| path == "/style.css";
    let Some(Some((head, length))) = refused(Head::of(data)) else { return false };
    let before = Head::of(&data[..length - 1]);
    assert!(!matches!(before, Ok(Some(_))), "expected a head that ends with its last byte");
    let is_let = refused(Gate::with_token(8068, TOKEN.into(), is_public).check(&head)).is_some();
    let [elsewhere, unknown] = [(8069, TOKEN), (8068, "0")].map(|(port, token)| {
        let gate = Gate::with_token(port, token.into(), is_public);
        refused(gate.check(&head)).is_some()
    });
    if is_let {
        assert!(!elsewhere, "expected a request to be let through one port alone");
        assert!(!unknown || is_public(&head.path), "expected a request to be let through with one token alone");
    }
    is_let && (head.method == "GET" || refused(head.body_length()).is_some())
}

/// What was not refused; a refusal is checked.
fn refused<T>(result: Result<T, Failure>) -> Option<T> {
    let check = |failure: &Failure| {
        one_line(&failure.message);
        assert!((400..500).contains(&failure.status), "expected a status of a refusal, got {}", failure.status);
    };
    result.inspect_err(check).ok()
}

/// A new folder with these files.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).expect("a file in it");
    }
    dir
}

/// Whether a folder with these files is a dataset of this kind that can be read to the end. It is checked, too, which
/// reads on behind what is broken.
fn dataset(kind: DatasetKind, files: &[(&str, &[u8])]) -> bool {
    let dir = folder(files);
    if let Some(report) = said(check(dir.path())) {
        report.problems.iter().for_each(one_line);
    }
    let found = Found { kind, path: dir.path().into() };
    said(found.open_plain()).is_some_and(|set| all_of(&*set))
}

/// Whether every sample of a dataset can be read.
fn all_of(set: &dyn Dataset) -> bool {
    for split in Split::ALL {
        said(set.split(split));
    }
    let mut is_whole = true;
    for i in 0..set.len() {
        let (annotation, sample) = (said(set.annotation(i)), said(set.get(i)));
        is_whole &= annotation.is_some() && sample.is_some();
    }
    is_whole
}
