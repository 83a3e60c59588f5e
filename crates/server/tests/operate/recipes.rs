//! The recipes of docs/operate, in the real programs: what an operator copies is what is tested.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use sqlx::PgPool;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls};

use crate::{
    program::{Client, Program, credentials, root, until},
    proxies::shown_address,
};

/// The name in the recipes.
const NAME: &str = "chat.example.org";

/// The port of Rotunda in the recipes.
const PORT: &str = "127.0.0.1:8443";

/// Where the client of the tests comes from, so that it is told from the proxy.
const CLIENT: [u8; 4] = [127, 0, 0, 5];

struct Proxy {
    child: Child,
    address: SocketAddr,
    roots: rustls::RootCertStore,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // nginx' master and haproxy's take their workers along only when asked to stop.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.child.wait();
    }
}

/// The fenced block of that language in a page of docs/operate.
fn recipe(page: &str, language: &str) -> String {
    let text = fs::read_to_string(root().join("docs/operate").join(page)).unwrap();
    let block =
        text.split(&format!("```{language}\n")).nth(1).unwrap_or_else(|| panic!("{page} has no {language}"));
    block.split("```").next().unwrap().to_owned()
}

fn replace(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the recipe has no \"{from}\":\n{text}");
    text.replace(from, to)
}

/// A chain and its key for [`NAME`], and whom to trust for it.
fn certificate(directory: &Path) -> rustls::RootCertStore {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![NAME.into()]).unwrap().signed_by(&key, &ca).unwrap();
    fs::write(directory.join("fullchain.pem"), leaf.pem()).unwrap();
    fs::write(directory.join("privkey.pem"), key.serialize_pem()).unwrap();
    fs::write(directory.join("rotunda.pem"), leaf.pem() + &key.serialize_pem()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    roots
}

fn start(
    program: &str,
    directory: &Path,
    arguments: &[&str],
    address: SocketAddr,
    roots: rustls::RootCertStore,
) -> Proxy {
    let log = fs::File::create(directory.join("proxy.log")).unwrap();
    let mut command = Command::new(program);
    // Debian keeps them where only root's PATH looks.
    command.env("PATH", format!("{}:/usr/sbin:/usr/local/sbin", std::env::var("PATH").unwrap_or_default()));
    command.env("HOME", directory).env("XDG_DATA_HOME", directory).current_dir(directory).args(arguments);
    let errors = log.try_clone().unwrap();
    let child = command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
    let child = child
        .unwrap_or_else(|error| panic!("{program} is not installed ({error}): apt-get install {program}"));
    let mut proxy = Proxy { child, address, roots };
    until(&format!("{program} listens"), || {
        let ended = proxy.child.try_wait().unwrap();
        assert!(
            ended.is_none(),
            "{program} ended: {}",
            fs::read_to_string(directory.join("proxy.log")).unwrap()
        );
        std::net::TcpStream::connect(address).ok()
    });
    proxy
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Proxy {
    /// A connection of [`CLIENT`] that trusts only the proxy's authority. `says` goes before TLS.
    async fn connect(&self, says: &str) -> TlsStream<tokio::net::TcpStream> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(CLIENT.into(), 0)).unwrap();
        let mut stream = socket.connect(self.address).await.unwrap();
        stream.write_all(says.as_bytes()).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect(NAME.try_into().unwrap(), stream).await.unwrap()
    }

    /// Status and body; the client lies about where it comes from in every way it can.
    async fn get(&self, path: &str, says: &str) -> (u16, String) {
        let mut stream = self.connect(says).await;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\nX-Forwarded-For: 1.2.3.4\r\n\
             X-Real-IP: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer}"));
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

/// What an SDK does first, through the proxy: LBS, handshake, WebSocket, login.
async fn passes(program: &Program, proxy: &Proxy) {
    let (status, body) = proxy.get("/lbs", "").await;
    assert_eq!(status, 200, "{body}");
    let token = program.token("ann");
    let request = upgrade(&handshake(proxy, "").await, "1.2.3.4");
    let stream = proxy.connect("").await;
    let client = Client::upgrading(stream, program.address(), request, "ann", &token).await;
    assert_eq!(shown_address(&client.login), "127.0.0.5", "{}", client.login);
}

