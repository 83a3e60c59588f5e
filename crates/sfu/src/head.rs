//! The header under which a receiver gets its packets: made once, and what varies from packet to packet written into
//! a copy.

use crate::{
    ortc::{ConsumerExtensions, ProducerExtensions},
    record::Stamp,
    rtp::{FIXED_HEADER, Header, MAX_WRITTEN_HEADER, Outgoing},
};

/// Bytes before the first extension element: the fixed header and the head of the extension.
const ELEMENTS: usize = FIXED_HEADER + 4;

/// What a packet's own header says that is passed on to receivers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Carried {
    audio_level: Option<u8>,
    video_orientation: Option<u8>,
}

impl Carried {
    pub(crate) fn read(ids: &ProducerExtensions, header: &Header, packet: &[u8]) -> Self {
        if ids.audio_level.is_none() && ids.video_orientation.is_none() {
            return Self::default();
        }
        let mut carried = Self::default();
        for (id, value) in header.extensions(packet) {
            let [value] = *value else { continue };
            if ids.audio_level == Some(id) {
                carried.audio_level.get_or_insert(value);
            } else if ids.video_orientation == Some(id) {
                carried.video_orientation.get_or_insert(value);
            }
        }
        carried
    }
}

/// The fixed header of one packet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fixed {
    pub(crate) marker: bool,
    pub(crate) padding: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
}

/// The headers of one consumer: without a transport-wide number, and with one.
#[derive(Debug)]
pub(crate) struct Heads {
    plain: Head,
    numbered: Head,
    audio_level: Option<u8>,
    video_orientation: Option<u8>,
}

/// One header, of a packet that carries nothing of its own.
#[derive(Debug)]
struct Head {
    bytes: [u8; MAX_WRITTEN_HEADER],
    /// Where the last element ends, and where the header does.
    end: usize,
    length: usize,
    /// Where the values that vary are.
    send_time: Option<usize>,
    number: Option<usize>,
}

impl Heads {
    pub(crate) fn new(ids: &ConsumerExtensions, mid: &str) -> Self {
        Self {
            plain: Head::new(ids, mid, false),
            numbered: Head::new(ids, mid, true),
            audio_level: ids.audio_level,
            video_orientation: ids.video_orientation,
        }
    }

    /// Writes the header of a packet; its length, or None when there is no room for the longest.
    pub(crate) fn write(
        &self,
        fixed: &Fixed,
        stamp: &Stamp,
        carried: &Carried,
        out: &mut [u8],
    ) -> Option<usize> {
        let head = if stamp.transport_number.is_some() { &self.numbered } else { &self.plain };
        let out = out.first_chunk_mut::<MAX_WRITTEN_HEADER>()?;
        *out = head.bytes;
        out[0] |= u8::from(fixed.padding) << 5;
        out[1] = u8::from(fixed.marker) << 7 | fixed.payload_type & 0x7f;
        out[2..4].copy_from_slice(&fixed.sequence.to_be_bytes());
        out[4..8].copy_from_slice(&fixed.timestamp.to_be_bytes());
        out[8..12].copy_from_slice(&fixed.ssrc.to_be_bytes());
        if let Some(at) = head.send_time {
            out.get_mut(at..at + 3)?.copy_from_slice(&stamp.abs_send_time);
        }
        if let Some((at, number)) = head.number.zip(stamp.transport_number) {
            out.get_mut(at..at + 2)?.copy_from_slice(&number);
        }
        let own = [
            self.audio_level.zip(carried.audio_level),
            self.video_orientation.zip(carried.video_orientation),
        ];
        if own == [None; 2] { Some(head.length) } else { head.append(own, out) }
    }
}

impl Head {
    fn new(ids: &ConsumerExtensions, mid: &str, numbered: bool) -> Self {
        let mut bytes = [0; MAX_WRITTEN_HEADER];
        // Id 0 is left out by the writer.
        let id = |id: Option<u8>| id.unwrap_or(0);
        let extensions = [
            (id(ids.mid), mid.as_bytes()),
            (id(ids.abs_send_time), &[0; 3][..]),
            (id(ids.transport_cc.filter(|_| numbered)), &[0; 2]),
        ];
        let plain = Outgoing {
            marker: false,
            padding: false,
            payload_type: 0,
            sequence: 0,
            timestamp: 0,
            ssrc: 0,
            extensions: &extensions,
        };
        // The longest fits.
        let length = plain.write(&mut bytes).unwrap_or(FIXED_HEADER);
        let (mut at, mut places) = (ELEMENTS, [None; 3]);
        for (place, (id, value)) in places.iter_mut().zip(extensions) {
            if Outgoing::is_written(id, value) {
                *place = Some(at + 1);
                at += 1 + value.len();
            }
        }
        let [_, send_time, number] = places;
        Self { bytes, end: at, length, send_time, number }
    }

