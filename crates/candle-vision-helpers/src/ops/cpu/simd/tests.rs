//! Every operation of the vectors in use, lane by lane, with NaN and both zeros.

use super::{Kernel, Level, Simd, Vectors, gated};

const VALUES: [f32; 8] = [f32::NAN, -0.0, 0.0, 1.5, -2.5, 6.0, f32::INFINITY, f32::NEG_INFINITY];

/// What `f` makes of vectors that begin at each of two numbers.
struct Lanes<F>(F);

trait Lanewise {
    unsafe fn of<S: Simd>(&self, a: S::V, b: S::V) -> S::V;
}

impl<F: Lanewise> Kernel for Lanes<F> {
    /// Both operands of each lane, and what became of them.
    type Out = Vec<[f32; 3]>;
    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> Self::Out {
        let mut all = Vec::new();
        let at = |i: usize| VALUES[i % VALUES.len()];
        for shift in 0..VALUES.len() {
            let a: Vec<f32> = (0..S::LANES).map(at).collect();
            let b: Vec<f32> = (0..S::LANES).map(|i| at(i + shift)).collect();
            let mut y = vec![0f32; S::LANES];
            // SAFETY: the caller has the features; all are LANES long.
            unsafe { S::store(y.as_mut_ptr(), self.0.of::<S>(S::load(a.as_ptr()), S::load(b.as_ptr()))) };
            all.extend((0..S::LANES).map(|i| [a[i], b[i], y[i]]));
        }
        all
    }
}

/// Compares each lane with what `expected` makes of two numbers: NaN is NaN, all else the same bits.
fn check(f: impl Lanewise, expected: impl Fn(f32, f32) -> f32) {
    for [a, b, y] in Vectors::in_use().run(Lanes(f)) {
        let expected = expected(a, b);
        let same = y.to_bits() == expected.to_bits() || y.is_nan() && expected.is_nan();
        assert!(same, "of {a} and {b}: expected {expected}, got {y}");
    }
}

macro_rules! lanewise {
    ($name:ident, $s:ident, $a:ident, $b:ident => $y:expr) => {
        struct $name;
        impl Lanewise for $name {
            #[inline(always)]
            unsafe fn of<$s: Simd>(&self, $a: $s::V, $b: $s::V) -> $s::V {
                // SAFETY: the caller's contract.
                unsafe { $y }
            }
        }
    };
}

lanewise!(Add, S, a, b => S::add(a, b));
lanewise!(Gated, S, a, b => S::gated(a, b));
lanewise!(AtMost, S, a, _b => S::at_most(a, S::splat(1.5)));
lanewise!(Greater, S, a, b => S::greater(a, b));
lanewise!(Fma, S, a, b => S::fma(a, S::splat(1.0 + 1.0 / 4096.0), b));

#[test]
fn lanes_are_what_the_numbers_give() {
    check(Add, |a, b| a + b);
    check(Gated, gated);
    check(AtMost, |a, _| if a > 1.5 { 1.5 } else { a });
    check(Greater, |a, b| if a > b || a.is_nan() { a } else { b });
    let fused = Vectors::in_use().0 != Level::Portable;
    let c = 1.0 + 1.0 / 4096.0;
    check(Fma, |a, b| if fused { a.mul_add(c, b) } else { a * c + b });
}

struct Parts;

impl Kernel for Parts {
    type Out = ();
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (l, source) = (S::LANES, (1..=16).map(|i| i as f32).collect::<Vec<_>>());
        // every range of lanes, from memory that ends with it, then every second lane
        let ranges = (0..l).flat_map(|from| (from..=l).map(move |to| (1u32 << to) - (1 << from)));
        for lanes in ranges.chain([0x5555, 0xaaaa].map(|bits| bits & ((1 << l) - 1))) {
            let count = 32 - lanes.leading_zeros() as usize;
            let memory = source[..count].to_vec().into_boxed_slice();
            let mut y = [0f32; 16];
            // SAFETY: the caller has the features; lanes beyond the memory are not asked for.
            unsafe { S::store(y.as_mut_ptr(), S::load_lanes(S::splat(-1.0), memory.as_ptr(), lanes as u16)) };
            for (i, y) in y.into_iter().enumerate().take(l) {
                assert_eq!(y, if lanes >> i & 1 == 1 { source[i] } else { -1.0 }, "lane {i} of {lanes:#b}");
            }
        }
        // SAFETY: as above; rows of `l` floats, 17 apart.
        unsafe {
            let matrix: Vec<f32> = (0..l * l).map(|i| i as f32).collect();
            let rows: Vec<S::V> = (0..l).map(|i| S::load(matrix.as_ptr().add(i * l))).collect();
            let mut columns = vec![-1f32; l * 17];
            S::store_transposed(&rows, columns.as_mut_ptr(), 17);
            for (j, column) in columns.chunks(17).enumerate() {
                for (i, x) in column.iter().enumerate() {
                    assert_eq!(*x, if i < l { (i * l + j) as f32 } else { -1.0 }, "column {j}, row {i}");
                }
            }
            // halves are added up, and their halves
            let sum = S::sum(S::load(source.as_ptr()));
            assert_eq!(sum, (l * (l + 1) / 2) as f32);
        }
    }
}

#[test]
fn lanes_not_asked_for_stay_and_rows_become_columns() {
    Vectors::in_use().run(Parts);
}
