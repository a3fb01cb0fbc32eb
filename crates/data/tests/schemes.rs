//! Tables of points keep their invariants; that they fit real faces is tested on the real data.

use candle_vision_helpers::{Point, Rect};
use facekp_data::scheme::{IBUG_68, IMM_58, Length, NOSE_1, Normalizer, Outline, Scheme, by_name};
use std::{path::Path, sync::Arc};

fn all() -> [&'static Arc<Scheme>; 3] {
    [&IMM_58, &IBUG_68, &NOSE_1]
}

fn read(text: &str) -> Result<Scheme, String> {
    Scheme::from_toml(Path::new("mine.toml"), text).map_err(|e| e.to_string())
}

/// The points of a normalizer's ends.
fn ends(normalizer: Option<&Normalizer>) -> (&[usize], &[usize]) {
    match normalizer.map(|n| &n.length) {
        Some(Length::Between(a, b)) => (a, b),
        other => panic!("expected a distance, got {other:?}"),
    }
}

#[test]
fn flip_is_an_involution() {
    for scheme in all() {
        let mirror = scheme.mirror().unwrap();
        assert_eq!(mirror.len(), scheme.len());
        for (i, &j) in mirror.iter().enumerate() {
            assert_eq!(mirror.get(j), Some(&i), "{} {i}", scheme.name());
        }
    }
}

#[test]
fn groups_cover_in_order() {
    for scheme in all() {
        let mut next = 0;
        for group in scheme.groups() {
            assert!(group.points.start == next && !group.points.is_empty(), "{} {}", scheme.name(), group.name);
            next = group.points.end;
        }
        assert_eq!(next, scheme.len(), "{}", scheme.name());
    }
}

#[test]
fn groups_go_to_their_partners() {
    for scheme in all() {
        for group in scheme.groups() {
            let mut image: Vec<usize> = group.points.clone().map(|i| scheme.mirror().unwrap()[i]).collect();
            image.sort_unstable();
            let other = scheme.groups().iter().find(|g| g.points.start == image[0]).expect(&group.name);
            assert_eq!(image, other.points.clone().collect::<Vec<_>>(), "{} {}", scheme.name(), group.name);
            assert_eq!(group.outline, other.outline);
            let swapped = match group.name.split_once(' ') {
                Some(("left", rest)) => format!("right {rest}"),
                Some(("right", rest)) => format!("left {rest}"),
                _ => group.name.clone(),
            };
            assert_eq!(other.name, swapped);
        }
    }
}

/// The pairs that the field uses for the 68 points: jaw i and 16 - i, and these.
#[test]
fn pairs_of_68_points_are_the_published_ones() {
    let pairs = [
        (17, 26),
        (18, 25),
        (19, 24),
        (20, 23),
        (21, 22),
        (31, 35),
        (32, 34),
        (36, 45),
        (37, 44),
        (38, 43),
        (39, 42),
        (40, 47),
        (41, 46),
        (48, 54),
        (49, 53),
        (50, 52),
        (55, 59),
        (56, 58),
        (60, 64),
        (61, 63),
        (65, 67),
    ];
    let mut flip: Vec<usize> = (0..68).collect();
    for (a, b) in pairs.into_iter().chain((0..8).map(|i| (i, 16 - i))) {
        flip.swap(a, b);
    }
    assert_eq!(IBUG_68.mirror().unwrap(), flip);
}

#[test]
fn normalizers_swap_their_ends_in_a_mirror() {
    for scheme in [&IMM_58, &IBUG_68] {
        for (a, b) in [ends(scheme.normalizer()), ends(scheme.normalizer_pupil())] {
            let mut image: Vec<usize> = a.iter().map(|&i| scheme.mirror().unwrap()[i]).collect();
            image.sort_unstable();
            assert_eq!(image, b);
        }
    }
    // By hand: eye corners 36 and 45 at (0, 0) and (30, 40), all other points at 0.
    let mut points = vec![Point::default(); 68];
    points[45] = Point::new(30.0, 40.0);
    let area = Rect::new(0.0, 0.0, 30.0, 40.0);
    let measure = |n: Option<&Normalizer>, points: &[Point], shown: &[bool]| n.unwrap().measure(points, shown, area);
    let mut shown = [true; 68];
    assert_eq!(measure(IBUG_68.normalizer(), &points, &shown), Some(50.0));
    let pupil = measure(IBUG_68.normalizer_pupil(), &points, &shown).unwrap();
    assert!((pupil - 50.0 / 6.0).abs() < 1e-12, "{pupil}");
    assert_eq!(measure(IBUG_68.normalizer(), &points[..40], &shown), None);
    shown[36] = false;
    assert_eq!(measure(IBUG_68.normalizer(), &points, &shown), None);
}

#[test]
fn names_are_found() {
    assert!(all().into_iter().all(|s| by_name(s.name()).as_ref() == Some(s)));
    assert_eq!(by_name("imm59"), None);
}

