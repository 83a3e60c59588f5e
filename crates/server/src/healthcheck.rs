//! `rotunda healthcheck`: one request to the running server; and the requests that `doctor` and tests make.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::{
    certificate,
    config::{Config, TlsMode},
};

/// Longest the whole check may take: below Docker's default of 30 s between checks.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where the link greets.
const HANDSHAKE: &str = "/socket.io/1/?t=0";

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
    let (status, body) = match config.tls_mode() {
        TlsMode::Off => get_plain(target, HANDSHAKE).await?,
        TlsMode::Development => get(target, Some(&certificate::leaf(config)?), HANDSHAKE).await?,
        // It may just have been renewed, and nothing secret is sent.
        TlsMode::Auto | TlsMode::Files | TlsMode::Acme => get(target, None, HANDSHAKE).await?,
    };
    if status != 200 || !body.ends_with(":websocket") {
        bail!("the link handshake answered with status {status}");
    }
    Ok(())
}

/// GET over TLS: status and body. With `leaf` exactly that certificate is accepted, else any.
pub async fn get(
    target: SocketAddr,
    leaf: Option<&CertificateDer<'static>>,
    path: &str,
) -> anyhow::Result<(u16, String)> {
    let host = target.ip().to_string();
    let exchange = tls(target, &host, leaf, &request("GET", target, path, ""), None).await?;
    status_and_body(&exchange.answer)
}

/// What was shown and answered to somebody who looked.
pub struct Shown {
    pub leaf: CertificateDer<'static>,
    pub status: u16,
    pub body: String,
    /// Where the question came from.
    pub from: IpAddr,
}

/// GET over TLS under a name, with more headers; from that address if there is one.
pub async fn show(
    target: SocketAddr,
    host: &str,
    path: &str,
    headers: &str,
    from: Option<IpAddr>,
) -> anyhow::Result<Shown> {
    let request = request("GET", host, path, "").replacen("\r\n", &format!("\r\n{headers}"), 1);
    let Exchange { leaf, answer, from } = tls(target, host, None, &request, from).await?;
    let (status, body) = status_and_body(&answer)?;
    Ok(Shown { leaf: leaf.context("no certificate was shown")?, status, body, from })
}

/// The head of an answer to HEAD, over TLS without verification.
pub async fn head_tls(target: SocketAddr, host: &str, path: &str) -> anyhow::Result<String> {
    Ok(tls(target, host, None, &request("HEAD", host, path, ""), None).await?.answer)
}

/// The same without TLS.
pub async fn head_plain(target: SocketAddr, host: &str, path: &str) -> anyhow::Result<String> {
    plain(target, &request("HEAD", host, path, "")).await
}

/// GET without TLS: status and body.
pub async fn get_plain(target: SocketAddr, path: &str) -> anyhow::Result<(u16, String)> {
    status_and_body(&plain(target, &request("GET", target, path, "")).await?)
}

/// POST of JSON without TLS: status and body.
pub async fn post_plain(target: SocketAddr, path: &str, body: &str) -> anyhow::Result<(u16, String)> {
    status_and_body(&plain(target, &request("POST", target, path, body)).await?)
}

fn request(method: &str, host: impl std::fmt::Display, path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

/// A client that accepts that certificate alone, or every one: for looking, never for secrets.
fn accepting(leaf: Option<CertificateDer<'static>>) -> anyhow::Result<rustls::ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned { leaf, provider }))
        .with_no_client_auth();
    Ok(config)
}

struct Exchange {
    leaf: Option<CertificateDer<'static>>,
    answer: String,
    from: IpAddr,
}

async fn tls(
    target: SocketAddr,
    host: &str,
    leaf: Option<&CertificateDer<'static>>,
    request: &str,
    from: Option<IpAddr>,
) -> anyhow::Result<Exchange> {
    let name = ServerName::try_from(host.to_owned()).context("no host name")?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(accepting(leaf.cloned())?));
    let exchange = async {
        let stream = connect(target, from).await.context("nothing listens")?;
        let from = stream.local_addr()?.ip();
        let stream = connector.connect(name, stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let leaf = shown.map(|leaf| leaf.clone().into_owned());
        Ok(Exchange { leaf, answer: converse(stream, request).await?, from })
    };
    tokio::time::timeout(TIMEOUT, exchange).await.context("no answer in time")?
}

async fn connect(target: SocketAddr, from: Option<IpAddr>) -> std::io::Result<TcpStream> {
    let Some(from) = from else { return TcpStream::connect(target).await };
    let socket = if target.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(target).await
}

async fn plain(target: SocketAddr, request: &str) -> anyhow::Result<String> {
    let exchange =
        async { converse(TcpStream::connect(target).await.context("nothing listens")?, request).await };
    tokio::time::timeout(TIMEOUT, exchange).await.context("no answer in time")?
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> anyhow::Result<String> {
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn status_and_body(answer: &str) -> anyhow::Result<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no HTTP status")?;
    Ok((status, body.to_owned()))
}

/// Accepts one certificate and no other, or any. Signatures are verified as always.
#[derive(Debug)]
struct Pinned {
    leaf: Option<CertificateDer<'static>>,
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
        if self.leaf.as_ref().is_none_or(|leaf| leaf == end_entity) {
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
