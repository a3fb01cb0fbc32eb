//! From every form of annotations to every other and back, and what COCO's and imglab's files can have wrong.

use crate::common::picture;
use candle_vision_helpers::Point;
use facekp_data::{
    Dataset, Split,
    datasets::{
        coco,
        convert::{Converted, Form, convert},
        find, find_first, imglab,
    },
};
use proptest::prelude::*;
use std::{fs, path::Path};

/// Three pictures of 64 × 48 with four objects of four points as a table; `hidden` have empty cells.
pub(crate) fn table(dir: &Path, points: &[Vec<(f64, f64)>], hidden: &[(usize, usize)]) {
    let scheme = "name = \"wing\"\npoints = [\"root\", \"tip\", \"front\", \"back\"]\nmirror = [[2, 3]]\n\
        groups = [{ name = \"axis\", first = 0, last = 1 }, { name = \"edge\", first = 2, last = 3, outline = \"none\" }]\n\
        [normalizer]\nname = \"length\"\nbetween = [[0], [1]]\n";
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("scheme.toml"), scheme).unwrap();
    let mut text = "file,subject,x0,y0,x1,y1,x2,y2,x3,y3\n".to_owned();
    let files = ["a.jpg", "sub/b.png", "sub/b.png", "c.jpg"];
    for (i, (file, points)) in files.iter().zip(points).enumerate() {
        picture(&dir.join(file));
        let cell = |(k, (x, y)): (usize, &(f64, f64))| {
            if hidden.contains(&(i, k)) { ",,".to_owned() } else { format!(",{x},{y}") }
        };
        let cells: String = points.iter().enumerate().map(cell).collect();
        text += &format!("{file},{}{cells}\n", ["anna", "ben", "ben", ""][i]);
    }
    fs::write(dir.join("points.csv"), text).unwrap();
}

pub(crate) fn open(dir: &Path) -> Box<dyn Dataset> {
    find_first(dir).unwrap().open().unwrap()
}

pub(crate) type Face = (String, Vec<Option<Point>>);

pub(crate) fn faces(set: &dyn Dataset) -> Vec<Face> {
    let face = |i| {
        let face = set.annotation(i).unwrap();
        let points = face.points.points().iter().zip(face.points.visible());
        (face.id, points.map(|(p, &v)| v.then_some(*p)).collect())
    };
    (0..set.len()).map(face).collect()
}

pub(crate) fn agree(a: &[Face], b: &[Face], within: f64) {
    assert_eq!(a.len(), b.len());
    for ((id, a), (other, b)) in a.iter().zip(b) {
        assert_eq!((id, a.len()), (other, b.len()));
        for (a, b) in a.iter().zip(b) {
            let near = |a: &Point, b: &Point| (a.x - b.x).abs() <= within && (a.y - b.y).abs() <= within;
            assert!(
                a.as_ref().zip(b.as_ref()).map_or(a.is_none() && b.is_none(), |(a, b)| near(a, b)),
                "{id}: {a:?} {b:?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_form_becomes_every_other_and_keeps_points_and_what_is_hidden(
        points in prop::collection::vec(prop::collection::vec((1.0f64..60.0, 1.0f64..45.0), 4), 4),
        hidden in 0usize..4,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let first = dir.path().join("first");
        table(&first, &points, &[(1, hidden)]);
        let start = open(&first);
        let expected = faces(&*start);
        for from in Form::ALL {
            let there = dir.path().join(from.name());
            convert(&*start, from, &there).unwrap();
            let set = open(&there);
            agree(&expected, &faces(&*set), 1e-3);
            assert_eq!(set.scheme(), start.scheme());
            for to in Form::ALL {
                let back = dir.path().join(format!("{}-{}", from.name(), to.name()));
                let written = convert(&*set, to, &back).unwrap();
                assert_eq!((written.faces, written.pictures), (4, if from == Form::Pts || to == Form::Pts { 4 } else { 3 }));
                let again = open(&back);
                assert_eq!(again.scheme(), start.scheme());
                for split in [Split::Fit, Split::Val] {
                    assert_eq!(again.split(split).unwrap(), start.split(split).unwrap());
                }
                agree(&expected, &faces(&*open(&back)), 2e-3);
            }
        }
    }
}

#[test]
fn what_a_form_cannot_hold_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let face = vec![(10.0, 10.0), (40.0, 12.0), (20.0, 30.5), (30.0, 31.0)];
    let first = dir.path().join("first");
    table(&first, &vec![face; 4], &[(0, 0), (0, 1)]);
    let set = open(&first);
    let said = |form: Form| convert(&*set, form, &dir.path().join(form.name())).unwrap();
    assert_eq!(said(Form::Csv), Converted { faces: 4, pictures: 3, lost: vec![] });
    assert_eq!(said(Form::Coco).lost, ["who the faces are of (2 people)"]);
    assert_eq!(said(Form::Pts).lost, ["who the faces are of (2 people)"]);
    let again = convert(&*set, Form::Csv, &first).unwrap_err().to_string();
    assert!(again.ends_with("expected a new or empty folder, got one with files in it"), "{again}");
    let coco: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(dir.path().join("coco/annotations.json")).unwrap()).unwrap();
    // of points 20 to 30 and 30.5 to 31 the box from the pixels' edges, and a skeleton that counts from 1
    assert_eq!(coco["annotations"][0]["bbox"], serde_json::json!([20.5, 31.0, 10.0, 0.5]));
    assert_eq!(coco["categories"][0]["skeleton"], serde_json::json!([[1, 2]]));
    let csv = open(&dir.path().join("csv"));
    assert_eq!(csv.annotation(0).unwrap().subject.as_deref(), Some("anna"));

    // what cannot be read again is left out and said
    let second = dir.path().join("second");
    let corner = vec![(0.0, 0.0), (40.0, 12.0), (20.0, 30.5), (30.0, 31.0)];
    table(&second, &vec![corner; 4], &[(1, 0), (1, 1), (1, 2)]);
    fs::write(
        second.join("points.csv"),
        fs::read_to_string(second.join("points.csv")).unwrap().replace(",,,30", ",20,20,30"),
    )
    .unwrap();
    let set = open(&second);
    let out = dir.path().join("fewer");
    let converted = convert(&*set, Form::Imglab, &out).unwrap();
    let corners = "3 points at the place that stands for a hidden one";
    assert!(converted.lost.iter().any(|l| l == corners), "{converted:?}");
    assert_eq!(open(&out).len(), converted.faces);
    // the picture is copied as it is
    assert_eq!(fs::read(dir.path().join("coco/sub/b.png")).unwrap(), fs::read(first.join("sub/b.png")).unwrap());
}

