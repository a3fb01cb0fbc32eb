//! What each part of a recipe gives: runs that differ in one thing each.

use super::{
    number,
    subject::{Measured, Subject},
    table,
};
use anyhow::{Context, Result, bail};
use facekp_data::Split;
use facekp_eval::{Flip, run_files::history};
use std::{collections::BTreeMap, path::Path};
use toml::Value;

const TITLE: &str = "\n## What the recipe's parts give\n\nEach row is a run of its own of `NAME`, with what it sets \
    otherwise than the first one (`facekp train NAME --set KEY=VALUE`); NME on the validation faces, on which none of \
    these runs was trained, and on the test faces, averaged with the mirrored picture but in the last column.\n\n";

const HEAD: [&str; 6] = ["set", "minutes", "val", "full", "challenging", "full, not mirrored"];

/// The section of `runs`, the first of which the others are compared with; nothing for none.
pub(super) fn section(runs: &[impl AsRef<Path>], data: &Path) -> Result<String> {
    let Some(first) = runs.first() else { return Ok(String::new()) };
    let first = Subject::of(first.as_ref())?;
    let reference = settings(&first.file.manifest.recipe)?;
    let mut rows = Vec::with_capacity(runs.len());
    for run in runs {
        let subject = Subject::of(run.as_ref())?;
        let changes = changes(&reference, &settings(&subject.file.manifest.recipe)?);
        let set = match changes.as_slice() {
            [] if rows.is_empty() => "–".to_owned(),
            [] => bail!("{}: expected a recipe that differs from the first one's", run.as_ref().display()),
            changes => changes.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", "),
        };
        rows.push([vec![set, number(minutes(run.as_ref())?, 0)], errors(&subject, data)?].concat());
    }
    Ok(TITLE.replace("NAME", &first.name) + &table(&HEAD, &rows))
}

/// The minutes that a run's epochs took; `None` for a file of weights.
pub(super) fn minutes(run: &Path) -> Result<Option<f64>> {
    let file = run.join("history.csv");
    if !file.is_file() {
        return Ok(None);
    }
    Ok(Some(history::read(&file)?.iter().map(|e| e.seconds).sum::<f64>() / 60.0))
}

fn errors(subject: &Subject, data: &Path) -> Result<Vec<String>> {
    let measure = |splits: &[Split], flip: Option<Flip>| -> Result<BTreeMap<String, Option<f64>>> {
        let measured = subject.measure(data, splits, None, flip)?;
        let summaries = measured.as_ref().map(Measured::summaries).transpose()?.unwrap_or_default();
        Ok(summaries.into_iter().map(|s| (s.split, s.nme)).collect())
    };
    let own = measure(&[Split::Val, Split::Full, Split::Challenging], None)?;
    let straight = measure(&[Split::Full], Some(Flip::Off))?;
    let of = |errors: &BTreeMap<String, Option<f64>>, split: &str| number(errors.get(split).copied().flatten(), 4);
    Ok(["val", "full", "challenging"].iter().map(|s| of(&own, s)).chain([of(&straight, "full")]).collect())
}

/// A recipe's values by their keys with dots, as `--set` takes them.
fn settings(recipe: &str) -> Result<BTreeMap<String, String>> {
    let mut out = BTreeMap::new();
    flatten("", &Value::Table(toml::from_str(recipe).context("the recipe in the weights")?), &mut out);
    out.remove("name");
    Ok(out)
}

fn flatten(key: &str, value: &Value, out: &mut BTreeMap<String, String>) {
    let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match value {
        Value::Table(table) => table.iter().for_each(|(name, value)| flatten(&below(name), value, out)),
        Value::Array(items) if items.iter().all(Value::is_table) => {
            items.iter().enumerate().for_each(|(i, item)| flatten(&below(&i.to_string()), item, out));
        }
        value => {
            out.insert(key.to_owned(), value.to_string());
        }
    }
}

fn changes(from: &BTreeMap<String, String>, to: &BTreeMap<String, String>) -> Vec<String> {
    let changed = to.iter().filter(|(key, value)| from.get(*key) != Some(value)).map(|(key, v)| format!("{key}={v}"));
    let is_gone = |key: &str| !to.keys().any(|k| k == key || k.starts_with(&format!("{key}.")));
    // of what is gone as a whole its name is enough
    let whole =
        |key: &str| key.rsplit_once('.').map(|(above, _)| above).filter(|above| is_gone(above)).map(str::to_owned);
    let gone = from.keys().filter(|key| is_gone(key)).map(|key| format!("no {}", whole(key).unwrap_or(key.clone())));
    let mut all: Vec<String> = changed.chain(gone).collect();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn changes_are_what_set_takes() {
        let one = "name = \"a\"\n[train]\nepochs = 8\n[[data.train]]\npath = \"x\"\n[[data.train]]\npath = \"y\"\nsplit = \"all\"\n";
        let other = "name = \"b\"\n[train]\nepochs = 9\nema = 0.5\n[[data.train]]\npath = \"x\"\n";
        let [one, other] = [one, other].map(|text| settings(text).unwrap());
        assert_eq!(changes(&one, &other), ["train.ema=0.5", "train.epochs=9", "no data.train.1"]);
        assert_eq!(changes(&one, &one), [""; 0]);
    }
}
