//! An ACME service for one order: it answers what RFC 8555 asks of it, checks the challenge over TLS as a real one
//! does, and signs with an authority of its own. Requests are not authenticated: the client is ours.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, head, post},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer, IsCa, KeyPair,
};
use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::aws_lc_rs,
};
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer, ServerName, UnixTime, pem::PemObject};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use crate::{
    certificate::Certificate,
    lifecycle::Shutdown,
    listener::{self, Services, Web},
    tls::Tls,
};

const REPLAY_NONCE: HeaderName = HeaderName::from_static("replay-nonce");

/// The extension that a challenge certificate must have (RFC 8737 §6.1), as DER of its object identifier.
const ACME_IDENTIFIER: [u8; 8] = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x1f];

struct Shared {
    address: SocketAddr,
    ca_file: PathBuf,
    ca: CertifiedIssuer<'static, KeyPair>,
    /// Where the names that are asked for are served.
    target: SocketAddr,
    order: Mutex<Order>,
}

#[derive(Default)]
struct Order {
    domain: String,
    authorised: bool,
    issued: Option<String>,
    checked: Vec<String>,
}

#[derive(Clone)]
pub struct Authority {
    shared: Arc<Shared>,
}

impl Authority {
    pub async fn start(data: &Path, target: SocketAddr) -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let ca_file = data.join("authority.pem");
        std::fs::write(&ca_file, ca.pem()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap().signed_by(&key, &ca).unwrap();
        let certificate = Certificate {
            chain: vec![own.der().clone()],
            key: rustls_pki_types::PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap(),
            development: None,
        };
        let authority =
            Self { shared: Arc::new(Shared { address, ca_file, ca, target, order: Mutex::default() }) };
        let router = Router::new()
            .route("/directory", get(directory))
            .route("/nonce", head(|| async { ([(REPLAY_NONCE, "nonce")], "") }))
            .route(
                "/account",
                post(|State(to): State<Authority>| async move { to.located("account/1", json!({})) }),
            )
            .route("/new-order", post(new_order))
            .route(
                "/order",
                post(|State(to): State<Authority>| async move { to.located("order", to.order()) }),
            )
            .route("/authorization", post(authorization))
            .route("/challenge", post(challenge))
            .route("/finalize", post(finalize))
            .route("/certificate", post(|State(to): State<Authority>| async move { to.pem() }))
            .with_state(authority.clone());
        let tls = Tls::showing(&certificate).unwrap();
        let services = Services { web: Some(Web::Tls(tls.server, router)), ..Services::default() };
        tokio::spawn(listener::serve(listener, services, TaskTracker::new(), Shutdown::default()));
        authority
    }

    pub fn directory(&self) -> String {
        self.url("directory")
    }

    pub fn ca_file(&self) -> PathBuf {
        self.shared.ca_file.clone()
    }

    /// The leaf that was signed.
    pub fn issued(&self) -> Option<CertificateDer<'static>> {
        let pem = self.shared.order.lock().unwrap().issued.clone()?;
        CertificateDer::from_pem_slice(pem.as_bytes()).ok()
    }

    /// Names whose challenge was checked.
    pub fn checked(&self) -> Vec<String> {
        self.shared.order.lock().unwrap().checked.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}/{path}", self.shared.address)
    }

    fn located(&self, path: &str, body: Value) -> Response {
        let headers = [(HeaderName::from_static("location"), self.url(path)), (REPLAY_NONCE, "nonce".into())];
        (StatusCode::CREATED, headers, body.to_string()).into_response()
    }

    fn order(&self) -> Value {
        let order = self.shared.order.lock().unwrap();
        let status = match (&order.issued, order.authorised) {
            (Some(_), _) => "valid",
            (None, true) => "ready",
            (None, false) => "pending",
        };
        json!({
            "status": status,
            "certificate": self.url("certificate"),
            "authorizations": [self.url("authorization")],
            "finalize": self.url("finalize"),
        })
    }

    fn pem(&self) -> String {
        self.shared.order.lock().unwrap().issued.clone().unwrap_or_default()
    }
}

/// The payload of a signed request.
fn payload(body: &str) -> Value {
    let signed: Value = serde_json::from_str(body).unwrap();
    let payload = BASE64_URL_SAFE_NO_PAD.decode(signed["payload"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap_or_default()
}

async fn directory(State(to): State<Authority>, _: HeaderMap) -> String {
    let (nonce, account, order) = (to.url("nonce"), to.url("account"), to.url("new-order"));
    json!({ "newNonce": nonce, "newAccount": account, "newOrder": order }).to_string()
}

async fn new_order(State(to): State<Authority>, body: String) -> Response {
    let asked = payload(&body)["identifiers"][0]["value"].as_str().unwrap().to_owned();
    *to.shared.order.lock().unwrap() = Order { domain: asked, checked: to.checked(), ..Order::default() };
    to.located("order", to.order())
}

async fn authorization(State(to): State<Authority>) -> Response {
    let (domain, authorised) = {
        let order = to.shared.order.lock().unwrap();
        (order.domain.clone(), order.authorised)
    };
    let body = json!({
        "status": if authorised { "valid" } else { "pending" },
        "identifier": { "type": "dns", "value": domain },
        "challenges": [{ "type": "tls-alpn-01", "url": to.url("challenge"), "token": "token" }],
    });
    to.located("authorization", body)
}

/// Looks at the certificate that is shown to one who asks as RFC 8737 §3 says.
async fn challenge(State(to): State<Authority>) -> Response {
    let domain = to.shared.order.lock().unwrap().domain.clone();
    let mut client = rustls::ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Looker))
        .with_no_client_auth();
    client.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let name = ServerName::try_from(domain.clone()).unwrap();
    let stream = TcpStream::connect(to.shared.target).await.unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(client)).connect(name, stream).await;
    let good = stream.is_ok_and(|stream| {
        let session = stream.get_ref().1;
        let leaf = session
            .peer_certificates()
            .and_then(|chain| chain.first())
            .map(|leaf| leaf.to_vec())
            .unwrap_or_default();
        session.alpn_protocol() == Some(b"acme-tls/1")
            && leaf.windows(ACME_IDENTIFIER.len()).any(|window| window == ACME_IDENTIFIER)
    });
    let mut order = to.shared.order.lock().unwrap();
    order.authorised = good;
    order.checked.push(domain);
    drop(order);
    to.located("challenge", json!({}))
}

/// Looks at any certificate. The library would refuse one with an extension that is critical and unknown to it, which is
/// how a challenge certificate is made.
#[derive(Debug)]
struct Looker;

impl ServerCertVerifier for Looker {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

async fn finalize(State(to): State<Authority>, body: String) -> Response {
    let payload = payload(&body);
    let request = BASE64_URL_SAFE_NO_PAD.decode(payload["csr"].as_str().unwrap()).unwrap();
    let request =
        CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(request)).unwrap();
    if to.shared.order.lock().unwrap().authorised {
        let signed = request.signed_by(&to.shared.ca).unwrap();
        to.shared.order.lock().unwrap().issued = Some(signed.pem());
    }
    to.located("order", to.order())
}
