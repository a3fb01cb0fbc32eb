//! Fully connected layers.

use super::cpu::{elementwise, memory, parallel, simd::gated};
use super::node::{Arg, Function, apply, tensor, wants_grad, with_args};
use super::sizes::elements;
use super::tape::input;
use candle_core::{Result, Shape, Tensor, bail};

/// `relu?(x weight^T + bias)`: `x (B, I)`, `weight (O, I)`, `bias (O)`, giving `(B, O)`.
///
/// # Errors
/// Shapes that do not fit, a size of zero or beyond any memory; on the CPU, another type than f32.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, relu: bool) -> Result<Tensor> {
    let (&[b, i], &[o, wi]) = (x.dims(), weight.dims()) else {
        bail!("linear: (B, I) and (O, I) were expected, got {:?} and {:?}", x.dims(), weight.dims())
    };
    if i != wi {
        bail!("linear: the input has {i} values, the weights {:?} take {wi}", weight.dims());
    }
    if [b, i, o].contains(&0) {
        bail!("linear: a size of zero: {:?} and {:?}", x.dims(), weight.dims());
    }
    for dims in [[b, i], [o, i], [b, o]] {
        elements("linear", &dims)?;
    }
    if let Some(t) = bias
        && t.dims() != [o]
    {
        bail!("linear: the bias must be ({o}), got {:?}", t.dims());
    }
    if !x.device().is_cpu() {
        return composed(x, weight, bias, relu);
    }
    let f = Linear { b, i, o, relu };
    match bias {
        Some(t) => apply(f, &[x, weight, t]),
        None => apply(f, &[x, weight]),
    }
}

pub(super) fn composed(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, relu: bool) -> Result<Tensor> {
    let y = input(x).matmul(&input(weight).t()?)?;
    let y = match bias {
        Some(t) => y.broadcast_add(&input(t))?,
        None => y,
    };
    if relu { super::relu(&y) } else { Ok(y) }
}

struct Linear {
    b: usize,
    i: usize,
    o: usize,
    relu: bool,
}

/// A matrix somewhere: its first element, and the steps from row to row and from column to column.
type View = (usize, usize, usize);

/// `c (m, n) = a (m, k) b (k, n)`, cut into pieces of `c`'s columns that do not depend on the threads.
fn product(
    m: usize,
    k: usize,
    n: usize,
    (a, a_row, a_col): (&[f32], usize, usize),
    (b, b_row, b_col): (&[f32], usize, usize),
) -> Result<Vec<f32>> {
    let run = |c: memory::Shared| -> Result<()> {
        parallel::for_chunks(n, 64, |from, to| {
            let at: View = (from * b_col, b_row, b_col);
            // SAFETY: the shapes were checked by `linear`; the pieces of `c` are disjoint, and `gemm` does not read
            // them.
            unsafe {
                gemm::gemm(
                    m,
                    to - from,
                    k,
                    c.ptr().add(from),
                    1,
                    n as isize,
                    false,
                    a.as_ptr(),
                    a_col as isize,
                    a_row as isize,
                    b.as_ptr().add(at.0),
                    at.2 as isize,
                    at.1 as isize,
                    0.0,
                    1.0,
                    false,
                    false,
                    false,
                    gemm::Parallelism::None,
                );
            }
        });
        Ok(())
    };
    // SAFETY: the pieces cover `c`.
    unsafe { memory::filled(m * n, run) }
}

impl Function for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn forward(&self, args: &[Arg<'_>]) -> Result<(Vec<f32>, Shape)> {
        let (x, weight) = (args[0].data, args[1].data);
        let mut y = product(self.b, self.i, self.o, (x, self.i, 1), (weight, 1, self.i))?;
        for row in y.chunks_exact_mut(self.o) {
            if let Some(bias) = args.get(2) {
                row.iter_mut().zip(bias.data).for_each(|(y, b)| *y += b);
            }
            if self.relu {
                row.iter_mut().for_each(|y| *y = gated(*y, *y));
            }
        }
        Ok((y, Shape::from((self.b, self.o))))
    }

    fn backward(&self, args: &[&Tensor], out: &Tensor, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
        with_args(&[args[0], args[1], out, grad], |a| {
            let (x, weight) = (a[0].data, a[1].data);
            let masked = self.relu.then(|| elementwise::mask(a[2].data, a[3].data)).transpose()?;
            let dy = masked.as_deref().unwrap_or(a[3].data);
            let mut grads = vec![None, None, None];
            if wants_grad(args[0]) {
                let dx = product(self.b, self.o, self.i, (dy, self.o, 1), (weight, self.i, 1))?;
                grads[0] = Some(tensor(dx, (self.b, self.i)));
            }
            if wants_grad(args[1]) {
                let dw = product(self.o, self.b, self.i, (dy, 1, self.o), (x, self.i, 1))?;
                grads[1] = Some(tensor(dw, (self.o, self.i)));
            }
            if args.get(2).is_some_and(|b| wants_grad(b)) {
                let mut db = vec![0f32; self.o];
                for row in dy.chunks_exact(self.o) {
                    db.iter_mut().zip(row).for_each(|(s, g)| *s += g);
                }
                grads[2] = Some(tensor(db, self.o));
            }
            Ok(grads)
        })
    }
}
