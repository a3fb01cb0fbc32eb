//! The real datasets, where `FACEKP_DATA` names their folder. Numbers of faces are those of the datasets' own papers
//! and of their reduced copies.

use candle_vision_helpers::{Point, Rect};
use facekp_data::{
    CheckReport, Dataset, Split, check,
    datasets::{
        find_first,
        ibug::{self, Boxes, IbugDataset, Lists, Options},
        imm::{self, ImmDataset},
        propose::{Proposal, propose},
        pts_folder,
    },
    open_kind,
    scheme::{IBUG_68, IMM_58, Length, Scheme},
};
use std::{collections::BTreeSet, path::PathBuf};

/// A dataset's folder, or a note that the test is skipped.
fn folder(name: &str) -> Option<PathBuf> {
    let found = std::env::var_os("FACEKP_DATA").map(|d| PathBuf::from(d).join(name)).filter(|d| d.is_dir());
    if found.is_none() {
        eprintln!("skipped: FACEKP_DATA names no folder with {name}");
    }
    found
}

fn facts(report: &CheckReport) -> Vec<(&str, &str)> {
    assert!(report.problems.is_empty(), "{:#?}", report.problems);
    report.facts.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect()
}

#[test]
fn imm_is_whole() {
    let Some(dir) = folder("imm_face_db") else { return };
    let report = check(&dir).unwrap();
    let expected = [("pictures", "240"), ("points", "58 each"), ("people", "40"), ("picture size", "640x480")];
    assert_eq!(facts(&report), expected);
}

#[test]
fn imm_splits_by_person() {
    let Some(dir) = folder("imm_face_db") else { return };
    let all = ImmDataset::open(&dir).unwrap();
    let (train, val) = (all.split(Split::Train).unwrap(), all.split(Split::Val).unwrap());
    // The usual split: the first 192 files, the last 48.
    assert_eq!(train, (0..192).collect::<Vec<_>>());
    assert_eq!(val, (192..240).collect::<Vec<_>>());
    let person = |i: &usize| all.get(*i).unwrap().subject.unwrap();
    let edge: Vec<_> = [191, 192].iter().map(person).collect();
    assert_eq!(edge, ["32", "33"]);
    assert!(all.split(Split::Common).is_err());
}

#[test]
fn imm_nose_is_point_52_with_the_scale_of_the_face() {
    let Some(dir) = folder("imm_face_db") else { return };
    let (all, nose) = (ImmDataset::open(&dir).unwrap(), open_kind(&dir, imm::NOSE).unwrap());
    // 07 is in the older layout of seven columns, 14-5 in the newer one of ten; 03 is grey.
    for id in ["07-1m", "14-5f", "03-1m"] {
        let i = (0..all.len()).find(|&i| all.get(i).unwrap().id == id).unwrap();
        let (face, tip) = (all.get(i).unwrap(), nose.get(i).unwrap());
        assert_eq!(tip.points.points(), &face.points.points()[52..53]);
        assert_eq!((tip.scale, tip.face), (face.scale, face.face));
        assert!(tip.scale.normalizer > tip.scale.normalizer_pupil && tip.scale.normalizer_pupil > Some(50.0));
    }
    // Row 53 of 01-1m.asf: 0.49070060, 0.63137436 of 640x480, less half a pixel.
    let tip = nose.get(0).unwrap().points.points()[0];
    assert!(tip.distance(Point::new(313.548_384, 302.559_693)) < 1e-5, "{tip:?}");
}

/// The annotators clicked on whole pixels of a picture shown 992 wide; the half pixel of the file format has to be
/// subtracted for that to show.
#[test]
fn imm_coordinates_are_centres_of_shown_pixels() {
    let Some(dir) = folder("imm_face_db") else { return };
    let all = ImmDataset::open(&dir).unwrap();
    let xs: Vec<f64> = points_of(&all, "").iter().flatten().map(|p| p.x).collect();
    let on_grid = |half: f64| {
        let near = |x: &&f64| {
            ((*x + half) * 992.0 / 640.0 + 0.5).rem_euclid(1.0) > 0.45
                && ((*x + half) * 992.0 / 640.0 + 0.5).rem_euclid(1.0) < 0.55
        };
        xs.iter().filter(near).count() as f64 / xs.len() as f64
    };
    assert!(on_grid(0.0) > 0.7, "{}", on_grid(0.0));
    assert!(on_grid(0.5) < 0.2, "{}", on_grid(0.5));
}

