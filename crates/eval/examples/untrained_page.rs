//! Draws the report page of untrained networks on real data, to look at the page itself:
//! `cargo run --example untrained_page -- DATA OUT [PHOTO]...`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../tests/common/mod.rs"]
mod common;

use candle_core::Device;
use facekp_data::{
    Split,
    datasets::{ibug, imm},
    open_kind,
};
use facekp_eval::report::{PageInput, RunInput, write};
use facekp_models::codec::heatmap::Target;
use std::{path::PathBuf, sync::Arc};

fn main() {
    let args: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [data, out, photos @ ..] = args.as_slice() else {
        panic!("expected DATA OUT [PHOTO]...");
    };
    let runs = tempfile::tempdir().unwrap();
    let inputs: Vec<RunInput> = [
        ("nose", imm::NOSE, common::nose(), Split::Val),
        ("ibug68_heatmap", ibug::KIND, common::heatmaps(Target::Softmax), Split::Full),
    ]
    .into_iter()
    .map(|(name, kind, task, val)| {
        let run = runs.path().join(name);
        common::write_run(&run, name, task);
        let data: Arc<dyn facekp_data::Dataset> = open_kind(data, kind).unwrap().into();
        let (train, indices) = (data.split(Split::Train).unwrap(), data.split(val).unwrap());
        RunInput { run, data, train, val: indices, val_name: val.name().into() }
    })
    .collect();
    let page = PageInput {
        title: "Facial keypoints: untrained networks".into(),
        profile: Some("quick".into()),
        notices: vec!["These networks were not trained: the page is what is looked at here, not the numbers.".into()],
        photos: photos.to_vec(),
    };
    println!("{}", write(out, &page, &inputs, &Device::Cpu).unwrap().display());
}
