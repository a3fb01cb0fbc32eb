//! From planes to blocked maps and back.

use super::{Map, Share, for_rows};
use crate::ops::cpu::{team::Member, uncleared::Shared};
use std::ops::Range;

/// Writes some rows of a picture's planes `(C, H, W)` into a map.
///
/// # Safety
/// The map lies in `memory`; nothing else touches it meanwhile.
pub(crate) unsafe fn to_blocks(planes: &[f32], map: &Map, memory: Shared, rows: Range<usize>, team: &Member<'_>) {
    for_rows(map.blocks(), rows, Share::ANY_ROWS, team, |block, rows| {
        // SAFETY: the caller's contract; no two tasks share rows.
        unsafe { map.clear_halo(memory, block, rows.clone()) };
        let first = block * map.block;
        for y in rows {
            // SAFETY: as above.
            let to = unsafe { memory.part(map.at(block, y, 0), map.w * map.block) };
            for lane in 0..map.block {
                let to = to[lane..].iter_mut().step_by(map.block);
                match planes.get((first + lane) * map.h * map.w + y * map.w..) {
                    Some(row) if first + lane < map.channels => to.zip(row).for_each(|(to, x)| *to = *x),
                    _ => to.for_each(|to| *to = 0.0),
                }
            }
        }
    });
}

/// Writes a map's channels as planes `(C, H, W)`, all of them.
///
/// # Safety
/// The map lies in `memory` and is not written meanwhile; `planes` has room for its channels.
pub(crate) unsafe fn to_planes(map: &Map, memory: Shared, planes: Shared, team: &Member<'_>) {
    for_rows(map.blocks(), 0..map.h, Share::ANY_ROWS, team, |block, rows| {
        let first = block * map.block;
        for y in rows {
            // SAFETY: the caller's contract; no two tasks share rows.
            unsafe {
                let from = memory.part(map.at(block, y, 0), map.w * map.block);
                for lane in 0..map.block.min(map.channels - first) {
                    let to = planes.part((first + lane) * map.h * map.w + y * map.w, map.w);
                    to.iter_mut().zip(from[lane..].iter().step_by(map.block)).for_each(|(to, x)| *to = *x);
                }
            }
        }
    });
}
