//! The synthetic media: opus-like audio and VP8-like video that a server can parse, with the time in each packet.

use rotunda_sfu::ortc::MediaKind;

use crate::wire::{OPUS, VP8};

/// Bytes of a packet of speech.
const AUDIO_PAYLOAD: usize = 120;
/// Bytes of a packet of video, as of a camera: below 1,280 with all headers, tag and IPv6.
const VIDEO_PAYLOAD: usize = 1_200;
/// Packets of a picture: 30 pictures/s and 150 packets/s are 1.4 Mbit/s.
pub const FRAME: u64 = 5;
/// A voice at -30 dBov, and what an open microphone of somebody who listens hears (RFC 6464).
pub const SPEECH: u8 = 0x80 | 30;
pub const MURMUR: u8 = 70;
/// Pictures from one keyframe to the next, 2 s. A browser sends them when asked; the load takes no questions.
const KEYFRAMES: u64 = 60;
/// What is before a stamp.
const MAGIC: [u8; 4] = *b"bnch";
/// Where a stamp is put. A server may write another descriptor before it.
const STAMP: usize = 24;
/// How far into a payload a stamp is looked for.
const SEARCHED: usize = 64;

/// One stream of a publisher.
#[derive(Debug)]
pub struct Source {
    pub kind: MediaKind,
    pub ssrc: u32,
    /// Packets each second.
    rate: f64,
    pub on: bool,
    /// When the next packets are due, nanoseconds of the load's clock.
    due: Option<u64>,
    /// Index of the next packet, the rollover counter in the upper bits.
    pub index: u64,
    /// Pictures, or packets of audio, so far.
    pub ticks: u64,
    pub sent: u64,
    /// Who should get each packet.
    pub audience: u64,
    /// RFC 6464: voice activity, and decibels below the loudest there is.
    pub level: u8,
}

impl Source {
    pub fn new(kind: MediaKind, ssrc: u32, rate: f64, audience: u64) -> Self {
        Self { kind, ssrc, rate, on: false, due: None, index: 1, ticks: 0, sent: 0, audience, level: SPEECH }
    }

    pub fn at_level(self, level: u8) -> Self {
        Self { level, ..self }
    }

    pub fn payload_type(&self) -> u8 {
        match self.kind {
            MediaKind::Audio => OPUS,
            MediaKind::Video => VP8,
        }
    }

    /// A picture leaves in one go.
    pub fn packets_at_once(&self) -> u64 {
        match self.kind {
            MediaKind::Audio => 1,
            MediaKind::Video => FRAME,
        }
    }

    /// Nanoseconds.
    pub fn interval(&self) -> u64 {
        (1e9 * self.packets_at_once() as f64 / self.rate) as u64
    }

    /// The time of the packets that follow. A load that is late does not hurry to make up more than a second.
    pub fn next(&mut self, now: u64) -> u64 {
        self.ticks += 1;
        let next = (self.due.unwrap_or(now) + self.interval()).max(now.saturating_sub(1_000_000_000));
        self.due = Some(next);
        next
    }

    /// In the units of the RTP clock.
    pub fn timestamp(&self) -> u32 {
        let clock = match self.kind {
            MediaKind::Audio => 48_000,
            MediaKind::Video => 90_000,
        };
        (u128::from(self.ticks) * u128::from(self.interval()) * clock / 1_000_000_000) as u32
    }

    /// Whether this is the last packet of a picture.
    pub fn marker(&self, packet: u64) -> bool {
        self.kind == MediaKind::Video && packet + 1 == FRAME
    }

    /// Appends the payload of a packet of the present tick.
    pub fn put_payload(&self, packet: u64, now: u64, to: &mut Vec<u8>) {
        let start = to.len();
        match self.kind {
            MediaKind::Audio => {
                to.resize(start + AUDIO_PAYLOAD, 0x55);
                to[start] = 0xfc;
            }
            MediaKind::Video => {
                to.resize(start + VIDEO_PAYLOAD, 0x55);
                let picture = (self.ticks as u16 & 0x7fff | 0x8000).to_be_bytes();
                // Descriptor with a picture number of 15 bits (RFC 7741 §4.2): X, and S on the first packet.
                let descriptor = [if packet == 0 { 0x90 } else { 0x80 }, 0x80, picture[0], picture[1]];
                to[start..start + 4].copy_from_slice(&descriptor);
                if packet == 0 {
                    // Frame tag, and of a keyframe the start code and 640 x 360 (RFC 6386 §9.1).
                    let keyframe = self.ticks.is_multiple_of(KEYFRAMES);
                    to[start + 4] = if keyframe { 0x10 } else { 0x11 };
                    if keyframe {
                        to[start + 5..start + 14]
                            .copy_from_slice(&[0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]);
                    }
                }
            }
        }
        to[start + STAMP..start + STAMP + 4].copy_from_slice(&MAGIC);
        to[start + STAMP + 4..start + STAMP + 12].copy_from_slice(&now.to_be_bytes());
    }
}

/// When a payload was sent.
pub fn stamp(payload: &[u8]) -> Option<u64> {
    let head = payload.get(..SEARCHED)?;
    let at = head.windows(MAGIC.len()).position(|window| window == MAGIC)?;
    Some(u64::from_be_bytes(*payload.get(at + MAGIC.len()..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_keeps_its_rate_and_its_stamps() {
        let mut source = Source::new(MediaKind::Video, 1, 150.0, 1);
        let mut at = source.next(0);
        for _ in 0..30 {
            at = source.next(at + 400_000);
        }
        assert_eq!(at / 1_000_000, 31 * 1_000 / 30, "lateness is made up");
        assert_eq!(source.timestamp() / 90, 31 * 1_000 / 30);
        for kind in [MediaKind::Audio, MediaKind::Video] {
            let mut payload = vec![];
            Source::new(kind, 1, 50.0, 1).put_payload(0, 123_456_789_000, &mut payload);
            assert_eq!(stamp(&payload), Some(123_456_789_000));
        }
        assert_eq!(stamp(&[0x55; 100]), None);
    }
}
