//! `facekp completions`: the script by which a shell completes the program's commands and options.

use crate::output::write_result;
use anyhow::Result;
use clap_complete::aot::{Shell, generate};
use std::path::Path;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: facekp completions bash > ~/.local/share/bash-completion/completions/facekp")]
pub(crate) struct Args {
    /// The shell that will read the script.
    shell: Shell,
}

/// Prints the script for `program`, the whole command line.
pub(crate) fn run(a: &Args, mut program: clap::Command) -> Result<()> {
    let name = program.get_name().to_owned();
    let mut script: Vec<u8> = Vec::new();
    // into memory, where no write fails: the generator would panic
    generate(a.shell, &mut program, name, &mut script);
    write_result(Path::new("-"), &String::from_utf8(script)?)
}
