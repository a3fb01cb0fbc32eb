//! The crates that the project stands on: where they come from, and which are there twice.

use std::{collections::BTreeSet, fs, path::Path};
use toml::{Table, Value};

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// Of every package in the lock the values of these keys, empty where it has none.
fn locked<const N: usize>(keys: [&str; N]) -> Vec<[String; N]> {
    let lock: Table = read("Cargo.lock").parse().unwrap();
    let text = |package: &Value, key: &str| package.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    lock["package"].as_array().unwrap().iter().map(|package| keys.map(|key| text(package, key))).collect()
}

#[test]
fn every_crate_of_others_comes_from_one_registry_with_its_hash() {
    let mut registries = BTreeSet::new();
    for [name, source, checksum] in locked(["name", "source", "checksum"]) {
        if source.is_empty() {
            assert!(name.starts_with("facekp") || ["candle-vision-helpers", "xtask"].contains(&&*name), "{name}");
        } else {
            assert!(source.starts_with("registry+") && checksum.len() == 64, "{name}: {source}, {checksum:?}");
            registries.insert(source);
        }
    }
    assert_eq!(registries.len(), 1, "{registries:?}");
}

#[test]
fn what_may_be_there_twice_is_there_twice_and_said_why() {
    let deny: Table = read("deny.toml").parse().unwrap();
    let page = read("CONTRIBUTING.md");
    let rows = page.split("there twice\n").nth(1).unwrap().lines().filter(|line| line.starts_with("| `"));
    let names = rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2));
    let listed: BTreeSet<&str> = names.collect();
    let versions = locked(["name", "version"]);
    let mut skipped = BTreeSet::new();
    for skip in deny["bans"]["skip"].as_array().unwrap() {
        let (name, version) = skip["crate"].as_str().unwrap().split_once('@').unwrap();
        let is_it = |[n, v]: &&[String; 2]| n == name && v.starts_with(&format!("{version}."));
        let is_other = |[n, v]: &&[String; 2]| n == name && !v.starts_with(&format!("{version}."));
        assert!(versions.iter().any(|p| is_it(&p)), "{name} {version} is not there");
        assert!(versions.iter().any(|p| is_other(&p)), "{name}: expected another version than {version}, got none");
        skipped.insert(name);
    }
    assert_eq!(skipped, listed);
}
