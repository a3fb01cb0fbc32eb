//! How many products operations compute: what networks are compared by beside their time.

use std::cell::Cell;

thread_local! {
    /// Where somebody counts.
    static COUNT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// What `f` gives, and how many products the convolutions and fully connected layers in it compute, the multiplications
/// whose results are added up. A doubled picture's convolution counts as the smaller one that it is computed by.
/// Backward passes count on the CPU alone: as many products for each gradient that is wanted.
pub fn count_products<T>(f: impl FnOnce() -> T) -> (T, u64) {
    let outer = COUNT.replace(Some(0));
    let result = f();
    let count = COUNT.replace(outer).unwrap_or(0);
    add(count);
    (result, count)
}

/// What `f` gives; its products count for nobody.
pub(crate) fn uncounted<T>(f: impl FnOnce() -> T) -> T {
    let outer = COUNT.take();
    let result = f();
    COUNT.set(outer);
    result
}

/// Counts products on this thread, where somebody wants to know.
pub(crate) fn add(products: u64) {
    if let Some(count) = COUNT.get() {
        COUNT.set(Some(count + products));
    }
}

/// The product of sizes.
pub(crate) fn of(sizes: &[usize]) -> u64 {
    sizes.iter().map(|&n| n as u64).product()
}
