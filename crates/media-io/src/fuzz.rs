//! What reads connections of strangers, for the fuzz targets in `fuzz/` and the replay of their seeds.

use bytes::BytesMut;

use crate::tcp::{HEAD, MAX_PACKET, frame, take};

/// A connection of ICE-TCP (RFC 4571): its bytes, read in pieces of as many as the first byte says.
pub fn frames(data: &[u8]) {
    let Some((&first, stream)) = data.split_first() else { return };
    let (mut read, mut packets) = (BytesMut::new(), Vec::new());
    for piece in stream.chunks(usize::from(first).max(1)) {
        read.extend_from_slice(piece);
        loop {
            match take(&mut read) {
                Ok(Some(packet)) => packets.push(packet),
                Ok(None) => break,
                // The connection ends.
                Err(_) => return,
            }
        }
        assert!(read.len() < HEAD + MAX_PACKET, "more is kept than one frame");
    }
    let mut written: Vec<u8> = packets.iter().flat_map(|packet| frame(packet).unwrap_or_default()).collect();
    written.extend_from_slice(&read);
    assert_eq!(written, stream, "what came out is what went in");
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "reads files")]
    fn seeds_of_every_length_are_read_or_refused() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/frames");
        let seeds: Vec<Vec<u8>> =
            fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
        assert!(seeds.len() >= 3);
        for seed in seeds {
            for length in 0..=seed.len() {
                frames(&seed[..length]);
                for change in [0x01, 0x80] {
                    let mut changed = seed.clone();
                    if let Some(byte) = changed.get_mut(length) {
                        *byte ^= change;
                        frames(&changed);
                    }
                }
            }
        }
    }
}
