//! The networks against PyTorch: parameter counts, forward passes in training and evaluation, gradients; and what
//! inference folds.

use crate::common::{
    face58, fill, flat, maps, mobile_maps, mobile_regression, noise, norm, nose, pictures, resnet, task, view,
};
use candle_core::{Device, Tensor};
use candle_vision_helpers::ops::count_products;
use facekp_models::{
    CodecConfig, ModelConfig, Params, Pass, Task,
    networks::regressor::{Pooling, Resnet},
};

fn count(task: &Task) -> usize {
    let params = Params::zeros(&Device::Cpu);
    task.build(&params).unwrap();
    params.count()
}

/// `sum(p.numel() for p in net.parameters())` of `pytorch_reference.py` and of `benches/torch_steps.py`; torchvision's
/// ResNets with 136 outputs.
#[test]
fn as_many_parameters_as_pytorch() {
    assert_eq!(count(&nose()), 194_226);
    assert_eq!(count(&face58()), 366_296);
    assert_eq!(count(&resnet(18, "ibug68", 64)), 11_246_280);
    assert_eq!(count(&resnet(34, "ibug68", 64)), 21_354_440);
    assert_eq!(count(&resnet(50, "ibug68", 224)), 23_786_696);
    assert_eq!(count(&maps(18, "imm58", (64, 96), &[32, 24, 16], true)), 11_347_826);
    assert_eq!(count(&maps(50, "ibug68", (256, 256), &[256; 3], false)), 29_425_284);
    assert_eq!(count(&mobile_maps("ibug68", (192, 192), &[128; 2])), 2_353_732);
    assert_eq!(count(&mobile_regression("imm58", 64)), 1_848_948);
}

/// torchvision's documentation of its weights: 1.814 and 4.089 billion for ResNet-18 and 50 with 1000 outputs.
#[test]
fn products_are_counted_as_in_publications() {
    for (depth, inputs, billions) in [(18, 512, 1.814), (50, 2048, 4.089)] {
        let model = resnet(depth, "ibug68", 224).build(&Params::zeros(&Device::Cpu)).unwrap();
        let (images, net) = (pictures((1, 3, 224, 224)), model.for_inference().unwrap().unwrap());
        let (_, products) = count_products(|| net.forward(&images, Pass::Inference).unwrap());
        let with_1000 = products + inputs * (1000 - 136);
        assert_eq!((with_1000 as f64 / 1e6).round() / 1e3, billions);
    }
}

struct Reference {
    train: &'static [f32],
    train_norm: f64,
    eval: &'static [f32],
    eval_norm: f64,
    gradients: &'static [(&'static str, f64)],
}

#[track_caller]
fn close(what: &str, got: f64, want: f64) {
    assert!((got - want).abs() <= 5e-4 * want.abs().max(1.0), "{what}: {got}, PyTorch {want}");
}

#[track_caller]
fn compare(task: &Task, images: &Tensor, want: &Reference) {
    let params = Params::zeros(&Device::Cpu);
    let model = task.build(&params).unwrap();
    fill(&params);
    let check = |what: &str, y: &Tensor, values: &[f32], length: f64| {
        let y_flat = flat(y);
        for (i, &v) in values.iter().enumerate() {
            close(what, f64::from(y_flat[i * (y_flat.len() / 5).max(1)]), f64::from(v));
        }
        close(what, norm(y), length);
    };
    let y = model.forward(images, Pass::Training).unwrap();
    check("training", &y, want.train, want.train_norm);
    let grads = y.sqr().unwrap().mean_all().unwrap().backward().unwrap();
    let vars = params.trainable();
    for (name, length) in want.gradients {
        let (_, var) = vars.iter().find(|(n, _)| n == name).unwrap();
        close(name, norm(grads.get(var).unwrap()), *length);
    }
    assert!(vars.iter().all(|(_, v)| grads.get(v).is_some()), "every parameter is trained");

    // The running statistics have moved once, as PyTorch's have.
    let y = model.forward(images, Pass::Inference).unwrap();
    check("evaluation", &y, want.eval, want.eval_norm);
    let folded =
        model.for_inference().unwrap().expect("a copy for inference").forward(images, Pass::Inference).unwrap();
    check("folded", &folded, want.eval, want.eval_norm);
    assert!(!folded.track_op(), "nothing is kept for a backward pass");
}

