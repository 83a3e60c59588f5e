//! Reverse proxies in front of this server: whose word on a client's address counts.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use arc_swap::ArcSwap;
use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Somebody behind a proxy whose headers cannot be believed. Not the proxy's own address: on this machine that would be
/// an address without limits, to be had for one header too many.
const UNKNOWN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Networks of `server.trusted_proxies`, exchangeable while serving. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    networks: Arc<ArcSwap<Vec<IpNet>>>,
}

impl Proxies {
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self { networks: Arc::new(ArcSwap::from_pointee(networks)) }
    }

    pub fn replace(&self, networks: Vec<IpNet>) {
        self.networks.store(Arc::new(networks));
    }

    pub fn trusts(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.networks.load().iter().any(|network| network.contains(&ip))
    }

    /// Whose request it is: `peer`, unless that is a trusted proxy and its headers name another. Of a chain it is the
    /// rightmost address that is no trusted proxy: what stands left of it, the client may have invented.
    ///
    /// A proxy that sets one of the headers may pass the others on as the client sent them, so headers that disagree are
    /// not believed at all: it is anybody's, [`UNKNOWN`]. Without any it is the proxy's own request.
    pub fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        if !self.trusts(peer.ip()) {
            return peer;
        }
        if ![X_FORWARDED_FOR, header::FORWARDED, X_REAL_IP].iter().any(|name| headers.contains_key(name)) {
            return peer;
        }
        let told = [
            self.nearest(list(headers, &X_FORWARDED_FOR)),
            self.nearest(forwarded(headers)),
            self.nearest(list(headers, &X_REAL_IP)),
        ];
        let mut told = told.into_iter().flatten();
        match told.next() {
            Some(ip) if told.all(|other| other == ip) => SocketAddr::new(ip, 0),
            _ => UNKNOWN,
        }
    }

    /// The rightmost address that is no trusted proxy, else the leftmost. What cannot be read ends the chain.
    fn nearest(&self, hops: Vec<Option<IpAddr>>) -> Option<IpAddr> {
        let mut nearest = None;
        for hop in hops.into_iter().rev() {
            let Some(ip) = hop else { break };
            nearest = Some(ip);
            if !self.trusts(ip) {
                break;
            }
        }
        nearest
    }
}

/// The addresses of a header that lists them, from all its lines.
fn list(headers: &HeaderMap, name: &HeaderName) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all(name).into_iter().map(|value| value.to_str().unwrap_or("?"));
    lines.flat_map(|line| line.split(',')).map(address).collect()
}

/// The `for` of each element of Forwarded (RFC 7239 §4).
fn forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all(header::FORWARDED).into_iter().map(|value| value.to_str().unwrap_or("?"));
    let named = |element: &str| {
        let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
        let mut named = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
        named.next().and_then(|(_, node)| address(node.trim().trim_matches('"')))
    };
    lines.flat_map(|line| line.split(',')).map(named).collect()
}

/// `a.b.c.d`, `a.b.c.d:port`, `v6`, `[v6]` or `[v6]:port`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None => text,
    };
    let ip = bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|at| at.ip()))?;
    Some(ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn proxies() -> Proxies {
        Proxies::new(["127.0.0.0/8", "10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap()).into())
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn client(peer: &str, lines: &[(&'static str, &str)]) -> String {
        proxies().client(peer.parse().unwrap(), &headers(lines)).ip().to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let told = [("x-forwarded-for", "203.0.113.7")];
        assert_eq!(client("198.51.100.1:1", &told), "198.51.100.1");
        assert_eq!(client("127.0.0.1:1", &told), "203.0.113.7");
        assert_eq!(client("[::ffff:10.1.2.3]:1", &told), "203.0.113.7");
        assert_eq!(client("127.0.0.1:1", &[]), "127.0.0.1");
    }

    #[test]
    fn what_the_client_invented_stands_left_of_its_address() {
        for (chain, expected) in [
            ("1.2.3.4, 203.0.113.7", "203.0.113.7"),
            ("1.2.3.4, 203.0.113.7, 10.0.0.9", "203.0.113.7"),
            ("10.0.0.8, 10.0.0.9", "10.0.0.8"),
            ("nonsense, 203.0.113.7", "203.0.113.7"),
            ("203.0.113.7, nonsense", "0.0.0.0"),
            ("203.0.113.7, nonsense, 10.0.0.9", "10.0.0.9"),
            ("203.0.113.7:4711", "203.0.113.7"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(client("127.0.0.1:1", &[("x-forwarded-for", chain)]), expected, "{chain}");
        }
        let lines = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "203.0.113.7")];
        assert_eq!(client("127.0.0.1:1", &lines), "203.0.113.7");
    }

    #[test]
    fn the_other_headers_are_read_too() {
        for forwarded in [
            "for=203.0.113.7",
            "For=\"203.0.113.7:80\";proto=https, for=10.0.0.1",
            "for=1.2.3.4, for=203.0.113.7",
        ] {
            assert_eq!(client("127.0.0.1:1", &[("forwarded", forwarded)]), "203.0.113.7", "{forwarded}");
        }
        assert_eq!(client("127.0.0.1:1", &[("forwarded", "for=\"[2001:db8::1]:1\"")]), "2001:db8::1");
        assert_eq!(client("127.0.0.1:1", &[("forwarded", "for=_hidden")]), "0.0.0.0");
        assert_eq!(client("127.0.0.1:1", &[("x-real-ip", "203.0.113.7")]), "203.0.113.7");
    }

    #[test]
    fn headers_that_disagree_are_not_believed() {
        let lines = [("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=1.2.3.4")];
        assert_eq!(client("127.0.0.1:1", &lines), "0.0.0.0");
        let lines = [("x-forwarded-for", "203.0.113.7"), ("x-real-ip", "203.0.113.7")];
        assert_eq!(client("127.0.0.1:1", &lines), "203.0.113.7");
    }

    proptest! {
        #[test]
        fn any_header_gives_an_address(chain in "[ -~]{0,80}", other in "[ -~]{0,80}") {
            let lines = [("x-forwarded-for", chain.as_str()), ("forwarded", other.as_str())];
            proxies().client("127.0.0.1:1".parse().unwrap(), &headers(&lines));
        }
    }
}
