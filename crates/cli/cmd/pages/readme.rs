//! The README's table of errors: what docs/results.md says of the 68-point networks, in one row each.

use super::table;
use std::collections::HashMap;

/// The table stands between these lines.
const BEGIN: &str = "<!-- written by `cargo xtask results` -->";
const END: &str = "<!-- end -->";

const HEAD: [&str; 7] = ["network", "full", "common", "challenging", "full, found", "MB", "ms a face"];

/// The rows of the table under a heading of a page: cells by what stands above them.
fn rows<'a>(page: &'a str, heading: &str) -> Vec<HashMap<&'a str, &'a str>> {
    let section = page.split_once(&format!("\n## {heading}\n")).map_or("", |(_, rest)| rest);
    let section = section.split("\n## ").next().unwrap_or_default();
    let cells = |line: &'a str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    let mut lines = section.lines().filter(|line| line.starts_with('|'));
    let head = lines.next().map(cells).unwrap_or_default();
    lines.skip(1).map(|line| head.iter().copied().zip(cells(line)).collect()).collect()
}

/// The table, the network with the least error first.
fn figures(results: &str) -> String {
    let (errors, costs) = (rows(results, "With found boxes"), rows(results, "Size and speed"));
    let cell = |of: &[HashMap<&str, &str>], network: &str, split: Option<&str>, column: &str| {
        let row = of.iter().find(|r| r["network"] == network && split.is_none_or(|s| r.get("split") == Some(&s)));
        row.and_then(|r| r.get(column)).map_or("–".to_owned(), |c| (*c).to_owned())
    };
    let row = |network: &str| {
        let of = |split, column| cell(&errors, network, Some(split), column);
        let annotated = ["full", "common", "challenging"].map(|split| of(split, "NME annotated"));
        let costs = ["MB", "ms"].map(|column| cell(&costs, network, None, column));
        let name = [format!("`{network}`")];
        name.into_iter().chain(annotated).chain([of("full", "NME found")]).chain(costs).collect::<Vec<_>>()
    };
    let networks = errors.iter().filter(|r| r.get("split") == Some(&"full")).map(|r| r["network"]);
    let mut all: Vec<Vec<String>> = networks.map(row).collect();
    all.sort_by(|a, b| a[1].cmp(&b[1]));
    table(&HEAD, &all)
}

/// The README with the table that the page of results gives; `None` where it has no place for one.
pub(super) fn with_figures(readme: &str, results: &str) -> Option<String> {
    let (before, rest) = readme.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}{END}{after}", figures(results)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::{fs, path::Path};

    #[test]
    fn the_readme_says_what_the_page_of_results_does() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
        let (readme, results) = (read("README.md"), read("docs/results.md"));
        assert!(figures(&results).contains("| `face68` | 0.0"), "{}", figures(&results));
        assert_eq!(with_figures(&readme, &results).unwrap(), readme);
    }

    #[test]
    fn a_row_has_the_figures_of_its_network() {
        let results = "# R\n\n## With found boxes\n\nwords\n\n\
            | network | split | NME annotated | NME found |\n|---|---|---|---|\n\
            | b | common | 0.2 | 0.3 |\n| b | full | 0.4 | 0.5 |\n| a | full | 0.1 | 0.2 |\n\n\
            ## Size and speed\n\n| network | MB | ms |\n|---|---|---|\n| b | 7.0 | 1.5 |\n";
        let text = with_figures(&format!("x\n{BEGIN}\nold\n{END}\ny"), results).unwrap();
        let rows = "| `a` | 0.1 | – | – | 0.2 | – | – |\n| `b` | 0.4 | 0.2 | – | 0.5 | 7.0 | 1.5 |\n";
        assert!(text.starts_with("x\n") && text.ends_with(&format!("|\n{rows}{END}\ny")), "{text}");
        assert_eq!(with_figures("no place", results), None);
    }
}
