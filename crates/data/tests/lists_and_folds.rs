//! Which faces validate: lists beside the data, and folds.

use crate::common::picture;
use facekp_data::{
    Dataset, Split,
    datasets::{
        find_first,
        fold::{Fold, hold_out},
        lists::{self, Together},
        map::mapped,
    },
    scheme::IBUG_68,
};
use proptest::prelude::*;
use std::{collections::BTreeSet, fs, path::Path};

/// A table of `people` people with two pictures each and a face in each, three points a face.
fn table(dir: &Path, people: usize) {
    fs::write(dir.join("scheme.toml"), "name = \"paw\"\npoints = 3\n").unwrap();
    let mut rows = "file,subject,x0,y0,x1,y1,x2,y2\n".to_owned();
    for person in 0..people {
        for shot in 0..2 {
            picture(&dir.join(format!("{person}_{shot}.jpg")));
            rows += &format!("{person}_{shot}.jpg,p{person},20,10,30,12,25,30\n");
        }
    }
    fs::write(dir.join("points.csv"), rows).unwrap();
}

fn open(dir: &Path) -> Box<dyn Dataset> {
    find_first(dir).unwrap().open().unwrap()
}

fn people(set: &dyn Dataset, split: Split) -> BTreeSet<String> {
    set.split(split).unwrap().iter().map(|&i| set.annotation(i).unwrap().subject.unwrap()).collect()
}

