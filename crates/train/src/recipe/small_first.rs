//! Views that grow: the first epochs see smaller ones.

use super::Recipe;
use candle_vision_helpers::{
    Wrong,
    wrong::{ensure, ensure_below_one},
};
use facekp_models::{ModelConfig, Task};
use serde::{Deserialize, Serialize};

/// Sides of views are multiples of it: trunks halve them five times.
const MULTIPLE: usize = 32;

/// Smaller views for the first epochs, which teach nearly as much and cost less (progressive resizing). Validation sees
/// the task's own views throughout, as the weights' users will.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmallFirst {
    /// The part of all epochs that sees them, rounded down; 0 for none.
    pub share: f64,
    /// Their sides in units of the view's, each rounded to a multiple of 32 pixels.
    pub scale: f64,
}

impl Recipe {
    /// The task with the view that epoch `epoch` (from 0 on) trains on.
    pub(crate) fn task_in(&self, epoch: usize) -> Task {
        match self.train.small_first {
            Some(small) if epoch < small.epochs(self.train.epochs) => small.changed(&self.task),
            _ => self.task.clone(),
        }
    }
}

impl SmallFirst {
    fn epochs(self, of: usize) -> usize {
        (self.share * of as f64) as usize
    }

    fn changed(self, task: &Task) -> Task {
        let side = |full: usize| ((full as f64 * self.scale / MULTIPLE as f64).round() as usize).max(1) * MULTIPLE;
        let mut task = task.clone();
        (task.view.width, task.view.height) = (side(task.view.width), side(task.view.height));
        task
    }

    /// Whether the network takes such views as it takes the task's own.
    pub(super) fn validate(self, task: &Task) -> Result<(), Wrong> {
        ensure_below_one("small_first.share", self.share)?;
        ensure("small_first.scale", self.scale, "a number above 0, at most 1", |s| *s > 0.0 && *s <= 1.0)?;
        if self.share == 0.0 {
            return Ok(());
        }
        let any = matches!(task.model, ModelConfig::HeatmapNet(_));
        ensure("small_first", "views of another size", "nothing but for a heatmap_net", |_| any)?;
        let small = self.changed(task);
        small.validate().map_err(|w| {
            let expected = format!("a size that the network can see ({}: {})", w.at, w.expected);
            Wrong::new("small_first.scale", expected, format_args!("{}x{}", small.view.width, small.view.height))
        })
    }
}
