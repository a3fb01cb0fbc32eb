//! The example learns.

#[allow(dead_code)] // its `main`
#[path = "../examples/autoencoder.rs"]
mod autoencoder;

#[test]
fn an_autoencoder_learns_more_than_how_bright_pictures_are() {
    let [before, after] = autoencoder::learn(300).unwrap();
    // discs cover 8 % of a picture: all of it in that grey leaves 92 % of the error that black has
    assert!(after < 0.7 * before, "{before} {after}");
}
