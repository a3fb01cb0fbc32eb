//! imglab XML

use super::says;
use candle_vision_helpers::{Point, Rect, Size};
use facekp_data::{Error, formats::imglab_xml};
use proptest::prelude::*;
use std::path::Path;

const LIST: &str = include_str!("list.xml");

fn problems(text: &str) -> Vec<Error> {
    imglab_xml::parse(Path::new("l.xml"), text).1
}

#[test]
fn boxes_and_parts_are_found() {
    let (pictures, problems) = imglab_xml::parse(Path::new("l.xml"), LIST);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(pictures.len(), 2);
    let first = &pictures[0];
    assert_eq!((first.file.as_str(), first.size, first.line), ("a/b & c.jpg", Some(Size::new(100, 80)), 7));
    // The second of three is marked ignore.
    assert_eq!((first.boxes.len(), first.ignored), (2, 1));
    // Top left pixel (10, 20) covers from 9.5, 19.5.
    assert_eq!(first.boxes[0].rect, Rect::new(9.5, 19.5, 30.0, 40.0));
    let shape = first.boxes[0].shape(Path::new("l.xml"), 3).unwrap();
    assert_eq!(shape.points, [Point::new(11.0, 21.5), Point::new(12.25, 30.0), Point::new(13.0, 59.0)]);
    assert_eq!(shape.lines, [11, 10, 9], "by name, not by order");
    assert_eq!(first.boxes[0].decimals, 2);
    assert_eq!((pictures[1].file.as_str(), pictures[1].size), ("d\u{e9}.jpg", None));
}

#[test]
fn what_is_broken_is_named() {
    let cases = [
        ("".to_owned(), "l.xml:1: expected an imglab <dataset>, got an empty file"),
        ("<html></html>".into(), "l.xml:1: expected an imglab <dataset>, got <html>"),
        (LIST.replace("</images>", ""), "l.xml:34: expected well-formed XML"),
        (LIST.replace("</images>\n</dataset>\n", ""), "l.xml:33: expected </dataset>, got the end of the file"),
        (LIST.replace("x='13'", "x='13"), "l.xml:9: expected well-formed"),
        (LIST.replace("x='13'", "x='13' x='14'"), "l.xml:9: expected well-formed attributes"),
        (LIST.replace("name='02'", "name='01'"), "l.xml:10: expected each part once, got part 01 again"),
        (LIST.replace("name='02'", "name='nose'"), "l.xml:9: expected a whole number for a part's name, got \"nose\""),
        (LIST.replace("x='13'", "x='NaN'"), "l.xml:9: expected a number for x, got \"NaN\""),
        (LIST.replace("x='13'", ""), "l.xml:9: expected a part with its x, got none"),
        (LIST.replace("x='13'", "x='1e9'"), "l.xml:9: expected part 02 near its box, got (1000000000, 59)"),
        (LIST.replace("width='30'", "width='0'"), "l.xml:8: expected a box with an area, got one of 0 x 40"),
        (LIST.replace("width='30'", ""), "l.xml:8: expected a box with its width, got none"),
        (LIST.replace("left='10'", "left='100'"), "l.xml:8: expected a box within 100x80 pixels, got left 100 top 20"),
        (
            LIST.replace("file='a/", "file='../"),
            "l.xml:7: expected a picture within the list's folder, got \"../b & c.jpg\"",
        ),
        (LIST.replace("file='a/", "file='a\\..\\..\\"), "l.xml:7: expected a picture within the list's folder"),
        (LIST.replace("file='a/", "file='/a/"), "l.xml:7: expected a picture within the list's folder"),
        (LIST.replace("file='a/b", "fil='a/b"), "l.xml:7: expected an image with a file, got none"),
        (
            LIST.replace("<box top='20'", "<bos top='20'").replacen("</box>", "</bos>", 1),
            "l.xml:9: expected a part within a box",
        ),
    ];
    for (text, expected) in cases {
        says(problems(&text).first().expect(expected), expected);
    }
}

#[test]
fn bombs_are_refused_before_they_grow() {
    let dtd = "<!DOCTYPE dataset [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>\n";
    let with_dtd = LIST.replace("<dataset>", &format!("{dtd}<dataset>"));
    says(&problems(&with_dtd)[0], "l.xml:2: expected a list without a DTD, got <!DOCTYPE");
    assert!(imglab_xml::parse(Path::new("l.xml"), &with_dtd).0.is_empty());
    says(&problems(&LIST.replace("A &amp; B", "&b;"))[0], "l.xml:3: expected a list without entities, got \"&b;\"");
    says(&problems(&LIST.replace("b &amp; c", "&b;"))[0], "l.xml:7: expected attributes without entities");
}

#[test]
fn a_broken_face_does_not_hide_the_others() {
    let text = LIST.replace("x='13'", "x='?'").replace("x='8' y='8'", "x='NaN' y='8'");
    let (pictures, problems) = imglab_xml::parse(Path::new("l.xml"), &text);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert_eq!(pictures.iter().map(|p| p.boxes.len()).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn parts_are_counted() {
    let (pictures, _) = imglab_xml::parse(Path::new("l.xml"), LIST);
    let points = |count| pictures[0].boxes[0].shape(Path::new("l.xml"), count).unwrap_err();
    says(&points(4), "l.xml:8: expected a box with 4 parts, got none called 03");
    says(&points(2), "l.xml:9: expected parts 0 to 1, got part 2");
}

#[test]
fn what_is_written_reads_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l.xml");
    let (pictures, _) = imglab_xml::parse(Path::new("l.xml"), LIST);
    imglab_xml::write(&path, "A & B", &pictures).unwrap();
    let again = imglab_xml::read(&path).unwrap();
    assert_eq!(again.len(), 2);
    for (a, b) in again.iter().zip(&pictures) {
        assert_eq!((&a.file, a.size, a.boxes.len()), (&b.file, b.size, b.boxes.len()));
        for (a, b) in a.boxes.iter().zip(&b.boxes) {
            // Boxes are written in whole pixels.
            assert_eq!((a.rect.x, a.rect.y, a.rect.width), (b.rect.x, b.rect.y, b.rect.width.round()));
            assert!(a.parts.iter().map(|(k, v)| (k, v.0)).eq(b.parts.iter().map(|(k, v)| (k, v.0))));
        }
    }
}

#[cfg(unix)]
#[test]
fn links_that_leave_the_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("data");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(folder.path().join("secret.jpg"), b"x").unwrap();
    std::os::unix::fs::symlink(folder.path().join("secret.jpg"), root.join("dé.jpg")).unwrap();
    let (pictures, _) = imglab_xml::parse(Path::new("l.xml"), LIST);
    let error = imglab_xml::resolve(&root.join("l.xml"), &pictures[1]).unwrap_err();
    says(&error, "l.xml:26: expected a picture within the list's folder");
    let error = imglab_xml::resolve(&root.join("l.xml"), &pictures[0]).unwrap_err();
    says(&error, "l.xml:7: expected a picture that is there, got \"a/b & c.jpg\"");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(?s).{0,200}", cut in 0usize..1200, put in "[<>/a-z0-9='&;! ]{0,8}") {
        problems(&text);
        let at = LIST.char_indices().map(|(i, _)| i).nth(cut).unwrap_or(LIST.len());
        problems(&LIST[..at]);
        problems(&format!("{}{put}{}", &LIST[..at], &LIST[at..]));
    }
}
