//! The way of one member, as app, SDK and engine go it: login, room token, entry, signalling, media.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rotunda_bench_forward::{
    clock,
    load::{handshake::End, media::Source},
    wire,
};
use rotunda_sfu::ortc::{Fingerprint, MediaKind};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::{
    media::{Connect, Media},
    seed::{APP_KEY, Place, TOKEN},
    socket::{Door, Http, Socket},
};

/// The server has no time for newcomers just now.
const BUSY: i64 = 503;
/// Until a newcomer asks again, and gives up.
const BUSY_PAUSE: Duration = Duration::from_millis(50);
const PATIENCE_WHEN_BUSY: Duration = Duration::from_secs(30);

/// First SSRC of what a member sends; one member has one microphone and one camera.
const SSRC: u32 = 10_000;

/// A member with its link and push link up, before it enters.
pub struct Member {
    door: Door,
    room: Room,
    link: Socket,
    push: Socket,
}

/// The room service, as one member uses it.
pub struct Room {
    place: Place,
    http: Http,
    device: String,
    token: String,
}

/// A member in the channel.
pub struct Seated {
    signal: Socket,
    link: Socket,
    push: Socket,
    room: Room,
    /// Its ends of transports.
    peers: Vec<u64>,
    consumed: usize,
}

/// What somebody else sends.
#[derive(Debug, Clone)]
pub struct Sent {
    producer: String,
    kind: MediaKind,
}

/// When a member got how far.
#[derive(Debug, Clone, Copy)]
pub struct Steps {
    pub entered: Instant,
    /// `Join` was answered.
    pub joined: Instant,
    /// The first packet of media came.
    pub heard: Instant,
}

impl Member {
    /// The link's login, the room token, and the push link.
    ///
    /// # Errors
    /// The server refused, or did not answer.
    pub async fn login(door: &Door, place: &Place) -> anyhow::Result<Self> {
        let mut http = door.http().await?;
        let accid = place.accid.as_str();
        let (link_device, device) = (format!("link-{accid}"), format!("room-{accid}"));
        let mut link = greeted(door, &mut http).await?;
        let items = json!([{"t": "Property", "v": {
            "1": APP_KEY, "2": accid, "4": TOKEN, "6": 16, "7": "load", "8": link_device, "9": 100_801, "10": 0,
            "11": "Native/10.8.1", "14": "10.8.1", "30": "Linux", "36": "Chrome"
        }}]);
        link.command(24, 2, items).await?;
        link.command(24, 19, json!([{"t": "Property", "v": {"1": 0}}])).await?;
        let answer = link.command(25, 1, json!([{"t": "Property", "v": {"1": device}}])).await?;
        let token = answer[0]["1"].as_str().with_context(|| format!("no room token: {answer}"))?.to_owned();
        let mut push = greeted(door, &mut http).await?;
        let items =
            json!([{ "t": "Property", "v": { "18": APP_KEY, "19": accid, "38": device, "1000": token } }]);
        push.command(2, 3, items).await?;
        let room = Room { place: place.clone(), http, device, token };
        Ok(Self { door: door.clone(), room, link, push })
    }

    /// The code and the words with which an entry is answered.
    ///
    /// # Errors
    /// As [`Self::login`].
    pub async fn try_to_enter(&mut self) -> anyhow::Result<(i64, String)> {
        let answer = self.room.enter().await?;
        let code = answer["code"].as_i64().with_context(|| format!("no code: {answer}"))?;
        Ok((code, answer["msg"].as_str().unwrap_or_default().to_owned()))
    }

