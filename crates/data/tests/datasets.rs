//! Folders: what is in them is recognised, broken files are named, and a check goes on to the end. On small pictures
//! made here, in the real formats.
// Long because every kind of folder is compared with every other in one place.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use candle_vision_helpers::{Point, Rect, Size};
use facekp_data::{
    Dataset, DatasetKind, Split, check,
    datasets::ibug::{IbugDataset, Lists, Options},
    datasets::imm::ImmDataset,
    datasets::pack::{self, Area, Encoding, PackDataset},
    formats::{asf, imglab_xml, pts},
    open_kind, scheme,
};
use image::RgbImage;
use std::{
    fs,
    path::{Path, PathBuf},
};

const SIZE: Size = Size::new(64, 48);

fn picture(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let shade = |x: u32, y: u32| image::Rgb([(x * 4) as u8, (y * 5) as u8, 90]);
    RgbImage::from_fn(64, 48, shade).save(path).unwrap();
}

/// `count` points that span the picture's middle.
fn points(count: usize) -> Vec<Point> {
    (0..count).map(|i| Point::new(20.0 + (i % 8) as f64 * 3.0, 10.0 + (i / 8) as f64 * 3.0)).collect()
}

fn imm_face(dir: &Path, id: &str) {
    picture(&dir.join(format!("{id}.jpg")));
    asf::write(&dir.join(format!("{id}.asf")), &format!("{id}.jpg"), SIZE, &points(58)).unwrap();
}

fn pts_face(dir: &Path, id: &str) {
    picture(&dir.join(format!("{id}.jpg")));
    pts::write(&dir.join(format!("{id}.pts")), &points(68)).unwrap();
}

fn listed(ids: &[&str]) -> Vec<imglab_xml::Picture> {
    let parts = points(68).into_iter().map(|p| (p, 0)).enumerate().collect();
    let face = imglab_xml::FaceBox { rect: Rect::new(19.5, 9.5, 22.0, 25.0), parts, decimals: 2, line: 0 };
    let picture = |id: &&str| imglab_xml::Picture {
        file: format!("{id}.jpg"),
        size: Some(SIZE),
        boxes: vec![face.clone()],
        ignored: 0,
        line: 0,
    };
    ids.iter().map(picture).collect()
}

