//! A run that ends at any moment, in any way, resumes to the same bits, and what is not its own in its folder stays as
//! it is.
//!
//! Five moments of each way; `FACEKP_MOMENTS=20` tries as many as it says.

use crate::common::{self, disk::Disk, shared_folder, train};
use std::{
    fs,
    io::Read,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::LazyLock,
    thread::sleep,
    time::{Duration, Instant},
};

const EPOCHS: usize = 20;
const NOTES: &str = "mine, not the run's";

/// The run that nothing happens to, and how long it takes.
fn whole() -> (&'static Path, Duration) {
    static RUN: LazyLock<(PathBuf, Duration)> = LazyLock::new(|| {
        let run = shared_folder().join("whole");
        common::people();
        let start = Instant::now();
        train(&run, EPOCHS).assert().success();
        (run, start.elapsed())
    });
    (&RUN.0, RUN.1)
}

pub(crate) fn moments() -> usize {
    std::env::var("FACEKP_MOMENTS").map_or(5, |n| n.parse().unwrap())
}

/// A fraction of the whole that looks like chance, and is the same in every run of the test.
pub(crate) fn fraction(seed: u64, i: usize) -> f64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(i as u64 + 1).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 31;
    x = x.wrapping_mul(0x94d0_49bb_1331_11eb);
    (x >> 11) as f64 / (1u64 << 53) as f64
}

/// The run as a child, by a shell that first does `before`; its stderr is a pipe.
fn start(run: &Path, before: &str) -> Child {
    let command = train(run, EPOCHS);
    let mut c = Command::new("sh");
    c.arg("-c").arg(format!("{before} exec \"$@\"")).arg("sh").arg(command.get_program()).args(command.get_args());
    c.env_remove("FACEKP_DATA").env_remove("FACEKP_WEIGHTS").env_remove("FACEKP_LOG");
    c.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Puts a file of somebody else into the folder as soon as the run has started.
fn add_notes(run: &Path, child: &mut Child) {
    let start = Instant::now();
    while !run.join("recipe.toml").is_file() {
        assert!(child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(60));
        sleep(Duration::from_micros(200));
    }
    fs::write(run.join("notes.txt"), NOTES).unwrap();
}

fn stderr(child: &mut Child) -> String {
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    text
}

fn history(run: &Path) -> Vec<String> {
    let text = fs::read_to_string(run.join("history.csv")).unwrap_or_default();
    text.lines().skip(1).map(|l| l.rsplit_once(',').unwrap().0.to_owned()).collect()
}

/// All that a run leaves, without clocks.
fn bits(run: &Path) -> Vec<Vec<u8>> {
    let file = |name: &str| fs::read(run.join(name)).unwrap();
    let optim = file("optim.safetensors");
    let header = u64::from_le_bytes(optim[..8].try_into().unwrap()) as usize;
    let mut all =
        ["best.safetensors", "last.safetensors", "eval.json", "predictions.json", "recipe.toml"].map(file).to_vec();
    all.push(optim[8 + header..].to_vec());
    all
}

/// Resumes a run that ended, and compares its end with the undisturbed one.
fn resumes(run: &Path, what: &str) {
    train(run, EPOCHS).arg("--resume").assert().success();
    assert_eq!(history(run), history(whole().0), "{what}");
    assert!(bits(run) == bits(whole().0), "{what}: other bits");
    assert_eq!(fs::read_to_string(run.join("notes.txt")).unwrap(), NOTES, "{what}");
    let left: Vec<String> =
        fs::read_dir(run).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert!(!left.iter().any(|n| n.ends_with(".part") || n.ends_with(".next")), "{what}: {left:?}");
}

/// Ends a run by `end` at moments spread over its time.
fn at_moments(seed: u64, end: impl Fn(&mut Child) -> ExitStatus) -> Vec<ExitStatus> {
    let took = whole().1;
    let at = |i| {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run");
        let mut child = start(&run, "");
        add_notes(&run, &mut child);
        sleep(took.mul_f64(fraction(seed, i)));
        let status = end(&mut child);
        resumes(&run, &format!("moment {i}, {status}, after {} epochs", history(&run).len()));
        status
    };
    (0..moments()).map(at).collect()
}

#[test]
fn kill_9() {
    at_moments(1, |child| {
        child.kill().unwrap();
        child.wait().unwrap()
    });
}

#[test]
fn sigterm() {
    at_moments(2, |child| {
        Command::new("kill").arg("-TERM").arg(child.id().to_string()).status().unwrap();
        child.wait().unwrap()
    });
}

/// Once: the step is finished, and the program says what is kept.
#[test]
fn ctrl_c() {
    for i in 0..moments() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run");
        let mut child = start(&run, "");
        add_notes(&run, &mut child);
        let epochs = 1 + (fraction(5, i) * EPOCHS as f64 * 0.7) as usize;
        while history(&run).len() < epochs && child.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(1));
        }
        Command::new("kill").arg("-INT").arg(child.id().to_string()).status().unwrap();
        let (status, said) = (child.wait().unwrap(), stderr(&mut child));
        let done = history(&run).len();
        // behind the last step there is nothing to stop
        if done < EPOCHS {
            assert_eq!(status.code(), Some(130), "{said}");
            let expected = format!("stopped in epoch {}: `--resume` goes on behind epoch {done}", done + 1);
            assert!(said.contains(&expected), "{said}");
        }
        resumes(&run, &format!("moment {i}, {status}, after {done} epochs"));
    }
}

