//! A clock that jumps by ten years, there and back, whenever it is looked at: nothing that is computed or kept asks it.

use crate::common::{picture, server::Server, train, trained};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What the program's `clock_gettime` is replaced by.
const JUMPING: &str = r"
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *now) {
    static int looks;
    int failed = (int)syscall(SYS_clock_gettime, id, now);
    if (!failed && id == CLOCK_REALTIME)
        now->tv_sec += __atomic_fetch_add(&looks, 1, __ATOMIC_RELAXED) % 2 ? 315360000 : -315360000;
    return failed;
}
";

/// A library of it; `None` without a C compiler.
fn jumping(dir: &Path) -> Option<PathBuf> {
    let (source, library) = (dir.join("clock.c"), dir.join("clock.so"));
    fs::write(&source, JUMPING).unwrap();
    let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).output();
    made.is_ok_and(|out| out.status.success()).then_some(library)
}

/// The year in which a run's lock says that it was taken.
fn year(run: &Path) -> i32 {
    let text = fs::read_to_string(run.join("lock")).unwrap();
    text.split_once("(since ").unwrap().1[..4].parse().unwrap()
}

#[test]
fn a_clock_that_jumps_changes_nothing_of_a_run_and_of_an_answer() {
    let dir = tempfile::tempdir().unwrap();
    let Some(clock) = jumping(dir.path()) else { return };
    let run = dir.path().join("nose");
    train(&run, 2).env("LD_PRELOAD", &clock).assert().success();
    train(&run, 2).arg("--resume").env("LD_PRELOAD", &clock).assert().success();
    let usual = trained().join("nose");
    assert!((9..=11).contains(&(year(&run) - year(&usual)).abs()), "expected a clock that jumps, got {}", year(&run));
    for file in ["last.safetensors", "best.safetensors", "eval.json", "predictions.json"] {
        assert!(fs::read(run.join(file)).unwrap() == fs::read(usual.join(file)).unwrap(), "{file}");
    }
    let history = fs::read_to_string(run.join("history.csv")).unwrap();
    let seconds = history.lines().skip(1).map(|line| line.rsplit_once(',').unwrap().1.parse::<f64>().unwrap());
    assert!(seconds.clone().count() == 2 && seconds.clone().all(|s| (0.0..600.0).contains(&s)), "{history}");

    let mut command = Server::command(&trained().join("nose"), None);
    let server = Server::of(command.env("LD_PRELOAD", &clock));
    let answer = server.ask("POST", "/api/predict", &fs::read(picture()).unwrap()).json();
    let times = ["read", "find", "network"].map(|part| answer["ms"][part].as_f64().unwrap());
    assert!(times.iter().all(|ms| (0.0..600e3).contains(ms)), "{times:?}");
}
