//! Configuration: defaults, then the file, then `ROTUNDA_…` in the environment (`__` between levels).
//!
//! `config/rotunda.sample.toml` explains every key; it is made from the code by [`reference`].

mod error;
pub mod reference;
mod sections;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use axum::http::HeaderValue;
use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};

pub use error::ConfigError;
use error::explain;
pub use sections::*;

/// Environment variables that start with the prefix but are no keys: the file to read, and the binary that scripts start.
const NOT_KEYS: &[&str] = &["config", "bin"];

/// Shorter expires before a slow client has used it; the SDK's timer overflows at 2,147,483 s.
const TOKEN_SECS: std::ops::RangeInclusive<i64> = 10..=2_000_000;

impl Config {
    /// Layers `file` (when given) and the environment over the defaults, then `overrides` of the command line.
    pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Self, ConfigError> {
        let mut layers = Figment::from(Serialized::defaults(Self::default()));
        // The common name of the variable is honoured, below our own.
        if let Some(url) = std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty()) {
            layers = layers.merge(Serialized::default("database.url", url));
        }
        if let Some(path) = file {
            if !path.is_file() {
                return Err(ConfigError::NoFile(path.to_owned()));
            }
            layers = layers.merge(Toml::file_exact(path));
        }
        layers = layers.merge(Env::prefixed("ROTUNDA_").ignore(NOT_KEYS).split("__"));
        let mut config: Self = layers.extract().map_err(|errors| explain(&errors))?;
        overrides.apply(&mut config);
        config.check()?;
        Ok(config)
    }

    /// Whether the keys fit together.
    pub fn check(&self) -> Result<(), ConfigError> {
        let invalid = |key, reason: &str| Err(ConfigError::Invalid { key, reason: reason.to_owned() });
        self.check_tls()?;
        if let Err(reason) = self.cors_origins() {
            return invalid("server.cors_origins", &reason.to_string());
        }
        if !self.server.public_url.is_empty() && self.authority().is_none() {
            return invalid(
                "server.public_url",
                "expected https://host or https://host:port, nothing after it",
            );
        }
        if self.server.port == 0 && !self.server.public_url.is_empty() {
            return invalid("server.port", "0 (any free port) cannot be combined with server.public_url");
        }
        if !self.admin.listen.is_empty() && self.admin.listen.parse::<SocketAddr>().is_err() {
            return invalid("admin.listen", "expected address:port, such as 127.0.0.1:8444 or [::1]:8444");
        }
        if self.database.connections_max < 2 {
            return invalid("database.connections_max", "at least 2: notifications hold one of their own");
        }
        if !(1..=rotunda_media_io::MAX_WORKERS).contains(&self.media.workers) {
            return invalid("media.workers", "from 1 to 16");
        }
        if self.media.worker_members == 0 {
            return invalid("media.worker_members", "at least 1");
        }
        let collector = &self.telemetry.otlp_endpoint;
        if !collector.is_empty() && rotunda_outbound::parse(collector).is_err() {
            return invalid("telemetry.otlp_endpoint", "expected http://host:port or https://host:port");
        }
        if !(0.0..=1.0).contains(&self.telemetry.sample_ratio) {
            return invalid("telemetry.sample_ratio", "from 0 to 1");
        }
        if !TOKEN_SECS.contains(&self.media.token_secs) {
            return invalid("media.token_secs", "from 10 to 2000000");
        }
        Ok(())
    }

    fn check_tls(&self) -> Result<(), ConfigError> {
        let invalid = |key, reason: &str| Err(ConfigError::Invalid { key, reason: reason.to_owned() });
        let (chain, key) =
            (!self.tls.certificate.as_os_str().is_empty(), !self.tls.key.as_os_str().is_empty());
        if chain != key {
            return invalid("tls", "certificate and key go together: give both, or neither");
        }
        match self.tls_mode() {
            TlsMode::Files if !chain => invalid("tls.mode", "\"files\" needs tls.certificate and tls.key"),
            TlsMode::Acme if !crate::acme::domains(self).iter().any(|name| name.contains('.')) => invalid(
                "tls.mode",
                "\"acme\" needs tls.acme_domains, or a name of the internet in server.public_url",
            ),
            TlsMode::Off if self.server.trusted_proxies.is_empty() => invalid(
                "tls.mode",
                "\"off\" needs server.trusted_proxies: only a proxy that takes TLS off may speak plain HTTP",
            ),
            TlsMode::Off if self.server.public_url.is_empty() && self.server.port != 0 => invalid(
                "tls.mode",
                "\"off\" needs server.public_url: what clients are told is the proxy's address, not ours",
            ),
            _ => Ok(()),
        }
    }

    /// Where the certificate comes from; never [`TlsMode::Auto`].
    pub fn tls_mode(&self) -> TlsMode {
        match self.tls.mode {
            TlsMode::Auto if self.tls.certificate.as_os_str().is_empty() => TlsMode::Development,
            TlsMode::Auto => TlsMode::Files,
            mode => mode,
        }
    }

    /// `server.cors_origins` as headers have them.
    pub fn cors_origins(&self) -> Result<Vec<HeaderValue>, NoOrigin> {
        let parse = |origin: &String| {
            let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            let good = authority.is_some_and(|authority| !authority.is_empty() && !authority.contains('/'));
            let header = HeaderValue::from_str(origin).ok().filter(|_| good);
            header.ok_or_else(|| NoOrigin(origin.clone()))
        };
        self.server.cors_origins.iter().map(parse).collect()
    }

    /// `host[:port]` of `server.public_url`, when it is one.
    pub fn authority(&self) -> Option<&str> {
        let authority = self.server.public_url.trim_end_matches('/').strip_prefix("https://")?;
        let good = !authority.is_empty() && !authority.contains(['/', '?', '#', '@', ' ']);
        good.then_some(authority)
    }

    pub fn tcp_address(&self) -> SocketAddr {
        SocketAddr::new(self.server.listen, self.server.port)
    }

    /// Where the private listener is. Not set: loopback, the number after that of the public one; 0 stays 0.
    pub fn admin_address(&self, public_port: u16) -> SocketAddr {
        let implied = match public_port {
            0 => 0,
            port => port.checked_add(1).unwrap_or(0),
        };
        self.admin.listen.parse().unwrap_or_else(|_| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), implied))
    }

    /// How long calls may go on after the first signal. A demo has nobody to wait for.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(if self.demo { 0 } else { self.server.drain_secs })
    }

    /// Where ICE-TCP listens when it does not share the port of HTTPS.
    pub fn media_tcp_address(&self) -> Option<SocketAddr> {
        let apart = self.media.tcp && ![0, self.server.port].contains(&self.media.tcp_port);
        apart.then(|| SocketAddr::new(self.server.listen, self.media.tcp_port))
    }

    /// The same settings with every secret replaced, for `config print` and for support.
    pub fn masked(&self) -> Self {
        let mut shown = self.clone();
        shown.database.url = mask_password(&shown.database.url);
        shown
    }
}

