//! The direction of dependence: each crate uses what stands before it, never the other way.

use crate::run;
use anyhow::{Context, Result, bail};

const ORDER: [&str; 6] =
    ["candle-vision-helpers", "facekp-data", "facekp-models", "facekp-eval", "facekp-train", "facekp"];

/// Checks the workspace's own dependencies by `cargo metadata`.
pub fn check() -> Result<()> {
    let text =
        run::output("direction", run::cargo().args(["metadata", "--format-version", "1", "--no-deps", "--offline"]))?;
    let wrong = violations(&serde_json::from_str(&text).context("direction: cargo metadata printed no JSON")?);
    if !wrong.is_empty() {
        bail!("direction of dependence: {}", wrong.join("; "));
    }
    run::log(&format!("direction of dependence: {} holds", ORDER.join(" -> ")));
    Ok(())
}

fn violations(metadata: &serde_json::Value) -> Vec<String> {
    let place = |name: &str| ORDER.iter().position(|&n| n == name);
    let mut wrong = Vec::new();
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    for package in &packages {
        let name = package["name"].as_str().unwrap_or_default();
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let on = dependency["name"].as_str().unwrap_or_default();
            let Some(to) = place(on) else { continue };
            match place(name) {
                Some(from) if to < from => {}
                _ => wrong.push(format!("{name} must not depend on {on}")),
            }
        }
    }
    for name in ORDER {
        if !packages.iter().any(|p| p["name"] == name) {
            wrong.push(format!("{name} is missing"));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn workspace(data_uses: &str) -> serde_json::Value {
        let packages: Vec<_> = ORDER
            .iter()
            .map(|n| json!({"name": n, "dependencies": if *n == "facekp-data" { json!([{"name": data_uses}]) } else { json!([]) }}))
            .collect();
        json!({"packages": packages})
    }

    #[test]
    fn names_a_dependence_that_points_the_wrong_way() {
        assert!(violations(&workspace("candle-vision-helpers")).is_empty());
        assert_eq!(violations(&workspace("facekp-train")), ["facekp-data must not depend on facekp-train"]);
    }
}
