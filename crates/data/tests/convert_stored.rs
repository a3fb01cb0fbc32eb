//! Conversion of pictures that are in no files of their own.

use crate::convert::{agree, faces, open, table};
use facekp_data::datasets::{
    convert::{Form, convert},
    csv,
    pack::{self, Area},
};
use std::fs;

/// A table with pixels, and a pack, whose pictures stand at another size.
#[test]
fn pictures_that_are_no_files_become_some() {
    let dir = tempfile::tempdir().unwrap();
    let pixels = dir.path().join("pixels");
    fs::create_dir(&pixels).unwrap();
    let row = |first: u8| (0..16).map(|i| (first + 10 * i).to_string()).collect::<Vec<_>>().join(" ");
    let text =
        format!("eye_x,eye_y,nose_x,nose_y,mouth_x,mouth_y,Image\n1,0.5,2,2,,,{}\n0,1,2,2,3,3,{}\n", row(0), row(7));
    fs::write(pixels.join("training.csv"), text).unwrap();
    let set = open(&pixels);
    for form in Form::ALL {
        let out = dir.path().join(form.name());
        let written = convert(&*set, form, &out).unwrap();
        assert_eq!((written.faces, written.pictures, written.lost), (2, 2, vec![]));
        let again = open(&out);
        agree(&faces(&*set), &faces(&*again), 1e-3);
        for i in 0..2 {
            assert_eq!(again.get(i).unwrap().image, set.get(i).unwrap().image);
        }
    }
    let (first, packed) = (dir.path().join("first"), dir.path().join("first.fkpack"));
    let face = vec![(10.0, 10.0), (40.0, 12.0), (20.0, 30.5), (30.0, 31.0)];
    table(&first, &vec![face; 4], &[(0, 0)]);
    let options = pack::Options { side: 32, area: Area::Picture, ..pack::Options::default() };
    pack::write(&*open(&first), csv::KIND, &packed, options, &mut |_, _| {}).unwrap();
    let set = open(&packed);
    let out = dir.path().join("unpacked");
    let written = convert(&*set, Form::Coco, &out).unwrap();
    assert_eq!(
        written.lost,
        ["who the faces are of (2 people)", "the original size of 4 pictures that are stored at another"]
    );
    let again = open(&out);
    for i in 0..4 {
        let (stored, read) = (set.get(i).unwrap(), again.get(i).unwrap());
        assert_eq!((&read.id, &read.image), (&stored.id, &stored.image));
        for (a, b) in stored.points.transformed(&stored.to_image).annotated().zip(read.points.annotated()) {
            assert!(a.distance(b) < 1e-3, "{}: {a:?} {b:?}", read.id);
        }
    }
}
