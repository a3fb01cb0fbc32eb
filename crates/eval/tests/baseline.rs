//! The mean shape on the real data, against numbers computed independently (numpy, from the `.pts` and `.asf` files).

use crate::common::data;
use facekp_data::{
    DatasetKind, Split,
    datasets::{ibug, imm},
    open_kind,
};
use facekp_eval::{MeanShape, Summary, metrics::measure_all};

fn baseline(dir: &std::path::Path, kind: DatasetKind, splits: &[Split]) -> Vec<Summary> {
    let data = open_kind(dir, kind).unwrap();
    let mean = MeanShape::fit(&*data, &data.split(Split::Train).unwrap(), data.frame()).unwrap();
    let summary = |s: &Split| {
        let errors = measure_all(&mean.predict(&*data, &data.split(*s).unwrap()).unwrap()).unwrap();
        Summary::of(&errors, s.name()).unwrap()
    };
    splits.iter().map(summary).collect()
}

fn near(what: &str, got: Option<f64>, expected: f64, half_unit: f64) {
    let got = got.unwrap();
    assert!((got - expected).abs() <= half_unit, "{what}: {got}, expected {expected}");
}

#[test]
fn ibug_mean_shape_to_six_digits() {
    let Some(dir) = data() else { return };
    let s = baseline(&dir, ibug::KIND, &[Split::Full, Split::Common, Split::Challenging]);
    assert_eq!(s.iter().map(|s| (s.faces, s.points)).collect::<Vec<_>>(), [(689, 68), (554, 68), (135, 68)]);
    near("NME full", s[0].nme, 0.201132, 5e-7);
    near("NME common", s[1].nme, 0.167373, 5e-7);
    near("NME challenging", s[2].nme, 0.339670, 5e-7);
    near("NME inter-pupil full", s[0].nme_pupil, 0.282953, 5e-7);
    near("pixels full", Some(s[0].mean_px), 20.7157, 5e-5);
    near("AUC 0.08", s[0].auc_08, 0.019308, 5e-7);
    near("failure rate 0.08", s[0].fr_08, 0.891147, 5e-7);
    near("AUC 0.10", s[0].auc_10, 0.048454, 5e-7);
    near("failure rate 0.10", s[0].fr_10, 0.780842, 5e-7);
}

#[test]
fn imm_mean_shape_to_a_hundredth_of_a_pixel() {
    let Some(dir) = data() else { return };
    for (kind, points, px) in [(imm::KIND, 58, 42.78), (imm::NOSE, 1, 47.41)] {
        let s = &baseline(&dir, kind, &[Split::Val])[0];
        assert_eq!((s.faces, s.points), (48, points));
        near("mean pixels", Some(s.mean_px), px, 0.005);
    }
}
