//! Whether a packet begins a keyframe, read from the first bytes of the payload.

use crate::{ortc::Codec, vp8::Descriptor};

/// True for the first packet of a picture that decodes without any other. Audio always is one.
pub(crate) fn begins_keyframe(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::Opus => true,
        Codec::Vp8 => vp8(payload).unwrap_or(false),
        Codec::H264(_) => h264(payload).unwrap_or(false),
        Codec::Vp9(_) => vp9(payload).unwrap_or(false),
        Codec::Av1(_) => av1(payload).unwrap_or(false),
    }
}

/// RFC 6386 §9.1: bit 0 of the frame tag is clear in a keyframe.
fn vp8(payload: &[u8]) -> Option<bool> {
    let descriptor = Descriptor::read(payload)?;
    Some(descriptor.begins && payload.get(descriptor.length)? & 1 == 0)
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

/// RFC 9628 §4.2: the beginning of a frame of the base layer that is predicted from no earlier picture.
fn vp9(payload: &[u8]) -> Option<bool> {
    let (&first, mut rest) = payload.split_first()?;
    let (has_id, predicted, layered, begins) =
        (first & 0x80 != 0, first & 0x40 != 0, first & 0x20 != 0, first & 0x08 != 0);
    if predicted || !begins {
        return Some(false);
    }
    if has_id {
        // Picture id of 7 or 15 bits.
        let &id = rest.first()?;
        rest = rest.get(if id & 0x80 != 0 { 2 } else { 1 }..)?;
    }
    if layered {
        let (&indices, tail) = rest.split_first()?;
        let spatial = indices >> 1 & 0x07;
        if spatial != 0 {
            return Some(false);
        }
        rest = tail;
    }
    // A descriptor without a picture begins nothing.
    Some(!rest.is_empty())
}

/// RTP payload format for AV1, §4.4: the aggregation header's N bit is set on the first packet of a coded video
/// sequence, which is a keyframe behind its sequence header. Such a packet continues no unit of an earlier one.
fn av1(payload: &[u8]) -> Option<bool> {
    let (&header, units) = payload.split_first()?;
    let (continues, sequence_begins) = (header & 0x80 != 0, header & 0x08 != 0);
    Some(sequence_begins && !continues && !units.is_empty())
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

    #[test]
    fn vp9_keyframes_begin_the_base_layer() {
        for (payload, expected) in [
            // Start of a frame, with and without a picture id, a layer and a scalability structure.
            (&[0x08, 0x82][..], true),
            (&[0x88, 0x01, 0x82], true),
            (&[0x88, 0x81, 0x01, 0x82], true),
            (&[0xa8, 0x81, 0x01, 0x00, 0x05, 0x82], true),
            (&[0x8a, 0x81, 0x01, 0x18, 0x82], true),
            // Predicted, not the start, an upper layer.
            (&[0x48, 0x82], false),
            (&[0xc8, 0x81, 0x01, 0x82], false),
            (&[0x00, 0x82], false),
            (&[0xa8, 0x81, 0x01, 0x02, 0x05, 0x82], false),
            // Cut off.
            (&[0x08], false),
            (&[0x88, 0x81], false),
            (&[0x88, 0x81, 0x01], false),
            (&[0xa8, 0x01], false),
            (&[], false),
        ] {
            assert_eq!(begins_keyframe(Codec::Vp9(0), payload), expected, "{payload:?}");
        }
    }

    #[test]
    fn av1_keyframes_begin_a_coded_video_sequence() {
        for (payload, expected) in [
            (&[0x18, 0x0a][..], true),
            (&[0x28, 0x0b, 0x0a], true),
            (&[0x58, 0x0a], true),
            (&[0x10, 0x32], false),
            (&[0x98, 0x0a], false),
            (&[0x18], false),
            (&[], false),
        ] {
            assert_eq!(begins_keyframe(Codec::Av1(0), payload), expected, "{payload:?}");
        }
    }

    /// Every codec that is judged by its bytes.
    const CODECS: [Codec; 4] = [Codec::Vp8, H264, Codec::Vp9(0), Codec::Av1(0)];

    proptest! {
        #[test]
        fn any_payload_is_judged(payload in prop::collection::vec(any::<u8>(), 0..64)) {
            for codec in CODECS {
                begins_keyframe(codec, &payload);
            }
        }

        /// What is cut off within its descriptor begins no keyframe; more bytes behind it change no verdict.
        #[test]
        fn a_verdict_does_not_depend_on_the_picture(
            payload in prop::collection::vec(any::<u8>(), 1..24),
            tail in prop::collection::vec(any::<u8>(), 0..24),
        ) {
            for codec in [Codec::Vp9(0), Codec::Av1(0)] {
                if begins_keyframe(codec, &payload) {
                    prop_assert!(begins_keyframe(codec, &[payload.clone(), tail.clone()].concat()));
                }
            }
        }
    }
}
