//! Counts the blocks of a JPEG's scan by reading all of its codes (ITU-T T.81, F.2 and G.2), without a pixel.
//!
//! Decoders fill what is missing with zeros and say nothing, also in their strict modes: a file that was cut short and
//! ends with a marker looks whole to them.

use super::{
    bits::{Bits, Stop, Table},
    header::{Component, Frame},
};

/// A component while its scans are read.
#[derive(Debug)]
pub(super) struct Plane {
    pub component: Component,
    /// Blocks that hold pixels, across and down: the units of a scan of this component alone.
    grid: (usize, usize),
    /// In progressive files, which coefficients of each block are not zero: a refinement has a bit for each of them.
    nonzero: Vec<u64>,
    /// How many low bits of each coefficient are still to come; 16 where no scan has brought it.
    pub missing: [u8; 64],
}

impl Plane {
    pub(super) fn new(frame: &Frame, component: Component) -> Self {
        let along = |side: usize, factor: usize, most: usize| (side * factor).div_ceil(most).div_ceil(8);
        let across = along(frame.size.width, component.across, frame.most_across());
        let down = along(frame.size.height, component.down, frame.most_down());
        let blocks = if frame.is_progressive() { across * down } else { 0 };
        Self { component, grid: (across, down), nonzero: vec![0; blocks], missing: [16; 64] }
    }
}

/// A component's part in a scan.
pub(super) struct Part<'a> {
    pub plane: usize,
    pub dc: Option<&'a Table>,
    pub ac: Option<&'a Table>,
}

/// What a scan brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// All coefficients.
    Sequential,
    /// The first coefficient, or one more bit of it.
    Dc { refines: bool },
    /// Coefficients `from..=to`, or one more bit of them.
    Ac { from: u32, to: u32, refines: bool },
}

/// Where a scan stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stopped {
    pub why: Why,
    /// Of `units` that it should hold (minimum coded units: blocks, or groups of them where colors are interleaved).
    pub done: usize,
    pub units: usize,
}

/// Why a scan stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Why {
    End,
    Code,
    /// Another restart marker than the next one.
    Restart(u8),
}

/// Reads a scan from byte `at` on, with a restart marker after each `interval` units unless that is 0. Returns the
/// place of the marker behind it; `None` where a table is not in the file (some video frames leave out the usual ones).
pub(super) fn count(
    bytes: &[u8],
    at: usize,
    (frame, planes): (&Frame, &mut [Plane]),
    parts: &[Part<'_>],
    (coding, interval): (Coding, usize),
) -> Result<Option<usize>, Stopped> {
    let mut scan = Scan { bits: Bits::new(bytes, at), bytes, interval, units: units(frame, planes, parts) };
    let blocks = |planes: &[Plane], part: &Part<'_>| {
        let c = planes[part.plane].component;
        if parts.len() > 1 { c.across * c.down } else { 1 }
    };
    match coding {
        Coding::Sequential => {
            let tables: Option<Vec<_>> = parts.iter().map(|p| Some((blocks(planes, p), p.dc?, p.ac?))).collect();
            let Some(tables) = tables else { return Ok(None) };
            scan.each(|bits, _, _| {
                tables.iter().try_for_each(|&(n, dc, ac)| (0..n).try_for_each(|_| sequential(bits, dc, ac)))
            })?;
        }
        Coding::Dc { refines: true } => {
            let all = parts.iter().map(|p| blocks(planes, p) as u32).sum();
            scan.each(|bits, _, _| bits.skip(all))?;
        }
        Coding::Dc { refines: false } => {
            let tables: Option<Vec<_>> = parts.iter().map(|p| Some((blocks(planes, p), p.dc?))).collect();
            let Some(tables) = tables else { return Ok(None) };
            scan.each(|bits, _, _| tables.iter().try_for_each(|&(n, dc)| (0..n).try_for_each(|_| first(bits, dc))))?;
        }
        Coding::Ac { from, to, refines } => {
            let [Part { plane, ac: Some(table), .. }] = parts else { return Ok(None) };
            let nonzero = &mut planes[*plane].nonzero;
            scan.each(|bits, unit, run| match nonzero.get_mut(unit) {
                Some(block) if refines => refine(bits, table, block, (from, to), run),
                Some(block) => bring(bits, table, block, (from, to), run),
                None => Err(Stop::Code),
            })?;
        }
    }
    Ok(Some(scan.bits.marker()))
}

