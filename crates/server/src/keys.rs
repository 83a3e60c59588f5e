//! The server key (account tokens, app secrets) and the signing key (media tokens).

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::{ambient, config, private_file};

/// Length of both keys in bytes: the block of HMAC-SHA-256's output and the key of AES-256.
pub const KEY_BYTES: usize = 32;

pub struct Keys {
    pub server: [u8; KEY_BYTES],
    pub signing: [u8; KEY_BYTES],
    /// The signing key before.
    pub previous_signing: Option<[u8; KEY_BYTES]>,
    /// Files made by this call.
    pub made: Vec<PathBuf>,
}

/// Reads both keys, from the configured files or from `DATA/keys`, where they are made when missing.
pub fn load(config: &config::Config) -> anyhow::Result<Keys> {
    let directory = config.data.join("keys");
    let mut made = Vec::new();
    let mut key = |configured: &Path, name: &str| {
        if configured.as_os_str().is_empty() {
            let path = directory.join(name);
            match private_file::read(&path)? {
                Some(text) => parse(&path, &text),
                None => {
                    let key = ambient::random()?;
                    private_file::directory(&directory)?;
                    private_file::write(&path, hex::encode(key).as_bytes())?;
                    made.push(path);
                    Ok(key)
                }
            }
        } else {
            let text = private_file::read(configured)?
                .with_context(|| format!("there is no key file {}", configured.display()))?;
            parse(configured, &text)
        }
    };
    let server = key(&config.keys.server_key_file, "server.key")?;
    let signing = key(&config.keys.signing_key_file, "signing.key")?;
    let previous = &config.keys.previous_signing_key_file;
    let previous_signing = if previous.as_os_str().is_empty() { None } else { Some(key(previous, "")?) };
    Ok(Keys { server, signing, previous_signing, made })
}

fn parse(path: &Path, text: &str) -> anyhow::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    if hex::decode_to_slice(text.trim(), &mut key).is_err() {
        bail!("{} does not hold {} hexadecimal digits", path.display(), 2 * KEY_BYTES);
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_kept() {
        let config = config::Config { data: crate::scratch::directory("keys"), ..Default::default() };
        let first = load(&config).unwrap();
        let second = load(&config).unwrap();
        assert_eq!((first.made.len(), second.made.len()), (2, 0));
        assert_eq!((first.server, first.signing), (second.server, second.signing));
        assert_ne!(first.server, first.signing);
    }

    #[test]
    fn a_spoilt_key_file_is_refused_not_replaced() {
        let data = crate::scratch::directory("spoilt-key");
        std::fs::create_dir_all(data.join("keys")).unwrap();
        std::fs::write(data.join("keys/server.key"), "short").unwrap();
        let config = config::Config { data: data.clone(), ..Default::default() };
        assert!(load(&config).is_err());
        assert_eq!(std::fs::read_to_string(data.join("keys/server.key")).unwrap(), "short");
    }
}
