//! The face finder's network and its weights file: what is shipped, and what is refused.

use crate::common::flat;
use candle_core::{DType, Device, Tensor};
use facekp_models::{FinderFile, WeightsFile, locate, networks::yunet::YuNet};

fn shipped() -> FinderFile {
    FinderFile::read(&locate("face_finder").unwrap()).unwrap()
}

#[test]
fn what_is_shipped_is_the_whole_network_and_says_whose_it_is() {
    let file = shipped();
    assert_eq!(file.tensors.values().map(Tensor::elem_count).sum::<usize>(), 53_104);
    let m = &file.manifest;
    assert!(m.license.starts_with("BSD-3-Clause, Copyright (c)") && m.source.contains("libfacedetection"), "{m:?}");
    assert_eq!(m.source_sha256.len(), 64);
    assert!(m.boxes.contains_key("ibug68") && m.boxes.contains_key("imm58"), "{:?}", m.boxes.keys());
    let net = YuNet::new(&file.tensors, &Device::Cpu).unwrap();
    let maps = net.forward(&Tensor::zeros((2, 3, 64, 96), DType::F32, &Device::Cpu).unwrap()).unwrap();
    let shapes = maps.each_ref().map(|m| m.dims().to_vec());
    assert_eq!(shapes, [[2, 16, 8, 12], [2, 16, 4, 6], [2, 16, 2, 3]]);
    assert!(maps.iter().all(|m| !m.track_op() && flat(m).iter().all(|v| v.is_finite())));
}

#[test]
fn sides_that_no_map_divides_are_refused() {
    let net = YuNet::new(&shipped().tensors, &Device::Cpu).unwrap();
    for shape in [[1, 3, 40, 64], [1, 1, 64, 64], [0, 3, 64, 64], [1, 3, 0, 64]] {
        let e = net.forward(&Tensor::zeros(&shape, DType::F32, &Device::Cpu).unwrap()).unwrap_err().to_string();
        assert!(e.starts_with("face finder: expected (B, 3, H, W) with sides divisible by 32, got"), "{e}");
    }
}

#[test]
fn a_tensor_too_few_or_too_many_is_named() {
    let mut tensors = shipped().tensors;
    let one = Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap();
    tensors.insert("head.bias".into(), one.clone());
    let e = YuNet::new(&tensors, &Device::Cpu).unwrap_err().to_string();
    assert!(e.contains("106 tensors, got 107"), "{e}");
    tensors.remove("head.bias");
    tensors.insert("backbone.model3_dp1_dw.bias".into(), one);
    let e = YuNet::new(&tensors, &Device::Cpu).unwrap_err().to_string();
    assert!(e.contains("backbone.model3_dp1_dw.bias") && e.contains("got [1]"), "{e}");
    tensors.remove("backbone.model3_dp1_dw.bias");
    let e = YuNet::new(&tensors, &Device::Cpu).unwrap_err().to_string();
    assert!(e.contains("backbone.model3_dp1_dw.bias") && e.contains("got none"), "{e}");
}

#[test]
fn a_file_comes_back_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let (path, file) = (dir.path().join("f.safetensors"), shipped());
    file.save(&path).unwrap();
    let back = FinderFile::read(&path).unwrap();
    // serde_json reads a number's last digit wrong now and then.
    let near = |a: f64, b: f64| assert!((a - b).abs() <= 1e-12, "{a} {b}");
    assert_eq!(back.manifest.boxes.len(), file.manifest.boxes.len());
    for (name, fit) in &file.manifest.boxes {
        let read = &back.manifest.boxes[name];
        assert_eq!((read.coefficients.len(), &read.data, read.faces), (fit.coefficients.len(), &fit.data, fit.faces));
        let pairs = read.coefficients.iter().flatten().zip(fit.coefficients.iter().flatten());
        pairs.for_each(|(a, b)| near(*a, *b));
        near(read.overlap, fit.overlap);
    }
    assert_eq!((&back.manifest.source, &back.manifest.license), (&file.manifest.source, &file.manifest.license));
    for (name, tensor) in &file.tensors {
        assert_eq!(flat(&back.tensors[name]), flat(tensor), "{name}");
    }
    assert_eq!(back.tensors.len(), file.tensors.len());
}

#[test]
fn a_finder_is_no_keypoint_network_and_the_other_way_round() {
    let e = WeightsFile::read(&locate("face_finder").unwrap()).unwrap_err().to_string();
    assert!(e.ends_with("expected a keypoint network, got a face finder"), "{e}");
    let e = FinderFile::read(&locate("nose").unwrap()).unwrap_err().to_string();
    assert!(e.ends_with("expected a face finder (metadata \"facekp_finder\"), got other weights"), "{e}");
}

/// By itself it is shared by all threads, in a batch and on one thread it is not.
#[test]
fn a_picture_is_seen_alike_alone_in_a_batch_and_by_any_number_of_threads() {
    let net = YuNet::new(&shipped().tensors, &Device::Cpu).unwrap();
    for (h, w) in [(352, 416), (96, 64)] {
        let value = |i: usize| ((i * 7919 + i / 31 * 104_729) % 256) as f32;
        let one = Tensor::from_vec((0..3 * h * w).map(value).collect(), (1, 3, h, w), &Device::Cpu).unwrap();
        let alone = net.forward(&one).unwrap();
        let batch = net.forward(&Tensor::cat(&[&one, &one, &one], 0).unwrap()).unwrap();
        for (a, b) in alone.iter().zip(&batch) {
            (0..3).for_each(|i| assert_eq!(flat(a), flat(&b.get(i).unwrap()), "{h} x {w}, picture {i}"));
        }
        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let maps = pool.install(|| net.forward(&one)).unwrap();
            alone.iter().zip(&maps).for_each(|(a, b)| assert_eq!(flat(a), flat(b), "{h} x {w}, {threads} threads"));
        }
    }
}