#[test]
fn lists_beside_the_data_say_what_validates_and_tests() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    table(d, 10);
    let before = open(d);
    assert_eq!((before.split(Split::Val).unwrap().len(), before.split(Split::Test).is_ok()), (2, false));
    let written = lists::write(before.as_ref(), d, (0.3, 0.2), Together::Subject, 7).unwrap();
    assert_eq!(written.iter().map(|(_, faces)| *faces).collect::<Vec<_>>(), [6, 4]);
    let set = open(d);
    let [fit, val, test] = [Split::Fit, Split::Val, Split::Test].map(|s| people(set.as_ref(), s));
    assert_eq!((fit.len(), val.len(), test.len()), (5, 3, 2));
    assert!(fit.is_disjoint(&val) && fit.is_disjoint(&test) && val.is_disjoint(&test));
    assert_eq!(people(set.as_ref(), Split::Train).len(), 8);
    assert_eq!(set.split(Split::All).unwrap().len(), 20);
    // a second call must not move faces from one side to the other
    let again = lists::write(set.as_ref(), d, (0.3, 0.2), Together::Subject, 8).unwrap_err().to_string();
    assert!(again.ends_with("val.txt: expected no list yet, got one"), "{again}");

    // what a list names must be there, once
    for (text, wanted) in [
        ("9_0\n\nnobody\n", "val.txt:3: expected the name of a sample"),
        ("9_0\n9_0\n", "val.txt:2: expected a sample that is in no list yet"),
    ] {
        fs::write(d.join("val.txt"), text).unwrap();
        fs::remove_file(d.join("test.txt")).ok();
        let error = find_first(d).unwrap().open().err().unwrap().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn what_stays_together_can_leave_nothing_to_train_on() {
    let dir = tempfile::tempdir().unwrap();
    table(dir.path(), 1);
    let set = open(dir.path());
    let error = lists::write(set.as_ref(), dir.path(), (0.5, 0.0), Together::Subject, 0).unwrap_err().to_string();
    assert!(error.contains("1 groups of samples that stay together, none small enough for"), "{error}");
    assert!(!dir.path().join("val.txt").exists());
    assert_eq!(lists::write(set.as_ref(), dir.path(), (0.5, 0.0), Together::File, 0).unwrap()[0].1, 1);
}

#[test]
fn every_person_is_held_out_in_one_fold() {
    let dir = tempfile::tempdir().unwrap();
    table(dir.path(), 7);
    let mut seen = BTreeSet::new();
    for fold in Fold::all(3).unwrap() {
        let set = hold_out(open(dir.path()), fold).unwrap();
        let (fit, val) = (people(set.as_ref(), Split::Fit), people(set.as_ref(), Split::Val));
        assert!(fit.is_disjoint(&val) && fit.len() + val.len() == 7, "{fit:?} {val:?}");
        assert_eq!(set.split(Split::Train).unwrap(), set.split(Split::Fit).unwrap());
        assert!(val.iter().all(|person| seen.insert(person.clone())));
    }
    assert_eq!(seen.len(), 7);
    let error = hold_out(open(dir.path()), "1/8".parse().unwrap()).err().unwrap().to_string();
    assert!(error.contains("expected 8 people or pictures to train on, one for each fold, got 7"), "{error}");
    for (text, wanted) in
        [("0/5", "from 1 to 5, got 0"), ("6/5", "from 1 to 5, got 6"), ("1/1", "2 to 100 folds, got 1"), ("5", "K/N")]
    {
        let error = text.parse::<Fold>().unwrap_err();
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn annotations_of_more_points_are_measured_by_a_map() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    picture(&d.join("a.jpg"));
    let header: String = (0..98).map(|i| format!(",x{i},y{i}")).collect();
    let row: String = (0..98).map(|i| format!(",{},{}", i % 40, 2 * (i / 3))).collect();
    fs::write(d.join("points.csv"), format!("file{header}\na.jpg{row}\n")).unwrap();
    let map = d.join("98to68.toml");
    let open = |text: &str| {
        fs::write(&map, text).unwrap();
        mapped(find_first(d).unwrap().open_plain().unwrap(), &IBUG_68, &map).map_err(|e| e.to_string())
    };
    let places: Vec<usize> = (0..68).map(|i| 97 - i).collect();
    let set = open(&format!("of = 98\npoints = {places:?}\n")).unwrap();
    let face = set.annotation(0).unwrap();
    assert_eq!((face.points.points()[3].x, face.points.points()[3].y), (14.0, 62.0));
    // the box is that of the points that are left: the lowest ones are those up to number 30
    assert_eq!((set.get(0).unwrap().face, face.face.y), (face.face, 20.0));
    for (text, wanted) in [
        ("of = 97\npoints = []".to_owned(), "of = 98, as many as the"),
        ("of = 98\npoints = [0]".to_owned(), "expected 68 points, one for each of ibug68, got 1"),
        (format!("of = 98\npoints = {:?}", [98; 68]), "expected points below 98, got 98"),
        ("of = 98\nplaces = [0]".to_owned(), "98to68.toml: expected a map of points, got unknown field `places`"),
    ] {
        let error = open(&text).err().unwrap();
        assert!(error.contains(wanted), "{error}");
    }
}

/// Two people in one picture are as one, and so is whoever is in another picture with one of them.
#[test]
fn a_picture_is_on_one_side_whoever_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let rows = [("a", "anna"), ("a", "ben"), ("b", "ben"), ("c", "cleo"), ("d", ""), ("d", "dora")];
    let mut text = "file,subject,x0,y0,x1,y1,x2,y2\n".to_owned();
    for (file, name) in rows {
        picture(&d.join(file).with_extension("jpg"));
        text += &format!("{file}.jpg,{name},20,10,30,12,25,30\n");
    }
    fs::write(d.join("scheme.toml"), "name = \"paw\"\npoints = 3\n").unwrap();
    fs::write(d.join("points.csv"), text).unwrap();
    let mut sides = BTreeSet::new();
    for fold in Fold::all(3).unwrap() {
        let set = hold_out(open(d), fold).unwrap();
        let held = set.split(Split::Val).unwrap();
        sides.insert(held.iter().map(|&i| set.annotation(i).unwrap().id).collect::<Vec<_>>());
    }
    let expected = [vec!["a", "a#2", "b"], vec!["c"], vec!["d", "d#2"]];
    assert_eq!(sides, expected.map(|side| side.into_iter().map(str::to_owned).collect()).into());
}

/// A list in a folder below counts, with the names that are below it.
#[test]
fn lists_of_folders_within_are_followed() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    fs::write(d.join("scheme.toml"), "name = \"paw\"\npoints = 3\n").unwrap();
    for name in ["mon/1", "mon/2", "tue/1"] {
        picture(&d.join(name).with_extension("jpg"));
        fs::write(d.join(name).with_extension("pts"), "21 11\n31 13\n26 31\n").unwrap();
    }
    fs::write(d.join("mon/test.txt"), "2\r\n").unwrap();
    let set = open(d);
    assert_eq!(set.split(Split::Test).unwrap(), [1]);
    assert_eq!(set.split(Split::Train).unwrap(), [0, 2]);
    fs::write(d.join("tue/val.txt"), "2\n").unwrap();
    let broken = facekp_data::check(d).unwrap();
    assert!(broken.problems[0].to_string().contains("val.txt:1: expected the name of a sample"), "{broken:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// No group that was left would have brought the list nearer to its share.
    #[test]
    fn a_list_is_as_near_to_its_share_as_what_stays_together_allows(
        who in prop::collection::vec(0usize..5, 4..12),
        share in 0.05..0.6f64,
        seed: u64,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let d = dir.path();
        let mut text = "file,subject,x0,y0,x1,y1,x2,y2\n".to_owned();
        for (i, person) in who.iter().enumerate() {
            picture(&d.join(format!("{i}.jpg")));
            text += &format!("{i}.jpg,p{person},20,10,30,12,25,30\n");
        }
        fs::write(d.join("scheme.toml"), "name = \"paw\"\npoints = 3\n").unwrap();
        fs::write(d.join("points.csv"), text).unwrap();
        let set = open(d);
        let wanted = share * who.len() as f64;
        if let Ok(written) = lists::write(set.as_ref(), d, (share, 0.0), Together::Subject, seed) {
            let (set, missed) = (open(d), (written[0].1 as f64 - wanted).abs());
            let (val, fit) = (people(set.as_ref(), Split::Val), people(set.as_ref(), Split::Fit));
            prop_assert!(val.is_disjoint(&fit));
            for person in fit {
                let size = who.iter().filter(|p| format!("p{p}") == person).count();
                prop_assert!(((written[0].1 + size) as f64 - wanted).abs() >= missed);
            }
        }
    }
}
