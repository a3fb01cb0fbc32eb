//! Points that their file marks as not visible, `-1 -1` or `0 0`: hidden in every format, counted by a check, and in
//! no box or scale.

use crate::common::{SIZE, fact, picture, points};
use candle_vision_helpers::{Point, Rect};
use facekp_data::{
    Dataset, Sample,
    datasets::{ibug, imm, pack, pts_folder},
    formats::{asf, imglab_xml, pts},
    open_kind,
};
use std::{fs, path::Path};

/// A `.pts` with `mark` in place of the rows of `hidden`.
fn marked_face(path: &Path, hidden: &[usize], mark: &str) {
    picture(&path.with_extension("jpg"));
    pts::write(path, &points(68)).unwrap();
    let text = fs::read_to_string(path).unwrap();
    let row = |(i, l): (usize, &str)| if i >= 3 && hidden.contains(&(i - 3)) { mark.to_owned() } else { l.to_owned() };
    fs::write(path, text.lines().enumerate().map(row).collect::<Vec<_>>().join("\n")).unwrap();
}

fn hidden(sample: &Sample) -> Vec<usize> {
    (0..sample.points.visible().len()).filter(|&i| !sample.points.visible()[i]).collect()
}

#[test]
fn pts_marks_are_hidden_and_stretch_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    marked_face(&d.join("a.pts"), &[0, 36], "-1 -1");
    marked_face(&d.join("b.pts"), &[7, 8, 9], "0 0");
    marked_face(&d.join("c.pts"), &[], "");
    // Half a mark is none: a point somewhat outside is legal.
    marked_face(&d.join("d.pts"), &[7], "-1 0");
    let data = open_kind(d, pts_folder::KIND).unwrap();
    let all: Vec<_> = (0..4).map(|i| data.get(i).unwrap()).collect();
    assert_eq!(all.iter().map(hidden).collect::<Vec<_>>(), [vec![0, 36], vec![7, 8, 9], vec![], vec![]]);
    // The tight box of the others: columns 20 to 41, rows 10 to 34.
    assert_eq!(all[0].face, Rect::new(20.0, 10.0, 21.0, 24.0));
    assert_eq!(all[1].face, all[2].face);
    // Point 36 is the outer corner of an eye.
    assert_eq!((all[0].scale.normalizer, all[0].scale.normalizer_pupil), (None, None));
    assert_eq!(all[1].scale, all[2].scale);
    assert!(all[1].scale.normalizer.is_some());
    assert_eq!(fact(d, "hidden points").unwrap(), "5 in 2 faces");
}

#[test]
fn mostly_marks_are_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    // 34 of 68: of a mark's 67 others, 34 are elsewhere, which is more than half; with 35 marks it is 33.
    marked_face(&d.join("a.pts"), &(0..34).collect::<Vec<_>>(), "0 0");
    assert_eq!(fact(d, "hidden points").unwrap(), "34 in 1 face");
    marked_face(&d.join("a.pts"), &(0..35).collect::<Vec<_>>(), "0 0");
    let text = open_kind(d, pts_folder::KIND).err().unwrap().to_string();
    assert!(
        text.ends_with("a.pts:4: expected points, got mostly marks of hidden ones (-1 -1 or 0 0): 35 of 68"),
        "{text}"
    );
}

#[test]
fn asf_marks_are_the_files_own_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    for (id, mark, nose) in [("01-1m", "-1", false), ("01-2m", "0", false), ("02-1f", "0", true)] {
        picture(&d.join(format!("{id}.jpg")));
        let file = d.join(format!("{id}.asf"));
        asf::write(&file, &format!("{id}.jpg"), SIZE, &points(58)).unwrap();
        let change = |line: &str| {
            let mut words: Vec<&str> = line.split('\t').collect();
            if words.len() == 7 && (matches!(words[4], "3" | "21") || (nose && words[4] == "52")) {
                (words[2], words[3]) = (mark, mark);
            }
            words.join("\t") + "\n"
        };
        let text: String = fs::read_to_string(&file).unwrap().lines().map(change).collect();
        fs::write(&file, text).unwrap();
    }
    let data = open_kind(d, imm::KIND).unwrap();
    for i in 0..2 {
        let face = data.get(i).unwrap();
        assert_eq!((hidden(&face), face.face), (vec![3, 21], Rect::new(20.0, 10.0, 21.0, 21.0)));
        assert_eq!(face.scale.normalizer, None);
    }
    assert_eq!(fact(d, "hidden points").unwrap(), "7 in 3 faces");
    let nose = open_kind(d, imm::NOSE).unwrap();
    assert_eq!((nose.len(), nose.get(1).unwrap().id.as_str()), (2, "01-2m"), "a face without its only point is none");
}

fn list(dir: &Path, hidden: &[usize], mark: Point) {
    let at = |i: usize, p: Point| (if hidden.contains(&i) { mark } else { p }, 0);
    let parts = points(68).into_iter().enumerate().map(|(i, p)| (i, at(i, p))).collect();
    // A small box: a mark is further than three of its sides away.
    let face = imglab_xml::FaceBox { rect: Rect::new(32.5, 22.5, 7.0, 7.0), parts, decimals: 2, line: 0 };
    let one =
        imglab_xml::Picture { file: "afw/a.jpg".into(), size: Some(SIZE), boxes: vec![face], ignored: 0, line: 0 };
    imglab_xml::write(&dir.join("labels_ibug_300W_train.xml"), "one", &[one]).unwrap();
}

#[test]
fn list_marks_are_hidden_though_far_from_the_box() {
    for mark in [Point::new(-1.0, -1.0), Point::new(0.0, 0.0)] {
        let dir = tempfile::tempdir().unwrap();
        let d = dir.path();
        picture(&d.join("afw/a.jpg"));
        list(d, &[5, 40], mark);
        let face = open_kind(d, ibug::KIND).unwrap().get(0).unwrap();
        assert_eq!((hidden(&face), face.face), (vec![5, 40], Rect::new(20.0, 10.0, 21.0, 24.0)));
        assert!(face.scale.normalizer.is_some() && face.scale.normalizer_pupil.is_none(), "{:?}", face.scale);
        assert_eq!(fact(d, "hidden points").unwrap(), "2 in 1 face");
        // A .pts beside it counts from 1, and its marks are compared with nothing.
        marked_face(&d.join("afw/a.pts"), &[5, 40, 41], "0 0");
        assert_eq!(fact(d, "hidden points").unwrap(), "3 in 1 face");
        list(d, &(0..40).collect::<Vec<_>>(), mark);
        fs::remove_file(d.join("afw/a.pts")).unwrap();
        let text = open_kind(d, ibug::KIND).err().unwrap().to_string();
        assert!(text.contains(".xml:6: expected points, got mostly marks of hidden ones"), "{text}");
    }
}

#[test]
fn a_pack_keeps_what_is_hidden() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    marked_face(&d.join("a.pts"), &[0, 36], "-1 -1");
    let data = open_kind(d, pts_folder::KIND).unwrap();
    let file = d.join("a.fkpack");
    pack::write(&*data, pts_folder::KIND, &file, pack::Options::default(), &mut |_, _| {}).unwrap();
    let (a, b) = (data.get(0).unwrap(), pack::PackDataset::open(&file).unwrap().get(0).unwrap());
    assert_eq!((a.points, a.face, a.scale), (b.points, b.face, b.scale));
    assert_eq!(fact(&file, "hidden points").unwrap(), "2 in 1 face");
}
