//! The addresses that clients are told: where media goes, and the public origin.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use rotunda_gateway::PublicOrigin;
use rotunda_media_io::MediaHandle;
use tokio::{
    net::{UdpSocket, lookup_host},
    sync::Mutex,
};

use crate::{certificate, config::Config};

/// The word that stands for the address of the default route.
const AUTO: &str = "auto";

/// An address of the range for documentation: connecting a UDP socket to it sends nothing, and tells which of our
/// addresses the default route uses.
const ROUTE_PROBE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);

/// Between two look-ups of the names in `media.advertise`. Shorter follows a changed address sooner.
pub const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Keeps what is advertised up to date.
#[derive(Debug)]
pub struct Advertiser {
    config: Arc<ArcSwap<Config>>,
    media: MediaHandle,
    /// What each word was last found to mean.
    meanings: Mutex<Meanings>,
    current: Arc<ArcSwap<Vec<IpAddr>>>,
}

/// What each word of `media.advertise` means.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Meanings(Vec<(String, Vec<IpAddr>)>);

impl Meanings {
    /// Looks every word up. Never fails: a word without an address keeps the one it had, or is warned of and left out.
    pub async fn look(config: &Config, before: &Self) -> Self {
        let mut wanted = config.media.advertise.clone();
        if wanted.is_empty() {
            wanted.push(implied(config));
        }
        let mut found = Vec::new();
        for word in wanted {
            let mut addresses = resolve(&word).await;
            if addresses.is_empty() {
                let known = before.0.iter().find(|(known, _)| *known == word);
                addresses = known.map(|(_, addresses)| addresses.clone()).unwrap_or_default();
                tracing::warn!(
                    word,
                    kept = addresses.len(),
                    "media.advertise: no address found for this; calls over it may stay silent"
                );
            }
            found.push((word, addresses));
        }
        Self(found)
    }

    /// Each address once, in the order of the words. Loopback when there is none, so that a machine without a network
    /// still serves itself.
    pub fn addresses(&self) -> Vec<IpAddr> {
        let mut all: Vec<IpAddr> = Vec::new();
        for ip in self.0.iter().flat_map(|(_, addresses)| addresses) {
            if !all.contains(ip) {
                all.push(*ip);
            }
        }
        if all.is_empty() {
            tracing::warn!("no address to advertise for media; only clients on this machine can call");
            all.push(Ipv4Addr::LOCALHOST.into());
        }
        all
    }
}

impl Advertiser {
    pub fn new(config: Arc<ArcSwap<Config>>, media: MediaHandle, meanings: Meanings) -> Self {
        let current = Arc::new(ArcSwap::from_pointee(meanings.addresses()));
        Self { config, media, meanings: Mutex::new(meanings), current }
    }

    /// What is advertised now; it follows what changes.
    pub fn current(&self) -> Arc<ArcSwap<Vec<IpAddr>>> {
        Arc::clone(&self.current)
    }

    /// Looks again. Who joins from now on is told what was found; who is in a call stays where it is.
    pub async fn look(&self) {
        let config = self.config.load_full();
        let mut meanings = self.meanings.lock().await;
        *meanings = Meanings::look(&config, &meanings).await;
        let addresses = meanings.addresses();
        if **self.current.load() != addresses {
            tracing::info!("the advertised addresses changed");
            self.media.advertise(&addresses);
            tell(&addresses, in_container());
            self.current.store(Arc::new(addresses));
        }
    }

    /// Looks for ever.
    pub async fn keep(self: Arc<Self>, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            self.look().await;
        }
    }
}

/// Who can reach an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Loopback,
    Lan,
    Wan,
}

fn scope(ip: IpAddr) -> Scope {
    let (loopback, lan) = match ip.to_canonical() {
        IpAddr::V4(ip) => (ip.is_loopback(), ip.is_private() || ip.is_link_local() || is_shared(ip)),
        IpAddr::V6(ip) => (ip.is_loopback(), ip.is_unique_local() || ip.is_unicast_link_local()),
    };
    match (loopback, lan) {
        (true, _) => Scope::Loopback,
        (_, true) => Scope::Lan,
        _ => Scope::Wan,
    }
}

