//! The rendered points against real faces, against the pictures they belong to, and against a mirror; the files on
//! disk.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use super::{situation::Expression, *};
use crate::datasets::{ibug, imm};
use std::{env, fs, path::Path};

/// The points of a frontal face, in the head's own units. The faces of iBUG were found on the web: on average they
/// smile.
fn frontal(number: u64, ibug: bool) -> Vec<Point> {
    let person = Person::new(1, number);
    let smile = Expression { smile: 0.3, teeth: 0.5, ..Expression::rest() };
    let features = Features::new(&person, &if ibug { smile } else { Expression::rest() });
    let head = Head::new(&person, &features);
    points::points(&head, ibug, |v, side| side * v.x).into_iter().map(|v| Point::new(v.x, v.y)).collect()
}

/// Without position and size: centered, with the root of the summed squares 1.
fn normal(mut points: Vec<Point>) -> Vec<Point> {
    let m = Point::mean(points.iter().copied()).unwrap();
    let size = points.iter().map(|p| p.distance(m).powi(2)).sum::<f64>().sqrt();
    points.iter_mut().for_each(|p| *p = Point::new((p.x - m.x) / size, (p.y - m.y) / size));
    points
}

/// The mean of shapes aligned with the first (positions as complex numbers: the best turn is the argument of their
/// product).
fn mean_shape(shapes: Vec<Vec<Point>>) -> Vec<Point> {
    let n = shapes.len() as f64;
    let first = normal(shapes[0].clone());
    let mut sum = vec![Point::default(); first.len()];
    for shape in shapes {
        for (s, p) in sum.iter_mut().zip(aligned(&normal(shape), &first)) {
            *s = Point::new(s.x + p.x / n, s.y + p.y / n);
        }
    }
    normal(sum)
}

fn aligned(shape: &[Point], to: &[Point]) -> Vec<Point> {
    let (mut c, mut s) = (0.0, 0.0);
    for (a, b) in shape.iter().zip(to) {
        c += a.x * b.x + a.y * b.y;
        s += a.x * b.y - a.y * b.x;
    }
    let l = c.hypot(s);
    let (c, s) = (c / l, s / l);
    shape.iter().map(|p| Point::new(c * p.x - s * p.y, s * p.x + c * p.y)).collect()
}

/// The mean and the largest distance between two mean shapes, in distances between the outer eye corners `a` and `b`.
fn difference(ours: Vec<Point>, real: Vec<Point>, (a, b): (usize, usize)) -> (f64, f64) {
    let unit = real[a].distance(real[b]);
    let ours = aligned(&ours, &real);
    let d: Vec<f64> = ours.iter().zip(&real).map(|(p, q)| p.distance(*q) / unit).collect();
    let far: Vec<String> =
        d.iter().enumerate().filter(|(_, d)| **d > 0.03).map(|(i, d)| format!("{i}: {d:.3}")).collect();
    println!("further than 0.03: {}", far.join(", "));
    (d.iter().sum::<f64>() / d.len() as f64, d.iter().copied().fold(0.0, f64::max))
}

fn real(folder: &str) -> Option<std::path::PathBuf> {
    let dir = env::var_os("FACEKP_DATA").map(|d| Path::new(&d).join(folder)).filter(|d| d.is_dir());
    if dir.is_none() {
        eprintln!("skipped: FACEKP_DATA holds no {folder}");
    }
    dir
}

fn read_all(dir: &Path, wanted: impl Fn(&str) -> bool, parse: impl Fn(&str) -> Vec<Point>) -> Vec<Vec<Point>> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| wanted(&p.file_name().unwrap().to_string_lossy()))
        .collect();
    names.sort();
    names.iter().map(|p| parse(&String::from_utf8_lossy(&fs::read(p).unwrap()))).collect()
}

#[test]
fn the_58_points_lie_as_on_real_frontal_faces() {
    let Some(dir) = real("imm_face_db") else { return };
    let shapes = read_all(
        &dir,
        |n| n.contains("-1") && n.ends_with(".asf"),
        |text| {
            let rows = text
                .lines()
                .filter(|l| !l.starts_with('#'))
                .map(|l| l.split_whitespace().collect::<Vec<_>>())
                .filter(|r| r.len() >= 7);
            rows.map(|r| Point::new(r[2].parse::<f64>().unwrap() * 640.0, r[3].parse::<f64>().unwrap() * 480.0))
                .collect()
        },
    );
    assert_eq!(shapes.len(), 40);
    let (mean, worst) =
        difference(mean_shape((0..40).map(|i| frontal(i, false)).collect()), mean_shape(shapes), (13, 21));
    println!("58 points: mean {mean:.4}, worst {worst:.4} of the distance between the outer eye corners");
    // Two neighbours exchanged are 0.08 to 0.2 apart; a feature in the wrong direction 0.3 and more. Was 0.0125 and
    // 0.032.
    assert!(mean < 0.02 && worst < 0.05, "mean {mean:.4}, worst {worst:.4}");
}