/// Names that lead out of the folder and back are the pictures' own names again: nothing is written elsewhere.
#[test]
fn pictures_are_named_by_where_they_lie() {
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("own");
    picture(&own.join("a.jpg"));
    let absolute = own.join("a.jpg").display().to_string();
    for name in ["../own/a.jpg", "./a.jpg", &absolute] {
        fs::write(own.join("points.csv"), format!("file,x0,y0\n{name},20,10\n")).unwrap();
        fs::write(own.join("scheme.toml"), "name = \"one\"\npoints = 2\n").unwrap();
        fs::write(own.join("points.csv"), format!("file,x0,y0,x1,y1\n{name},20,10,30,40\n")).unwrap();
        let set = open(&own);
        assert_eq!(faces(&*set)[0].0, "a", "{name}");
        let out = dir.path().join("out");
        convert(&*set, Form::Coco, &out).unwrap();
        assert!(fs::metadata(own.join("a.jpg")).unwrap().len() > 0);
        fs::remove_dir_all(&out).unwrap();
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

/// As annotation tools write it: several objects a picture, a crowd, an annotation without points, a category without.
const COCO: &str = r#"{"info": {}, "licenses": [],
 "images": [{"id": 7, "file_name": "a.jpg", "width": 64, "height": 48}, {"id": 9, "file_name": "sub/b.png"}],
 "annotations": [
  {"id": 1, "image_id": 7, "category_id": 2, "iscrowd": false, "bbox": null, "num_keypoints": 3,
   "keypoints": [10, 12, 2, 30.5, 13, 1, 20, 30, 2]},
  {"id": 2, "image_id": 9, "category_id": 2, "keypoints": [10, 12, 2, 30, 13, 2, 0, 0, 0]},
  {"id": 3, "image_id": 9, "category_id": 2, "keypoints": [12, 12, 2, 30, 13, 2, 20, 40, 2]},
  {"id": 4, "image_id": 9, "category_id": 2, "iscrowd": 1, "keypoints": [1, 1, 2, 3, 3, 2, 2, 9, 2]},
  {"id": 5, "image_id": 9, "category_id": 2, "keypoints": [0, 0, 0, 0, 0, 0, 0, 0, 0]},
  {"id": 6, "image_id": 9, "category_id": 1}],
 "categories": [{"id": 1, "name": "box"},
  {"id": 2, "name": "paw", "keypoints": ["heel", "left", "right"], "skeleton": [[1, 2]]}]}"#;

#[test]
fn coco_is_read_as_tools_write_it_and_its_category_is_a_scheme() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    for file in ["a.jpg", "sub/b.png"] {
        picture(&d.join(file));
    }
    fs::write(d.join("instances.json"), COCO).unwrap();
    fs::write(d.join("other.json"), "{\"images\": []}").unwrap();
    // a list of boxes alone, as COCO publishes beside those of keypoints
    let boxes = "{\"images\": [], \"annotations\": [], \"categories\": [{\"id\": 1, \"name\": \"box\"}]}";
    fs::write(d.join("boxes.json"), boxes).unwrap();
    assert_eq!(find(d).unwrap()[0].kind, coco::KIND);
    let set = open(d);
    assert_eq!((set.scheme().name(), set.scheme().len(), set.scheme().mirror()), ("paw", 3, None));
    let all = faces(&*set);
    assert_eq!(all.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["a", "sub/b", "sub/b#2"]);
    assert_eq!(all[0].1[1], Some(Point::new(30.5, 13.0)), "a covered point is annotated");
    assert_eq!(all[1].1[2], None);
    let report = facekp_data::check(d).unwrap();
    assert!(report.facts.iter().any(|(name, value)| name == "skipped" && value.starts_with("2 ")), "{report:?}");
}

