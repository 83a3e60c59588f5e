//! A connectivity check as a browser sends it (RFC 8445 §7.1.1), and its answer: enough to see whether a port is open.

use aws_lc_rs::hmac;

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const MAGIC: u32 = 0x2112_a442;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const PRIORITY: u16 = 0x0024;
const ICE_CONTROLLING: u16 = 0x802a;
const FINGERPRINT: u16 = 0x8028;

/// Length of header, integrity attribute and fingerprint attribute, bytes.
const HEADER: usize = 20;
const INTEGRITY: usize = 24;
const CRC: usize = 8;

/// XORed into the fingerprint (RFC 8489 §14.7).
const CRC_MASK: u32 = 0x5354_554e;

/// `username`: the server's ufrag, a colon, the client's. It does not nominate, so it moves no media.
pub fn check(username: &str, password: &str, transaction: [u8; 12]) -> Vec<u8> {
    let mut message = Vec::with_capacity(128);
    message.extend(BINDING_REQUEST.to_be_bytes());
    message.extend([0, 0]);
    message.extend(MAGIC.to_be_bytes());
    message.extend(transaction);
    attribute(&mut message, USERNAME, username.as_bytes());
    attribute(&mut message, PRIORITY, &0x7eff_ffff_u32.to_be_bytes());
    attribute(&mut message, ICE_CONTROLLING, &transaction[..8]);
    // The length counts what is about to be added.
    set_length(&mut message, INTEGRITY);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    let tag = hmac::sign(&key, &message);
    attribute(&mut message, MESSAGE_INTEGRITY, tag.as_ref());
    set_length(&mut message, CRC);
    let crc = crc32(&message) ^ CRC_MASK;
    attribute(&mut message, FINGERPRINT, &crc.to_be_bytes());
    message
}

/// Whether a datagram is the answer to that check.
pub fn answers(datagram: &[u8], transaction: [u8; 12]) -> bool {
    datagram.starts_with(&BINDING_SUCCESS.to_be_bytes()) && datagram.get(8..HEADER) == Some(&transaction[..])
}

fn attribute(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(kind.to_be_bytes());
    message.extend((value.len() as u16).to_be_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

fn set_length(message: &mut [u8], more: usize) {
    let length = (message.len() - HEADER + more) as u16;
    if let Some(place) = message.get_mut(2..4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
}

/// CRC-32 of ISO 3309, bit by bit: a hundred bytes now and then.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_everybody() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn lengths_are_right() {
        let check = check("abcd:efg", "password", [7; 12]);
        assert_eq!(check.len() % 4, 0);
        assert_eq!(usize::from(u16::from_be_bytes([check[2], check[3]])), check.len() - HEADER);
        assert!(!answers(&check, [7; 12]));
        let mut answer = check.clone();
        answer[..2].copy_from_slice(&BINDING_SUCCESS.to_be_bytes());
        assert!(answers(&answer, [7; 12]) && !answers(&answer, [8; 12]) && !answers(&answer[..10], [7; 12]));
    }
}
