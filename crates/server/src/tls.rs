//! TLS on the public port: which certificate is shown, and how another takes its place without a restart.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Context;
use arc_swap::ArcSwap;
use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use crate::{
    acme,
    certificate::{self, Certificate},
    config::{Config, TlsMode},
};

/// Between two looks whether the files have changed. A renewed certificate has weeks of the old one's life left.
pub const LOOK_EVERY: Duration = Duration::from_secs(60);

/// The certificate that new connections get.
#[derive(Debug)]
struct Shown {
    key: ArcSwap<CertifiedKey>,
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.key.load_full())
    }
}

/// TLS of the public port. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tls {
    pub server: Arc<rustls::ServerConfig>,
    /// The PEM file to trust, when the certificate is of the development kind.
    pub development: Option<PathBuf>,
    shown: Option<Arc<Shown>>,
}

impl Tls {
    /// As `tls.mode` says. `None`: no TLS here, a proxy does it. With ACME a task of its own keeps the certificate.
    pub fn open(
        config: &Config,
        advertised: &[std::net::IpAddr],
        now_ms: i64,
    ) -> anyhow::Result<Option<Self>> {
        let shown = match config.tls_mode() {
            TlsMode::Off => return Ok(None),
            TlsMode::Acme => {
                let server = acme::start(config)?;
                return Ok(Some(Self { server, development: None, shown: None }));
            }
            TlsMode::Auto | TlsMode::Files | TlsMode::Development => {
                certificate::load(config, advertised, now_ms)?
            }
        };
        Self::showing(&shown).map(Some)
    }

    pub fn showing(certificate: &Certificate) -> anyhow::Result<Self> {
        let key = certificate::certified(certificate)?;
        let shown = Arc::new(Shown { key: ArcSwap::from_pointee(key) });
        let server = certificate::server_config(shown.clone())?;
        Ok(Self { server, development: certificate.development.clone(), shown: Some(shown) })
    }

    /// Reads the files of `config` again. False: this server's certificate is not from files.
    ///
    /// # Errors
    /// They cannot be used; the certificate from before is still shown.
    pub fn read_again(&self, config: &Config) -> anyhow::Result<bool> {
        let Some(shown) = self.shown.as_ref().filter(|_| config.tls_mode() == TlsMode::Files) else {
            return Ok(false);
        };
        let certificate = certificate::read(&config.tls.certificate, &config.tls.key, None)?;
        shown.key.store(Arc::new(certificate::certified(&certificate)?));
        Ok(true)
    }

    /// Looks at the files of the configuration in force, for ever.
    pub async fn watch(self, config: Arc<ArcSwap<Config>>, every: Duration) {
        let mut seen = stamps(&config.load());
        loop {
            tokio::time::sleep(every).await;
            let config = config.load();
            let now = stamps(&config);
            if now == seen {
                continue;
            }
            match self.read_again(&config) {
                Ok(true) => tracing::info!("the certificate was renewed: its files changed"),
                Ok(false) => {}
                // Perhaps only one of the two is written yet: the next look tries again.
                Err(error) => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "the renewed certificate cannot be used yet"
                    );
                    continue;
                }
            }
            seen = now;
        }
    }
}

/// When the files of the certificate and its key changed.
fn stamps(config: &Config) -> [Option<(PathBuf, SystemTime)>; 2] {
    let stamp = |path: &Path| {
        let changed = std::fs::metadata(path).and_then(|file| file.modified()).ok()?;
        Some((path.to_owned(), changed))
    };
    [stamp(&config.tls.certificate), stamp(&config.tls.key)]
}

/// A root store with the certificates of a PEM file.
pub fn roots(file: &Path) -> anyhow::Result<rustls::RootCertStore> {
    use rustls_pki_types::{CertificateDer, pem::PemObject};
    let mut roots = rustls::RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("cannot read certificates from {}", file.display()))?;
    anyhow::ensure!(!certificates.is_empty(), "{} holds no certificate", file.display());
    for certificate in certificates {
        roots.add(certificate).with_context(|| format!("{} is no authority", file.display()))?;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use tokio::net::TcpListener;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::{
        ambient, healthcheck,
        lifecycle::Shutdown,
        listener::{self, Services, Web},
    };

    /// A configuration whose certificate files are a copy of a fresh development certificate.
    fn files(name: &str) -> Config {
        let mut config = Config { data: crate::scratch::directory(name), ..Config::default() };
        renew(&mut config, "first");
        config
    }

    fn renew(config: &mut Config, name: &str) {
        let of = Config { data: config.data.join(name), ..Config::default() };
        certificate::load(&of, &[], ambient::now_ms()).unwrap();
        let (chain, key) = (config.data.join("chain.pem"), config.data.join("key.pem"));
        std::fs::copy(of.data.join("tls/dev-cert.pem"), &chain).unwrap();
        std::fs::copy(of.data.join("tls/dev-key.pem"), &key).unwrap();
        (config.tls.certificate, config.tls.key) = (chain, key);
    }

    #[tokio::test]
    async fn a_renewed_certificate_is_shown_without_a_restart_and_a_broken_one_is_not() {
        let mut config = files("tls-renewed");
        let tls = Tls::open(&config, &[], ambient::now_ms()).unwrap().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let services =
            Services { web: Some(Web::Tls(tls.server.clone(), Router::new())), ..Services::default() };
        tokio::spawn(listener::serve(listener, services, TaskTracker::new(), Shutdown::default()));
        let shared = Arc::new(ArcSwap::from_pointee(config.clone()));
        tokio::spawn(tls.clone().watch(shared, Duration::from_millis(20)));
        let first = certificate::leaf(&config).unwrap();
        assert_eq!(healthcheck::get(address, Some(&first), "/").await.unwrap().0, 404);

        std::fs::write(&config.tls.certificate, "half writ").unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(healthcheck::get(address, Some(&first), "/").await.unwrap().0, 404);
        assert!(tls.read_again(&config).is_err());

        renew(&mut config, "second");
        let second = certificate::leaf(&config).unwrap();
        let shown = async {
            while healthcheck::get(address, Some(&second), "/").await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), shown).await.expect("the old one is shown for ever");
    }

    #[test]
    fn a_development_certificate_is_not_read_again() {
        let config = Config { data: crate::scratch::directory("tls-development"), ..Config::default() };
        let tls = Tls::open(&config, &[], ambient::now_ms()).unwrap().unwrap();
        assert!(tls.development.is_some());
        assert!(!tls.read_again(&config).unwrap());
    }
}
