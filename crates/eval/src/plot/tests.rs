//! Plots: axes, lines and bars on small data.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

fn axes(log_y: bool) -> Axes {
    Axes { title: "nose: <loss>".into(), x: "epoch".into(), y: "loss".into(), log_y }
}

fn series(name: &str, points: &[(f64, f64)]) -> Series {
    Series { name: name.into(), points: points.to_vec() }
}

#[test]
fn a_plot_says_what_it_shows() {
    let two = [
        series("training", &[(1.0, 1.0), (2.0, 0.1), (3.0, f64::NAN)]),
        series("validation", &[(1.0, 0.9), (2.0, 0.01)]),
    ];
    let svg = lines_svg(&axes(true), &two).unwrap();
    for word in ["role=\"img\" aria-label=\"nose: &lt;loss&gt;\"", "training", "validation", "epoch", "0.02", "0.5"] {
        assert!(svg.contains(word), "{word} is missing");
    }
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>") && !svg.contains("NaN"));
    let bars = [Bar { name: "jaw".into(), value: 4.25 }, Bar { name: "nose".into(), value: 2.0 }];
    let svg = bars_svg(&axes(false), &bars).unwrap();
    assert!(svg.contains("jaw") && svg.contains("4.25"));
}

#[test]
fn a_png_has_its_lines_in_their_colors() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("loss.png");
    lines_png(&axes(false), &[series("a", &[(0.0, 0.0), (10.0, 1.0)]), series("b", &[(0.0, 1.0), (10.0, 0.0)])], &path)
        .unwrap();
    let picture = image::open(&path).unwrap().into_rgb8();
    assert_eq!(picture.dimensions(), CANVAS);
    for RGBColor(r, g, b) in &COLORS[..2] {
        let n = picture.pixels().filter(|p| p.0 == [*r, *g, *b]).count();
        assert!(n > 3000, "{n} pixels of {r},{g},{b}");
    }
}

#[test]
fn nothing_to_draw_is_an_error_that_names_the_plot() {
    for s in [vec![], vec![series("a", &[])], vec![series("a", &[(1.0, f64::NAN)])]] {
        let e = lines_svg(&axes(false), &s).unwrap_err().to_string();
        assert_eq!(e, "cannot draw nose: <loss>: expected at least one finite point, got none");
    }
    assert!(lines_svg(&axes(true), &[series("a", &[(1.0, -2.0)])]).is_err());
    assert!(bars_svg(&axes(false), &[]).is_err());
    assert!(bars_svg(&axes(false), &[Bar { name: "jaw".into(), value: f64::INFINITY }]).is_err());
    // One epoch alone can be shown.
    assert!(lines_svg(&axes(false), &[series("a", &[(1.0, 0.5)])]).is_ok());
}
