//! What a client has received, and when: by stream, and by the transport's own numbers.

/// Reception of one SSRC.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// Index of the first packet of the window and the highest, the rollover counter in the upper bits.
    first: u64,
    highest: u64,
    begun: bool,
    /// The window begins with the next packet.
    fresh_window: bool,
    /// In all, and in the window.
    pub packets: u64,
    pub in_window: u64,
    /// When the last packet came, and the longest time between two of the window, nanoseconds.
    last: Option<u64>,
    silence: u64,
    /// Highest index and packets at the last report.
    reported: (u64, u64),
}

/// A line of a receiver report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    pub ssrc: u32,
    pub fraction_lost: u8,
    pub lost: u32,
    pub highest: u32,
}

impl Received {
    /// Takes the sequence number of a packet; its index.
    pub fn packet(&mut self, sequence: u16) -> u64 {
        let index = if self.begun {
            let ahead = sequence.wrapping_sub(self.highest as u16) as i16;
            self.highest.saturating_add_signed(ahead.into())
        } else {
            self.begun = true;
            self.first = sequence.into();
            self.reported = (u64::from(sequence).wrapping_sub(1), 0);
            self.highest = sequence.into();
            sequence.into()
        };
        if std::mem::take(&mut self.fresh_window) {
            self.first = index;
        }
        self.highest = self.highest.max(index);
        self.packets += 1;
        self.in_window += 1;
        index
    }

    /// Takes note of when a packet came.
    pub fn at(&mut self, nanos: u64) {
        let before = self.last.replace(nanos).unwrap_or(nanos);
        self.silence = self.silence.max(nanos.saturating_sub(before));
    }

    /// The longest time without a packet in the window, which may not be over yet, nanoseconds. A window begins with the
    /// last packet before it.
    pub fn silence(&self, nanos: u64) -> u64 {
        self.silence.max(nanos.saturating_sub(self.last.unwrap_or(nanos)))
    }

    /// As if the next `count` packets had come.
    pub fn assume(&mut self, count: u64) {
        self.highest += count;
        self.packets += count;
        self.in_window += count;
    }

    pub fn begin_window(&mut self) {
        self.in_window = 0;
        self.silence = 0;
        self.fresh_window = true;
    }

    /// Packets missing in the window, between its first and its last.
    pub fn gaps(&self) -> u64 {
        if self.in_window == 0 { 0 } else { (self.highest + 1 - self.first).saturating_sub(self.in_window) }
    }

    /// What has come since the last report; None before the first packet.
    pub fn report(&mut self, ssrc: u32) -> Option<Block> {
        if !self.begun {
            return None;
        }
        let (highest, packets) = std::mem::replace(&mut self.reported, (self.highest, self.packets));
        let expected = self.highest.wrapping_sub(highest);
        let lost = expected.saturating_sub(self.packets - packets);
        let in_all = (self.highest + 1 - self.first).saturating_sub(self.packets);
        Some(Block {
            ssrc,
            fraction_lost: (lost * 256).checked_div(expected).unwrap_or(0).min(255) as u8,
            lost: in_all as u32,
            highest: self.highest as u32,
        })
    }
}

/// Transport-wide numbers and arrival times (250 us) since the last feedback.
#[derive(Debug, Default)]
pub struct Arrivals {
    list: Vec<(u16, u64)>,
    count: u8,
    /// The last number there was.
    pub last: u16,
}

/// Packets one feedback covers at most; more are not told of.
const COVERED: u16 = 2_000;

impl Arrivals {
    pub fn packet(&mut self, number: u16, nanos: u64) {
        self.list.push((number, nanos / 250_000));
        self.last = number;
    }

    /// Writes the body of a transport-wide feedback after its SSRCs
    /// (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1); false when nothing has come.
    pub fn put_feedback(&mut self, to: &mut Vec<u8>) -> bool {
        let Some((base, first)) = self.list.first().copied() else { return false };
        let mut arrived = vec![];
        for (number, tick) in self.list.drain(..) {
            let place = number.wrapping_sub(base);
            if place < COVERED {
                arrived.resize(arrived.len().max(usize::from(place) + 1), None);
                arrived[usize::from(place)] = Some(tick);
            }
        }
        // In units of 64 ms.
        let reference = first / 256;
        to.extend_from_slice(&base.to_be_bytes());
        to.extend_from_slice(&(arrived.len() as u16).to_be_bytes());
        to.extend_from_slice(&(reference as u32).to_be_bytes()[1..]);
        to.push(self.count);
        self.count = self.count.wrapping_add(1);
        let mut last = reference * 256;
        let mut deltas = vec![];
        // 0: not received, 1: a small delta, 2: a large one.
        let symbols: Vec<u16> = arrived
            .iter()
            .map(|tick| {
                let Some(tick) = *tick else { return 0 };
                let delta = tick as i64 - last as i64;
                last = tick;
                match u8::try_from(delta) {
                    Ok(small) => {
                        deltas.push(small);
                        1
                    }
                    Err(_) => {
                        deltas.extend_from_slice(&(delta as i16).to_be_bytes());
                        2
                    }
                }
            })
            .collect();
        for chunk in symbols.chunks(7) {
            let packed = chunk.iter().enumerate().map(|(at, symbol)| symbol << (12 - 2 * at));
            to.extend_from_slice(&(0xc000 | packed.sum::<u16>()).to_be_bytes());
        }
        to.extend_from_slice(&deltas);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_reports_count_what_is_missing_over_a_rollover() {
        let mut stream = Received::default();
        assert_eq!(stream.report(9), None);
        let indices: Vec<u64> = [65_534, 65_535, 1, 0, 3].map(|sequence| stream.packet(sequence)).into();
        assert_eq!(indices, [65_534, 65_535, 65_537, 65_536, 65_539]);
        assert_eq!(stream.gaps(), 1);
        let expected = Block { ssrc: 9, fraction_lost: (256 / 6) as u8, lost: 1, highest: 65_539 };
        assert_eq!(stream.report(9), Some(expected));
        stream.begin_window();
        assert_eq!(stream.gaps(), 0, "a window begins with its first packet");
        stream.packet(8);
        assert_eq!(stream.gaps(), 0);
        stream.packet(10);
        assert_eq!((stream.gaps(), stream.in_window, stream.packets), (1, 2, 7));
    }

    #[test]
    fn the_longest_silence_of_a_window_reaches_over_both_its_ends() {
        let mut stream = Received::default();
        assert_eq!(stream.silence(5), 0, "nothing was ever heard");
        [10, 30, 100].into_iter().for_each(|nanos| stream.at(nanos));
        assert_eq!(stream.silence(101), 70);
        stream.begin_window();
        stream.at(150);
        assert_eq!((stream.silence(160), stream.silence(300)), (50, 150));
    }

    #[test]
    fn feedback_lists_each_packet_of_the_interval() {
        let mut arrivals = Arrivals::default();
        for (number, millis) in [(65_535, 64), (0, 65), (2, 165)] {
            arrivals.packet(number, millis * 1_000_000);
        }
        let mut body = vec![];
        assert!(arrivals.put_feedback(&mut body));
        // Base, four packets, reference 1 (64 ms), number 0; small, small, missing, large; 0, 4 and 400 ticks.
        let expected = [0xff, 0xff, 0, 4, 0, 0, 1, 0, 0b1101_0100, 0b1000_0000, 0, 4, 1, 144];
        assert_eq!(body, expected);
        assert!(!arrivals.put_feedback(&mut body));
    }
}