fn edit(path: PathBuf, from: &str, to: &str) {
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

fn fact(dir: &Path, name: &str) -> String {
    let report = check(dir).unwrap();
    report.facts.into_iter().find(|f| f.0 == name).map(|f| f.1).unwrap_or_default()
}

#[test]
fn a_check_of_imm_lists_every_problem() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    for id in ["01-1m", "01-2m", "02-1f", "02-2f", "03-1m", "03-2m", "04-1m", "05-1m"] {
        imm_face(d, id);
    }
    assert!(check(d).unwrap().problems.is_empty());
    assert_eq!(fact(d, "people"), "5");

    edit(d.join("01-2m.asf"), "0.32031250", "NaN");
    fs::remove_file(d.join("02-1f.jpg")).unwrap();
    let jpeg = fs::read(d.join("02-2f.jpg")).unwrap();
    fs::write(d.join("02-2f.jpg"), &jpeg[..jpeg.len() - 200]).unwrap();
    fs::write(d.join("03-1m.jpg"), b"").unwrap();
    fs::write(d.join("03-2m.asf"), b"").unwrap();
    fs::rename(d.join("04-1m.asf"), d.join("four.asf")).unwrap();
    let problems: Vec<_> = check(d).unwrap().problems.iter().map(|e| e.to_string()).collect();
    let expected = [
        "01-2m.asf:8: expected a number for x, got \"NaN\"",
        "02-1f.asf: expected its picture 02-1f.jpg in the folder, got no such file",
        "02-2f.jpg: expected a whole JPEG or PNG picture, got one cut short",
        "03-1m.jpg: expected a whole JPEG or PNG picture, got an empty file",
        "03-2m.asf: expected the number of points, got an empty file",
        "four.asf: expected a name such as 01-1m.asf",
        "04-1m.jpg: expected an annotation (.asf) beside it, got none",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for text in expected {
        assert!(problems.iter().any(|p| p.contains(text)), "{text} is not in {problems:#?}");
    }
    assert_eq!(fact(d, "pictures"), "2");
    assert!(open_kind(d, DatasetKind::Imm58).err().unwrap().to_string().contains("01-2m.asf:8: expected"));
}

#[test]
fn a_small_imm_validates_on_its_last_sixth() {
    let dir = tempfile::tempdir().unwrap();
    for person in 1..=12 {
        imm_face(dir.path(), &format!("{person:02}-1m"));
    }
    let data = ImmDataset::open(dir.path()).unwrap();
    assert!(!data.is_synthetic());
    assert_eq!((data.split(Split::Train).unwrap().len(), data.split(Split::Val).unwrap()), (10, vec![10, 11]));
    fs::write(dir.path().join("SYNTHETIC"), "rendered").unwrap();
    assert!(open_kind(dir.path(), DatasetKind::Imm58).unwrap().is_synthetic());

    let alone = tempfile::tempdir().unwrap();
    imm_face(alone.path(), "01-1m");
    assert!(ImmDataset::open(alone.path()).unwrap().split(Split::Train).is_err());
}

#[test]
fn folders_are_recognised_by_what_they_hold() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let missing = |kind| open_kind(d, kind).err().unwrap().to_string();
    assert!(
        missing(DatasetKind::Imm58)
            .ends_with("expected the IMM face database (.asf files, or imm_face_db/ with them), found none")
    );
    assert!(missing(DatasetKind::Ibug68).contains("expected iBUG 300-W"));
    assert!(check(d).is_err());
    imm_face(&d.join("imm_face_db"), "01-1m");
    pts_face(&d.join("ibug_300W"), "afw/a");
    assert!(
        missing(DatasetKind::Pts68).contains("expected pictures beside .pts files"),
        "not iBUG's faces by another name"
    );
    pts_face(&d.join("ytf_68"), "b");
    assert_eq!(open_kind(d, DatasetKind::ImmNose).unwrap().scheme(), &*scheme::NOSE_1);
    assert_eq!(open_kind(d, DatasetKind::Ibug68).unwrap().get(0).unwrap().id, "afw/a");
    assert_eq!(open_kind(d, DatasetKind::Pts68).unwrap().get(0).unwrap().id, "b");
    assert_eq!(open_kind(&d.join("ytf_68"), DatasetKind::Pts68).unwrap().len(), 1);
    let facts = check(d).unwrap().facts;
    assert!(
        facts.contains(&("ibug_300W: faces".into(), "1".into()))
            && facts.contains(&("imm_face_db: pictures".into(), "1".into()))
    );
    let own = tempfile::tempdir().unwrap();
    pts_face(own.path(), "holiday/beach/c");
    assert_eq!(
        open_kind(own.path(), DatasetKind::Pts68).unwrap().get(0).unwrap().subset.as_deref(),
        Some("holiday/beach")
    );
    assert!(open_kind(&own.path().join("nowhere"), DatasetKind::Pts68).is_err());
}

/// afw 2 + 1 mirror, helen/testset 1, ibug 1; the lists mix them as dlib's do.
fn ibug(dir: &Path, with_pts: bool) {
    let ids = ["afw/a", "afw/a_mirror", "afw/b", "helen/testset/c", "ibug/d"];
    ids.iter().for_each(|id| pts_face(dir, id));
    if !with_pts {
        ids.iter().for_each(|id| fs::remove_file(dir.join(format!("{id}.pts"))).unwrap());
    }
    let (train, test) = (["afw/a", "afw/a_mirror", "ibug/d"], ["afw/b", "helen/testset/c"]);
    imglab_xml::write(&dir.join("labels_ibug_300W_train.xml"), "train", &listed(&train)).unwrap();
    imglab_xml::write(&dir.join("labels_ibug_300W_test.xml"), "test", &listed(&test)).unwrap();
    // dlib's package also has a list of everything.
    imglab_xml::write(&dir.join("labels_ibug_300W.xml"), "all", &listed(&ids)).unwrap();
}

