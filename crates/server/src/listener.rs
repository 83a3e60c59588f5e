//! The one TCP port: the first bytes tell TLS from ICE-TCP, then HTTPS with WebSocket upgrades.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    http::{HeaderValue, header},
};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use rotunda_media_io::MediaHandle;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::lifecycle::Shutdown;

/// TLS handshakes in progress at once. More survive a burst of reconnects; each costs about 0.5 ms of a core.
const HANDSHAKES_MAX: usize = 256;

/// Seconds for the first bytes and the TLS handshake. Longer suits bad radio links, shorter frees slots sooner.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Seconds for the head of a request. Idle connections between requests are under it too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause after a failed accept: with no file descriptors left, trying at once would only burn the core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Streams of one HTTP/2 connection at once: browsers open a dozen for a page, 100 is hyper's advice.
const STREAMS_MAX: u32 = 100;

/// First byte of the length of a frame that is too long for a connectivity check: 1024 bytes. Browsers' have about 100.
const CHECK_MAX: u8 = 0x04;

/// What the first bytes of a TCP connection announce.
#[derive(Debug, PartialEq, Eq)]
enum Protocol {
    Tls,
    /// A method in capital letters, or the preface of HTTP/2.
    Http,
    /// RFC 4571 framing: the length of a connectivity check.
    IceTcp,
    Other,
}

/// A TLS record of type handshake (0x16) and version 3.x. As an RFC 4571 length that would be at least 5632 bytes,
/// longer than any STUN message, so ICE-TCP can never look like it.
fn classify(first: &[u8]) -> Protocol {
    match first {
        [0x16] | [0x16, 0x03, ..] => Protocol::Tls,
        [0..CHECK_MAX, ..] => Protocol::IceTcp,
        [b'A'..=b'Z', ..] => Protocol::Http,
        _ => Protocol::Other,
    }
}

/// What a listener gives to those who connect.
#[derive(Debug, Clone, Default)]
pub struct Services {
    pub web: Option<Web>,
    /// ICE-TCP.
    pub media: Option<MediaHandle>,
}

/// HTTP, with WebSocket upgrades.
#[derive(Debug, Clone)]
pub enum Web {
    Tls(Arc<rustls::ServerConfig>, Router),
    /// The private listener, or behind a proxy that has taken TLS off.
    Plain(Router),
}

/// Accepts until the soft stop, and lets open connections finish until the hard one.
pub async fn serve(listener: TcpListener, services: Services, tasks: TaskTracker, shutdown: Shutdown) {
    let slots = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        let accepted = tokio::select! {
            () = shutdown.soft() => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        match accepted {
            Ok((stream, peer, slot)) => {
                tasks.spawn(connection(stream, peer, slot, services.clone(), shutdown.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Waits for a handshake slot first, so that a flood stays in the kernel's backlog instead of our memory.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, slot))
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    slot: OwnedSemaphorePermit,
    services: Services,
    shutdown: Shutdown,
) {
    let shaken = tokio::select! {
        () = shutdown.hard() => return,
        shaken = timeout(HANDSHAKE_TIMEOUT, handshake(stream, services)) => shaken,
    };
    drop(slot);
    match shaken {
        Ok(Ok(Opening::Tls(stream, router))) => {
            // ALPN has decided, so hyper need not wait for a preface without a time limit.
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            note(http(stream, http2, peer, router, shutdown).await);
        }
        // Proxies and probes speak HTTP/1.1 where there is no TLS to agree on more.
        Ok(Ok(Opening::Plain(stream, router))) => note(http(stream, false, peer, router, shutdown).await),
        // Not among the tasks that a stop waits for: it ends with the media thread, after its last word.
        Ok(Ok(Opening::Media(stream, media))) => drop(tokio::spawn(ice_tcp(stream, peer, media))),
        Ok(Ok(Opening::Neither)) => tracing::debug!("closed a connection of another protocol"),
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake took too long"),
    }
}

fn note(ended: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended early");
    }
}

/// What a connection turned out to be.
enum Opening {
    Tls(Box<TlsStream<TcpStream>>, Router),
    Plain(TcpStream, Router),
    Media(TcpStream, MediaHandle),
    /// Neither, or not served here.
    Neither,
}

async fn handshake(stream: TcpStream, services: Services) -> io::Result<Opening> {
    stream.set_nodelay(true)?;
    let mut first = [0; 2];
    let seen = stream.peek(&mut first).await?;
    let Services { web, media } = services;
    Ok(match (classify(first.get(..seen).unwrap_or_default()), web, media) {
        (Protocol::Tls, Some(Web::Tls(tls, router)), _) => {
            Opening::Tls(Box::new(TlsAcceptor::from(tls).accept(stream).await?), router)
        }
        (Protocol::Http, Some(Web::Plain(router)), _) => Opening::Plain(stream, router),
        (Protocol::IceTcp, _, Some(media)) => Opening::Media(stream, media),
        _ => Opening::Neither,
    })
}

async fn ice_tcp(stream: TcpStream, peer: SocketAddr, media: MediaHandle) {
    match media.serve_tcp(stream, peer).await {
        Ok(end) => tracing::debug!(?end, "ICE-TCP connection ended"),
        Err(error) => tracing::debug!(%error, "ICE-TCP connection broke"),
    }
}

async fn http(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    http2: bool,
    peer: SocketAddr,
    router: Router,
    shutdown: Shutdown,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder = if http2 { builder.http2_only() } else { builder.http1_only() };
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS_MAX);
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        name_host(&mut request);
        let router = router.clone();
        async move { Ok::<_, Infallible>(router.oneshot(request).await.unwrap_or_else(|never| match never {})) }
    });
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = shutdown.soft() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        ended = connection => ended,
        () = shutdown.hard() => Ok(()),
    }
}

