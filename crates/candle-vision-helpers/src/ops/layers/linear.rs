//! Fully connected layers.

use super::activation::{finished, masked};
use crate::ops::counting;
use crate::ops::cpu::{
    activation::activated,
    team,
    uncleared::{Shared, filled},
};
use crate::ops::epilogue::{Activation, Epilogue};
use crate::ops::graph::{
    node::{Op, apply},
    saved::{Saved, Saves},
    storage::{Arg, Backend, Cpu, tensor},
    tape::input,
};
use crate::ops::shapes::{elements, filled as not_empty, shaped};
use candle_core::{Result, Shape, Tensor, bail};

/// `x weight^T`, then the epilogue: `x (B, I)`, `weight (O, I)`, a bias `(O)`, giving `(B, O)`.
///
/// # Errors
/// Shapes that do not fit, a size of zero or beyond any memory; on the CPU, another type than f32.
pub fn linear(x: &Tensor, weight: &Tensor, epilogue: Epilogue<&Tensor>) -> Result<Tensor> {
    let name = "linear";
    let &[b, i] = x.dims() else { bail!("{name}: input: expected (B, I), got {:?}", x.dims()) };
    let &[o, wi] = weight.dims() else { bail!("{name}: weight: expected (O, I), got {:?}", weight.dims()) };
    if i != wi {
        bail!("{name}: weight: expected (O, {i}) for {i} inputs, got {:?}", weight.dims());
    }
    for (argument, dims) in [("input", [b, i]), ("weight", [o, i])] {
        not_empty(name, argument, &dims)?;
    }
    elements(name, &[b, o])?;
    counting::add(counting::of(&[b, i, o]));
    let Epilogue { bias, residual, activation } = epilogue;
    for (argument, t, dims) in [("bias", bias, &[o][..]), ("residual", residual, &[b, o])] {
        t.map_or(Ok(()), |t| shaped(name, argument, dims, t.dims()))?;
    }
    if !x.device().is_cpu() {
        return composed(x, weight, epilogue);
    }
    let f = Linear { b, i, o, activation: activation.when(residual.is_none()) };
    let y = match bias {
        Some(t) => apply::<Cpu, _>(f, &[x, weight, t])?,
        None => apply::<Cpu, _>(f, &[x, weight])?,
    };
    match residual {
        Some(r) => finished(y, Epilogue { bias: None, residual: Some(input(r)), activation }),
        None => Ok(y),
    }
}

pub(super) fn composed(x: &Tensor, weight: &Tensor, epilogue: Epilogue<&Tensor>) -> Result<Tensor> {
    finished(input(x).matmul(&input(weight).t()?)?, epilogue.map(input))
}

struct Linear {
    b: usize,
    i: usize,
    o: usize,
    activation: Activation,
}

/// A matrix in memory, with the steps from row to row and from column to column.
struct Matrix<'a> {
    data: &'a [f32],
    row: usize,
    column: usize,
}

impl<'a> Matrix<'a> {
    /// Row after row, `columns` each.
    fn rows(data: &'a [f32], columns: usize) -> Self {
        Self { data, row: columns, column: 1 }
    }

    fn transposed(self) -> Self {
        Self { data: self.data, row: self.column, column: self.row }
    }
}

/// Columns of a product that are computed at once.
const PIECE: usize = 64;

/// `c (m, n) = a (m, k) b (k, n)`, cut into pieces of `c`'s columns that do not depend on the threads.
fn product([m, k, n]: [usize; 3], a: &Matrix<'_>, b: &Matrix<'_>) -> Result<Vec<f32>> {
    let run = |c: Shared| {
        team::for_each(n.div_ceil(PIECE), |piece| {
            let (from, to) = (piece * PIECE, n.min((piece + 1) * PIECE));
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
                    a.data.as_ptr(),
                    a.column as isize,
                    a.row as isize,
                    b.data.as_ptr().add(from * b.column),
                    b.column as isize,
                    b.row as isize,
                    0.0,
                    1.0,
                    false,
                    false,
                    false,
                    gemm::Parallelism::None,
                );
            }
        });
    };
    // SAFETY: the pieces cover `c`.
    unsafe { filled(m * n, run) }
}

impl Op<Cpu> for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn forward(&self, (): &(), args: &[Arg<'_, Cpu>]) -> Result<(Vec<f32>, Shape)> {
        let (x, weight) = (args[0].data, args[1].data);
        let (x, weight) = (Matrix::rows(x, self.i), Matrix::rows(weight, self.i));
        let mut y = product([self.b, self.i, self.o], &x, &weight.transposed())?;
        for row in y.chunks_exact_mut(self.o) {
            if let Some(bias) = args.get(2) {
                row.iter_mut().zip(bias.data).for_each(|(y, b)| *y += b);
            }
            row.iter_mut().for_each(|y| *y = activated(self.activation, *y));
        }
        Ok((y, Shape::from((self.b, self.o))))
    }

    fn saves(&self, wants: &[bool]) -> Saves {
        Saves::product(wants).and_out(self.activation != Activation::None)
    }

    fn backward(&self, mut saved: Saved, grad: Tensor) -> Result<Vec<Option<Tensor>>> {
        counting::add(counting::of(&[self.b, self.i, self.o]) * saved.wanted());
        let dy = masked(self.activation, &mut saved, grad)?;
        let mut grads = vec![None, None, None];
        if saved.wants_grad(0) {
            let dx = Cpu::read(&[&dy, &saved.take(1)?], |_, a| {
                let (dy, weight) = (Matrix::rows(a[0].data, self.o), Matrix::rows(a[1].data, self.i));
                product([self.b, self.o, self.i], &dy, &weight)
            })?;
            grads[0] = Some(tensor(dx, (self.b, self.i)));
        }
        if saved.wants_grad(1) {
            let dw = Cpu::read(&[&dy, &saved.take(0)?], |_, a| {
                let (dy, x) = (Matrix::rows(a[0].data, self.o), Matrix::rows(a[1].data, self.i));
                product([self.o, self.b, self.i], &dy.transposed(), &x)
            })?;
            grads[1] = Some(tensor(dw, (self.o, self.i)));
        }
        if saved.wants_grad(2) {
            let mut db = vec![0f32; self.o];
            Cpu::read(&[&dy], |_, a| {
                for row in a[0].data.chunks_exact(self.o) {
                    db.iter_mut().zip(row).for_each(|(s, g)| *s += g);
                }
                Ok(())
            })?;
            grads[2] = Some(tensor(db, self.o));
        }
        Ok(grads)
    }
}
