//! Your own folders: links, names in other encodings, predictions among the data, and places that hold no dataset.

use crate::common::{fact, ids, picture, points, pts_face};
use candle_vision_helpers::{Point, Size};
use facekp_data::{
    check,
    datasets::{
        find_first, ibug, imm,
        propose::{Proposal, propose},
        pts_folder,
    },
    formats::{asf, pts},
    is_prediction, open_dataset, open_kind,
    scheme::IBUG_68,
};
use std::{fs, path::Path};

fn prediction(dir: &Path, name: &str) {
    picture(&dir.join(name).with_extension("png"));
    fs::rename(dir.join(name).with_extension("png"), dir.join(format!("{name}.png"))).unwrap();
    pts::write(&dir.join(format!("{name}.pts")), &points(68)).unwrap();
}

#[cfg(unix)]
#[test]
fn linked_folders_are_followed_once_and_circles_end() {
    use std::os::unix::fs::symlink;
    let (dir, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let d = dir.path().join("data");
    pts_face(&d.join("real"), "a");
    pts_face(far.path(), "sub/b");
    symlink(far.path(), d.join("m")).unwrap();
    symlink(far.path().join("sub"), d.join("n")).unwrap();
    symlink("real", d.join("first")).unwrap();
    symlink("..", d.join("real/up")).unwrap();
    symlink("../..", d.join("real/over")).unwrap();
    symlink("loop", d.join("loop")).unwrap();
    symlink("nowhere", d.join("dangling")).unwrap();
    let data = open_kind(&d, pts_folder::KIND).unwrap();
    // By its own path where there is one, else by the first link.
    assert_eq!(ids(&*data), ["m/sub/b", "real/a"]);
    assert_eq!(data.get(0).unwrap().subset.as_deref(), Some("m/sub"));
    assert_eq!(fact(&d, "faces").unwrap(), "2");
}

#[cfg(target_os = "linux")]
#[test]
fn names_in_other_encodings_stay_apart() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::PathBuf};
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let name = |bytes: &[u8], end: &str| -> PathBuf { d.join(OsStr::from_bytes(&[bytes, end.as_bytes()].concat())) };
    for bytes in [&b"s\xe9"[..], b"s\xe8", b"50%\xff", "s\u{e9}".as_bytes(), b"50%"] {
        pts_face(d, "x");
        fs::rename(d.join("x.jpg"), name(bytes, ".jpg")).unwrap();
        fs::rename(d.join("x.pts"), name(bytes, ".pts")).unwrap();
    }
    let data = open_kind(d, pts_folder::KIND).unwrap();
    assert_eq!(ids(&*data), ["50%", "50%25%FF", "s%E8", "s%E9", "s\u{e9}"]);
    assert_eq!(data.get(3).unwrap().path, name(b"s\xe9", ".jpg"));
    assert_eq!(fact(d, "faces").unwrap(), "5");

    // Lists and .asf files of the time name their pictures in the same bytes.
    let old = tempfile::tempdir().unwrap();
    let picture_name = OsStr::from_bytes(b"s\xe9.jpg");
    picture(&old.path().join("s.jpg"));
    fs::rename(old.path().join("s.jpg"), old.path().join(picture_name)).unwrap();
    let file = old.path().join("01-1m.asf");
    asf::write(&file, "s?.jpg", Size::new(64, 48), &points(58)).unwrap();
    let latin1: Vec<u8> = fs::read(&file).unwrap().iter().map(|&b| if b == b'?' { 0xe9 } else { b }).collect();
    fs::write(&file, latin1).unwrap();
    assert_eq!(open_kind(old.path(), imm::KIND).unwrap().get(0).unwrap().path.file_name(), Some(picture_name));
}

#[cfg(target_os = "linux")]
#[test]
fn one_name_in_two_spellings_is_no_two_faces() {
    let dir = tempfile::tempdir().unwrap();
    pts_face(dir.path(), "a");
    fs::copy(dir.path().join("a.pts"), dir.path().join("a.PTS")).unwrap();
    let text = open_kind(dir.path(), pts_folder::KIND).err().unwrap().to_string();
    assert!(text.ends_with("a.pts: expected one annotation of each picture, got a again"), "{text}");
}

