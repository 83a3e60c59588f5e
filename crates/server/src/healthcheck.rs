//! `rotunda healthcheck`: one HTTPS request to the running server, trusting exactly the certificate it is given.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{certificate, config::Config};

/// Longest the whole check may take: below Docker's default of 30 s between checks.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Longest answer read, in bytes; the checked path answers in about 100.
const ANSWER_MAX: u64 = 64 * 1024;

/// Succeeds when the server that `config` describes answers a link handshake.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    let listen = config.tcp_address();
    let target = match listen.ip() {
        ip if ip.is_unspecified() && ip.is_ipv4() => ([127, 0, 0, 1], listen.port()).into(),
        ip if ip.is_unspecified() => (std::net::Ipv6Addr::LOCALHOST, listen.port()).into(),
        ip => SocketAddr::new(ip, listen.port()),
    };
    let leaf = certificate::leaf(config)?;
    let answer = tokio::time::timeout(TIMEOUT, get(target, &leaf, "/socket.io/1/?t=0")).await;
    let (status, body) = answer.context("no answer in time")??;
    if status != 200 || !body.ends_with(":websocket") {
        bail!("the link handshake answered with status {status}");
    }
    Ok(())
}

/// GET over TLS pinned to `leaf`: status and body.
pub async fn get(
    target: SocketAddr,
    leaf: &CertificateDer<'static>,
    path: &str,
) -> anyhow::Result<(u16, String)> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned { leaf: leaf.clone(), provider }))
        .with_no_client_auth();
    let stream = TcpStream::connect(target).await.context("nothing listens")?;
    let name = ServerName::from(target.ip());
    let mut stream = tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, stream).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {target}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no HTTP status")?;
    Ok((status, body.to_owned()))
}

/// Accepts one certificate and no other. Signatures are verified as always.
#[derive(Debug)]
struct Pinned {
    leaf: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *end_entity == self.leaf {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General("the server shows another certificate than the configured one".into()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let supported = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, supported)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let supported = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, supported)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
