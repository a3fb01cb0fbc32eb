//! `facekp man`: manual pages of the program and of every sub-command.

use crate::output::{say, write_file, write_result};
use anyhow::Result;
use clap_mangen::Man;
use std::path::{Path, PathBuf};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: facekp man --out ~/.local/share/man/man1")]
pub(crate) struct Args {
    /// The folder of the pages, one for the program and one for each sub-command [default: the program's alone, on
    /// stdout].
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
}

/// Writes the pages of `program`, the whole command line.
pub(crate) fn run(a: &Args, program: clap::Command) -> Result<()> {
    // `facekp help COMMAND` says again what the pages say
    let mut program = program.disable_help_subcommand(true);
    program.build();
    let Some(out) = &a.out else { return write_result(Path::new("-"), &String::from_utf8(page(&program)?.text)?) };
    let mut pages = Vec::new();
    collect(&program, &mut pages)?;
    for page in &pages {
        write_file(&out.join(&page.file), &page.text)?;
    }
    say(&format!("{}: {} pages", out.display(), pages.len()))
}

/// A page and the name of its file.
struct Page {
    file: String,
    text: Vec<u8>,
}

/// The page of `command` and those of all below it.
fn collect(command: &clap::Command, pages: &mut Vec<Page>) -> Result<()> {
    pages.push(page(command)?);
    command.get_subcommands().filter(|c| !c.is_hide_set()).try_for_each(|below| collect(below, pages))
}

fn page(command: &clap::Command) -> Result<Page> {
    let man = Man::new(command.clone()).source(concat!("facekp ", env!("CARGO_PKG_VERSION"))).manual("facekp");
    let mut text: Vec<u8> = Vec::new();
    man.render(&mut text)?;
    Ok(Page { file: man.get_filename(), text })
}
