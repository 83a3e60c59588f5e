//! The feedback message behind its two SSRCs: base number, count, reference time, status chunks, time differences.

use super::{REFERENCE_BITS, Symbol, TICKS_PER_REFERENCE};

/// Packets one feedback speaks of. With the worst mix of chunks and differences it then stays below 1,200 bytes.
pub(super) const MAX_STATUSES: usize = 400;
/// Base, count, reference time, feedback count.
const HEAD: usize = 8;
/// Statuses in a chunk of one-bit and of two-bit symbols.
const ONE_BIT: usize = 14;
const TWO_BIT: usize = 7;
/// Every chunk but the last holds at least `TWO_BIT` statuses; every status has at most two bytes of difference.
const MAX_BODY: usize = HEAD + 2 * (MAX_STATUSES / TWO_BIT + 1) + 2 * MAX_STATUSES;

/// A written feedback.
#[derive(Debug)]
pub(crate) struct Body {
    bytes: [u8; MAX_BODY],
    length: usize,
    statuses: usize,
}

impl Body {
    /// Writes what is known of the numbers from `base` on, as far as it fits into one message: until a packet
    /// came 8 s or more before or after the one before it, or `MAX_STATUSES`. `times` are ticks. None when nothing came.
    pub(super) fn write(base: u16, count: u8, times: impl Iterator<Item = Option<u64>>) -> Option<Self> {
        let mut symbols = [Symbol::Missing; MAX_STATUSES];
        let mut differences = [0_i16; MAX_STATUSES];
        let (mut statuses, mut reference, mut before) = (0, None, 0);
        for ((time, symbol), difference) in times.zip(&mut symbols).zip(&mut differences) {
            if let Some(time) = time {
                if reference.is_none() {
                    reference = Some(time / TICKS_PER_REFERENCE);
                    before = time - time % TICKS_PER_REFERENCE;
                }
                let Ok(passed) = i16::try_from(time.wrapping_sub(before) as i64) else { break };
                *symbol = if u8::try_from(passed).is_ok() { Symbol::Small } else { Symbol::Large };
                *difference = passed;
                before = time;
            }
            statuses += 1;
        }
        let (symbols, differences) = (symbols.get(..statuses)?, differences.get(..statuses)?);
        let mut body = Self { bytes: [0; MAX_BODY], length: 0, statuses };
        body.put(&base.to_be_bytes())?;
        body.put(&(statuses as u16).to_be_bytes())?;
        let reference = (reference? as u32) & ((1 << REFERENCE_BITS) - 1);
        body.put(&(reference << 8 | u32::from(count)).to_be_bytes())?;
        let mut rest = symbols;
        while !rest.is_empty() {
            let (chunk, taken) = chunk(rest);
            body.put(&chunk.to_be_bytes())?;
            rest = rest.get(taken..)?;
        }
        for (symbol, difference) in symbols.iter().zip(differences) {
            match symbol {
                Symbol::Missing => {}
                Symbol::Small => body.put(&[*difference as u8])?,
                Symbol::Large => body.put(&difference.to_be_bytes())?,
            }
        }
        Some(body)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    pub(super) fn statuses(&self) -> usize {
        self.statuses
    }

    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.length + bytes.len();
        self.bytes.get_mut(self.length..end)?.copy_from_slice(bytes);
        self.length = end;
        Some(())
    }
}

