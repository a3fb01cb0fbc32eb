//! Weight files: round trips, reports, and files that are broken, foreign or of another task.

use crate::common::{fill, flat, maps, nose, pictures, resnet};
use candle_core::{DType, Device, Tensor};
use facekp_data::Scheme;
use facekp_models::weights::{init_from, read_tensors, save, write_tensors};
use facekp_models::{Manifest, Misshaped, Origin, Params, Pass, Task, WeightsFile, WeightsKind, locate};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

fn manifest(task: Task) -> Manifest {
    let metrics = BTreeMap::from([("val_mean_px".to_string(), 8.75)]);
    Manifest {
        name: "nose".into(),
        task,
        recipe: "name = \"nose\"\n".into(),
        epoch: 12,
        metrics,
        data: "rendered faces".into(),
        origin: Some(Origin::of("00".into())),
        calibration: None,
    }
}

fn tensors(params: &Params) -> Vec<(String, Tensor)> {
    params.all().into_iter().map(|(n, v)| (n, v.as_detached_tensor())).collect()
}

/// A nose network in a file; what it says to a picture.
fn written(path: &Path, dtype: DType) -> Vec<f32> {
    let params = Params::new(3, &Device::Cpu);
    let model = nose().build(&params).unwrap();
    save(path, &tensors(&params), &manifest(nose()), dtype).unwrap();
    flat(&model.forward(&pictures((1, 1, 60, 80)), Pass::Inference).unwrap())
}

fn said(path: &Path) -> Vec<f32> {
    let (_, model) = WeightsFile::read(path).unwrap().build(path, &Device::Cpu).unwrap();
    flat(&model.forward(&pictures((1, 1, 60, 80)), Pass::Inference).unwrap())
}

#[test]
fn a_file_is_enough_to_run_the_network() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.safetensors");
    let want = written(&path, DType::F32);
    assert_eq!(WeightsFile::read(&path).unwrap().manifest, manifest(nose()));
    assert_eq!(said(&path), want);

    let half = dir.path().join("b.safetensors");
    written(&half, DType::F16);
    let got = said(&half);
    assert!(got.iter().zip(&want).all(|(a, b)| (a - b).abs() < 2e-3) && got != want, "{got:?} {want:?}");
    assert!(half.metadata().unwrap().len() < path.metadata().unwrap().len() * 6 / 10);

    // Written over, and nothing else left in the folder.
    written(&half, DType::F32);
    assert_eq!(said(&half), want);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    assert!(save(&dir.path().join("no/such/folder.safetensors"), &[], &manifest(nose()), DType::F32).is_err());
    assert!(save(&half, &[], &manifest(nose()), DType::U8).is_ok(), "nothing to convert");
}

#[test]
fn half_precision_keeps_what_it_cannot_hold() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.safetensors");
    let value = |v: f32| Tensor::new(&[v, 1.0], &Device::Cpu).unwrap();
    let all = [("big".to_string(), value(1e6)), ("small".to_string(), value(0.1))];
    write_tensors(&path, &all, HashMap::new(), DType::F16).unwrap();
    let back = read_tensors(&path).unwrap();
    assert_eq!(flat(&back["big"]), [1e6, 1.0]);
    // 0.1 rounded to 11 significant bits.
    assert_eq!(flat(&back["small"]), [0.099_975_586, 1.0]);
}

fn refusal(path: &Path) -> String {
    let line = match WeightsFile::read(path) {
        Err(e) => e.to_string(),
        Ok(file) => file.build(path, &Device::Cpu).err().expect("an error").to_string(),
    };
    assert!(line.starts_with(&path.display().to_string()) && !line.contains('\n'), "{line}");
    line
}

