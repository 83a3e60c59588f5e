//! A gateway on a loopback port, and a client that speaks the link as the SDK does.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use rand::SeedableRng;
use rotunda_core::{Clock, Core, CoreConfig, Env, Keys, account, notify};
use rotunda_gateway::{
    DoorLimits, Gateway, GatewayConfig, PublicOrigin, RateLimits,
    room::{Registry, Times},
};
use rotunda_media_io::MediaHandle;
use rotunda_model::Millis;
use rotunda_sfu::ortc::Fingerprint;
use rotunda_store::Store;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, protocol::CloseFrame},
};

/// Longest wait for anything; a test that reaches it has failed.
const PATIENCE: Duration = Duration::from_secs(15);

pub const APP_KEY: &str = "0123456789abcdef0123456789abcdef";

pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn advance(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Millis {
        // Moves a little, so that no two things happen at the same time.
        Millis(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

pub struct App {
    pub address: SocketAddr,
    pub core: Core,
    pub gateway: Gateway,
    pub clock: Arc<TestClock>,
}

impl App {
    /// An app with the accounts `ann`, `bob` and `cid`, each with its name and `-token` as token.
    pub async fn start(pool: PgPool) -> Self {
        Self::start_with(pool, DoorLimits::default()).await
    }

    pub async fn start_with(pool: PgPool, doors: DoorLimits) -> Self {
        Self::start_limited(pool, doors, RateLimits::OFF).await
    }

    pub async fn start_limited(pool: PgPool, doors: DoorLimits, limits: RateLimits) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(1_800_000_000_000)));
        let env = Env::new(clock.clone(), rand::rngs::StdRng::seed_from_u64(1));
        let keys = Keys::new(&[1; 32], &[2; 32]).unwrap();
        let core = Core::open(Store::from_pool(pool), env, CoreConfig::new(keys)).await.unwrap();
        let fingerprint = Fingerprint { algorithm: "sha-256".into(), value: "00".into() };
        let (media, _commands) = MediaHandle::recording(Vec::new(), fingerprint);
        let rooms = Registry::new(core.clone(), media, Times::default());
        let config = GatewayConfig {
            public_origin: PublicOrigin::Fixed("https://127.0.0.1:8443".into()),
            cors_origins: Default::default(),
            doors,
            limits,
        };
        let gateway = Gateway::new(core.clone(), rooms, config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service =
            rotunda_gateway::router(gateway.clone()).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        tokio::spawn(notify::run_dispatcher(core.clone(), std::future::pending()));
        account::create_app(&core, "test", Some(APP_KEY), None).await.unwrap();
        for accid in ["ann", "bob", "cid"] {
            let token = format!("{accid}-token");
            account::create_account(&core, APP_KEY, accid, accid, Some(&token)).await.unwrap();
        }
        Self { address, core, gateway, clock }
    }

    /// One plain HTTP exchange: the whole answer, head and body.
    pub async fn http(&self, method: &str, path: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        answer
    }

    /// The SID of a fresh handshake; `None` when it was refused.
    pub async fn handshake(&self) -> Option<String> {
        let answer = self.http("GET", "/socket.io/1/?t=1", "").await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        head.starts_with("HTTP/1.1 200 ").then(|| body.split(':').next().unwrap().to_owned())
    }

    /// A socket that has been greeted.
    pub async fn socket(&self) -> Client {
        let sid = self.handshake().await.expect("a handshake");
        self.websocket(&sid).await.expect("an upgrade")
    }

    pub async fn websocket(&self, sid: &str) -> Option<Client> {
        let url = format!("ws://{}/socket.io/1/websocket/{sid}", self.address);
        let (ws, _) = tokio_tungstenite::connect_async(url).await.ok()?;
        let mut client = Client { ws, ser: 0, pushes: VecDeque::new() };
        assert_eq!(client.frame().await, "1::");
        Some(client)
    }

    /// A session that has done what the SDK does until `login()` resolves.
    pub async fn login(&self, accid: &str, device: &str) -> Client {
        let mut client = self.socket().await;
        let answer = client.request(24, 2, login_items(accid, device, &format!("{accid}-token"))).await;
        assert_eq!(answer["code"], 200, "{answer}");
        let answer = client.request(24, 19, json!([{"t": "Property", "v": {"1": 0}}])).await;
        assert_eq!(answer["code"], 200, "{answer}");
        client
    }
}

/// What nim-web-sdk-ng 10.8.1 sends in 24_2.
pub fn login_items(accid: &str, device: &str, token: &str) -> Value {
    json!([{"t": "Property", "v": {
        "1": APP_KEY, "2": accid, "4": token, "6": 16, "7": "client-session", "8": device, "9": 100_801, "10": 0,
        "11": "Native/10.8.1", "14": "10.8.1", "30": "Linux", "36": "Chrome"
    }}])
}

pub struct Client {
    ws: WebSocketStream<MaybeTlsStream<TcpStream>>,
    ser: i64,
    pushes: VecDeque<Value>,
}

impl Client {
    pub async fn send(&mut self, text: &str) {
        self.ws.send(Message::text(text)).await.unwrap();
    }

    pub async fn send_message(&mut self, message: Message) {
        // The server may close before all of a long message is written.
        let _ = self.ws.send(message).await;
    }

    /// The next message; `None` when the connection broke without a close frame.
    pub async fn message(&mut self) -> Option<Message> {
        tokio::time::timeout(PATIENCE, self.ws.next()).await.expect("a message in time")?.ok()
    }

    /// The next message, however long it takes: for tests that hold the clock.
    pub async fn message_untimed(&mut self) -> Option<Message> {
        self.ws.next().await?.ok()
    }

    /// The next frame; heartbeats are answered and shown.
    pub async fn frame(&mut self) -> String {
        loop {
            match self.message().await {
                Some(Message::Text(text)) => {
                    if text.as_str() == "2::" {
                        self.send("2::").await;
                    }
                    return text.as_str().to_owned();
                }
                Some(Message::Pong(_)) => {}
                other => panic!("no frame but {other:?}"),
            }
        }
    }

    /// The next packet, an answer or a push.
    pub async fn packet(&mut self) -> Value {
        loop {
            let frame = self.frame().await;
            if let Some(json) = frame.strip_prefix("3:::") {
                return serde_json::from_str(json).unwrap();
            }
        }
    }

    /// Sends a command and waits for its answer; pushes that come first are kept.
    pub async fn request(&mut self, sid: u16, cid: u16, q: Value) -> Value {
        self.ser += 1;
        let ser = self.ser;
        self.send(&format!("3:::{}", json!({"SER": ser, "SID": sid, "CID": cid, "Q": q}))).await;
        loop {
            let packet = self.packet().await;
            if packet["ser"] == ser {
                assert_eq!(
                    (packet["sid"].as_u64(), packet["cid"].as_u64()),
                    (Some(sid.into()), Some(cid.into()))
                );
                return packet;
            }
            self.pushes.push_back(packet);
        }
    }

    /// As [`Self::request`]; the items of a successful answer.
    pub async fn ok(&mut self, sid: u16, cid: u16, q: Value) -> Value {
        let answer = self.request(sid, cid, q).await;
        assert_eq!(answer["code"], 200, "{answer}");
        answer["r"].clone()
    }

    /// The items of the next push of this kind; others are passed over.
    pub async fn push(&mut self, sid: u16, cid: u16) -> Value {
        loop {
            let packet = match self.pushes.pop_front() {
                Some(packet) => packet,
                None => self.packet().await,
            };
            if packet["sid"] == sid && packet["cid"] == cid {
                assert_eq!(packet["code"], 200, "a push without a code is dropped by the client");
                return packet["r"].clone();
            }
        }
    }

    /// The next 24_14 of a type: the notification, and its attachment.
    pub async fn notification(&mut self, kind: u16) -> (Value, Value) {
        loop {
            let items = self.push(24, 14).await;
            if items[0]["11"].as_str() == Some(kind.to_string().as_str()) {
                let attach = serde_json::from_str(items[0]["15"].as_str().unwrap()).unwrap();
                return (items[0].clone(), attach);
            }
        }
    }

    /// Waits for the end: the code of the close frame.
    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            match self.message().await {
                Some(Message::Close(Some(CloseFrame { code, .. }))) => return Some(code.into()),
                Some(Message::Close(None)) | None => return None,
                Some(_) => {}
            }
        }
    }

    /// Goes away without a word, as a lost network does.
    pub fn vanish(self) {
        drop(self.ws);
    }
}
