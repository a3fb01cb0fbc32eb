//! The examples run, in small.

#[allow(dead_code)] // its `main` takes a minute
#[path = "../examples/own_loss.rs"]
mod own_loss;
#[allow(dead_code)]
#[path = "../examples/own_network.rs"]
mod own_network;

#[test]
fn a_loss_of_your_own_falls() {
    let losses = own_loss::learn(12, 15).unwrap();
    assert!(losses[14] < losses[0], "{losses:?}");
}

#[test]
fn a_network_of_your_own_is_trained() {
    own_network::learn(12, &["train.epochs=2".to_owned()]).unwrap();
}
