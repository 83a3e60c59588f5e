//! SRTP and SRTCP (RFC 3711, RFC 7714) on aws-lc-rs: keys derived once, packets opened and sealed in place.

mod cipher;
mod kdf;
mod replay;

use std::fmt;

use self::cipher::Cipher;
pub(crate) use self::{cipher::MAX_OVERHEAD, replay::ReplayWindow};
use crate::{SrtpProfile, map::Map};

/// RTCP senders followed per transport; a browser has one per stream. The peer is authentic when this counts, so
/// the bound is against a broken one.
const MAX_RTCP_SENDERS: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SrtpError {
    #[error("{0} bytes are no SRTP key")]
    KeyLength(usize),
    #[error("{have} bytes of keying material where {profile} needs {need}", profile = .profile.name())]
    Material { profile: SrtpProfile, need: usize, have: usize },
}

/// Why a packet was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Malformed,
    Replayed,
    Unauthentic,
}

impl SrtpProfile {
    const fn key_length(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::Aes128CmSha1_80 => 16,
            Self::AeadAes256Gcm => 32,
        }
    }

    const fn salt_length(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
            Self::Aes128CmSha1_80 => 14,
        }
    }

    /// Bytes to export from DTLS: two keys, two salts (RFC 5764 §4.2).
    pub const fn material_length(self) -> usize {
        2 * (self.key_length() + self.salt_length())
    }
}

/// Which end of the DTLS handshake this side was. The server end is a browser's, and the tests'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    #[cfg(test)]
    Server,
}

/// Both directions of one transport.
pub(crate) struct Srtp {
    inbound: Cipher,
    outbound: Cipher,
    /// RTCP is counted per sender, as libsrtp does for streams it makes from one template.
    rtcp_in: Map<u32, ReplayWindow>,
    rtcp_out: u32,
}

impl fmt::Debug for Srtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Srtp")
    }
}

impl Srtp {
    /// From material in the order of RFC 5764 §4.2: client key, server key, client salt, server salt.
    ///
    /// # Errors
    /// Material of the wrong length.
    pub(crate) fn new(profile: SrtpProfile, role: Role, material: &[u8]) -> Result<Self, SrtpError> {
        let wrong = SrtpError::Material { profile, need: profile.material_length(), have: material.len() };
        if material.len() != profile.material_length() {
            return Err(wrong);
        }
        let (keys, salts) = material.split_at_checked(2 * profile.key_length()).ok_or(wrong)?;
        let (client_key, server_key) = keys.split_at_checked(profile.key_length()).ok_or(wrong)?;
        let (client_salt, server_salt) = salts.split_at_checked(profile.salt_length()).ok_or(wrong)?;
        let client = Cipher::new(profile, client_key, client_salt)?;
        let server = Cipher::new(profile, server_key, server_salt)?;
        let (inbound, outbound) = match role {
            Role::Client => (server, client),
            #[cfg(test)]
            Role::Server => (client, server),
        };
        Ok(Self { inbound, outbound, rtcp_in: Map::default(), rtcp_out: 0 })
    }

    /// Opens an RTP packet in place; the length of the plain packet and its 48 bit index.
    pub(crate) fn open_rtp(
        &self,
        window: &mut ReplayWindow,
        packet: &mut [u8],
        header: usize,
        sequence: u16,
    ) -> Result<(usize, u64), Refused> {
        let index = window.index_of(sequence).ok_or(Refused::Replayed)?;
        if !window.is_fresh(index) {
            return Err(Refused::Replayed);
        }
        let length = self.inbound.open_rtp(packet, header, index).ok_or(Refused::Unauthentic)?;
        window.accept(index);
        Ok((length, index))
    }

    /// Seals `packet[..length]` in place, with [`MAX_OVERHEAD`] bytes of room behind it; the sealed length.
    ///
    /// One (SSRC, index) must never be sealed twice: the caller counts indices up.
    pub(crate) fn seal_rtp(
        &self,
        packet: &mut [u8],
        header: usize,
        length: usize,
        index: u64,
    ) -> Option<usize> {
        self.outbound.seal_rtp(packet, header, length, index)
    }

