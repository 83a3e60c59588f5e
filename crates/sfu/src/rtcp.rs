//! RTCP (RFC 3550 §6, RFC 4585, RFC 5104): the few packets that matter here, read from and written to compounds.

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;
/// Feedback message types (RFC 4585 §6.2, §6.3; RFC 5104 §4.3.1).
const NACK: u8 = 1;
/// Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
const TRANSPORT_WIDE: u8 = 15;
const PLI: u8 = 1;
const FIR: u8 = 4;

/// The padding bit in the first byte; the last byte then counts the padding.
const PADDED: u8 = 0x20;

/// A report block as it arrives and leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ReportBlock {
    pub(crate) ssrc: u32,
    /// Of 256, since the last report.
    pub(crate) fraction_lost: u8,
    /// 24 bits, signed on the wire.
    pub(crate) lost: i32,
    pub(crate) highest_sequence: u32,
    /// In timestamp units.
    pub(crate) jitter: u32,
    /// Middle 32 bits of the NTP time of the last sender report; 0 is none.
    pub(crate) last_sr: u32,
    /// Since that report, in 1/65,536 s.
    pub(crate) delay: u32,
}

/// A sender report without its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SenderInfo {
    pub(crate) ssrc: u32,
    /// 32.32 fixed point seconds since 1900.
    pub(crate) ntp: u64,
    pub(crate) rtp: u32,
    pub(crate) packets: u32,
    pub(crate) octets: u32,
}

/// What a compound says, one statement at a time. Packets of other types are passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statement {
    Sender(SenderInfo),
    Report(ReportBlock),
    /// PLI, or one entry of a FIR.
    KeyframeRequest {
        ssrc: u32,
    },
    /// One entry of a generic NACK: this packet, and of the sixteen after it those whose bit is set.
    Nack {
        ssrc: u32,
        first: u16,
        mask: u16,
    },
}

/// Reads a plain compound and hands each statement to `each`. False: the framing does not hold; what came before
/// the fault has been handed out.
pub(crate) fn read(compound: &[u8], mut each: impl FnMut(Statement)) -> bool {
    let mut rest = compound;
    while !rest.is_empty() {
        let Some((packet, tail)) = split(rest) else { return false };
        if statements(packet, &mut each).is_none() {
            return false;
        }
        rest = tail;
    }
    !compound.is_empty()
}

/// The bodies of the transport-wide feedback in a compound, behind their two SSRCs, as far as the framing holds.
pub(crate) fn transport_feedback(compound: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = compound;
    let packets = std::iter::from_fn(move || {
        let (packet, tail) = split(rest)?;
        rest = tail;
        Some(packet)
    });
    let wide = |packet: &Packet<'_>| (packet.kind, packet.count) == (TRANSPORT_FEEDBACK, TRANSPORT_WIDE);
    packets.filter(wide).filter_map(|packet| packet.body.get(8..))
}

struct Packet<'a> {
    /// Report count or feedback message type.
    count: u8,
    kind: u8,
    body: &'a [u8],
}

fn split(data: &[u8]) -> Option<(Packet<'_>, &[u8])> {
    let ([first, kind, w0, w1], rest) = data.split_first_chunk::<4>()?;
    if first >> 6 != 2 {
        return None;
    }
    let (body, tail) = rest.split_at_checked(4 * usize::from(u16::from_be_bytes([*w0, *w1])))?;
    Some((Packet { count: first & 0x1f, kind: *kind, body }, tail))
}

fn statements(packet: Packet<'_>, each: &mut impl FnMut(Statement)) -> Option<()> {
    let Packet { count, kind, body } = packet;
    match (kind, count) {
        (SENDER_REPORT, _) => {
            let (info, blocks) = body.split_at_checked(24)?;
            let word = |index| word(info, index);
            each(Statement::Sender(SenderInfo {
                ssrc: word(0)?,
                ntp: u64::from(word(1)?) << 32 | u64::from(word(2)?),
                rtp: word(3)?,
                packets: word(4)?,
                octets: word(5)?,
            }));
            reports(count, blocks, each)
        }
        (RECEIVER_REPORT, _) => reports(count, body.get(4..)?, each),
        (PAYLOAD_FEEDBACK, PLI) => {
            each(Statement::KeyframeRequest { ssrc: word(body, 1)? });
            Some(())
        }
        (PAYLOAD_FEEDBACK, FIR) => {
            for entry in body.get(8..)?.chunks_exact(8) {
                each(Statement::KeyframeRequest { ssrc: word(entry, 0)? });
            }
            Some(())
        }
        (TRANSPORT_FEEDBACK, NACK) => {
            let ssrc = word(body, 1)?;
            for entry in body.get(8..)?.chunks_exact(4) {
                let entry = word(entry, 0)?;
                each(Statement::Nack { ssrc, first: (entry >> 16) as u16, mask: entry as u16 });
            }
            Some(())
        }
        _ => Some(()),
    }
}

