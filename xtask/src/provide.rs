//! The datasets of the chain where they are, and rendered faces where one is missing.

use crate::run;
use anyhow::{Context, Result};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// What the chain is trained on.
pub(crate) struct Sources<'a> {
    pub program: &'a Path,
    pub profile: &'a str,
    /// What `facekp datasets find --json` finds in the data folder.
    pub found: Value,
    pub rendered: PathBuf,
    /// The folders that hold the datasets; the data folder first.
    pub folders: Vec<PathBuf>,
    pub notices: Vec<String>,
}

impl Sources<'_> {
    /// The folder that holds the dataset `path`, and whether that is rendered.
    pub(crate) fn get(&mut self, stand_ins: &Value, path: &Value) -> Result<(PathBuf, bool)> {
        let mut stand_ins = stand_ins.as_array().into_iter().flatten();
        let stand_in = stand_ins.find(|s| s["path"] == *path).with_context(|| format!("{path}: no stand-in"))?;
        if self.found.as_array().is_some_and(|all| all.iter().any(|found| found["kind"] == stand_in["kind"])) {
            return Ok((self.folders[0].clone(), false));
        }
        let text = |key: &str| stand_in[key].as_str().unwrap_or_default();
        let folder = self.rendered.join(text("path"));
        if !folder.is_dir() {
            let mut c = Command::new(self.program);
            c.args(["datasets", "synth", "--scheme", text("scheme"), "--count"]);
            run::step("rendered faces", c.arg(stand_in["faces"][self.profile].to_string()).arg("--out").arg(&folder))?;
        }
        let notice = format!("{} was not found: rendered faces stand in for it.", text("title"));
        if !self.notices.contains(&notice) {
            run::log(&notice);
            self.notices.push(notice);
        }
        if !self.folders.contains(&self.rendered) {
            self.folders.push(self.rendered.clone());
        }
        Ok((self.rendered.clone(), true))
    }
}
