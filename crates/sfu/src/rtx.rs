//! The retransmission format of RFC 4588: an SSRC and a payload type of its own, and the original sequence number
//! in front of the payload.

use crate::rtp::Header;

/// Bytes of the original sequence number (RFC 4588 §4).
pub(crate) const OSN: usize = 2;

/// The original sequence number of an opened packet of which the payload, padding left out, is `payload`. None:
/// it carries nothing, it is padding sent to measure bandwidth.
pub(crate) fn original_sequence(payload: &[u8]) -> Option<u16> {
    payload.first_chunk().copied().map(u16::from_be_bytes)
}

/// Turns an opened RTX packet, in place, into the packet that was sent before; its header and length. None: too
/// short.
pub(crate) fn unwrap(
    packet: &mut [u8],
    header: &Header,
    length: usize,
    ssrc: u32,
    payload_type: u8,
) -> Option<(Header, usize)> {
    let payload = header.length + OSN;
    let [o0, o1] = *packet.get(header.length..length)?.first_chunk::<OSN>()?;
    packet.copy_within(payload..length, header.length);
    let fixed = packet.first_chunk_mut::<12>()?;
    fixed[1] = u8::from(header.marker) << 7 | payload_type & 0x7f;
    fixed[2..4].copy_from_slice(&[o0, o1]);
    fixed[8..12].copy_from_slice(&ssrc.to_be_bytes());
    let length = length - OSN;
    Some((Header::read(packet.get(..length)?).ok()?, length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rtp::Outgoing;

    fn written(outgoing: &Outgoing<'_>, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 100];
        let head = outgoing.write(&mut packet).unwrap();
        packet.truncate(head);
        packet.extend_from_slice(payload);
        packet
    }

    #[test]
    fn the_packet_sent_before_comes_out() {
        for (extensions, padding) in [(&[(4, &b"0"[..])][..], false), (&[], true)] {
            let before = Outgoing {
                marker: true,
                padding,
                payload_type: 96,
                sequence: 0xfffe,
                timestamp: 77,
                ssrc: 8,
                extensions,
            };
            let again = Outgoing { payload_type: 97, sequence: 3, ssrc: 9, ..before };
            let expected = written(&before, &[1, 2, 3, 1]);
            let mut packet = written(&again, &[0xff, 0xfe, 1, 2, 3, 1]);
            let header = Header::read(&packet).unwrap();
            let length = packet.len();
            let (header, length) = unwrap(&mut packet, &header, length, 8, 96).unwrap();
            assert_eq!(packet[..length], expected);
            assert_eq!(
                (header.sequence, header.ssrc, header.payload_type, header.marker),
                (0xfffe, 8, 96, true)
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_unwrapped_or_refused(mut packet in prop::collection::vec(any::<u8>(), 12..100), cut in 0_usize..100) {
            packet[0] = 0x80 | packet[0] & 0x3f;
            if let Ok(header) = Header::read(&packet) {
                let length = cut.min(packet.len());
                if let Some((inner, inner_length)) = unwrap(&mut packet, &header, length, 1, 2) {
                    prop_assert_eq!(inner_length, length - OSN);
                    prop_assert_eq!((inner.length, inner.ssrc), (header.length, 1));
                }
            }
        }
    }
}
