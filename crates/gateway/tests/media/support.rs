//! A server with its media plane's control side on a real socket and a real Postgres, and clients for it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use rand::{SeedableRng, rngs::StdRng};
use rotunda_core::{
    Actor, Clock, Core, CoreConfig, Env, Keys, Rooms, Store, account, channel, channel::NewChannel, invite,
    media, role, role::RoleUpdate, server, server::NewServer,
};
use rotunda_gateway::{DoorLimits, Gateway, GatewayConfig, PublicOrigin, RateLimits, room, router};
use rotunda_media_io::{MediaHandle, Recording};
use rotunda_model::{
    Accid, AppId, ChannelId, DeviceId, Millis, Right, ServerId, UserKey,
    auths::AuthValue,
    channel::{ChannelKind, ViewMode},
    server::InviteMode,
};
use rotunda_sfu::{Command, Event, ortc::Fingerprint};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest},
};

pub const APP_KEY: &str = "0123456789abcdef0123456789abcdef";

/// Longest wait for something that must come. A pass takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// Long enough for something that must not come to show up on loopback.
const QUIET: Duration = Duration::from_millis(150);

#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::Relaxed))
    }
}

/// One process over the database.
pub struct Server {
    pub core: Core,
    pub gateway: Gateway,
    pub address: SocketAddr,
    pub clock: Arc<TestClock>,
    pub media: Recording,
    /// What the media worker reports.
    pub reports: tokio::sync::mpsc::Sender<Event>,
    records: (oneshot::Sender<()>, JoinHandle<()>),
}

impl Server {
    /// `seed` tells processes over the same database apart.
    pub async fn start(pool: &PgPool, seed: u64) -> Self {
        Self::start_with(pool, seed, DoorLimits::default()).await
    }

    pub async fn start_with(pool: &PgPool, seed: u64, doors: DoorLimits) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(1_700_000_000_000)));
        let env = Env::new(clock.clone(), StdRng::seed_from_u64(seed));
        let keys = Keys::new(&[1; 32], &[2; 32]).unwrap();
        let core = Core::open(Store::from_pool(pool.clone()), env, CoreConfig::new(keys)).await.unwrap();
        let fingerprint = Fingerprint { algorithm: "sha-256".into(), value: "AB".into() };
        let (handle, media) = MediaHandle::recording(Vec::new(), fingerprint);
        let rooms = room::Registry::new(core.clone(), handle, room::Times::default());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = GatewayConfig {
            public_origin: PublicOrigin::Fixed(format!("http://{address}")),
            cors_origins: Default::default(),
            doors,
            limits: RateLimits::OFF,
        };
        let (reports, events) = tokio::sync::mpsc::channel(16);
        tokio::spawn(rooms.clone().run_media_events(events));
        let (stop, stopped) = oneshot::channel();
        let writing = rooms.clone().run_records(async move { drop(stopped.await) });
        let records = (stop, tokio::spawn(writing));
        let gateway = Gateway::new(core.clone(), rooms, config);
        let app = router(gateway.clone()).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { core, gateway, address, clock, media, reports, records }
    }

    /// Writes what is left of the records, as a server that stops.
    pub async fn stop_records(self) {
        let (stop, writing) = self.records;
        drop(stop);
        writing.await.unwrap();
    }

    /// Writes nothing any more, as a server that is killed.
    pub async fn kill_records(self) {
        let (_stop, writing) = self.records;
        writing.abort();
        assert!(writing.await.is_err());
    }

    /// Moves the clock; the next request lets an owner notice.
    pub fn advance(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::Relaxed);
    }

    /// Commands the media worker was given since the last call.
    pub fn table(&self) -> Vec<Command> {
        self.media.commands().collect()
    }

    /// One HTTP request on its own connection: status and body.
    pub async fn http(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String) {
        let mut text = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n",
            self.address,
            body.len()
        );
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(format!("{text}\r\n{body}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        (status, body.to_owned())
    }
}

/// An app with accounts, a server and media channels, made once per database.
#[derive(Clone)]
pub struct Community {
    pub app: AppId,
    pub server: ServerId,
    pub channel: ChannelId,
    pub hidden: ChannelId,
    pub chat: ChannelId,
}

pub const OWNER: &str = "owner";

