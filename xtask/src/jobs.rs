//! The networks of `cargo xtask train-all`, in their order, and what each profile makes of them.

use crate::{provide::Need, train_all::Args};

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    Smoke,
    Quick,
    Full,
}

/// One network of the chain.
pub struct Job {
    /// Built in.
    pub recipe: &'static str,
    /// The recipe of the full profile on a GPU; `None` leaves the network out.
    gpu: Option<&'static str>,
    pub data: Need,
    /// The split of the final measure.
    pub split: &'static str,
    /// The recipe of the earlier network that it starts from, where that one is trained too.
    pub start: Option<&'static str>,
    /// What the shorter profiles change; `None` leaves the network out.
    smoke: Option<&'static [&'static str]>,
    quick: Option<&'static [&'static str]>,
}

pub const JOBS: &[Job] = &[
    Job {
        recipe: "nose",
        gpu: Some("nose"),
        data: Need::Imm,
        split: "val",
        start: None,
        smoke: Some(&["train.epochs=2", "train.ema=0.0"]),
        quick: Some(&["train.epochs=50"]),
    },
    Job {
        recipe: "face58",
        gpu: Some("face58"),
        data: Need::Imm,
        split: "val",
        start: None,
        smoke: Some(&["train.epochs=1", "train.ema=0.0"]),
        quick: Some(&["train.epochs=20"]),
    },
    // the cheap first parts of the heatmap network
    Job {
        recipe: "ibug68_heatmap_64",
        gpu: None,
        data: Need::Ibug,
        split: "full",
        start: None,
        smoke: None,
        quick: None,
    },
    Job {
        recipe: "ibug68_heatmap_128_start",
        gpu: None,
        data: Need::Ibug,
        split: "full",
        start: Some("ibug68_heatmap_64"),
        smoke: None,
        quick: None,
    },
    Job {
        recipe: "ibug68_heatmap_128",
        gpu: Some("ibug68_heatmap"),
        data: Need::Ibug,
        split: "full",
        start: Some("ibug68_heatmap_128_start"),
        smoke: Some(&[
            "train.epochs=1",
            "train.ema=0.0",
            "train.init_from=",
            "task.view.width=64",
            "task.view.height=64",
            "task.model.depth=18",
            "task.model.up=[32, 32, 32]",
        ]),
        quick: Some(&[
            "train.epochs=3",
            "train.validate_every=1",
            "train.flip_test=false",
            "train.ema=0.95",
            "train.init_from=",
            "train.schedule.lr=1e-3",
            "train.schedule.rise=0.3",
            "task.view.width=64",
            "task.view.height=64",
            "task.model.up=[128, 128, 128]",
        ]),
    },
    // from random weights it would stay at the mean shape
    Job {
        recipe: "ibug68_resnet50_128",
        gpu: Some("ibug68_resnet50"),
        data: Need::Ibug,
        split: "full",
        start: Some("ibug68_heatmap_128"),
        smoke: Some(&[
            "train.epochs=1",
            "train.ema=0.0",
            "task.view.width=64",
            "task.view.height=64",
            "task.model.depth=18",
        ]),
        quick: Some(&[
            "train.epochs=2",
            "train.validate_every=1",
            "train.flip_test=false",
            "train.ema=0.95",
            "task.view.width=64",
            "task.view.height=64",
        ]),
    },
];

impl Job {
    /// What is trained, if anything.
    pub fn recipe(&self, a: &Args) -> Option<&'static str> {
        let large = a.profile == Profile::Full && !features(&a.device).is_empty();
        if large { self.gpu } else { self.overrides(a).map(|_| self.recipe) }
    }

    /// What the profile changes of the recipe; `None` leaves the network out.
    pub fn overrides(&self, a: &Args) -> Option<&'static [&'static str]> {
        match a.profile {
            Profile::Smoke => self.smoke,
            Profile::Quick => self.quick,
            Profile::Full => Some(&[]),
        }
    }
}

/// The cargo features of a device.
pub fn features(device: &str) -> &'static [&'static str] {
    match device.split(':').next() {
        // without cuDNN the convolutions' gradients are candle's, which are slow
        Some("cuda") => &["cudnn"],
        Some("metal") => &["metal"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_network_starts_from_comes_before_it() {
        for (i, job) in JOBS.iter().enumerate() {
            if let Some(start) = job.start {
                assert!(JOBS[..i].iter().any(|j| j.recipe == start), "{start} before {}", job.recipe);
            }
        }
    }

    #[test]
    fn every_profile_trains_four_networks_at_least() {
        for (profile, device, count) in [
            (Profile::Smoke, "cpu", 4),
            (Profile::Quick, "auto", 4),
            (Profile::Full, "cpu", 6),
            (Profile::Full, "cuda:0", 4),
        ] {
            let mut a = Args::smoke("out".into(), "facekp".into());
            (a.profile, a.device) = (profile, device.to_owned());
            assert_eq!(JOBS.iter().filter(|j| j.recipe(&a).is_some()).count(), count, "{profile:?} {device}");
        }
    }
}