#[test]
fn flip_tables_fit_the_mirrored_mean_shape() {
    if let Some(dir) = folder("imm_face_db") {
        let all = ImmDataset::open(&dir).unwrap();
        let mut frontal = points_of(&all, "pose 1");
        frontal.extend(points_of(&all, "pose 2"));
        assert_eq!(frontal.len(), 80);
        proves(&IMM_58, &frontal, 0.015);
        // Ascending within the eyes, as in the jaw, is wrong by up to an eye's width.
        let mut wrong = IMM_58.mirror().unwrap().to_vec();
        wrong[13..21].copy_from_slice(&[28, 27, 26, 25, 24, 23, 22, 21]);
        wrong[21..29].copy_from_slice(&[20, 19, 18, 17, 16, 15, 14, 13]);
        assert!(residual(&mean_shape(&frontal), &wrong, &IMM_58) > 0.02);
    }
    if let Some(dir) = folder("ibug_300W") {
        proves(&IBUG_68, &points_of(&IbugDataset::open(&dir).unwrap(), "afw"), 0.03);
    }
}

/// The tables that are known, found from the annotations alone.
#[test]
fn a_proposal_finds_the_mirror_pairs_of_faces() {
    for (name, scheme) in [("imm_face_db", &*IMM_58), ("ibug_300W", &*IBUG_68)] {
        let Some(dir) = folder(name) else { continue };
        let set = find_first(&dir).unwrap().open_plain().unwrap();
        let Proposal { scheme: found, evidence } = propose(set.as_ref(), "faces").unwrap();
        assert_eq!(found.mirror(), scheme.mirror(), "{evidence:?}");
        assert_eq!(found.groups(), scheme.groups());
    }
}

/// The scheme's table leaves at most `small` of the distance of the eyes; the identity and every neighbouring pair
/// swapped leave more than the table does.
fn proves(scheme: &Scheme, shapes: &[Vec<Point>], small: f64) {
    let mean = mean_shape(shapes);
    let right = residual(&mean, scheme.mirror().unwrap(), scheme);
    assert!(right < small, "{}: {right}", scheme.name());
    let identity: Vec<usize> = (0..scheme.len()).collect();
    assert!(residual(&mean, &identity, scheme) > 0.2);
    for i in 0..scheme.len() - 1 {
        let mut wrong = scheme.mirror().unwrap().to_vec();
        wrong.swap(i, i + 1);
        assert!(residual(&mean, &wrong, scheme) > right, "{} {i}", scheme.name());
    }
    // The normalizer's ends are the extremes of the eyes.
    let Length::Between(a, b) = &scheme.normalizer().unwrap().length else { panic!("expected a distance") };
    let eyes = |side: &str| scheme.groups().iter().find(|g| g.name == side).map(|g| g.points.clone()).unwrap();
    let outermost = |range: std::ops::Range<usize>, sign: f64| {
        range.max_by(|&a, &b| (sign * mean[a].x).total_cmp(&(sign * mean[b].x))).unwrap()
    };
    assert_eq!(*a, [outermost(eyes("right eye"), -1.0)], "the subject's right eye is on the picture's left");
    assert_eq!(*b, [outermost(eyes("left eye"), 1.0)]);
}

fn points_of(data: &dyn Dataset, subset: &str) -> Vec<Vec<Point>> {
    let all = (0..data.len()).map(|i| data.get(i).unwrap());
    all.filter(|s| subset.is_empty() || s.subset.as_deref() == Some(subset))
        .map(|s| s.points.points().to_vec())
        .collect()
}

/// `shape` moved, turned and scaled onto `target` with the least squared distance (Umeyama 1991, in complex numbers).
fn align(shape: &[Point], target: &[Point]) -> Vec<Point> {
    let (a, b) = (Point::mean(shape.iter().copied()).unwrap(), Point::mean(target.iter().copied()).unwrap());
    let (mut re, mut im, mut norm) = (0.0, 0.0, 0.0);
    for (p, q) in shape.iter().zip(target) {
        let (px, py, qx, qy) = (p.x - a.x, p.y - a.y, q.x - b.x, q.y - b.y);
        re += px * qx + py * qy;
        im += px * qy - py * qx;
        norm += px * px + py * py;
    }
    let (re, im) = (re / norm, im / norm);
    let turned =
        |p: &Point| Point::new(re * (p.x - a.x) - im * (p.y - a.y) + b.x, im * (p.x - a.x) + re * (p.y - a.y) + b.y);
    shape.iter().map(turned).collect()
}