/// Addresses behind a provider's NAT (RFC 6598).
fn is_shared(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    first == 100 && (64..128).contains(&second)
}

/// One line for each, and a red one for what is probably a container's own address: the usual reason for silent calls.
pub fn tell(addresses: &[IpAddr], in_container: bool) {
    for ip in addresses {
        match scope(*ip) {
            Scope::Wan => tracing::info!(%ip, "media is advertised to everyone"),
            Scope::Lan => tracing::info!(%ip, "media is advertised to the local network"),
            Scope::Loopback => tracing::info!(%ip, "media is advertised to this machine only"),
        }
        if in_container && is_containers(*ip) {
            tracing::error!(
                %ip,
                "this looks like the container's own address, which no client can reach: set media.advertise to the \
                 address of the machine"
            );
        }
    }
}

/// Ranges that container engines give out (R3: 172.16/12 and 10/8).
pub fn is_containers(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => matches!(ip.octets(), [10, ..] | [172, 16..=31, ..]),
        IpAddr::V6(_) => false,
    }
}

/// Whether this process runs in a container, as far as can be seen from inside.
pub fn in_container() -> bool {
    let marked = ["/.dockerenv", "/run/.containerenv"].iter().any(|mark| std::path::Path::new(mark).exists());
    let groups = || std::fs::read_to_string("/proc/1/cgroup").unwrap_or_default();
    marked || ["docker", "kubepods", "containerd", "libpod"].iter().any(|engine| groups().contains(engine))
}

fn implied(config: &Config) -> String {
    match config.authority() {
        Some(authority) => certificate::host(authority).to_owned(),
        None if config.server.listen.is_unspecified() => AUTO.to_owned(),
        None => config.server.listen.to_string(),
    }
}

async fn resolve(word: &str) -> Vec<IpAddr> {
    if word == AUTO {
        return default_route().await.into_iter().collect();
    }
    if let Ok(address) = word.parse() {
        return vec![address];
    }
    match lookup_host((word, 0)).await {
        Ok(addresses) => addresses.map(|address| address.ip()).collect(),
        Err(_) => Vec::new(),
    }
}

async fn default_route() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.ok()?;
    socket.connect(ROUTE_PROBE).await.ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_unspecified())
}

/// `host:port` under which this server is reached unless a request says otherwise (demo mode only).
pub fn authority(config: &Config, bound: SocketAddr, advertised: &[IpAddr]) -> String {
    if let Some(authority) = config.authority() {
        return authority.to_owned();
    }
    let ip = match bound.ip() {
        ip if ip.is_unspecified() => advertised.first().copied().unwrap_or(Ipv4Addr::LOCALHOST.into()),
        ip => ip,
    };
    SocketAddr::new(ip, bound.port()).to_string()
}

