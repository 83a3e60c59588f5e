//! The STUN of an ICE-lite agent (RFC 8489, RFC 8445): read a binding request, check it, write the answer.

use std::net::{IpAddr, SocketAddr};

use aws_lc_rs::hmac;

const HEADER: usize = 20;
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const FINGERPRINT_XOR: u32 = 0x5354_554e;

const INTEGRITY_LENGTH: usize = 20;
const FINGERPRINT_LENGTH: usize = 4;

/// The longest answer: header, an IPv6 address, integrity, fingerprint.
pub(crate) const MAX_RESPONSE: usize = HEADER + 24 + 24 + 8;

/// RFC 7983: the first byte of STUN is 0 to 3.
pub(crate) const fn is_stun(first: u8) -> bool {
    first < 4
}

/// The server's ufrag in a connectivity check of whomever: a well-formed binding request whose fingerprint holds.
pub fn checked_ufrag(message: &[u8]) -> Option<&str> {
    Check::read(message).ok().map(|check| check.local_ufrag)
}

/// The short-term credential of a transport (RFC 8489 §9.1): HMAC-SHA1 with the ICE password.
pub(crate) fn key(password: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes())
}

/// Why a STUN message gets no answer. Silence costs an attacker's reflection nothing to work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StunError {
    #[error("{0} bytes do not hold a STUN message")]
    Malformed(usize),
    #[error("message type {0:#06x} is no binding request")]
    NotARequest(u16),
    #[error("attribute {0:#06x} is missing")]
    Missing(u16),
    #[error("fingerprint does not match")]
    Fingerprint,
}

/// A binding request whose fingerprint holds; [`Check::is_authentic`] must still be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Check<'a> {
    transaction: [u8; 12],
    /// This side's half of USERNAME.
    pub(crate) local_ufrag: &'a str,
    pub(crate) remote_ufrag: &'a str,
    pub(crate) use_candidate: bool,
    /// The message up to MESSAGE-INTEGRITY.
    signed: &'a [u8],
    integrity: &'a [u8; INTEGRITY_LENGTH],
}

impl<'a> Check<'a> {
    /// Reads a connectivity check: a binding request with USERNAME, MESSAGE-INTEGRITY and FINGERPRINT.
    pub(crate) fn read(message: &'a [u8]) -> Result<Self, StunError> {
        let malformed = StunError::Malformed(message.len());
        let (header, mut rest) = message.split_first_chunk::<HEADER>().ok_or(malformed)?;
        let [t0, t1, l0, l1, c0, c1, c2, c3, transaction @ ..] = *header;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        if [c0, c1, c2, c3] != COOKIE || length != rest.len() || !length.is_multiple_of(4) {
            return Err(malformed);
        }
        let kind = u16::from_be_bytes([t0, t1]);
        if kind != BINDING_REQUEST {
            return Err(StunError::NotARequest(kind));
        }
        let (mut username, mut integrity, mut use_candidate) = (None, None, false);
        while let Some((attribute, tail)) = attribute(rest) {
            let offset = message.len() - rest.len();
            match attribute {
                (FINGERPRINT, value) => {
                    // The last attribute, over all before it.
                    let expected =
                        u32::from_be_bytes(*value.first_chunk::<FINGERPRINT_LENGTH>().ok_or(malformed)?);
                    let covered = message.get(..offset).ok_or(malformed)?;
                    if !tail.is_empty() || crc32(covered) ^ FINGERPRINT_XOR != expected {
                        return Err(StunError::Fingerprint);
                    }
                    let (local_ufrag, remote_ufrag) = username.ok_or(StunError::Missing(USERNAME))?;
                    let (signed, integrity) = integrity.ok_or(StunError::Missing(MESSAGE_INTEGRITY))?;
                    return Ok(Self {
                        transaction,
                        local_ufrag,
                        remote_ufrag,
                        use_candidate,
                        signed,
                        integrity,
                    });
                }
                // Only FINGERPRINT counts behind MESSAGE-INTEGRITY (RFC 8489 §14.5).
                _ if integrity.is_some() => {}
                (MESSAGE_INTEGRITY, value) => {
                    let value: &[u8; INTEGRITY_LENGTH] = value.try_into().map_err(|_| malformed)?;
                    integrity = Some((message.get(..offset).ok_or(malformed)?, value));
                }
                (USERNAME, value) => {
                    let text = std::str::from_utf8(value).map_err(|_| malformed)?;
                    username = Some(text.split_once(':').ok_or(malformed)?);
                }
                (USE_CANDIDATE, _) => use_candidate = true,
                _ => {}
            }
            rest = tail;
        }
        Err(if rest.is_empty() { StunError::Missing(FINGERPRINT) } else { malformed })
    }

