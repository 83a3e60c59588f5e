//! The frames of RFC 4571: two bytes of length, most significant first, then the packet.

use bytes::{Buf as _, BytesMut};
use rotunda_sfu::SLOT;

/// Bytes of a frame's head.
pub(crate) const HEAD: usize = 2;
/// The longest packet in a frame: what also a datagram may hold.
pub(crate) const MAX_PACKET: usize = SLOT;

/// Nothing that is sent to this server is that long, so this is no framing or no friend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {0} bytes; the longest packet has {MAX_PACKET}")]
pub(crate) struct TooLong(usize);

/// Takes the first packet out of what has been read. None: not all of it is there. An empty frame is an empty packet.
pub(crate) fn take(read: &mut BytesMut) -> Result<Option<Vec<u8>>, TooLong> {
    let Some(head) = read.first_chunk::<HEAD>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes(*head));
    if length > MAX_PACKET {
        return Err(TooLong(length));
    }
    let Some(packet) = read.get(HEAD..HEAD + length) else { return Ok(None) };
    let packet = packet.to_vec();
    read.advance(HEAD + length);
    Ok(Some(packet))
}

/// A packet in its frame. None when the length does not fit in two bytes.
pub(crate) fn frame(packet: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(packet.len()).ok()?;
    let mut frame = Vec::with_capacity(HEAD + packet.len());
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(packet);
    Some(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_out_as_they_went_in_however_the_stream_is_split() {
        let packets = [vec![], vec![7], vec![1; 300], vec![2; MAX_PACKET]];
        let stream: Vec<u8> = packets.iter().flat_map(|packet| frame(packet).unwrap()).collect();
        for at in 0..=stream.len() {
            let (mut read, mut found) = (BytesMut::new(), vec![]);
            for part in [&stream[..at], &stream[at..]] {
                read.extend_from_slice(part);
                while let Some(packet) = take(&mut read).unwrap() {
                    found.push(packet);
                }
            }
            assert_eq!(found, packets, "split at {at}");
            assert!(read.is_empty());
        }
    }

    #[test]
    fn a_length_that_no_packet_has_is_refused_before_anything_is_kept() {
        for length in [MAX_PACKET + 1, 0x1603, 0xffff] {
            let mut read = BytesMut::from(&(length as u16).to_be_bytes()[..]);
            assert_eq!(take(&mut read), Err(TooLong(length)));
        }
    }

    #[test]
    fn what_cannot_be_framed_is_not() {
        assert!(frame(&vec![0; 0xffff]).is_some());
        assert!(frame(&vec![0; 0x10000]).is_none());
    }
}
