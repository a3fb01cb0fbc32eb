//! The face finder: pictures of any size go in, and what every place of its maps says comes out in pixels.

use super::{Session, bytes, near, pixels};
use crate::common::flat;
use candle_core::{Device, Tensor};
use facekp_models::export::{OnnxOptions, PixelType, finder_to_onnx};
use facekp_models::networks::yunet::{STRIDES, YuNet};
use facekp_models::{FinderFile, locate};

const PLAIN: OnnxOptions = OnnxOptions { input: PixelType::U8, flip: false, license: None };

fn shipped() -> FinderFile {
    FinderFile::read(&locate("face_finder").unwrap()).unwrap()
}

/// Pictures as the network takes them: blue first, black to whole cells.
fn framed(pixels: &[u8], (batch, height, width): (usize, usize, usize)) -> Tensor {
    let (h, w) = (height.next_multiple_of(32), width.next_multiple_of(32));
    let mut planes = vec![0f32; batch * 3 * h * w];
    for (i, v) in pixels.iter().enumerate() {
        let (c, x, y, b) = (i % 3, i / 3 % width, i / 3 / width % height, i / 3 / width / height);
        planes[((b * 3 + 2 - c) * h + y) * w + x] = f32::from(*v);
    }
    Tensor::from_vec(planes, (batch, 3, h, w), &Device::Cpu).unwrap()
}

#[test]
fn every_place_says_what_the_networks_maps_say() {
    let file = shipped();
    let made = finder_to_onnx(&file, &PLAIN).unwrap();
    let outputs = "boxes (B, N, 4), scores (B, N), landmarks (B, N, 5, 2)";
    assert_eq!(made.signature, format!("image (B, H, W, 3) u8 -> {outputs}"));
    let (session, net) = (Session::new(made.bytes), YuNet::new(&file.tensors, &Device::Cpu).unwrap());
    for size in [(1, 70, 101), (2, 64, 96), (1, 33, 32)] {
        let pixels = pixels(size);
        let (mut boxes, mut scores, mut landmarks) = (Vec::new(), Vec::new(), Vec::new());
        let maps = net.forward(&framed(&pixels, size)).unwrap();
        for index in 0..size.0 {
            for (map, stride) in maps.iter().zip(STRIDES) {
                let (_, _, h, w) = map.dims4().unwrap();
                let (values, s) = (flat(&map.get(index).unwrap()), stride as f32);
                for at in 0..h * w {
                    let v = |i: usize| values[i * h * w + at];
                    let (x, y) = ((at % w) as f32, (at / w) as f32);
                    let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
                    let place = |i: usize| [(v(i) + x) * s - 0.5, (v(i + 1) + y) * s - 0.5];
                    let ([cx, cy], [width, height]) = (place(2), [v(4).exp() * s, v(5).exp() * s]);
                    scores.push((sigmoid(v(0)) * sigmoid(v(1))).sqrt());
                    boxes.extend([cx - width / 2.0, cy - height / 2.0, width, height]);
                    landmarks.extend([6, 8, 10, 12, 14].into_iter().flat_map(place));
                }
            }
        }
        let [b, s, l] = session.run(bytes(&[size.0, size.1, size.2, 3], pixels), ["boxes", "scores", "landmarks"]);
        near("boxes", &b.into_shape_vec::<f32, 3>().unwrap().1, &boxes, 0.01);
        near("scores", &s.into_shape_vec::<f32, 2>().unwrap().1, &scores, 1e-4);
        near("landmarks", &l.into_shape_vec::<f32, 4>().unwrap().1, &landmarks, 0.01);
    }
}

#[test]
fn it_says_whose_it_is_and_takes_no_flip() {
    let text = String::from_utf8_lossy(&finder_to_onnx(&shipped(), &PLAIN).unwrap().bytes).into_owned();
    assert!(text.contains("BSD-3-Clause, Copyright (c)") && text.contains("libfacedetection"));
    assert!(text.contains("\"ibug68\":{\"coefficients\":"));
    let e = finder_to_onnx(&shipped(), &OnnxOptions { flip: true, ..PLAIN }).unwrap_err().to_string();
    assert_eq!(e, "flip: expected a network of keypoints, got the face finder");
}