/// Logs are no results: the run continues.
#[test]
fn a_closed_stderr() {
    let all = at_moments(3, |child| {
        drop(child.stderr.take());
        child.wait().unwrap()
    });
    assert!(all.iter().all(ExitStatus::success), "{all:?}");
}

/// What the failing run says is what is there.
fn names_the_last_checkpoint(text: &str, run: &Path) {
    let lines: Vec<&str> = text.lines().filter(|l| l.starts_with("facekp: ")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    let whole = match history(run).len() {
        0 => "no epoch was finished".to_owned(),
        epoch => format!("the last whole checkpoint is that of epoch {epoch}, continue from it with --resume"),
    };
    assert!(lines[0].ends_with(&whole) && lines[0].contains(run.to_str().unwrap()), "{text}, not {whole}");
}

/// The limit on a file's length lies where the checkpoint, which holds the history, grows beyond it. The signal that
/// comes with it ends the program; where it is ignored, writing fails.
#[test]
fn a_file_that_can_grow_no_more() {
    let length = |name: &str| fs::metadata(whole().0.join(name)).unwrap().len();
    let (most, all) = (length("optim.safetensors"), fs::read(whole().0.join("history.csv")).unwrap().len() as u64);
    for i in 0..moments() {
        let dir = tempfile::tempdir().unwrap();
        // units of 512 bytes; the first epoch's checkpoint is about a history shorter than the last one's
        let limit = ((most - all) as f64 + all as f64 * fraction(4, i)) as u64 / 512;
        for before in [format!("ulimit -f {limit};"), format!("trap '' XFSZ; ulimit -f {limit};")] {
            let run = dir.path().join(if before.contains("trap") { "fails" } else { "killed" });
            let mut child = start(&run, &before);
            add_notes(&run, &mut child);
            let status = child.wait().unwrap();
            assert!(!status.success(), "{before} {status}");
            if status.signal().is_none() {
                names_the_last_checkpoint(&stderr(&mut child), &run);
                if history(&run).is_empty() {
                    // a run that failed without an epoch leaves nothing of its own
                    assert_eq!(common::files(&run), [(run.join("notes.txt"), NOTES.len() as u64)]);
                    continue;
                }
            }
            resumes(&run, &format!("{before} {status}, after {} epochs", history(&run).len()));
        }
    }
}

/// Needs the right to mount, and is left out where there is none.
#[test]
fn a_full_disk() {
    let Some(disk) = Disk::mount("size=2m") else { return };
    for i in 0..moments() {
        let run = disk.path().join(format!("run{i}"));
        let mut child = start(&run, "");
        add_notes(&run, &mut child);
        sleep(whole().1.mul_f64(fraction(5, i) * 0.9));
        let filler = disk.path().join("filler");
        let filled = fs::write(&filler, vec![0; 4 << 20]);
        let status = child.wait().unwrap();
        let what = format!("moment {i}, {status}, after {} epochs", history(&run).len());
        assert!(filled.is_err());
        if !status.success() && history(&run).is_empty() {
            names_the_last_checkpoint(&stderr(&mut child), &run);
            assert_eq!(common::files(&run), [(run.join("notes.txt"), NOTES.len() as u64)]);
            fs::remove_file(filler).unwrap();
            continue;
        }
        if !status.success() {
            names_the_last_checkpoint(&stderr(&mut child), &run);
            // as long as it is full, nothing is lost either
            let again = train(&run, EPOCHS).arg("--resume").assert().failure().get_output().stderr.clone();
            names_the_last_checkpoint(&String::from_utf8(again).unwrap(), &run);
        }
        fs::remove_file(filler).unwrap();
        resumes(&run, &what);
        fs::remove_dir_all(&run).unwrap();
    }
}
