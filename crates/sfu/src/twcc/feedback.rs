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
