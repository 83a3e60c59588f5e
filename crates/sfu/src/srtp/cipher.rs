//! The three SRTP transforms over one packet: open in place, seal in place.

use aws_lc_rs::{
    aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{EncryptingKey, EncryptionContext},
    constant_time::verify_slices_are_equal,
    hmac,
};
use zeroize::Zeroizing;

use super::{
    SrtpError,
    kdf::{self, Label},
};
use crate::SrtpProfile;

const GCM_TAG: usize = 16;
/// HMAC-SHA1 cut to 80 bits.
const CM_TAG: usize = 10;
/// E flag and index at the end of an SRTCP packet.
const RTCP_WORD: usize = 4;
const RTCP_HEADER: usize = 8;
const ENCRYPTED: u32 = 1 << 31;

/// Bytes that sealing adds at most, for RTP and RTCP alike.
pub(crate) const MAX_OVERHEAD: usize = GCM_TAG + RTCP_WORD;

/// Session keys of one direction.
pub(super) enum Cipher {
    Gcm {
        rtp: LessSafeKey,
        rtcp: LessSafeKey,
        rtp_salt: [u8; 12],
        rtcp_salt: [u8; 12],
    },
    /// Boxed: AES key schedules of 1.7 kB each, and GCM is the rule.
    Cm {
        rtp: Box<CmKeys>,
        rtcp: Box<CmKeys>,
    },
}

pub(super) struct CmKeys {
    encryption: EncryptingKey,
    authentication: hmac::Key,
    salt: [u8; 14],
}

impl Cipher {
    pub(super) fn new(profile: SrtpProfile, key: &[u8], salt: &[u8]) -> Result<Self, SrtpError> {
        match profile {
            SrtpProfile::AeadAes128Gcm => Self::gcm::<16>(key, salt),
            SrtpProfile::AeadAes256Gcm => Self::gcm::<32>(key, salt),
            SrtpProfile::Aes128CmSha1_80 => {
                let keys = |labels: [Label; 3]| -> Result<Box<CmKeys>, SrtpError> {
                    let encryption: Zeroizing<[u8; 16]> = kdf::derive(key, salt, labels[0])?;
                    let authentication: Zeroizing<[u8; 20]> = kdf::derive(key, salt, labels[1])?;
                    let salt: Zeroizing<[u8; 14]> = kdf::derive(key, salt, labels[2])?;
                    CmKeys::new(&*encryption, &*authentication, *salt).map(Box::new)
                };
                Ok(Self::Cm {
                    rtp: keys([Label::RtpEncryption, Label::RtpAuthentication, Label::RtpSalt])?,
                    rtcp: keys([Label::RtcpEncryption, Label::RtcpAuthentication, Label::RtcpSalt])?,
                })
            }
        }
    }

    fn gcm<const N: usize>(key: &[u8], salt: &[u8]) -> Result<Self, SrtpError> {
        let rtp: Zeroizing<[u8; N]> = kdf::derive(key, salt, Label::RtpEncryption)?;
        let rtcp: Zeroizing<[u8; N]> = kdf::derive(key, salt, Label::RtcpEncryption)?;
        let rtp_salt: Zeroizing<[u8; 12]> = kdf::derive(key, salt, Label::RtpSalt)?;
        let rtcp_salt: Zeroizing<[u8; 12]> = kdf::derive(key, salt, Label::RtcpSalt)?;
        Self::from_gcm_keys(&*rtp, &*rtcp, *rtp_salt, *rtcp_salt)
    }

    /// From session keys, as the vectors of RFC 7714 give them.
    pub(super) fn from_gcm_keys(
        rtp: &[u8],
        rtcp: &[u8],
        rtp_salt: [u8; 12],
        rtcp_salt: [u8; 12],
    ) -> Result<Self, SrtpError> {
        let key = |bytes: &[u8]| {
            let algorithm = if bytes.len() == 32 { &AES_256_GCM } else { &AES_128_GCM };
            UnboundKey::new(algorithm, bytes)
                .map(LessSafeKey::new)
                .map_err(|_| SrtpError::KeyLength(bytes.len()))
        };
        Ok(Self::Gcm { rtp: key(rtp)?, rtcp: key(rtcp)?, rtp_salt, rtcp_salt })
    }