fn mean_shape(shapes: &[Vec<Point>]) -> Vec<Point> {
    let mut mean = shapes[0].clone();
    for _ in 0..5 {
        let aligned: Vec<_> = shapes.iter().map(|s| align(s, &mean)).collect();
        let average: Vec<_> = (0..mean.len()).map(|k| Point::mean(aligned.iter().map(|s| s[k])).unwrap()).collect();
        mean = align(&average, &shapes[0]);
    }
    mean
}

fn eye_distance(scheme: &Scheme, shape: &[Point]) -> f64 {
    let area = Rect::new(0.0, 0.0, 1.0, 1.0);
    scheme.normalizer().unwrap().measure(shape, &vec![true; shape.len()], area).unwrap()
}

/// Mean distance between the shape and its aligned mirror image, in distances of the eyes.
fn residual(shape: &[Point], flip: &[usize], scheme: &Scheme) -> f64 {
    let mirrored: Vec<_> = flip.iter().map(|&j| Point::new(-shape[j].x, shape[j].y)).collect();
    let mirrored = align(&mirrored, shape);
    let sum: f64 = mirrored.iter().zip(shape).map(|(a, b)| a.distance(*b)).sum();
    sum / shape.len() as f64 / eye_distance(scheme, shape)
}

#[test]
fn ibug_is_whole_and_its_two_annotations_agree() {
    let Some(dir) = folder("ibug_300W") else { return };
    let report = check(&dir).unwrap();
    let facts = facts(&report);
    let parts = [
        ("faces", "2701"),
        ("points", "68 each"),
        ("train", "2012"),
        ("common", "554"),
        ("challenging", "135"),
        ("full", "689"),
    ];
    assert_eq!(facts[..6], parts);
    let both = facts.iter().find(|f| f.0 == "in both XML and .pts").unwrap().1;
    assert!(both.starts_with("2701, largest difference 0.00"), "{both}");
}

#[test]
fn ibug_has_both_splits_and_both_boxes() {
    let Some(dir) = folder("ibug_300W") else { return };
    let standard = IbugDataset::open(&dir).unwrap();
    let count = |data: &IbugDataset, split| data.split(split).unwrap().len();
    assert_eq!(count(&standard, Split::Train), 2012);
    assert_eq!((count(&standard, Split::Fit), count(&standard, Split::Val)), (1810, 202));
    let (fit, val) = (standard.split(Split::Fit).unwrap(), standard.split(Split::Val).unwrap());
    let together: BTreeSet<_> = fit.iter().chain(&val).copied().collect();
    assert_eq!(together, standard.split(Split::Train).unwrap().into_iter().collect());
    let face = standard.get(standard.split(Split::Challenging).unwrap()[0]).unwrap();
    assert!(face.id.starts_with("ibug/") && face.subset.as_deref() == Some("ibug"));

    let options = Options { lists: Lists::Dlib, boxes: Boxes::List, ..Options::default() };
    let dlib = IbugDataset::with_options(&dir, options).unwrap();
    // The lists of this copy name the standard split.
    assert_eq!((count(&dlib, Split::Train), count(&dlib, Split::Test)), (2012, 689));
    assert!(dlib.split(Split::Common).is_err());
    let listed = dlib.get(0).unwrap().face;
    let tight = standard.get(0).unwrap().face;
    // Both are tight; the list's is in whole pixels, rounded down, each counted with its whole area.
    assert!((listed.x - tight.x).abs() < 1.6 && (listed.width - tight.width).abs() < 2.01, "{listed:?} {tight:?}");
    assert_ne!(listed, tight);
}

#[test]
fn youtube_faces_are_whole_and_stay_apart() {
    let Some(dir) = folder("ytf_68") else { return };
    assert_eq!(facts(&check(&dir).unwrap())[..2], [("faces", "3462"), ("points", "68 each")]);
    let parent = dir.parent().unwrap();
    assert_eq!(open_kind(parent, pts_folder::KIND).unwrap().len(), 3462);
    assert_eq!(open_kind(parent, ibug::KIND).unwrap().len(), 2701);
    // Asking for a points folder never gets iBUG's test faces.
    assert!(open_kind(&parent.join("ibug_300W"), pts_folder::KIND).is_err());
}