impl Community {
    /// `owner`, who owns the server, and the members.
    pub async fn make(server: &Server, members: &[&str]) -> Self {
        let core = &server.core;
        let app = account::create_app(core, "Test", Some(APP_KEY), None).await.unwrap().app.id;
        for name in members.iter().chain([&OWNER]) {
            account::create_account(core, APP_KEY, name, name, Some("secret-token")).await.unwrap();
        }
        let owner = actor(app, OWNER);
        let new = NewServer { name: "s".into(), invite_mode: InviteMode::NoConsent, ..Default::default() };
        let id = server::create(core, &owner, new).await.unwrap().id;
        let accids: Vec<Accid> = members.iter().map(|name| Accid::new(name).unwrap()).collect();
        for some in accids.chunks(100) {
            invite::invite(core, &owner, id, some, "", None).await.unwrap();
        }
        let mut channels = Vec::new();
        for (kind, view_mode) in [
            (ChannelKind::Media, ViewMode::Public),
            (ChannelKind::Media, ViewMode::Private),
            (ChannelKind::Message, ViewMode::Public),
        ] {
            let new = NewChannel { kind, view_mode, name: "c".into(), ..Default::default() };
            channels.push(channel::create(core, &owner, id, new).await.unwrap().id);
        }
        Self { app, server: id, channel: channels[0], hidden: channels[1], chat: channels[2] }
    }

    /// Changes what everybody may do.
    pub async fn everyone(&self, server: &Server, right: Right, value: AuthValue) {
        let owner = actor(self.app, OWNER);
        let roles = role::list(&server.core, &owner, self.server, 0, Some(100)).await.unwrap();
        let update = RoleUpdate { auths: vec![(right, value)], ..Default::default() };
        role::update(&server.core, &owner, self.server, roles[0].role.id, update).await.unwrap();
    }
}

pub fn actor(app: AppId, name: &str) -> Actor {
    let accid = Accid::new(name).unwrap();
    let device = DeviceId::new(&format!("link-{name}")).unwrap();
    Actor { user: UserKey { app, accid }, device, client_type: 16, nick: name.into() }
}

/// An account with a 25_1 token, its QChat link up.
pub struct Client {
    pub name: String,
    pub device: String,
    pub token: String,
    pub channel: ChannelId,
    pub address: SocketAddr,
}

impl Client {
    pub async fn new(server: &Server, community: &Community, name: &str) -> Self {
        Self::on(server, community, name, &format!("room-{name}")).await
    }

    pub async fn on(server: &Server, community: &Community, name: &str, device: &str) -> Self {
        let actor = actor(community.app, name);
        server.gateway.rooms.link_up(&actor.user, &actor.device);
        let token = media::issue_token(&server.core, &actor, device).await.unwrap().token;
        Self {
            name: name.into(),
            device: device.into(),
            token,
            channel: community.channel,
            address: server.address,
        }
    }

    /// Room REST; the envelope.
    pub async fn rest(&self, server: &Server, method: &str, path: &str, body: &Value) -> Value {
        let path = format!("/scene/apps/{APP_KEY}{path}");
        let headers = [
            ("user", self.name.as_str()),
            ("token", self.token.as_str()),
            ("AppKey", APP_KEY),
            ("deviceId", self.device.as_str()),
            ("content-type", "application/json"),
        ];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, text) = server.http(method, &path, &headers, &body).await;
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub async fn code(&self, server: &Server, method: &str, path: &str, body: &Value) -> u64 {
        self.rest(server, method, path, body).await["code"].as_u64().unwrap()
    }

    pub fn room(&self, rest: &str) -> String {
        format!("/v1/rooms/{}{rest}", self.channel)
    }

    pub fn stream(&self, of: &str, stream: &str) -> String {
        self.room(&format!("/members/{of}/streams/{stream}"))
    }

    /// Whole entry answer.
    pub async fn try_enter(&self, server: &Server) -> Value {
        let body = json!({ "userName": self.name, "role": "qchatAudience", "properties": {} });
        self.rest(server, "POST", &format!("/v2/rooms/{}/entry", self.channel), &body).await
    }

    /// `data` of an entry that must work.
    pub async fn enter(&self, server: &Server) -> Value {
        let answer = self.try_enter(server).await;
        assert_eq!(answer["code"], 0, "{answer}");
        answer["data"].clone()
    }

