//! From texts and overrides to a recipe; what is wrong is said with its file and line.

use super::{
    Recipe, built_in,
    layers::{Layers, key_at, walk},
    old_form,
};
use crate::error::{Error, Result};
use candle_vision_helpers::Wrong;
use facekp_data::Scheme;
use std::path::Path;
use toml::{
    Table, Value,
    de::{DeTable, DeValue},
};

/// Reads a built-in recipe or a file.
pub(super) fn load(name_or_file: &str, profile: Option<&str>, overrides: &[String]) -> Result<(Layers, Recipe)> {
    let (file, text) = source(name_or_file)?;
    parse(&file, &text, profile, overrides)
}

/// What to call a recipe in errors, and its text.
fn source(name_or_file: &str) -> Result<(String, String)> {
    if let Some(text) = built_in::text(name_or_file) {
        return Ok((format!("{name_or_file}.toml"), text.to_owned()));
    }
    if !Path::new(name_or_file).exists() {
        let names = Recipe::built_in().join(", ");
        return Err(Error::recipe(name_or_file, None, format!("expected a TOML file or one of {names}, found none")));
    }
    let unreadable = |e| Error::recipe(name_or_file, None, format!("expected a recipe in TOML: {e}"));
    Ok((name_or_file.to_owned(), std::fs::read_to_string(name_or_file).map_err(unreadable)?))
}

/// Reads a recipe, changes it by `key=value`, and validates it.
pub(super) fn parse(file: &str, text: &str, profile: Option<&str>, overrides: &[String]) -> Result<(Layers, Recipe)> {
    let layers = Layers::of(file, text, profile)?;
    let mut table = layers.merged();
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    read_scheme(&mut table, folder).map_err(|e| layers.wrong(SCHEME, format!("{SCHEME}: {e}")))?;
    renew(&mut table);
    let mut last_good = read(&layers, &table)?;
    let mut blamed = None;
    // Two overrides may be possible only together: the first one to fail is blamed only when the last one leaves it
    // failing.
    for change in overrides {
        apply(&mut table, change)?;
        read_scheme(&mut table, Path::new(""))?;
        renew(&mut table);
        let changed = table.clone().try_into::<Recipe>().map_err(|e| words(e.message()));
        let changed = changed.and_then(|r| meaningless(&table, &r).map_or(Ok(r), |(_, reason)| Err(reason)));
        match changed {
            Ok(recipe) => (last_good, blamed) = (recipe, None),
            Err(reason) => blamed = blamed.or(Some((change, reason))),
        }
    }
    if let Some((change, reason)) = blamed {
        return Err(override_error(change, reason));
    }
    last_good.validate().map_err(|wrong| locate(&wrong, &layers, overrides))?;
    Ok((layers, last_good))
}

/// The recipe of all keys together.
fn read(layers: &Layers, table: &Table) -> Result<Recipe> {
    let text = toml::to_string(table).map_err(|e| layers.wrong("", e.to_string()))?;
    let recipe = toml::from_str::<Recipe>(&text).map_err(|e| {
        let key = place_of(&text, &e).and_then(|at| key_at(&text, at));
        layers.wrong(&key.unwrap_or_default(), words(e.message()))
    })?;
    match meaningless(table, &recipe) {
        Some((key, reason)) => Err(layers.wrong(&key, reason)),
        None => Ok(recipe),
    }
}

/// The key of a recipe that may name a file.
const SCHEME: &str = "task.scheme";

/// Puts the scheme of a file in the place of the file's name, which is relative to `folder`.
fn read_scheme(table: &mut Table, folder: &Path) -> Result<()> {
    let Some(scheme) = table.get_mut("task").and_then(|task| task.get_mut("scheme")) else { return Ok(()) };
    let Some(name) = scheme.as_str().filter(|name| Path::new(name).extension().is_some_and(|e| e == "toml")) else {
        return Ok(());
    };
    let file = folder.join(name);
    let text = std::fs::read_to_string(&file).map_err(|e| facekp_data::Error::io(&file, e))?;
    let read = Scheme::from_toml(&file, &text)?;
    *scheme = Value::try_from(&read).map_err(|e| Error::recipe(name, None, e.to_string()))?;
    Ok(())
}

/// Brings a table to what is written today.
fn renew(table: &mut Table) {
    old_form::renew(table);
    leave_out_defaults(table);
}

/// Takes away what is not written either, so that recipes from before the key stay equal to those with it.
fn leave_out_defaults(table: &mut Table) {
    let no = Value::Boolean(false);
    if let Some(Value::Table(data)) = table.get_mut("data") {
        leave_out(data, "allow_overlap", &no);
        let sources = data.get_mut("train").and_then(Value::as_array_mut).into_iter().flatten();
        sources.filter_map(Value::as_table_mut).for_each(|source| leave_out(source, "optional", &no));
    }
    if let Some(Value::Table(model)) = table.get_mut("task").and_then(|task| task.get_mut("model")) {
        leave_out(model, "trunk", &Value::from("resnet"));
    }
    if let Some(Value::Table(train)) = table.get_mut("train") {
        leave_out(train, "sync_batch_norm", &Value::Boolean(true));
    }
}

fn leave_out(table: &mut Table, key: &str, default: &Value) {
    if table.get(key) == Some(default) {
        table.remove(key);
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
fn locate(wrong: &Wrong, layers: &Layers, overrides: &[String]) -> Error {
    let key = wrong.at.as_str();
    let sets = |change: &&String| {
        let (set, _) = old_form::renewed(change.split('=').next().unwrap_or_default().trim(), Value::Boolean(true));
        let below = |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.starts_with('.'));
        key == set || below(key, &set)
    };
    match overrides.iter().rev().find(sets) {
        Some(change) => override_error(change, wrong.to_string()),
        None => layers.wrong(key, wrong.to_string()),
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
    let (key, value) = old_form::renewed(key.trim(), value_of(value.trim()));
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
        .replace("there are no fields", "expected none")
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
        walk("", root.get_ref(), &mut |key, at, value| {
            let shown = match value.get_ref() {
                DeValue::String(s) => format!("\"{s}\""),
                DeValue::Integer(i) => i.as_str().to_owned(),
                DeValue::Float(f) => f.as_str().to_owned(),
                DeValue::Boolean(b) => b.to_string(),
                _ => String::new(),
            };
            let name = key.rsplit('.').next().unwrap_or_default();
            if at >= span.start && (name == needle || shown == needle) {
                found.push(at);
            }
        });
    }
    Some(found.into_iter().min().unwrap_or(span.start))
}