#[test]
fn the_68_points_lie_as_on_real_frontal_faces() {
    let Some(dir) = real("ibug_300W/lfpw/trainset") else { return };
    let all = read_all(
        &dir,
        |n| n.ends_with(".pts"),
        |text| {
            let inside = text.split(['{', '}']).nth(1).unwrap();
            let v: Vec<f64> = inside.split_whitespace().map(|s| s.parse().unwrap()).collect();
            v.chunks(2).map(|c| Point::new(c[0] - 1.0, c[1] - 1.0)).collect()
        },
    );
    // Frontal: the tip of the nose halfway between the ends of the jaw.
    let shapes: Vec<_> =
        all.into_iter().filter(|p| (p[30].distance(p[0]) / p[30].distance(p[16])).ln().abs() < 0.12).collect();
    assert!(shapes.len() > 100, "{}", shapes.len());
    let (mean, worst) =
        difference(mean_shape((0..40).map(|i| frontal(i, true)).collect()), mean_shape(shapes), (36, 45));
    println!("68 points: mean {mean:.4}, worst {worst:.4} of the distance between the outer eye corners");
    // The lips' inner edges are 0.06 apart. Was 0.0191 and 0.043.
    assert!(mean < 0.03 && worst < 0.055, "mean {mean:.4}, worst {worst:.4}");
}

#[test]
fn a_mirror_renames_the_points_as_the_scheme_says() {
    for (set, ibug) in [(FaceSet::Imm, false), (FaceSet::Ibug, true)] {
        let (scheme, points) = (set.scheme(), frontal(3, ibug));
        for (i, &j) in scheme.mirror().unwrap().iter().enumerate() {
            let mirrored = Point::new(-points[i].x, points[i].y);
            assert!(mirrored.distance(points[j]) < 1e-6, "{}: point {i} against {j}", scheme.name());
        }
    }
}

#[test]
fn the_points_are_where_the_features_are_drawn() {
    let situation = Situation::wild(5, 3, false);
    let mut person = Person::new(5, 3);
    person.glasses = None;
    let situation = Situation { pose: (0.35, 0.1, -0.15), ..situation };
    let scene = Scene::new(&person, &situation);
    let head = Head::new(&person, &scene.features);
    let camera = Camera { distance: 9.0, scale: 100.0, center: Point::new(150.0, 120.0) };
    let f = &scene.features;
    for place in [f.eyes[0].outer, f.eyes[1].outer, f.lip_top[0], f.lip_top[6], f.lip_bottom[3], f.brows[0][2]] {
        let mut canvas = Canvas::new(300, 300);
        // What is painted within 0.025 of the place shines.
        canvas.draw(&head.mesh(), &scene.turn, &camera, |f| {
            let d = (f64::from(f.uv[0]) - place.x).hypot(f64::from(f.uv[1]) - place.y);
            Some(([if d < 0.025 { 1.0 } else { 0.0 }; 3], 1.0))
        });
        let mut picture = vec![[0.0; 3]; 300 * 300];
        canvas.over(&mut picture);
        let (mut x, mut y, mut sum) = (0.0, 0.0, 0.0);
        for (i, c) in picture.iter().enumerate() {
            let w = f64::from(c[0]);
            (x, y, sum) = (x + w * (i % 300) as f64, y + w * (i / 300) as f64, sum + w);
        }
        let point = camera.project(scene.turn.position(head.lift(place)));
        let drawn = Point::new(x / sum, y / sum);
        assert!(drawn.distance(point) < 0.6, "{place:?}: drawn at {drawn:?}, point at {point:?}");
    }
}

#[test]
fn a_seed_gives_the_same_picture_again_and_another_seed_another() {
    let (a, b, c) = (render(FaceSet::Ibug, 4, 2), render(FaceSet::Ibug, 4, 2), render(FaceSet::Ibug, 5, 2));
    assert_eq!((&a.points, a.image.as_raw()), (&b.points, b.image.as_raw()));
    assert_ne!(a.points, c.points);
}

#[test]
fn every_point_is_in_its_picture_and_turns_go_the_right_way() {
    for i in 6..12 {
        let r = render(FaceSet::Imm, 2, i);
        assert_eq!(r.points.len(), 58);
        assert!(r.points.iter().all(|p| p.x > 0.0 && p.y > 0.0 && p.x < 639.0 && p.y < 479.0), "picture {i}");
        // Nose between the eyes' outer corners: nearer to the side that the face turns to.
        let nose = (r.points[52].x - r.points[21].x) / (r.points[13].x - r.points[21].x);
        match r.pose {
            3 => assert!(nose < 0.45, "picture {i}: {nose}"),
            4 => assert!(nose > 0.55, "picture {i}: {nose}"),
            _ => {}
        }
    }
}