#[test]
fn ibug_splits_by_folder_or_by_list() {
    for with_pts in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        ibug(dir.path(), with_pts);
        let ids = |data: &IbugDataset, split| -> Vec<String> {
            data.split(split).unwrap().iter().map(|&i| data.get(i).unwrap().id).collect()
        };
        let standard = IbugDataset::open(dir.path()).unwrap();
        assert_eq!(ids(&standard, Split::Train), ["afw/a", "afw/b"]);
        assert_eq!(ids(&standard, Split::Common), ["helen/testset/c"]);
        assert_eq!(ids(&standard, Split::Challenging), ["ibug/d"]);
        assert_eq!(ids(&standard, Split::Full), ["helen/testset/c", "ibug/d"]);
        assert_eq!(
            (ids(&standard, Split::Val), ids(&standard, Split::Fit)),
            (vec!["afw/a".into()], vec!["afw/b".to_owned()])
        );

        let dlib = |keep_mirrors| {
            let options = Options { lists: Lists::Dlib, keep_mirrors, ..Options::default() };
            IbugDataset::with_options(dir.path(), options).unwrap()
        };
        assert_eq!(ids(&dlib(false), Split::Train), ["afw/a", "ibug/d"]);
        assert_eq!(ids(&dlib(true), Split::Train), ["afw/a", "afw/a_mirror", "ibug/d"]);
        assert_eq!(ids(&dlib(false), Split::Test), ["afw/b", "helen/testset/c"]);
        assert_eq!((fact(dir.path(), "faces"), fact(dir.path(), "train")), ("5".into(), "2".into()));
    }
}

#[test]
fn a_check_of_ibug_lists_every_problem() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    ibug(d, true);
    assert!(check(d).unwrap().problems.is_empty());
    // The list disagrees with the .pts of a; b's picture is gone; c's .pts lost its end; d lies far away.
    edit(d.join("labels_ibug_300W_train.xml"), "x=\"20.00\"", "x=\"21.00\"");
    fs::remove_file(d.join("afw/b.jpg")).unwrap();
    edit(d.join("helen/testset/c.pts"), "}", "");
    edit(d.join("ibug/d.pts"), "21.000 11.000", "21.000 99999");
    let problems: Vec<_> = check(d).unwrap().problems.iter().map(|e| e.to_string()).collect();
    let expected = [
        "afw/a.pts: expected the list's points within their rounding (0.0055 px), got a difference of 1.0000 px",
        "labels_ibug_300W_test.xml:5: expected a picture that is there, got \"afw/b.jpg\"",
        "helen/testset/c.pts:72: expected 68 points and }, got the end of the file after 68 points",
        "ibug/d.pts:4: expected point 0 near its picture of 64x48 pixels, got (20, 99998)",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for text in expected {
        assert!(problems.iter().any(|p| p.contains(text)), "{text} is not in {problems:#?}");
    }
    edit(
        d.join("labels_ibug_300W_test.xml"),
        "<image file=\"afw/b.jpg\" width=\"64\"",
        "<image file=\"afw/a.jpg\" width=\"65\"",
    );
    let text = IbugDataset::open(d).err().unwrap().to_string();
    assert!(text.contains(".pts:") || text.contains(".xml:"), "{text}");
}

#[test]
fn several_faces_in_a_picture_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    pts_face(dir.path(), "afw/a");
    let mut list = listed(&["afw/a"]);
    let again = list[0].boxes[0].clone();
    list[0].boxes.push(again);
    imglab_xml::write(&dir.path().join("labels_ibug_300W_train.xml"), "two", &list).unwrap();
    let data = IbugDataset::open(dir.path()).unwrap();
    assert_eq!((data.get(0).unwrap().id, data.get(1).unwrap().id), ("afw/a".into(), "afw/a#2".into()));
}

fn packed(options: pack::Options) -> (tempfile::TempDir, PathBuf, Box<dyn Dataset>) {
    let dir = tempfile::tempdir().unwrap();
    for person in 1..=3 {
        imm_face(&dir.path().join("data"), &format!("{person:02}-1m"));
    }
    let data = open_kind(&dir.path().join("data"), DatasetKind::Imm58).unwrap();
    let path = dir.path().join("small.fkpack");
    let mut heard = Vec::new();
    pack::write(&*data, DatasetKind::Imm58, &path, options, &mut |done, of| heard.push((done, of))).unwrap();
    assert_eq!(heard, [(3, 3)]);
    (dir, path, data)
}