/// What handed-out addresses start with: fixed, or in demo mode the name by which a request came, when it is one of
/// this listener's. A demo on a LAN is opened under several addresses, and each page should get its own.
pub fn public_origin(config: &Config, bound: SocketAddr, advertised: &[IpAddr]) -> PublicOrigin {
    let authority = authority(config, bound, advertised);
    if !config.demo || config.authority().is_some() {
        return PublicOrigin::Fixed(format!("https://{authority}"));
    }
    let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let named = advertised.iter().chain(&loopback).map(|ip| SocketAddr::new(*ip, bound.port()).to_string());
    let mut authorities = vec![authority, format!("localhost:{}", bound.port())];
    authorities.extend(named);
    PublicOrigin::FromHost { authorities }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn advertised(config: &Config) -> Vec<IpAddr> {
        Meanings::look(config, &Meanings::default()).await.addresses()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_name_that_is_not_found_for_a_while_keeps_its_address() {
        let mut config = Config::default();
        config.media.advertise = vec!["no such name".into(), "203.0.113.9".into()];
        let before = Meanings(vec![("no such name".into(), vec![ip("198.51.100.4")])]);
        let after = Meanings::look(&config, &before).await;
        assert_eq!(after.addresses(), [ip("198.51.100.4"), ip("203.0.113.9")]);
    }

    #[tokio::test]
    async fn a_changed_address_reaches_the_media_threads() {
        let mut config = Config::default();
        config.media.advertise = vec!["203.0.113.9".into()];
        let meanings = Meanings::look(&config, &Meanings::default()).await;
        let (events, _events) = tokio::sync::mpsc::channel(1);
        let media = rotunda_media_io::MediaConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            workers: 2,
            room_transports: 256,
            advertise: meanings.addresses(),
            tcp: None,
            audio_active_max: 8,
        };
        let (media, _threads) = rotunda_media_io::start(&media, events).unwrap();
        let port = media.candidates()[0].port;
        let shared = Arc::new(ArcSwap::from_pointee(config.clone()));
        let advertiser = Advertiser::new(shared.clone(), media.clone(), meanings);
        config.media.advertise = vec!["192.168.1.4".into(), "198.51.100.4".into()];
        shared.store(Arc::new(config));
        advertiser.look().await;
        let told: Vec<_> =
            media.candidates().iter().map(|candidate| (candidate.ip, candidate.port)).collect();
        assert_eq!(told, [(ip("192.168.1.4"), port), (ip("198.51.100.4"), port)]);
        assert_eq!(**advertiser.current().load(), [ip("192.168.1.4"), ip("198.51.100.4")]);
    }

    #[test]
    fn who_reaches_an_address() {
        for (text, expected) in [
            ("127.0.0.1", Scope::Loopback),
            ("::1", Scope::Loopback),
            ("192.168.1.4", Scope::Lan),
            ("172.17.0.2", Scope::Lan),
            ("100.64.0.1", Scope::Lan),
            ("fd00::1", Scope::Lan),
            ("100.128.0.1", Scope::Wan),
            ("203.0.113.9", Scope::Wan),
            ("2001:db8::1", Scope::Wan),
        ] {
            assert_eq!(scope(ip(text)), expected, "{text}");
        }
        for (text, containers) in
            [("172.17.0.2", true), ("172.32.0.1", false), ("10.0.0.4", true), ("192.168.1.4", false)]
        {
            assert_eq!(is_containers(ip(text)), containers, "{text}");
        }
    }

    #[tokio::test]
    async fn what_is_advertised_follows_from_the_rest() {
        let mut config = Config::default();
        let loopback: IpAddr = Ipv4Addr::LOCALHOST.into();
        assert_eq!(advertised(&config).await, [loopback]);
        config.server.public_url = "https://198.51.100.4:9443".into();
        assert_eq!(advertised(&config).await, ["198.51.100.4".parse::<IpAddr>().unwrap()]);
        config.media.advertise = ["203.0.113.9", "no such name", "203.0.113.9"].map(str::to_owned).into();
        assert_eq!(advertised(&config).await, ["203.0.113.9".parse::<IpAddr>().unwrap()]);
        config.media.advertise = vec!["no such name".into()];
        assert_eq!(advertised(&config).await, [loopback]);
    }

    #[test]
    fn the_authority_names_something_that_can_be_reached() {
        let mut config = Config::default();
        let wildcard: SocketAddr = "0.0.0.0:8443".parse().unwrap();
        assert_eq!(authority(&config, wildcard, &["192.0.2.7".parse().unwrap()]), "192.0.2.7:8443");
        assert_eq!(authority(&config, "[::1]:1".parse().unwrap(), &[]), "[::1]:1");
        config.server.public_url = "https://chat.example.org".into();
        assert_eq!(authority(&config, wildcard, &[]), "chat.example.org");
    }

    #[test]
    fn only_a_demo_answers_by_the_name_it_was_asked_by() {
        let (mut config, bound) = (Config::default(), "0.0.0.0:8443".parse().unwrap());
        let lan = ["192.0.2.7".parse().unwrap()];
        let fixed = PublicOrigin::Fixed("https://192.0.2.7:8443".into());
        assert_eq!(public_origin(&config, bound, &lan), fixed);
        config.demo = true;
        let authorities =
            ["192.0.2.7:8443", "localhost:8443", "192.0.2.7:8443", "127.0.0.1:8443", "[::1]:8443"]
                .map(String::from);
        let asked = PublicOrigin::FromHost { authorities: authorities.into() };
        assert_eq!(public_origin(&config, bound, &lan), asked);
        config.server.public_url = "https://192.0.2.7:8443".into();
        assert_eq!(public_origin(&config, bound, &lan), fixed);
    }
}
