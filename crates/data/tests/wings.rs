//! Folders of rendered wings, as the readers see them: points of something else than faces, in any number.

use crate::common::fact;
use facekp_data::{
    datasets::find_first,
    formats::pts,
    scheme::{Length, Outline},
    synthetic::{MOST_WING_POINTS, write_wings},
};
use std::fs;

#[test]
fn a_folder_of_wings_says_what_its_points_are() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("wings");
    write_wings(24, 3, &out, 7).unwrap();
    assert_eq!(fact(&out, "points").unwrap(), "24 each");
    let data = find_first(&out).unwrap().open().unwrap();
    let scheme = data.scheme();
    assert_eq!((scheme.name(), scheme.len(), data.len(), data.is_synthetic()), ("wing24", 24, 3, true));
    let groups: Vec<_> = scheme.groups().iter().map(|g| (g.name.as_str(), g.points.clone(), g.outline)).collect();
    assert_eq!(groups, [("landmarks", 0..16, Outline::None), ("outline", 16..24, Outline::Closed)]);
    assert!(scheme.mirror().is_none() && scheme.normalizer().is_some_and(|n| n.length == Length::Diagonal));
    for i in 0..data.len() {
        let sample = data.get(i).unwrap();
        let written = pts::read(&sample.path.with_extension("pts"), 24).unwrap();
        assert_eq!((sample.points.points(), sample.id), (&written.points[..], format!("wing_{i:05}")));
    }
}

#[test]
fn few_points_are_landmarks_alone_and_a_second_time_gives_the_same_files() {
    let dir = tempfile::tempdir().unwrap();
    let [a, b, other] = ["a", "b", "other"].map(|name| dir.path().join(name));
    for (out, seed) in [(&a, 1), (&b, 1), (&other, 2)] {
        write_wings(3, 2, out, seed).unwrap();
    }
    let read = |file: &str| [&a, &b, &other].map(|out| fs::read(out.join(file)).unwrap());
    for file in ["wing_00001.jpg", "wing_00001.pts"] {
        let [a, b, other] = read(file);
        assert!(a == b && a != other, "{file}");
    }
    let data = find_first(&a).unwrap().open().unwrap();
    assert_eq!((data.scheme().groups().len(), data.scheme().len(), data.len()), (1, 3, 2));
}

#[test]
fn what_cannot_be_rendered_is_an_error_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("wings");
    let most = usize::from(MOST_WING_POINTS);
    for (points, count, words) in [
        (24, 0, "expected a count of 1 or more, got 0"),
        (0, 1, "expected 1 to 1000 points, got 0"),
        (most + 1, 1, "expected 1 to 1000 points, got 1001"),
    ] {
        let error = write_wings(points, count, &out, 0).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    for points in [1, most] {
        write_wings(points, 1, &dir.path().join(points.to_string()), 0).unwrap();
    }
}