#[test]
fn nose_is_as_in_pytorch() {
    let values = &[0.78718, 0.29763, 0.72842, 0.00806];
    let gradients = &[("conv1.weight", 2.0273078148230406), ("fc2.bias", 0.7730588547013858)];
    let want = Reference {
        train: values,
        train_norm: 1.113055453179967,
        eval: values,
        eval_norm: 1.113055453179967,
        gradients,
    };
    compare(&nose(), &pictures((2, 1, 60, 80)), &want);
}

#[test]
fn resnet_18_is_torchvisions() {
    let want = Reference {
        train: &[1.79864, -0.12916, -2.36661, -0.97196, -1.84545],
        train_norm: 19.28499945840011,
        eval: &[7.68175, -2.06288, -3.98849, 5.65081, 0.14472],
        eval_norm: 55.27978689676805,
        gradients: &[
            ("conv1.weight", 7.196318252491714),
            ("layer2.0.downsample.0.weight", 1.3681931129358895),
            ("layer4.1.bn2.weight", 0.12041838051438974),
            ("fc.bias", 0.21893177273851946),
        ],
    };
    compare(&resnet(18, "imm58", 64), &pictures((2, 3, 64, 64)), &want);
}

#[test]
fn resnet_50_is_torchvisions() {
    let want = Reference {
        train: &[1.6015, 3.53875, 0.05356, 0.43741, -0.06914],
        train_norm: 24.669458213320283,
        eval: &[105.6238, 148.16939, -23.66981, -29.12357, 56.21519],
        eval_norm: 1473.64958131651,
        gradients: &[("layer4.1.bn2.weight", 0.13957861199516902), ("fc.bias", 0.2820270257785169)],
    };
    compare(&resnet(50, "imm58", 64), &pictures((2, 3, 64, 64)), &want);
}

#[test]
fn the_heatmap_network_with_skips_is_as_in_pytorch() {
    let want = Reference {
        train: &[-3.72031, 0.09822, -1.19854, -1.63006, -1.67989],
        train_norm: 519.1271743696208,
        eval: &[-3.82176, 2.58987, -6.7567, -1.91082, -10.49524],
        eval_norm: 1403.062074662601,
        gradients: &[
            ("trunk.conv1.weight", 2.952297672400754),
            ("up.0.conv.weight", 1.053225506505396),
            ("up.1.skip.weight", 0.5458297734636012),
            ("head.bias", 0.4646747429506933),
        ],
    };
    compare(&maps(18, "imm58", (96, 64), &[32, 24, 16], true), &pictures((2, 3, 64, 96)), &want);
}

#[test]
fn the_heatmap_network_on_mobilenet_v2_is_as_in_pytorch() {
    let want = Reference {
        train: &[-4.26043, 2.35677, 2.89801, -2.26916, 0.29235],
        train_norm: 273.17246376926425,
        eval: &[-3.86488, 7.90257, 0.42744, -3.57381, -0.68917],
        eval_norm: 526.9356368832699,
        gradients: &[
            ("trunk.features.0.0.weight", 23.880868725028122),
            ("trunk.features.1.conv.1.weight", 19.600617448762026),
            ("trunk.features.4.conv.1.0.weight", 4.523921096925754),
            ("trunk.features.17.conv.3.weight", 0.04713151979142578),
            ("up.0.conv.weight", 1.9258522538854481),
            ("up.1.skip.weight", 2.661555642773256),
            ("head.bias", 0.3418208307860079),
        ],
    };
    compare(&mobile_maps("imm58", (96, 64), &[24, 16]), &pictures((2, 3, 64, 96)), &want);
}

/// By hand: five stages lead from 1/32 back to the full size, and the last one has no map of the trunk next to it.
#[test]
fn shapes_follow_the_configuration() {
    let net = |t: &Task, x: &Tensor| {
        let model = t.build(&Params::new(1, &Device::Cpu)).unwrap();
        assert_eq!(&model.forward(x, Pass::Inference).unwrap().dims()[1..], t.codec().unwrap().output_shape());
        model.feature_maps(x).unwrap().into_iter().map(|(n, m)| (n, m.dims()[1..].to_vec())).collect::<Vec<_>>()
    };
    let five = maps(18, "nose1", (64, 32), &[8, 8, 8, 8, 4], true);
    let found = net(&five, &pictures((1, 3, 32, 64)));
    let names: Vec<&str> = found.iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!(names, ["stem", "layer1", "layer2", "layer3", "layer4", "up1", "up2", "up3", "up4", "up5", "maps"]);
    assert_eq!(
        (&found[0].1[..], &found[4].1[..], &found[9].1[..]),
        (&[64, 16, 32][..], &[512, 1, 2][..], &[4, 32, 64][..])
    );

    let flatten = Resnet { depth: 18, pooling: Pooling::Flatten };
    let flatten = task("ibug68", view(72, 40, true), CodecConfig::Regression, ModelConfig::Resnet(flatten));
    assert_eq!(net(&flatten, &pictures((1, 1, 40, 72))).last().unwrap().1, [512, 2, 3]);

    let found = net(&nose(), &pictures((1, 1, 60, 80)));
    let shapes: Vec<_> = found.into_iter().map(|(_, s)| s).collect();
    assert_eq!(shapes, [[20, 30, 40], [20, 15, 20], [20, 7, 10]]);
}

