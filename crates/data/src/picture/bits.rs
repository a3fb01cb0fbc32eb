//! Bits and Huffman codes of a JPEG's compressed data (ITU-T T.81, annexes C and F.2.2), as far as counting blocks
//! needs them: symbols are read and the values that they announce are skipped.

/// Why no more can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The data end, or a marker stands in the way.
    End,
    /// The bits are no code of the table, or announce what cannot be.
    Code,
}

/// How many bits are looked up at once; longer codes are rare.
const QUICK: u32 = 9;

/// A Huffman table.
#[derive(Debug)]
pub(super) struct Table {
    /// Length and symbol of the code that these bits begin with; length 0: it is longer, or none.
    quick: Vec<(u8, u8)>,
    /// For each length the end of its codes, as 16 bits, and what has to be added to a code to get its symbol's index.
    ends: [(u32, i64); 17],
    symbols: Vec<u8>,
}

impl Table {
    /// A table from the numbers of codes of 1 to 16 bits and their symbols; `None` when these do not fit.
    pub(super) fn new(counts: &[u8], symbols: &[u8]) -> Option<Self> {
        let (mut quick, mut ends) = (vec![(0, 0); 1 << QUICK], [(0, 0); 17]);
        let (mut code, mut index) = (0_u32, 0_usize);
        for (length, &count) in (1..=16).zip(counts) {
            ends[length as usize].1 = index as i64 - i64::from(code);
            for _ in 0..count {
                let symbol = *symbols.get(index)?;
                if code >> length != 0 {
                    return None;
                }
                if length <= QUICK {
                    let from = (code << (QUICK - length)) as usize;
                    quick[from..from + (1 << (QUICK - length))].fill((length as u8, symbol));
                }
                (code, index) = (code + 1, index + 1);
            }
            ends[length as usize].0 = code << (16 - length);
            code <<= 1;
        }
        Some(Self { quick, ends, symbols: symbols[..index].to_vec() })
    }

    /// Length and symbol of the code that 16 bits begin with.
    fn find(&self, bits: u32) -> Option<(u8, u8)> {
        let (length, symbol) = self.quick[(bits >> (16 - QUICK)) as usize];
        if length > 0 {
            return Some((length, symbol));
        }
        let length = (QUICK as usize + 1..=16).find(|&l| bits < self.ends[l].0)?;
        let index = i64::from(bits >> (16 - length)) + self.ends[length].1;
        Some((length as u8, *self.symbols.get(usize::try_from(index).ok()?)?))
    }
}

/// Reads bits, the most significant first, and stops in front of a marker.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    buffer: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, buffer: 0, count: 0 }
    }

    /// Skips what is left in front of the next marker; its place (of its `FF`), or the end of the bytes.
    pub(super) fn marker(&mut self) -> usize {
        (self.buffer, self.count) = (0, 0);
        while let Some(&byte) = self.bytes.get(self.at) {
            match (byte, self.bytes.get(self.at + 1)) {
                (0xff, Some(0)) => self.at += 2,
                (0xff, Some(0xff)) => self.at += 1,
                (0xff, _) => break,
                _ => self.at += 1,
            }
        }
        self.at
    }

    /// Goes on after a marker of two bytes.
    pub(super) fn pass_marker(&mut self) {
        self.at += 2;
    }

    #[inline]
    fn fill(&mut self) {
        if self.count <= 32
            && let Some(&[a, b, c, d]) = self.bytes.get(self.at..self.at + 4)
            && ![a, b, c, d].contains(&0xff)
        {
            self.buffer |= u64::from(u32::from_be_bytes([a, b, c, d])) << (32 - self.count);
            (self.at, self.count) = (self.at + 4, self.count + 32);
            return;
        }
        while self.count <= 56 {
            let Some(&byte) = self.bytes.get(self.at) else { return };
            self.at += match (byte, self.bytes.get(self.at + 1)) {
                (0xff, Some(0)) => 2,
                // filling in front of a marker
                (0xff, Some(0xff)) => {
                    self.at += 1;
                    continue;
                }
                (0xff, _) => return,
                _ => 1,
            };
            self.buffer |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// The next symbol.
    #[inline]
    pub(super) fn symbol(&mut self, table: &Table) -> Result<u8, Stop> {
        if self.count < 16 {
            self.fill();
        }
        // Behind the last bit stand zeros here.
        match table.find((self.buffer >> 48) as u32) {
            Some((length, symbol)) => self.skip(u32::from(length)).map(|()| symbol),
            None if self.count < 16 => Err(Stop::End),
            None => Err(Stop::Code),
        }
    }

    /// Skips up to 64 bits.
    #[inline]
    pub(super) fn skip(&mut self, bits: u32) -> Result<(), Stop> {
        self.take(bits.min(32))?;
        self.take(bits.saturating_sub(32)).map(|_| ())
    }

    /// The next bits as a number, 32 at most.
    #[inline]
    pub(super) fn take(&mut self, bits: u32) -> Result<u32, Stop> {
        if bits == 0 {
            return Ok(0);
        }
        if self.count < bits {
            self.fill();
            if self.count < bits {
                return Err(Stop::End);
            }
        }
        let value = (self.buffer >> (64 - bits)) as u32;
        self.buffer <<= bits;
        self.count -= bits;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// ITU-T T.81, table K.3 (luminance, DC): 12 categories with codes of 2 to 9 bits, `00`, `010`, … `111111110`.
    fn k3() -> Table {
        Table::new(&[0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]).unwrap()
    }

    #[test]
    fn the_codes_of_table_k3_give_their_categories() {
        // 00 010 110 1111110 111111110, then ones as filling: category 0, 1, 5, 9, 11.
        let bytes = [0b0001_0110, 0b1111_1101, 0b1111_1110];
        let mut bits = Bits::new(&bytes, 0);
        let table = k3();
        for expected in [0, 1, 5, 9, 11] {
            assert_eq!(bits.symbol(&table), Ok(expected));
        }
        assert_eq!(bits.symbol(&table), Err(Stop::End));
    }

    #[test]
    fn long_codes_are_found_and_what_is_none_is_told() {
        // One code of a bit (0), then one of 16 (1000 0000 0000 0000).
        let mut counts = [0; 16];
        (counts[0], counts[15]) = (1, 1);
        let table = Table::new(&counts, &[7, 9]).unwrap();
        let bytes = [0b0100_0000, 0, 0b0100_0000, 0x80, 0, 0];
        let mut bits = Bits::new(&bytes, 0);
        assert_eq!((bits.symbol(&table), bits.symbol(&table)), (Ok(7), Ok(9)));
        assert_eq!(bits.symbol(&table), Err(Stop::Code));
        assert!(Table::new(&[3], &[1, 2, 3]).is_none(), "three codes of one bit");
        assert!(Table::new(&[2], &[1]).is_none(), "fewer symbols than codes");
    }

    #[test]
    fn stuffed_bytes_count_once_and_markers_stop() {
        let bytes = [0xff, 0x00, 0xab, 0xff, 0xff, 0xd9, 0x12];
        let mut bits = Bits::new(&bytes, 0);
        assert_eq!((bits.take(16), bits.take(1)), (Ok(0xffab), Err(Stop::End)));
        assert_eq!(bits.marker(), 4);
    }
}