#[test]
fn what_is_wrong_in_coco_is_one_line_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    for file in ["a.jpg", "sub/b.png"] {
        picture(&d.join(file));
    }
    for (from, to, expected) in [
        (
            "\"image_id\": 7, \"category",
            "\"image_id\": 8, \"category",
            "expected annotation 1 with an image that is listed, got 8",
        ),
        ("\"category_id\": 1}", "\"category_id\": 3}", "expected annotation 6 with a category that is listed, got 3"),
        ("13, 1, 20, 30, 2]", "13, 1, 20, 30]", "expected annotation 1 with 9 values for 3 keypoints, got 8"),
        ("13, 1, 20", "13, 3, 20", "expected annotation 1 with a visibility of 0, 1 or 2, got 3"),
        ("\"width\": 64", "\"width\": 65", "expected annotation 1 with the picture's size 64x48, got 65x48"),
        ("\"sub/b.png\"", "\"../b.png\"", "expected annotation 2 with"),
        ("[10, 12, 2, 30.5", "[1e999, 12, 2, 30.5", "number out of range"),
        ("\"name\": \"paw\"", "\"nam\": \"paw\"", "missing field `name`"),
        ("{\"id\": 9, \"file", "{\"id\": 7, \"file", "expected every image's id once, got 7 again"),
        ("\"info\": {},", "\"info\": {,", "instances.json:1: expected COCO keypoints"),
    ] {
        assert!(COCO.contains(from), "{from}");
        fs::write(d.join("instances.json"), COCO.replacen(from, to, 1)).unwrap();
        let message = match find_first(d).and_then(|found| found.open()) {
            Ok(_) => panic!("{to} was read"),
            Err(e) => e.to_string(),
        };
        assert!(
            message.contains(expected) && message.contains("instances.json") && !message.contains('\n'),
            "{message}"
        );
    }
    let hidden = COCO.replace(", 2, ", ", 0, ").replace(", 1, ", ", 0, ").replace(", 2]", ", 0]");
    fs::write(d.join("instances.json"), hidden).unwrap();
    let none = find_first(d).unwrap().open().err().unwrap().to_string();
    assert!(none.contains("expected an annotation with marked keypoints, got none"), "{none}");
}

#[test]
fn imglab_lists_are_read_under_any_name() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    picture(&d.join("a.jpg"));
    let part = |i: usize, x: usize, y: usize| format!("<part name='{i}' x='{x}' y='{y}'/>");
    let list = |parts: &str| {
        format!(
            "<?xml version='1.0'?>\n<dataset>\n<images>\n<image file='a.jpg'>\n\
             <box top='5' left='5' width='40' height='30'>{parts}</box>\n</image>\n</images>\n</dataset>\n"
        )
    };
    let parts: String = (0..3).map(|i| part(i, 10 + 10 * i, 10 + 9 * (i % 2))).collect();
    fs::write(d.join("scheme.toml"), "name = \"paw\"\npoints = 3\n").unwrap();
    fs::write(d.join("training.xml"), list(&parts)).unwrap();
    fs::write(d.join("else.xml"), "<svg/>").unwrap();
    assert_eq!(find(d).unwrap()[0].kind, imglab::KIND);
    let set = open(d);
    assert_eq!(faces(&*set)[0].1[2], Some(Point::new(30.0, 10.0)));
    // a second list is a subset of its own
    fs::write(d.join("testing.xml"), list(&parts)).unwrap();
    let set = open(d);
    let subset = |i| set.get(i).unwrap().subset;
    assert_eq!((set.len(), subset(0).as_deref(), subset(1).as_deref()), (2, Some("testing"), Some("training")));
    fs::write(d.join("testing.xml"), list(&part(0, 10, 10))).unwrap();
    let message = find_first(d).unwrap().open().err().unwrap().to_string();
    assert!(message.contains("testing.xml:5: expected a box with 3 parts"), "{message}");
}