    pub(crate) fn is_authentic(&self, key: &hmac::Key) -> bool {
        // The length field counts up to the end of MESSAGE-INTEGRITY when that is computed.
        let mut covered = hmac::Context::with_key(key);
        let length = self.signed.len() - HEADER + 4 + INTEGRITY_LENGTH;
        let (Some(head), Some(body)) = (self.signed.get(..2), self.signed.get(4..)) else { return false };
        covered.update(head);
        covered.update(&(length as u16).to_be_bytes());
        covered.update(body);
        aws_lc_rs::constant_time::verify_slices_are_equal(covered.sign().as_ref(), self.integrity).is_ok()
    }

    /// Writes the success response that tells the client its address; the length written.
    pub(crate) fn answer(&self, from: SocketAddr, key: &hmac::Key, out: &mut [u8; MAX_RESPONSE]) -> usize {
        let mut writer = Writer { out, length: 0 };
        writer.put(&BINDING_SUCCESS.to_be_bytes());
        writer.put(&[0, 0]);
        writer.put(&COOKIE);
        writer.put(&self.transaction);

        let port = (from.port() ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]])).to_be_bytes();
        let mut mask = COOKIE.into_iter().chain(self.transaction);
        match from.ip().to_canonical() {
            IpAddr::V4(ip) => {
                writer.attribute_head(XOR_MAPPED_ADDRESS, 8);
                writer.put(&[0, 1, port[0], port[1]]);
                writer.put(&ip.octets().map(|byte| byte ^ mask.next().unwrap_or(0)));
            }
            IpAddr::V6(ip) => {
                writer.attribute_head(XOR_MAPPED_ADDRESS, 20);
                writer.put(&[0, 2, port[0], port[1]]);
                writer.put(&ip.octets().map(|byte| byte ^ mask.next().unwrap_or(0)));
            }
        }
        writer.set_length(4 + INTEGRITY_LENGTH);
        let tag = hmac::sign(key, writer.written());
        writer.attribute_head(MESSAGE_INTEGRITY, INTEGRITY_LENGTH as u16);
        writer.put(tag.as_ref());

        writer.set_length(4 + FINGERPRINT_LENGTH);
        let fingerprint = crc32(writer.written()) ^ FINGERPRINT_XOR;
        writer.attribute_head(FINGERPRINT, FINGERPRINT_LENGTH as u16);
        writer.put(&fingerprint.to_be_bytes());
        writer.length
    }
}

/// Appends to a buffer that is long enough for every answer; what would not fit is left out.
struct Writer<'a> {
    out: &'a mut [u8; MAX_RESPONSE],
    length: usize,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) {
        if let Some(place) = self.out.get_mut(self.length..self.length + bytes.len()) {
            place.copy_from_slice(bytes);
            self.length += bytes.len();
        }
    }

    fn attribute_head(&mut self, kind: u16, length: u16) {
        self.put(&kind.to_be_bytes());
        self.put(&length.to_be_bytes());
    }

    fn written(&self) -> &[u8] {
        self.out.get(..self.length).unwrap_or_default()
    }

    /// The length field: what is written behind the header, and `more` to come.
    fn set_length(&mut self, more: usize) {
        let [high, low] = ((self.length - HEADER + more) as u16).to_be_bytes();
        (self.out[2], self.out[3]) = (high, low);
    }
}

type Attribute<'a> = (u16, &'a [u8]);

/// The first attribute and what follows it, padded to four bytes.
fn attribute(data: &[u8]) -> Option<(Attribute<'_>, &[u8])> {
    let ([k0, k1, l0, l1], data) = data.split_first_chunk::<4>()?;
    let length = usize::from(u16::from_be_bytes([*l0, *l1]));
    let value = data.get(..length)?;
    let tail = data.get(length.next_multiple_of(4)..)?;
    Some(((u16::from_be_bytes([*k0, *k1]), value), tail))
}

/// CRC-32 of ISO 3309, as FINGERPRINT uses it.
fn crc32(data: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut index = 0;
        while index < 256 {
            let mut value = index as u32;
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 == 1 { value >> 1 ^ 0xedb8_8320 } else { value >> 1 };
                bit += 1;
            }
            table[index] = value;
            index += 1;
        }
        table
    };
    !data.iter().fold(!0, |crc, byte| TABLE[usize::from(crc as u8 ^ byte)] ^ crc >> 8)
}

/// Makes the framing of a message of 28 bytes or more hold: cookie, length, and FINGERPRINT in its last eight bytes.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn repair(message: &mut [u8]) {
    let length = (message.len() - HEADER) as u16;
    message[..2].copy_from_slice(&BINDING_REQUEST.to_be_bytes());
    message[2..4].copy_from_slice(&length.to_be_bytes());
    message[4..8].copy_from_slice(&COOKIE);
    let (covered, last) = message.split_at_mut(message.len() - 8);
    let fingerprint = crc32(covered) ^ FINGERPRINT_XOR;
    last[..2].copy_from_slice(&FINGERPRINT.to_be_bytes());
    last[2..4].copy_from_slice(&(FINGERPRINT_LENGTH as u16).to_be_bytes());
    last[4..].copy_from_slice(&fingerprint.to_be_bytes());
}

