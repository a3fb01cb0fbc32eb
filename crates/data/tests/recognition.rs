//! What a place holds is recognised by what lies in it, and a recipe's folder is found and opened.

use crate::common::{ids, imm_face, picture, pts_face};
use facekp_data::{
    Dataset, DatasetKind,
    datasets::{Found, find, find_first, ibug, imm, pack, pts_folder},
    open_dataset, open_kind,
    scheme::{IBUG_68, IMM_58, NOSE_1, Scheme},
};
use std::{fs, path::Path, sync::Arc};

/// What is found in `dir`: the kind, and the path below `dir`.
fn found(dir: &Path) -> Vec<(DatasetKind, String)> {
    let below = |f: Found| (f.kind, f.path.strip_prefix(dir).unwrap().display().to_string());
    find(dir).unwrap().into_iter().map(below).collect()
}

fn packed(from: &Path, to: &Path) {
    let found = find_first(from).unwrap();
    let data = found.open().unwrap();
    pack::write(&*data, found.kind, to, pack::Options::default(), &mut |_, _| {}).unwrap();
}

fn opened(data: &Path, path: &str, scheme: &Arc<Scheme>) -> Result<Box<dyn Dataset>, String> {
    open_dataset(data, Some(path), scheme).map_err(|e| e.to_string())
}

#[test]
fn a_folder_is_what_it_holds_and_a_parent_what_its_folders_are() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    imm_face(&d.join("people"), "01-1m");
    pts_face(&d.join("wild"), "afw/a");
    pts_face(&d.join("more/deep/down"), "b");
    picture(&d.join("photos/c.jpg"));
    packed(&d.join("people"), &d.join("all.fkpack"));
    let name = |s: &str| s.to_owned();
    assert_eq!(found(&d.join("people")), [(imm::KIND, name(""))]);
    assert_eq!(found(&d.join("all.fkpack")), [(imm::KIND, name(""))]);
    let all = [
        (imm::KIND, name("all.fkpack")),
        (pts_folder::KIND, name("more")),
        (imm::KIND, name("people")),
        (ibug::KIND, name("wild")),
    ];
    assert_eq!(found(d), all);
    assert_eq!(find_first(d).unwrap().path, d.join("all.fkpack"), "the first by format, then by path");
    let error = find(&d.join("photos")).unwrap_err().to_string();
    assert!(error.contains("photos: expected IMM (.asf), iBUG 300-W (labels_ibug_300W*.xml)"), "{error}");
    assert!(error.ends_with("found 1 picture without annotations"), "{error}");
}

#[test]
fn a_folder_of_points_folders_is_one_unless_one_of_them_is_published() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    pts_face(&d.join("holiday"), "a");
    pts_face(&d.join("work"), "b");
    assert_eq!(found(d), [(pts_folder::KIND, String::new())]);
    assert_eq!(ids(&*find_first(d).unwrap().open().unwrap()), ["holiday/a", "work/b"]);
    pts_face(&d.join("ytf_68"), "c");
    let names: Vec<_> = found(d).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["holiday", "work", "ytf_68"]);
    assert_eq!(ids(&*open_kind(d, pts_folder::KIND).unwrap()), ["c"], "the published one goes first");
}

#[test]
fn test_faces_of_ibug_are_in_no_points_folder() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    pts_face(&d.join("far/ibug_300W"), "ibug/a");
    assert!(find(d).is_err(), "two levels up");
    pts_face(d, "mine");
    assert!(find(d).is_err(), "beside someone's own points");
    assert!(open_kind(d, pts_folder::KIND).is_err());
    let error = open_kind(&d.join("far"), pts_folder::KIND).err().unwrap().to_string();
    assert!(error.ends_with("far: expected pictures beside .pts, found ibug68 in ibug_300W"), "{error}");
    // Nor are the dataset's own folders datasets by themselves.
    let whole = d.join("far/ibug_300W");
    assert!(opened(&whole, "ibug", &IBUG_68).unwrap().describe().starts_with("iBUG 300-W"), "named by its start");
    pts_face(&whole, "lfpw/testset/b");
    let error = opened(&whole, "lfpw", &IBUG_68).err().unwrap();
    assert!(error.ends_with("expected a dataset called lfpw, found ibug68"), "{error}");
    assert!(opened(&d.join("far"), "ibug_300W/ibug", &IBUG_68).is_err());
}