#[test]
fn predictions_are_never_samples_and_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    pts_face(&d.join("own"), "a");
    pts_face(&d.join("own"), "x_keypoints");
    prediction(&d.join("own"), "a.keypoints");
    prediction(&d.join("own/predictions"), "a_keypoints");
    prediction(&d.join("own/predictions"), "b.keypoints");
    picture(&d.join("own/predictions/b.keypoints.heatmap.png"));
    // One's own file in another folder may be called as predictions were.
    assert_eq!(ids(&*open_kind(&d.join("own"), pts_folder::KIND).unwrap()), ["a", "x_keypoints"]);
    assert_eq!(fact(&d.join("own"), "predictions").unwrap(), "3 (skipped)");
    assert!(is_prediction(Path::new("a.keypoints.pts")) && !is_prediction(Path::new("keypoints.pts")));

    pts_face(&d.join("ibug"), "afw/a");
    prediction(&d.join("ibug/afw"), "a.keypoints");
    assert_eq!(ids(&*open_kind(&d.join("ibug"), ibug::KIND).unwrap()), ["afw/a"]);
    assert_eq!(fact(&d.join("ibug"), "predictions").unwrap(), "1 (skipped)");

    picture(&d.join("imm/01-1m.jpg"));
    asf::write(&d.join("imm/01-1m.asf"), "01-1m.jpg", Size::new(64, 48), &points(58)).unwrap();
    prediction(&d.join("imm"), "01-1m.keypoints");
    assert_eq!(fact(&d.join("imm"), "pictures").unwrap(), "1");
    assert_eq!(fact(&d.join("imm"), "predictions").unwrap(), "1 (skipped)");

    prediction(&d.join("alone"), "a.keypoints");
    let text = open_kind(&d.join("alone"), pts_folder::KIND).err().unwrap().to_string();
    assert!(text.ends_with("found 2 files of predictions"), "{text}");
}

#[test]
fn what_is_there_instead_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let says = |place: &Path, words: &str| {
        let texts = [check(place).err(), find_first(place).and_then(|f| f.open()).err()]
            .map(|e| e.map(|e| e.to_string()).unwrap_or_default());
        assert!(texts.iter().all(|t| t.contains(words) && t.lines().count() == 1), "{words}: {texts:?}");
    };
    fs::create_dir(d.join("empty")).unwrap();
    says(&d.join("empty"), "found none");
    says(&d.join("nowhere"), "found no folder of that name");
    (0..12).for_each(|i| picture(&d.join(format!("pictures/{i}.png"))));
    says(&d.join("pictures"), "found 12 pictures without annotations");
    says(&d.join("pictures/0.png"), "found a picture, not a folder");
    fs::write(d.join("pictures/notes.txt"), "x").unwrap();
    says(&d.join("pictures"), "found 12 pictures without annotations and 1 other file");
    for (kind, words) in [(imm::KIND, "IMM (.asf)"), (pts_folder::KIND, "pictures beside .pts")] {
        let text = open_kind(&d.join("pictures"), kind).err().unwrap().to_string();
        assert!(text.contains(words) && text.contains("found 12 pictures without annotations"), "{text}");
    }
    fs::create_dir(d.join("zero")).unwrap();
    for (name, words) in
        [("01-1m.asf", "01-1m.asf: expected the number of points, got an empty file"), ("a.pts", "a.pts: ")]
    {
        fs::write(d.join("zero").join(name), "").unwrap();
        let all = check(&d.join("zero")).unwrap().problems;
        assert!(all.len() == 1 && all[0].to_string().contains(words), "{all:?}");
        fs::remove_file(d.join("zero").join(name)).unwrap();
    }
}

/// Points of something else, in a folder that says what they are.
#[test]
fn a_folder_says_by_its_scheme_what_its_points_are() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let scheme = "name = \"paw\"\npoints = [\"heel\", \"left\", \"right\"]\nmirror = [[1, 2]]\n\
                  [normalizer]\nname = \"box\"\nbox = \"diagonal\"\n";
    fs::write(d.join("scheme.toml"), scheme).unwrap();
    for name in ["a", "b"] {
        picture(&d.join(name).with_extension("jpg"));
        let paw = [(20.0, 10.0), (30.0, 12.0), (25.0, 30.0)].map(|(x, y)| Point::new(x, y));
        pts::write(&d.join(format!("{name}.pts")), &paw).unwrap();
    }
    let data = find_first(d).unwrap().open().unwrap();
    assert_eq!((data.scheme().name(), data.scheme().len(), data.len()), ("paw", 3, 2));
    assert_eq!(fact(d, "points").unwrap(), "3 each");
    let paw = std::sync::Arc::clone(data.scheme());
    assert!(open_dataset(d, None, &paw).is_ok());
    let other = open_dataset(d, None, &IBUG_68).err().unwrap().to_string();
    assert!(other.contains("expected points of the scheme ibug68, got paw"), "{other}");

    let table = "file,x0,y0,x1,y1,x2,y2\na.jpg,20,10,30,12,25,30\n";
    for (points, expected) in [(table, Ok(3)), ("file,x0,y0\na.jpg,20,10\n", Err("x and y of 3 points, got 1"))] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("scheme.toml"), scheme).unwrap();
        picture(&folder.path().join("a.jpg"));
        fs::write(folder.path().join("points.csv"), points).unwrap();
        let read = find_first(folder.path()).unwrap().open().map(|data| data.scheme().len()).map_err(|e| e.to_string());
        match (read, expected) {
            (Ok(read), Ok(len)) => assert_eq!(read, len),
            (Err(e), Err(words)) => assert!(e.contains(words), "{e}"),
            (read, _) => panic!("{read:?}"),
        }
    }

    fs::write(d.join("scheme.toml"), "name = \"paw\"\npoints = 3\nmirror = [[1, 3]]\n").unwrap();
    let broken = find_first(d).unwrap().open().err().unwrap().to_string();
    assert!(broken.contains("scheme.toml") && broken.contains("mirror.0: expected points below 3, got 3"), "{broken}");
}

