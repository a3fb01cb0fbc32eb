//! What points mean, and the forms that annotations are written in.

use crate::output::{say, write_result};
use anyhow::{Context, Result, bail};
use facekp_data::datasets::{
    convert::{Converted, Form, convert, written},
    find_first,
    propose::{Proposal, propose},
};
use std::path::Path;

pub(super) fn scheme(dir: &Path, name: Option<&str>, out: Option<&Path>) -> Result<()> {
    let own = || std::path::absolute(dir).ok()?.file_name()?.to_str().map(str::to_owned);
    let name = name.map(str::to_owned).or_else(own).context("--name: expected one for this folder")?;
    let Proposal { scheme, evidence } = propose(find_first(dir)?.open_plain()?.as_ref(), &name)?;
    let said: String = evidence.iter().map(|line| format!("# {line}\n")).collect();
    write_result(out.unwrap_or(Path::new("-")), &(said + &toml::to_string(&scheme)?))
}

pub(super) fn converted(dir: &Path, out: &Path, to: &str) -> Result<()> {
    let form = Form::ALL.into_iter().find(|f| f.name() == to).context("expected a form that is listed")?;
    if std::path::absolute(out)?.starts_with(std::path::absolute(dir)?) {
        bail!("{}: expected a folder outside of {}, got one within", out.display(), dir.display());
    }
    let Converted { faces, pictures, lost } = convert(find_first(dir)?.open_plain()?.as_ref(), form, out)?;
    say(&format!("{}: {faces} faces in {pictures} pictures", written(form, out).display()))?;
    lost.iter().try_for_each(|lost| say(&format!("  lost: {lost}")))
}
