//! Key derivation (RFC 3711 §4.3, key derivation rate 0), also used by the GCM profiles (RFC 7714 §11).

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use zeroize::Zeroizing;

use super::SrtpError;

/// What a key is for (RFC 3711 §4.3.1, §4.3.2).
#[derive(Debug, Clone, Copy)]
pub(super) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// AES in counter mode with a 16 or 32 byte key.
pub(super) fn counter_mode(key: &[u8]) -> Result<EncryptingKey, SrtpError> {
    let algorithm = if key.len() == 32 { &AES_256 } else { &AES_128 };
    UnboundCipherKey::new(algorithm, key)
        .and_then(EncryptingKey::ctr)
        .map_err(|_| SrtpError::KeyLength(key.len()))
}

/// `N` bytes of key stream for a label, from a master key of 16 or 32 bytes and a salt of 12 or 14.
pub(super) fn derive<const N: usize>(
    master_key: &[u8],
    master_salt: &[u8],
    label: Label,
) -> Result<Zeroizing<[u8; N]>, SrtpError> {
    // x = label << 48 XOR salt, with the salt of 112 bits: a 96 bit salt is padded on the right (RFC 7714 §11).
    let mut counter = [0_u8; 16];
    counter.iter_mut().zip(master_salt.iter().take(14)).for_each(|(to, from)| *to = *from);
    counter[7] ^= label as u8;
    let mut out = Zeroizing::new([0_u8; N]);
    let cipher = counter_mode(master_key)?;
    cipher
        .less_safe_encrypt(out.as_mut_slice(), EncryptionContext::Iv128(counter.into()))
        .map_err(|_| SrtpError::KeyLength(master_key.len()))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::srtp::tests::hex;

    /// RFC 3711 appendix B.3.
    #[test]
    fn keys_derive_as_in_rfc_3711() {
        let key = hex("E1F97A0D3E018BE0D64FA32C06DE4139");
        let salt = hex("0EC675AD498AFEEBB6960B3AABE6");
        let encryption: Zeroizing<[u8; 16]> = derive(&key, &salt, Label::RtpEncryption).unwrap();
        assert_eq!(encryption.as_slice(), hex("C61E7A93744F39EE10734AFE3FF7A087"));
        let salting: Zeroizing<[u8; 14]> = derive(&key, &salt, Label::RtpSalt).unwrap();
        assert_eq!(salting.as_slice(), hex("30CBBC08863D8C85D49DB34A9AE1"));
        let authentication: Zeroizing<[u8; 20]> = derive(&key, &salt, Label::RtpAuthentication).unwrap();
        assert_eq!(authentication.as_slice(), hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
    }

    /// RFC 3711 appendix B.2.
    #[test]
    fn counter_mode_gives_the_key_stream_of_rfc_3711() {
        let cipher = counter_mode(&hex("2B7E151628AED2A6ABF7158809CF4F3C")).unwrap();
        let mut stream = [0_u8; 48];
        let iv: [u8; 16] = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").try_into().unwrap();
        cipher.less_safe_encrypt(&mut stream, EncryptionContext::Iv128(iv.into())).unwrap();
        assert_eq!(stream[..16], hex("E03EAD0935C95E80E166B16DD92B4EB4"));
        assert_eq!(stream[32..], hex("41E95B3BB0A2E8DD477901E4FCA894C0"));
    }
}
