//! Learning rates over the steps of a run.
//!
//! A run that is resumed with another number of epochs keeps the steps that were made; from there on the rate is that
//! of a run that had the new number from the start. `constant` and `step` go on without a jump. `cosine` and
//! `one_cycle` end with the run: they are stretched over the new number, so that the rate, which was near its end,
//! jumps up at the seam (`one_cycle` may even rise again).

use candle_vision_helpers::{
    Wrong,
    wrong::{ensure, ensure_positive},
};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Which schedule; counted in steps, stated in epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ScheduleConfig {
    /// Always `lr`.
    Constant {
        /// Learning rate.
        lr: f64,
        /// Epochs of linear growth from 0.
        #[serde(default)]
        warmup: f64,
    },
    /// `lr` times `factor` after each of `epochs`.
    Step {
        /// Learning rate.
        lr: f64,
        /// Where it falls.
        epochs: Vec<usize>,
        /// By how much.
        factor: f64,
        /// Epochs of linear growth from 0.
        #[serde(default)]
        warmup: f64,
    },
    /// Half a cosine from `lr` to `end` over the steps after the warm-up.
    Cosine {
        /// Learning rate.
        lr: f64,
        /// At the end.
        #[serde(default)]
        end: f64,
        /// Epochs of linear growth from 0.
        #[serde(default)]
        warmup: f64,
    },
    /// PyTorch's `OneCycleLR` with cosine annealing: up from `lr / 25` for `rise` of the run, then down to `lr / 25e4`.
    OneCycle {
        /// The peak.
        lr: f64,
        /// Fraction of the steps (0.3).
        rise: f64,
    },
}

impl ScheduleConfig {
    /// The learning rate of step `step` (0-based) of `total`, with `per_epoch` steps an epoch.
    ///
    /// In a warm-up of `n` steps, step `i` runs at `(i + 1) / n` of `lr`, so that no step is spent at 0.
    pub fn lr(&self, step: usize, total: usize, per_epoch: usize) -> f64 {
        let at = step as f64;
        let steps = |epochs: f64| epochs * per_epoch as f64;
        match self {
            Self::Constant { lr, warmup } => rising(at, steps(*warmup)).map_or(*lr, |f| lr * f),
            Self::Step { lr, epochs, factor, warmup } => rising(at, steps(*warmup)).map_or_else(
                || {
                    let falls = epochs.iter().filter(|&&e| step >= e.saturating_mul(per_epoch)).count();
                    lr * factor.powi(falls as i32)
                },
                |f| lr * f,
            ),
            Self::Cosine { lr, end, warmup } => {
                let warm = steps(*warmup);
                rising(at, warm).map_or_else(|| anneal(*lr, *end, (at - warm) / (total as f64 - warm)), |f| lr * f)
            }
            Self::OneCycle { lr, rise } => {
                let (start, end) = (lr / 25.0, lr / 25e4);
                let peak = (rise * total as f64 - 1.0).max(0.0);
                let last = (total as f64 - 1.0).max(peak);
                if at < peak { anneal(start, *lr, at / peak) } else { anneal(*lr, end, (at - peak) / (last - peak)) }
            }
        }
    }

    /// Checks every number; `epochs` is the run's.
    ///
    /// # Errors
    /// The first key that cannot be.
    pub fn validate(&self, epochs: usize) -> Result<(), Wrong> {
        let warm_up = |warmup: f64| {
            let expected = format!("from 0 to below the {epochs} epochs");
            ensure("warmup", warmup, expected, |w| (0.0..epochs as f64).contains(w))
        };
        ensure_positive("lr", self.peak())?;
        match self {
            Self::Constant { warmup, .. } => warm_up(*warmup),
            Self::Step { epochs, factor, warmup, .. } => {
                ensure_positive("factor", *factor)?;
                ensure("epochs", format_args!("{epochs:?}"), "rising numbers", |_| epochs.is_sorted_by(|a, b| a < b))?;
                warm_up(*warmup)
            }
            Self::Cosine { lr, end, warmup } => {
                ensure("end", *end, format_args!("a number from 0 to lr ({lr})"), |end| (0.0..=*lr).contains(end))?;
                warm_up(*warmup)
            }
            Self::OneCycle { rise, .. } => ensure("rise", *rise, "a number from 0 to 1", |r| (0.0..=1.0).contains(r)),
        }
    }

