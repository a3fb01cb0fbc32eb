//! Training by two processes that Open MPI's launcher started: the weights of one process, and whichever rank ends,
//! however it ends, a run that resumes to the same bits.
//!
//! Five moments of a kill; `FACEKP_MOMENTS=10` tries as many as it says. Without `mpirun` of Open MPI nothing is
//! tested.

use crate::{
    common::{self, shared_folder, train},
    killed::{fraction, moments},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::LazyLock,
    thread::sleep,
    time::{Duration, Instant},
};

const EPOCHS: usize = 20;

fn is_there() -> bool {
    let version = Command::new("mpirun").arg("--version").output();
    version.is_ok_and(|out| String::from_utf8_lossy(&out.stdout).contains("Open MPI"))
}

/// Two ranks of one thread each; a job that hangs is ended.
fn mpirun(command: &assert_cmd::Command) -> Command {
    let mut c = Command::new("mpirun");
    c.args(["--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "--timeout", "300", "-n", "2"]);
    c.arg(command.get_program()).args(command.get_args());
    c.env("RAYON_NUM_THREADS", "1").env("OMPI_MCA_mpi_yield_when_idle", "1");
    // containers often forbid one process to read another one's memory
    c.env("OMPI_MCA_btl_vader_single_copy_mechanism", "none");
    c.env_remove("FACEKP_DATA").env_remove("FACEKP_WEIGHTS").env_remove("FACEKP_LOG");
    c.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    c
}

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

fn runs(command: &assert_cmd::Command) {
    let out = mpirun(command).output().unwrap();
    assert!(out.status.success(), "{}", said(&out));
}

/// The run of two ranks that nothing happens to, and how long it takes.
fn whole() -> (&'static Path, Duration) {
    static RUN: LazyLock<(PathBuf, Duration)> = LazyLock::new(|| {
        let run = shared_folder().join("whole of two ranks");
        common::people();
        let start = Instant::now();
        runs(&train(&run, EPOCHS));
        (run, start.elapsed())
    });
    (&RUN.0, RUN.1)
}

fn history(run: &Path) -> Vec<String> {
    let text = fs::read_to_string(run.join("history.csv")).unwrap_or_default();
    text.lines().skip(1).map(|l| l.rsplit_once(',').unwrap().0.to_owned()).collect()
}

/// Resumes a run and compares its end with the undisturbed one.
fn resumes(run: &Path, what: &str) {
    let mut command = train(run, EPOCHS);
    command.arg("--resume");
    runs(&command);
    assert_eq!(history(run), history(whole().0), "{what}");
    for name in ["best.safetensors", "last.safetensors", "eval.json", "predictions.json", "recipe.toml"] {
        assert!(fs::read(run.join(name)).unwrap() == fs::read(whole().0.join(name)).unwrap(), "{what}: {name} differs");
    }
}

/// The ranks of a job, which are the launcher's children.
fn ranks(launcher: &Child) -> Vec<u32> {
    let parent = launcher.id().to_string();
    let is_rank = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // behind the name, which may hold anything: the state, the parent
        let behind = stat.rsplit_once(") ").map_or("", |(_, behind)| behind);
        stat.contains("(facekp)") && behind.split(' ').nth(1) == Some(parent.as_str())
    };
    let names = fs::read_dir("/proc").unwrap().map(|e| e.unwrap().file_name());
    let mut all: Vec<u32> = names.filter_map(|n| n.to_str()?.parse().ok()).filter(is_rank).collect();
    all.sort_unstable();
    all
}

/// Starts a run of two ranks and waits until both are there.
fn start(run: &Path) -> (Child, Vec<u32>) {
    let mut launcher = mpirun(&train(run, EPOCHS)).spawn().unwrap();
    let begun = Instant::now();
    loop {
        let there = ranks(&launcher);
        if there.len() == 2 && run.join("recipe.toml").is_file() {
            return (launcher, there);
        }
        assert!(launcher.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(60), "no two ranks");
        sleep(Duration::from_millis(1));
    }
}

fn signal(pid: u32, name: &str) {
    // a rank that has ended meanwhile needs none
    let _ = Command::new("kill").args([name, &pid.to_string()]).stderr(Stdio::null()).status().unwrap();
}

#[test]
fn two_processes_end_with_the_weights_of_one() {
    if !is_there() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    common::people();
    // 20 steps by gradient descent: one of Adam is as large where a gradient is nothing but rounding
    let descend = |name: &str| {
        let run = dir.path().join(name);
        let mut command = train(&run, EPOCHS / 2);
        command.args(["--set", "train.optimizer={kind=\"sgd\",momentum=0.9}"]);
        command.args(["--set", "train.schedule={kind=\"constant\",lr=1e-3}"]);
        (command, run.join("last.safetensors"))
    };
    let read = |file| candle_core::safetensors::load(file, &candle_core::Device::Cpu).unwrap();
    let ((mut alone, one), (ranks, two)) = (descend("one"), descend("two"));
    alone.assert().success();
    runs(&ranks);
    let (one, two) = (read(one), read(two));
    assert!(!one.is_empty() && one.len() == two.len());
    for (name, t) in &one {
        let values = |t: &candle_core::Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let off = values(t).iter().zip(values(&two[name])).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 1e-5, "{name}: off by {off}");
    }
}

#[test]
fn a_rank_killed_at_any_moment_ends_the_run_which_resumes_to_the_same_bits() {
    if !is_there() {
        return;
    }
    let took = whole().1;
    for i in 0..moments() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run");
        let (mut launcher, there) = start(&run);
        sleep(took.mul_f64(0.8 * fraction(6, i)));
        signal(there[i % 2], "-KILL");
        let status = launcher.wait().unwrap();
        let what = format!("moment {i}, rank {}, {status}, after {} epochs", i % 2, history(&run).len());
        resumes(&run, &what);
    }
}

#[test]
fn an_interrupt_of_any_rank_stops_all_behind_one_step() {
    if !is_there() {
        return;
    }
    for rank in 0..2 {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run");
        let (mut launcher, there) = start(&run);
        while history(&run).len() < 2 && launcher.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(1));
        }
        signal(there[rank], "-INT");
        let out = launcher.wait_with_output().unwrap();
        let (done, text) = (history(&run).len(), said(&out));
        // behind the last step there is nothing to stop
        if done < EPOCHS {
            assert!(!out.status.success(), "{text}");
            let expected = format!("stopped in epoch {}: `--resume` goes on behind epoch {done}", done + 1);
            assert_eq!(text.matches(&expected).count(), 1, "{text}");
        }
        resumes(&run, &format!("rank {rank} interrupted after {done} epochs"));
    }
}

/// Without an end of all, the other rank would wait for ever.
#[test]
fn what_one_rank_alone_meets_ends_all() {
    if !is_there() {
        return;
    }
    let begun = Instant::now();
    let out = mpirun(&train(whole().0, EPOCHS)).output().unwrap();
    assert!(!out.status.success() && begun.elapsed() < Duration::from_secs(120));
    assert!(said(&out).contains("holds a run already"), "{}", said(&out));
}