/// A SID.
async fn handshake(proxy: &Proxy, says: &str) -> String {
    let (status, body) = proxy.get("/socket.io/1/?t=1", says).await;
    assert_eq!(status, 200, "{body}");
    let line = body.lines().find(|line| line.contains(":websocket")).unwrap_or_else(|| panic!("{body}"));
    line.split(':').next().unwrap().to_owned()
}

/// The request for a link, with lies about where it comes from.
fn upgrade(sid: &str, lie: &str) -> tokio_tungstenite::tungstenite::http::Request<()> {
    tokio_tungstenite::tungstenite::http::Request::builder()
        .uri(format!("wss://{NAME}/socket.io/1/websocket/{sid}"))
        .header("Host", NAME)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("X-Forwarded-For", lie)
        .header("X-Real-IP", lie)
        .header("Forwarded", format!("for={lie}"))
        .body(())
        .unwrap()
}

#[sqlx::test(migrations = "../../migrations", fixtures("../fixtures/choir.sql"))]
async fn behind_nginx(pool: PgPool) {
    let program = Program::start(&pool, "operate-nginx", &[]);
    let proxy = nginx(&program, |server| server);
    passes(&program, &proxy).await;
}

/// What a balancer before nginx tells it, so that clients of a test come from any address.
fn coming_from(address: &str) -> String {
    format!("PROXY TCP4 {address} 127.0.0.1 4711 443\r\n")
}

fn behind_a_balancer(server: String) -> String {
    let server = replace(&server, " ssl;", " ssl proxy_protocol;");
    let trusting = "set_real_ip_from 127.0.0.0/8;\n    real_ip_header proxy_protocol;\n    server_name";
    replace(&server, "server_name", trusting)
}

/// How many of so many logins one after the other are let in; each claims to come from elsewhere.
async fn let_in(program: &Program, proxy: &Proxy, from: &str, token: &str, tries: usize) -> usize {
    let (mut let_in, says) = (0, coming_from(from));
    for number in 0..tries {
        let request = upgrade(&handshake(proxy, &says).await, &format!("1.2.3.{number}"));
        let stream = proxy.connect(&says).await;
        let mut client = Client::knocking(stream, program.address(), request, "ann").await;
        let code = client.ask(24, 2, credentials("ann", token)).await["code"].clone();
        assert!(code == 200 || code == 416, "{code}");
        let_in += usize::from(code == 200);
    }
    let_in
}

/// Logins in a test of the limit, which is three a minute: as many again come back while a slow machine tries them.
const TRIES: usize = 9;
const LIMITED: std::ops::RangeInclusive<usize> = 3..=6;

#[sqlx::test(migrations = "../../migrations", fixtures("../fixtures/choir.sql"))]
async fn behind_nginx_each_client_has_limits_of_its_own_whatever_it_claims(pool: PgPool) {
    let limits = [
        ("ROTUNDA_LIMITS__LOGINS_PER_ADDRESS_MINUTE", "3"),
        ("ROTUNDA_LIMITS__LOGINS_PER_ACCOUNT_MINUTE", "0"),
    ];
    let program = Program::start(&pool, "operate-nginx-limits", &limits);
    let token = program.token("ann");
    // No proxy speaks for who comes from this machine, and no limit is for them.
    for _ in 0..TRIES {
        Client::connect(program.address(), "ann", &token).await;
    }
    let proxy = nginx(&program, behind_a_balancer);
    let found = let_in(&program, &proxy, "203.0.113.7", &token, TRIES).await;
    assert!(LIMITED.contains(&found), "{found}");
    assert_eq!(let_in(&program, &proxy, "203.0.113.8", &token, 3).await, 3, "another client is another");
    drop(proxy);
    // What many have in their configuration: it appends to what the client invented.
    let proxy = nginx(&program, |server| {
        replace(
            &behind_a_balancer(server),
            "X-Forwarded-For $remote_addr",
            "X-Forwarded-For $proxy_add_x_forwarded_for",
        )
    });
    let found = let_in(&program, &proxy, "203.0.113.9", &token, 3).await;
    // The other headers are the client's no more: the recipe removes them.
    assert_eq!(found, 3);
    let found = let_in(&program, &proxy, "203.0.113.9", &token, TRIES).await;
    assert!(found <= 3, "{found}");
    drop(proxy);
    // A recipe with holes: nobody knows who they are, so they are one.
    let proxy = nginx(&program, |server| {
        let server = replace(&behind_a_balancer(server), "proxy_set_header Forwarded \"\";", "");
        replace(&server, "proxy_set_header X-Real-IP \"\";", "")
    });
    let mut found = 0;
    for last in 10..10 + TRIES {
        found += let_in(&program, &proxy, &format!("203.0.113.{last}"), &token, 1).await;
    }
    assert!(LIMITED.contains(&found), "{found}");
}