    /// Channel info for the entry's member.
    pub async fn info(&self, server: &Server, entry: &Value) -> Value {
        let member = &entry["member"];
        let form = format!(
            "uid={}&appkey={APP_KEY}&channelName={}&secureType=1&t1=5&checksum={}",
            member["rtcUid"],
            self.channel,
            member["rtcToken"].as_str().unwrap()
        );
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("session-id", "")];
        let (_, text) = server.http("POST", "/rtc/info", &headers, &form).await;
        serde_json::from_str(&text).unwrap()
    }

    pub async fn push_link(&self) -> Socket {
        let sid = {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            let get = format!(
                "GET /socket.io/1/?t=1 HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
                self.address
            );
            stream.write_all(get.as_bytes()).await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            text.rsplit("\r\n").next().unwrap().split(':').next().unwrap().to_owned()
        };
        let mut socket =
            Socket::open(&format!("ws://{}/socket.io/1/websocket/{sid}", self.address), None).await;
        assert_eq!(socket.text().await, "1::");
        let login = json!({ "SID": 2, "CID": 3, "SER": 1, "Q": [{ "t": "Property", "v": {
            "18": APP_KEY, "19": self.name, "38": self.device, "1000": self.token } }] });
        socket.send(&format!("3:::{login}")).await;
        let answer = socket.packet().await;
        assert_eq!(answer["code"], 200, "{answer}");
        socket
    }

    /// Signalling up to the answer of `Join`.
    pub async fn try_join(&self, info: &Value, deviceid: &str) -> (Socket, Value) {
        self.try_join_as(info, deviceid, "5.8.34").await
    }

    /// Same, as this version of an engine.
    pub async fn try_join_as(&self, info: &Value, deviceid: &str, engine: &str) -> (Socket, Value) {
        let (cid, uid) = (info["cid"].as_str().unwrap(), &info["ips"]["uid"]);
        let address = info["ips"]["webrtcarray"][0].as_str().unwrap();
        let url = format!("{address}?&cid={cid}&uid={uid}&deviceid={deviceid}");
        let mut socket = Socket::open(&url, Some("protoo")).await;
        let extern_data = json!({
            "userName": uid, "token": info["token"], "cname": self.channel.to_string(), "platformType": 16,
            "browser": { "name": "Chrome", "version": "156" }, "gmEnable": false, "customEncryption": false,
            "engineVersion": engine,
        });
        let answer = socket.request("Join", json!({ "requestId": "1", "externData": extern_data })).await;
        (socket, answer)
    }

    pub async fn join(&self, server: &Server, entry: &Value) -> Socket {
        let info = self.info(server, entry).await;
        assert_eq!(info["code"], 200, "{info}");
        let (socket, answer) = self.try_join(&info, "engine").await;
        assert_eq!(answer["code"], 200, "{answer}");
        socket
    }
}

/// A WebSocket of a test.
pub struct Socket {
    ws: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next: u64,
    /// Notifications that came while a response was awaited.
    pub notified: Vec<Value>,
}

