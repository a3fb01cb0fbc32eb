//! Tasks that cannot be: each is refused with one line that says what was expected.

use crate::common::{face58, maps, nose, on_trunk, resnet};
use candle_core::Device;
use facekp_data::Crop;
use facekp_models::{CodecConfig, ModelConfig, Params, Task, networks::trunk::Family};

fn change(mut task: Task, how: impl FnOnce(&mut Task)) -> Task {
    how(&mut task);
    task
}

fn with_plain(how: impl FnOnce(&mut Vec<usize>, &mut Vec<usize>, &mut usize)) -> Task {
    change(nose(), |t| match &mut t.model {
        ModelConfig::Plain(c) => how(&mut c.channels, &mut c.kernels, &mut c.hidden),
        _ => unreachable!(),
    })
}

fn with_codec(how: impl FnOnce(&mut facekp_models::codec::heatmap::Config)) -> Task {
    change(maps(50, "ibug68", (128, 128), &[256; 3], false), |t| match &mut t.codec {
        CodecConfig::Heatmap(c) => how(c),
        CodecConfig::Regression => unreachable!(),
    })
}

#[test]
fn the_built_in_networks_are_fine() {
    for task in [nose(), face58(), resnet(50, "ibug68", 224), maps(50, "ibug68", (256, 256), &[256; 3], true)] {
        task.validate().unwrap();
        let json = serde_json::to_string(&task).unwrap();
        assert_eq!(serde_json::from_str::<Task>(&json).unwrap(), task);
        let toml = toml::to_string(&task).unwrap();
        assert_eq!(toml::from_str::<Task>(&toml).unwrap(), task);
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let huge = 1 << 40;
    let cases: Vec<(Task, &str)> = vec![
        (change(nose(), |t| t.view.width = 0), "view.width: expected 1 to 2048, got 0"),
        (change(nose(), |t| t.view.height = huge), "view.height: expected 1 to 2048, got 1099511627776"),
        (change(nose(), |t| t.view.mean = vec![0.5; 3]), "view.mean: expected 1 value, got 3"),
        (
            change(resnet(18, "ibug68", 64), |t| t.view.std = vec![]),
            "view.std: expected 3 values, one per channel, got 0",
        ),
        (change(nose(), |t| t.view.std = vec![0.0]), "view.std: expected numbers above 0, got 0"),
        (change(nose(), |t| t.view.std = vec![f32::NAN]), "view.std: expected numbers above 0, got NaN"),
        (change(nose(), |t| t.view.mean = vec![f32::INFINITY]), "view.mean: expected finite numbers, got inf"),
        (
            change(nose(), |t| t.view.crop = Crop::Face { enlarge: -1.0 }),
            "view.crop.enlarge: expected a number above 0",
        ),
        (with_plain(|c, _, _| c.clear()), "model.channels: expected 1 to 11 convolutions, got 0"),
        (with_plain(|c, _, _| c[1] = 0), "model.channels: expected 1 to 4096, got 0"),
        (with_plain(|c, _, _| c[1] = huge), "model.channels: expected 1 to 4096, got 1099511627776"),
        (with_plain(|_, k, _| k[0] = 4), "model.kernels: expected odd numbers"),
        (with_plain(|_, k, _| k.push(3)), "model.kernels: expected 3, as many as channels, got 4"),
        (with_plain(|_, _, h| *h = 0), "model.hidden: expected 1 to 65536, got 0"),
        (with_plain(|c, _, h| (c[2], *h) = (4096, 65536)), "model.hidden: expected at most 268435456 weights, got"),
        (with_plain(|c, k, _| (*c, *k) = (vec![8; 6], vec![3; 6])), "view: expected 2^6 pixels or more a side"),
        (resnet(101, "ibug68", 64), "model.depth: expected 18, 34 or 50, got 101"),
        (resnet(18, "ibug68", 31), "view.width: expected 32 or more for a ResNet-18, got 31"),
        (
            on_trunk((Family::Resnet, None), "ibug68", (64, 64), &[8], false),
            "model.depth: expected 18, 34 or 50, got none",
        ),
        (change(resnet(18, "ibug68", 64), |t| t.codec = with_codec(|_| {}).codec), "codec.kind: expected regression"),
        (change(with_codec(|_| {}), |t| t.codec = CodecConfig::Regression), "codec.kind: expected heatmap"),
        (
            maps(18, "ibug68", (128, 100), &[8; 3], false),
            "view: expected sides divisible by 32 for a heatmap_net, got 128x100",
        ),
        (with_codec(|c| c.stride = 0), "codec.stride: expected a divisor"),
        (with_codec(|c| c.stride = 5), "codec.stride: expected a divisor"),
        (with_codec(|c| c.stride = 8), "codec.stride: expected 4 for 3 x2 stages, got 8"),
        (with_codec(|c| c.sigma = 0.0), "codec.sigma: expected 0.1 to 32 cells, got 0"),
        (with_codec(|c| c.sigma = f64::NAN), "codec.sigma: expected 0.1 to 32 cells, got NaN"),
        (maps(18, "ibug68", (128, 128), &[8, huge, 8], false), "model.up: expected 1 to 4096"),
        (
            maps(18, "ibug68", (2048, 2048), &[8, 8, 8, 8, 4096], false),
            "model.up: expected at most 268435456 values in a picture's maps, got",
        ),
    ];
    for (task, want) in cases {
        let got = task.validate().unwrap_err().to_string();
        assert!(got.starts_with(want), "expected {want:?}, got {got:?}");
        assert!(!got.contains('\n'));
        assert!(task.codec().is_err() && task.build(&Params::zeros(&Device::Cpu)).is_err());
    }
    let six = change(with_codec(|c| c.stride = 4), |t| match &mut t.model {
        ModelConfig::HeatmapNet(c) => c.up = vec![8; 6],
        _ => unreachable!(),
    });
    assert_eq!(six.validate().unwrap_err().to_string(), "model.up: expected at most 5 stages, got 6");
}
