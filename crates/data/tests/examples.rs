//! The examples that take a moment run.

#[allow(dead_code)] // its `main` reads the command line
#[path = "../examples/read_dataset.rs"]
mod read_dataset;

#[test]
fn a_rendered_dataset_is_read_and_printed() {
    read_dataset::print_rendered().unwrap();
}