#[test]
fn broken_files_are_told_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("w.safetensors");
    written(&path, DType::F16);
    let whole = std::fs::read(&path).unwrap();
    let with = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        refusal(&path)
    };
    assert!(with(&whole[..whole.len() - 1]).contains("cut short"));
    assert!(with(&whole[..whole.len() / 2]).contains("cut short"));
    assert!(with(&whole[..100]).contains("cut short"));
    assert!(with(&whole[..3]).contains("got 3 bytes"));
    assert!(with(b"").contains("got 0 bytes"));
    assert!(with(b"\x89PNG\r\n\x1a\n and so on").contains("expected a whole safetensors file"));
    assert!(with(&[whole.as_slice(), b"more"].concat()).contains("expected a whole safetensors file"));
    let header = |json: &str| [&(json.len() as u64).to_le_bytes(), json.as_bytes()].concat();
    assert!(with(&header("[1, 2]")).contains("no JSON object"));
    assert!(with(&header("{}")).contains("no facekp metadata: these weights were written by another program"));
    // Offsets whose sum is beyond 64 bits.
    let far = r#"{"a":{"dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,18446744073709551615]}}"#;
    assert!(with(&header(far)).contains("cut short"));
    let odd = r#"{"a":{"dtype":"F8_E5M2","shape":[1],"data_offsets":[0,1]}}"#;
    assert!(with(&[header(odd), vec![0]].concat()).contains("a: expected F32, F16 or BF16, got F8_E5M2"));
    let stranger = r#"{"__metadata__":{"facekp":"{\"name\": 3}"}}"#;
    assert!(with(&header(stranger)).contains("expected a manifest"));
    std::fs::remove_file(&path).unwrap();
    assert!(refusal(&path).contains("No such file"));
}

#[test]
fn the_header_alone_says_what_a_file_is_of_and_that_it_is_cut_short() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("w.safetensors");
    written(&path, DType::F16);
    assert_eq!(WeightsKind::read(&path).unwrap(), WeightsKind::Network(Box::new(manifest(nose()))));
    let whole = std::fs::read(&path).unwrap();
    for keep in [0, 3, 100, whole.len() - 1] {
        std::fs::write(&path, &whole[..keep]).unwrap();
        assert_eq!(WeightsKind::read(&path).unwrap_err().to_string(), refusal(&path), "{keep} bytes");
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(WeightsKind::read(&path).unwrap_err().to_string(), refusal(&path));
    let finder = WeightsKind::read(&locate("face_finder").unwrap()).unwrap();
    assert!(matches!(&finder, WeightsKind::Finder(manifest) if manifest.name == "YuNet-s"), "{finder:?}");
    let pth = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pth/old.pth");
    assert_eq!(WeightsKind::read(&pth).unwrap(), WeightsKind::Tensors);
    assert_eq!(WeightsKind::read(&locate("mobilenet_v2_imagenet").unwrap()).unwrap(), WeightsKind::Tensors);
}

#[test]
fn weights_of_another_task_name_every_tensor() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("w.safetensors");
    let params = Params::new(3, &Device::Cpu);
    nose().build(&params).unwrap();
    let mut all = tensors(&params);
    all.retain(|(n, _)| n != "fc1.bias");
    all.push(("extra".into(), all[0].1.clone()));
    let mut other = nose();
    other.scheme = std::sync::Arc::clone(&facekp_data::scheme::IMM_58);
    save(&path, &all, &manifest(other), DType::F32).unwrap();
    let line = refusal(&path);
    let want = "missing: fc1.bias; unexpected: extra; misshaped: fc2.bias (expected [116], got [2]), fc2.weight (expected [116, 128], got [2, 128])";
    assert!(line.contains(want), "{line}");

    let mut never = nose();
    never.view.width = 0;
    save(&path, &all, &manifest(never), DType::F32).unwrap();
    assert!(refusal(&path).contains("view.width: expected 1 to 2048, got 0"));
}

fn map(params: &Params) -> HashMap<String, Tensor> {
    tensors(params).into_iter().collect()
}

