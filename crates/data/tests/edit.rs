//! A point that is moved or hidden changes in its file, and nothing else of the file does.

use candle_vision_helpers::{Point, Size};
use facekp_data::{
    Dataset, Error, Keypoints,
    datasets::find_first,
    edit::{Entry, LastRead, entries},
    source::Source,
};
use image::RgbImage;
use proptest::prelude::*;
use std::{fs, path::Path};

const SIZE: Size = Size { width: 40, height: 30 };

/// A folder with two pictures and a file of annotations.
fn folder(name: &str, text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for picture in ["a.png", "b.png"] {
        RgbImage::new(40, 30).save(dir.path().join(picture)).unwrap();
    }
    fs::write(dir.path().join(name), text).unwrap();
    dir
}

fn open(dir: &Path) -> (Box<dyn Dataset>, Vec<Entry>) {
    let found = find_first(dir).unwrap();
    let set = found.open_plain().unwrap();
    let entries = entries(&found.path, found.kind, set.as_ref()).unwrap();
    (set, entries)
}

fn source(entries: &[Entry], id: &str) -> Source {
    entries.iter().find(|e| e.id == id).unwrap().source.clone().unwrap()
}

/// The face as it stands in its file, with point `i` elsewhere or, for `None`, hidden.
fn changed(set: &dyn Dataset, source: &Source, i: usize, to: Option<(f64, f64)>) -> (String, Keypoints) {
    let now = source.read(set.scheme().len()).unwrap().unwrap();
    let mut points = now.shape.points;
    if let Some((x, y)) = to {
        points[i] = Point::new(x, y);
    }
    let mut face = Keypoints::new(set.scheme(), points).unwrap();
    let hidden = |k: usize| if k == i { to.is_none() } else { !now.shape.visible[k] };
    (0..face.points().len()).filter(|&k| hidden(k)).for_each(|k| face.hide(k));
    (now.digest, face)
}

/// What a file of this text becomes by a change of point `i` of face `id`.
fn after(name: &str, text: &str, id: &str, changes: &[(usize, Option<(f64, f64)>)]) -> String {
    let dir = folder(name, text);
    let (set, entries) = open(dir.path());
    let source = source(&entries, id);
    for &(i, to) in changes {
        let (digest, face) = changed(set.as_ref(), &source, i, to);
        let new = source.save(Some(&digest), &face, SIZE).unwrap();
        assert_eq!(source.read(face.points().len()).unwrap().unwrap().digest, new);
        let refused = source.save(Some(&digest), &face, SIZE).unwrap_err();
        assert!(matches!(refused, Error::Changed { .. }), "{refused}");
    }
    open(dir.path());
    fs::read_to_string(dir.path().join(name)).unwrap()
}

#[test]
fn a_row_of_pts() {
    let text = "version: 1\r\nn_points: 3\r\n{\r\n10.5 20.25\r\n  30 14.123456\r\n22 11\r\n}\r\n";
    let moved = after("a.pts", text, "a", &[(0, Some((11.5, 19.25)))]);
    assert_eq!(moved, text.replace("10.5 20.25", "12.500 20.250"));
    let hidden = after("a.pts", text, "a", &[(1, None)]);
    assert_eq!(hidden, text.replace("30 14.123456", "-1 -1"));
}

#[test]
fn three_numbers_of_coco() {
    let text = r#"{"info": {"x": 1}, "images":[{"id":7,"file_name":"a.png","width":40,"height":30}],
 "annotations": [ {"id":1,"image_id":7,"category_id":1,"iscrowd":1,"keypoints":[1,1,2,5,5,2,9,9,2]},
  {"keypoints":[10.5, 4,2, 20,14.0,1 ,12,25, 2], "id":2, "image_id":7,"category_id":1,"num_keypoints":3,"a":[1.50]} ],
 "categories":[{"id":1,"name":"wing","keypoints":["a","b","c"]}]}"#;
    let moved = after("list.json", text, "a", &[(1, Some((21.25, 14.0)))]);
    assert_eq!(moved, text.replace("20,14.0,1", "21.25,14,1"));
    let hidden = after("list.json", text, "a", &[(0, None)]);
    assert_eq!(hidden, text.replace("10.5, 4,2", "0, 0,0").replace("num_keypoints\":3", "num_keypoints\":2"));
}

