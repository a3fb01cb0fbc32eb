//! Heatmap codecs: what targets look like, round trips on seeded points including borders, confidence, gradients of
//! soft-argmax.

use crate::common::flat;
use candle_core::{Device, Tensor, Var};
use candle_vision_helpers::heatmap::Decode;
use candle_vision_helpers::{Point, Size};
use facekp_models::Codec;
use facekp_models::codec::heatmap::{Config, HeatmapCodec, Target};
use proptest::prelude::*;

fn codec(target: Target, decode: Decode, points: usize, (w, h): (usize, usize)) -> HeatmapCodec {
    HeatmapCodec::new(&Config { stride: 4, sigma: 1.5, target, decode }, points, Size::new(w, h)).unwrap()
}

fn tensor(points: &[(f32, f32)]) -> Tensor {
    let values: Vec<f32> = points.iter().flat_map(|&(x, y)| [x, y]).collect();
    Tensor::from_vec(values, (1, points.len(), 2), &Device::Cpu).unwrap()
}

/// The output of a perfect network.
fn output(target: Target, encoded: &Tensor) -> Tensor {
    match target {
        Target::Gaussian => encoded.clone(),
        // Logits; the small number stands for the finite confidence of a network.
        Target::Softmax => (encoded + 1e-12).unwrap().log().unwrap(),
        Target::Sigmoid | Target::Summed => {
            let p = encoded.clamp(1e-6f32, 1.0 - 1e-6).unwrap();
            (p.log().unwrap() - (1.0 - &p).unwrap().log().unwrap()).unwrap()
        }
    }
}

fn round_trip(c: &HeatmapCodec, target: Target, points: &[(f32, f32)]) -> (f32, Vec<f32>) {
    let (back, confidence) = c.decode(&output(target, &c.encode(&tensor(points)).unwrap())).unwrap();
    let back = flat(&back);
    let far = points.iter().zip(back.chunks(2)).map(|(p, b)| (p.0 - b[0]).hypot(p.1 - b[1])).fold(0.0, f32::max);
    (far, flat(&confidence.unwrap()))
}

/// By hand: with 4 view pixels per cell, cell 0 is centered between pixels 1 and 2, and cell 2 on pixel 9.5.
#[test]
fn cells_are_centered_on_their_pixels() {
    let c = codec(Target::Gaussian, Decode::Argmax, 1, (32, 48));
    assert_eq!(c.to_view(Point::new(0.0, 2.0)), Point::new(1.5, 9.5));
    assert_eq!(c.to_cell(Point::new(1.5, 9.5)), Point::new(0.0, 2.0));
    let map = c.encode(&tensor(&[(9.5, 17.5)])).unwrap();
    assert_eq!(map.dims(), [1, 1, 12, 8]);
    let map: Vec<Vec<f32>> = map.squeeze(0).unwrap().squeeze(0).unwrap().to_vec2().unwrap();
    assert_eq!(map[4][2], 1.0);
    // exp(-1² / (2 · 1.5²)), and both offsets at once.
    assert!((map[4][3] - 0.800_737_4).abs() < 1e-6 && (map[5][1] - 0.641_180_4).abs() < 1e-6);
}

#[test]
fn the_summed_map_is_one_map_clamped() {
    let c = codec(Target::Summed, Decode::Dark, 3, (64, 64));
    let points = tensor(&[(9.5, 9.5), (9.5, 9.5), (41.5, 33.5)]);
    let map = c.encode(&points).unwrap();
    assert_eq!((map.dims(), c.output_shape()), (&[1, 1, 16, 16][..], vec![1, 16, 16]));
    let cells = flat(&map);
    assert_eq!((cells[2 * 16 + 2], cells[8 * 16 + 10]), (1.0, 1.0));
    let out = output(Target::Summed, &map);
    assert!(c.decode(&out).unwrap_err().to_string().contains("no order"));
    assert!(c.points(&out).is_err());
    let shown = flat(&c.maps(&out).unwrap().unwrap());
    let most = shown.iter().copied().fold(0.0, f32::max);
    assert!((shown[8 * 16 + 10] - most).abs() < 1e-6 && shown[15] < 1e-3, "{most} {}", shown[15]);
    // A face with a hidden point teaches a summed map nothing.
    let weights = Tensor::new(&[[1f32, 1.0, 1.0], [1.0, 0.0, 1.0]], &Device::Cpu).unwrap();
    let spread = c.spread_weights(&weights).unwrap().sum((1, 2, 3)).unwrap();
    assert_eq!(flat(&spread), [256.0, 0.0]);
}