    /// What a new number of epochs does to the rates, in words.
    pub fn at_a_seam(&self) -> &'static str {
        match self {
            Self::Constant { .. } | Self::Step { .. } => "the learning rate goes on as before",
            Self::Cosine { .. } | Self::OneCycle { .. } => {
                "the schedule is stretched over all epochs, so the learning rate jumps here"
            }
        }
    }

    /// The highest rate, which every kind states as `lr`.
    pub fn peak(&self) -> f64 {
        match self {
            Self::Constant { lr, .. } | Self::Step { lr, .. } | Self::Cosine { lr, .. } | Self::OneCycle { lr, .. } => {
                *lr
            }
        }
    }
}

/// The fraction of the full rate, while warming up.
fn rising(at: f64, warm: f64) -> Option<f64> {
    (at < warm).then(|| ((at + 1.0) / warm).min(1.0))
}

/// Half a cosine from `from` to `to`; a part that is no number (a run of one step) counts as the start.
fn anneal(from: f64, to: f64, part: f64) -> f64 {
    let part = if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 };
    to + (from - to) * (1.0 + (PI * part).cos()) / 2.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn all(schedule: &ScheduleConfig, total: usize, per_epoch: usize) -> Vec<f64> {
        (0..total).map(|i| schedule.lr(i, total, per_epoch)).collect()
    }

    fn assert_close(got: &[f64], expected: &[f64]) {
        let close = got.iter().zip(expected).all(|(g, e)| (g - e).abs() < 1e-9);
        assert!(close && got.len() == expected.len(), "{got:?} {expected:?}");
    }

    /// `OneCycleLR(optimizer, max_lr=0.01, total_steps=10, pct_start=0.3)`, PyTorch 2.15, float64.
    #[test]
    fn one_cycle_as_pytorch() {
        let schedule = ScheduleConfig::OneCycle { lr: 0.01, rise: 0.3 };
        let expected = [
            0.0004,
            0.0052,
            0.01,
            0.00950484632,
            0.00811745654,
            0.00611262022,
            0.00388741978,
            0.00188258346,
            0.00049519368,
            4e-08,
        ];
        assert_close(&all(&schedule, 10, 5), &expected);
    }

    /// `CosineAnnealingLR(optimizer, T_max=8, eta_min=0.001)` from 0.01, PyTorch 2.15, float64.
    #[test]
    fn cosine_as_pytorch() {
        let schedule = ScheduleConfig::Cosine { lr: 0.01, end: 0.001, warmup: 0.0 };
        let expected =
            [0.01, 0.0096574579, 0.00868198052, 0.00722207545, 0.0055, 0.00377792455, 0.00231801948, 0.0013425421];
        assert_close(&all(&schedule, 8, 2), &expected);
    }

    /// `MultiStepLR(optimizer, milestones=[2, 4], gamma=0.5)` from 0.01, one step an epoch.
    #[test]
    fn steps_as_pytorch() {
        let schedule = ScheduleConfig::Step { lr: 0.01, epochs: vec![2, 4], factor: 0.5, warmup: 0.0 };
        assert_close(&all(&schedule, 6, 1), &[0.01, 0.01, 0.005, 0.005, 0.0025, 0.0025]);
    }

    #[test]
    fn a_warm_up_rises_in_equal_steps_and_then_hands_over() {
        // 2 epochs of 2 steps: 1/4, 2/4, 3/4, 4/4 of the rate
        let warm = [0.25, 0.5, 0.75, 1.0];
        let constant = ScheduleConfig::Constant { lr: 1.0, warmup: 2.0 };
        assert_close(&all(&constant, 6, 2), &[&warm[..], &[1.0, 1.0]].concat());
        let cosine = ScheduleConfig::Cosine { lr: 1.0, end: 0.0, warmup: 2.0 };
        assert_close(&all(&cosine, 6, 2), &[&warm[..], &[1.0, 0.5]].concat());
    }

    proptest! {
        #[test]
        fn rates_are_numbers_from_0_to_the_peak(step in 0usize..60, total in 1usize..50, per in 1usize..9, rise in 0.0..=1.0f64, warmup in 0.0..5.0f64) {
            let lr = 0.3;
            for schedule in [
                ScheduleConfig::Constant { lr, warmup },
                ScheduleConfig::Step { lr, epochs: vec![1, 3], factor: 0.1, warmup },
                ScheduleConfig::Cosine { lr, end: 0.01, warmup },
                ScheduleConfig::OneCycle { lr, rise },
            ] {
                let rate = schedule.lr(step, total, per);
                prop_assert!(rate > 0.0 && rate <= lr * (1.0 + 1e-12), "{schedule:?} {rate}");
            }
        }
    }
}