/// The chunk that says most of what comes first, and how many statuses it holds.
fn chunk(symbols: &[Symbol]) -> (u16, usize) {
    let Some(&first) = symbols.first() else { return (0, 0) };
    let run = symbols.iter().take_while(|symbol| **symbol == first).count();
    let one_bit = symbols.iter().take(ONE_BIT).take_while(|symbol| **symbol != Symbol::Large).count();
    let all = |count: usize| symbols.len().min(count);
    if run >= all(ONE_BIT) || (one_bit < all(ONE_BIT) && run >= all(TWO_BIT)) {
        return ((first as u16) << 13 | run as u16, run);
    }
    // The first symbol stands highest; statuses after the last are zero.
    let vector = |width: usize, places: usize| {
        let bits = symbols.iter().take(places).enumerate();
        bits.fold(0, |chunk, (at, symbol)| chunk | (*symbol as u16) << (width * (places - 1 - at)))
    };
    if one_bit == all(ONE_BIT) {
        (0x8000 | vector(1, ONE_BIT), one_bit)
    } else {
        (0xc000 | vector(2, TWO_BIT), all(TWO_BIT))
    }
}

/// A feedback as it came: number of each packet and when it came, in ticks after the reference time.
#[derive(Debug, Clone)]
pub(super) struct Statuses<'a> {
    /// 24 bits of it, in units of 64 ms.
    pub(super) reference: u32,
    next: u16,
    left: usize,
    chunks: &'a [u8],
    differences: &'a [u8],
    chunk: Chunk,
    passed: i64,
}

/// A chunk and how many of its statuses were taken.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    bits: u16,
    taken: usize,
}

impl Chunk {
    fn statuses(self) -> usize {
        match self.bits >> 14 {
            0 | 1 => usize::from(self.bits & 0x1fff),
            2 => ONE_BIT,
            _ => TWO_BIT,
        }
    }

    /// The wire's symbol at a place, 0 to 3.
    fn symbol(self, at: usize) -> u16 {
        match self.bits >> 14 {
            0 | 1 => self.bits >> 13 & 3,
            2 => self.bits >> (ONE_BIT - 1).saturating_sub(at) & 1,
            _ => self.bits >> (2 * (TWO_BIT - 1).saturating_sub(at)) & 3,
        }
    }
}

impl<'a> Statuses<'a> {
    /// None: malformed, or more than `limit` packets.
    pub(super) fn read(body: &'a [u8], limit: usize) -> Option<Self> {
        let ([b0, b1, c0, c1, r0, r1, r2, _], rest) = body.split_first_chunk::<HEAD>()?;
        let left = usize::from(u16::from_be_bytes([*c0, *c1]));
        if left > limit {
            return None;
        }
        // The differences begin where the chunks have said enough.
        let (mut said, mut bytes, mut length) = (0, 0, 0);
        while said < left {
            let chunk = Chunk { bits: word(rest, length)?, taken: 0 };
            let count = chunk.statuses().min(left - said);
            for at in 0..count {
                bytes += match chunk.symbol(at) {
                    3 => return None,
                    symbol => usize::from(symbol),
                };
            }
            said += count;
            length += 2;
        }
        let (chunks, differences) = rest.split_at_checked(length)?;
        (bytes <= differences.len()).then_some(Self {
            reference: u32::from_be_bytes([0, *r0, *r1, *r2]),
            next: u16::from_be_bytes([*b0, *b1]),
            left,
            chunks,
            differences,
            chunk: Chunk { bits: 0, taken: 0 },
            passed: 0,
        })
    }
}

impl Iterator for Statuses<'_> {
    type Item = (u16, Option<i64>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        while self.chunk.taken >= self.chunk.statuses() {
            self.chunk = Chunk { bits: word(self.chunks, 0)?, taken: 0 };
            self.chunks = self.chunks.get(2..)?;
        }
        let symbol = self.chunk.symbol(self.chunk.taken);
        self.chunk.taken += 1;
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        let (difference, rest) = match symbol {
            1 => self.differences.split_first().map(|(byte, rest)| (i64::from(*byte), rest))?,
            2 => {
                let (bytes, rest) = self.differences.split_first_chunk()?;
                (i64::from(i16::from_be_bytes(*bytes)), rest)
            }
            _ => return Some((number, None)),
        };
        self.differences = rest;
        self.passed += difference;
        Some((number, Some(self.passed)))
    }
}

fn word(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*data.get(at..)?.first_chunk()?))
}