#[test]
fn a_pack_shows_what_was_packed() {
    let options = pack::Options { area: Area::Face(1.5), side: 32, encoding: Encoding::Png };
    let (dir, path, data) = packed(options);
    for pack in [open_kind(&path, DatasetKind::Imm58).unwrap(), open_kind(dir.path(), DatasetKind::Imm58).unwrap()] {
        assert_eq!((pack.len(), pack.scheme()), (3, data.scheme()));
        assert_eq!(pack.split(Split::Val).unwrap(), data.split(Split::Val).unwrap());
        assert!(pack.split(Split::Common).is_err());
        for i in 0..3 {
            let (a, b) = (data.get(i).unwrap(), pack.get(i).unwrap());
            assert_eq!(
                (a.id, a.subject, a.subset, a.original, a.face, a.scale),
                (b.id, b.subject, b.subset, b.original, b.face, b.scale)
            );
            assert_eq!(a.points, b.points);
            // A box of 21 x 21 times 1.5 is 31.5 px, no shrinking: 33 or 34 whole pixels about it.
            assert_eq!(b.to_image.scale(), 1.0);
            assert!((32..=34).contains(&b.image.width()), "{}", b.image.width());
            // The same picture at the same place.
            for p in [Point::new(25.0, 20.0), Point::new(33.0, 15.0)] {
                let q = b.to_image.apply(p);
                assert_eq!(q, Point::new(q.x.round(), q.y.round()));
                let (pixel, cut) =
                    (a.image.get_pixel(p.x as u32, p.y as u32), b.image.get_pixel(q.x as u32, q.y as u32));
                assert_eq!(pixel, cut);
            }
        }
    }
    assert!(open_kind(&path, DatasetKind::Ibug68).is_err());
    assert!(check(&path).unwrap().problems.is_empty());
}

#[test]
fn a_shrunk_pack_keeps_its_geometry() {
    let options = pack::Options { area: Area::Picture, side: 32, encoding: Encoding::Png };
    let (_dir, path, _) = packed(options);
    let sample = PackDataset::open(&path).unwrap().get(0).unwrap();
    assert_eq!(sample.image.dimensions(), (32, 24));
    // The whole area goes onto the whole area: half the size, centres at (x + 0.5) / 2 - 0.5.
    assert_eq!(sample.to_image.apply(Point::new(10.0, 20.0)), Point::new(4.75, 9.75));
    // The ramps of the picture, 4 a pixel in x and 5 in y, read at (16.5, 20.5).
    let [r, g, _] = sample.image.get_pixel(8, 10).0;
    assert!((f64::from(r) - 66.0).abs() < 4.0 && (f64::from(g) - 102.5).abs() < 5.0, "{r} {g}");
}

#[test]
fn a_broken_pack_is_named() {
    let (dir, path, data) = packed(pack::Options::default());
    let whole = fs::read(&path).unwrap();
    let complaint = |bytes: &[u8]| {
        let path = dir.path().join("broken.fkpack");
        fs::write(&path, bytes).unwrap();
        PackDataset::open(&path).err().map(|e| e.to_string()).unwrap_or_default()
    };
    let altered = |at: usize, by: u8| {
        let mut bytes = whole.clone();
        bytes[at] ^= by;
        complaint(&bytes)
    };
    assert_eq!(complaint(&whole), "");
    assert!(complaint(b"").ends_with("expected a facekp pack, got 0 bytes of something else"));
    assert!(complaint(&whole[..whole.len() - 1]).contains(&format!(
        "expected {} bytes, got {}",
        whole.len(),
        whole.len() - 1
    )));
    assert!(complaint(&whole[..100]).contains("bytes, got 100"));
    assert!(altered(0, 1).contains("expected a facekp pack"));
    assert!(altered(7, 2).contains("expected a pack of version 1, got version 3"));
    for at in [8, 15, 16, 23, 24, 60, whole.len() / 2, whole.len() - 1] {
        let text = altered(at, 1);
        assert!(text.contains("broken.fkpack: expected ") && text.lines().count() == 1, "byte {at}: {text:?}");
    }
    let small = pack::Options { side: 0, ..pack::Options::default() };
    let refused = dir.path().join("refused.fkpack");
    assert!(pack::write(&*data, DatasetKind::Imm58, &refused, small, &mut |_, _| {}).is_err());
    fs::write(dir.path().join("data/02-1m.jpg"), b"").unwrap();
    assert!(pack::write(&*data, DatasetKind::Imm58, &refused, pack::Options::default(), &mut |_, _| {}).is_err());
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "no partial file is left: {left:?}");
}