    /// Opens an RTP packet whose header takes `header` bytes; the length of the plain packet, or None when it
    /// is not authentic.
    pub(super) fn open_rtp(&self, packet: &mut [u8], header: usize, index: u64) -> Option<usize> {
        let iv = RtpIv::of(packet, index)?;
        match self {
            Self::Gcm { rtp, rtp_salt, .. } => {
                let (head, body) = packet.split_at_mut_checked(header)?;
                let plain = rtp.open_in_place(iv.gcm(rtp_salt), Aad::from(&*head), body).ok()?.len();
                Some(header + plain)
            }
            Self::Cm { rtp, .. } => {
                let end = packet.len().checked_sub(CM_TAG).filter(|end| *end >= header)?;
                let (plain, tag) = packet.split_at_mut_checked(end)?;
                verify_slices_are_equal(&rtp.tag(&[plain, &iv.rollover()]), tag).ok()?;
                rtp.apply(iv.cm(&rtp.salt), plain.get_mut(header..)?)?;
                Some(end)
            }
        }
    }

    /// Seals `packet[..length]` with room behind it; the length of the sealed packet.
    pub(super) fn seal_rtp(
        &self,
        packet: &mut [u8],
        header: usize,
        length: usize,
        index: u64,
    ) -> Option<usize> {
        let iv = RtpIv::of(packet, index)?;
        let (plain, room) = packet.split_at_mut_checked(length)?;
        match self {
            Self::Gcm { rtp, rtp_salt, .. } => {
                let (head, body) = plain.split_at_mut_checked(header)?;
                let tag = rtp.seal_in_place_separate_tag(iv.gcm(rtp_salt), Aad::from(&*head), body).ok()?;
                room.get_mut(..GCM_TAG)?.copy_from_slice(tag.as_ref());
                Some(length + GCM_TAG)
            }
            Self::Cm { rtp, .. } => {
                rtp.apply(iv.cm(&rtp.salt), plain.get_mut(header..)?)?;
                room.get_mut(..CM_TAG)?.copy_from_slice(&rtp.tag(&[plain, &iv.rollover()]));
                Some(length + CM_TAG)
            }
        }
    }

    /// The SRTCP index a packet claims, without its E flag. None: too short, or not encrypted, which no client of
    /// DTLS-SRTP sends.
    pub(super) fn rtcp_index(&self, packet: &[u8]) -> Option<u32> {
        let tail = match self {
            Self::Gcm { .. } => 0,
            Self::Cm { .. } => CM_TAG,
        };
        let end = packet.len().checked_sub(tail)?;
        let word = packet.get(..end)?.last_chunk::<RTCP_WORD>()?;
        let word = u32::from_be_bytes(*word);
        (word & ENCRYPTED != 0).then_some(word & !ENCRYPTED)
    }

    /// Opens an RTCP packet; the length of the plain packet.
    pub(super) fn open_rtcp(&self, packet: &mut [u8], index: u32) -> Option<usize> {
        let iv = RtcpIv::of(packet, index)?;
        match self {
            Self::Gcm { rtcp, rtcp_salt, .. } => {
                let end = packet.len().checked_sub(RTCP_WORD)?;
                let (head, body) = packet.get_mut(..end)?.split_at_mut_checked(RTCP_HEADER)?;
                let plain = rtcp.open_in_place(iv.gcm(rtcp_salt), Aad::from(iv.aad(head)?), body).ok()?.len();
                Some(RTCP_HEADER + plain)
            }
            Self::Cm { rtcp, .. } => {
                let signed = packet.len().checked_sub(CM_TAG)?;
                let end = signed.checked_sub(RTCP_WORD).filter(|end| *end >= RTCP_HEADER)?;
                let (body, tag) = packet.split_at_mut_checked(signed)?;
                verify_slices_are_equal(&rtcp.tag(&[body]), tag).ok()?;
                rtcp.apply(iv.cm(&rtcp.salt), body.get_mut(RTCP_HEADER..end)?)?;
                Some(end)
            }
        }
    }

    pub(super) fn seal_rtcp(&self, packet: &mut [u8], length: usize, index: u32) -> Option<usize> {
        let iv = RtcpIv::of(packet, index)?;
        let word = (index | ENCRYPTED).to_be_bytes();
        let (plain, room) = packet.split_at_mut_checked(length)?;
        match self {
            Self::Gcm { rtcp, rtcp_salt, .. } => {
                let (head, body) = plain.split_at_mut_checked(RTCP_HEADER)?;
                let aad = Aad::from(iv.aad(head)?);
                let tag = rtcp.seal_in_place_separate_tag(iv.gcm(rtcp_salt), aad, body).ok()?;
                room.get_mut(..GCM_TAG)?.copy_from_slice(tag.as_ref());
                room.get_mut(GCM_TAG..GCM_TAG + RTCP_WORD)?.copy_from_slice(&word);
                Some(length + GCM_TAG + RTCP_WORD)
            }
            Self::Cm { rtcp, .. } => {
                rtcp.apply(iv.cm(&rtcp.salt), plain.get_mut(RTCP_HEADER..)?)?;
                room.get_mut(..RTCP_WORD)?.copy_from_slice(&word);
                let tag = rtcp.tag(&[plain, &word]);
                room.get_mut(RTCP_WORD..RTCP_WORD + CM_TAG)?.copy_from_slice(&tag);
                Some(length + RTCP_WORD + CM_TAG)
            }
        }
    }
}

