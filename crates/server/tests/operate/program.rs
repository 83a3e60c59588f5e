//! A running `rotunda serve` of a test's own, and a member's client of it, over real sockets.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest},
};

/// For any single thing to happen on this machine, however busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks.
const TICK: Duration = Duration::from_millis(25);

#[expect(clippy::disallowed_methods, reason = "real processes, real time")]
pub fn now() -> Instant {
    Instant::now()
}

/// Waits until something is there; `what` names it when it never is.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(now() < end, "{what}");
        std::thread::sleep(TICK);
    }
}

/// An empty directory for one test.
pub fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The URL of a test's database, as Postgres' own programs take it too.
pub fn url(pool: &PgPool) -> String {
    let mut url = url::Url::parse(&std::env::var("DATABASE_URL").expect("DATABASE_URL")).unwrap();
    url.set_path(pool.connect_options().get_database().unwrap());
    url.into()
}

/// The program with this test's database and directory, and nothing of the environment's configuration.
pub fn command(url: &str, directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rotunda"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ROTUNDA_")) {
        command.env_remove(name);
    }
    command
        .env("DATABASE_URL", url)
        .env("ROTUNDA_DATA", directory.join("data"))
        .env("ROTUNDA_DATABASE__CONNECTIONS_MAX", "4")
        .current_dir(directory);
    command
}

fn run_by(runner: &[&str], program: Command) -> Command {
    let [runner, arguments @ ..] = runner else { return program };
    let mut command = Command::new(runner);
    command.args(arguments).arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if let Some(directory) = program.get_current_dir() {
        command.current_dir(directory);
    }
    command
}

pub fn run(url: &str, directory: &Path, line: &str) -> Output {
    command(url, directory).args(line.split_whitespace()).output().expect("the program starts")
}

pub struct Program {
    child: Child,
    pub directory: PathBuf,
    url: String,
    pub ready: Value,
}

impl Program {
    /// Behind a proxy on this machine, so that tests speak plain HTTP, on any free port.
    pub fn start(pool: &PgPool, name: &str, env: &[(&str, &str)]) -> Self {
        Self::start_by(&[], pool, name, env)
    }