/// torchvision's names, a heatmap network's and a regression network's lead to the same trunk.
#[test]
fn a_trunk_moves_between_networks() {
    let make = |task: &Task| {
        let params = Params::zeros(&Device::Cpu);
        task.build(&params).unwrap();
        params
    };
    let (regression, heatmap) = (resnet(18, "ibug68", 64), maps(18, "ibug68", (64, 64), &[16], false));
    let from = make(&regression);
    fill(&from);
    let mut file = map(&from);
    let zero = Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap();
    file.insert("layer1.0.bn1.num_batches_tracked".into(), zero.clone());
    file.insert("layer1.0.conv1.weight".into(), zero);

    let to = make(&heatmap);
    let report = init_from(&to, &file).unwrap();
    let name = "trunk.layer1.0.conv1.weight".to_string();
    assert_eq!(report.misshaped, [Misshaped { name, expected: vec![64, 64, 3, 3], got: vec![1] }]);
    assert_eq!(report.unexpected, ["fc.bias", "fc.weight"]);
    assert!(report.missing.iter().all(|n| n.starts_with("up.0.") || n.starts_with("head.")), "{report}");
    assert_eq!(flat(&map(&to)["trunk.layer4.1.conv2.weight"]), flat(&file["layer4.1.conv2.weight"]));
    assert!(flat(&map(&to)["trunk.layer1.0.conv1.weight"]).iter().all(|&v| v == 0.0));

    // And back; the last layer is what no heatmap network has.
    let again = make(&regression);
    let report = init_from(&again, &map(&to)).unwrap();
    assert_eq!(report.missing, ["fc.bias", "fc.weight"]);
    assert!(report.unexpected.iter().all(|n| n.starts_with("up.0.") || n.starts_with("head.")), "{report}");
    assert_eq!(flat(&map(&again)["layer4.1.conv2.weight"]), flat(&file["layer4.1.conv2.weight"]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_damage_panics(cut in 0usize..4000, at in 0usize..4000, value: u8) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w.safetensors");
        let small = [("a".to_string(), Tensor::new(&[1f32, 2.0, 3.0], &Device::Cpu).unwrap())];
        save(&path, &small, &manifest(nose()), DType::F16).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let at = at % bytes.len();
        bytes[at] = value;
        bytes.truncate(cut.max(at + 1));
        std::fs::write(&path, &bytes).unwrap();
        // Whatever is left may be read or refused; building it is refused, since one tensor is no network.
        if let Ok(file) = WeightsFile::read(&path) {
            prop_assert!(file.build(&path, &Device::Cpu).is_err());
        }
    }
}

#[test]
fn a_file_carries_its_scheme_whole_and_older_ones_name_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut wing = nose();
    let text = "name = 'wing'\npoints = ['tip']\nnormalizer = { name = 'box', box = 'diagonal' }";
    wing.scheme = Arc::new(Scheme::from_toml(Path::new("wing.toml"), text).unwrap());
    for (name, task) in [("wing", wing), ("nose", nose())] {
        let path = dir.path().join(name).with_extension("safetensors");
        let params = Params::new(3, &Device::Cpu);
        task.build(&params).unwrap();
        save(&path, &tensors(&params), &manifest(task.clone()), DType::F32).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        let json: serde_json::Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["facekp"]).unwrap();
        assert_eq!(json["task"]["scheme"]["name"], task.scheme.name());
        assert_eq!(serde_json::from_value::<Scheme>(json["task"]["scheme"].clone()).unwrap(), *task.scheme);
        assert_eq!(WeightsFile::read(&path).unwrap().manifest.task, task);
    }
    // The shipped files are from before: `"scheme": "nose1"`.
    let mut old = serde_json::to_value(manifest(nose())).unwrap();
    old["task"]["scheme"] = "nose1".into();
    assert_eq!(serde_json::from_value::<Manifest>(old).unwrap(), manifest(nose()));
}

/// Each has 17 digits, and more as a whole number than an f64 holds: rounded to one and then divided by a power of ten
/// it is another number.
#[test]
fn a_file_that_is_read_and_written_again_keeps_every_bit_of_its_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let numbers = [15.304886475339563, 25.966591307235298, 1.8363683920301785, 19.962378426422386];
    for (digits, number) in [15_304_886_475_339_563_u64, 25_966_591_307_235_298].into_iter().zip(numbers) {
        assert_ne!(digits as f64 / 1e15, number);
    }
    let metrics: BTreeMap<String, f64> = numbers.iter().enumerate().map(|(i, v)| (i.to_string(), *v)).collect();
    let first = Manifest { metrics, ..manifest(nose()) };
    let knots = format!("[[{},{}],[{},{}]]", numbers[2], numbers[0], numbers[3], numbers[1]);
    let curve = format!("{{\"knots\":{knots},\"data\":\"made up\",\"points\":200}}");
    let first = Manifest { calibration: Some(serde_json::from_str(&curve).unwrap()), ..first };
    let [once, twice] = ["once", "twice"].map(|name| dir.path().join(name).with_extension("safetensors"));
    let small = [("a".to_string(), Tensor::new(&[1f32, 2.0, 3.0], &Device::Cpu).unwrap())];
    save(&once, &small, &first, DType::F32).unwrap();
    let read = WeightsFile::read(&once).unwrap();
    let bits = |metrics: &BTreeMap<String, f64>| metrics.values().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&read.manifest.metrics), numbers.map(f64::to_bits));
    read.save(&twice, DType::F32).unwrap();
    assert!(std::fs::read(&once).unwrap() == std::fs::read(&twice).unwrap());
    let json = serde_json::to_string(&read.manifest).unwrap();
    assert!(json.contains(&format!("\"knots\":{knots}")), "{json}");
}
