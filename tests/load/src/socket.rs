//! What a client has open to the server: a connection for REST, and WebSockets in the formats of link and signalling.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use rustls::{ClientConfig, RootCertStore, client::Resumption};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};

/// For any one answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the server is, and what it is trusted by.
#[derive(Clone)]
pub struct Door {
    authority: String,
    tls: TlsConnector,
}

impl Door {
    /// # Errors
    /// The certificate cannot be read.
    pub fn new(authority: &str, certificate: &std::path::Path) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(certificate)? {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // Each member is another browser.
        config.resumption = Resumption::disabled();
        Ok(Self { authority: authority.to_owned(), tls: TlsConnector::from(Arc::new(config)) })
    }

    async fn open(&self) -> anyhow::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(&self.authority).await.context("the server takes no connection")?;
        stream.set_nodelay(true)?;
        let host = self.authority.rsplit_once(':').map_or(self.authority.as_str(), |(host, _)| host);
        let name = ServerName::try_from(host.to_owned())?;
        Ok(timeout(PATIENCE, self.tls.connect(name, stream)).await.context("no TLS in time")??)
    }

    /// A connection for requests one after the other.
    ///
    /// # Errors
    /// No connection.
    pub async fn http(&self) -> anyhow::Result<Http> {
        Ok(Http { stream: self.open().await?, door: self.clone(), buffer: Vec::new() })
    }

    /// # Errors
    /// No connection, or no upgrade.
    pub async fn websocket(&self, path: &str, protocol: Option<&str>) -> anyhow::Result<Socket> {
        let mut request = format!("wss://{}{path}", self.authority).into_client_request()?;
        if let Some(protocol) = protocol {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse()?);
        }
        let stream = self.open().await?;
        let (socket, _) =
            timeout(PATIENCE, client_async(request, stream)).await.context("no upgrade in time")??;
        Ok(Socket { socket, next: 1, heard: Vec::new() })
    }
}

/// HTTP/1.1 as far as a browser needs it here.
pub struct Http {
    stream: TlsStream<TcpStream>,
    door: Door,
    buffer: Vec<u8>,
}

impl Http {
    /// Body of an answer with status 200.
    ///
    /// # Errors
    /// Another status, or no answer that can be read.
    pub async fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> anyhow::Result<String> {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n{headers}\r\n{body}",
            self.door.authority,
            body.len(),
        );
        let asked = async {
            if let Ok(answer) = self.exchange(&request).await {
                return Ok(answer);
            }
            // The server has closed what was idle for a while; so does a browser find out.
            self.stream = self.door.open().await?;
            self.exchange(&request).await
        };
        let (head, body) =
            timeout(PATIENCE, asked).await.with_context(|| format!("no answer to {path}"))??;
        ensure!(head.starts_with("HTTP/1.1 200 "), "{path}: {head}\n{body}");
        Ok(body)
    }

    async fn exchange(&mut self, request: &str) -> anyhow::Result<(String, String)> {
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
                });
                let length = length.with_context(|| format!("an answer without a length: {head}"))?;
                if let Some(body) = self.buffer.get(end + 4..end + 4 + length) {
                    return Ok((head, String::from_utf8_lossy(body).into_owned()));
                }
            }
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the connection ended");
        }
    }
}

/// A WebSocket of the link or of signalling.
pub struct Socket {
    socket: WebSocketStream<TlsStream<TcpStream>>,
    next: u64,
    /// Notifications of signalling that came while an answer was awaited.
    heard: Vec<Value>,
}

impl Socket {
    async fn send(&mut self, text: String) -> anyhow::Result<()> {
        Ok(self.socket.send(Message::text(text)).await?)
    }

    /// The next text; heartbeats are answered.
    async fn text(&mut self) -> anyhow::Result<String> {
        loop {
            match self.socket.next().await.context("the server closed a socket")?? {
                Message::Text(text) if text.as_str() == "2::" => self.send("2::".into()).await?,
                Message::Text(text) => return Ok(text.as_str().to_owned()),
                Message::Close(frame) => bail!("the server closed a socket: {frame:?}"),
                _ => {}
            }
        }
    }

    /// The first frame of a link.
    ///
    /// # Errors
    /// Another one came.
    pub async fn greeted(&mut self) -> anyhow::Result<()> {
        let greeting = timeout(PATIENCE, self.text()).await.context("no greeting")??;
        ensure!(greeting == "1::", "greeted with {greeting}");
        Ok(())
    }

    /// A command of the link; the items of its answer. Pushes that come first are passed over.
    ///
    /// # Errors
    /// A code other than 200.
    pub async fn command(&mut self, sid: u16, cid: u16, q: Value) -> anyhow::Result<Value> {
        let ser = self.next;
        self.next += 1;
        self.send(format!("3:::{}", json!({ "SER": ser, "SID": sid, "CID": cid, "Q": q }))).await?;
        let answered = async {
            loop {
                let text = self.text().await?;
                let Some(packet) = text.strip_prefix("3:::") else { continue };
                let mut packet: Value = serde_json::from_str(packet)?;
                if packet["ser"] == ser {
                    ensure!(packet["code"] == 200, "{sid}_{cid}: {packet}");
                    return Ok(packet["r"].take());
                }
            }
        };
        timeout(PATIENCE, answered).await.with_context(|| format!("no answer to {sid}_{cid}"))?
    }

    /// A request of signalling; the answer's data.
    ///
    /// # Errors
    /// A code other than 200.
    pub async fn request(&mut self, method: &str, data: Value) -> anyhow::Result<Value> {
        let id = self.next;
        self.next += 1;
        self.send(json!({ "request": true, "id": id, "method": method, "data": data }).to_string()).await?;
        let answered = async {
            loop {
                let mut message: Value = serde_json::from_str(&self.text().await?)?;
                if message["notification"] == true || message["request"] == true {
                    self.heard.push(message);
                } else if message["id"] == id {
                    let data = message["data"].take();
                    ensure!(data["code"] == 200, "{method}: {data}");
                    return Ok(data);
                }
            }
        };
        timeout(PATIENCE, answered).await.with_context(|| format!("no answer to {method}"))?
    }

    /// The data of the next notification of signalling of that method; others are passed over.
    ///
    /// # Errors
    /// The socket ended.
    pub async fn notification(&mut self, method: &str) -> anyhow::Result<Value> {
        let come = async {
            loop {
                let mut message = match self.heard.is_empty() {
                    true => serde_json::from_str(&self.text().await?)?,
                    false => self.heard.remove(0),
                };
                if message["method"] == method {
                    return Ok(message["data"].take());
                }
            }
        };
        timeout(PATIENCE, come).await.with_context(|| format!("no {method}"))?
    }

    /// Takes what comes until the socket ends, and answers heartbeats.
    pub async fn listen(mut self) {
        while self.text().await.is_ok() {}
    }
}
