//! From text and overrides to a recipe; what is wrong is said with its file and line.

use super::Recipe;
use crate::{Error, Result};
use candle_vision_helpers::Wrong;
use std::path::Path;
use toml::{
    Table, Value,
    de::{DeTable, DeValue},
};

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        /// Name and text.
        pub(super) const BUILT_IN: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../recipes/", $name, ".toml")))),*];
    };
}

built_in![
    "nose",
    "face58",
    "ibug68_resnet50",
    "ibug68_heatmap",
    "ibug68_resnet50_128",
    "ibug68_heatmap_128",
    "ibug68_heatmap_128_start",
    "ibug68_heatmap_64",
    "ytf68_heatmap_128",
    "ibug68_summed_128",
];

/// What to call a recipe in errors, and its text.
pub(super) fn source(name_or_file: &str) -> Result<(String, String)> {
    if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_file) {
        return Ok((format!("{name}.toml"), (*text).to_owned()));
    }
    let wrong = |reason: String| Error::Recipe { file: name_or_file.to_owned(), line: None, reason };
    if !Path::new(name_or_file).exists() {
        let names: Vec<_> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        return Err(wrong(format!("expected a TOML file or one of {}, found none", names.join(", "))));
    }
    let text = std::fs::read_to_string(name_or_file).map_err(|e| wrong(format!("expected a recipe in TOML: {e}")))?;
    Ok((name_or_file.to_owned(), text))
}

/// Reads the recipe, then changes it by `key=value`, not yet validated.
pub(super) fn parse(file: &str, text: &str, overrides: &[String]) -> Result<Recipe> {
    let error = |line, reason| Error::Recipe { file: file.to_owned(), line, reason };
    let wrong = |e: toml::de::Error| error(place_of(text, &e).map(|at| line_at(text, at)), words(e.message()));
    let recipe = toml::from_str::<Recipe>(text).map_err(wrong)?;
    let mut table = toml::from_str::<Table>(text).map_err(wrong)?;
    leave_out_defaults(&mut table);
    if let Some((key, reason)) = meaningless(&table, &recipe) {
        return Err(error(line_of(text, &key), reason));
    }
    let mut last_good = recipe;
    let mut blamed = None;
    // Two overrides may be possible only together: the first one to fail is blamed only when the last one leaves it
    // failing.
    for change in overrides {
        apply(&mut table, change)?;
        leave_out_defaults(&mut table);
        let changed = table.clone().try_into::<Recipe>().map_err(|e| words(e.message()));
        let changed = changed.and_then(|r| meaningless(&table, &r).map_or(Ok(r), |(_, reason)| Err(reason)));
        match changed {
            Ok(recipe) => (last_good, blamed) = (recipe, None),
            Err(reason) => blamed = blamed.or(Some((change, reason))),
        }
    }
    match blamed {
        None => Ok(last_good),
        Some((change, reason)) => Err(override_error(change, reason)),
    }
}

/// Takes away what is not written either, so that recipes from before the key stay equal to those with it.
fn leave_out_defaults(table: &mut Table) {
    if let Some(Value::Table(data)) = table.get_mut("data")
        && data.get("allow_overlap") == Some(&Value::Boolean(false))
    {
        data.remove("allow_overlap");
    }
}

/// A key that was read over: serde lets everything pass beside a `kind` that has no keys of its own.
fn meaningless(table: &Table, recipe: &Recipe) -> Option<(String, String)> {
    let Ok(Value::Table(known)) = Value::try_from(recipe) else { return None };
    let (table, known) = (Value::Table(table.clone()), Value::Table(known));
    let key = first_leftover("", &table, &known)?;
    let name = key.rsplit('.').next().unwrap_or_default().to_owned();
    let reason = format!("unknown key `{name}`: {key} means nothing beside the other keys there");
    Some((key, reason))
}