    /// Entry, channel info and `Join`, after every refusal for being busy once more; also who sends what already, and when the entry began and `Join` was answered.
    ///
    /// # Errors
    /// As [`Self::login`].
    pub async fn enter(mut self) -> anyhow::Result<(Seated, Vec<Sent>, [Instant; 2])> {
        let entered = clock::now();
        let mut entry = self.room.enter().await?;
        while entry["code"] == BUSY && entered.elapsed() < PATIENCE_WHEN_BUSY {
            tokio::time::sleep(BUSY_PAUSE).await;
            entry = self.room.enter().await?;
        }
        let Room { place: Place { channel, .. }, device, http, .. } = &mut self.room;
        let member = &entry["data"]["member"];
        let uid = member["rtcUid"].as_u64().with_context(|| format!("no seat: {entry}"))?;
        let checksum = member["rtcToken"].as_str().context("no rtcToken")?;
        let form =
            format!("uid={uid}&appkey={APP_KEY}&channelName={channel}&secureType=1&t1=5&checksum={checksum}");
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("session-id", "")];
        let info = http.ask("POST", "/rtc/info", &headers, &form).await?;
        let info: Value = serde_json::from_str(&info)?;
        let cid = info["cid"].as_str().with_context(|| format!("no channel info: {info}"))?;
        let path = format!("/rtc/signal?&cid={cid}&uid={uid}&deviceid={device}");
        let mut signal = self.door.websocket(&path, Some("protoo")).await?;
        let joined = signal
            .request(
                "Join",
                json!({ "requestId": "1", "externData": {
                    "userName": uid, "token": info["token"], "cname": channel, "platformType": 16,
                    "browser": { "name": "Chrome", "version": "156" }, "gmEnable": false,
                    "customEncryption": false, "engineVersion": "5.8.34",
                } }),
            )
            .await?;
        let peers = joined["externData"]["userList"].as_array().context("no list of members")?;
        let infos = peers.iter().flat_map(|peer| peer["producerInfoList"].as_array()).flatten();
        let sent = infos.filter_map(Sent::read).collect();
        let at = [entered, clock::now()];
        let Self { room, link, push, .. } = self;
        Ok((Seated { signal, link, push, room, peers: vec![], consumed: 0 }, sent, at))
    }
}

impl Room {
    async fn ask(&mut self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let headers = [
            ("user", self.place.accid.as_str()),
            ("token", self.token.as_str()),
            ("AppKey", APP_KEY),
            ("deviceId", self.device.as_str()),
            ("content-type", "application/json"),
        ];
        let path = format!("/scene/apps/{APP_KEY}{path}");
        Ok(serde_json::from_str(&self.http.ask(method, &path, &headers, &body.to_string()).await?)?)
    }

    async fn enter(&mut self) -> anyhow::Result<Value> {
        let body = json!({ "userName": self.place.accid, "role": "qchatAudience", "properties": {} });
        self.ask("POST", &format!("/v2/rooms/{}/entry", self.place.channel), &body).await
    }

    /// Gives the seat up.
    ///
    /// # Errors
    /// The server did not let go.
    pub async fn leave(mut self) -> anyhow::Result<()> {
        let path = format!("/v1/rooms/{}/members/{}", self.place.channel, self.place.accid);
        let answer = self.ask("DELETE", &path, &Value::Null).await?;
        anyhow::ensure!(answer["code"] == 0, "{answer}");
        Ok(())
    }
}

/// A socket of link or push link, greeted.
async fn greeted(door: &Door, http: &mut Http) -> anyhow::Result<Socket> {
    let answer = http.ask("GET", "/socket.io/1/?t=1", &[], "").await?;
    let sid = answer.split(':').next().unwrap_or_default();
    let mut socket = door.websocket(&format!("/socket.io/1/websocket/{sid}"), None).await?;
    socket.greeted().await?;
    Ok(socket)
}

impl Sent {
    fn read(info: &Value) -> Option<Self> {
        let kind = match info["mediaType"].as_str()? {
            "audio" => MediaKind::Audio,
            "video" => MediaKind::Video,
            _ => return None,
        };
        Some(Self { producer: info["producerId"].as_str()?.to_owned(), kind })
    }
}

impl Seated {
    /// Publishes, with so many packets a second of each kind; resolved when the transport is connected.
    ///
    /// # Errors
    /// As [`Member::login`], or the transport did not connect.
    pub async fn publish(
        &mut self,
        media: &Media,
        kinds: &[(MediaKind, f64)],
        audience: u64,
    ) -> anyhow::Result<()> {
        let offer = media.offer().await?;
        self.peers.push(offer.peer);
        let (mut over, mut server, mut sources) = (Over::New(offer.end.clone()), None, vec![]);
        for (at, (kind, rate)) in kinds.iter().enumerate() {
            let (ssrc, name) = (SSRC + 2 * at as u32, kind_name(*kind));
            let mut data = json!({
                "requestId": "2", "kind": name, "rtpParameters": wire::parameters(*kind, ssrc),
                "externData": { "producerInfo": {
                    "mediaType": name, "subStream": false, "simulcastEnable": false, "mute": false } },
            });
            over.put(&mut data);
            let answer = self.signal.request("Produce", data).await?;
            over.opened(&answer, &mut server)?;
            sources.push(Source::new(*kind, ssrc, *rate, audience));
        }
        let (server, theirs) = server.context("nothing to publish")?;
        let (ready, connected) = oneshot::channel();
        media.connect(Connect { peer: offer.peer, server, theirs, expects: vec![], sources, ready })?;
        connected.await.context("the media thread has ended")??;
        Ok(())
    }

