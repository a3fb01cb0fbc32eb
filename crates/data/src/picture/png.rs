//! Whether a PNG is there to its end; its decoder says whether all pixels are there.

use super::fault::Fault;

/// The last chunk: no contents, and its checksum.
pub(super) const END: [u8; 12] = *b"\0\0\0\0IEND\xaeB`\x82";

/// Walks the chunks up to `IEND`.
///
/// # Errors
/// When it is not there.
pub(super) fn check(bytes: &[u8]) -> Result<(), Fault> {
    let missing = || Fault::Broken(format!("one cut short: its {} bytes end before the IEND chunk", bytes.len()));
    let mut at = 8;
    loop {
        let head = bytes.get(at..at + 8).ok_or_else(missing)?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        at =
            at.checked_add(length).and_then(|a| a.checked_add(12)).filter(|&a| a <= bytes.len()).ok_or_else(missing)?;
        if &head[4..] == b"IEND" {
            return Ok(());
        }
    }
}
