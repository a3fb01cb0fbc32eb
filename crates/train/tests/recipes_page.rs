//! The page of the recipes: its table is what the recipes say. `REGENERATE=1` writes it.

use facekp_train::recipe::About;
use std::{fmt::Write, fs, path::Path};

/// The table's first and last lines in the page.
const MARKS: [&str; 2] = ["<!-- written from the recipes -->\n", "<!-- end -->\n"];

#[test]
fn every_recipe_is_in_the_page_as_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/recipes.md");
    let page = fs::read_to_string(&path).unwrap();
    let (head, rest) = page.split_once(MARKS[0]).unwrap();
    let (_, tail) = rest.split_once(MARKS[1]).unwrap();
    let expected = [head, MARKS[0], &table(), MARKS[1], tail].concat();
    if std::env::var_os("REGENERATE").is_some() {
        fs::write(&path, expected).unwrap();
    } else {
        assert!(page == expected, "docs/recipes.md is not what the recipes say: run this test with REGENERATE=1");
    }
}

fn table() -> String {
    let mut out = String::from(
        "\n| recipe | what for | base | points | view | network | loss | epochs | profiles |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for about in About::all().unwrap() {
        let (task, train) = (&about.recipe.task, &about.recipe.train);
        let kind = |of: toml::Value| of["kind"].as_str().unwrap().to_owned();
        let network = kind(toml::Value::try_from(&task.model).unwrap());
        let loss = kind(toml::Value::try_from(&train.loss).unwrap());
        let (name, points, view) = (&about.recipe.name, task.scheme.name(), &task.view);
        let (base, profiles) = (about.base.unwrap_or_default(), about.profiles.join(", "));
        writeln!(
            out,
            "| `{name}` | {} | {base} | {points} | {}×{} | {network} | {loss} | {} | {profiles} |",
            about.purpose, view.width, view.height, train.epochs
        )
        .unwrap();
    }
    out + "\n"
}
