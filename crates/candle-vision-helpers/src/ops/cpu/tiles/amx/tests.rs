//! Every instruction with every register that it is used with, against the emulated ones, bit for bit.
#![allow(clippy::print_stderr)] // a test that cannot run says so

use super::Amx;
use crate::ops::cpu::gemm::tile_matrix::SIDE;
use crate::ops::cpu::simd::amx::is_there;
use crate::ops::cpu::simd::bf16::word;
use crate::ops::cpu::tiles::{Unit, emulated::Emulated};
use crate::rng::splitmix64;

/// So many words of random factors near 1.
fn words(seed: u64, count: usize) -> Vec<f32> {
    let number = |i: u64| (splitmix64((seed << 32) + i) >> 40) as f32 / (1u64 << 23) as f32 - 1.0;
    (0..count as u64).map(|i| word(number(2 * i), number(2 * i + 1))).collect()
}

/// A unit, and the bits of all that it has stored.
struct Trial<U> {
    unit: U,
    stored: Vec<u32>,
}

macro_rules! for_registers {
    ($t:ident => $body:expr) => {{
        macro_rules! with {
            ($n:literal) => {{
                const $t: usize = $n;
                $body
            }};
        }
        with!(0);
        with!(1);
        with!(2);
        with!(3);
        with!(4);
        with!(5);
        with!(6);
        with!(7);
    }};
}

impl<U: Unit> Trial<U> {
    /// # Safety
    /// The processor has the unit, here and below.
    unsafe fn start() -> Self {
        // SAFETY: the caller's contract.
        Self { unit: unsafe { U::start() }, stored: Vec::new() }
    }

    /// Loads every register, each with other words, in rows so far apart.
    unsafe fn load(&mut self, seed: u64, pitch: usize) {
        for_registers!(T => {
            let from = words(seed + T as u64, SIDE * pitch);
            // SAFETY: the caller's contract; 16 rows of a pitch each.
            unsafe { self.unit.load::<T>(from.as_ptr(), pitch) };
        });
    }

    /// Stores every register, and keeps what lies between the rows too.
    unsafe fn store(&mut self, pitch: usize) {
        for_registers!(T => {
            let mut to = vec![-1f32; SIDE * pitch];
            // SAFETY: the caller's contract; 16 rows of a pitch each.
            unsafe { self.unit.store::<T>(to.as_mut_ptr(), pitch) };
            self.stored.extend(to.into_iter().map(f32::to_bits));
        });
    }
}

/// What a unit stores after each kind of instruction.
unsafe fn all_of<U: Unit>() -> Vec<u32> {
    // SAFETY: the caller's contract.
    unsafe {
        let mut trial = Trial::<U>::start();
        for (seed, from, to) in [(100, SIDE, SIDE), (200, 2 * SIDE, SIDE), (300, SIDE, 2 * SIDE), (400, 3 * SIDE, 19)] {
            trial.load(seed, from);
            trial.store(to);
        }
        for_registers!(T => {
            trial.unit.clear::<T>();
            trial.store(SIDE);
            trial.load(500 + T as u64, SIDE);
        });
        // the sums of a product, then of the next one on top, as `Quad` has them, and registers of other roles
        for seed in [600, 700] {
            trial.load(seed, SIDE);
            trial.unit.clear::<0>();
            for _ in 0..2 {
                trial.unit.add_products::<0, 4, 6>();
                trial.unit.add_products::<2, 5, 6>();
                trial.unit.add_products::<1, 4, 7>();
                trial.unit.add_products::<3, 5, 7>();
                trial.store(SIDE);
            }
            trial.load(seed + 50, SIDE);
            trial.unit.add_products::<7, 0, 1>();
            trial.unit.add_products::<4, 2, 3>();
            trial.unit.add_products::<5, 6, 2>();
            trial.store(SIDE);
        }
        trial.stored
    }
}

#[test]
fn the_processors_tiles_are_the_emulated_ones_bit_for_bit() {
    if !is_there() {
        eprintln!("no AMX on this processor, or none for this process: its instructions were not tested");
        return;
    }
    // SAFETY: the processor has AMX; arrays need nothing.
    let (expected, got) = unsafe { (all_of::<Emulated>(), all_of::<Amx>()) };
    assert_eq!(got.len(), expected.len());
    for (i, (got, expected)) in got.iter().zip(&expected).enumerate() {
        assert_eq!(got, expected, "word {i} of those stored");
    }
    // what was released is set up again
    // SAFETY: as above.
    assert_eq!(unsafe { all_of::<Amx>() }, expected);
}
