//! The texts that a recipe is made of: the recipe that it is based on, its own, and a profile of its own; and the file
//! and line where a key stands in them.

use super::built_in;
use crate::error::{Error, Result};
use toml::{
    Spanned, Table, Value,
    de::{DeTable, DeValue},
};

/// What stands in a recipe's text beside its keys.
const BASE: &str = "base";
const PROFILE: &str = "profile";

/// Texts, the later laid over the earlier.
pub(super) struct Layers {
    layers: Vec<Layer>,
}

struct Layer {
    file: String,
    text: String,
    /// The dotted table that is laid, with a dot; empty for the whole text but [`BASE`] and [`PROFILE`].
    under: String,
    table: Table,
}

impl Layers {
    /// The layers of a recipe's text, with a profile of its own.
    ///
    /// # Errors
    /// When a text is no TOML, the base is no built-in recipe or has a base itself, or there is no such profile.
    pub(super) fn of(file: &str, text: &str, profile: Option<&str>) -> Result<Self> {
        let table = read(file, text)?;
        let mut layers = Vec::new();
        if let Some(base) = table.get(BASE) {
            let expected = |what: &str| {
                let reason = format!("base: expected {what}, got {base}");
                Error::recipe(file, line_of(text, BASE).1, reason)
            };
            let name = base.as_str().unwrap_or_default();
            let below = built_in::text(name).ok_or_else(|| expected("the name of a built-in recipe"))?;
            let base_file = format!("{name}.toml");
            let below = Layer {
                table: read(&base_file, below)?,
                file: base_file,
                text: below.to_owned(),
                under: String::new(),
            };
            if below.table.contains_key(BASE) {
                return Err(expected("a recipe without a base of its own"));
            }
            layers.push(below);
        }
        let own = Layer { file: file.to_owned(), text: text.to_owned(), under: String::new(), table };
        let profile = profile.map(|name| own.profile(name)).transpose()?;
        layers.push(own);
        layers.extend(profile);
        Ok(Self { layers })
    }

    /// All keys together.
    pub(super) fn merged(&self) -> Table {
        let mut merged = Table::new();
        for layer in &self.layers {
            let mut table = layer.table.clone();
            table.remove(BASE);
            table.remove(PROFILE);
            lay_over(&mut merged, table);
        }
        merged
    }

    /// The recipe that this one is laid over.
    pub(super) fn base(&self) -> Option<String> {
        self.layers.iter().find_map(|l| Some(l.table.get(BASE)?.as_str()?.to_owned()))
    }

    /// The names of the recipe's own profiles.
    pub(super) fn profiles(&self) -> Vec<String> {
        let own = self.layers.iter().rev().find(|l| l.under.is_empty());
        own.map(Layer::profiles).unwrap_or_default()
    }

    /// An error of a key: with the file and the line where it stands, or where the nearest table above it does.
    pub(super) fn wrong(&self, key: &str, reason: String) -> Error {
        let place = |layer: &Layer| {
            let above = layer.under.matches('.').count();
            let (depth, line) = line_of(&layer.text, &format!("{}{key}", layer.under));
            (depth.saturating_sub(above), layer.file.clone(), line)
        };
        // of equals the last: what is laid over the others
        let nearest = self.layers.iter().map(place).max_by_key(|(depth, ..)| *depth);
        let (_, file, line) = nearest.unwrap_or_default();
        Error::recipe(&file, line, reason)
    }
}

impl Layer {
    fn profiles(&self) -> Vec<String> {
        self.table.get(PROFILE).and_then(Value::as_table).map(|t| t.keys().cloned().collect()).unwrap_or_default()
    }

    fn profile(&self, name: &str) -> Result<Self> {
        let Some(Value::Table(table)) = self.table.get(PROFILE).and_then(|p| p.get(name)) else {
            let all = self.profiles();
            let known = if all.is_empty() { "none: it has no profiles".to_owned() } else { all.join(" or ") };
            return Err(Error::recipe(&self.file, None, format!("profile: expected {known}, got {name:?}")));
        };
        let (file, text) = (self.file.clone(), self.text.clone());
        Ok(Self { file, text, under: format!("{PROFILE}.{name}."), table: table.clone() })
    }
}

fn read(file: &str, text: &str) -> Result<Table> {
    let line = |e: &toml::de::Error| e.span().map(|at| line_at(text, at.start));
    toml::from_str(text).map_err(|e| Error::recipe(file, line(&e), e.message().replace('\n', " ")))
}

/// Keys replace keys and tables go into tables, except for one of another `kind`: its keys mean something else.
fn lay_over(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) if !is_other_kind(below, &above) => lay_over(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

fn is_other_kind(below: &Table, above: &Table) -> bool {
    above.get("kind").is_some_and(|kind| below.get("kind").is_some_and(|other| other != kind))
}

/// How many parts of a dotted key are in the text, and the line of the last of them.
fn line_of(text: &str, key: &str) -> (usize, Option<usize>) {
    let Ok(root) = DeTable::parse(text) else { return (0, None) };
    let mut at = DeValue::Table(root.into_inner());
    let (mut depth, mut line) = (0, None);
    for part in key.split('.') {
        let next = match &at {
            DeValue::Table(t) => t.iter().find(|(k, _)| k.get_ref() == part).map(|(k, v)| (k.span().start, v)),
            DeValue::Array(items) => part.parse::<usize>().ok().and_then(|i| items.get(i)).map(|v| (v.span().start, v)),
            _ => None,
        };
        let Some((place, value)) = next.map(|(place, value)| (place, value.get_ref().clone())) else { break };
        (depth, line) = (depth + 1, Some(line_at(text, place)));
        at = value;
    }
    (depth, line)
}

fn line_at(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|&&b| b == b'\n').count() + 1
}

/// The dotted key at a place of a text that is TOML: the last one that begins there or before, or the table that does.
pub(super) fn key_at(text: &str, at: usize) -> Option<String> {
    let root = DeTable::parse(text).ok()?;
    let mut nearest: Option<(usize, String)> = None;
    walk("", root.get_ref(), &mut |key, name, value| {
        let starts = [name, value.span().start].into_iter().filter(|&start| start <= at).max();
        if let Some(start) = starts
            && nearest.as_ref().is_none_or(|(best, _)| start >= *best)
        {
            nearest = Some((start, key.to_owned()));
        }
    });
    nearest.map(|(_, key)| key)
}

/// Calls `f` with every dotted key, the place of its name, and its value.
pub(super) fn walk(above: &str, table: &DeTable<'_>, f: &mut dyn FnMut(&str, usize, &Spanned<DeValue<'_>>)) {
    for (name, value) in table {
        let key = if above.is_empty() { name.get_ref().to_string() } else { format!("{above}.{}", name.get_ref()) };
        f(&key, name.span().start, value);
        match value.get_ref() {
            DeValue::Table(below) => walk(&key, below, f),
            DeValue::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    if let Some(below) = item.get_ref().as_table() {
                        walk(&format!("{key}.{i}"), below, f);
                    }
                }
            }
            _ => {}
        }
    }
}
