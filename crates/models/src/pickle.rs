//! What a pickle would take to read, found before it is: a few bytes may ask for gigabytes, say the same tuple twice in
//! itself again and again, or nest so deeply that dropping it takes all of the stack.
//!
//! The operations are those that candle reads; CPython's `pickletools.py` describes them.

/// Bytes of objects, with all copies of them that are ever made.
const MOST: u64 = 512 << 20;
/// Objects within objects. A checkpoint with an optimizer's state has about ten.
const DEEPEST: u32 = 200;
/// About what an object takes beside its text.
const OBJECT: u64 = 64;

/// An object, as far as it matters here.
#[derive(Clone, Copy)]
struct Size {
    bytes: u64,
    depth: u32,
    is_mark: bool,
}

const PLAIN: Size = Size { bytes: OBJECT, depth: 1, is_mark: false };

#[derive(Default)]
struct Walk {
    stack: Vec<Size>,
    memo: std::collections::HashMap<u32, Size>,
    made: u64,
}

/// Checks the pickle that `bytes` begin with.
///
/// # Errors
/// It ends early, has an operation that is not read, or would take too much memory or stack.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    let (mut from, mut walk) = (bytes, Walk::default());
    while walk.step(&mut from)? {}
    Ok(())
}

fn take<'a>(from: &mut &'a [u8], count: usize) -> Result<&'a [u8], String> {
    let (some, rest) = from.split_at_checked(count).ok_or("a pickle that ends early")?;
    *from = rest;
    Ok(some)
}

fn number(from: &mut &[u8], count: usize) -> Result<u32, String> {
    Ok(take(from, count)?.iter().rev().fold(0, |n, byte| n << 8 | u32::from(*byte)))
}

fn line(from: &mut &[u8]) -> Result<u64, String> {
    let length = from.iter().position(|byte| *byte == b'\n').ok_or("a pickle that ends early")?;
    Ok(take(from, length + 1)?.len() as u64)
}

impl Walk {
    /// One operation; whether there are more.
    fn step(&mut self, from: &mut &[u8]) -> Result<bool, String> {
        let operation = take(from, 1)?[0];
        match operation {
            // PROTO
            0x80 => drop(take(from, 1)?),
            // GLOBAL
            b'c' => {
                let text = line(from)? + line(from)?;
                self.push(Size { bytes: OBJECT + text, ..PLAIN })?;
            }
            // BINPUT, LONG_BINPUT
            b'q' => self.put(number(from, 1)?)?,
            b'r' => self.put(number(from, 4)?)?,
            // BINGET, LONG_BINGET
            b'h' => self.get(number(from, 1)?)?,
            b'j' => self.get(number(from, 4)?)?,
            // BINUNICODE
            b'X' => {
                let length = number(from, 4)?;
                take(from, length as usize)?;
                self.push(Size { bytes: OBJECT + u64::from(length), ..PLAIN })?;
            }
            // BININT1, BININT2, BININT, BINFLOAT, LONG1
            b'K' => self.plain(from, 1)?,
            b'M' => self.plain(from, 2)?,
            b'J' => self.plain(from, 4)?,
            b'G' => self.plain(from, 8)?,
            0x8a => {
                let length = number(from, 1)?;
                self.plain(from, length as usize)?;
            }
            // EMPTY_TUPLE, EMPTY_DICT, DICT, EMPTY_LIST, NONE, NEWTRUE, NEWFALSE
            b')' | b'}' | b'd' | b']' | b'N' | 0x88 | 0x89 => self.plain(from, 0)?,
            // MARK
            b'(' => self.push(Size { is_mark: true, ..PLAIN })?,
            // TUPLE
            b't' => {
                let parts = self.until_mark()?;
                self.wrap(&parts)?;
            }
            // TUPLE1 and BINPERSID, TUPLE2 and REDUCE and BUILD and NEWOBJ, TUPLE3
            0x85 | b'Q' => {
                let parts = self.last(1)?;
                self.wrap(&parts)?;
            }
            0x86 | b'R' | b'b' | 0x81 => {
                let parts = self.last(2)?;
                self.wrap(&parts)?;
            }
            0x87 => {
                let parts = self.last(3)?;
                self.wrap(&parts)?;
            }
            // APPEND, SETITEM
            b'a' => {
                let parts = self.last(1)?;
                self.add(&parts)?;
            }
            b's' => {
                let parts = self.last(2)?;
                self.add(&parts)?;
            }
            // APPENDS, SETITEMS
            b'e' | b'u' => {
                let parts = self.until_mark()?;
                self.add(&parts)?;
            }
            // STOP
            b'.' => return Ok(false),
            other => return Err(format!("a pickle with operation {other:#04x}, which is not read")),
        }
        Ok(true)
    }

