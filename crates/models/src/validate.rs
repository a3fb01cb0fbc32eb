//! Checks a task before anything is built from it: whatever passes can be built and run.

use crate::codec::heatmap::HeatmapCodec;
use crate::networks::resnet::trunk::{self, map_channels};
use crate::networks::{heatmap_net, plain, resnet};
use crate::{CodecConfig, Error, ModelConfig, Result, Task};
use candle_vision_helpers::Size;
use facekp_data::{Crop, ViewSpec};

const MAX_SIDE: usize = 2048;
const MAX_CHANNELS: usize = 4096;
const MAX_HIDDEN: usize = 65536;
const MAX_KERNEL: usize = 31;
const MAX_STAGES: usize = 11;
/// A gigabyte in 32 bits: of weights, or of one picture's largest maps. A typo should be told, not allocated.
const MAX_VALUES: usize = 1 << 28;

pub(crate) fn task(task: &Task) -> Result<()> {
    let points = task.scheme.len();
    view(&task.view)?;
    let (size, channels) = (task.view.size(), task.view.channels());
    if let CodecConfig::Heatmap(config) = &task.codec {
        HeatmapCodec::new(config, points, size)?;
    }
    match (&task.model, &task.codec) {
        (ModelConfig::Plain(c), CodecConfig::Regression) => plain(c, channels, size, 2 * points),
        (ModelConfig::Resnet(c), CodecConfig::Regression) => resnet(c, size, 2 * points),
        (ModelConfig::HeatmapNet(c), CodecConfig::Heatmap(codec)) => heatmap(c, size, codec.stride),
        (ModelConfig::HeatmapNet(_), CodecConfig::Regression) => {
            expect("codec.kind", "heatmap for a heatmap_net", "regression")
        }
        (_, CodecConfig::Heatmap(_)) => expect("codec.kind", "regression for a network without maps", "heatmap"),
    }
}

fn expect(what: &str, expected: impl std::fmt::Display, got: impl std::fmt::Display) -> Result<()> {
    Err(Error::Config(format!("{what}: expected {expected}, got {got}")))
}

fn within(what: &str, value: usize, low: usize, high: usize) -> Result<()> {
    if (low..=high).contains(&value) { Ok(()) } else { expect(what, format_args!("{low} to {high}"), value) }
}

fn view(view: &ViewSpec) -> Result<()> {
    within("view.width", view.width, 1, MAX_SIDE)?;
    within("view.height", view.height, 1, MAX_SIDE)?;
    let channels = view.channels();
    for (what, values) in [("view.mean", &view.mean), ("view.std", &view.std)] {
        if values.len() != 1 && values.len() != channels {
            let one_each = if channels == 1 { "1 value".to_string() } else { format!("1 or {channels} values") };
            return expect(what, one_each, values.len());
        }
    }
    if let Some(v) = view.mean.iter().find(|v| !v.is_finite()) {
        return expect("view.mean", "finite numbers", v);
    }
    if let Some(v) = view.std.iter().find(|v| !(v.is_finite() && **v > 0.0)) {
        return expect("view.std", "numbers above 0", v);
    }
    match view.crop {
        Crop::Face { enlarge } if !(enlarge > 0.0 && enlarge <= 100.0) => {
            expect("view.crop.enlarge", "a number above 0, at most 100", enlarge)
        }
        _ => Ok(()),
    }
}

/// Refuses more than [`MAX_VALUES`] of something that is the sum of these products.
fn bounded(what: &str, products: &[&[usize]]) -> Result<()> {
    let product = |p: &&[usize]| p.iter().try_fold(1usize, |a, &b| a.checked_mul(b));
    let sum = products.iter().map(product).try_fold(0usize, |a, b| a.checked_add(b?));
    match sum {
        Some(n) if n <= MAX_VALUES => Ok(()),
        Some(n) => expect(what, format_args!("at most {MAX_VALUES} values"), n),
        None => expect(what, format_args!("at most {MAX_VALUES} values"), "more than can be counted"),
    }
}

fn plain(sizes: &plain::Config, channels: usize, view: Size, outputs: usize) -> Result<()> {
    let stages = sizes.channels.len();
    within("model.channels (number of convolutions)", stages, 1, MAX_STAGES)?;
    if sizes.kernels.len() != stages {
        return expect("model.kernels", format_args!("{stages}, as many as channels"), sizes.kernels.len());
    }
    within("model.hidden", sizes.hidden, 1, MAX_HIDDEN)?;
    let mut inputs = channels;
    for (i, (&outputs, &kernel)) in sizes.channels.iter().zip(&sizes.kernels).enumerate() {
        within("model.channels", outputs, 1, MAX_CHANNELS)?;
        within("model.kernels", kernel, 1, MAX_KERNEL)?;
        if kernel % 2 == 0 {
            return expect("model.kernels", "odd numbers (\"same\" padding)", kernel);
        }
        bounded("model.channels (weights of a convolution)", &[&[inputs, outputs, kernel, kernel]])?;
        bounded("model.channels (maps of a picture)", &[&[outputs, view.width >> i, view.height >> i]])?;
        inputs = outputs;
    }
    let Some(flat) = sizes.flat(view) else {
        let expected = format_args!("2^{stages} pixels or more a side for {stages} poolings").to_string();
        return expect("view", expected, format_args!("{}x{}", view.width, view.height));
    };
    bounded("model.hidden (weights)", &[&[flat, sizes.hidden], &[sizes.hidden, outputs]])
}

fn resnet(config: &resnet::Config, view: Size, outputs: usize) -> Result<()> {
    map_channels(config.depth)?;
    within("view.width for a ResNet", view.width, trunk::STRIDE, MAX_SIDE)?;
    within("view.height for a ResNet", view.height, trunk::STRIDE, MAX_SIDE)?;
    match config.flat(view)? {
        Some(flat) => bounded("model (weights of the last layer)", &[&[flat, outputs]]),
        None => expect("view", "a smaller one", format_args!("{}x{}", view.width, view.height)),
    }
}

fn heatmap(config: &heatmap_net::Config, view: Size, stride: usize) -> Result<()> {
    let [.., mut inputs] = map_channels(config.depth)?;
    let all = trunk::STRIDE;
    if !(view.width.is_multiple_of(all) && view.height.is_multiple_of(all)) {
        let got = format!("{}x{}", view.width, view.height);
        return expect("view for a heatmap_net", format_args!("sides divisible by {all}"), got);
    }
    match config.stride() {
        Some(s) if s == stride => {}
        Some(s) => return expect("codec.stride", format_args!("{s} for {} x2 stages", config.up.len()), stride),
        None => return expect("model.up", "at most 5 stages", config.up.len()),
    }
    for (i, &outputs) in config.up.iter().enumerate() {
        within("model.up", outputs, 1, MAX_CHANNELS)?;
        bounded("model.up (weights)", &[&[inputs, outputs, 9]])?;
        let shrink = all >> (i + 1);
        bounded("model.up (maps of a picture)", &[&[inputs.max(outputs), view.width / shrink, view.height / shrink]])?;
        inputs = outputs;
    }
    Ok(())
}
