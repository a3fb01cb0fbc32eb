//! Completions for shells, and manual pages.

use crate::common::{facekp, fails_with};
use std::{collections::BTreeSet, fs};

fn said(args: &[&str]) -> String {
    String::from_utf8(facekp().args(args).assert().success().get_output().stdout.clone()).unwrap()
}

#[test]
fn every_shell_has_a_script_that_knows_commands_and_options() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = said(&["completions", shell]);
        for word in ["predict", "fetch", "require-face"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    facekp().args(["completions", "tcsh"]).assert().code(2);
}

/// Adds the pages of the command `path` and of all that the helps list below it.
fn expect(path: &[&str], pages: &mut BTreeSet<String>) {
    pages.insert([&["facekp"], path].concat().join("-") + ".1");
    let help = said(&[path, &["--help"]].concat());
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // what is indented further is more of the line above
    let names = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).filter(|name| !name.is_empty());
    for name in names.filter(|name| *name != "help") {
        expect(&[path, &[name]].concat(), pages);
    }
}

#[test]
fn every_sub_command_has_a_manual_page() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("man1");
    facekp().arg("man").arg("--out").arg(&out).assert().success();
    let names = fs::read_dir(&out).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut expected = BTreeSet::new();
    expect(&[], &mut expected);
    assert!(["facekp.1", "facekp-predict.1", "facekp-datasets-fetch.1"].iter().all(|page| expected.contains(*page)));
    assert_eq!(names.collect::<BTreeSet<_>>(), expected);
    for name in &expected {
        let page = fs::read_to_string(out.join(name)).unwrap();
        assert!(page.contains(".SH NAME") && page.contains("Example: facekp"), "{name}: {page}");
    }
    let page = fs::read_to_string(out.join("facekp-predict.1")).unwrap();
    assert!(page.contains("require\\-face"), "{page}");
    assert!(fs::read_to_string(out.join("facekp-doctor.1")).unwrap().contains("FACEKP_DATA"));
    assert_eq!(said(&["man"]), fs::read_to_string(out.join("facekp.1")).unwrap());
    let file = out.join("facekp.1");
    fails_with(facekp().args(["man", "--out"]).arg(file), &["cannot write"]);
}