/// Something in `server.cors_origins` that no browser calls itself.
#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is no origin: expected https://host or https://host:port, nothing after it")]
pub struct NoOrigin(String);

/// Where the configuration came from, to read it again.
#[derive(Debug, Clone, Default)]
pub struct Source {
    pub file: Option<PathBuf>,
    pub overrides: Overrides,
}

impl Source {
    pub fn load(&self) -> Result<Config, ConfigError> {
        Config::load(self.file.as_deref(), &self.overrides)
    }
}

/// What `serve` takes on the command line, above file and environment.
#[derive(Debug, Default, Clone, clap::Args)]
pub struct Overrides {
    /// Filled from the option that every command takes
    #[arg(skip)]
    pub data: Option<PathBuf>,
    /// Address to listen on
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<IpAddr>,
    /// TCP port, and the UDP port of media
    #[arg(long, value_name = "N")]
    pub port: Option<u16>,
    /// Create the demo and serve the try-it page
    #[arg(long)]
    pub demo: bool,
}

impl Overrides {
    fn apply(&self, config: &mut Config) {
        if let Some(data) = &self.data {
            config.data.clone_from(data);
        }
        if let Some(listen) = self.listen {
            config.server.listen = listen;
        }
        if let Some(port) = self.port {
            config.server.port = port;
        }
        config.demo |= self.demo;
    }
}

