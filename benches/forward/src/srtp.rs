//! As much SRTP as the load needs: AEAD_AES_128_GCM of RFC 7714, written apart from the product's.

use anyhow::anyhow;
use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey},
};

const KEY: usize = 16;
const SALT: usize = 12;
/// Bytes of keying material: client's and server's key, client's and server's salt (RFC 5764 §4.2).
pub const EXPORTED: usize = 2 * (KEY + SALT);
/// An RTCP index in the clear that says "encrypted".
const ENCRYPTED: u32 = 1 << 31;

/// Key and salt of RTP or of RTCP, of one direction.
struct Half {
    key: LessSafeKey,
    salt: [u8; SALT],
}

// Without its keys.
impl std::fmt::Debug for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Direction")
    }
}

/// What one side sends.
pub struct Direction {
    rtp: Half,
    rtcp: Half,
    rtcp_index: u32,
}

impl Half {
    /// Labels of RFC 3711 §4.3.1.
    fn derive(master: &[u8], salt: &[u8], key_label: u8, salt_label: u8) -> anyhow::Result<Self> {
        let mut own = [0; SALT];
        let key = derive::<KEY>(master, salt, key_label)?;
        own.copy_from_slice(&derive::<SALT>(master, salt, salt_label)?);
        let key = UnboundKey::new(&AES_128_GCM, &key).map_err(|_| anyhow!("not a key of AES-128"))?;
        Ok(Self { key: LessSafeKey::new(key), salt: own })
    }

    /// RFC 7714 §8.1: `index` is that of the packet, 48 bits.
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut nonce = [0; SALT];
        nonce[2..6].copy_from_slice(&ssrc.to_be_bytes());
        nonce[6..].copy_from_slice(&index.to_be_bytes()[2..]);
        nonce.iter_mut().zip(self.salt).for_each(|(byte, salt)| *byte ^= salt);
        Nonce::assume_unique_for_key(nonce)
    }
}

/// AES in counter mode over zeros (RFC 3711 §4.3.3).
fn derive<const N: usize>(master: &[u8], salt: &[u8], label: u8) -> anyhow::Result<[u8; N]> {
    let mut counter = [0; 16];
    counter.iter_mut().zip(salt).for_each(|(to, from)| *to = *from);
    counter[7] ^= label;
    let mut out = [0; N];
    let failed = |_| anyhow!("the key derivation failed");
    EncryptingKey::ctr(UnboundCipherKey::new(&AES_128, master).map_err(failed)?)
        .and_then(|key| key.less_safe_encrypt(&mut out, EncryptionContext::Iv128((&counter).into())))
        .map_err(failed)?;
    Ok(out)
}

impl Direction {
    /// What the DTLS client sends and what the server sends.
    ///
    /// # Errors
    /// The material is too short.
    pub fn both(exported: &[u8]) -> anyhow::Result<(Self, Self)> {
        let material: &[u8; EXPORTED] = exported.first_chunk().ok_or_else(|| anyhow!("too short a key"))?;
        let (keys, salts) = material.split_at(2 * KEY);
        let one = |at: usize| {
            let (key, salt) = (&keys[at * KEY..][..KEY], &salts[at * SALT..][..SALT]);
            anyhow::Ok(Self {
                rtp: Half::derive(key, salt, 0, 2)?,
                rtcp: Half::derive(key, salt, 3, 5)?,
                rtcp_index: 0,
            })
        };
        Ok((one(0)?, one(1)?))
    }

    /// Seals a packet whose header has that length; the rest of it is payload.
    pub fn seal_rtp(&self, packet: &mut Vec<u8>, header: usize, ssrc: u32, index: u64) {
        let (head, body) = packet.split_at_mut(header);
        let sealed =
            self.rtp.key.seal_in_place_separate_tag(self.rtp.nonce(ssrc, index), Aad::from(&*head), body);
        // Fails only for a payload of gigabytes.
        if let Ok(tag) = sealed {
            packet.extend_from_slice(tag.as_ref());
        }
    }

    /// The payload of a packet whose header has that length, opened in place; None when it is not authentic.
    pub fn open_rtp<'a>(
        &self,
        packet: &'a mut [u8],
        header: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<&'a [u8]> {
        let (head, body) = packet.split_at_mut_checked(header)?;
        let nonce = self.rtp.nonce(ssrc, index);
        self.rtp.key.open_in_place(nonce, Aad::from(&*head), body).ok().map(|payload| &*payload)
    }

    /// Seals a compound that begins with a packet of `ssrc`.
    pub fn seal_rtcp(&mut self, compound: &mut Vec<u8>, ssrc: u32) {
        self.rtcp_index += 1;
        let index = (self.rtcp_index | ENCRYPTED).to_be_bytes();
        let (head, body) = compound.split_at_mut(8);
        let associated = [&*head, &index].concat();
        let nonce = self.rtcp.nonce(ssrc, self.rtcp_index.into());
        let sealed = self.rtcp.key.seal_in_place_separate_tag(nonce, Aad::from(associated), body);
        // As above.
        if let Ok(tag) = sealed {
            compound.extend_from_slice(tag.as_ref());
            compound.extend_from_slice(&index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_index_and_the_key_of_the_seal_open_it() {
        let exported: Vec<u8> = (0..EXPORTED as u8).collect();
        let (client, server) = Direction::both(&exported).unwrap();
        let plain: Vec<u8> = (0..40).collect();
        let mut packet = plain.clone();
        client.seal_rtp(&mut packet, 12, 7, 65_540);
        assert_eq!(packet.len(), plain.len() + 16);
        assert_ne!(packet[12..40], plain[12..]);
        let open =
            |by: &Direction, index: u64| by.open_rtp(&mut packet.clone(), 12, 7, index).map(<[u8]>::to_vec);
        assert_eq!(open(&client, 65_540).as_deref(), Some(&plain[12..]));
        assert_eq!(open(&client, 4), None, "another rollover counter");
        assert_eq!(open(&server, 65_540), None, "the other side's key");
        assert!(Direction::both(&exported[1..]).is_err());
    }
}