    /// A new object, or a copy of one.
    fn push(&mut self, size: Size) -> Result<(), String> {
        self.make(size.bytes)?;
        self.stack.push(size);
        Ok(())
    }

    fn make(&mut self, bytes: u64) -> Result<(), String> {
        self.made = self.made.saturating_add(bytes);
        if self.made > MOST {
            return Err(format!("a pickle whose objects take more than {} MiB", MOST >> 20));
        }
        Ok(())
    }

    fn plain(&mut self, from: &mut &[u8], count: usize) -> Result<(), String> {
        take(from, count)?;
        self.push(PLAIN)
    }

    fn pop(&mut self) -> Result<Size, String> {
        self.stack.pop().ok_or_else(|| "a pickle that takes more objects than it has".to_owned())
    }

    fn last(&mut self, count: usize) -> Result<Vec<Size>, String> {
        (0..count).map(|_| self.pop()).collect()
    }

    fn until_mark(&mut self) -> Result<Vec<Size>, String> {
        let mark = self.stack.iter().rposition(|size| size.is_mark).ok_or("a pickle that lacks a mark")?;
        let parts = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(parts)
    }

    /// An object made of others.
    fn wrap(&mut self, parts: &[Size]) -> Result<(), String> {
        self.make(OBJECT)?;
        self.stack.push(PLAIN);
        self.add(parts)
    }

    /// Moves objects into the one that is then the last.
    fn add(&mut self, parts: &[Size]) -> Result<(), String> {
        let mut whole = self.pop()?;
        for part in parts {
            whole.bytes = whole.bytes.saturating_add(part.bytes);
            whole.depth = whole.depth.max(part.depth + 1);
        }
        if whole.depth > DEEPEST {
            return Err(format!("a pickle of objects more than {DEEPEST} deep"));
        }
        self.stack.push(whole);
        Ok(())
    }

    /// Keeps a copy of the last object.
    fn put(&mut self, id: u32) -> Result<(), String> {
        let last = self.pop()?;
        self.stack.push(last);
        self.memo.insert(id, last);
        self.make(last.bytes)
    }

    fn get(&mut self, id: u32) -> Result<(), String> {
        let copy = *self.memo.get(&id).ok_or_else(|| format!("a pickle that lacks object {id}"))?;
        self.push(copy)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_would_take_too_much_is_refused_before_it_is_read() {
        // {"a": (1, 2.5)} as `pickle.dumps(.., protocol=2)` writes it
        let sound = b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01K\x01G@\x04\x00\x00\x00\x00\x00\x00\x86q\x02s.";
        check(sound).unwrap();
        for end in 0..sound.len() {
            assert!(check(&sound[..end]).unwrap_err().contains("ends early"), "{end}");
        }
        // a text of 2.3 GB, as a fuzzer found it
        assert_eq!(check(b"X\x89\x89\x89\x89abc.").unwrap_err(), "a pickle that ends early");
        // (t, t) of itself, thirty times
        let doubled = [&b")"[..], &b"q\x00h\x00\x86".repeat(30), b"."].concat();
        assert!(check(&doubled).unwrap_err().contains("512 MiB"));
        let nested = [&b")"[..], &[0x85; 300], b"."].concat();
        assert!(check(&nested).unwrap_err().contains("200 deep"));
        assert!(check(b")\xff.").unwrap_err().contains("0xff"));
        assert!(check(b"\x86.").unwrap_err().contains("more objects than it has"));
        assert!(check(b"Kat.").unwrap_err().contains("lacks a mark"));
        // moved, not copied: a list may grow by one object at a time
        check(&[&b"]"[..], &b"K\x01a".repeat(100_000), b"."].concat()).unwrap();
        assert!(check(b"h\x07.").unwrap_err().contains("lacks object 7"));
    }
}
