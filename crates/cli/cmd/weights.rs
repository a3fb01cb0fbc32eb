//! `facekp weights`: fetch the weights that a trunk starts from.

use crate::{output::say, terminal};
use anyhow::{Context, Result};
use clap::{Subcommand, builder::PossibleValuesParser};
use facekp_models::imagenet;
use std::path::{Path, PathBuf};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: facekp weights fetch resnet50_imagenet")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Download a trunk with ImageNet weights from torchvision's page, for `init_from` in recipes.
    #[command(after_help = "Example: facekp weights fetch resnet50_imagenet --out weights")]
    Fetch {
        /// The weights' name.
        #[arg(value_parser = PossibleValuesParser::new(imagenet::SOURCES.map(|s| s.name)))]
        weights: String,
        /// Another address of the same file.
        #[arg(long)]
        url: Option<String>,
        /// The folder that will hold the file; in one called `weights`, here or above, it is found by its name.
        #[arg(long, default_value = "weights", value_name = "DIR", help_heading = "Output")]
        out: PathBuf,
    },
}

pub(crate) fn run(a: &Args) -> Result<()> {
    let Command::Fetch { weights, url, out } = &a.command;
    fetch(weights, url.as_deref(), out)
}

fn fetch(name: &str, url: Option<&str>, out: &Path) -> Result<()> {
    let source = imagenet::source(name).with_context(|| format!("{name}: expected a name that is listed"))?;
    let bar = terminal::download_bar();
    let file = imagenet::fetch(&source, out, url, &mut |done, total| {
        bar.set_length(total.unwrap_or(0));
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    say(&format!("{}: fetched; a recipe starts from it with init_from = {name:?}", file.display()))
}