#[test]
fn the_same_seed_gives_the_same_network() {
    let weights = |seed| {
        let params = Params::new(seed, &Device::Cpu);
        nose().build(&params).unwrap();
        params.all().into_iter().map(|(n, v)| (n, flat(&v))).collect::<Vec<_>>()
    };
    assert_eq!(weights(3), weights(3));
    assert_ne!(weights(3), weights(4));
}

/// A He-initialized network keeps the scale of its input: neither dead nor exploding before training.
#[test]
fn a_fresh_network_starts_near_the_mean_shape() {
    let task = resnet(18, "ibug68", 64);
    let params = Params::new(5, &Device::Cpu);
    let model = task.build(&params).unwrap();
    let mean: Vec<_> =
        (0..68).map(|i| candle_vision_helpers::Point::new(f64::from(i % 9) * 6.0, f64::from(i / 9) * 7.0)).collect();
    task.set_mean_shape(&params, &mean).unwrap();
    let (points, _) =
        task.codec().unwrap().decode(&model.forward(&pictures((2, 3, 64, 64)), Pass::Training).unwrap()).unwrap();
    let expected: Vec<f64> = mean.iter().chain(&mean).flat_map(|p| [p.x, p.y]).collect();
    let off: Vec<f64> = flat(&points).iter().zip(&expected).map(|(&a, b)| (f64::from(a) - b).abs()).collect();
    let (mean_off, most) = (off.iter().sum::<f64>() / off.len() as f64, off.iter().fold(0.0, |m: f64, &v| m.max(v)));
    assert!(mean_off < 64.0 * 0.05 && most > 0.0, "{mean_off} {most}");
    assert!(task.set_mean_shape(&params, &mean[1..]).is_err());
    assert!(nose().set_mean_shape(&params, &mean[..1]).is_err());
}

#[test]
fn a_wrong_input_is_told() {
    let bad = |t: &Task, shape| {
        t.build(&Params::zeros(&Device::Cpu))
            .unwrap()
            .forward(&pictures(shape), Pass::Training)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(bad(&nose(), (1, 3, 60, 80)), "network input: expected (B, 1, 60, 80), got [1, 3, 60, 80]");
    assert_eq!(
        bad(&resnet(18, "ibug68", 64), (1, 1, 64, 64)),
        "network input: expected (B, 3, H, W), got [1, 1, 64, 64]"
    );
    let maps = maps(18, "ibug68", (64, 64), &[8], false);
    assert!(bad(&maps, (1, 3, 64, 60)).contains("sides divisible by 32"));
    // One picture of one last cell has no variance to normalize by.
    assert!(bad(&resnet(18, "ibug68", 32), (1, 3, 32, 32)).contains("more than one value per channel"));
}

#[test]
fn inference_copies_do_not_follow_training() {
    let params = Params::new(1, &Device::Cpu);
    let model = nose().build(&params).unwrap();
    let x = pictures((1, 1, 60, 80));
    let copy = model.for_inference().unwrap().unwrap();
    let before = flat(&copy.forward(&x, Pass::Inference).unwrap());
    // sums in another order
    let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
    assert!(before.iter().zip(&flat(&model.forward(&x, Pass::Inference).unwrap())).all(near));
    fill(&params);
    assert_eq!(before, flat(&copy.forward(&x, Pass::Inference).unwrap()));
    assert_ne!(before, flat(&model.forward(&x, Pass::Inference).unwrap()));
    assert_eq!(
        flat(&model.first_filters())[..3],
        noise("conv1.weight", 3).iter().map(|v| (v * (24f64 / 49.0).sqrt()) as f32).collect::<Vec<_>>()
    );
}
