//! Lists of whole photos with boxes: what is read, which list is found, and that everything broken is one line.

use crate::common::picture;
use candle_vision_helpers::{Rect, Size};
use facekp_data::BoxedPhotos;
use std::{fs, path::Path};

const LIST: &str = r#"[
 {"file": "a.jpg", "width": 64, "height": 48, "faces": [
   {"box": [10, 20, 8, 9.5]},
   {"box": [-3, 0, 8, 8], "points": [[1, 2], [3, 4]]}
 ]},
 {"file": "sub/b.png", "width": 64, "height": 48, "faces": [], "license": "mine"}
]"#;

/// A folder with two pictures and a list.
fn folder(dir: &Path, name: &str, list: &str) {
    for file in ["a.jpg", "sub/b.png"] {
        picture(&dir.join(file));
    }
    fs::write(dir.join(name), list).unwrap();
}

#[test]
fn a_list_is_read_with_its_boxes_in_pixels_whose_centers_are_whole() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), "boxes.json", LIST);
    for place in [dir.path().to_path_buf(), dir.path().join("boxes.json")] {
        let set = BoxedPhotos::open(&place).unwrap();
        let [a, b] = set.photos() else { panic!("expected two photos") };
        assert_eq!(a.faces, [Rect::new(9.5, 19.5, 8.0, 9.5), Rect::new(-3.5, -0.5, 8.0, 8.0)]);
        assert_eq!((b.size, &b.faces), (Size::new(64, 48), &Vec::new()));
        assert_eq!(Size::of(&b.load().unwrap().image), b.size);
        assert!(set.describe().ends_with("boxes.json: 2 photos, 2 faces"), "{}", set.describe());
    }
}

#[test]
fn one_list_is_found_anywhere_below_and_several_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let message = || BoxedPhotos::open(dir.path()).unwrap_err().to_string();
    assert!(message().ends_with("expected one list of photos with boxes (boxes.json or photos.json), found none"));
    folder(&dir.path().join("photos/crowd"), "boxes.json", LIST);
    fs::write(dir.path().join("photos/other.json"), "[]").unwrap();
    assert_eq!(BoxedPhotos::open(dir.path()).unwrap().photos().len(), 2);
    folder(&dir.path().join("photos/groups"), "photos.json", LIST);
    assert!(message().contains("crowd/boxes.json, ") && message().ends_with("groups/photos.json"), "{}", message());
    // the folder's own list goes before those below it
    folder(dir.path(), "photos.json", LIST);
    assert_eq!(BoxedPhotos::open(dir.path()).unwrap().photos().len(), 2);
    let missing = BoxedPhotos::open(&dir.path().join("nowhere")).unwrap_err().to_string();
    assert!(missing.ends_with("found no such folder"), "{missing}");
}

#[test]
fn whatever_is_broken_is_named_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let broken = [
        ("[10, 20, 8, 9.5]", "[10, 20, 8, -1]", "boxes.json:3: expected photos with boxes", "[10.0, 20.0, 8.0, -1.0]"),
        ("[10, 20, 8, 9.5]", "[10, 20, 8]", "boxes.json:3: ", "got invalid length 3"),
        ("[10, 20, 8, 9.5]", "\"big\"", "boxes.json:3: ", "got invalid type: string \"big\""),
        (
            "[-3, 0, 8, 8]",
            "[64, 0, 8, 8]",
            "boxes.json: expected box 1 of \"a.jpg\" within its 64x48",
            "got [64.0, 0.0",
        ),
        ("\"width\": 64, ", "", "boxes.json:5: ", "got missing field `width`"),
        ("sub/b.png", "a.jpg", "boxes.json: expected every picture once", "\"a.jpg\" twice"),
        ("sub/b.png", "sub/c.png", "boxes.json: expected a picture that is there", "got \"sub/c.png\""),
        ("sub/b.png", "../out.png", "boxes.json: expected a picture within the list's folder", "got \"../out.png\""),
        ("\"height\": 48, \"faces\": []", "\"height\": 47, \"faces\": []", "sub/b.png of 64x47 pixels", "one of 64x48"),
        (LIST, "[]", "boxes.json: expected at least one photo", "got none"),
        (LIST, &LIST[..60], "boxes.json:3: ", "got EOF while parsing a list"),
        (LIST, "", "boxes.json:1: ", "got EOF"),
    ];
    let root = dir.path().join("root");
    folder(dir.path(), "unused.json", "");
    picture(&dir.path().join("out.png"));
    for (from, to, place, got) in broken {
        assert!(LIST.contains(from), "{from}");
        folder(&root, "boxes.json", &LIST.replacen(from, to, 1));
        let message = BoxedPhotos::open(&root).unwrap_err().to_string();
        assert!(message.contains(place) && message.contains(got) && !message.contains('\n'), "{to}: {message}");
    }
}
