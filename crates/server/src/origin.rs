//! Which authority (`host:port`) goes into the addresses handed to a client.

use std::net::IpAddr;

use crate::certificate;

/// From the configuration, or in demo mode from the request's Host when that names this listener: a demo on a LAN is
/// opened under several addresses, and each page should get the one it came by.
#[derive(Debug, Clone)]
pub struct PublicOrigin {
    authority: String,
    /// Hosts that a request may name, empty when the configuration or production fixes the authority.
    hosts: Vec<String>,
    port: u16,
}

impl PublicOrigin {
    pub fn fixed(authority: String) -> Self {
        Self { authority, hosts: Vec::new(), port: 0 }
    }

    /// `listen` and `advertised` are the addresses that name this listener, next to loopback.
    pub fn demo(authority: String, port: u16, listen: IpAddr, advertised: &[IpAddr]) -> Self {
        let mut hosts = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        hosts.extend(advertised.iter().chain([&listen]).map(IpAddr::to_string));
        Self { authority, hosts, port }
    }

    /// The authority for a request with this Host (or `:authority`), as the client wrote it.
    pub fn for_request(&self, host: Option<&str>) -> String {
        let named = host.filter(|host| {
            let name = certificate::host(host);
            let port = host.strip_prefix('[').map_or(*host, |_| host.rsplit(']').next().unwrap_or(""));
            let port = port.rsplit_once(':').map_or(Some(443), |(_, port)| port.parse().ok());
            port == Some(self.port) && self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
        });
        named.unwrap_or(&self.authority).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_answers_under_the_name_it_was_asked_by_and_no_other() {
        let lan: IpAddr = "192.0.2.7".parse().unwrap();
        let origin = PublicOrigin::demo("127.0.0.1:8443".into(), 8443, "0.0.0.0".parse().unwrap(), &[lan]);
        for host in ["192.0.2.7:8443", "localhost:8443", "LOCALHOST:8443", "[::1]:8443"] {
            assert_eq!(origin.for_request(Some(host)), host);
        }
        for host in ["evil.example:8443", "192.0.2.7:9", "192.0.2.7", "[::1]", "localhost:8443:1", "", "["] {
            assert_eq!(origin.for_request(Some(host)), "127.0.0.1:8443", "{host}");
        }
        assert_eq!(origin.for_request(None), "127.0.0.1:8443");
    }

    #[test]
    fn a_configured_origin_ignores_the_host() {
        let origin = PublicOrigin::fixed("chat.example.org".into());
        assert_eq!(origin.for_request(Some("localhost:8443")), "chat.example.org");
    }
}
