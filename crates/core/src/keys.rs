//! The server's keys: what they hash, seal and sign.

use std::fmt;

use aws_lc_rs::{aead, hmac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::{Core, Env, Error};

/// Bytes of the server key and of the signing key.
pub const KEY_LEN: usize = 32;

/// Made at the first start, kept outside the database.
pub struct Keys {
    tokens: hmac::Key,
    seal: aead::LessSafeKey,
    encode: EncodingKey,
    /// The current one first; tokens signed with the one before are good until they expire.
    decode: Vec<DecodingKey>,
}

/// Why a signed token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Room plane code 1026.
    #[error("the token expired")]
    Expired,
    /// Room plane code 1027.
    #[error("the token is wrong, or of another device, account or app")]
    Wrong,
    /// Room plane code 503: it could not be looked up now.
    #[error("the token could not be checked now")]
    Unavailable,
}

impl Keys {
    /// `server_key` hashes account tokens and seals app secrets; `signing_key` signs media tokens.
    /// `None` when either is not [`KEY_LEN`] bytes.
    pub fn new(server_key: &[u8], signing_key: &[u8]) -> Option<Self> {
        if server_key.len() != KEY_LEN || signing_key.len() != KEY_LEN {
            return None;
        }
        // One key per use: the same bytes never serve two primitives.
        let root = hmac::Key::new(hmac::HMAC_SHA256, server_key);
        let seal = Zeroizing::new(hmac::sign(&root, b"rotunda app secret v1").as_ref().to_vec());
        Some(Self {
            tokens: root,
            seal: aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_256_GCM, &seal).ok()?),
            encode: EncodingKey::from_secret(signing_key),
            decode: vec![DecodingKey::from_secret(signing_key)],
        })
    }

    /// Takes tokens signed with the key that was replaced, too. `None` when it is not [`KEY_LEN`] bytes.
    pub fn with_previous(mut self, signing_key: &[u8]) -> Option<Self> {
        if signing_key.len() != KEY_LEN {
            return None;
        }
        self.decode.push(DecodingKey::from_secret(signing_key));
        Some(self)
    }

    /// HMAC-SHA-256 of an account token, bound to its account.
    pub(crate) fn token_hash(&self, app: i64, accid: &str, token: &str) -> Vec<u8> {
        hmac::sign(&self.tokens, &Self::token_message(app, accid, token)).as_ref().to_vec()
    }

    /// HMAC-SHA-256 of an operator's token.
    pub(crate) fn admin_hash(&self, token: &str) -> Vec<u8> {
        hmac::sign(&self.tokens, format!("admin token v1\0{token}").as_bytes()).as_ref().to_vec()
    }

    /// In constant time.
    pub(crate) fn token_matches(&self, app: i64, accid: &str, token: &str, hash: &[u8]) -> bool {
        hmac::verify(&self.tokens, &Self::token_message(app, accid, token), hash).is_ok()
    }

    fn token_message(app: i64, accid: &str, token: &str) -> Vec<u8> {
        format!("account token v1\0{app}\0{accid}\0{token}").into_bytes()
    }

    /// Nonce, ciphertext, tag.
    pub(crate) fn seal(&self, env: &Env, context: &str, clear: &str) -> Result<Vec<u8>, Error> {
        let nonce: [u8; aead::NONCE_LEN] = env.bytes();
        let mut sealed = clear.as_bytes().to_vec();
        self.seal
            .seal_in_place_append_tag(
                aead::Nonce::assume_unique_for_key(nonce),
                aead::Aad::from(context.as_bytes()),
                &mut sealed,
            )
            .map_err(|_| Error::Sealed("sealing failed"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    pub(crate) fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<String>, Error> {
        let (nonce, body) =
            sealed.split_at_checked(aead::NONCE_LEN).ok_or(Error::Sealed("shorter than a nonce"))?;
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| Error::Sealed("bad nonce"))?;
        let mut body = Zeroizing::new(body.to_vec());
        let clear = self
            .seal
            .open_in_place(nonce, aead::Aad::from(context.as_bytes()), &mut body)
            .map_err(|_| Error::Sealed("another server key, or altered bytes"))?;
        String::from_utf8(clear.to_vec()).map(Zeroizing::new).map_err(|_| Error::Sealed("not text"))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Core {
    /// A JWT (HS256) over `claims`. `claims` must hold `exp`, in seconds since the epoch, and its own `typ`-like
    /// field: a token of one purpose must not read as one of another.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, Error> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.config().keys.encode)
            .map_err(|_| Error::Sealed("claims that do not serialise"))
    }

    /// Claims of a JWT signed here whose `exp` lies ahead of the injected clock.
    pub fn verify<T: DeserializeOwned>(&self, token: &str) -> Result<T, TokenError> {
        match self.read(token)? {
            (claims, Validity::Current) => Ok(claims),
            (_, Validity::Expired) => Err(TokenError::Expired),
        }
    }

    /// Claims of a JWT signed here, and whether `exp` lies ahead: who must tell an expired token of one account from
    /// that of another compares the claims first.
    pub(crate) fn read<T: DeserializeOwned>(&self, token: &str) -> Result<(T, Validity), TokenError> {
        #[derive(serde::Deserialize)]
        struct Expiry {
            exp: i64,
        }
        // The library would compare with the ambient clock.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        let mut keys = self.config().keys.decode.iter();
        let signed =
            keys.find_map(|key| Some((jsonwebtoken::decode::<Expiry>(token, key, &validation).ok()?, key)));
        let (expiry, key) = signed.ok_or(TokenError::Wrong)?;
        let claims = jsonwebtoken::decode::<T>(token, key, &validation).map_err(|_| TokenError::Wrong)?;
        let expired = expiry.claims.exp.saturating_mul(1000) <= self.env().now().get();
        Ok((claims.claims, if expired { Validity::Expired } else { Validity::Current }))
    }
}

/// Whether a token's time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Validity {
    Current,
    Expired,
}