fn reports(count: u8, blocks: &[u8], each: &mut impl FnMut(Statement)) -> Option<()> {
    for index in 0..usize::from(count) {
        let block = blocks.get(24 * index..24 * (index + 1))?;
        let [fraction_lost, l0, l1, l2, ..] = *block.get(4..)?.first_chunk::<4>()?;
        each(Statement::Report(ReportBlock {
            ssrc: word(block, 0)?,
            fraction_lost,
            // Sign from the top of 24 bits.
            lost: i32::from_be_bytes([l0, l1, l2, 0]) >> 8,
            highest_sequence: word(block, 2)?,
            jitter: word(block, 3)?,
            last_sr: word(block, 4)?,
            delay: word(block, 5)?,
        }));
    }
    Some(())
}

fn word(data: &[u8], index: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*data.get(4 * index..)?.first_chunk()?))
}

/// The number this server reports under: it is nobody's media.
pub(crate) const REPORTER_SSRC: u32 = 1;

/// Writes one compound. A packet that does not fit is left out, and `put_*` answers false.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    out: &'a mut [u8],
    length: usize,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut [u8]) -> Self {
        Self { out, length: 0 }
    }

    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// A receiver report of at most 31 blocks.
    pub(crate) fn put_receiver_report(&mut self, blocks: &[ReportBlock]) -> bool {
        let blocks = blocks.get(..blocks.len().min(31)).unwrap_or_default();
        self.packet(blocks.len() as u8, RECEIVER_REPORT, 4 + 24 * blocks.len(), |body| {
            put(body, &[REPORTER_SSRC]);
            for (block, at) in blocks.iter().zip(body.get_mut(4..).unwrap_or_default().chunks_exact_mut(24)) {
                let lost = block.lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
                let loss = u32::from(block.fraction_lost) << 24 | lost;
                put(
                    at,
                    &[block.ssrc, loss, block.highest_sequence, block.jitter, block.last_sr, block.delay],
                );
            }
        })
    }

    pub(crate) fn put_sender_report(&mut self, info: &SenderInfo) -> bool {
        self.packet(0, SENDER_REPORT, 24, |body| {
            let (high, low) = ((info.ntp >> 32) as u32, info.ntp as u32);
            put(body, &[info.ssrc, high, low, info.rtp, info.packets, info.octets]);
        })
    }

    /// CNAME of one source; at most 255 bytes of it.
    pub(crate) fn put_cname(&mut self, ssrc: u32, cname: &str) -> bool {
        let text = cname.as_bytes().get(..cname.len().min(255)).unwrap_or_default();
        // Chunk: ssrc, item CNAME (1), length, text, at least one zero, to four bytes.
        let length = (4 + 2 + text.len() + 1).next_multiple_of(4);
        self.packet(1, SOURCE_DESCRIPTION, length, |body| {
            body.fill(0);
            put(body, &[ssrc]);
            if let Some([kind, size, rest @ ..]) = body.get_mut(4..) {
                (*kind, *size) = (1, text.len() as u8);
                rest.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
            }
        })
    }

    pub(crate) fn put_pli(&mut self, media: u32) -> bool {
        self.packet(PLI, PAYLOAD_FEEDBACK, 8, |body| put(body, &[REPORTER_SSRC, media]))
    }

    /// Transport-wide feedback; `body` is what follows the two SSRCs.
    pub(crate) fn put_transport_feedback(&mut self, media: u32, body: &[u8]) -> bool {
        let length = (8 + body.len()).next_multiple_of(4);
        let padding = length - 8 - body.len();
        let flag = if padding > 0 { PADDED } else { 0 };
        self.packet(TRANSPORT_WIDE | flag, TRANSPORT_FEEDBACK, length, |to| {
            to.fill(0);
            put(to, &[REPORTER_SSRC, media]);
            to.iter_mut().skip(8).zip(body).for_each(|(to, byte)| *to = *byte);
            if let Some(last) = to.last_mut().filter(|_| padding > 0) {
                *last = padding as u8;
            }
        })
    }

    /// Generic NACK: (packet identifier, bit mask of the sixteen after it) each.
    pub(crate) fn put_nack(&mut self, media: u32, entries: &[(u16, u16)]) -> bool {
        self.packet(NACK, TRANSPORT_FEEDBACK, 8 + 4 * entries.len(), |body| {
            put(body, &[REPORTER_SSRC, media]);
            let entries = entries.iter().map(|(first, mask)| u32::from(*first) << 16 | u32::from(*mask));
            let places = body.get_mut(8..).unwrap_or_default().chunks_exact_mut(4);
            places.zip(entries).for_each(|(to, entry)| to.copy_from_slice(&entry.to_be_bytes()));
        })
    }

    fn packet(&mut self, count: u8, kind: u8, length: usize, fill: impl FnOnce(&mut [u8])) -> bool {
        let Some(place) = self.out.get_mut(self.length..self.length + 4 + length) else { return false };
        let [w0, w1] = ((length / 4) as u16).to_be_bytes();
        if let Some((head, body)) = place.split_first_chunk_mut::<4>() {
            *head = [0x80 | count & (PADDED | 0x1f), kind, w0, w1];
            fill(body);
        }
        self.length += 4 + length;
        true
    }
}

