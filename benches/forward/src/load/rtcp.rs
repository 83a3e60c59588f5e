//! The RTCP a client sends (RFC 3550 §6, RFC 4585 §6.1).

use super::streams::{Arrivals, Block};

/// The SSRC of a client that sends no media.
pub const OWN: u32 = 1;
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const TRANSPORT_FEEDBACK: u8 = 205;
/// The format of a transport-wide feedback.
const TRANSPORT_WIDE: u8 = 15;
/// Blocks that fit into one report.
pub const BLOCKS: usize = 31;

/// Closes the packet that begins there: pads it to whole words and writes its length.
fn close(compound: &mut Vec<u8>, start: usize) {
    let padding = (compound.len() - start).wrapping_neg() % 4;
    if padding > 0 {
        compound.resize(compound.len() + padding - 1, 0);
        compound.push(padding as u8);
        compound[start] |= 0x20;
    }
    let words = ((compound.len() - start) / 4 - 1) as u16;
    compound[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}

fn open(compound: &mut Vec<u8>, count: u8, kind: u8, ssrc: u32) -> usize {
    let start = compound.len();
    compound.extend_from_slice(&[0x80 | count, kind, 0, 0]);
    compound.extend_from_slice(&ssrc.to_be_bytes());
    start
}

/// At most [`BLOCKS`].
pub fn put_receiver_report(compound: &mut Vec<u8>, blocks: &[Block]) {
    let start = open(compound, blocks.len() as u8, RECEIVER_REPORT, OWN);
    for block in blocks {
        compound.extend_from_slice(&block.ssrc.to_be_bytes());
        compound.push(block.fraction_lost);
        compound.extend_from_slice(&block.lost.to_be_bytes()[1..]);
        compound.extend_from_slice(&block.highest.to_be_bytes());
        // No jitter, and no sender report heard: the light client opens no RTCP.
        compound.extend_from_slice(&[0; 12]);
    }
    close(compound, start);
}

/// The publisher's clock: nanoseconds and RTP time of now, packets and octets sent.
pub fn put_sender_report(
    compound: &mut Vec<u8>,
    ssrc: u32,
    nanos: u64,
    timestamp: u32,
    packets: u64,
    octets: u64,
) {
    let start = open(compound, 0, SENDER_REPORT, ssrc);
    // Of the NTP era's start only differences matter.
    let ntp = (u128::from(nanos) << 32) / 1_000_000_000;
    compound.extend_from_slice(&(ntp as u64 | 1 << 63).to_be_bytes());
    for word in [timestamp, packets as u32, octets as u32] {
        compound.extend_from_slice(&word.to_be_bytes());
    }
    close(compound, start);
}

/// False, and nothing is written, when nothing has come.
pub fn put_transport_feedback(compound: &mut Vec<u8>, media: u32, arrivals: &mut Arrivals) -> bool {
    let before = compound.len();
    let start = open(compound, TRANSPORT_WIDE, TRANSPORT_FEEDBACK, OWN);
    compound.extend_from_slice(&media.to_be_bytes());
    if !arrivals.put_feedback(compound) {
        compound.truncate(before);
        return false;
    }
    close(compound, start);
    true
}
