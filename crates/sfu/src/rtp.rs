//! RTP headers (RFC 3550 §5.1) and header extensions (RFC 8285): read from the network, written for a receiver.

/// Fixed header.
pub(crate) const FIXED_HEADER: usize = 12;
/// The longest header written: fixed part, extension head, and every extension this server writes.
pub(crate) const MAX_WRITTEN_HEADER: usize =
    FIXED_HEADER + 4 + (1 + 16) + (1 + 1) + (1 + 3) + (1 + 2) + (1 + 1) + 3;

const ONE_BYTE: u16 = 0xbede;
/// 0x1000 to 0x100f: the low bits are for the application.
const TWO_BYTE: u16 = 0x1000;

/// RFC 7983 and RFC 5761 §4: RTP or RTCP by the first byte, RTCP by the second.
pub(crate) const fn is_rtp_or_rtcp(first: u8) -> bool {
    first >> 6 == 2
}

/// With RTCP on the same port, payload types 64 to 95 are RTCP's.
pub(crate) const fn is_rtcp(second: u8) -> bool {
    second >= 192 && second <= 223
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{length} bytes do not hold the RTP header they announce")]
pub(crate) struct MalformedRtp {
    length: usize,
}

/// A received header. Everything in it lies within the packet it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) marker: bool,
    pub(crate) padding: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    /// Profile, start and end of the extension's data.
    extension: Option<(u16, usize, usize)>,
    /// Bytes of the header: the payload begins here.
    pub(crate) length: usize,
}

impl Header {
    pub(crate) fn read(packet: &[u8]) -> Result<Self, MalformedRtp> {
        Self::try_read(packet).ok_or(MalformedRtp { length: packet.len() })
    }

    fn try_read(packet: &[u8]) -> Option<Self> {
        let [first, second, q0, q1, t0, t1, t2, t3, s0, s1, s2, s3] =
            *packet.first_chunk::<FIXED_HEADER>()?;
        if first >> 6 != 2 {
            return None;
        }
        let mut length = FIXED_HEADER + 4 * usize::from(first & 0x0f);
        let mut extension = None;
        if first & 0x10 != 0 {
            let [p0, p1, w0, w1] = *packet.get(length..)?.first_chunk::<4>()?;
            let start = length + 4;
            length = start + 4 * usize::from(u16::from_be_bytes([w0, w1]));
            extension = Some((u16::from_be_bytes([p0, p1]), start, length));
        }
        (length <= packet.len()).then_some(Self {
            marker: second & 0x80 != 0,
            padding: first & 0x20 != 0,
            payload_type: second & 0x7f,
            sequence: u16::from_be_bytes([q0, q1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
            extension,
            length,
        })
    }

    /// The extension elements as (id, data). Stops at the first that does not fit.
    pub(crate) fn extensions<'a>(&self, packet: &'a [u8]) -> Elements<'a> {
        let (profile, data) = match self.extension {
            Some((profile, start, end)) => (profile, packet.get(start..end).unwrap_or_default()),
            None => (ONE_BYTE, &[][..]),
        };
        let two_byte = profile & 0xfff0 == TWO_BYTE;
        let data = if two_byte || profile == ONE_BYTE { data } else { &[] };
        Elements { data, two_byte }
    }
}

/// Payload without its padding, or None when the padding is longer than the payload or zero (RFC 3550 §5.1).
pub(crate) fn without_padding(payload: &[u8], padding: bool) -> Option<&[u8]> {
    if !padding {
        return Some(payload);
    }
    let count = usize::from(*payload.last()?);
    if count == 0 { None } else { payload.get(..payload.len().checked_sub(count)?) }
}

#[derive(Debug, Clone)]
pub(crate) struct Elements<'a> {
    data: &'a [u8],
    two_byte: bool,
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (&first, rest) = self.data.split_first()?;
            // Zero is padding between elements.
            if first == 0 {
                self.data = rest;
                continue;
            }
            let (id, length, rest) = if self.two_byte {
                let (&length, rest) = rest.split_first()?;
                (first, usize::from(length), rest)
            } else {
                (first >> 4, usize::from(first & 0x0f) + 1, rest)
            };
            if !self.two_byte && (id == 0 || id == 15) {
                // RFC 8285 §4.2: 15 ends the list; 0 with a length is not allowed.
                self.data = &[];
                return None;
            }
            let (value, tail) = rest.split_at_checked(length)?;
            self.data = tail;
            return Some((id, value));
        }
    }
}

/// What a receiver's packet says in its header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    pub(crate) marker: bool,
    pub(crate) padding: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    /// Id (1 to 14) and 1 to 16 bytes each; others are left out.
    pub(crate) extensions: &'a [(u8, &'a [u8])],
}