#[test]
fn imm_files_have_both_row_layouts_and_name_their_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("imm");
    write_dataset(FaceSet::Imm, 12, &out, 1).unwrap();
    let mut columns = Vec::new();
    let mut stems: Vec<String> = Vec::new();
    for e in
        fs::read_dir(&out).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "asf"))
    {
        let text = fs::read_to_string(&e).unwrap();
        let rows: Vec<_> = text.lines().filter(|l| !l.starts_with('#') && l.contains('\t')).collect();
        assert_eq!(rows.len(), 58);
        columns.push(rows[0].split_whitespace().count());
        let stem = e.file_stem().unwrap().to_string_lossy().into_owned();
        assert_eq!(text.lines().rfind(|l| !l.is_empty()).unwrap(), format!("{stem}.jpg"));
        assert_eq!(image::image_dimensions(e.with_extension("jpg")).unwrap(), (640, 480));
        stems.push(stem);
    }
    columns.sort_unstable();
    assert_eq!(columns, [vec![7; 10], vec![10; 2]].concat());
    // One person to train on and one to validate on.
    assert_eq!(
        (stems.iter().filter(|s| s.starts_with("01-")).count(), stems.iter().filter(|s| s.starts_with("33-")).count()),
        (6, 6)
    );
    assert!(out.join(MARKER).is_file());
}

#[test]
fn the_readers_return_the_rendered_points() {
    let dir = tempfile::tempdir().unwrap();
    for (set, kind) in [(FaceSet::Imm, imm::KIND), (FaceSet::Ibug, ibug::KIND)] {
        let out = dir.path().join(set.scheme().name());
        write_dataset(set, 6, &out, 1).unwrap();
        let read = crate::datasets::open::open_kind(&out, kind).unwrap();
        let rendered: Vec<_> = (0..6).map(|i| render(set, 1, i).points).collect();
        for i in 0..read.len() {
            let sample = read.get(i).unwrap();
            let away =
                |r: &Vec<Point>| r.iter().zip(sample.points.points()).map(|(a, b)| a.distance(*b)).fold(0.0, f64::max);
            let nearest = rendered.iter().map(away).fold(f64::INFINITY, f64::min);
            // The files' own rounding: eight decimals of 640, and three decimals of a pixel.
            assert!(nearest < 2e-3, "{}: {nearest} px", sample.id);
        }
    }
}

#[test]
fn ibug_files_have_every_folder_and_the_lists_agree_with_the_points() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("ibug");
    fs::create_dir(&out).unwrap();
    write_dataset(FaceSet::Ibug, 6, &out, 1).unwrap();
    for sub in ["afw", "helen/trainset", "helen/testset", "lfpw/trainset", "lfpw/testset", "ibug"] {
        let files = fs::read_dir(out.join(sub)).unwrap().count();
        assert_eq!(files, 2, "{sub}");
    }
    let list = |n: &str| fs::read_to_string(out.join(format!("labels_ibug_300W_{n}.xml"))).unwrap();
    let (train, test) = (list("train"), list("test"));
    assert_eq!((train.matches("<image ").count(), test.matches("<image ").count()), (3, 3));
    assert_eq!(train.matches("<part ").count(), 3 * 68);
    let pts = fs::read_to_string(out.join("ibug/face_00002.pts")).unwrap();
    let first: Vec<f64> = pts.lines().nth(3).unwrap().split(' ').map(|v| v.parse().unwrap()).collect();
    let entry = test.split("ibug/face_00002.jpg").nth(1).unwrap();
    let x: f64 = entry.split("x='").nth(1).unwrap().split('\'').next().unwrap().parse().unwrap();
    assert!((first[0] - 1.0 - x).abs() < 0.006, "{} is 1-based, {x} 0-based", first[0]);
}

#[test]
fn a_folder_in_use_is_left_alone_and_nothing_half_written_stays() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mine.txt"), "x").unwrap();
    let error = write_dataset(FaceSet::Imm, 1, dir.path(), 1).unwrap_err().to_string();
    assert!(error.contains("expected a new or empty folder"), "{error}");
    assert!(write_dataset(FaceSet::Imm, 1, &dir.path().join("mine.txt/below"), 1).is_err());
    assert!(write_dataset(FaceSet::Imm, 0, &dir.path().join("none"), 1).is_err());
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["mine.txt"]);
}