    /// Adds elements of one byte behind those that are there; the length of the header.
    fn append(&self, elements: [Option<(u8, u8)>; 2], out: &mut [u8; MAX_WRITTEN_HEADER]) -> Option<usize> {
        let mut at = self.end;
        for (id, value) in elements.into_iter().flatten() {
            if Outgoing::is_written(id, &[value]) {
                out.get_mut(at..at + 2)?.copy_from_slice(&[id << 4, value]);
                at += 2;
            }
        }
        if at == ELEMENTS {
            return Some(FIXED_HEADER);
        }
        let end = at.next_multiple_of(4);
        out.get_mut(at..end)?.fill(0);
        out[0] |= 0x10;
        out[FIXED_HEADER..ELEMENTS].copy_from_slice(&Outgoing::extension_head((end - ELEMENTS) / 4));
        Some(end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id() -> impl Strategy<Value = Option<u8>> {
        prop::option::of(0_u8..=15)
    }

    proptest! {
        /// The template says what writing every field anew says.
        #[test]
        fn a_header_from_the_template_is_the_header_written_anew(
            (mid_id, level_id, time_id, number_id, orientation_id) in (id(), id(), id(), id(), id()),
            mid in "[a-z]{1,16}",
            (marker, padding, payload_type, sequence) in (any::<bool>(), any::<bool>(), 0_u8..128, any::<u16>()),
            (timestamp, ssrc) in (any::<u32>(), any::<u32>()),
            (abs_send_time, transport_number) in (any::<[u8; 3]>(), any::<Option<[u8; 2]>>()),
            (audio_level, video_orientation) in (any::<Option<u8>>(), any::<Option<u8>>()),
        ) {
            let ids = ConsumerExtensions {
                mid: mid_id,
                audio_level: level_id,
                abs_send_time: time_id,
                transport_cc: number_id,
                video_orientation: orientation_id,
            };
            let (level, orientation) = (audio_level.map(|v| [v]), video_orientation.map(|v| [v]));
            let none: &[u8] = &[];
            let given = |id: Option<u8>| id.unwrap_or(0);
            let all: [(u8, &[u8]); 5] = [
                (given(mid_id), mid.as_bytes()),
                (given(time_id), &abs_send_time),
                (given(number_id), transport_number.as_ref().map_or(none, |v| v)),
                (given(level_id), level.as_ref().map_or(none, |v| v)),
                (given(orientation_id), orientation.as_ref().map_or(none, |v| v)),
            ];
            let anew = Outgoing {
                marker, padding, payload_type, sequence, timestamp, ssrc, extensions: &all,
            };
            let (mut expected, mut written) = ([0xff; 64], [0xff; 64]);
            let length = anew.write(&mut expected).unwrap();
            let fixed = Fixed { marker, padding, payload_type, sequence, timestamp, ssrc };
            let stamp = Stamp { abs_send_time, transport_number };
            let carried = Carried { audio_level, video_orientation };
            let heads = Heads::new(&ids, &mid);
            let found = heads.write(&fixed, &stamp, &carried, &mut written).unwrap();
            prop_assert_eq!(&written[..found], &expected[..length]);
        }
    }

    #[test]
    fn what_a_packet_carries_is_read_once() {
        let packet = crate::srtp::tests::hex("90000001 00000002 00000003 bede0002 108a4001 11020300");
        let header = Header::read(&packet).unwrap();
        let ids =
            ProducerExtensions { audio_level: Some(1), video_orientation: Some(4), ..Default::default() };
        let read = |ids| Carried::read(&ids, &header, &packet);
        assert_eq!(read(ids), Carried { audio_level: Some(0x8a), video_orientation: Some(1) });
        assert_eq!(read(ProducerExtensions::default()), Carried::default());
    }
}
