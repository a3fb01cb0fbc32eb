//! `cargo xtask tidy`: habits of the house that no compiler checks, each finding a line with its place.

mod cycles;
mod signatures;

use crate::run;
use anyhow::{Result, bail};
use std::{collections::BTreeMap, fs, path::Path};

/// Lines in a Rust file; one that is longer says why in a comment that starts with [`EXCUSE`].
const MOST_LINES: usize = 300;
const EXCUSE: &str = "// Long because ";
/// Words of this project's workshop, not of the project. Written in two parts, so that this file is clean.
const FORBIDDEN: [(&str, &str); 4] = [("../sha", "red"), ("yard", "stick"), ("the cou", "rse"), ("to the", " bit")];

/// Each crate uses what stands before it, never the other way; all others use none of them.
const ORDER: [&str; 6] =
    ["candle-vision-helpers", "facekp-data", "facekp-models", "facekp-eval", "facekp-train", "facekp"];

/// The files that git knows.
pub(crate) fn files(patterns: &str) -> Result<String> {
    let mut git = std::process::Command::new("git");
    run::output("tidy", git.current_dir(run::root()).arg("ls-files").args(patterns.split(' ')))
}

/// Checks every file that git knows.
pub(crate) fn check() -> Result<()> {
    let (root, listed) = (run::root(), files("*.rs *.md *.toml")?);
    let (mut findings, mut manifests, mut sources) = (Vec::new(), String::new(), BTreeMap::new());
    for name in listed.lines().filter(|name| root.join(name).is_file()) {
        let text = fs::read_to_string(root.join(name))?;
        if name.ends_with("Cargo.toml") {
            manifests += &text;
            findings.extend(direction(&text));
        }
        let mut found = file(name, &text);
        if name.ends_with(".md") {
            findings.extend(dead_links(&root, name, &text));
        }
        let cli = || name.strip_prefix("crates/cli/").map(|below| ("crates/cli", below));
        let (krate, below) = name.split_once("/src/").or_else(cli).unwrap_or_default();
        if let Some(module) = cycles::module(below) {
            found.extend(signatures::check(&text));
            sources.entry(krate.to_owned()).or_insert_with(cycles::Crate::new).insert(module, text);
        }
        findings.extend(found.into_iter().map(|finding| format!("{name}{finding}")));
    }
    for (krate, files) in &sources {
        findings.extend(cycles::check(files).into_iter().map(|finding| format!("{krate}: {finding}")));
    }
    findings.extend(places(&fs::read_to_string(root.join("docs/adding.md"))?, &sources));
    findings.extend(unused(&manifests));
    if !findings.is_empty() {
        bail!("tidy: {} findings\n  {}", findings.len(), findings.join("\n  "));
    }
    run::log(&format!("tidy: no findings; {} holds", ORDER.join(" -> ")));
    Ok(())
}

/// Dependencies of a manifest that point the wrong way.
fn direction(manifest: &str) -> Vec<String> {
    let place = |name: &str| ORDER.iter().position(|o| *o == name);
    let own = manifest.lines().find_map(|l| l.strip_prefix("name = \"")?.strip_suffix('"')).unwrap_or_default();
    let names = manifest.lines().filter(|l| l.contains("workspace = true")).filter_map(|l| l.split(['.', ' ']).next());
    let wrong = names.filter(|on| place(on).is_some_and(|to| place(own).is_none_or(|from| to >= from)));
    wrong.map(|on| format!("{own}: expected the order {}, got a dependence on {on}", ORDER.join(" -> "))).collect()
}

/// Rows of docs/adding.md, `| thing | FILE | lines |`, whose file or whose count of lines in its crate is another.
fn places(page: &str, sources: &BTreeMap<String, cycles::Crate>) -> Vec<String> {
    let mut wrong = Vec::new();
    for row in page.lines().filter(|l| l.starts_with("| a")) {
        let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [_, thing, path, lines, _] = cells[..] else { continue };
        let stem = Path::new(path).file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        let files = sources.iter().filter(|(krate, _)| path.starts_with(*krate)).flat_map(|(_, files)| files);
        let elsewhere = files.filter(|(module, _)| module.last().is_none_or(|last| last != stem));
        let named = |line: &&str| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == stem);
        let count: usize = elsewhere.map(|(_, text)| cycles::code(text).lines().filter(named).count()).sum();
        if !run::root().join(path).is_file() || count.to_string() != lines {
            wrong.push(format!("docs/adding.md: {thing}: expected {path} and {count} lines elsewhere, got {lines}"));
        }
    }
    wrong
}

/// What is wrong with one file: `:LINE: …` each.
fn file(name: &str, text: &str) -> Vec<String> {
    let (rust, page) = (name.ends_with(".rs"), name.ends_with(".md"));
    let mut found = Vec::new();
    if rust && !text.starts_with("//!") {
        found.push(":1: expected a first line //! that says the file's duty".to_owned());
    }
    let lines = text.lines().count();
    if rust && lines > MOST_LINES && !text.lines().take(12).any(|l| l.starts_with(EXCUSE)) {
        found.push(format!(": expected {MOST_LINES} lines at most (or \"{EXCUSE}…\" at the top), got {lines}"));
    }
    for (i, line) in text.lines().enumerate() {
        let (columns, start) = (line.chars().count(), line.trim_start());
        // code is rustfmt's business; rows of tables and pictures cannot be broken
        let whole = start.starts_with('|') || start.starts_with("![");
        let (counts, most) = if rust { (start.starts_with("//"), 120) } else { (page && !whole, 100) };
        if counts && columns > most {
            found.push(format!(":{}: expected {most} columns at most, got {columns}", i + 1));
        }
        for (a, b) in FORBIDDEN.iter().filter(|(a, b)| line.contains(&[*a, *b].concat())) {
            found.push(format!(":{}: expected another word than {a}{b}", i + 1));
        }
    }
    found
}

/// Relative links of a page that lead nowhere.
fn dead_links(root: &Path, name: &str, text: &str) -> Vec<String> {
    let folder = root.join(name).parent().map(Path::to_path_buf).unwrap_or_default();
    let targets = text.match_indices("](").filter_map(|(at, _)| text[at + 2..].split_once(')').map(|(t, _)| t));
    let inside = targets.filter(|t| !t.contains("://") && !t.starts_with('#'));
    let dead = inside.filter(|t| !folder.join(t.split('#').next().unwrap_or_default()).exists());
    dead.map(|t| format!("{name}: expected a link that leads somewhere, got {t}")).collect()
}

/// Dependencies of the workspace that no crate uses.
fn unused(manifests: &str) -> Vec<String> {
    let section = manifests.split("[workspace.dependencies]").nth(1).and_then(|s| s.split("\n[").next());
    let lines = section.unwrap_or_default().lines().filter(|l| !l.starts_with('#'));
    let names = lines.filter_map(|l| Some(l.split_once(" =")?.0));
    let used = |n: &&str| [".workspace", " = { workspace"].iter().any(|w| manifests.contains(&format!("\n{n}{w}")));
    names.filter(|n| !used(n)).map(|n| format!("Cargo.toml: expected a user of {n}, got none")).collect()
}

#[cfg(test)]
mod tests;