/// How many units a scan of these parts has.
fn units(frame: &Frame, planes: &[Plane], parts: &[Part<'_>]) -> usize {
    if let [part] = parts {
        let (across, down) = planes[part.plane].grid;
        return across * down;
    }
    frame.size.width.div_ceil(8 * frame.most_across()) * frame.size.height.div_ceil(8 * frame.most_down())
}

struct Scan<'a> {
    bits: Bits<'a>,
    bytes: &'a [u8],
    interval: usize,
    units: usize,
}

impl Scan<'_> {
    /// Reads unit by unit; `read` gets the unit's number and how many blocks an earlier one has ended beforehand.
    fn each(
        &mut self,
        mut read: impl FnMut(&mut Bits<'_>, usize, &mut u32) -> Result<(), Stop>,
    ) -> Result<(), Stopped> {
        let (mut run, units) = (0, self.units);
        for unit in 0..units {
            let stopped = |why| Stopped { why, done: unit, units };
            if self.interval > 0 && unit > 0 && unit % self.interval == 0 {
                self.restart((unit / self.interval - 1) % 8).map_err(stopped)?;
                run = 0;
            }
            read(&mut self.bits, unit, &mut run).map_err(|stop| {
                stopped(match stop {
                    Stop::End => Why::End,
                    Stop::Code => Why::Code,
                })
            })?;
        }
        Ok(())
    }

    /// Goes on behind restart marker `number`.
    fn restart(&mut self, number: usize) -> Result<(), Why> {
        let at = self.bits.marker();
        match self.bytes.get(at + 1) {
            Some(&marker) if usize::from(marker) == 0xd0 + number => self.bits.pass_marker(),
            Some(marker @ 0xd0..=0xd7) => return Err(Why::Restart(marker - 0xd0)),
            _ => return Err(Why::End),
        }
        Ok(())
    }
}

/// The first coefficient of a block.
#[inline]
fn first(bits: &mut Bits<'_>, dc: &Table) -> Result<(), Stop> {
    let size = bits.symbol(dc)?;
    if size > 16 { Err(Stop::Code) } else { bits.skip(u32::from(size)) }
}

/// A block with all of its coefficients.
#[inline]
fn sequential(bits: &mut Bits<'_>, dc: &Table, ac: &Table) -> Result<(), Stop> {
    first(bits, dc)?;
    let mut k = 1;
    while k < 64 {
        let symbol = bits.symbol(ac)?;
        let (zeros, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        k += zeros + 1;
        match size {
            0 if zeros < 15 => break,
            0 => {}
            _ if k > 64 => return Err(Stop::Code),
            _ => bits.skip(size)?,
        }
    }
    Ok(())
}

/// How many blocks, this one among them, have no more coefficients.
fn ended(bits: &mut Bits<'_>, zeros: u32) -> Result<u32, Stop> {
    Ok((1 << zeros) + bits.take(zeros)?)
}

/// First bits of coefficients `from..=to`.
fn bring(bits: &mut Bits<'_>, ac: &Table, block: &mut u64, (from, to): (u32, u32), run: &mut u32) -> Result<(), Stop> {
    if *run > 0 {
        *run -= 1;
        return Ok(());
    }
    let mut k = from;
    while k <= to {
        let symbol = bits.symbol(ac)?;
        let (zeros, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 && zeros < 15 {
            *run = ended(bits, zeros)? - 1;
            break;
        }
        k += zeros;
        if size > 0 {
            if k > to {
                return Err(Stop::Code);
            }
            bits.skip(size)?;
            *block |= 1 << k;
        }
        k += 1;
    }
    Ok(())
}

/// One more bit of coefficients `from..=to`: for each that is not zero, and for those that begin to be.
fn refine(bits: &mut Bits<'_>, ac: &Table, block: &mut u64, (from, to): (u32, u32), run: &mut u32) -> Result<(), Stop> {
    let known = |block: u64, k: u32| ((block >> k) << k << (63 - to)).count_ones();
    let mut k = from;
    while *run == 0 && k <= to {
        let symbol = bits.symbol(ac)?;
        let (mut zeros, size) = (u32::from(symbol >> 4), symbol & 15);
        match size {
            0 if zeros < 15 => {
                *run = ended(bits, zeros)?;
                break;
            }
            0 => {}
            1 => bits.skip(1)?,
            _ => return Err(Stop::Code),
        }
        while k <= to {
            if *block >> k & 1 == 1 {
                bits.skip(1)?;
            } else if zeros == 0 {
                break;
            } else {
                zeros -= 1;
            }
            k += 1;
        }
        if size == 1 {
            if k > to {
                return Err(Stop::Code);
            }
            *block |= 1 << k;
        }
        k += 1;
    }
    if *run > 0 {
        *run -= 1;
        if k <= to {
            bits.skip(known(*block, k))?;
        }
    }
    Ok(())
}
