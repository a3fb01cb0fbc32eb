//! The tables of promises name tests that are there.

use std::{fs, path::Path};

/// The text of every Rust file below `dir`.
fn sources(dir: &Path) -> String {
    let below = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path),
            false if path.extension().is_some_and(|e| e == "rs") => fs::read_to_string(path).unwrap(),
            false => String::new(),
        }
    };
    fs::read_dir(dir).unwrap().map(below).collect()
}

/// What stands between backticks in the last column of the page's tables.
fn promised(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|')?.rsplit('|').next());
    rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn every_promise_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = ["crates", "tests"].map(|dir| sources(&root.join(dir))).concat();
    for (page, least) in [("docs/reliability.md", 56), ("docs/many-pictures.md", 9), ("docs/scaling.md", 11)] {
        let names = promised(&root.join(page));
        assert!(names.len() >= least, "{page}: {} tests", names.len());
        for name in names {
            assert!(sources.contains(&format!("fn {name}(")), "{page}: expected a test, got {name}");
        }
    }
}
