//! Whether a JPEG is whole (ITU-T T.81, annex B): its segments are walked and the blocks of its scans counted.

use super::{
    bits::Table,
    blocks::{self, Coding, Part, Plane, Stopped, Why},
    fault::Fault,
    header::{Frame, is_frame},
};

/// Decoders refuse more.
const MOST_SCANS: usize = 100;

/// What a walk over a JPEG has found.
#[derive(Debug)]
pub(super) struct Walk {
    /// What is missing, where something is.
    pub lack: Option<Lack>,
    /// Whether the end-of-image marker is there.
    pub ended: bool,
    /// How many scans it has.
    pub scans: usize,
}

/// What is missing from a JPEG that holds some picture.
#[derive(Debug)]
pub(super) struct Lack {
    /// In words that follow "expected a whole … picture, got".
    pub what: String,
    /// How many of its bytes are worth decoding.
    pub keep: usize,
}

/// Walks over all bytes of a JPEG whose frame header is `frame`.
///
/// # Errors
/// When there is no picture in it at all, or it breaks the format.
pub(super) fn walk(bytes: &[u8], frame: &Frame) -> Result<Walk, Fault> {
    if !matches!(frame.kind, 0xc0..=0xc2) {
        // Another process, which the decoder refuses in its own words.
        return Ok(Walk { lack: None, ended: true, scans: 1 });
    }
    let planes = frame.components.iter().map(|&c| Plane::new(frame, c)).collect();
    let mut walker = Walker { bytes, frame, planes, tables: Default::default(), interval: 0, scans: 0, seen: false };
    let (ended, lack) = match walker.segments()? {
        End::Marker => (true, None),
        End::File => (false, None),
        End::Lack(lack) => (false, Some(lack)),
    };
    let lack = match lack {
        None if !walker.is_complete() => Some(Lack { what: walker.incomplete(), keep: bytes.len() }),
        other => other,
    };
    match lack {
        Some(lack) if !walker.seen => Err(Fault::Broken(lack.what)),
        lack => Ok(Walk { lack, ended, scans: walker.scans }),
    }
}

/// How a walk ended.
enum End {
    Marker,
    File,
    Lack(Lack),
}

struct Walker<'a> {
    bytes: &'a [u8],
    frame: &'a Frame,
    planes: Vec<Plane>,
    /// For first and for other coefficients, four each.
    tables: [[Option<Table>; 4]; 2],
    interval: usize,
    scans: usize,
    /// Whether any block was there.
    seen: bool,
}