impl CmKeys {
    fn new(encryption: &[u8], authentication: &[u8], salt: [u8; 14]) -> Result<Self, SrtpError> {
        let authentication = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, authentication);
        Ok(Self { encryption: kdf::counter_mode(encryption)?, authentication, salt })
    }

    fn apply(&self, iv: [u8; 16], data: &mut [u8]) -> Option<()> {
        self.encryption.less_safe_encrypt(data, EncryptionContext::Iv128(iv.into())).ok().map(|_| ())
    }

    fn tag(&self, parts: &[&[u8]]) -> [u8; CM_TAG] {
        let mut context = hmac::Context::with_key(&self.authentication);
        parts.iter().for_each(|part| context.update(part));
        let mut cut = [0; CM_TAG];
        cut.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
        cut
    }
}

/// What makes an RTP packet's IV (RFC 3711 §4.1.1, RFC 7714 §8.1).
struct RtpIv {
    ssrc: [u8; 4],
    /// 48 bits.
    index: u64,
}

impl RtpIv {
    fn of(packet: &[u8], index: u64) -> Option<Self> {
        let ssrc = *packet.get(8..12)?.first_chunk()?;
        Some(Self { ssrc, index })
    }

    /// The six low bytes of the index: rollover counter and sequence number.
    fn index_bytes(&self) -> [u8; 6] {
        let [_, _, bytes @ ..] = self.index.to_be_bytes();
        bytes
    }

    fn rollover(&self) -> [u8; 4] {
        let [a, b, c, d, _, _] = self.index_bytes();
        [a, b, c, d]
    }

    fn gcm(&self, salt: &[u8; 12]) -> Nonce {
        let ([s0, s1, s2, s3], [r0, r1, r2, r3, q0, q1]) = (self.ssrc, self.index_bytes());
        Nonce::assume_unique_for_key(xor(salt, [0, 0, s0, s1, s2, s3, r0, r1, r2, r3, q0, q1]))
    }

    fn cm(&self, salt: &[u8; 14]) -> [u8; 16] {
        counter_block(salt, self.ssrc, self.index_bytes())
    }
}

/// What makes an RTCP packet's IV (RFC 3711 §4.1.1, RFC 7714 §9.1).
struct RtcpIv {
    ssrc: [u8; 4],
    /// 31 bits.
    index: u32,
}

impl RtcpIv {
    fn of(packet: &[u8], index: u32) -> Option<Self> {
        let ssrc = *packet.get(4..8)?.first_chunk()?;
        Some(Self { ssrc, index })
    }

    fn gcm(&self, salt: &[u8; 12]) -> Nonce {
        let ([s0, s1, s2, s3], [i0, i1, i2, i3]) = (self.ssrc, self.index.to_be_bytes());
        Nonce::assume_unique_for_key(xor(salt, [0, 0, s0, s1, s2, s3, 0, 0, i0, i1, i2, i3]))
    }

    fn cm(&self, salt: &[u8; 14]) -> [u8; 16] {
        let [i0, i1, i2, i3] = self.index.to_be_bytes();
        counter_block(salt, self.ssrc, [0, 0, i0, i1, i2, i3])
    }

    /// Header and index word, both in clear (RFC 7714 §9.2).
    fn aad(&self, header: &[u8]) -> Option<[u8; RTCP_HEADER + RTCP_WORD]> {
        let mut aad = [0; RTCP_HEADER + RTCP_WORD];
        aad.first_chunk_mut::<RTCP_HEADER>()?.copy_from_slice(header.get(..RTCP_HEADER)?);
        aad.last_chunk_mut::<RTCP_WORD>()?.copy_from_slice(&(self.index | ENCRYPTED).to_be_bytes());
        Some(aad)
    }
}

fn xor<const N: usize>(salt: &[u8; N], mut block: [u8; N]) -> [u8; N] {
    block.iter_mut().zip(salt).for_each(|(byte, salt)| *byte ^= salt);
    block
}

/// IV = salt × 2^16 XOR ssrc × 2^64 XOR index × 2^16.
fn counter_block(salt: &[u8; 14], [s0, s1, s2, s3]: [u8; 4], [i0, i1, i2, i3, i4, i5]: [u8; 6]) -> [u8; 16] {
    let mut block = [0, 0, 0, 0, s0, s1, s2, s3, i0, i1, i2, i3, i4, i5, 0, 0];
    block.iter_mut().zip(salt).for_each(|(byte, salt)| *byte ^= salt);
    block
}