/// The first key of `given` that `known` does not have.
fn first_leftover(above: &str, given: &Value, known: &Value) -> Option<String> {
    let below = |key: &str| if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") };
    match (given, known) {
        (Value::Table(given), Value::Table(known)) => given.iter().find_map(|(key, value)| match known.get(key) {
            None => Some(below(key)),
            Some(known) => first_leftover(&below(key), value, known),
        }),
        (Value::Array(given), Value::Array(known)) => {
            let mut pairs = given.iter().zip(known).enumerate();
            pairs.find_map(|(i, (given, known))| first_leftover(&below(&i.to_string()), given, known))
        }
        _ => None,
    }
}

/// The error of the override that set the key, else of the line where the key stands.
pub(super) fn locate(wrong: &Wrong, file: &str, text: &str, overrides: &[String]) -> Error {
    let (key, reason) = (wrong.at.as_str(), wrong.to_string());
    let sets = |change: &&String| {
        let set = change.split('=').next().unwrap_or_default().trim();
        let below = |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.starts_with('.'));
        key == set || below(key, set)
    };
    match overrides.iter().rev().find(sets) {
        Some(change) => override_error(change, reason),
        None => Error::Recipe { file: file.to_owned(), line: line_of(text, key), reason },
    }
}

/// An error of an override.
fn override_error(change: &str, reason: String) -> Error {
    Error::Recipe { file: format!("--set {change}"), line: None, reason }
}

/// Sets `a.b.c=value`; tables on the way are made where there are none, numbers index arrays.
fn apply(table: &mut Table, change: &str) -> Result<()> {
    let (key, value) = change
        .split_once('=')
        .ok_or_else(|| override_error(change, "expected key=value, such as train.epochs=3".to_owned()))?;
    let value = value_of(value.trim());
    let keys: Vec<&str> = key.split('.').map(str::trim).collect();
    let Some((last, way)) = keys.split_last().filter(|(last, _)| !last.is_empty()) else {
        return Err(override_error(change, "expected a key before =".to_owned()));
    };
    let mut root = Value::Table(std::mem::take(table));
    let result = set(&mut root, way, last, value);
    if let Value::Table(changed) = root {
        *table = changed;
    }
    result.map_err(|reason| override_error(change, reason))
}

/// Walks `way` down from `root` and sets `last` there.
fn set(root: &mut Value, way: &[&str], last: &str, value: Value) -> std::result::Result<(), String> {
    let mut at = root;
    for key in way {
        at = step(at, key)?;
    }
    match at {
        Value::Table(t) => {
            t.insert(last.to_owned(), value);
            Ok(())
        }
        Value::Array(items) => {
            let len = items.len();
            let item = last.parse::<usize>().ok().and_then(|i| items.get_mut(i));
            *item.ok_or_else(|| format!("expected an index below {len}, got {last:?}"))? = value;
            Ok(())
        }
        other => Err(format!("expected a table or an array above {last:?}, got {}", other.type_str())),
    }
}

/// One key down.
fn step<'a>(at: &'a mut Value, key: &str) -> std::result::Result<&'a mut Value, String> {
    match at {
        Value::Table(t) => Ok(t.entry(key).or_insert_with(|| Value::Table(Table::new()))),
        Value::Array(items) => {
            let len = items.len();
            let item = key.parse::<usize>().ok().and_then(|i| items.get_mut(i));
            item.ok_or_else(|| format!("expected an index below {len}, got {key:?}"))
        }
        other => Err(format!("expected a table or an array above {key:?}, got {}", other.type_str())),
    }
}

