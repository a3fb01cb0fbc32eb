//! `facekp bench`: what its lines say, small.

use crate::common::facekp;
use serde_json::Value;

fn bench(only: &str, arguments: &[&str]) -> Value {
    let mut c = facekp();
    c.args(["bench", "--device", "cpu", "--rounds", "1", "--only", only]).args(arguments);
    serde_json::from_slice(&c.assert().success().get_output().stdout).unwrap()
}

/// Products of `nose` for a picture of 80×60, by hand: 80·60 · 49·20 + 40·30 · 25·20·20 + 20·15 · 9·20·20 + 1400·128 +
/// 128·2 = 17 963 456, two operations each; a step of 16 pictures has three times as many, without the first layer's
/// 4 704 000 for the picture's gradient.
#[test]
fn a_networks_line_says_times_memory_and_operations() {
    let line = bench("nose", &[]);
    for key in ["forward_ms", "step_ms", "images_per_s", "infer1_ms", "infer8_ms"] {
        assert!(line[key].as_f64().unwrap() > 0.0, "{key}: {line}");
    }
    assert_eq!(line["peak_mib"].is_f64(), cfg!(target_os = "linux"), "{line}");
    for (key, value) in [("batch", 16.0), ("parameters", 194_226.0), ("infer1_gflop", 0.0359), ("step_gflop", 1.574)] {
        assert_eq!(line[key].as_f64(), Some(value), "{key}");
    }
}

#[test]
fn inference_alone_takes_no_steps() {
    let line = bench("nose", &["--inference"]);
    assert!(line["infer1_ms"].is_f64() && line["infer8_ms"].is_f64() && line["infer1_gflop"] == 0.0359, "{line}");
    assert!(["forward_ms", "step_ms", "images_per_s", "step_gflop", "peak_mib"].iter().all(|k| line.get(k).is_none()));
}

#[test]
fn the_peak_is_of_one_thread_and_of_all() {
    let line = bench("peak", &[]);
    for key in ["peak1_gflops", "peak_gflops"] {
        assert!((0.01..1e6).contains(&line[key].as_f64().unwrap()), "{key}: {line}");
    }
    assert!(["portable", "neon", "avx2", "avx512"].contains(&line["vectors"].as_str().unwrap()), "{line}");
    assert!(line["threads"].as_u64().unwrap() >= 1);
}

/// What a processor makes of bf16 is its own affair; `--no-tf32` is the old way to say f32.
#[test]
fn a_networks_line_says_which_precision_was_asked_for_and_what_was_made_of_it() {
    for (arguments, asked) in [
        (&[][..], "tf32"),
        (&["--no-tf32"], "f32"),
        (&["--precision", "f32"], "f32"),
        (&["--precision", "bf16"], "bf16"),
    ] {
        let line = bench("nose", &[&["--inference"], arguments].concat());
        assert_eq!(line["precision"], asked);
        let used = line["cpu_precision"].as_str().unwrap();
        assert!(used == "f32" || asked == "bf16" && used == "bf16", "{asked}: {used}");
    }
    let both = facekp().args(["bench", "--only", "nose", "--no-tf32", "--precision", "f32"]).assert().code(2);
    let message = String::from_utf8(both.get_output().stderr.clone()).unwrap();
    assert!(message.contains("cannot be used with"), "{message}");
}
