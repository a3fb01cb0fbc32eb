//! The command line as a whole; each command's arguments are in its file in `cmd`.

use crate::cmd;
use clap::{CommandFactory, Parser, Subcommand};
use facekp_data::picture::DEFAULT_MAX_PIXELS;

/// Train, evaluate and run facial keypoint networks.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = "Example: facekp predict photo.jpg --out predictions")]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Log only warnings and errors.
    #[arg(long, short, global = true, conflicts_with = "verbose", help_heading = "Logging")]
    pub quiet: bool,
    /// Log more.
    #[arg(long, short, global = true, help_heading = "Logging")]
    pub verbose: bool,
    /// Refuse pictures of more pixels than this; a file may have 4 bytes, and decoding take 8 bytes of memory, per
    /// pixel.
    #[arg(long, global = true, value_name = "N", default_value_t = DEFAULT_MAX_PIXELS, help_heading = "Data",
        value_parser = clap::value_parser!(u64).range(1..))]
    pub max_pixels: u64,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a network by a recipe into a run folder.
    Train(cmd::train::Args),
    /// Write a recipe, and where needed a scheme, for a folder of annotated pictures of your own.
    Init(cmd::init::Args),
    /// Measure a network (or the mean shape) on a split of a dataset.
    Eval(cmd::eval::Args),
    /// Measure what a network's expected errors are, and keep that with its weights.
    Calibrate(cmd::calibrate::Args),
    /// Find the keypoints in pictures: an overlay PNG and a .pts each, and JSON.
    Predict(cmd::predict::Args),
    /// Follow the faces of a video: their points in every frame, under ids that stay.
    Track(cmd::track::Args),
    /// Show photos, the camera and datasets on a local page, and correct annotations there.
    Serve(cmd::serve::Args),
    /// Draw the report page of one or more run folders.
    Report(cmd::report::Args),
    /// Render, check, fetch, preview, convert and pack datasets.
    Datasets(cmd::datasets::Args),
    /// Fetch weights that networks start from.
    Weights(cmd::weights::Args),
    /// Write a network as an ONNX file; or measure it and save it as a named weights file.
    Export(cmd::export::Args),
    /// Make the face finder's weights file.
    #[command(hide = true)]
    Finder(cmd::finder::Args),
    /// Time the networks: forward, training step, inference.
    Bench(cmd::bench::Args),
    /// Say what this machine, this build and the folders have, what is missing, and whether predict would work.
    Doctor(cmd::doctor::Args),
    /// Print the script by which a shell completes commands and options.
    Completions(cmd::completions::Args),
    /// Write manual pages.
    Man(cmd::man::Args),
    /// Write the pages of docs/ whose numbers are measured.
    #[command(hide = true)]
    Pages(cmd::pages::Args),
}

impl Command {
    /// Runs the command.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        match self {
            Self::Train(a) => cmd::train::run(a),
            Self::Init(a) => cmd::init::run(a),
            Self::Eval(a) => cmd::eval::run(a),
            Self::Calibrate(a) => cmd::calibrate::run(a),
            Self::Predict(a) => cmd::predict::run(a),
            Self::Track(a) => cmd::track::run(a),
            Self::Serve(a) => cmd::serve::run(a),
            Self::Report(a) => cmd::report::run(a),
            Self::Datasets(a) => cmd::datasets::run(a),
            Self::Weights(a) => cmd::weights::run(a),
            Self::Export(a) => cmd::export::run(a),
            Self::Finder(a) => cmd::finder::run(a),
            Self::Bench(a) => cmd::bench::run(a),
            Self::Doctor(a) => cmd::doctor::run(a),
            Self::Completions(a) => cmd::completions::run(a, Cli::command()),
            Self::Man(a) => cmd::man::run(a, Cli::command()),
            Self::Pages(a) => cmd::pages::run(a),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    /// Calls `check` with every command and its name.
    fn walk(command: &clap::Command, name: &str, check: &mut dyn FnMut(&clap::Command, &str)) {
        check(command, name);
        for below in command.get_subcommands().filter(|c| c.get_name() != "help") {
            walk(below, &format!("{name} {}", below.get_name()), check);
        }
    }

    #[test]
    fn every_command_has_an_example_of_itself() {
        let mut seen = 0;
        walk(&Cli::command(), "facekp", &mut |command, name| {
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(text.starts_with(&format!("Example: {name} ")), "{name}: {text:?}");
            seen += 1;
        });
        assert!(seen > 10);
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_has_a_help() {
        walk(&Cli::command(), "facekp", &mut |command, name| {
            let arguments = command.get_arguments().filter(|a| !matches!(a.get_id().as_str(), "help" | "version"));
            for argument in arguments {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.chars().count() > 5, "{name} {}: {help:?}", argument.get_id());
            }
        });
    }

    #[test]
    fn shared_options_stand_in_their_groups() {
        let groups = [
            ("dir", "Data"),
            ("data", "Data"),
            ("split", "Data"),
            ("max_pixels", "Data"),
            ("json", "Output"),
            ("out", "Output"),
        ];
        let others = [("device", "Device"), ("precision", "Device"), ("no_tf32", "Device"), ("verbose", "Logging")];
        let groups: Vec<_> = groups.into_iter().chain(others).collect();
        walk(&Cli::command(), "facekp", &mut |command, name| {
            for argument in command.get_arguments() {
                let (id, heading) = (argument.get_id().as_str(), argument.get_help_heading());
                if let Some((_, group)) = groups.iter().find(|(key, _)| *key == id && !name.contains("datasets")) {
                    assert_eq!(heading, Some(*group), "{name} --{id}");
                }
            }
        });
    }
}