/// `postgres://user:secret@host/db` without the secret.
fn mask_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let Some((credentials, host)) = rest.rsplit_once('@') else { return url.to_owned() };
    let user = credentials.split(':').next().unwrap_or_default();
    format!("{scheme}://{user}:***@{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_toml(text: &str) -> Result<Config, ConfigError> {
        Figment::from(Serialized::defaults(Config::default()))
            .merge(Toml::string(text))
            .extract()
            .map_err(|error| explain(&error))
    }

    #[test]
    fn unknown_keys_are_refused_with_the_nearest_match() {
        let message = from_toml("[server]\nprot = 1").unwrap_err().to_string();
        assert!(message.contains("\"server.prot\"; did you mean \"server.port\"?"), "{message}");
        let message = from_toml("zzz = 1").unwrap_err().to_string();
        assert!(message.contains("known here: data, demo"), "{message}");
    }

    #[test]
    fn a_value_of_the_wrong_type_names_its_key() {
        let message = from_toml("[server]\nport = \"many\"").unwrap_err().to_string();
        assert!(message.contains("server.port"), "{message}");
    }

    #[test]
    #[expect(clippy::result_large_err, reason = "the error type is the test helper's")]
    fn environment_reaches_nested_keys_and_lists() {
        figment::Jail::expect_with(|jail| {
            jail.clear_env();
            jail.set_env("ROTUNDA_CONFIG", "ignored.toml");
            jail.set_env("ROTUNDA_SERVER__PORT", "9000");
            jail.set_env("ROTUNDA_MEDIA__ADVERTISE", "192.0.2.7, media.example.org");
            jail.set_env("DATABASE_URL", "postgres://localhost/x");
            let config = Config::load(None, &Overrides::default()).unwrap();
            assert_eq!(config.server.port, 9000);
            assert_eq!(config.media.advertise, ["192.0.2.7", "media.example.org"]);
            assert_eq!(config.database.url, "postgres://localhost/x");
            jail.create_file("a.toml", "[database]\nurl = \"postgres://localhost/file\"")?;
            let config = Config::load(Some(Path::new("a.toml")), &Overrides::default()).unwrap();
            assert_eq!(config.database.url, "postgres://localhost/file");
            jail.set_env("ROTUNDA_DATABASE__URL", "postgres://localhost/own");
            let config = Config::load(Some(Path::new("a.toml")), &Overrides::default()).unwrap();
            assert_eq!(config.database.url, "postgres://localhost/own");
            jail.set_env("ROTUNDA_SERVER__PROT", "1");
            let message = Config::load(None, &Overrides::default()).unwrap_err().to_string();
            assert!(message.contains("did you mean \"server.port\"?"), "{message}");
            Ok(())
        });
    }

    #[test]
    fn half_a_certificate_is_refused() {
        let mut config = from_toml("[tls]\ncertificate = \"a.pem\"").unwrap();
        assert!(config.check().is_err());
        config.tls.key = "a.key".into();
        assert!(config.check().is_ok());
    }

    #[test]
    fn each_mode_of_tls_names_what_it_needs() {
        for (toml, good) in [
            ("[tls]\nmode = \"files\"", false),
            ("[tls]\nmode = \"files\"\ncertificate = \"a\"\nkey = \"b\"", true),
            ("[tls]\nmode = \"acme\"", false),
            ("[tls]\nmode = \"acme\"\nacme_domains = [\"chat.example.org\"]", true),
            ("[tls]\nmode = \"acme\"\n[server]\npublic_url = \"https://chat.example.org\"", true),
            ("[tls]\nmode = \"off\"", false),
            ("[tls]\nmode = \"off\"\n[server]\ntrusted_proxies = [\"127.0.0.1\"]", false),
            (
                "[tls]\nmode = \"off\"\n[server]\npublic_url = \"https://a.example\"\ntrusted_proxies = \"127.0.0.1, ::1\"",
                true,
            ),
            ("[server]\ncors_origins = \"https://app.example\"", true),
            ("[server]\ncors_origins = \"https://app.example/page\"", false),
            ("[admin]\nlisten = \"8444\"", false),
            ("[admin]\nlisten = \"[::1]:8444\"", true),
            ("[telemetry]\notlp_endpoint = \"http://127.0.0.1:4318\"\nsample_ratio = 0.1", true),
            ("[telemetry]\notlp_endpoint = \"127.0.0.1:4318\"", false),
            ("[telemetry]\nsample_ratio = 2.0", false),
        ] {
            assert_eq!(from_toml(toml).unwrap().check().is_ok(), good, "{toml}");
        }
        assert!(from_toml("[server]\ntrusted_proxies = \"proxy\"").is_err());
        assert!(from_toml("[tls]\nmode = \"none\"").is_err());
    }

    #[test]
    fn a_second_server_on_a_machine_has_a_private_listener_beside_its_own() {
        let mut config = Config::default();
        assert_eq!(config.admin_address(9_443).to_string(), "127.0.0.1:9444");
        assert_eq!(config.admin_address(0).port(), 0);
        assert_eq!(config.admin_address(u16::MAX).port(), 0);
        config.admin.listen = "0.0.0.0:9000".into();
        assert_eq!(config.admin_address(9_443).to_string(), "0.0.0.0:9000");
    }

    #[test]
    fn ice_tcp_shares_the_port_unless_it_has_its_own() {
        let mut config = Config::default();
        assert_eq!(config.media_tcp_address(), None);
        config.media.tcp_port = config.server.port;
        assert_eq!(config.media_tcp_address(), None);
        config.media.tcp_port = 3478;
        assert_eq!(config.media_tcp_address(), Some("127.0.0.1:3478".parse().unwrap()));
        config.media.tcp = false;
        assert_eq!(config.media_tcp_address(), None);
    }

    #[test]
    fn a_token_life_that_clients_cannot_count_is_refused() {
        for (secs, good) in [(9, false), (10, true), (2_000_000, true), (2_000_001, false), (-1, false)] {
            let config = from_toml(&format!("[media]\ntoken_secs = {secs}")).unwrap();
            assert_eq!(config.check().is_ok(), good, "{secs}");
        }
    }

    #[test]
    fn public_url_is_an_origin() {
        let mut config = Config::default();
        for (url, authority) in [
            ("https://chat.example.org", Some("chat.example.org")),
            ("https://[::1]:8443/", Some("[::1]:8443")),
            ("http://chat.example.org", None),
            ("https://chat.example.org/path", None),
            ("https://user@chat.example.org", None),
        ] {
            config.server.public_url = url.into();
            assert_eq!(config.authority(), authority, "{url}");
            assert_eq!(config.check().is_ok(), authority.is_some(), "{url}");
        }
    }

    #[test]
    fn what_stops_the_process_waits_longer_than_it_takes() {
        let Server { drain_secs, shutdown_grace_secs, .. } = Server::default();
        for (text, key) in [
            (include_str!("../../../../docker-compose.yml"), "stop_grace_period: "),
            (include_str!("../../../../deploy/systemd/rotunda.service"), "TimeoutStopSec="),
        ] {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(key)).unwrap();
            let secs: u64 = line.trim_end_matches('s').parse().unwrap();
            assert!(secs >= drain_secs + shutdown_grace_secs + 5, "{key}{line}");
        }
    }

    #[test]
    fn print_masks_the_password() {
        let mut config = Config::default();
        config.database.url = "postgres://rotunda:s3cret@db/rotunda".into();
        let shown = toml::to_string(&config.masked()).unwrap();
        assert!(!shown.contains("s3cret") && shown.contains("rotunda:***@db"), "{shown}");
        assert!(!format!("{config:?}").contains("s3cret"));
    }
}