    /// The same, run by another program, which becomes it.
    pub fn start_by(runner: &[&str], pool: &PgPool, name: &str, env: &[(&str, &str)]) -> Self {
        let directory = directory(name);
        let url = url(pool);
        let mut all = vec![
            ("ROTUNDA_SERVER__PORT", "0"),
            ("ROTUNDA_TLS__MODE", "off"),
            ("ROTUNDA_SERVER__TRUSTED_PROXIES", "127.0.0.1"),
        ];
        all.extend(env);
        let ready_file = directory.join("ready.json");
        let log = fs::File::create(directory.join("log")).unwrap();
        fs::write(directory.join("rotunda.toml"), "").unwrap();
        let mut serve = command(&url, &directory);
        serve.envs(all).args(["--config", "rotunda.toml", "serve", "--ready-file"]).arg(&ready_file);
        let child = run_by(runner, serve).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut program = Self { child, directory, url, ready: Value::Null };
        program.ready = until("the server becomes ready", || {
            assert!(program.child.try_wait().unwrap().is_none(), "it ended: {}", program.log());
            serde_json::from_slice(&fs::read(&ready_file).ok()?).ok()
        });
        program
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    pub fn cli(&self, line: &str) -> Value {
        let output = run(&self.url, &self.directory, &format!("{line} --json"));
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub fn address(&self) -> SocketAddr {
        self.ready["link"].as_str().unwrap().parse().unwrap()
    }

    /// GET at the private listener.
    pub fn private(&self, path: &str) -> (u16, String) {
        let address = self.ready["admin"].as_str().unwrap().trim_start_matches("http://").parse().unwrap();
        http(address, "GET", path, &[], "")
    }

    /// What the system lets it have, as it says itself.
    pub fn limits(&self) -> String {
        fs::read_to_string(format!("/proc/{}/limits", self.child.id())).unwrap()
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// How it ended, when it does within that time.
    pub fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        let end = now() + within;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            if now() > end {
                return None;
            }
            std::thread::sleep(TICK);
        }
    }

    /// A fresh token of that account.
    pub fn token(&self, accid: &str) -> String {
        let answer = self.cli(&format!("account token --app choir-app {accid}"));
        answer["token"].as_str().unwrap().to_owned()
    }

    /// A client of that account with a fresh token.
    pub async fn client(&self, accid: &str) -> Client {
        Client::connect(self.address(), accid, &self.token(accid)).await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One plain HTTP exchange: status and body. No answer is status 0.
pub fn http(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, String) {
    let Ok(mut stream) = TcpStream::connect(address) else { return (0, String::new()) };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let mut answer = String::new();
    if stream.write_all(request.as_bytes()).is_err() || stream.read_to_string(&mut answer).is_err() {
        return (0, String::new());
    }
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return (0, answer) };
    (head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0), body.to_owned())
}

/// What nim-web-sdk-ng 10.8.1 sends in 24_2.
pub fn credentials(accid: &str, token: &str) -> Value {
    json!([{"t": "Property", "v": {
        "1": "choir-app", "2": accid, "4": token, "6": 16, "7": "client-session", "8": format!("link-{accid}"),
        "9": 100_801, "10": 0, "11": "Native/10.8.1", "14": "10.8.1", "30": "Linux", "36": "Chrome"
    }}])
}

/// A QChat link that is logged in, with a media token.
pub struct Client<S = tokio::net::TcpStream> {
    address: SocketAddr,
    ws: WebSocketStream<S>,
    accid: String,
    token: String,
    serial: i64,
    /// The answer to the login.
    pub login: Value,
}

impl Client {
    pub async fn connect(address: SocketAddr, accid: &str, token: &str) -> Self {
        let (status, body) =
            tokio::task::spawn_blocking(move || http(address, "GET", "/socket.io/1/?t=1", &[], ""))
                .await
                .unwrap();
        assert_eq!(status, 200);
        let sid = body.split(':').next().unwrap();
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        Self::upgrading(stream, address, format!("ws://{address}/socket.io/1/websocket/{sid}"), accid, token)
            .await
    }
}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Client<S> {
    /// Over an open stream, by that request; `address` is where REST goes.
    pub async fn upgrading(
        stream: S,
        address: SocketAddr,
        request: impl IntoClientRequest + Unpin,
        accid: &str,
        token: &str,
    ) -> Self {
        let mut client = Self::knocking(stream, address, request, accid).await;
        client.login = client.request(24, 2, credentials(accid, token)).await;
        let answer =
            client.request(25, 1, json!([{"t": "Property", "v": {"1": format!("room-{accid}")}}])).await;
        client.token = answer["r"][0]["1"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        client
    }

    /// The same without a login.
    pub async fn knocking(
        stream: S,
        address: SocketAddr,
        request: impl IntoClientRequest + Unpin,
        accid: &str,
    ) -> Self {
        let (ws, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        Self { address, ws, accid: accid.into(), token: String::new(), serial: 0, login: Value::Null }
    }

    /// The next packet; heartbeats are answered.
    async fn packet(&mut self) -> Value {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.ws.next()).await.expect("a packet in time");
            let Message::Text(text) = message.expect("the link is open").unwrap() else { continue };
            if text.as_str() == "2::" {
                self.ws.send(Message::text("2::")).await.unwrap();
            }
            if let Some(packet) = text.strip_prefix("3:::") {
                return serde_json::from_str(packet).unwrap();
            }
        }
    }

    pub async fn request(&mut self, sid: u16, cid: u16, items: Value) -> Value {
        let packet = self.ask(sid, cid, items).await;
        assert_eq!(packet["code"], 200, "{packet}");
        packet
    }

    /// The answer, whatever its code.
    pub async fn ask(&mut self, sid: u16, cid: u16, items: Value) -> Value {
        self.serial += 1;
        let serial = self.serial;
        let packet = json!({"SER": serial, "SID": sid, "CID": cid, "Q": items});
        self.ws.send(Message::text(format!("3:::{packet}"))).await.unwrap();
        loop {
            let packet = self.packet().await;
            if packet["ser"] == serial {
                return packet;
            }
        }
    }

    /// Room REST: `code` and `msg` of the answer.
    pub async fn rest(&self, method: &'static str, path: &str, body: Value) -> (i64, String) {
        let device = format!("room-{}", self.accid);
        let (address, path) = (self.address, format!("/scene/apps/choir-app{path}"));
        let (user, token) = (self.accid.clone(), self.token.clone());
        let answer = tokio::task::spawn_blocking(move || {
            let headers = [
                ("user", user.as_str()),
                ("token", &token),
                ("AppKey", "choir-app"),
                ("deviceId", &device),
                ("content-type", "application/json"),
            ];
            http(address, method, &path, &headers, &body.to_string())
        });
        let (status, body) = answer.await.unwrap();
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        (answer["code"].as_i64().unwrap(), answer["msg"].as_str().unwrap_or_default().to_owned())
    }

    /// Takes a seat in a channel of the choir.
    pub async fn enter(&self, channel: u64) -> (i64, String) {
        let body = json!({"userName": self.accid, "role": "qchatAudience", "properties": {}});
        self.rest("POST", &format!("/v1/rooms/{channel}/entry"), body).await
    }

    /// Of the room service.
    pub fn room_token(&self) -> &str {
        &self.token
    }

    /// Gives it up.
    pub async fn leave(&self, channel: u64) {
        let path = format!("/v1/rooms/{channel}/members/{}", self.accid);
        assert_eq!(self.rest("DELETE", &path, Value::Null).await.0, 0);
    }
}
