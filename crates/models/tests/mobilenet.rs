//! MobileNetV2's names, and weights of others for it and for ResNets.

use crate::common::{flat, mobile_maps, mobile_regression, resnet};
use candle_core::Device;
use facekp_models::{
    Params, Task,
    weights::{init_from, read_tensors},
};
use std::path::{Path, PathBuf};

fn built(task: &Task) -> Params {
    let params = Params::new(7, &Device::Cpu);
    task.build(&params).unwrap();
    params
}

fn value(params: &Params, name: &str) -> Vec<f32> {
    flat(params.all().iter().find(|(n, _)| n == name).unwrap().1.as_tensor())
}

/// The names and shapes of torchvision's file up to `features.17`.
#[test]
fn names_and_shapes_of_a_mobilenet_v2_are_torchvisions() {
    let params = built(&mobile_regression("nose1", 64));
    let mut got: Vec<String> = params.all().iter().map(|(n, v)| format!("{n} {:?}", v.dims())).collect();
    got.retain(|n| n.starts_with("features."));
    got.sort();
    let mut want: Vec<_> = include_str!("mobilenet_v2_names.txt").lines().collect();
    want.sort_unstable();
    assert_eq!(got, want);
}

/// The mean of the stem in f64, by numpy.
#[test]
fn the_shipped_imagenet_weights_fill_every_trunk_whole() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../weights/mobilenet_v2_imagenet.safetensors");
    let tensors = read_tensors(&file).unwrap();
    for (task, prefix, missing) in [
        (mobile_regression("imm58", 64), "", vec!["fc.bias", "fc.weight"]),
        (mobile_maps("ibug68", (64, 64), &[8]), "trunk.", vec!["head", "up.0"]),
    ] {
        let params = built(&task);
        let report = init_from(&params, &tensors).unwrap();
        assert!(report.misshaped.is_empty(), "{report}");
        assert!(report.missing.iter().all(|n| missing.iter().any(|m| n.starts_with(m))), "{report}");
        assert!(report.unexpected.iter().all(|n| n.contains("features.18.")), "{report}");
        let stem = value(&params, &format!("{prefix}features.0.0.weight"));
        let mean = stem.iter().map(|v| f64::from(*v)).sum::<f64>() / stem.len() as f64;
        assert!((mean + 0.000_895_188_845_418_117_7).abs() < 1e-9, "{mean}");
    }
}

/// Files of `torch.save` in its form of today and in that before PyTorch 1.6, alone and inside a checkpoint; the
/// numbers are those of `pth/make.py`.
#[test]
fn trunks_start_from_files_of_pytorch() {
    for name in ["zip", "old", "nested", "old_nested"] {
        let file = pth(name);
        let tensors = read_tensors(&file).unwrap();
        assert!(!tensors.contains_key("bn1.num_batches_tracked"), "{name}: a counter is no weight");
        assert_eq!(tensors.len(), 5, "{name}");
        let params = built(&resnet(18, "imm58", 64));
        let report = init_from(&params, &tensors).unwrap();
        assert_eq!(report.misshaped.len(), 1, "{name}: the last layer has other outputs: {report}");
        let eighths = |from: usize| (from..from + 64).map(|i| i as f32 / 8.0).collect::<Vec<_>>();
        assert_eq!(value(&params, "bn1.weight"), eighths(0), "{name}");
        assert_eq!(value(&params, "bn1.running_mean"), eighths(100), "{name}");
        assert_eq!(value(&params, "layer1.0.bn1.bias"), eighths(7), "{name}");
        assert_eq!(value(&params, "layer1.0.bn2.weight"), eighths(64), "{name}");
    }
}

#[test]
fn damaged_files_of_pytorch_are_refused_in_one_line_or_read() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["zip", "old"] {
        let whole = std::fs::read(pth(name)).unwrap();
        for part in 1..16 {
            let cut = dir.path().join(format!("{name}{part}.pth"));
            std::fs::write(&cut, &whole[..whole.len() * part / 16]).unwrap();
            let message = read_tensors(&cut).unwrap_err().to_string();
            assert!(message.contains("expected") && !message.contains('\n'), "{message}");
        }
        // a byte of the pickles that is another: sizes, types, names, instructions
        for at in (16..1200).step_by(3) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x15;
            let changed = dir.path().join("changed.pth");
            std::fs::write(&changed, bytes).unwrap();
            if let Err(e) = read_tensors(&changed) {
                assert!(!e.to_string().contains('\n'), "{e}");
            }
        }
    }
}

fn pth(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pth").join(name).with_extension("pth")
}