#[test]
fn a_recipe_names_a_folder_by_the_start_of_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let long = d.join("ibug_300W_large_face_landmark_dataset");
    pts_face(&long, "afw/a");
    pts_face(&d.join("more_68/deep"), "b");
    pts_face(&d.join("more_68_old"), "c");
    imm_face(&d.join("imm_face_db"), "01-1m");
    let named = |path: &str, scheme| opened(d, path, scheme).map(|set| ids(&*set));
    let one = |id: &str| Ok(vec![id.to_owned()]);
    assert_eq!(named("ibug_300W", &IBUG_68), one("afw/a"));
    assert_eq!(named("more_68", &IBUG_68), one("deep/b"), "the whole name goes before longer ones");
    assert_eq!(named("imm_face_db", &IMM_58), one("01-1m"));
    assert_eq!(opened(&long, "ibug_300W", &IBUG_68).map(|set| set.len()), Ok(1), "the data folder itself");
    let error = named("imm_face_db", &IBUG_68).unwrap_err();
    assert!(
        error.contains("expected points of the scheme ibug68, got imm58 (") && error.lines().count() == 1,
        "{error}"
    );
    let error = named("people", &IBUG_68).unwrap_err();
    let there = "ibug68 in ibug_300W_large_face_landmark_dataset, imm58 in imm_face_db, pts68 in more_68";
    assert!(error.contains("expected a dataset called people, found ") && error.contains(there), "{error}");
    fs::create_dir(d.join("empty")).unwrap();
    assert!(named("empty", &IBUG_68).unwrap_err().ends_with("found none"));
    assert!(opened(&d.join("nowhere"), "empty", &IBUG_68).err().unwrap().contains("found no folder of that name"));
}

#[test]
fn a_published_name_finds_its_format_under_another_name() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    pts_face(&d.join("wild"), "afw/a");
    assert_eq!(opened(d, "ibug_300W", &IBUG_68).unwrap().len(), 1);
    assert_eq!(opened(&d.join("wild"), "ibug_300W", &IBUG_68).unwrap().len(), 1);
    // Someone's own points are not what a recipe means by a published name, nor by another folder's.
    pts_face(&d.join("own"), "a");
    assert!(opened(&d.join("own"), "ibug_300W", &IBUG_68).is_err());
    assert!(opened(&d.join("own"), "more_68", &IBUG_68).is_err());
    assert_eq!(opened(&d.join("own"), "own", &IBUG_68).unwrap().len(), 1);
}

#[test]
fn a_pack_goes_before_the_folder_of_its_name_but_not_for_a_part() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    imm_face(&d.join("imm_face_db"), "01-1m");
    packed(&d.join("imm_face_db"), &d.join("imm_face_db.fkpack"));
    let describe = |path: &str, scheme| opened(d, path, scheme).unwrap().describe();
    assert!(describe("imm_face_db", &IMM_58).ends_with("(packed)"));
    assert!(describe("imm_face_db.fkpack", &IMM_58).ends_with("(packed)"));
    assert!(!describe("imm_face_db", &NOSE_1).ends_with("(packed)"));
    assert!(describe("imm_face_db.fkpack", &NOSE_1).ends_with("(packed)"));
    for (kind, is_packed) in [(imm::KIND, true), (imm::NOSE, false)] {
        assert_eq!(open_kind(d, kind).unwrap().describe().ends_with("(packed)"), is_packed, "{kind:?}");
    }
}

#[test]
fn without_a_name_the_points_choose_and_have_to_be_of_one_dataset() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    imm_face(&d.join("a"), "01-1m");
    pts_face(&d.join("b"), "afw/a");
    let len =
        |scheme| open_dataset(d, None, scheme).map(|set| (set.scheme().len(), set.len())).map_err(|e| e.to_string());
    assert_eq!((len(&IMM_58), len(&IBUG_68), len(&NOSE_1)), (Ok((58, 1)), Ok((68, 1)), Ok((1, 1))));
    pts_face(&d.join("c"), "a");
    let error = len(&IBUG_68).unwrap_err();
    assert!(error.contains("expected one dataset of ibug68, got ibug68 in b, pts68 in c"), "{error}");
}
