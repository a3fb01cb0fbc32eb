//! The habits, each kept and each broken.

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
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert_eq!(dead_links(here, "x.md", "[a](src/run.rs) [b](https://x.y) [c](#d) [e](src/nothing.rs)").len(), 1);
    let manifest = |name: &str, on: &str| format!("name = \"{name}\"\n[dependencies]\n{on}.workspace = true\n");
    assert!(direction(&manifest("facekp-data", "candle-vision-helpers")).is_empty());
    assert_eq!(direction("name = \"facekp-data\"\nfacekp-train = { workspace = true, optional = true }").len(), 1);
    let wrong = [("facekp-data", "facekp-train"), ("xtask", "facekp-data")];
    assert!(wrong.iter().all(|(name, on)| direction(&manifest(name, on)).len() == 1));
    let both = "[workspace.dependencies]\nused = \"1\"\nidle = \"1\"\n\n[dependencies]\nused.workspace = true\n";
    assert_eq!(unused(both), ["Cargo.toml: expected a user of idle, got none"]);
    let files = |text: &str| BTreeMap::from([("xtask".to_owned(), BTreeMap::from([(vec![], text.to_owned())]))]);
    let count = |text: &str| places("| a habit | `xtask/src/run.rs` | 1 |", &files(text)).len();
    assert_eq!((count("mod run;\n// run\nfn running() {}"), count("mod run;\nuse run::f;")), (0, 1));
}

#[test]
fn circles_and_names_taken_from_the_root_are_found() {
    let all = |files: &[(&str, &str)]| {
        let module = |(name, text): &(&str, &str)| Some((cycles::module(name)?, (*text).to_owned()));
        cycles::check(&files.iter().filter_map(module).collect())
    };
    let (root, c) = (("lib.rs", "mod a; mod b;"), ("c/mod.rs", "use super::b::B;"));
    let a = ("a.rs", "use crate::{b::{self, B as C}, c::D};");
    assert!(all(&[root, a, ("b.rs", "// crate::a\nfn f() {}"), c]).is_empty());
    let circle = all(&[root, a, c, ("b.rs", "fn f(_: crate::c::d::E) {}"), ("c/d.rs", "use super::super::a::A;")]);
    assert_eq!(circle, ["expected no circle of modules, got one of a, b, c"]);
    assert!(all(&[root, a, c, ("b.rs", "use crate::B;")])[0].starts_with("b: expected B from the module"));
    // a parent and its children may know each other
    assert!(all(&[root, ("c/mod.rs", "use crate::c::d::E;"), ("c/d.rs", "use super::F;")]).is_empty());
}

#[test]
fn bools_and_crowds_are_found() {
    let ok = "pub fn f<T: Fn(A, B) -> C>(\n    &self,\n    a: (A, B),\n    b: Option<bool>,\n    c: fn(bool) -> D,\n)";
    assert!(signatures::check(ok).is_empty());
    let bools = signatures::check("\n    pub fn g(a: A, b: bool) {}");
    assert_eq!(bools, [":2: expected an enum or a struct in g, got a bool"]);
    assert_eq!(signatures::check("pub fn h(a: A, b: B, c: C, d: D, e: E, f: F) {}").len(), 1);
    assert!(signatures::check("pub(crate) fn i(a: bool) {}").is_empty());
}
