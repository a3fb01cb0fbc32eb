//! The seeds of the fuzzers, each read once: no reader panics over one, errors are one line, what is called sound is
//! read, and what is called broken is refused.

#[path = "../../../fuzz/src/lib.rs"]
#[allow(unreachable_pub)] // a crate of its own where it is fuzzed
mod readers;

use std::{collections::BTreeSet, fs, panic::catch_unwind, path::PathBuf};

fn listed(folder: &str) -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(folder);
    let mut all: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

#[test]
fn every_seed_of_the_fuzzers_is_read_or_refused_in_one_line() {
    let mut wrong = Vec::new();
    for (name, read) in readers::ALL {
        let mut sound = 0;
        for seed in listed(&format!("corpus/{name}")) {
            let bytes = fs::read(&seed).unwrap();
            let file = seed.file_name().unwrap().to_string_lossy();
            match catch_unwind(|| read(&bytes)) {
                Ok(true) if file.starts_with("broken") => wrong.push(format!("{name}/{file}: read")),
                Ok(false) if file.starts_with("sound") => wrong.push(format!("{name}/{file}: refused")),
                Ok(was_read) => sound += usize::from(was_read),
                Err(_) => wrong.push(format!("{name}/{file}: panicked")),
            }
        }
        assert!(sound > 0, "{name}: expected a sound seed");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_reader_has_a_target_and_a_corpus() {
    let readers: BTreeSet<String> = readers::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    for folder in ["fuzz_targets", "corpus"] {
        let stem = |path: PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
        assert_eq!(listed(folder).into_iter().map(stem).collect::<BTreeSet<_>>(), readers, "{folder}");
    }
}