/// TOML where it is TOML, else the text itself: `name=mine` needs no quotes on a command line.
fn value_of(text: &str) -> Value {
    toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .filter(|t| t.len() == 1)
        .and_then(|mut t| t.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

/// serde speaks of fields and variants, recipes have keys and kinds.
fn words(message: &str) -> String {
    message
        .replace("unknown field", "unknown key")
        .replace("missing field", "missing key")
        .replace("unknown variant", "unknown value")
        .replace("invalid type: ", "wrong type: got ")
        .replace("expected usize", "expected a whole number")
        .replace("expected u64", "expected a whole number")
        .replace("expected f64", "expected a number")
        .replace('\n', " ")
}

/// Where in the text an error is: serde loses the place within tables that have a `kind`, so the key or value that the
/// message names is looked for from where the error says.
fn place_of(text: &str, error: &toml::de::Error) -> Option<usize> {
    let span = error.span()?;
    let message = error.message();
    let quoted = message.split('`').nth(1);
    let needle = if message.starts_with("unknown field") {
        quoted.map(str::to_owned)
    } else if let Some(rest) = message.strip_prefix("invalid type: ") {
        rest.strip_prefix("string \"")
            .and_then(|r| r.split('"').next())
            .map(|s| format!("\"{s}\""))
            .or(quoted.map(str::to_owned))
    } else {
        None
    };
    let mut found = Vec::new();
    if let (Some(needle), Ok(root)) = (needle, DeTable::parse(text)) {
        collect(root.get_ref(), &mut |key, value, at| {
            let shown = match value {
                DeValue::String(s) => format!("\"{s}\""),
                DeValue::Integer(i) => i.as_str().to_owned(),
                DeValue::Float(f) => f.as_str().to_owned(),
                DeValue::Boolean(b) => b.to_string(),
                _ => String::new(),
            };
            if at >= span.start && (key == needle || shown == needle) {
                found.push(at);
            }
        });
    }
    Some(found.into_iter().min().unwrap_or(span.start))
}

/// Calls `f` with every key below `table`, its value and the key's place.
fn collect(table: &DeTable<'_>, f: &mut dyn FnMut(&str, &DeValue<'_>, usize)) {
    for (key, value) in table {
        f(key.get_ref(), value.get_ref(), key.span().start);
        if let DeValue::Table(below) = value.get_ref() {
            collect(below, f);
        }
        if let DeValue::Array(items) = value.get_ref() {
            for below in items.iter().filter_map(|v| v.get_ref().as_table()) {
                collect(below, f);
            }
        }
    }
}

/// The line of a dotted key, or of the nearest table above it.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let mut at = DeValue::Table(root.get_ref().clone());
    let mut line = None;
    for part in key.split('.') {
        let next = match &at {
            DeValue::Table(t) => t.iter().find(|(k, _)| k.get_ref() == part).map(|(k, v)| (k.span().start, v)),
            DeValue::Array(items) => part.parse::<usize>().ok().and_then(|i| items.get(i)).map(|v| (v.span().start, v)),
            _ => None,
        };
        let Some((place, value)) = next else { break };
        line = Some(line_at(text, place));
        let below = value.get_ref().clone();
        at = below;
    }
    line
}

fn line_at(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|&&b| b == b'\n').count() + 1
}

/// The first dotted key, in the order of the alphabet, whose value differs.
pub(super) fn first_difference(there: &Recipe, here: &Recipe) -> Option<String> {
    let flat = |r: &Recipe| {
        let mut out = std::collections::BTreeMap::new();
        if let Ok(value) = Value::try_from(r) {
            flatten(String::new(), &value, &mut out);
        }
        out
    };
    let (a, b) = (flat(there), flat(here));
    let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
    let shown = |v: Option<&String>| v.cloned().unwrap_or_else(|| "nothing".to_owned());
    keys.into_iter()
        .find(|k| a.get(*k) != b.get(*k))
        .map(|k| format!("{k}: {} there, {} here", shown(a.get(k)), shown(b.get(k))))
}

fn flatten(key: String, value: &Value, out: &mut std::collections::BTreeMap<String, String>) {
    let below = |part: &str| if key.is_empty() { part.to_owned() } else { format!("{key}.{part}") };
    match value {
        Value::Table(t) => t.iter().for_each(|(k, v)| flatten(below(k), v, out)),
        Value::Array(items) if items.iter().any(Value::is_table) => {
            items.iter().enumerate().for_each(|(i, v)| flatten(below(&i.to_string()), v, out));
        }
        other => {
            out.insert(key, other.to_string());
        }
    }
}
