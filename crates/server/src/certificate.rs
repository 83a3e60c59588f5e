//! TLS: the configured certificate, or a development certificate kept under `data`.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
};
use rustls::{server::ResolvesServerCert, sign::CertifiedKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde::{Deserialize, Serialize};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{
    config::{Config, TlsMode},
    private_file, secrets,
};

const DAY_MS: i64 = 86_400_000;

/// Days a development certificate lasts: browsers refuse more than 398, and a shorter one is trusted anew more often.
const DEVELOPMENT_DAYS: i64 = 397;

/// Days before its end when a development certificate is replaced at the next start.
const RENEWAL_DAYS: i64 = 30;

/// File name of the development certificate in `DATA/tls`.
const DEVELOPMENT_CHAIN: &str = "dev-cert.pem";

pub struct Certificate {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
    /// The PEM file to trust, when the certificate is of the development kind.
    pub development: Option<PathBuf>,
}

/// What a development certificate was made for; when it no longer fits, a new one is made.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    names: Vec<String>,
    expires_ms: i64,
}

/// Loads the configured certificate, or loads or makes the development one. `advertised` are media addresses,
/// which on a LAN are also those that people type.
pub fn load(config: &Config, advertised: &[IpAddr], now_ms: i64) -> anyhow::Result<Certificate> {
    if config.tls_mode() != TlsMode::Files {
        return development(&config.data.join("tls"), names(config, advertised), now_ms);
    }
    read(&config.tls.certificate, &config.tls.key, None)
}

/// The certificate that a running server of this configuration shows.
pub fn leaf(config: &Config) -> anyhow::Result<CertificateDer<'static>> {
    let path = match config.tls_mode() {
        TlsMode::Files => config.tls.certificate.clone(),
        _ => config.data.join("tls").join(DEVELOPMENT_CHAIN),
    };
    CertificateDer::from_pem_file(&path).with_context(|| format!("no certificate in {}", path.display()))
}

/// When a certificate ends, Unix time in seconds.
pub fn expires(leaf: &CertificateDer<'_>) -> anyhow::Result<i64> {
    let (_, parsed) = X509Certificate::from_der(leaf).context("no certificate")?;
    Ok(parsed.validity().not_after.timestamp())
}

/// The certificate with its key, ready to be shown.
pub fn certified(certificate: &Certificate) -> anyhow::Result<CertifiedKey> {
    if let Some(ends) = certificate.chain.first().and_then(|leaf| expires(leaf).ok()) {
        metrics::gauge!("rotunda_certificate_expires_seconds").set(ends as f64);
    }
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    CertifiedKey::from_der(certificate.chain.clone(), certificate.key.clone_key(), &provider)
        .context("the certificate and its key do not fit together")
}

/// A rustls configuration without client certificates that speaks HTTP/2 and HTTP/1.1.
pub fn server_config(shown: Arc<dyn ResolvesServerCert>) -> anyhow::Result<Arc<rustls::ServerConfig>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(shown);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn names(config: &Config, advertised: &[IpAddr]) -> Vec<String> {
    let mut names = vec![
        "localhost".to_owned(),
        Ipv4Addr::LOCALHOST.to_string(),
        Ipv6Addr::LOCALHOST.to_string(),
        config.server.listen.to_string(),
    ];
    names.extend(config.authority().map(|authority| host(authority).to_owned()));
    names.extend(advertised.iter().map(IpAddr::to_string));
    names.extend(config.tls.names.iter().cloned());
    names.retain(|name| name.parse::<IpAddr>().map_or(true, |ip| !ip.is_unspecified()));
    names.sort_unstable();
    names.dedup();
    names
}

/// The host of `host`, `host:port`, `[v6]` or `[v6]:port`.
pub fn host(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => authority.split(':').next().unwrap_or(authority),
    }
}

fn development(directory: &Path, names: Vec<String>, now_ms: i64) -> anyhow::Result<Certificate> {
    let (chain, key, note) =
        (directory.join(DEVELOPMENT_CHAIN), directory.join("dev-key.pem"), directory.join("dev-cert.json"));
    let made: Option<Made> = private_file::read(&note)?.and_then(|text| serde_json::from_str(&text).ok());
    let fits = made.is_some_and(|made| {
        made.expires_ms - now_ms > RENEWAL_DAYS * DAY_MS && names.iter().all(|name| made.names.contains(name))
    });
    if !(fits && chain.is_file() && key.is_file()) {
        private_file::directory(directory)?;
        let expires_ms = now_ms + DEVELOPMENT_DAYS * DAY_MS;
        let (certificate_pem, key_pem) = self_signed(&names, now_ms, expires_ms)?;
        // The note last: without it a half-made pair is made again.
        private_file::write(&key, key_pem.as_bytes())?;
        private_file::write(&chain, certificate_pem.as_bytes())?;
        private_file::write(&note, &serde_json::to_vec(&Made { names, expires_ms })?)?;
        tracing::info!(file = %chain.display(), days = DEVELOPMENT_DAYS, "made a development certificate");
    }
    read(&chain, &key, Some(chain.clone()))
}

fn self_signed(names: &[String], now_ms: i64, expires_ms: i64) -> anyhow::Result<(String, String)> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.to_vec())
        .context("tls.names, server.public_url or media.advertise holds something that is no host name")?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Rotunda development certificate");
    params.not_before = date(now_ms - DAY_MS)?;
    params.not_after = date(expires_ms)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn date(ms: i64) -> anyhow::Result<time::OffsetDateTime> {
    Ok(time::OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000))?)
}

/// Reads a chain and its key.
pub fn read(chain: &Path, key: &Path, development: Option<PathBuf>) -> anyhow::Result<Certificate> {
    secrets::check(key)?;
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("cannot read certificates from {}", chain.display()))?;
    anyhow::ensure!(!certificates.is_empty(), "{} holds no certificate", chain.display());
    let key = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("cannot read a private key from {}", key.display()))?;
    Ok(Certificate { chain: certificates, key, development })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(name: &str) -> Config {
        Config { data: crate::scratch::directory(name), ..Default::default() }
    }

    const NOW: i64 = 1_790_000_000_000;

    #[test]
    fn development_certificate_is_kept_until_names_or_time_call_for_another() {
        let mut config = config("certificate");
        let first = load(&config, &[], NOW).unwrap();
        certified(&first).unwrap();
        assert_eq!(load(&config, &[], NOW + DAY_MS).unwrap().chain, first.chain);
        let late = load(&config, &[], NOW + (DEVELOPMENT_DAYS - RENEWAL_DAYS + 1) * DAY_MS).unwrap();
        assert_ne!(late.chain, first.chain);
        config.tls.names.push("phone.example".into());
        let wider = load(&config, &[], NOW).unwrap();
        assert_ne!(wider.chain, late.chain);
        assert_eq!(load(&config, &[], NOW).unwrap().chain, wider.chain);
    }

    #[test]
    fn names_cover_every_way_to_say_this_server() {
        let mut config = config("names");
        config.server.listen = "0.0.0.0".parse().unwrap();
        config.server.public_url = "https://chat.example.org:9443".into();
        let names = names(&config, &["192.0.2.7".parse().unwrap()]);
        assert_eq!(names, ["127.0.0.1", "192.0.2.7", "::1", "chat.example.org", "localhost"]);
    }

    #[test]
    fn host_of_an_authority() {
        for (authority, expected) in
            [("a.example", "a.example"), ("a.example:1", "a.example"), ("[::1]:1", "::1"), ("[::1]", "::1")]
        {
            assert_eq!(host(authority), expected);
        }
    }
}
