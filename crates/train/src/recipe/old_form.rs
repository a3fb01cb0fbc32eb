//! Recipes from when they named kinds of datasets instead of folders: run folders and weights hold such ones.

use toml::{Table, Value};

/// A kind, and the folder in which `--data` has its dataset.
const FOLDERS: [(&str, &str); 4] =
    [("imm58", "imm_face_db"), ("imm_nose", "imm_face_db"), ("ibug68", "ibug_300W"), ("pts68", "ytf_68")];

/// Brings `data.datasets`, and `data.val` where it is the name of a split alone, to today's form.
pub(super) fn renew(recipe: &mut Table) {
    let Some(Value::Table(data)) = recipe.get_mut("data") else { return };
    if let Some(Value::Array(mut sets)) = data.remove("datasets") {
        sets.iter_mut().filter_map(Value::as_table_mut).for_each(source);
        data.insert("train".to_owned(), sets.into());
    }
    if let Some(split @ Value::String(_)) = data.get("val").cloned() {
        let first = data.get("train").and_then(|t| t.get(0)).and_then(|s| s.get("path")).cloned();
        let mut val = Table::from_iter([("split".to_owned(), split)]);
        val.extend(first.map(|path| ("path".to_owned(), path)));
        data.insert("val".to_owned(), val.into());
    }
}

fn source(set: &mut Table) {
    if let Some(split) = set.remove("train") {
        set.insert("split".to_owned(), split);
    }
    if let Some(path) = set.get("kind").and_then(folder) {
        set.remove("kind");
        set.insert("path".to_owned(), path);
    }
}

fn folder(kind: &Value) -> Option<Value> {
    let kind = kind.as_str()?;
    FOLDERS.iter().find(|(k, _)| *k == kind).map(|(_, folder)| Value::from(*folder))
}

/// The key and value of an override, in today's form.
pub(super) fn renewed(key: &str, value: Value) -> (String, Value) {
    let Some((index, what)) = key.strip_prefix("data.datasets.").and_then(|rest| rest.split_once('.')) else {
        return (key.to_owned(), value);
    };
    let (what, value) = match what {
        "train" => ("split", value),
        "kind" => ("path", folder(&value).unwrap_or(value)),
        other => (other, value),
    };
    (format!("data.train.{index}.{what}"), value)
}