    /// Opens an RTCP packet in place; the length of the plain compound.
    pub(crate) fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        let sender = packet.get(4..8).and_then(|bytes| bytes.first_chunk()).ok_or(Refused::Malformed)?;
        let sender = u32::from_be_bytes(*sender);
        let index = self.inbound.rtcp_index(packet).ok_or(Refused::Malformed)?;
        let window = self.rtcp_in.get(&sender);
        if window.is_some_and(|window| !window.is_fresh(index.into())) {
            return Err(Refused::Replayed);
        }
        if window.is_none() && self.rtcp_in.len() >= MAX_RTCP_SENDERS {
            return Err(Refused::Malformed);
        }
        let length = self.inbound.open_rtcp(packet, index).ok_or(Refused::Unauthentic)?;
        self.rtcp_in.entry(sender).or_default().accept(index.into());
        Ok(length)
    }

    /// Seals `packet[..length]` in place; the sealed length. None: no room, or all 2^31 indices are used.
    pub(crate) fn seal_rtcp(&mut self, packet: &mut [u8], length: usize) -> Option<usize> {
        let index = self.rtcp_out;
        if index >= 1 << 31 {
            return None;
        }
        self.rtcp_out += 1;
        self.outbound.seal_rtcp(packet, length, index)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    const SALT: [u8; 12] = [0x51, 0x75, 0x69, 0x64, 0x20, 0x70, 0x72, 0x6f, 0x20, 0x71, 0x75, 0x6f];
    const RTP: &str =
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070
        61727465 73207472 6573";

    fn vector(key_length: u8) -> Cipher {
        let key: Vec<u8> = (0..key_length).collect();
        Cipher::from_gcm_keys(&key, &key, SALT, SALT).unwrap()
    }

    fn seal(plain: &[u8], seal: impl FnOnce(&mut [u8]) -> Option<usize>) -> Vec<u8> {
        let mut packet = plain.to_vec();
        packet.resize(plain.len() + MAX_OVERHEAD, 0);
        let length = seal(&mut packet).unwrap();
        packet.truncate(length);
        packet
    }

    /// RFC 7714 §16.1.1 and §16.2.1.
    #[test]
    fn gcm_seals_rtp_as_in_rfc_7714() {
        let sealed_128 =
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a
            51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce";
        let sealed_256 =
            "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02
            76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13";
        let plain = hex(RTP);
        for (key_length, expected) in [(16, sealed_128), (32, sealed_256)] {
            let cipher = vector(key_length);
            let mut sealed = seal(&plain, |p| cipher.seal_rtp(p, 12, plain.len(), 0xf17b));
            assert_eq!(sealed, hex(expected), "{key_length}");
            let length = cipher.open_rtp(&mut sealed, 12, 0xf17b).unwrap();
            assert_eq!(sealed[..length], plain);
        }
    }

    /// RFC 7714 §17.1.
    #[test]
    fn gcm_seals_rtcp_as_in_rfc_7714() {
        let plain = hex(
            "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef
            deadbeef deadbeef",
        );
        let expected =
            "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda
            4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4";
        let cipher = vector(16);
        let mut sealed = seal(&plain, |p| cipher.seal_rtcp(p, plain.len(), 0x5d4));
        assert_eq!(sealed, hex(expected));
        assert_eq!(cipher.rtcp_index(&sealed), Some(0x5d4));
        let length = cipher.open_rtcp(&mut sealed, 0x5d4).unwrap();
        assert_eq!(sealed[..length], plain);
    }

    pub(crate) const PROFILES: [SrtpProfile; 3] =
        [SrtpProfile::AeadAes128Gcm, SrtpProfile::AeadAes256Gcm, SrtpProfile::Aes128CmSha1_80];

    pub(crate) fn pair(profile: SrtpProfile) -> (Srtp, Srtp) {
        let material: Vec<u8> = (0..).take(profile.material_length()).collect();
        let end = |role| Srtp::new(profile, role, &material).unwrap();
        (end(Role::Client), end(Role::Server))
    }

    #[test]
    fn each_profile_carries_rtp_over_a_rollover_and_refuses_replays() {
        let mut plain = hex(RTP);
        for profile in PROFILES {
            let (client, server) = pair(profile);
            let mut window = ReplayWindow::default();
            for index in 65_500_u64..65_600 {
                plain[2..4].copy_from_slice(&(index as u16).to_be_bytes());
                let sealed = seal(&plain, |p| client.seal_rtp(p, 12, plain.len(), index));
                let (mut copy, mut replay) = (sealed.clone(), sealed.clone());
                let opened = server.open_rtp(&mut window, &mut copy, 12, index as u16);
                assert_eq!(opened, Ok((plain.len(), index)), "{profile:?}");
                assert_eq!(copy[..plain.len()], plain);
                let again = server.open_rtp(&mut window, &mut replay, 12, index as u16);
                assert_eq!(again, Err(Refused::Replayed));
            }
        }
    }

    #[test]
    fn each_profile_carries_rtcp_and_refuses_replays() {
        let plain = hex("80c90001 00000007");
        for profile in PROFILES {
            let (mut client, mut server) = pair(profile);
            let mut sealed = seal(&plain, |p| client.seal_rtcp(p, plain.len()));
            let mut replay = sealed.clone();
            assert_eq!(server.open_rtcp(&mut sealed), Ok(8), "{profile:?}");
            assert_eq!(sealed[..8], plain);
            assert_eq!(server.open_rtcp(&mut replay), Err(Refused::Replayed));
        }
    }

    #[test]
    fn one_changed_bit_anywhere_is_noticed() {
        let (rtp, rtcp) = (hex(RTP), hex("80c90001 00000007 01020304"));
        for profile in PROFILES {
            let (mut client, mut server) = pair(profile);
            let sealed = seal(&rtp, |p| client.seal_rtp(p, 12, rtp.len(), 0xf17b));
            for bit in 0..sealed.len() * 8 {
                let mut forged = sealed.clone();
                forged[bit / 8] ^= 1 << (bit % 8);
                let mut window = ReplayWindow::default();
                let sequence = u16::from_be_bytes([forged[2], forged[3]]);
                assert!(
                    server.open_rtp(&mut window, &mut forged, 12, sequence).is_err(),
                    "{profile:?} {bit}"
                );
            }
            let sealed = seal(&rtcp, |p| client.seal_rtcp(p, rtcp.len()));
            for bit in 0..sealed.len() * 8 {
                let mut forged = sealed.clone();
                forged[bit / 8] ^= 1 << (bit % 8);
                assert!(server.open_rtcp(&mut forged).is_err(), "{profile:?} {bit}");
            }
        }
    }

    #[test]
    fn cut_and_empty_packets_are_refused() {
        for profile in PROFILES {
            let (_, mut server) = pair(profile);
            for length in 0..64 {
                let mut packet = vec![0x80; length];
                let mut window = ReplayWindow::default();
                assert!(server.open_rtp(&mut window, &mut packet, 12, 1).is_err());
                assert!(server.open_rtcp(&mut packet).is_err());
            }
        }
    }

    #[test]
    fn material_of_the_wrong_length_is_refused() {
        for length in [0, 55, 57] {
            let refused = Srtp::new(SrtpProfile::AeadAes128Gcm, Role::Client, &vec![0; length]);
            assert!(matches!(refused, Err(SrtpError::Material { need: 56, have, .. }) if have == length));
        }
    }
}
