//! The addresses that clients are told: where media goes, and the public origin.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rotunda_gateway::PublicOrigin;
use tokio::net::{UdpSocket, lookup_host};

use crate::{certificate, config::Config};

/// The word that stands for the address of the default route.
const AUTO: &str = "auto";

/// An address of the range for documentation: connecting a UDP socket to it sends nothing, and tells which of our
/// addresses the default route uses.
const ROUTE_PROBE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);

/// Addresses of `media.advertise`, or what the configuration implies. Never fails: what cannot be resolved is
/// warned of and left out, and loopback remains, so that a machine without a network still serves itself.
pub async fn advertised(config: &Config) -> Vec<IpAddr> {
    let mut wanted = config.media.advertise.clone();
    if wanted.is_empty() {
        wanted.push(implied(config));
    }
    let mut found: Vec<IpAddr> = Vec::new();
    for word in &wanted {
        let addresses = resolve(word).await;
        if addresses.is_empty() {
            tracing::warn!(
                word,
                "media.advertise: no address found for this; calls over it will stay silent"
            );
        }
        for address in addresses {
            if !found.contains(&address) {
                found.push(address);
            }
        }
    }
    if found.is_empty() {
        tracing::warn!("no address to advertise for media; only clients on this machine can call");
        found.push(Ipv4Addr::LOCALHOST.into());
    }
    found
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
