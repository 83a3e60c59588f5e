//! The keys, section by section, with their defaults.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

use serde::{Deserialize, Deserializer, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Keys, the development certificate, the demo's credentials. Created when missing.
    pub data: PathBuf,
    /// Creates the demo app and serves `/try`, which hands out its accounts' tokens.
    pub demo: bool,
    pub server: Server,
    pub admin: Admin,
    pub tls: Tls,
    pub keys: Keys,
    pub database: Database,
    pub media: Media,
    pub compat: Compat,
    pub webhooks: Webhooks,
    pub log: Log,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    pub listen: IpAddr,
    /// TCP: HTTPS and WebSocket. UDP of the same number: media, unless `media.udp_port` says otherwise.
    pub port: u16,
    /// `https://host[:port]` as browsers reach it; empty: `https://LISTEN:PORT`.
    pub public_url: String,
    /// Seconds that calls may go on after the first SIGTERM, without newcomers.
    pub drain_secs: u64,
    /// Seconds that open connections get to finish after that.
    pub shutdown_grace_secs: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// `address:port` of the private listener; empty: loopback, on the number after `server.port`.
    pub listen: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// PEM chain, leaf first. Empty (with `key`): a development certificate under `data`.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// More names and addresses for the development certificate.
    #[serde(deserialize_with = "words")]
    pub names: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// 32 bytes as 64 hexadecimal digits. Empty: made at the first start under `data`.
    pub server_key_file: PathBuf,
    pub signing_key_file: PathBuf,
    /// The signing key that was replaced; empty: none.
    pub previous_signing_key_file: PathBuf,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    pub url: String,
    pub connections_max: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Media {
    /// 0: the number of `server.port`.
    pub udp_port: u16,
    /// Takes media over TCP (ICE-TCP) from clients whose network blocks UDP.
    pub tcp: bool,
    /// 0: on `server.port`, beside HTTPS.
    pub tcp_port: u16,
    /// Addresses and names that clients send media to; `auto` is the address of the default route.
    #[serde(deserialize_with = "words")]
    pub advertise: Vec<String>,
    /// Media threads, each with a UDP port: `udp_port` and those after it.
    pub workers: usize,
    /// Members of one channel on one of them before it is spread.
    pub worker_members: usize,
    /// Open microphones of one channel that are forwarded at a time: the loudest; 0: all.
    pub audio_active_max: usize,
    /// Lifetime of a room token, in seconds.
    pub token_secs: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Compat {
    /// Queries by id answer for servers and channels that the caller cannot see, as the vendor does.
    pub open_queries: bool,
    /// Ids in the answers of the vendor's REST actions are texts, not numbers.
    pub rest_ids_as_text: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    /// Apps may name servers at addresses that are not global, such as this machine's own.
    pub allow_private: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,rotunda_gateway=debug`.
    pub level: String,
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Human,
    Json,
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
            webhooks: Webhooks::default(),
            log: Log::default(),
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: Ipv4Addr::LOCALHOST.into(),
            port: 8443,
            public_url: String::new(),
            drain_secs: 120,
            shutdown_grace_secs: 10,
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self { url: String::new(), connections_max: 10 }
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