#[test]
fn a_part_of_imglab() {
    let text = "<?xml version='1.0'?>\n<dataset><images>\n<image file='b.png'/><image file='a.png'>\
        <box top='1' left='1' width='20' height='20' ignore='1'/>\n <box top='2' left='2' width='20' height='20'>\
        <part name='0' x='3' y='4'/><part name='1' x='13.5' y='4' /> <part name='2' x='8' y='15'></part>\
        <part name='3' x='12' y='14'/></box>\n\
        <box top='2' left='2' width='9' height='9'><part name='0' x='3' y='4'/><part name='1' x='9' y='4'/>\
        <part name='2' x='8' y='15'/><part name='3' x='9' y='16'/></box></image>\n</images></dataset>\n";
    let moved = after("list.xml", text, "a", &[(1, Some((14.25, 5.0)))]);
    assert_eq!(moved, text.replace("<part name='1' x='13.5' y='4' />", r#"<part name="1" x="14.25" y="5.00"/>"#));
    let hidden = after("list.xml", text, "a", &[(2, None)]);
    assert_eq!(hidden, text.replace("<part name='2' x='8' y='15'></part>", r#"<part name="2" x="-1" y="-1"></part>"#));
    let second = after("list.xml", text, "a#2", &[(1, Some((10.0, 4.0)))]);
    assert_eq!(second, text.replace("<part name='1' x='9' y='4'/>", r#"<part name="1" x="10.00" y="4.00"/>"#));
}

#[test]
fn a_row_of_a_table() {
    let text =
        "file,subject,x0,y0,x1,y1,x2,y2\r\na.png,\"Doe, J\",1,2,3.50,4,5,6\r\n\r\nb.png,\"Roe, K\",1,2,3.50,4,5,7\r\n";
    let moved = after("table.csv", text, "b", &[(1, Some((7.5, 8.0)))]);
    assert_eq!(moved, text.replace("1,2,3.50,4,5,7", "1,2,7.5,8,5,7"));
    let hidden = after("table.csv", text, "a", &[(0, None)]);
    assert_eq!(hidden, text.replace("1,2,3.50,4,5,6", ",,3.50,4,5,6"));
    let back = after("table.csv", text, "a", &[(0, None), (0, Some((1.0, 2.0)))]);
    assert_eq!(back, text);
}

#[test]
fn a_coding_stays_as_it_is() {
    for (start, name) in [(&b"\xef\xbb\xbf"[..], &b"B"[..]), (b"", b"\xe9")] {
        let dir = folder("none.txt", "");
        let row = [start, b"file,subject,x0,y0,x1,y1,x2,y2\na.png,", name, b",1,2,3,4,5,6\n"].concat();
        fs::write(dir.path().join("t.csv"), &row).unwrap();
        let (set, entries) = open(dir.path());
        let source = source(&entries, "a");
        let (digest, face) = changed(set.as_ref(), &source, 2, Some((5.5, 6.0)));
        source.save(Some(&digest), &face, SIZE).unwrap();
        let expected = [start, b"file,subject,x0,y0,x1,y1,x2,y2\na.png,", name, b",1,2,3,4,5.5,6\n"].concat();
        assert_eq!(fs::read(dir.path().join("t.csv")).unwrap(), expected);
    }
}

#[test]
fn a_picture_without_points_gets_a_file_of_its_own() {
    let dir = folder("a.pts", "1 1\n20 5\n9 9\n");
    let (set, entries) = open(dir.path());
    let ids: Vec<(&str, Option<usize>)> = entries.iter().map(|e| (e.id.as_str(), e.index)).collect();
    assert_eq!(ids, [("a", Some(0)), ("b", None)]);
    let source = source(&entries, "b");
    assert_eq!(source.read(3).unwrap(), None);
    let points = [(2.0, 3.5), (21.0, 5.0), (9.0, 9.0)].map(|(x, y)| Point::new(x, y));
    let face = Keypoints::new(set.scheme(), points.to_vec()).unwrap();
    source.save(None, &face, SIZE).unwrap();
    let written = fs::read_to_string(dir.path().join("b.pts")).unwrap();
    assert_eq!(written, "version: 1\nn_points: 3\n{\n3.000 4.500\n22.000 6.000\n10.000 10.000\n}\n");
    assert!(matches!(source.save(None, &face, SIZE), Err(Error::Changed { .. })), "there is a file now");
    assert_eq!(open(dir.path()).0.len(), 2);
}

/// What would not be read back is not written.
#[test]
fn points_that_make_no_face_are_refused() {
    let text = "10 20\n30 14\n22 11\n";
    let dir = folder("a.pts", text);
    let (set, entries) = open(dir.path());
    let source = source(&entries, "a");
    let digest = source.read(3).unwrap().unwrap().digest;
    let face = |points: [(f64, f64); 3], hidden: &[usize]| {
        let mut face = Keypoints::new(set.scheme(), points.map(|(x, y)| Point::new(x, y)).to_vec()).unwrap();
        hidden.iter().for_each(|&i| face.hide(i));
        face
    };
    let cases = [
        (face([(1e6, 2.0), (5.0, 6.0), (7.0, 8.0)], &[]), "near its picture"),
        (face([(5.0, 6.0); 3], &[]), "span a face"),
        (face([(1.0, 2.0), (5.0, 6.0), (7.0, 8.0)], &[0, 1]), "span a face"),
        // 1-based this is the mark 0 0
        (face([(-1.0, -1.0), (5.0, 6.0), (7.0, 8.0)], &[]), "point 0"),
    ];
    for (face, words) in cases {
        let refused = source.save(Some(&digest), &face, SIZE).unwrap_err().to_string();
        assert!(refused.contains(words) && !refused.contains('\n'), "{refused}");
    }
    assert_eq!(fs::read_to_string(dir.path().join("a.pts")).unwrap(), text);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever moves, other rows stay, and what is read back is near.
    #[test]
    fn only_rows_that_moved_change(
        places in prop::collection::vec((1.0f64..39.0, 1.0f64..29.0), 6),
        moves in prop::collection::btree_map(0usize..6, (1.0f64..39.0, 1.0f64..29.0), 0..4),
    ) {
        let rows: Vec<String> = places.iter().map(|(x, y)| format!("{x} {y}")).collect();
        let dir = folder("a.pts", &rows.join("\n"));
        let (set, entries) = open(dir.path());
        let source = source(&entries, "a");
        let now = source.read(6).unwrap().unwrap();
        let mut points = now.shape.points.clone();
        moves.iter().for_each(|(&i, &(x, y))| points[i] = Point::new(x, y));
        let face = Keypoints::new(set.scheme(), points.clone()).unwrap();
        source.save(Some(&now.digest), &face, SIZE).unwrap();
        let text = fs::read_to_string(dir.path().join("a.pts")).unwrap();
        for (i, row) in text.lines().enumerate() {
            prop_assert!(moves.contains_key(&i) || row == rows[i], "{row}");
        }
        let back = source.read(6).unwrap().unwrap().shape.points;
        for (a, b) in back.iter().zip(&points) {
            prop_assert!((a.x - b.x).abs() <= 5.1e-4 && (a.y - b.y).abs() <= 5.1e-4);
        }
    }
}

#[test]
fn a_file_that_is_kept_as_it_was_parsed_is_parsed_again_when_it_changed() {
    let text = r#"{"images":[{"id":7,"file_name":"a.png"},{"id":8,"file_name":"b.png"}],"annotations":[
 {"id":1,"image_id":7,"category_id":1,"keypoints":[10,4,2,20,14,2,12,25,2]},
 {"id":2,"image_id":8,"category_id":1,"keypoints":[11,5,2,21,15,2,13,26,2]}],
 "categories":[{"id":1,"name":"wing","keypoints":["a","b","c"]}]}"#;
    let dir = folder("list.json", text);
    let (file, last) = (dir.path().join("list.json"), LastRead::default());
    let (_, entries) = open(dir.path());
    let first = |id: &str| source(&entries, id).read_after(3, &last).map(|now| now.unwrap().shape.points[0].x);
    for changed in [text, &text.replace("[11,", "[9,"), text] {
        fs::write(&file, changed).unwrap();
        let second = if changed == text { 11.0 } else { 9.0 };
        for (id, x) in [("a", 10.0), ("b", second), ("a", 10.0)] {
            assert_eq!(first(id).unwrap(), x, "{changed}");
        }
    }
    // neither another file nor one that is broken
    fs::write(&file, "{").unwrap();
    assert!(first("b").unwrap_err().to_string().contains("list.json:1: expected COCO"));
    fs::write(&file, text).unwrap();
    assert_eq!(first("b").unwrap(), 11.0);
    let other = folder("list.json", &text.replace("[10,", "[12,"));
    let (_, others) = open(other.path());
    assert_eq!(source(&others, "a").read_after(3, &last).unwrap().unwrap().shape.points[0].x, 12.0);
}

/// Folders are locked where the system can.
#[cfg(unix)]
#[test]
fn of_several_that_save_at_a_time_one_succeeds() {
    let text = "version: 1\nn_points: 3\n{\n10.5 20.25\n30 14\n22 11\n}\n";
    let dir = folder("a.pts", text);
    let (set, entries) = open(dir.path());
    let (source, ready) = (source(&entries, "a"), std::sync::Barrier::new(8));
    let save = |i: u8| {
        let (digest, face) = changed(set.as_ref(), &source, 0, Some((11.0 + f64::from(i), 19.0)));
        ready.wait();
        source.save(Some(&digest), &face, SIZE)
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|i| scope.spawn(move || save(i))).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let saved: Vec<usize> = (0..8).filter(|&i| results[i].is_ok()).collect();
    assert!(saved.len() == 1, "{results:?}");
    assert!(results.iter().flat_map(|r| r.as_ref().err()).all(|e| matches!(e, Error::Changed { .. })), "{results:?}");
    let moved = text.replace("10.5 20.25", &format!("{}.000 20.000", 12 + saved[0]));
    assert_eq!(fs::read_to_string(dir.path().join("a.pts")).unwrap(), moved);
}