    /// Takes what others send, over one transport; when the first packet came.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub async fn consume(&mut self, media: &Media, sent: &[Sent]) -> anyhow::Result<Instant> {
        let offer = media.offer().await?;
        self.peers.push(offer.peer);
        let (mut over, mut server, mut expects) = (Over::New(offer.end.clone()), None, vec![]);
        for sent in sent {
            let mut data = json!({
                "requestId": "3", "kind": kind_name(sent.kind), "uid": 0, "producerId": sent.producer,
                "mid": self.consumed, "pause": false, "preferredSpatialLayer": 1,
                "rtpCapabilities": rotunda_sfu::ortc::router_capabilities(),
            });
            self.consumed += 1;
            over.put(&mut data);
            let answer = self.signal.request("Consume", data).await?;
            over.opened(&answer, &mut server)?;
            let ssrc = answer["rtpParameters"]["encodings"][0]["ssrc"].as_u64();
            expects.push(ssrc.and_then(|ssrc| u32::try_from(ssrc).ok()).context("a stream without an SSRC")?);
        }
        let (server, theirs) = server.context("nothing to consume")?;
        let (ready, heard) = oneshot::channel();
        media.connect(Connect { peer: offer.peer, server, theirs, expects, sources: vec![], ready })?;
        heard.await.context("the media thread has ended")?
    }

    /// Waits until somebody else publishes.
    ///
    /// # Errors
    /// The socket ended.
    pub async fn new_producer(&mut self) -> anyhow::Result<Sent> {
        let data = self.signal.notification("OnNewProducer").await?;
        Sent::read(&data["externData"]["producerInfo"]).with_context(|| format!("not a producer: {data}"))
    }

    /// Stays: sockets are held and heartbeats answered, until the runtime ends or the server closes them. The way out,
    /// and the ends of its transports.
    pub fn stay(self) -> (Room, Vec<u64>) {
        for socket in [self.signal, self.link, self.push] {
            tokio::spawn(socket.listen());
        }
        (self.room, self.peers)
    }
}

const fn kind_name(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
    }
}

/// The transport of a request: the first opens it, the others name it.
enum Over {
    New(End),
    Open(Value),
}

impl Over {
    fn put(&self, data: &mut Value) {
        match self {
            Self::New(end) => {
                data["iceUfrag"] = json!(end.ufrag);
                data["dtlsParameters"] = json!({ "role": "server", "fingerprints": [end.fingerprint] });
            }
            Self::Open(id) => data["transportId"] = id.clone(),
        }
    }

    /// Reads what the answer to the first request says of the server's end.
    fn opened(&mut self, answer: &Value, server: &mut Option<(SocketAddr, End)>) -> anyhow::Result<()> {
        if let Self::New(_) = self {
            let ice = &answer["iceParameters"];
            let candidate = &answer["iceCandidates"][0];
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let read = || {
                let ip = candidate["ip"].as_str()?.parse().ok()?;
                let port = u16::try_from(candidate["port"].as_u64()?).ok()?;
                let fingerprint: Fingerprint =
                    serde_json::from_value(answer["dtlsParameters"]["fingerprints"][0].clone()).ok()?;
                let (ufrag, pwd) = (text(&ice["usernameFragment"])?, text(&ice["password"])?);
                Some((SocketAddr::new(ip, port), End { ufrag, pwd, fingerprint }))
            };
            *server = Some(read().with_context(|| format!("no transport: {answer}"))?);
            *self = Self::Open(answer["transportId"].clone());
        }
        Ok(())
    }
}
