//! The first key in which two recipes differ.

use super::Recipe;
use std::collections::{BTreeMap, BTreeSet};
use toml::Value;

impl Recipe {
    /// The first dotted key, in the order of the alphabet, whose value differs in `other`: `train.epochs was 3, is now
    /// 4`.
    pub fn first_difference(&self, other: &Self) -> Option<String> {
        let (a, b) = (flat(self), flat(other));
        let keys: BTreeSet<_> = a.keys().chain(b.keys()).collect();
        let shown = |v: Option<&String>| v.cloned().unwrap_or_else(|| "nothing".to_owned());
        keys.into_iter()
            .find(|k| a.get(*k) != b.get(*k))
            .map(|k| format!("{k} was {}, is now {}", shown(a.get(k)), shown(b.get(k))))
    }
}

fn flat(recipe: &Recipe) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    if let Ok(value) = Value::try_from(recipe) {
        flatten(String::new(), &value, &mut out);
    }
    out
}

fn flatten(key: String, value: &Value, out: &mut BTreeMap<String, String>) {
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
