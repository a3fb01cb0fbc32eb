//! The seeds of the fuzzers, each read once: no reader panics over one, errors are one line, what is called sound is
//! read, and what is called broken is refused.

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub)] // a crate of its own where it is fuzzed
mod readers;

use std::{collections::BTreeSet, fs, panic::catch_unwind, path::PathBuf};

fn listed(folder: &str) -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder);
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

/// Whether libFuzzer takes a line of a dictionary: a comment, nothing, or printable ASCII in quotation marks with `\\`,
/// `\"` and `\x0a`. It ends at the first line that it does not take.
fn is_taken(line: &str) -> bool {
    if line.trim().is_empty() || line.starts_with('#') {
        return true;
    }
    let Some(mut rest) = line.strip_prefix('"').and_then(|l| l.strip_suffix('"')) else { return false };
    let is_empty = rest.is_empty();
    while let Some(first) = rest.chars().next() {
        let is_hex = |r: &str| r.as_bytes().get(2..4).is_some_and(|h| h.iter().all(u8::is_ascii_hexdigit));
        rest = match first {
            '\\' if rest.starts_with(r"\\") || rest.starts_with("\\\"") => &rest[2..],
            '\\' if rest.starts_with(r"\x") && is_hex(rest) => &rest[4..],
            ' '..='~' if !['\\', '"'].contains(&first) => &rest[1..],
            _ => return false,
        };
    }
    !is_empty
}

#[test]
fn every_dictionary_is_a_readers_and_libfuzzer_takes_it() {
    assert!(is_taken(r#""a\\\"\x0a""#) && !is_taken(r#""a\n""#) && !is_taken(r#""a"b""#) && !is_taken("\"ä\""));
    for file in listed("dictionaries") {
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(readers::ALL.iter().any(|(name, _)| *name == stem), "{stem}: expected the name of a reader");
        let text = fs::read_to_string(&file).unwrap();
        let wrong: Vec<&str> = text.lines().filter(|line| !is_taken(line)).collect();
        assert!(wrong.is_empty() && text.lines().count() > 1, "{stem}: {wrong:?}");
    }
}
