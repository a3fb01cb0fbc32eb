//! `facekp pages`: the pages of docs/ whose numbers are measured, for `cargo xtask bench` and `cargo xtask results`.

mod ablations;
mod benchmarks;
mod beside;
mod cost;
mod readme;
mod reliability;
mod results;
mod subject;

use crate::output::{say, write_file};
use anyhow::{Context, Result};
use clap::Subcommand;
use facekp_eval::plot::{Axes, Series, lines_svg};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: facekp pages benchmarks benches/results.json --out docs/benchmarks.md")]
pub(crate) struct Args {
    #[command(subcommand)]
    page: Page,
}

#[derive(Debug, Subcommand)]
enum Page {
    /// Write the page of training steps and inference from measured times.
    #[command(after_help = "Example: facekp pages benchmarks benches/results.json --out docs/benchmarks.md")]
    Benchmarks {
        /// What benches/compare.py wrote.
        times: PathBuf,
        /// The page.
        #[arg(long, value_name = "FILE", help_heading = "Output")]
        out: PathBuf,
    },
    /// Measure networks and write the page of their errors, with their curves in a folder of its name, and the table in
    /// the README above it.
    #[command(after_help = "Example: facekp pages results runs/full/face58 nose --out docs/results.md")]
    Results {
        /// Run folders, or names in weights/ (a row each, without curves).
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<PathBuf>,
        /// Run folders of one recipe, each with a change of its own; what it changes against the first stands in a
        /// table.
        #[arg(long, num_args = 1.., value_name = "RUN")]
        ablations: Vec<PathBuf>,
        /// The datasets' parent folder.
        #[arg(long, value_name = "DIR", env = "FACEKP_DATA", default_value = "datasets", help_heading = "Data")]
        data: PathBuf,
        /// The page.
        #[arg(long, value_name = "FILE", help_heading = "Output")]
        out: PathBuf,
    },
}

pub(crate) fn run(a: &Args) -> Result<()> {
    match &a.page {
        Page::Benchmarks { times, out } => write(out, &wrapped(&benchmarks::page(times)?)),
        Page::Results { runs, ablations, data, out } => {
            let page = wrapped(&results::page(runs, ablations, data, out)?);
            write(out, &page)?;
            let readme = std::path::absolute(out)?.ancestors().nth(2).map(|root| root.join("README.md"));
            let text = readme.as_ref().and_then(|readme| std::fs::read_to_string(readme).ok());
            match readme.zip(text.and_then(|text| readme::with_figures(&text, &page))) {
                Some((readme, text)) => write(&readme, &text),
                None => Ok(()),
            }
        }
    }
}

fn write(out: &Path, page: &str) -> Result<()> {
    write_file(out, page.as_bytes())?;
    say(&out.display().to_string())
}

/// A Markdown table.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: String| format!("|{cells}\n");
    let row = |cells: &Vec<String>| line(cells.iter().map(|c| format!(" {c} |")).collect());
    let head = line(head.iter().map(|c| format!(" {c} |")).collect()) + &line("---|".repeat(head.len()));
    head + &rows.iter().map(row).collect::<String>()
}

/// Draws a plot into the folder beside a page, and gives the line that shows it.
fn plot(folder: &Path, name: &str, axes: &Axes, series: &[Series]) -> Result<String> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let file = folder.join(format!("{name}.svg"));
    fs::write(&file, lines_svg(axes, series)?).with_context(|| file.display().to_string())?;
    let beside = folder.file_name().unwrap_or_default().to_string_lossy();
    Ok(format!("\n![{}]({beside}/{name}.svg)\n", axes.title))
}

/// A number in a table.
fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or("–".into(), |v| format!("{v:.digits$}"))
}

/// A page's paragraphs broken at 100 columns; tables, headings and pictures stay as they are.
fn wrapped(page: &str) -> String {
    const COLUMNS: usize = 100;
    let mut out = String::new();
    for line in page.lines() {
        let whole = line.chars().count() <= COLUMNS || line.starts_with(['|', '#', '!']);
        let mut column = 0;
        for word in if whole { vec![line] } else { line.split(' ').collect() } {
            let length = word.chars().count();
            if column > 0 {
                let fits = column + 1 + length <= COLUMNS;
                out.push(if fits { ' ' } else { '\n' });
                column = if fits { column + 1 } else { 0 };
            }
            out += word;
            column += length;
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_page_of_benchmarks_is_what_its_times_say() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let page = benchmarks::page(&root.join("benches/results.json")).unwrap();
        assert_eq!(wrapped(&page), std::fs::read_to_string(root.join("docs/benchmarks.md")).unwrap());
    }

    #[test]
    fn tables_are_markdown() {
        let rows = [vec!["a".to_owned(), number(Some(0.5), 2)], vec!["b".to_owned(), number(None, 2)]];
        assert_eq!(table(&["x", "y"], &rows), "| x | y |\n|---|---|\n| a | 0.50 |\n| b | – |\n");
    }
}
