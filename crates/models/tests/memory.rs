//! What a forward pass without gradients holds at a time, by counting memory.

use crate::common::{fill, maps, pictures};
use crate::heap;
use candle_core::Device;
use candle_vision_helpers::ops;
use facekp_models::{Params, Pass};

/// The stem's map and the last stage's are equally large, the others a quarter of them at most. Beside each stands what
/// it is normalized from: two at a time.
#[test]
fn no_map_stays_that_no_layer_reads() {
    let params = Params::zeros(&Device::Cpu);
    let model = maps(18, "ibug68", (128, 128), &[16, 16, 256], false).build(&params).unwrap();
    fill(&params);
    let images = pictures((2, 3, 128, 128));
    let map = (2 * 64 * 64 * 64 * size_of::<f32>()) as f64;
    let mut held = Vec::new();
    // the first passes leave scratch memory for the others
    for _ in 0..4 {
        let (output, most) = heap::most(|| ops::no_grad(|| model.forward(&images, Pass::Inference).unwrap()));
        assert_eq!(output.dims(), [2, 68, 32, 32]);
        held.push(most as f64 / map);
    }
    assert!((2.0..2.5).contains(&held[3]), "{held:?} maps at a time");
}
