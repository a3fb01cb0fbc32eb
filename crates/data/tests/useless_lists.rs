//! imglab lists that are there but name no face to read: the error says what they hold.

use crate::common::{picture, points};
use candle_vision_helpers::Point;
use facekp_data::{
    check,
    datasets::{find_first, ibug, imglab},
    formats::pts,
    open_kind,
};
use std::{fs, path::Path};

const LIST: &str = "labels_ibug_300W_train.xml";
const BOX: &str = "<box top='10' left='20' width='22' height='25'";

fn parts(without: &[usize]) -> String {
    let part = |(i, p): (usize, Point)| format!("<part name='{i:02}' x='{}' y='{}'/>", p.x, p.y);
    points(68).into_iter().enumerate().filter(|(i, _)| !without.contains(i)).map(part).collect()
}

/// A folder whose list has the pictures `afw/0.png`, … with these boxes.
fn folder(boxes: &[String]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let image = |(i, text): (usize, &String)| {
        picture(&dir.path().join(format!("afw/{i}.png")));
        format!("<image file='afw/{i}.png'>{text}</image>\n")
    };
    let images: String = boxes.iter().enumerate().map(image).collect();
    fs::write(dir.path().join(LIST), format!("<dataset><images>\n{images}</images></dataset>\n")).unwrap();
    dir
}

/// What every reader says of the folder, one line.
fn says(dir: &Path, expected: &str) {
    let opened = [open_kind(dir, ibug::KIND).err(), find_first(dir).and_then(|f| f.open()).err()]
        .map(|e| e.unwrap().to_string());
    let checked: Vec<String> = match check(dir) {
        Ok(report) => report.problems.iter().map(ToString::to_string).collect(),
        Err(e) => vec![e.to_string()],
    };
    for text in opened.iter().chain(&checked) {
        assert!(text.ends_with(expected) && text.lines().count() == 1, "{expected:?} is not the end of {text:?}");
    }
    assert_eq!(checked.len(), 1, "{checked:?}");
}

#[test]
fn what_a_list_holds_is_said() {
    let ignored = format!("{BOX} ignore='1'/>");
    let bare = format!("{BOX}/>");
    let cases = [
        (vec![String::new(); 12], "got 12 pictures without boxes"),
        (vec![], "got no pictures"),
        (vec![ignored.clone(); 3], "got 3 boxes marked ignore"),
        (vec![bare.clone(), bare.repeat(2)], "got 3 boxes without parts"),
        (vec![String::new(), ignored.clone(), bare.clone()], "1 box marked ignore and 1 box without parts"),
    ];
    for (boxes, got) in cases {
        let dir = folder(&boxes);
        says(dir.path(), got);
        let text = open_kind(dir.path(), ibug::KIND).err().unwrap().to_string();
        assert!(text.contains("labels_ibug_300W_train.xml: expected boxes with 68 parts, got "), "{text}");
    }
}

#[test]
fn one_bad_box_is_named_beside_a_good_one() {
    let good = format!("{BOX}>{}</box>", parts(&[]));
    says(
        folder(&[good.clone() + &format!("{BOX}/>")]).path(),
        ".xml:2: expected a box with 68 parts, got one without parts",
    );
    let some = format!("{BOX}>{}</box>", parts(&[3, 4]));
    says(folder(&[good.clone(), some]).path(), ".xml:3: expected a box with 68 parts, got none called 03, 04");
    let few = format!("{BOX}>{}</box>", parts(&(5..68).collect::<Vec<_>>()));
    says(folder(&[good, few]).path(), "got one with 5: 05 and 62 others are missing");
}

#[test]
fn the_drive_of_a_path_from_windows_is_refused() {
    let dir = folder(&[format!("{BOX}>{}</box>", parts(&[]))]);
    let text = fs::read_to_string(dir.path().join(LIST)).unwrap().replace("afw/0.png", "C:\\faces\\afw\\0.png");
    fs::write(dir.path().join(LIST), text).unwrap();
    says(dir.path(), ".xml:2: expected a picture within the list's folder, got \"C:/faces/afw/0.png\"");
}

#[test]
fn points_beside_a_picture_outlive_a_list_without_its_box() {
    let dir = folder(&[String::new(), format!("{BOX}/>"), format!("{BOX} ignore='1'/>")]);
    (0..3).for_each(|i| pts::write(&dir.path().join(format!("afw/{i}.pts")), &points(68)).unwrap());
    assert!(check(dir.path()).unwrap().problems.is_empty());
    let data = open_kind(dir.path(), ibug::KIND).unwrap();
    let ids: Vec<_> = (0..data.len()).map(|i| data.get(i).unwrap().id).collect();
    assert_eq!(ids, ["afw/0", "afw/1"], "the third is to be ignored");
}

#[test]
fn a_list_of_another_name_is_one_of_imglabs() {
    let dir = folder(&[format!("{BOX}>{}</box>", parts(&[]))]);
    fs::rename(dir.path().join(LIST), dir.path().join("training.xml")).unwrap();
    let found = find_first(dir.path()).unwrap();
    assert_eq!((found.kind, found.open().unwrap().len()), (imglab::KIND, 1));
    let error = open_kind(dir.path(), ibug::KIND).err().unwrap().to_string();
    assert!(error.ends_with("found imglab"), "{error}");
    // without parts it says what it holds, as iBUG's do
    let dir = folder(&[format!("{BOX}/>")]);
    fs::rename(dir.path().join(LIST), dir.path().join("training.xml")).unwrap();
    let error = find_first(dir.path()).unwrap().open().err().unwrap().to_string();
    assert!(error.ends_with("training.xml: expected boxes with 68 parts, got 1 box without parts"), "{error}");
    assert_eq!(check(dir.path()).unwrap().problems.len(), 1);
}
