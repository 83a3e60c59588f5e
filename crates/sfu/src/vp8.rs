//! The VP8 payload descriptor (RFC 7741 §4.2), and its picture numbers as one receiver sees them.
//!
//! Each layer of a simulcast numbers its pictures for itself. A receiver takes a jump of the picture id or of TL0PICIDX
//! for lost pictures and waits for them, so a change of layer, or a pause, must not show in either.

/// A descriptor: where it ends, and where it holds numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Descriptor {
    /// The first packet of a picture: the start of its first partition.
    pub(crate) begins: bool,
    picture: Option<PictureId>,
    /// Place of TL0PICIDX.
    tl0: Option<usize>,
    /// Bytes of the descriptor.
    pub(crate) length: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PictureId {
    at: usize,
    /// 15 bits, not 7.
    wide: bool,
}

impl Descriptor {
    /// None: cut off within the descriptor, or nothing behind it.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let &first = payload.first()?;
        let mut read = Self { begins: first & 0x17 == 0x10, picture: None, tl0: None, length: 1 };
        if first & 0x80 != 0 {
            let &flags = payload.get(1)?;
            read.length = 2;
            if flags & 0x80 != 0 {
                let wide = payload.get(read.length)? & 0x80 != 0;
                read.picture = Some(PictureId { at: read.length, wide });
                read.length += if wide { 2 } else { 1 };
            }
            if flags & 0x40 != 0 {
                read.tl0 = Some(read.length);
                read.length += 1;
            }
            if flags & 0x30 != 0 {
                read.length += 1;
            }
        }
        (read.length < payload.len()).then_some(read)
    }
}

impl PictureId {
    const fn mask(self) -> u16 {
        if self.wide { 0x7fff } else { 0x7f }
    }

    fn get(self, payload: &[u8]) -> Option<u16> {
        let &high = payload.get(self.at)?;
        if !self.wide {
            return Some(u16::from(high & 0x7f));
        }
        Some(u16::from_be_bytes([high & 0x7f, *payload.get(self.at + 1)?]))
    }

    fn set(self, payload: &mut [u8], id: u16) {
        let [high, low] = (id & self.mask()).to_be_bytes();
        let bytes: &[u8] = if self.wide { &[0x80 | high, low] } else { &[low] };
        if let Some(place) = payload.get_mut(self.at..self.at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }
}

/// The picture numbers of one receiver: unbroken, whatever stream they come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct PictureNumbers {
    /// The piece of a stream that is being numbered.
    source: Option<(u8, u64)>,
    /// Added to its numbers.
    picture_offset: u16,
    tl0_offset: u8,
    /// The newest written.
    picture: Option<u16>,
    tl0: Option<u8>,
}

impl PictureNumbers {
    /// Rewrites the numbers of a packet. `source` tells one piece of a stream from another: layer, and the index at
    /// which it was taken up. A new piece goes on with the next picture.
    pub(crate) fn rewrite(&mut self, source: (u8, u64), payload: &mut [u8]) {
        let Some(descriptor) = Descriptor::read(payload) else { return };
        let picture = descriptor.picture.and_then(|place| Some((place, place.get(payload)?)));
        let tl0 = descriptor.tl0.and_then(|at| Some((at, *payload.get(at)?)));
        if self.source != Some(source) {
            self.source = Some(source);
            if let Some(((_, from), last)) = picture.zip(self.picture) {
                self.picture_offset = last.wrapping_add(1).wrapping_sub(from);
            }
            if let Some(((_, from), last)) = tl0.zip(self.tl0) {
                self.tl0_offset = last.wrapping_add(1).wrapping_sub(from);
            }
        }
        if let Some((place, id)) = picture {
            let id = id.wrapping_add(self.picture_offset) & place.mask();
            place.set(payload, id);
            let ahead = |last: u16| id.wrapping_sub(last) & place.mask() <= place.mask() / 2;
            if self.picture.is_none_or(ahead) {
                self.picture = Some(id);
            }
        }
        if let Some((at, number)) = tl0 {
            let number = number.wrapping_add(self.tl0_offset);
            if let Some(place) = payload.get_mut(at) {
                *place = number;
            }
            if self.tl0.is_none_or(|last| number.wrapping_sub(last) < 0x80) {
                self.tl0 = Some(number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Wide picture id, TL0PICIDX and a temporal layer, as Chromium sends simulcast.
    fn packet(picture: u16, tl0: u8) -> Vec<u8> {
        let [high, low] = picture.to_be_bytes();
        vec![0x90, 0xe0, 0x80 | high & 0x7f, low, tl0, 0x00, 0x01]
    }

    fn numbers(payload: &[u8]) -> (u16, u8) {
        let descriptor = Descriptor::read(payload).unwrap();
        (descriptor.picture.unwrap().get(payload).unwrap(), payload[descriptor.tl0.unwrap()])
    }

    #[test]
    fn a_change_of_stream_shows_in_no_number() {
        let mut pictures = PictureNumbers::default();
        let mut write = |source, picture, tl0| {
            let mut payload = packet(picture, tl0);
            pictures.rewrite(source, &mut payload);
            numbers(&payload)
        };
        assert_eq!(write((1, 0), 30_000, 250), (30_000, 250), "the first stream keeps its numbers");
        assert_eq!(write((1, 0), 30_002, 251), (30_002, 251));
        assert_eq!(write((1, 0), 30_001, 250), (30_001, 250), "late");
        // Another layer, far behind, then far ahead; each over the ends of their ranges.
        assert_eq!(write((0, 7), 5, 9), (30_003, 252));
        assert_eq!(write((0, 7), 6, 14), (30_004, 1));
        assert_eq!(write((0, 7), 2_769, 15), (32_767, 2));
        assert_eq!(write((0, 7), 2_770, 16), (0, 3));
        assert_eq!(write((1, 90), 31_000, 100), (1, 4));
        // The same layer after a pause.
        assert_eq!(write((1, 500), 32_760, 200), (2, 5));
    }

    #[test]
    fn narrow_numbers_stay_narrow() {
        let mut pictures = PictureNumbers::default();
        let mut first = packet(300, 1);
        pictures.rewrite((0, 0), &mut first);
        let mut narrow = vec![0x90, 0x80, 0x05, 0x01];
        pictures.rewrite((1, 0), &mut narrow);
        assert_eq!(narrow, [0x90, 0x80, 301_u16 as u8 & 0x7f, 0x01]);
        let mut bare = vec![0x10, 0x00];
        pictures.rewrite((0, 1), &mut bare);
        assert_eq!(bare, [0x10, 0x00]);
    }

    proptest! {
        #[test]
        fn nothing_but_the_numbers_changes(
            before in prop::collection::vec(any::<u8>(), 0..12),
            payload in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut pictures = PictureNumbers::default();
            pictures.rewrite((0, 0), &mut before.clone());
            let mut after = payload.clone();
            pictures.rewrite((1, 0), &mut after);
            prop_assert_eq!(after.len(), payload.len());
            prop_assert_eq!(Descriptor::read(&after), Descriptor::read(&payload));
            let length = Descriptor::read(&payload).map_or(0, |descriptor| descriptor.length);
            prop_assert_eq!(&after[length..], &payload[length..]);
        }
    }
}