#[test]
fn confidence_is_high_for_a_peak_and_low_for_none() {
    let middle = [(31.0, 30.0)];
    for (target, decode) in
        [(Target::Gaussian, Decode::Dark), (Target::Sigmoid, Decode::Dark), (Target::Softmax, Decode::SoftArgmax)]
    {
        let c = codec(target, decode, 1, (64, 64));
        // Of a Gaussian of σ 1.5 cells, 1 - exp(-2² / (2 · 1.5²)) = 0.59 lies within 2 cells; its cells are coarse.
        let want = if target == Target::Softmax { 0.5..0.7 } else { 0.8..1.0001 };
        let (_, sure) = round_trip(&c, target, &middle);
        assert!(want.contains(&sure[0]), "{target:?} {sure:?}");
        let flat_map = (Tensor::zeros((1, 1, 16, 16), candle_core::DType::F32, &Device::Cpu).unwrap() - 4.0).unwrap();
        let (points, unsure) = c.decode(&flat_map).unwrap();
        let unsure = flat(&unsure.unwrap());
        assert!(unsure[0] < 0.06, "{target:?} {unsure:?}");
        assert!(flat(&points).iter().all(|v| v.is_finite()));
        // A broken network: no panic, no confidence.
        let (_, none) = c.decode(&(flat_map * f64::NAN).unwrap()).unwrap();
        assert_eq!(flat(&none.unwrap()), [0.0]);
    }
}

/// Central differences of the soft-argmax of 4×3 cells.
#[test]
fn points_are_differentiable() {
    for target in [Target::Softmax, Target::Sigmoid, Target::Gaussian] {
        let c = codec(target, Decode::SoftArgmax, 2, (16, 12));
        let at: Vec<f32> = (0..24).map(|i| 0.2 + ((i * 7) % 11) as f32 * 0.15).collect();
        let weigh = Tensor::new(&[[[0.3f32, -0.7], [0.9, 0.4]]], &Device::Cpu).unwrap();
        let loss = |v: &Tensor| (c.points(v).unwrap() * &weigh).unwrap().sum_all().unwrap();
        let var = Var::from_vec(at.clone(), (1, 2, 3, 4), &Device::Cpu).unwrap();
        let grads = loss(&var).backward().unwrap();
        let grad = flat(grads.get(&var).unwrap());
        for (i, &got) in grad.iter().enumerate() {
            let moved = |d: f32| {
                let mut v = at.clone();
                v[i] += d;
                loss(&Tensor::from_vec(v, (1, 2, 3, 4), &Device::Cpu).unwrap()).to_scalar::<f32>().unwrap()
            };
            let want = (moved(0.02) - moved(-0.02)) / 0.04;
            assert!((got - want).abs() < 0.01 + 0.01 * want.abs(), "{target:?} {i}: {got}, difference {want}");
        }
    }
}

#[test]
fn points_far_away_leave_no_nan() {
    for target in [Target::Gaussian, Target::Sigmoid, Target::Softmax, Target::Summed] {
        for decode in [Decode::Dark, Decode::SoftArgmax] {
            let c = codec(target, decode, 3, (64, 64));
            let map = c.encode(&tensor(&[(-1e6, 3.0), (1e7, 1e7), (20.0, -300.0)])).unwrap();
            let cells = flat(&map);
            assert!(cells.iter().all(|v| v.is_finite() && (0.0..=1.0).contains(v)), "{target:?}");
            let sum: f32 = cells.iter().sum();
            let want = if target == Target::Softmax { 3.0 } else { 0.0 };
            assert!((sum - want).abs() < 1e-3, "{target:?} {sum}");
        }
    }
    let c = codec(Target::Softmax, Decode::SoftArgmax, 1, (64, 64));
    assert!(c.encode(&tensor(&[(f32::NAN, 3.0)])).is_err());
    assert!(c.encode(&tensor(&[(1.0, 3.0), (1.0, 3.0)])).is_err());
}

