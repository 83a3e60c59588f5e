//! The keys, section by section, with their defaults. The comments on them are the reference that operators read.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::limits::Limits;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Rotunda")]
pub struct Config {
    /// Directory for the keys, the development certificate, certificates from ACME and the demo's credentials; made when
    /// missing. Losing it loses the server key, and with it every account's token: keep it, apart from database backups.
    pub data: PathBuf,
    /// Makes a demo app with six accounts and serves the try-it page, which gives their tokens to anyone who can reach
    /// it. For a look only, never on a server that others depend on.
    pub demo: bool,
    pub server: Server,
    pub admin: Admin,
    pub tls: Tls,
    pub keys: Keys,
    pub database: Database,
    pub media: Media,
    pub compat: Compat,
    pub limits: Limits,
    pub webhooks: Webhooks,
    pub log: Log,
    pub telemetry: Telemetry,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address of the TCP listener and of the media socket. "0.0.0.0" or "::" to be reached from other machines.
    pub listen: IpAddr,
    /// TCP: link, room service, signalling, all over TLS; UDP of the same number: media, unless media.udp_port says
    /// otherwise. 0 takes any free port (tests).
    pub port: u16,
    /// How browsers reach this server, "https://host" or "https://host:port". Every address that is handed to clients is
    /// made from it. Empty: the listen address, which is right only without a proxy or NAT.
    pub public_url: String,
    /// Networks or addresses of reverse proxies, e.g. ["127.0.0.1", "10.0.0.0/8"]. Only from them the client's address is
    /// taken out of Forwarded, X-Forwarded-For or X-Real-IP; limits per address count it. A network too many lets
    /// strangers invent their address; a proxy that is missing makes its clients one address, or, when it is on this
    /// machine, takes their limits away. `rotunda doctor` looks.
    #[serde(deserialize_with = "networks")]
    #[schemars(with = "Vec<String>", extend("x-reload" = true))]
    pub trusted_proxies: Vec<IpNet>,
    /// Origins of the web pages that may call this server, e.g. ["https://app.example.org"]. Empty: any. Nothing here is
    /// decided by a cookie, so this only keeps other people's pages from using yours.
    #[serde(deserialize_with = "words")]
    #[schemars(extend("x-reload" = true))]
    pub cors_origins: Vec<String>,
    /// Seconds that calls may go on after the first SIGTERM, while newcomers are refused; with nobody in a call, and in a
    /// demo, the stop is at once. Longer interrupts fewer calls, shorter restarts sooner. What stops the process must wait
    /// longer than this and shutdown_grace_secs together: stop_grace_period in compose, TimeoutStopSec in systemd.
    #[schemars(extend("x-reload" = true))]
    pub drain_secs: u64,
    /// Seconds that open connections get to close after that; a second SIGTERM does not wait. They are only those that
    /// answer a request just then: longer rarely helps.
    pub shutdown_grace_secs: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// "address:port" of the private listener: /livez, /readyz, /metrics, plain HTTP without a password. Whoever reaches it
    /// sees how the server feels, so keep it off the internet. Empty: loopback, on the number after server.port.
    pub listen: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Where the certificate comes from. "auto": from the files below when they are given, else "development". "files": from
    /// the files, read again when they change. "development": self-signed, kept under data; browsers ask. "acme": from an
    /// ACME service such as Let's Encrypt, which must reach this server on TCP 443. "off": plain HTTP, only from
    /// server.trusted_proxies, one of which must take TLS off.
    pub mode: TlsMode,
    /// PEM file with the chain, the leaf first; looked at every minute and at SIGHUP.
    #[schemars(extend("x-reload" = true))]
    pub certificate: PathBuf,
    /// PEM file with its private key. It must not be readable by everyone.
    #[schemars(extend("x-reload" = true))]
    pub key: PathBuf,
    /// More host names and addresses for the development certificate. localhost, 127.0.0.1, ::1, the listen address,
    /// public_url's host and the advertised addresses are in it anyway.
    #[serde(deserialize_with = "words")]
    pub names: Vec<String>,
    /// Names that the ACME certificate is for. Empty: the host of server.public_url.
    #[serde(deserialize_with = "words")]
    pub acme_domains: Vec<String>,
    /// Mail address that the ACME service warns when a certificate is about to end. Empty: none.
    pub acme_email: String,
    /// Address of the ACME service. Empty: Let's Encrypt.
    pub acme_directory: String,
    /// PEM file with the certificate authority of that address, for one of your own. Empty: the authorities of the web.
    pub acme_ca: PathBuf,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum TlsMode {
    #[default]
    Auto,
    Development,
    Files,
    Acme,
    Off,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// File with 32 random bytes as 64 hexadecimal digits, not readable by everyone. Empty: made at the first start under
    /// data. It protects account tokens and app secrets; changing it locks every account out.
    pub server_key_file: PathBuf,
    /// The same for the key that signs media tokens; changing it ends media sessions, and members join again, unless the
    /// old one is named below.
    pub signing_key_file: PathBuf,
    /// The signing key that was replaced: tokens signed with it are good until they expire (media.token_secs). Empty it
    /// then.
    pub previous_signing_key_file: PathBuf,
}

#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// postgres://user:password@host:port/database, or with ?host=/directory for a Unix socket. Empty: url_file, or
    /// DATABASE_URL of the environment. A password from an example is refused when the host is not a private one.
    pub url: String,
    /// File that holds the URL, for secrets that are mounted; not readable by everyone. It wins over url.
    pub url_file: PathBuf,
    /// Connections kept to Postgres. More lets more commands run at once; Postgres' own default allows 100.
    pub connections_max: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Media {
    /// UDP port of media; 0 is the number of server.port.
    pub udp_port: u16,
    /// Media over TCP for clients whose network blocks UDP; the others never use it. Off, calls from such networks stay
    /// silent. A loss on the way delays what is sent over TCP, so their sound stutters sooner.
    pub tcp: bool,
    /// TCP port of that media; 0 is server.port, where it is told from HTTPS by its first bytes. Give it a port of its own
    /// when a proxy that does not pass it on has server.port; it must then be open in the firewall too.
    pub tcp_port: u16,
    /// Where clients send media: addresses or names, several allowed, "auto" for the default route's address. With an
    /// address of the LAN and one of the internet, clients of both find their way. Behind NAT or in a container this must be
    /// the address that clients see, or calls stay silent. Names are looked up again every minute. Empty: the host of
    /// public_url, else the listen address, else "auto".
    #[serde(deserialize_with = "words")]
    #[schemars(extend("x-reload" = true))]
    pub advertise: Vec<String>,
    /// Media threads. Each takes a core when it has much to do, and a UDP port of its own: udp_port and those after it, all
    /// of which must be open in the firewall. One forwards some 100,000 packets/s; more than the machine has cores help
    /// nobody.
    pub workers: usize,
    /// Members of one channel on one of several media threads, before those who come later are served by another. A channel
    /// is also spread earlier when its thread is busy. Packets between threads are handed on at the cost of one more member.
    #[schemars(extend("x-reload" = true))]
    pub worker_members: usize,
    /// Open microphones of one channel that are passed on at a time. With more, the loudest are, by the levels that clients
    /// put into their packets; who begins to talk takes the place of somebody silent at once. More lets more people talk at
    /// the same time, and costs each listener as many streams, the server as much for each listener; 0: no limit, also
    /// later for those who were open then.
    #[schemars(extend("x-reload" = true))]
    pub audio_active_max: usize,
    /// Seconds that a member's room token lives; the SDK renews it 240 s before the end. Longer means fewer renewals and a
    /// longer life of a stolen one. At 240 and below the SDK renews without a pause: tests only.
    pub token_secs: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Compat {
    /// Answer queries by id for servers and channels that the caller cannot see, as the vendor's service does. Off, they are
    /// left out of the answer.
    pub open_queries: bool,
    /// Write the ids in answers of /nimserver/ as texts ("123"). Off, they are numbers as in the vendor's examples;
    /// JavaScript rounds numbers that large, so a backend in Node.js needs this on.
    pub rest_ids_as_text: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    /// Let apps name servers (login callbacks, webhooks) at private, loopback and other addresses that are not of the
    /// internet. Off, who may set such an address cannot reach through this server what only this server reaches.
    pub allow_private: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// error, warn, info, debug or trace, or directives such as "info,rotunda_gateway=debug". Above info nothing names an
    /// account or an address.
    #[schemars(extend("x-reload" = true))]
    pub level: String,
    /// "human" for a terminal, "json" for a log collector.
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum LogFormat {
    Human,
    Json,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// Address of an OpenTelemetry collector that takes traces by OTLP over HTTP, e.g. "http://127.0.0.1:4318". Requests,
    /// link commands and signalling go there, each with its database queries: kinds, codes and times, no accounts,
    /// addresses or tokens. Headers, such as a key, come from OTEL_EXPORTER_OTLP_HEADERS. Empty: no traces, and no cost.
    pub otlp_endpoint: String,
    /// Part of the traces that is sent, 0 to 1. Less costs less here and at the collector.
    pub sample_ratio: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: "./data".into(),
            demo: false,
            server: Server::default(),
            admin: Admin::default(),
            tls: Tls::default(),
            keys: Keys::default(),
            database: Database::default(),
            media: Media::default(),
            compat: Compat::default(),
            limits: Limits::default(),
            webhooks: Webhooks::default(),
            log: Log::default(),
            telemetry: Telemetry::default(),
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: Ipv4Addr::LOCALHOST.into(),
            port: 8443,
            public_url: String::new(),
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            drain_secs: 120,
            shutdown_grace_secs: 10,
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self { url: String::new(), url_file: PathBuf::new(), connections_max: 10 }
    }
}

impl Default for Media {
    fn default() -> Self {
        Self {
            udp_port: 0,
            tcp: true,
            tcp_port: 0,
            advertise: Vec::new(),
            workers: 1,
            worker_members: 500,
            audio_active_max: rotunda_sfu::AUDIO_ACTIVE_MAX,
            token_secs: rotunda_core::media::MEDIA_TOKEN_SECONDS,
        }
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { otlp_endpoint: String::new(), sample_ratio: 1.0 }
    }
}

impl Media {
    /// Each member has a transport for each direction.
    pub const fn room_transports(&self) -> usize {
        self.worker_members.saturating_mul(2)
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Human }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("connections_max", &self.connections_max).finish_non_exhaustive()
    }
}

/// Networks; an address is one of a single host.
fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let parse = |word: String| {
        let address = word.parse::<IpAddr>().map(IpNet::from);
        address.or_else(|_| word.parse()).map_err(|_| {
            serde::de::Error::custom(format!("\"{word}\" is no address and no network such as 10.0.0.0/8"))
        })
    };
    words(deserializer)?.into_iter().map(parse).collect()
}

/// A list, or one text with commas: environment variables have no lists.
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Words {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Words::deserialize(deserializer)? {
        Words::List(list) => list,
        Words::Text(text) => {
            text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
        }
    })
}