impl Socket {
    pub async fn open(url: &str, protocol: Option<&str>) -> Self {
        let mut request = url.into_client_request().unwrap();
        if let Some(protocol) = protocol {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        let (ws, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        Self { ws, next: 1, notified: Vec::new() }
    }

    pub async fn send(&mut self, text: &str) {
        self.ws.send(Message::Text(text.into())).await.unwrap();
    }

    pub async fn send_raw(&mut self, message: Message) {
        let _ = self.ws.send(message).await;
    }

    async fn next_text(&mut self) -> Option<String> {
        loop {
            match self.ws.next().await? {
                Ok(Message::Text(text)) if text.as_str() == "2::" => self.send("2::").await,
                Ok(Message::Text(text)) => return Some(text.as_str().to_owned()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    pub async fn text(&mut self) -> String {
        tokio::time::timeout(PATIENCE, self.next_text()).await.expect("nothing came").expect("closed")
    }

    /// Close code the server ends with.
    pub async fn close_code(&mut self) -> u16 {
        let closing = async {
            loop {
                match self.ws.next().await {
                    Some(Ok(Message::Close(frame))) => return frame.map_or(0, |frame| frame.code.into()),
                    Some(Ok(_)) => {}
                    _ => return 0,
                }
            }
        };
        tokio::time::timeout(PATIENCE, closing).await.expect("not closed")
    }

    /// The next packet of a push link.
    pub async fn packet(&mut self) -> Value {
        let text = self.text().await;
        serde_json::from_str(text.strip_prefix("3:::").unwrap()).unwrap()
    }

    /// Body of the next push.
    pub async fn push(&mut self) -> Value {
        loop {
            let packet = self.packet().await;
            if packet["sid"] == 22 {
                assert_eq!(packet["cid"], 2);
                return serde_json::from_str(packet["r"][0]["2"].as_str().unwrap()).unwrap();
            }
        }
    }

    /// The next push, which must be this command.
    pub async fn push_of(&mut self, cmd: u64) -> Value {
        let push = self.push().await;
        assert_eq!(push["cmd"], cmd, "{push}");
        push
    }

    /// Takes whatever comes for so long, and answers heartbeats as a client does.
    pub async fn listen(&mut self, time: Duration) {
        let all = async { while self.next_text().await.is_some() {} };
        let _ = tokio::time::timeout(time, all).await;
    }

    /// Nothing comes for a while.
    pub async fn is_quiet(&mut self) {
        let came = tokio::time::timeout(QUIET, self.next_text()).await;
        assert!(came.is_err(), "{came:?}");
    }

    /// A signalling request; the response's `data`. It is `ok` whatever its code.
    pub async fn request(&mut self, method: &str, data: Value) -> Value {
        let id = self.next;
        self.next += 1;
        self.send(&json!({ "request": true, "id": id, "method": method, "data": data }).to_string()).await;
        loop {
            let message: Value = serde_json::from_str(&self.text().await).unwrap();
            if message["notification"] == true {
                self.answer(&message).await;
                self.notified.push(message);
                continue;
            }
            assert_eq!(
                (&message["response"], &message["ok"], &message["id"]),
                (&json!(true), &json!(true), &json!(id))
            );
            return message["data"].clone();
        }
    }

    /// The next notification, which must be this method: its data.
    pub async fn notification(&mut self, method: &str) -> Value {
        let message = if self.notified.is_empty() {
            let message: Value = serde_json::from_str(&self.text().await).unwrap();
            self.answer(&message).await;
            message
        } else {
            self.notified.remove(0)
        };
        assert_eq!(message["method"], method, "{message}");
        message["data"].clone()
    }

    async fn answer(&mut self, notification: &Value) {
        let answer = json!({ "response": true, "id": notification["id"], "ok": true, "data": {} });
        self.send(&answer.to_string()).await;
    }
}

/// `Produce` of a microphone; with `transport` over an open one.
pub fn produce_audio(ssrc: u32, transport: Option<&Value>) -> Value {
    let mut data = json!({
        "requestId": "2",
        "kind": "audio",
        "rtpParameters": {
            "mid": "0",
            "codecs": [{ "mimeType": "audio/opus", "payloadType": 111, "clockRate": 48000, "channels": 2,
                "parameters": { "minptime": 10, "useinbandfec": 1 }, "rtcpFeedback": [] }],
            "headerExtensions": [{ "uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 4 }],
            "encodings": [{ "ssrc": ssrc, "dtx": false }],
            "rtcp": { "cname": "abc" },
        },
        "iceUfrag": "abcd",
        "externData": { "producerInfo": { "mediaType": "audio", "subStream": false, "simulcastEnable": false,
            "mute": false } },
    });
    match transport {
        Some(id) => data["transportId"] = id.clone(),
        None => data["dtlsParameters"] = dtls(),
    }
    data
}

pub fn consume(producer: &Value, uid: &Value) -> Value {
    let capabilities = rotunda_sfu::ortc::router_capabilities();
    json!({
        "requestId": "3", "kind": "audio", "uid": uid, "producerId": producer, "mid": 0, "pause": false,
        "preferredSpatialLayer": 1, "rtpCapabilities": capabilities, "iceUfrag": "efgh", "dtlsParameters": dtls(),
    })
}

fn dtls() -> Value {
    json!({ "role": "server", "fingerprints": [{ "algorithm": "sha-256", "value": "00:11" }] })
}
