//! Folders: what is in them is recognised, broken files are named, and a check continues to the end. On small pictures
//! made here, in the real formats.

use crate::common::{SIZE, fact, imm_face, points, pts_face};
use candle_vision_helpers::Rect;
use facekp_data::{
    Dataset, Split, check,
    datasets::{
        ibug::{self, IbugDataset, Lists, Options},
        imm::{self, ImmDataset},
        pts_folder,
    },
    formats::imglab_xml,
    open_kind, scheme,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

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

#[test]
fn a_check_of_imm_lists_every_problem() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    for id in ["01-1m", "01-2m", "02-1f", "02-2f", "03-1m", "03-2m", "04-1m", "05-1m"] {
        imm_face(d, id);
    }
    assert!(check(d).unwrap().problems.is_empty());
    assert_eq!(fact(d, "people").unwrap(), "5");

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
        "02-2f.jpg: expected a whole JPEG, PNG, WebP, BMP, GIF or TIFF picture, got one cut short",
        "03-1m.jpg: expected a whole JPEG, PNG, WebP, BMP, GIF or TIFF picture, got an empty file",
        "03-2m.asf: expected the number of points, got an empty file",
        "four.asf: expected a name such as 01-1m.asf",
        "04-1m.jpg: expected an annotation (.asf) beside it, got none",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for text in expected {
        assert!(problems.iter().any(|p| p.contains(text)), "{text} is not in {problems:#?}");
    }
    assert!(check(d).unwrap().facts.contains(&("pictures".into(), "2".into())));
    assert!(open_kind(d, imm::KIND).err().unwrap().to_string().contains("01-2m.asf:8: expected"));
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
    assert!(open_kind(dir.path(), imm::KIND).unwrap().is_synthetic());

    let alone = tempfile::tempdir().unwrap();
    imm_face(alone.path(), "01-1m");
    assert!(ImmDataset::open(alone.path()).unwrap().split(Split::Train).is_err());
}

#[test]
fn folders_are_recognised_by_what_they_hold() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let missing = |kind| open_kind(d, kind).err().unwrap().to_string();
    assert!(missing(imm::KIND).ends_with("expected IMM (.asf), found none"));
    assert!(missing(ibug::KIND).contains("expected iBUG 300-W"));
    assert!(check(d).is_err());
    imm_face(&d.join("imm_face_db"), "01-1m");
    pts_face(&d.join("ibug_300W"), "afw/a");
    assert!(missing(pts_folder::KIND).contains("expected pictures beside .pts"), "not iBUG's faces by another name");
    pts_face(&d.join("ytf_68"), "b");
    assert_eq!(open_kind(d, imm::NOSE).unwrap().scheme(), &*scheme::NOSE_1);
    assert_eq!(open_kind(d, ibug::KIND).unwrap().get(0).unwrap().id, "afw/a");
    assert_eq!(open_kind(d, pts_folder::KIND).unwrap().get(0).unwrap().id, "b");
    assert_eq!(open_kind(&d.join("ytf_68"), pts_folder::KIND).unwrap().len(), 1);
    let facts = check(d).unwrap().facts;
    assert!(
        facts.contains(&("ibug_300W: faces".into(), "1".into()))
            && facts.contains(&("imm_face_db: pictures".into(), "1".into()))
    );
    let own = tempfile::tempdir().unwrap();
    pts_face(own.path(), "holiday/beach/c");
    assert_eq!(
        open_kind(own.path(), pts_folder::KIND).unwrap().get(0).unwrap().subset.as_deref(),
        Some("holiday/beach")
    );
    assert!(open_kind(&own.path().join("nowhere"), pts_folder::KIND).is_err());
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
        assert_eq!(["faces", "train"].map(|name| fact(dir.path(), name).unwrap()), ["5", "2"]);
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