/// HTTP/2 carries the authority in the URI; handlers look for it in Host, where HTTP/1.1 has it.
fn name_host(request: &mut Request) {
    let authority = request.uri().authority().and_then(|named| HeaderValue::from_str(named.as_str()).ok());
    if let Some(authority) = authority {
        request.headers_mut().insert(header::HOST, authority);
    }
}

#[cfg(test)]
mod tests {
    use rotunda_media_io::{MediaConfig, TcpConfig, TcpLimits};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::{certificate, config::Config, healthcheck};

    #[test]
    fn first_bytes_tell_tls_from_framed_stun() {
        assert_eq!(classify(&[0x16, 0x03]), Protocol::Tls);
        assert_eq!(classify(&[0x16]), Protocol::Tls);
        // A STUN binding request of 100 bytes behind its RFC 4571 length.
        assert_eq!(classify(&[0x00, 0x64]), Protocol::IceTcp);
        assert_eq!(classify(&[0x00]), Protocol::IceTcp);
        assert_eq!(classify(&[0x04, 0x00]), Protocol::Other);
        assert_eq!(classify(&[0x16, 0x04]), Protocol::Other);
        assert_eq!(classify(b"GE"), Protocol::Http);
        assert_eq!(classify(b"ge"), Protocol::Other);
        assert_eq!(classify(&[]), Protocol::Other);
    }

    async fn start(
        name: &str,
        router: Router,
        media: Option<MediaHandle>,
    ) -> (SocketAddr, certificate::Certificate, TaskTracker, Shutdown) {
        let config = Config { data: crate::scratch::directory(name), ..Default::default() };
        let certificate = certificate::load(&config, &[], crate::ambient::now_ms()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tasks, shutdown) = (TaskTracker::new(), Shutdown::default());
        let tls = certificate::server_config(&certificate).unwrap();
        let services = Services { web: Some(Web::Tls(tls, router)), media };
        tasks.spawn(serve(listener, services, tasks.clone(), shutdown.clone()));
        (address, certificate, tasks, shutdown)
    }

    #[tokio::test]
    async fn serves_https_with_the_peer_address_and_stops_softly() {
        let router = Router::new().route(
            "/who",
            axum::routing::get(
                |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() },
            ),
        );
        let (address, certificate, tasks, shutdown) = start("listener", router, None).await;
        let leaf = certificate.chain.first().unwrap();
        let (status, body) = healthcheck::get(address, leaf, "/who").await.unwrap();
        assert_eq!((status, body.as_str()), (200, "127.0.0.1"));
        shutdown.stop_softly();
        tasks.close();
        tasks.wait().await;
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn ice_tcp_is_given_to_the_media_worker_beside_https() {
        let (events, _events) = tokio::sync::mpsc::channel(1);
        let limits = TcpLimits { patience: Duration::from_millis(500), ..TcpLimits::default() };
        let config = MediaConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            workers: 1,
            room_transports: 256,
            advertise: vec![],
            tcp: Some(TcpConfig { port: 1, limits }),
            audio_active_max: 8,
        };
        let (media, _thread) = rotunda_media_io::start(&config, events).unwrap();
        let (address, certificate, ..) = start("ice-tcp", Router::new(), Some(media)).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The head of a frame: the worker waits for the rest, the listener alone would have closed.
        stream.write_all(&[0, 100]).await.unwrap();
        let mut answer = [0; 1];
        assert!(
            timeout(Duration::from_millis(250), stream.read(&mut answer)).await.is_err(),
            "closed at once"
        );
        let leaf = certificate.chain.first().unwrap();
        assert_eq!(healthcheck::get(address, leaf, "/none").await.unwrap().0, 404);
        let read = timeout(HANDSHAKE_TIMEOUT, stream.read(&mut answer)).await.expect("never closed");
        assert!(matches!(read, Ok(0) | Err(_)));
    }

    #[tokio::test]
    async fn what_is_not_tls_is_closed_and_others_are_served() {
        let (address, certificate, ..) = start("not-tls", Router::new(), None).await;
        for first in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0, 100, 0, 1], &[0x16, 0x04, 0xff]] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(first).await.unwrap();
            let mut answer = Vec::new();
            // Closed, with or without a reset for the bytes we never read.
            let _ = stream.read_to_end(&mut answer).await;
            assert!(answer.is_empty());
        }
        let leaf = certificate.chain.first().unwrap();
        assert_eq!(healthcheck::get(address, leaf, "/none").await.unwrap().0, 404);
    }
}