#[cfg(test)]
pub(crate) mod client {
    //! The other side, for tests: builds checks as a browser does.

    use super::*;

    /// A connectivity check with all attributes a browser sends that matter here.
    pub(crate) fn check(
        username: &str,
        password: &str,
        use_candidate: bool,
        transaction: [u8; 12],
    ) -> Vec<u8> {
        let mut message = Vec::new();
        message.extend(BINDING_REQUEST.to_be_bytes());
        message.extend([0, 0]);
        message.extend(COOKIE);
        message.extend(transaction);
        push(&mut message, USERNAME, username.as_bytes());
        push(&mut message, 0x802a, &[0; 8]); // ICE-CONTROLLING
        push(&mut message, 0x0024, &[0, 0, 0, 1]); // PRIORITY
        if use_candidate {
            push(&mut message, USE_CANDIDATE, &[]);
        }
        seal(&mut message, password);
        message
    }

    pub(crate) fn push(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
        message.extend(kind.to_be_bytes());
        message.extend((value.len() as u16).to_be_bytes());
        message.extend(value);
        message.resize(message.len().next_multiple_of(4), 0);
    }

    /// Adds MESSAGE-INTEGRITY and FINGERPRINT.
    pub(crate) fn seal(message: &mut Vec<u8>, password: &str) {
        set_length(message, 24);
        let tag = hmac::sign(&key(password), message);
        push(message, MESSAGE_INTEGRITY, tag.as_ref());
        set_length(message, 8);
        let fingerprint = crc32(message) ^ FINGERPRINT_XOR;
        push(message, FINGERPRINT, &fingerprint.to_be_bytes());
    }

    fn set_length(message: &mut [u8], more: usize) {
        let length = (message.len() - HEADER + more) as u16;
        message[2..4].copy_from_slice(&length.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "0123456789012345678901";

    fn request() -> Vec<u8> {
        client::check("local:remote", PASSWORD, true, [7; 12])
    }

    /// RFC 5769 §2.1, a request made by another implementation.
    #[test]
    fn the_request_of_rfc_5769_is_authentic() {
        let message = crate::srtp::tests::hex(
            "00010058 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c 69656e74
             00240004 6e0001ff 80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020
             00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2 80280004 e57a3bcf",
        );
        let check = Check::read(&message).unwrap();
        assert_eq!((check.local_ufrag, check.remote_ufrag), ("evtj", "h6vY"));
        assert!(!check.use_candidate);
        assert!(check.is_authentic(&key("VOkJxbRl1RmTxUk/WvJxBt")));
        assert!(!check.is_authentic(&key("VOkJxbRl1RmTxUk/WvJxBT")));
    }

    #[test]
    fn the_answer_carries_the_address_and_both_checksums() {
        let request = request();
        let check = Check::read(&request).unwrap();
        assert!(check.is_authentic(&key(PASSWORD)));
        for (from, length) in
            [("192.0.2.1:32853", 64), ("[2001:db8::1]:32853", 76), ("[::ffff:192.0.2.1]:1", 64)]
        {
            let mut out = [0; MAX_RESPONSE];
            let written = check.answer(from.parse().unwrap(), &key(PASSWORD), &mut out);
            assert_eq!(written, length);
            // The integrity and fingerprint code of the reader must agree with the writer's.
            let mut copy = out[..written].to_vec();
            copy[0..2].copy_from_slice(&BINDING_REQUEST.to_be_bytes());
            let (_, rest) = attribute(&copy[HEADER..]).unwrap();
            assert_eq!(u16::from_be_bytes([rest[0], rest[1]]), MESSAGE_INTEGRITY);
            assert_eq!(crc32(&out[..written - 8]) ^ FINGERPRINT_XOR, {
                u32::from_be_bytes(*out[..written].last_chunk().unwrap())
            });
        }
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_refused() {
        let request = request();
        for length in 0..request.len() {
            assert!(Check::read(&request[..length]).is_err(), "{length}");
        }
        for at in 0..request.len() {
            let mut forged = request.clone();
            forged[at] ^= 0x10;
            let accepted = Check::read(&forged).is_ok_and(|check| check.is_authentic(&key(PASSWORD)));
            assert!(!accepted, "{at}");
        }
    }

    #[test]
    fn attributes_behind_the_integrity_do_not_count() {
        let mut message = client::check("a:b", PASSWORD, false, [1; 12]);
        message.truncate(message.len() - 8);
        client::push(&mut message, USE_CANDIDATE, &[]);
        client::push(&mut message, USERNAME, b"x:y");
        let length = (message.len() - HEADER + 8) as u16;
        message[2..4].copy_from_slice(&length.to_be_bytes());
        let fingerprint = crc32(&message) ^ FINGERPRINT_XOR;
        client::push(&mut message, FINGERPRINT, &fingerprint.to_be_bytes());
        let check = Check::read(&message).unwrap();
        assert_eq!(check.local_ufrag, "a");
        assert!(!check.use_candidate);
    }
}
