//! Tables of points keep their invariants; that they fit real faces is tested on the real data.

use candle_vision_helpers::Point;
use facekp_data::scheme::{IBUG_68, IMM_58, NOSE_1, Scheme, by_name};

const ALL: [&Scheme; 3] = [&IMM_58, &IBUG_68, &NOSE_1];

#[test]
fn flip_is_an_involution() {
    for scheme in ALL {
        assert_eq!(scheme.flip.len(), scheme.len);
        for (i, &j) in scheme.flip.iter().enumerate() {
            assert_eq!(scheme.flip.get(j), Some(&i), "{} {i}", scheme.name);
        }
    }
}

#[test]
fn groups_cover_in_order() {
    for scheme in ALL {
        let mut next = 0;
        for group in scheme.groups {
            assert!(group.start == next && group.end > group.start, "{} {}", scheme.name, group.name);
            next = group.end;
        }
        assert_eq!(next, scheme.len, "{}", scheme.name);
    }
}

#[test]
fn groups_go_to_their_partners() {
    for scheme in ALL {
        for group in scheme.groups {
            let mut image: Vec<usize> = (group.start..group.end).map(|i| scheme.flip[i]).collect();
            image.sort_unstable();
            let other = scheme.groups.iter().find(|g| g.start == image[0]).expect(group.name);
            assert_eq!(image, (other.start..other.end).collect::<Vec<_>>(), "{} {}", scheme.name, group.name);
            assert_eq!(group.closed, other.closed);
            let swapped = match group.name.split_once(' ') {
                Some(("left", rest)) => format!("right {rest}"),
                Some(("right", rest)) => format!("left {rest}"),
                _ => group.name.to_owned(),
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
    assert_eq!(IBUG_68.flip, flip);
}

#[test]
fn normalisers_swap_their_ends_in_a_mirror() {
    for scheme in [&IMM_58, &IBUG_68] {
        for d in [scheme.interocular.as_ref().unwrap(), scheme.interpupil.as_ref().unwrap()] {
            let mut image: Vec<usize> = d.a.iter().map(|&i| scheme.flip[i]).collect();
            image.sort_unstable();
            assert_eq!(image, d.b);
        }
    }
    // By hand: eye corners 36 and 45 at (0, 0) and (30, 40), all other points at 0.
    let mut points = vec![Point::default(); 68];
    points[45] = Point::new(30.0, 40.0);
    assert_eq!(IBUG_68.interocular.as_ref().unwrap().measure(&points), Some(50.0));
    assert!((IBUG_68.interpupil.as_ref().unwrap().measure(&points).unwrap() - 50.0 / 6.0).abs() < 1e-12);
    assert_eq!(IBUG_68.interocular.as_ref().unwrap().measure(&points[..40]), None);
}

#[test]
fn names_are_found() {
    assert!(ALL.iter().all(|s| by_name(s.name) == Some(s)));
    assert_eq!(by_name("imm59"), None);
}