fn put(to: &mut [u8], words: &[u32]) {
    to.chunks_exact_mut(4).zip(words).for_each(|(to, word)| to.copy_from_slice(&word.to_be_bytes()));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn collect(compound: &[u8]) -> (bool, Vec<Statement>) {
        let mut statements = Vec::new();
        let sound = read(compound, |statement| statements.push(statement));
        (sound, statements)
    }

    #[test]
    fn a_written_compound_reads_back() {
        let block = ReportBlock {
            ssrc: 9,
            fraction_lost: 128,
            lost: -3,
            highest_sequence: 0x1_0005,
            jitter: 77,
            last_sr: 0xaabb_ccdd,
            delay: 65_536,
        };
        let info =
            SenderInfo { ssrc: 5, ntp: 0x0102_0304_0506_0708, rtp: 90_000, packets: 10, octets: 1_000 };
        let mut out = [0; 400];
        let mut writer = Writer::new(&mut out);
        assert!(writer.put_receiver_report(&[block, ReportBlock { lost: 0x7f_ffff, ..block }]));
        assert!(writer.put_sender_report(&info));
        assert!(writer.put_cname(5, "abcd"));
        assert!(writer.put_pli(9));
        assert!(writer.put_nack(9, &[(65_535, 1), (7, 0x8000)]));
        let length = writer.length();
        let (sound, statements) = collect(&out[..length]);
        assert!(sound);
        assert_eq!(
            statements,
            [
                Statement::Report(block),
                Statement::Report(ReportBlock { lost: 0x7f_ffff, ..block }),
                Statement::Sender(info),
                Statement::KeyframeRequest { ssrc: 9 },
                Statement::Nack { ssrc: 9, first: 65_535, mask: 1 },
                Statement::Nack { ssrc: 9, first: 7, mask: 0x8000 },
            ]
        );
    }

    #[test]
    fn a_fir_asks_for_each_of_its_entries() {
        let fir = crate::srtp::tests::hex("84ce0006 00000001 00000000 0000000a 01000000 0000000b 02000000");
        let (sound, statements) = collect(&fir);
        assert!(sound);
        let request = |ssrc| Statement::KeyframeRequest { ssrc };
        assert_eq!(statements, [request(10), request(11)]);
    }

    #[test]
    fn packets_that_do_not_fit_are_left_out() {
        let mut out = [0; 20];
        let mut writer = Writer::new(&mut out);
        assert!(!writer.put_sender_report(&SenderInfo { ssrc: 1, ntp: 0, rtp: 0, packets: 0, octets: 0 }));
        assert!(writer.put_pli(9));
        assert_eq!(writer.length(), 12);
    }

    #[test]
    fn cut_compounds_are_noticed() {
        let mut out = [0; 100];
        let mut writer = Writer::new(&mut out);
        writer.put_receiver_report(&[ReportBlock::default(); 2]);
        let length = writer.length();
        for cut in 0..length {
            assert!(!collect(&out[..cut]).0, "{cut}");
        }
        // More blocks announced than there are.
        out[0] = 0x80 | 31;
        assert!(!collect(&out[..length]).0);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut data in prop::collection::vec(any::<u8>(), 0..200), kind in 200_u8..208) {
            if let [first, second, high, low, ..] = data.as_mut_slice() {
                (*first, *second, *high, *low) = (0x80 | *first & 0x1f, kind, 0, *low & 0x3f);
            }
            read(&data, |_| ());
        }
    }
}