/// The recipe, changed a little, in an nginx of the test's own.
fn nginx(program: &Program, change: impl Fn(String) -> String) -> Proxy {
    let (directory, address) = (program.directory.clone(), free());
    let roots = certificate(&directory);
    let here = directory.display().to_string();
    let server = recipe("nginx.md", "nginx");
    let server = replace(&server, "listen 443 ssl", &format!("listen {address} ssl"));
    let server = replace(&server, "/etc/rotunda/", &format!("{here}/"));
    let server = change(replace(&server, PORT, &program.address().to_string()));
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {here}/{kind};\n"))
        .collect();
    let all = format!(
        "daemon off;\nmaster_process off;\npid {here}/nginx.pid;\nerror_log {here}/error.log;\nevents {{}}\nhttp {{\n\
         access_log off;\n{paths}{server}}}\n"
    );
    fs::write(directory.join("nginx.conf"), all).unwrap();
    let conf = format!("{here}/nginx.conf");
    start("nginx", &directory, &["-p", &here, "-c", &conf], address, roots)
}

#[sqlx::test(migrations = "../../migrations", fixtures("../fixtures/choir.sql"))]
async fn behind_caddy(pool: PgPool) {
    let program = Program::start(&pool, "operate-caddy", &[]);
    let (directory, address) = (program.directory.clone(), free());
    let roots = certificate(&directory);
    let here = directory.display().to_string();
    let site = recipe("caddy.md", "caddy");
    // A certificate of our own instead of one from the internet, and no port below 1024.
    let tls = format!(
        "{NAME}:{} {{\n    bind 127.0.0.1\n    tls {here}/fullchain.pem {here}/privkey.pem\n",
        address.port()
    );
    let site = replace(&site, &format!("{NAME} {{\n"), &tls);
    let site = replace(&site, PORT, &program.address().to_string());
    let all = format!("{{\n    admin off\n    auto_https disable_redirects\n}}\n{site}");
    fs::write(directory.join("Caddyfile"), all).unwrap();
    let arguments = ["run", "--adapter", "caddyfile", "--config", "Caddyfile"];
    let proxy = start("caddy", &directory, &arguments, address, roots);
    passes(&program, &proxy).await;
}

#[sqlx::test(migrations = "../../migrations", fixtures("../fixtures/choir.sql"))]
async fn behind_haproxy(pool: PgPool) {
    let program = Program::start(&pool, "operate-haproxy", &[]);
    let (directory, address) = (program.directory.clone(), free());
    let roots = certificate(&directory);
    let sections = recipe("haproxy.md", "haproxy");
    let sections = replace(&sections, "bind :443", &format!("bind {address}"));
    let sections =
        replace(&sections, "/etc/haproxy/rotunda.pem", &directory.join("rotunda.pem").display().to_string());
    let sections = replace(&sections, PORT, &program.address().to_string());
    fs::write(directory.join("haproxy.cfg"), sections).unwrap();
    let proxy = start("haproxy", &directory, &["-db", "-f", "haproxy.cfg"], address, roots);
    passes(&program, &proxy).await;
}

#[test]
fn the_configuration_of_each_recipe_is_one_that_the_program_takes() {
    for page in ["nginx.md", "caddy.md", "haproxy.md"] {
        let directory = crate::program::directory(&format!("operate-recipe-{page}"));
        fs::write(directory.join("rotunda.toml"), recipe(page, "toml")).unwrap();
        let output = crate::program::run("", &directory, "--config rotunda.toml config print");
        assert!(output.status.success(), "{page}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
