//! Where an axis has its marks: round numbers, linear or logarithmic.

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// An axis in the units that are drawn (for a logarithmic one: the decimal logarithm), with its marks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    /// Left or lower end.
    pub lo: f64,
    /// Right or upper end.
    pub hi: f64,
    /// Drawn positions.
    pub ticks: Vec<f64>,
    log: bool,
}

impl Axis {
    /// Covers `lo..=hi` with about `count` marks; `None` unless both are finite (and positive for `log`).
    pub(super) fn new(lo: f64, hi: f64, count: usize, log: bool) -> Option<Self> {
        if !(lo.is_finite() && hi.is_finite() && lo <= hi) || (log && lo <= 0.0) {
            return None;
        }
        Some(if log { Self::log(lo, hi) } else { Self::linear(lo, hi, count) })
    }

    /// The same with the ends exactly where asked, for axes whose range is given; `whole`: marks on whole numbers
    /// alone.
    pub(super) fn exact(lo: f64, hi: f64, count: usize, whole: bool) -> Option<Self> {
        let mut axis = Self::new(lo, hi, count, false)?;
        if hi > lo {
            (axis.lo, axis.hi) = (lo, hi);
            let slack = (hi - lo) * 1e-9;
            axis.ticks.retain(|t| *t >= lo - slack && *t <= hi + slack && (!whole || t.fract() == 0.0));
        }
        Some(axis)
    }

    fn linear(lo: f64, hi: f64, count: usize) -> Self {
        let (lo, hi) = if hi > lo { (lo, hi) } else { (lo - widen(lo), hi + widen(hi)) };
        let step = round_step((hi - lo) / count.max(1) as f64);
        let (first, last) = ((lo / step + 1e-9).floor(), (hi / step - 1e-9).ceil());
        let ticks: Vec<f64> = (0..=(last - first) as usize).map(|i| (first + i as f64) * step).collect();
        Self { lo: first * step, hi: last * step, ticks, log: false }
    }

    fn log(lo: f64, hi: f64) -> Self {
        let (a, b) = (lo.log10(), hi.log10());
        let room = ((b - a) * 0.05).max(0.02);
        let (a, b) = (a - room, b + room);
        let steps: &[f64] = match b - a {
            d if d > 3.5 => &[1.0],
            d if d > 0.9 => &[1.0, 2.0, 5.0],
            _ => &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0],
        };
        let decades = (a.floor() as i32)..=(b.floor() as i32);
        let mut ticks: Vec<f64> = decades
            .flat_map(|d| steps.iter().map(move |s| s.log10() + f64::from(d)))
            .filter(|t| *t >= a && *t <= b)
            .collect();
        if ticks.len() < 2 {
            // Less than a fifth of a decade: marks at equal steps serve better.
            ticks = Self::linear(lo, hi, 4).ticks.iter().filter(|t| **t > 0.0).map(|t| t.log10()).collect();
            ticks.retain(|t| *t >= a && *t <= b);
        }
        Self { lo: a, hi: b, ticks, log: true }
    }

    /// From a value to the drawn unit; `None` where it cannot be shown.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        let v = if self.log { value.log10() } else { value };
        v.is_finite().then_some(v)
    }

    /// The label of a drawn position.
    pub(super) fn label(&self, position: f64) -> String {
        label(if self.log { 10f64.powf(position) } else { position })
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let part = if self.hi > self.lo { (value - self.lo) / (self.hi - self.lo) } else { 0.5 };
        (f64::from(from) + part * f64::from(to - from)).round() as i32
    }

    fn key_points<H: KeyPointHint>(&self, hint: H) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.lo..self.hi
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        self.label(*value)
    }
}

fn widen(v: f64) -> f64 {
    if v == 0.0 { 1.0 } else { v.abs() * 0.1 }
}

/// The next of 1, 2, 2.5, 5, 10 times a power of ten.
fn round_step(raw: f64) -> f64 {
    let base = 10f64.powf(raw.log10().floor());
    [1.0, 2.0, 2.5, 5.0].into_iter().find(|m| m * base >= raw * 0.999).unwrap_or(10.0) * base
}

/// A number with at most six significant digits and no trailing zeros; scientific where that is shorter.
fn label(v: f64) -> String {
    if v == 0.0 || v.abs() < 1e-12 {
        return "0".into();
    }
    let digits = (5 - v.abs().log10().floor() as i32).clamp(0, 12) as usize;
    let trim =
        |s: &str| if s.contains('.') { s.trim_end_matches('0').trim_end_matches('.').to_owned() } else { s.to_owned() };
    if v.abs() >= 1e6 || v.abs() < 1e-4 {
        let s = format!("{v:.2e}");
        let (m, e) = s.split_once('e').unwrap_or((&s, "0"));
        return format!("{}e{e}", trim(m));
    }
    trim(&format!("{v:.digits$}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks.iter().map(|t| axis.label(*t)).collect()
    }

    #[test]
    fn round_numbers() {
        assert_eq!(labels(&Axis::new(0.0, 0.1, 5, false).unwrap()), ["0", "0.02", "0.04", "0.06", "0.08", "0.1"]);
        assert_eq!(labels(&Axis::new(1.0, 20.0, 4, false).unwrap()), ["0", "5", "10", "15", "20"]);
        assert_eq!(
            labels(&Axis::new(0.003, 2.0, 5, true).unwrap()),
            ["0.005", "0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"]
        );
        assert_eq!(labels(&Axis::exact(0.0, 0.08, 4, false).unwrap()), ["0", "0.02", "0.04", "0.06", "0.08"]);
        assert_eq!(labels(&Axis::exact(1.0, 3.0, 6, true).unwrap()), ["1", "2", "3"]);
        assert_eq!([label(2e-7), label(1234567.0), label(0.00012), label(-3.5)], ["2e-7", "1.23e6", "0.00012", "-3.5"]);
        assert!(Axis::new(0.0, 1.0, 5, true).is_none() && Axis::new(f64::NAN, 1.0, 5, false).is_none());
    }

    proptest! {
        #[test]
        fn every_axis_covers_its_values_and_has_marks(a in -6.0..6.0f64, d in 0.0..8.0f64, log: bool) {
            let (lo, hi) = (10f64.powf(a), 10f64.powf(a + d));
            let axis = Axis::new(lo, hi, 5, log).unwrap();
            prop_assert!(axis.place(lo).unwrap() >= axis.lo - 1e-9 && axis.place(hi).unwrap() <= axis.hi + 1e-9 * hi);
            prop_assert!(axis.ticks.len() >= 2 && axis.ticks.len() <= 16, "{:?}", labels(&axis));
        }
    }
}
