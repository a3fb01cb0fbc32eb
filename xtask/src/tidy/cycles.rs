//! Modules of a crate that use each other in a circle, and names that are not taken from the module that owns them.

use std::collections::{BTreeMap, BTreeSet};

/// A crate's files by the path of their module (`["checkpoint", "state"]`), without their tests.
pub(super) type Crate = BTreeMap<Vec<String>, String>;

/// The path of a file's module below its crate's root; `None` of tests.
pub(super) fn module(below_root: &str) -> Option<Vec<String>> {
    let mut path: Vec<String> = below_root.strip_suffix(".rs")?.split('/').map(str::to_owned).collect();
    path.pop_if(|last| ["mod", "lib", "main"].contains(&last.as_str()));
    path.iter().all(|part| !part.contains("test")).then_some(path)
}

/// A file without its comments and its tests.
pub(super) fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().filter(|l| !l.trim_start().starts_with("//")).flat_map(|l| [l, "\n"]).collect()
}

/// What is wrong in a crate, a line each.
pub(super) fn check(files: &Crate) -> Vec<String> {
    let (mut uses, mut wrong) = (BTreeSet::new(), Vec::new());
    for (from, text) in files {
        for path in paths(&code(text), from) {
            let known = (0..=path.len()).rev().find(|&n| n == 0 || files.contains_key(&path[..n])).unwrap_or(0);
            if known == 0 && !from.is_empty() && !path.is_empty() {
                let (from, path) = (from.join("/"), path.join("::"));
                wrong.push(format!("{from}: expected {path} from the module that owns it, got it from the root"));
            }
            let common = from.iter().zip(&path[..known]).take_while(|(a, b)| a == b).count();
            if common < from.len() && common < known {
                uses.insert((from[..=common].to_vec(), path[..=common].to_vec()));
            }
        }
    }
    // whatever is used by what is used
    let mut count = 0;
    while uses.len() > count {
        count = uses.len();
        let further =
            |(a, b): &(_, _)| uses.iter().filter(|u| u.0 == *b).map(|u| (Vec::clone(a), u.1.clone())).collect();
        uses = &uses | &uses.iter().flat_map::<Vec<_>, _>(further).collect();
    }
    let circle: Vec<String> = uses.iter().filter(|(a, b)| a == b).map(|(a, _)| a.join("/")).collect();
    if !circle.is_empty() {
        wrong.push(format!("expected no circle of modules, got one of {}", circle.join(", ")));
    }
    wrong
}

/// Every path that the code of the module `from` names, from the crate's root: `crate::a::{b, c::d}` are two.
fn paths(code: &str, from: &[String]) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    let starts = code.match_indices("crate::").chain(code.match_indices("super::"));
    for (at, word) in starts.filter(|(at, _)| !code[..*at].ends_with(['$', ':', '_'])) {
        let mut path = if word == "crate::" { Vec::new() } else { from[..from.len().saturating_sub(1)].to_vec() };
        let mut open = Vec::new();
        for token in code[at + word.len()..].split_inclusive(|c: char| !c.is_alphanumeric() && c != '_') {
            let (name, mark) = token.split_at(token.len() - token.chars().next_back().map_or(0, char::len_utf8));
            match name {
                "super" => drop(path.pop()),
                "" | "self" | "as" => {}
                name => path.push(name.to_owned()),
            }
            match (mark, open.last().cloned()) {
                (":", _) => {}
                ("{", _) => open.push(path.clone()),
                (",", Some(above)) => all.push(std::mem::replace(&mut path, above)),
                ("}", Some(above)) => {
                    all.push(std::mem::replace(&mut path, above));
                    open.pop();
                }
                (" " | "\n", Some(_)) => {}
                _ => break,
            }
        }
        all.push(path);
    }
    all
}