fn views() -> impl Strategy<Value = ((usize, usize), Vec<(f32, f32)>)> {
    // A third of the coordinates lie on a border of the view or within the last cell.
    let share = prop_oneof![2 => 0.0f32..1.0, 1 => prop_oneof![Just(0.0f32), Just(1.0), 0.0f32..0.05, 0.95f32..1.0]];
    let side = 8usize..24;
    ((side.clone(), side), prop::collection::vec((share.clone(), share), 1..6)).prop_map(|((w, h), at)| {
        let (w, h) = (w * 4, h * 4);
        let points = at.iter().map(|&(x, y)| (x * (w - 1) as f32, y * (h - 1) as f32)).collect();
        ((w, h), points)
    })
}

proptest! {
    #[test]
    fn round_trips_within_a_quarter_pixel((size, points) in views(), sigma in 1.0f64..2.5) {
        for (target, decode) in [
            (Target::Softmax, Decode::SoftArgmax),
            (Target::Softmax, Decode::Dark),
            (Target::Gaussian, Decode::Dark),
            (Target::Sigmoid, Decode::Dark),
        ] {
            let config = Config { stride: 4, sigma, target, decode };
            let c = HeatmapCodec::new(&config, points.len(), Size::new(size.0, size.1)).unwrap();
            let (far, _) = round_trip(&c, target, &points);
            prop_assert!(far < 0.25, "{:?} {:?} {:?}: {} px", target, decode, points, far);
        }
        // Coarser ways of reading stay within their cells: half a diagonal, then less.
        let c = codec(Target::Gaussian, Decode::Argmax, points.len(), size);
        prop_assert!(round_trip(&c, Target::Gaussian, &points).0 <= 2.0 * 2f32.sqrt() + 1e-3);
    }

    #[test]
    fn coordinate_losses_see_the_decoded_points((size, points) in views()) {
        let c = codec(Target::Softmax, Decode::SoftArgmax, points.len(), size);
        let out = output(Target::Softmax, &c.encode(&tensor(&points)).unwrap());
        let (a, b) = (flat(&c.points(&out).unwrap()), flat(&c.decode(&out).unwrap().0));
        for (a, b) in a.iter().zip(&b) {
            prop_assert!((a - b).abs() < 0.01, "{} {}", a, b);
        }
    }
}

#[test]
fn spread_is_that_of_the_map() {
    // a Gaussian of 1.5 cells each way, 4 pixels a cell: 1.5 · √2 · 4, away from borders
    let expected = 1.5 * 2f32.sqrt() * 4.0;
    for (target, decode) in [(Target::Softmax, Decode::SoftArgmax), (Target::Sigmoid, Decode::Dark)] {
        let c = codec(target, decode, 2, (96, 80));
        let output = output(target, &c.encode(&tensor(&[(47.0, 40.0), (51.3, 37.1)])).unwrap());
        let read = c.decode_with_spread(&output).unwrap();
        let (points, sure) = c.decode(&output).unwrap();
        assert_eq!([flat(&read.points), flat(&read.confidence.unwrap())], [flat(&points), flat(&sure.unwrap())]);
        let spread = flat(&read.spread.unwrap());
        assert!(spread.iter().all(|s| (s - expected).abs() < 0.03), "{target:?} {spread:?}");
        // of a map of nothing no place is likelier than another: the diagonal
        let none = flat(&c.decode_with_spread(&(output * f64::NAN).unwrap()).unwrap().spread.unwrap());
        assert!(none.iter().all(|s| (s - 96f32.hypot(80.0)).abs() < 1e-3), "{target:?} {none:?}");
    }
    let summed = codec(Target::Summed, Decode::Dark, 2, (96, 80));
    let map = summed.encode(&tensor(&[(47.0, 40.0), (51.0, 37.0)])).unwrap();
    assert!(summed.decode_with_spread(&map).unwrap_err().to_string().contains("no order"));
}
