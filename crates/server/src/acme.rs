//! Certificates from an ACME service, by TLS-ALPN-01 (RFC 8737): the service asks on the same port that clients use.

use std::sync::Arc;

use anyhow::Context;
use futures_util::StreamExt;
use rustls_acme::{AcmeConfig, EventOk, acme::ACME_TLS_ALPN_NAME, caches::DirCache};

use crate::{certificate, config::Config, private_file, tls};

/// Names the certificate is asked for.
pub fn domains(config: &Config) -> Vec<String> {
    match config.tls.acme_domains.is_empty() {
        false => config.tls.acme_domains.clone(),
        true => {
            config.authority().map(|authority| certificate::host(authority).to_owned()).into_iter().collect()
        }
    }
}

/// Starts the task that gets and renews the certificate, kept under `DATA/acme`. Until the first one is there, handshakes
/// of clients fail.
pub fn start(config: &Config) -> anyhow::Result<Arc<rustls::ServerConfig>> {
    let directory = config.data.join("acme");
    private_file::directory(&directory)?;
    let (domains, provider) = (domains(config), Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let acme = match config.tls.acme_ca.as_os_str().is_empty() {
        true => AcmeConfig::new_with_provider(&domains, provider),
        false => {
            let client = rustls::ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()?
                .with_root_certificates(tls::roots(&config.tls.acme_ca).context("tls.acme_ca")?)
                .with_no_client_auth();
            AcmeConfig::new_with_client_config(&domains, Arc::new(client))
        }
    };
    let mail = Some(&config.tls.acme_email).filter(|mail| !mail.is_empty());
    let acme = acme.contact(mail.map(|mail| format!("mailto:{mail}"))).cache(DirCache::new(directory));
    let acme = match config.tls.acme_directory.as_str() {
        "" => acme.directory_lets_encrypt(true),
        address => acme.directory(address),
    };
    let mut state = acme.state();
    let mut server = Arc::unwrap_or_clone(certificate::server_config(state.resolver())?);
    server.alpn_protocols.push(ACME_TLS_ALPN_NAME.to_vec());
    tokio::spawn(async move {
        while let Some(event) = state.next().await {
            match event {
                Ok(EventOk::DeployedNewCert) => tracing::info!("got a certificate from the ACME service"),
                Ok(EventOk::DeployedCachedCert) => tracing::info!("took the certificate kept from before"),
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "no certificate from the ACME service; trying again"),
            }
        }
    });
    Ok(Arc::new(server))
}

#[cfg(test)]
mod double;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::Router;
    use tokio::net::TcpListener;
    use tokio_util::task::TaskTracker;

    use super::{double::Authority, *};
    use crate::{
        config::TlsMode,
        healthcheck,
        lifecycle::Shutdown,
        listener::{self, Services, Web},
    };

    #[tokio::test]
    async fn a_certificate_is_got_on_the_port_it_is_for_and_kept() {
        let data = crate::scratch::directory("acme");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let authority = Authority::start(&data, address).await;
        let mut config = Config { data, ..Config::default() };
        config.tls.mode = TlsMode::Acme;
        config.tls.acme_domains = vec!["chat.example.org".into()];
        config.tls.acme_directory = authority.directory();
        config.tls.acme_ca = authority.ca_file();
        let server = start(&config).unwrap();
        let services = Services { web: Some(Web::Tls(server, Router::new())), ..Services::default() };
        tokio::spawn(listener::serve(listener, services, TaskTracker::new(), Shutdown::default()));
        let issued = async {
            loop {
                if let Some(leaf) = authority.issued()
                    && healthcheck::get(address, Some(&leaf), "/").await.is_ok()
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), issued).await.expect("no certificate was got");
        assert_eq!(authority.checked(), ["chat.example.org"]);

        // The next start takes the kept one and asks nobody.
        let again = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = again.local_addr().unwrap();
        let services =
            Services { web: Some(Web::Tls(start(&config).unwrap(), Router::new())), ..Services::default() };
        tokio::spawn(listener::serve(again, services, TaskTracker::new(), Shutdown::default()));
        let leaf = authority.issued().unwrap();
        let kept = async {
            while healthcheck::get(address, Some(&leaf), "/").await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), kept).await.expect("the kept certificate is not shown");
        assert_eq!(authority.checked().len(), 1);
    }
}