impl Walker<'_> {
    fn segments(&mut self) -> Result<End, Fault> {
        let bytes = self.bytes;
        let lack = |what: String, keep: usize| Ok(End::Lack(Lack { what, keep }));
        let cut = || format!("one cut short: its {} bytes end before the end-of-image marker", bytes.len());
        let mut at = 2;
        loop {
            let start = at;
            // A marker: FF, perhaps repeated as filling, then its code.
            at += bytes[at.min(bytes.len())..].iter().take_while(|&&b| b == 0xff).count();
            let Some(&marker) = bytes.get(at) else {
                return if self.is_complete() { Ok(End::File) } else { lack(cut(), start) };
            };
            if at == start {
                let stray = format!("a JPEG with stray data at byte {at}");
                return if self.is_complete() { Ok(End::File) } else { lack(stray, bytes.len()) };
            }
            at += 1;
            match marker {
                0xd9 => return Ok(End::Marker),
                0x01 | 0xd0..=0xd7 => continue,
                _ => {}
            }
            let length = bytes.get(at..at + 2).map_or(0, |l| usize::from(u16::from_be_bytes([l[0], l[1]])).max(2));
            let segment = match bytes.get(at + 2..at + length) {
                Some(segment) if length > 0 => segment,
                _ if self.is_complete() => return Ok(End::File),
                _ => return lack(cut(), start),
            };
            at += length;
            match marker {
                0xc4 => self.huffman(segment).ok_or_else(|| broken("Huffman table"))?,
                0xdd => self.interval = segment.get(..2).map_or(0, |i| usize::from(u16::from_be_bytes([i[0], i[1]]))),
                0xda => match self.scan(segment, at)? {
                    Ok(next) => at = next,
                    Err(stopped) => return lack(self.stopped(&stopped), bytes.len()),
                },
                m if is_frame(m) && self.scans > 0 => return Err(broken("second frame")),
                _ => {}
            }
        }
    }

    /// Whether all coefficients are there to the last bit.
    fn is_complete(&self) -> bool {
        self.planes.iter().all(|p| p.missing == [0; 64])
    }

    fn huffman(&mut self, mut segment: &[u8]) -> Option<()> {
        while let [kind, rest @ ..] = segment {
            let counts = rest.get(..16)?;
            let (symbols, rest) = rest[16..].split_at_checked(counts.iter().map(|&c| usize::from(c)).sum())?;
            let place = self.tables.get_mut(usize::from(kind >> 4))?.get_mut(usize::from(kind & 15))?;
            *place = Some(Table::new(counts, symbols)?);
            segment = rest;
        }
        Some(())
    }

    /// Reads the scan behind a scan header and returns where it ends.
    fn scan(&mut self, header: &[u8], at: usize) -> Result<Result<usize, Stopped>, Fault> {
        self.scans += 1;
        if self.scans > MOST_SCANS {
            return Err(Fault::Broken(format!("a JPEG with more than {MOST_SCANS} scans")));
        }
        let (parts, coding, low) = parts(header, &self.planes, &self.tables, self.frame.is_progressive())
            .ok_or_else(|| broken("scan header"))?;
        let scanned = (self.frame, &mut self.planes[..]);
        let next = match blocks::count(self.bytes, at, scanned, &parts, (coding, self.interval)) {
            Ok(next) => next,
            Err(stopped) => {
                self.seen |= stopped.done > 0;
                return Ok(Err(stopped));
            }
        };
        self.seen = true;
        let brought = match coding {
            Coding::Sequential => 0..=63,
            Coding::Dc { .. } => 0..=0,
            Coding::Ac { from, to, .. } => from as usize..=to as usize,
        };
        let planes: Vec<usize> = parts.iter().map(|p| p.plane).collect();
        for plane in planes {
            self.planes[plane].missing[brought.clone()].fill(low);
        }
        Ok(Ok(next.unwrap_or_else(|| super::bits::Bits::new(self.bytes, at).marker())))
    }

    fn stopped(&self, at: &Stopped) -> String {
        let Stopped { why, done, units } = at;
        let scan = if self.scans > 1 { format!(" of scan {}", self.scans) } else { String::new() };
        let so_far = format!("{done} of {units} blocks{scan} ({} %)", 100 * done / units);
        match why {
            Why::End => format!("one cut short: its data end after {so_far}"),
            Why::Code => format!("a damaged one: what follows {so_far} is no code of its tables"),
            Why::Restart(n) => format!("a damaged one: restart marker {n} stands out of turn after {so_far}"),
        }
    }

    fn incomplete(&self) -> String {
        match self.scans {
            0 => "a JPEG without picture data".into(),
            n => format!("one cut short: its {n} scan{} leave out values", if n == 1 { "" } else { "s" }),
        }
    }
}

/// What a scan header says; the number is of the low bits that it leaves out.
fn parts<'t>(
    header: &[u8],
    planes: &[Plane],
    tables: &'t [[Option<Table>; 4]; 2],
    is_progressive: bool,
) -> Option<(Vec<Part<'t>>, Coding, u8)> {
    let (&count, rest) = header.split_first()?;
    let (pairs, &[from, to, bits, ..]) = rest.split_at_checked(2 * usize::from(count))? else { return None };
    let mut parts = Vec::with_capacity(pairs.len() / 2);
    for pair in pairs.chunks_exact(2) {
        let plane = planes.iter().position(|p| p.component.id == pair[0])?;
        if parts.iter().any(|p: &Part<'_>| p.plane >= plane) {
            return None;
        }
        let table = |kind: usize, which: u8| tables[kind].get(usize::from(which)).map(Option::as_ref);
        parts.push(Part { plane, dc: table(0, pair[1] >> 4)?, ac: table(1, pair[1] & 15)? });
    }
    let (high, low) = (bits >> 4, bits & 15);
    let (coding, low) = match (is_progressive, from, to) {
        (false, ..) => (Coding::Sequential, 0),
        (true, 0, 0) => (Coding::Dc { refines: high > 0 }, low),
        (true, 1.., ..=63) if from <= to && parts.len() == 1 => {
            (Coding::Ac { from: u32::from(from), to: u32::from(to), refines: high > 0 }, low)
        }
        _ => return None,
    };
    (!parts.is_empty()).then_some((parts, coding, low))
}

fn broken(what: &str) -> Fault {
    Fault::Broken(format!("a JPEG with a {what} that breaks the format"))
}
