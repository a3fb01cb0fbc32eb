//! Tiles as plain arrays, for tests.

use super::Unit;
use crate::ops::cpu::gemm::tile_matrix::SIDE;

pub(crate) struct Emulated([[f32; SIDE * SIDE]; 8]);

/// The two factors of a word.
fn factors(word: f32) -> [f32; 2] {
    [f32::from_bits(word.to_bits() << 16), f32::from_bits(word.to_bits() & 0xffff_0000)]
}

impl Unit for Emulated {
    unsafe fn start() -> Self {
        Self([[f32::NAN; SIDE * SIDE]; 8])
    }

    unsafe fn clear<const T: usize>(&mut self) {
        self.0[T].fill(0.0);
    }

    unsafe fn load<const T: usize>(&mut self, from: *const f32, pitch: usize) {
        for (row, to) in self.0[T].chunks_exact_mut(SIDE).enumerate() {
            // SAFETY: the caller's contract.
            to.copy_from_slice(unsafe { std::slice::from_raw_parts(from.add(row * pitch), SIDE) });
        }
    }

    unsafe fn store<const T: usize>(&mut self, to: *mut f32, pitch: usize) {
        for (row, from) in self.0[T].chunks_exact(SIDE).enumerate() {
            // SAFETY: the caller's contract.
            unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), to.add(row * pitch), SIDE) };
        }
    }

    unsafe fn add_products<const C: usize, const A: usize, const B: usize>(&mut self) {
        let (a, b) = (self.0[A], self.0[B]);
        for (m, sums) in self.0[C].chunks_exact_mut(SIDE).enumerate() {
            for (n, sum) in sums.iter_mut().enumerate() {
                // first and second factors are summed apart
                let mut both = [0.0; 2];
                for k in 0..SIDE {
                    let (a, b) = (factors(a[m * SIDE + k]), factors(b[k * SIDE + n]));
                    both[0] += a[0] * b[0];
                    both[1] += a[1] * b[1];
                }
                *sum += both[0] + both[1];
            }
        }
    }
}
