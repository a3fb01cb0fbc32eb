//! `cargo xtask tidy`: habits of the house that no compiler checks, each finding a line with its place.

use crate::run;
use anyhow::{Result, bail};
use std::{fs, path::Path};

/// Lines in a Rust file; one that is longer says why in a comment that starts with [`EXCUSE`].
const MOST_LINES: usize = 300;
const EXCUSE: &str = "// Long because ";
/// Columns of a comment in a Rust file, as rustfmt has code.
const RUST_COLUMNS: usize = 120;
/// Columns in a page.
const PAGE_COLUMNS: usize = 100;
/// Words of this project's workshop, not of the project. Written in two parts, so that this file is clean.
const FORBIDDEN: [(&str, &str); 4] = [("../sha", "red"), ("yard", "stick"), ("the cou", "rse"), ("to the", " bit")];

/// Checks every file that git knows.
pub fn check() -> Result<()> {
    let root = run::root();
    let mut git = std::process::Command::new("git");
    let listed = run::output("tidy", git.current_dir(&root).args(["ls-files", "*.rs", "*.md", "*.toml"]))?;
    let mut findings = Vec::new();
    let mut manifests = String::new();
    for name in listed.lines().filter(|name| root.join(name).is_file()) {
        let text = fs::read_to_string(root.join(name))?;
        if name.ends_with("Cargo.toml") {
            manifests += &text;
        }
        findings.extend(file(name, &text).into_iter().map(|finding| format!("{name}{finding}")));
        if name.ends_with(".md") {
            findings.extend(dead_links(&root, name, &text));
        }
    }
    findings.extend(unused(&manifests));
    if !findings.is_empty() {
        bail!("tidy: {} findings\n  {}", findings.len(), findings.join("\n  "));
    }
    run::log("tidy: no findings");
    Ok(())
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
        let (counts, most) = match rust {
            true => (start.starts_with("//"), RUST_COLUMNS),
            false => (page && !start.starts_with('|') && !start.starts_with("!["), PAGE_COLUMNS),
        };
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
    let section = manifests.split("[workspace.dependencies]").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let names = section.lines().filter_map(|l| l.split_once(" =")).map(|(name, _)| name.trim());
    let used = |name: &str| {
        manifests.contains(&format!("\n{name}.workspace")) || manifests.contains(&format!("\n{name} = {{ workspace"))
    };
    names
        .filter(|n| !n.starts_with('#') && !used(n))
        .map(|n| format!("Cargo.toml: expected a user of {n}, got none"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_habit_is_checked() {
        assert!(file("a.rs", "//! Duty.\nfn f() {}\n").is_empty());
        assert_eq!(file("a.rs", "fn f() {}\n"), [":1: expected a first line //! that says the file's duty"]);
        let long = "//! Duty.\n".to_owned() + &"\n".repeat(MOST_LINES);
        assert_eq!(file("a.rs", &long).len(), 1);
        assert!(file("a.rs", &long.replacen('\n', "\n// Long because it is a table.\n", 1)).is_empty());
        assert_eq!(file("a.rs", &format!("//! {}\n", "x".repeat(120))), [":1: expected 120 columns at most, got 124"]);
        assert_eq!(file("a.md", &format!("{0}\n| {0} |\n", "x".repeat(101))).len(), 1);
        assert_eq!(file("a.md", &["../sha", "red"].concat()).len(), 1);
    }

    #[test]
    fn links_and_dependencies() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(dead_links(here, "README.md", "[a](src/tidy.rs) [b](https://x.y) [c](#d)").is_empty());
        assert_eq!(dead_links(here, "README.md", "[a](src/nothing.rs)").len(), 1);
        let manifests =
            "[workspace.dependencies]\nused = \"1\"\nidle = \"1\"\n\n[dependencies]\nused.workspace = true\n";
        assert_eq!(unused(manifests), ["Cargo.toml: expected a user of idle, got none"]);
    }
}