impl Outgoing<'_> {
    /// Whether an element can be written: with one byte for its id and length.
    pub(crate) fn is_written(id: u8, value: &[u8]) -> bool {
        (1..=14).contains(&id) && (1..=16).contains(&value.len())
    }

    /// What comes before the elements: the profile, and how many words of four bytes they take.
    pub(crate) fn extension_head(words: usize) -> [u8; 4] {
        let ([p0, p1], [w0, w1]) = (ONE_BYTE.to_be_bytes(), (words as u16).to_be_bytes());
        [p0, p1, w0, w1]
    }

    /// Writes the header; its length, or None when it does not fit.
    pub(crate) fn write(&self, out: &mut [u8]) -> Option<usize> {
        let usable = || self.extensions.iter().filter(|(id, value)| Self::is_written(*id, value));
        let has_extensions = usable().next().is_some();
        let fixed = out.first_chunk_mut::<FIXED_HEADER>()?;
        fixed[0] = 0x80 | u8::from(self.padding) << 5 | u8::from(has_extensions) << 4;
        fixed[1] = u8::from(self.marker) << 7 | self.payload_type & 0x7f;
        fixed[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        fixed[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        fixed[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        if !has_extensions {
            return Some(FIXED_HEADER);
        }
        let mut at = FIXED_HEADER + 4;
        for (id, value) in usable() {
            *out.get_mut(at)? = id << 4 | (value.len() - 1) as u8;
            out.get_mut(at + 1..at + 1 + value.len())?.copy_from_slice(value);
            at += 1 + value.len();
        }
        let end = at.next_multiple_of(4);
        out.get_mut(at..end)?.fill(0);
        let head = Self::extension_head((end - FIXED_HEADER - 4) / 4);
        out.get_mut(FIXED_HEADER..FIXED_HEADER + 4)?.copy_from_slice(&head);
        Some(end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_written_header_reads_back() {
        let extensions: [(u8, &[u8]); 3] = [(4, b"0"), (1, &[0x8a]), (2, &[1, 2, 3])];
        let outgoing = Outgoing {
            marker: true,
            padding: false,
            payload_type: 111,
            sequence: 65_535,
            timestamp: 0xdead_beef,
            ssrc: 7,
            extensions: &extensions,
        };
        let mut out = [0xff; MAX_WRITTEN_HEADER];
        let length = outgoing.write(&mut out).unwrap();
        let header = Header::read(&out[..length]).unwrap();
        assert_eq!(
            (
                header.marker,
                header.padding,
                header.payload_type,
                header.sequence,
                header.timestamp,
                header.ssrc
            ),
            (true, false, 111, 65_535, 0xdead_beef, 7)
        );
        assert_eq!(header.length, length);
        assert_eq!(header.extensions(&out[..length]).collect::<Vec<_>>(), extensions);
    }

    #[test]
    fn the_longest_header_fits() {
        let (mid, three) = ([b'm'; 16], [0; 3]);
        let extensions: [(u8, &[u8]); 4] = [(4, &mid), (1, &[1]), (2, &three), (13, &[1])];
        let outgoing = Outgoing {
            marker: false,
            padding: true,
            payload_type: 0,
            sequence: 0,
            timestamp: 0,
            ssrc: 0,
            extensions: &extensions,
        };
        assert!(outgoing.write(&mut [0; MAX_WRITTEN_HEADER]).is_some());
        for length in 0..MAX_WRITTEN_HEADER - 3 {
            let mut short = vec![0; length];
            assert!(outgoing.write(&mut short).is_none(), "{length}");
        }
    }

    #[test]
    fn two_byte_elements_are_read() {
        let packet = crate::srtp::tests::hex("90000001 00000002 00000003 10000002 0101ff00 02000000");
        let header = Header::read(&packet).unwrap();
        assert_eq!(header.extensions(&packet).collect::<Vec<_>>(), [(1, &[0xff][..]), (2, &[])]);
    }

    #[test]
    fn padding_longer_than_the_payload_is_refused() {
        for length in 0_usize..600 {
            for count in 0..=255_u8 {
                let mut payload = vec![1; length];
                if let Some(last) = payload.last_mut() {
                    *last = count;
                }
                let expected = (count > 0 && usize::from(count) <= length && length > 0)
                    .then(|| length - usize::from(count));
                assert_eq!(without_padding(&payload, true).map(<[u8]>::len), expected, "{length} {count}");
            }
            assert_eq!(without_padding(&vec![9; length], false).map(<[u8]>::len), Some(length));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut packet in prop::collection::vec(any::<u8>(), 0..200), first in any::<u8>()) {
            if let Some(byte) = packet.first_mut() {
                *byte = 0x80 | first & 0x3f;
            }
            if let Ok(header) = Header::read(&packet) {
                prop_assert!(header.length <= packet.len());
                for (_, value) in header.extensions(&packet) {
                    prop_assert!(value.len() <= 255);
                }
            }
        }
    }
}
