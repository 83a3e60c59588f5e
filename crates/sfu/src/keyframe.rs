//! Whether a packet begins a keyframe, read from the first bytes of the payload.

use crate::ortc::Codec;

/// True for the first packet of a picture that decodes without any other. Audio always is one.
pub(crate) fn begins_keyframe(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::Opus => true,
        Codec::Vp8 => vp8(payload).unwrap_or(false),
        Codec::H264(_) => h264(payload).unwrap_or(false),
    }
}

/// RFC 7741 §4.2 (descriptor) and RFC 6386 §9.1 (frame tag: bit 0 clear is a keyframe).
fn vp8(payload: &[u8]) -> Option<bool> {
    let (&first, mut rest) = payload.split_first()?;
    let (extended, start, partition) = (first & 0x80 != 0, first & 0x10 != 0, first & 0x07);
    if !start || partition != 0 {
        return Some(false);
    }
    if extended {
        let (&flags, tail) = rest.split_first()?;
        rest = tail;
        if flags & 0x80 != 0 {
            // Picture id of 7 or 15 bits.
            let &id = rest.first()?;
            rest = rest.get(if id & 0x80 != 0 { 2 } else { 1 }..)?;
        }
        if flags & 0x40 != 0 {
            rest = rest.get(1..)?;
        }
        if flags & 0x30 != 0 {
            rest = rest.get(1..)?;
        }
    }
    Some(rest.first()? & 1 == 0)
}

const NAL_TYPE: u8 = 0x1f;
const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// RFC 6184 §5: a parameter set or the start of an IDR slice. An IDR that comes behind its parameter sets is let
/// through with them, because the sets are the first packet of the picture.
fn h264(payload: &[u8]) -> Option<bool> {
    let (&first, rest) = payload.split_first()?;
    match first & NAL_TYPE {
        IDR | SPS => Some(true),
        STAP_A => {
            let mut units = rest;
            while let Some(([s0, s1], tail)) = units.split_first_chunk::<2>() {
                let size = usize::from(u16::from_be_bytes([*s0, *s1]));
                if matches!(tail.first()? & NAL_TYPE, IDR | SPS) {
                    return Some(true);
                }
                units = tail.get(size.max(1)..)?;
            }
            Some(false)
        }
        FU_A => {
            let &header = rest.first()?;
            Some(header & 0x80 != 0 && header & NAL_TYPE == IDR)
        }
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ortc::H264Profile;

    const H264: Codec = Codec::H264(H264Profile::Baseline);

    #[test]
    fn vp8_keyframes_are_told_by_their_first_packet() {
        for (payload, expected) in [
            (&[0x10, 0x00][..], true),
            (&[0x10, 0x01], false),
            (&[0x00, 0x00], false),
            (&[0x11, 0x00], false),
            (&[0x90, 0x80, 0x81, 0x01, 0x00], true),
            (&[0x90, 0xe0, 0x01, 0x02, 0x03, 0x00], true),
            (&[0x90, 0xe0, 0x01, 0x02, 0x03, 0x01], false),
            (&[0x90, 0x80, 0x81], false),
            (&[], false),
        ] {
            assert_eq!(begins_keyframe(Codec::Vp8, payload), expected, "{payload:?}");
        }
    }

    #[test]
    fn h264_keyframes_are_told_in_every_packetization() {
        for (payload, expected) in [
            (&[0x67, 1][..], true),
            (&[0x65, 1], true),
            (&[0x61, 1], false),
            (&[0x78, 0, 1, 0x67, 0, 1, 0x68], true),
            (&[0x78, 0, 1, 0x61, 0, 1, 0x65], true),
            (&[0x78, 0, 1, 0x61], false),
            (&[0x7c, 0x85], true),
            (&[0x7c, 0x05], false),
            (&[0x7c, 0x81], false),
            (&[0x78, 0, 0, 0, 0], false),
        ] {
            assert_eq!(begins_keyframe(H264, payload), expected, "{payload:?}");
        }
    }

    proptest! {
        #[test]
        fn any_payload_is_judged(payload in prop::collection::vec(any::<u8>(), 0..64)) {
            begins_keyframe(Codec::Vp8, &payload);
            begins_keyframe(H264, &payload);
        }
    }
}
