//! Runs other programs, and says which step failed.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A line on stderr, where logs go.
pub(crate) fn log(line: &str) {
    // best effort: a reader that went away is no reason to stop
    let _ = writeln!(std::io::stderr(), "xtask: {line}");
}

/// A line on stdout, where results go.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// The cargo that runs this, with arguments.
pub(crate) fn cargo(arguments: &str) -> Command {
    let mut c = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    c.current_dir(root()).args(arguments.split(' '));
    c
}

/// Runs `command` to its end; what it prints goes to stderr, since it is not the result of the whole.
pub(crate) fn step(name: &str, command: &mut Command) -> Result<()> {
    check(name, command.stdout(std::io::stderr()))
}

/// Runs `command` to its end; what it prints stays where it is printed.
pub(crate) fn check(name: &str, command: &mut Command) -> Result<()> {
    log(&format!("{name}: {}", describe(command)));
    let status = command.status().with_context(|| format!("{name}: cannot start {}", describe(command)))?;
    if !status.success() {
        bail!("{name}: {} ended with {status}", describe(command));
    }
    Ok(())
}

/// Runs `command` and returns what it prints on stdout.
pub(crate) fn output(name: &str, command: &mut Command) -> Result<String> {
    command.stderr(Stdio::inherit());
    let out = command.output().with_context(|| format!("{name}: cannot start {}", describe(command)))?;
    if !out.status.success() {
        bail!("{name}: {} ended with {}", describe(command), out.status);
    }
    String::from_utf8(out.stdout).with_context(|| format!("{name}: output is not UTF-8"))
}

/// Runs `command` and returns the JSON that it prints on stdout.
pub(crate) fn json(name: &str, command: &mut Command) -> Result<Value> {
    let text = output(name, command)?;
    serde_json::from_str(&text).with_context(|| format!("{name}: {} printed no JSON", describe(command)))
}

fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let arguments = command.get_args().take(30).map(|a| a.to_string_lossy().into_owned());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// Builds the release program with `features` and returns its path.
pub(crate) fn build(features: &[&str]) -> Result<PathBuf> {
    let mut c = cargo("build --release --workspace --bin facekp --message-format json-render-diagnostics --features");
    c.arg(features.join(","));
    log(&format!("build: {}", describe(&c)));
    built("build", &mut c)
}

/// Runs a cargo command that builds the program and prints its messages as JSON; returns the program's path.
pub(crate) fn built(name: &str, command: &mut Command) -> Result<PathBuf> {
    let text = output(name, command)?;
    let messages = text.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok());
    let ours = |m: &Value| m["target"]["name"] == "facekp" && m["profile"]["test"] == false;
    let mut programs = messages.filter(ours).filter_map(|m| m["executable"].as_str().map(PathBuf::from));
    programs.next().with_context(|| format!("{name}: cargo named no program facekp"))
}
