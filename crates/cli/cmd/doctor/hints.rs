//! What is missing or broken, a line each, with the command that helps.

use super::{datasets, weights};
use crate::cmd::predict::DEFAULTS;
use facekp_models::{FINDER, imagenet};

/// Hints on what was found; `data` is the folder of the datasets.
pub(super) fn hints(data: &str, datasets: &[datasets::Entry], weights: &[weights::Entry]) -> Vec<String> {
    let mut hints = Vec::new();
    if datasets.is_empty() {
        hints.push(format!(
            "no dataset: `facekp datasets fetch imm --out {data}` downloads one, `facekp datasets synth --scheme imm58 \
             --count 240 --out {data}/imm_face_db` renders one"
        ));
    }
    for set in datasets.iter().filter(|set| set.error.is_some()) {
        hints.push(format!("{0} is broken: `facekp datasets check {0}` lists every broken file", set.path));
    }
    let is_known = |name: &str| weights.iter().any(|w| w.name == name);
    if !DEFAULTS.into_iter().any(is_known) {
        hints.push(format!(
            "no network for predict ({}): FACEKP_WEIGHTS=DIR names the folder weights of the sources, which have one, \
             and `facekp train {} --data {data}` makes one",
            DEFAULTS.join(", "),
            DEFAULTS[0]
        ));
    }
    if !is_known(FINDER) {
        hints.push(format!("no {FINDER}: FACEKP_WEIGHTS=DIR names the folder weights of the sources, which have it"));
    }
    for broken in weights.iter().filter(|w| w.error.is_some()) {
        hints.push(format!("{0} is broken: copy it again, or write it again by `facekp export`", broken.name));
    }
    let trunks = imagenet::SOURCES.map(|source| source.name);
    let missing: Vec<&str> = trunks.into_iter().filter(|&name| !is_known(name)).collect();
    if !missing.is_empty() {
        hints.push(format!(
            "no {}: `facekp weights fetch NAME` downloads what a trunk may start from",
            missing.join(", ")
        ));
    }
    hints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_missing_has_a_line_that_says_how_to_get_it() {
        let all = hints("data", &[], &[]);
        let words =
            ["datasets fetch imm --out data`", "no network for predict (face68, ", "no face_finder", "weights fetch"];
        assert_eq!(all.len(), words.len(), "{all:?}");
        for (hint, words) in all.iter().zip(words) {
            assert!(hint.contains(words) && !hint.contains('\n'), "{hint}");
        }
    }

    #[test]
    fn nothing_is_missed_where_all_is_there_and_what_is_broken_is_named() {
        let named = |name: &str| weights::Entry { name: name.to_owned(), ..weights::Entry::default() };
        let mut weights: Vec<_> = [DEFAULTS[1], FINDER].map(named).into();
        weights.extend(imagenet::SOURCES.map(|source| named(source.name)));
        let mut datasets = [datasets::Entry { path: "data/own".into(), ..datasets::Entry::default() }];
        assert_eq!(hints("data", &datasets, &weights), Vec::<String>::new());
        weights[0].error = Some("cut short".into());
        datasets[0].error = Some("expected 58 points, got 57".into());
        let all = hints("data", &datasets, &weights);
        assert!(all.len() == 2 && all[0].contains("`facekp datasets check data/own`"), "{all:?}");
        assert!(all[1].starts_with(DEFAULTS[1]), "{all:?}");
    }
}
