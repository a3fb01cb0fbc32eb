//! Disks of a test's own, small or read-only: they need the right to mount.

use std::{path::Path, process::Command};
use tempfile::TempDir;

/// A folder that is a disk in memory until it is dropped.
pub(crate) struct Disk(TempDir);

impl Disk {
    /// A disk with these options, such as `size=2m`; `None` without the right to mount.
    pub(crate) fn mount(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", options, "none"]).arg(folder.path());
        command.output().is_ok_and(|out| out.status.success()).then_some(Self(folder))
    }

    /// Changes its options, such as its size.
    pub(crate) fn remount(&self, options: &str) {
        let mut command = Command::new("mount");
        command.args(["-o", &format!("remount,{options}")]).arg(self.path());
        assert!(command.status().unwrap().success());
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg(self.path()).status().unwrap();
    }
}