#[test]
fn folders_of_points_in_one_have_one_scheme_and_are_seen_through_a_part_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    for name in ["a/1", "b/2"] {
        pts_face(d, name);
    }
    // 68 points without a word on them, through five
    let five = "name = \"five\"\npoints = 5\npart_of = { scheme = \"ibug68\", points = [36, 45, 30, 48, 54] }\n";
    let five = std::sync::Arc::new(facekp_data::Scheme::from_toml(Path::new("five.toml"), five).unwrap());
    let data = open_dataset(d, None, &five).unwrap();
    let face = data.annotation(0).unwrap();
    assert_eq!((data.scheme().len(), face.points.points()[1]), (5, points(68)[45]));

    let scheme = |name: &str| format!("name = \"{name}\"\npoints = 68\n");
    for folder in ["a", "b"] {
        fs::write(d.join(folder).join("scheme.toml"), scheme("other")).unwrap();
    }
    assert_eq!(find_first(d).unwrap().open().unwrap().scheme().name(), "other");
    fs::write(d.join("b/scheme.toml"), scheme("another")).unwrap();
    let error = find_first(d).unwrap().open().err().unwrap().to_string();
    assert!(error.ends_with("scheme.toml: expected one scheme in all folders of points, got another"), "{error}");
}

#[test]
fn a_scheme_is_proposed_for_points_that_none_describes() {
    let row = |points: &[(f64, f64)]| points.iter().map(|(x, y)| format!(",{x},{y}")).collect::<String>();
    let proposed = |shapes: &[&[(f64, f64)]]| {
        let dir = tempfile::tempdir().unwrap();
        let header: String = (0..shapes[0].len()).map(|i| format!(",x{i},y{i}")).collect();
        let rows: String = shapes.iter().map(|s| format!("a.jpg{}\n", row(s))).collect();
        picture(&dir.path().join("a.jpg"));
        fs::write(dir.path().join("points.csv"), format!("file{header}\n{rows}")).unwrap();
        let found = find_first(dir.path()).unwrap();
        assert!(found.open().is_err(), "no scheme has so many points");
        propose(found.open_plain().unwrap().as_ref(), "wing").unwrap()
    };
    // a kite, seen a little from one side and from the other
    let left: &[_] = &[(20.0, 10.0), (11.0, 20.0), (30.0, 20.0), (20.0, 40.0)];
    let right: &[_] = &[(20.0, 10.0), (10.0, 20.0), (29.0, 20.0), (20.0, 40.0)];
    let kite = propose_text(proposed(&[left, right]));
    assert_eq!(kite.0.as_deref(), Some(&[0, 2, 1, 3][..]), "{}", kite.1);
    assert!(kite.1.contains("4 points, marked on 2 objects") && kite.1.contains("with these pairs"), "{}", kite.1);
    // a hook
    let hook: &[_] = &[(10.0, 10.0), (12.0, 25.0), (14.0, 40.0), (30.0, 38.0)];
    let hook = propose_text(proposed(&[hook]));
    assert!(hook.0.is_none() && hook.1.contains("no mirror pairs"), "{}", hook.1);
}

fn propose_text(proposal: Proposal) -> (Option<Vec<usize>>, String) {
    assert_eq!(proposal.scheme.name(), "wing");
    assert!(proposal.scheme.normalizer().is_some());
    (proposal.scheme.mirror().map(<[usize]>::to_vec), proposal.evidence.join("; "))
}
