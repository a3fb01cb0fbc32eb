//! What points mean, and the forms that annotations are written in.

use crate::output::{say, write_result};
use anyhow::{Context, Result, bail};
use facekp_data::{
    datasets::{
        convert::{Converted, Form, convert},
        find_first,
        propose::propose,
    },
    is_stream,
};
use std::path::Path;

pub(super) fn scheme(dir: &Path, name: Option<&str>, out: Option<&Path>) -> Result<()> {
    if let Some(out) = out.filter(|out| out.is_file() && !is_stream(out)) {
        bail!("{}: expected no such file yet, for people change these by hand", out.display());
    }
    let own = || std::path::absolute(dir).ok()?.file_name()?.to_str().map(str::to_owned);
    let name = name.map(str::to_owned).or_else(own).context("--name: expected one for this folder")?;
    let proposal = propose(find_first(dir)?.open_plain()?.as_ref(), &name)?;
    write_result(out.unwrap_or(Path::new("-")), &proposal.to_toml()?)
}

pub(super) fn converted(dir: &Path, out: &Path, to: &str) -> Result<()> {
    let form = Form::ALL.into_iter().find(|f| f.name() == to).context("expected a form that is listed")?;
    if std::path::absolute(out)?.starts_with(std::path::absolute(dir)?) {
        bail!("{}: expected a folder outside of {}, got one within", out.display(), dir.display());
    }
    let converted = convert(find_first(dir)?.open_plain()?.as_ref(), form, out)?;
    lines(&converted, form, out).iter().try_for_each(|line| say(line))
}

/// What was written, and what the form could not hold, a line each.
pub(crate) fn lines(Converted { faces, pictures, lost }: &Converted, form: Form, out: &Path) -> Vec<String> {
    let mut lines = vec![format!("{}: {faces} faces in {pictures} pictures", form.file(out).display())];
    lines.extend(lost.iter().map(|lost| format!("  lost: {lost}")));
    lines
}