#[test]
fn a_scheme_of_nothing_but_a_number_can_be_used() {
    let scheme = read("name = 'wing'\npoints = 12").unwrap();
    assert_eq!((scheme.len(), scheme.mirror(), scheme.normalizer()), (12, None, None));
    assert_eq!((scheme.groups().len(), scheme.groups()[0].outline), (1, Outline::None));
}

#[test]
fn lengths_of_a_box_normalize_what_has_no_eyes() {
    let text =
        |of: &str| format!("name = 'wing'\npoints = ['tip', 'root']\nnormalizer = {{ name = 'box', box = '{of}' }}");
    let measure = |of: &str| {
        let scheme = read(&text(of)).unwrap();
        scheme.normalizer().unwrap().measure(&[], &[], Rect::new(5.0, 5.0, 9.0, 16.0))
    };
    // By hand: 9² + 16² = 337, and the square root of 9 × 16.
    assert_eq!((measure("diagonal"), measure("side")), (Some(337.0_f64.sqrt()), Some(12.0)));
    assert_eq!(read(&text("side")).unwrap().point_names(), ["tip", "root"]);
}

#[test]
fn every_scheme_comes_back_from_toml_and_json_as_it_was() {
    let mine = read("name = 'wing'\npoints = ['a', 'b', 'c']\nnormalizer = { name = 'box', box = 'side' }").unwrap();
    for scheme in all().map(|s| Scheme::clone(s)).into_iter().chain([mine]) {
        assert_eq!(read(&toml::to_string(&scheme).unwrap()).as_ref(), Ok(&scheme));
        assert_eq!(serde_json::from_str::<Scheme>(&serde_json::to_string(&scheme).unwrap()).unwrap(), scheme);
    }
}

#[test]
fn a_part_knows_its_place_in_the_whole() {
    assert_eq!(NOSE_1.places_in(&IMM_58), Some(vec![52]));
    assert_eq!(IMM_58.places_in(&IMM_58), Some((0..58).collect()));
    assert_eq!((NOSE_1.places_in(&IBUG_68), IMM_58.places_in(&NOSE_1)), (None, None));
}

#[test]
fn every_mistake_is_one_line_with_its_key() {
    for (text, expected) in [
        ("name = 'a'\npoints = 0", "points: expected 1 to 10000, got 0"),
        ("name = 'a/b'\npoints = 2", "name: expected a name without slashes, got \"a/b\""),
        ("name = 'a'\npoints = ['x', 'y', 'x']", "points.2: expected every name once, got \"x\" again"),
        ("name = 'a'\npoints = 3\nmirror = [[0, 3]]", "mirror.0: expected points below 3, got 3"),
        ("name = 'a'\npoints = 3\nmirror = [[1, 1]]", "mirror.0: expected two points, got 1 twice"),
        (
            "name = 'a'\npoints = 3\nmirror = [[0, 1], [2, 1]]",
            "mirror.1: expected every point in one pair, got 1 again",
        ),
        (
            "name = 'a'\npoints = 3\nmirror = [[0, 1], [1, 0]]",
            "mirror.1: expected every point in one pair, got 1 again",
        ),
        (
            "name = 'a'\npoints = 3\ngroups = [{ name = 'g', first = 1, last = 2 }]",
            "groups.0.first: expected 0: groups cover all points in order, got 1",
        ),
        (
            "name = 'a'\npoints = 3\ngroups = [{ name = 'g', first = 0, last = 3 }]",
            "groups.0.last: expected 0 to 2, got 3",
        ),
        (
            "name = 'a'\npoints = 3\ngroups = [{ name = 'g', first = 0, last = 1 }]",
            "groups: expected groups of all 3 points, got groups of the first 2",
        ),
        (
            "name = 'a'\npoints = 2\ngroups = [{ name = 'g', first = 0, last = 0 }, { name = 'g', first = 1, last = 1 }]",
            "groups.1.name: expected every name once, got \"g\" again",
        ),
        (
            "name = 'a'\npoints = 2\nnormalizer = { name = 'n', between = [[0], [2]] }",
            "normalizer.between: expected points below 2, got 2",
        ),
        (
            "name = 'a'\npoints = 2\nnormalizer = { name = 'n', between = [[0], []] }",
            "normalizer.between: expected two sets of points, got an empty set",
        ),
        (
            "name = 'a'\npoints = 2\nnormalizer = { name = 'n', between = [[1], [1]] }",
            "normalizer.between: expected two different sets of points, got [1] twice",
        ),
        ("name = 'a'\npoints = 2\nnormalizer = { name = 'n' }", "normalizer: expected between or box, got neither"),
        (
            "name = 'a'\npoints = 2\npart_of = { scheme = 'b', points = [4, 4] }",
            "part_of.points: expected every index once, got 4 again",
        ),
        ("name = 'a'\npoints = 2\nmirrors = []", "mirrors"),
        ("name = 'a'", "points"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.starts_with("mine.toml") && error.contains(expected) && !error.contains('\n'), "{error}");
    }
}
