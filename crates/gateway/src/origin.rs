//! The public origin: what every address that is handed out starts with.

use axum::http::{HeaderMap, header};

/// Where clients reach this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicOrigin {
    /// `server.public_url`: scheme and authority, no path, no slash at the end.
    Fixed(String),
    /// Demo mode: the request's `Host`, if it is one of these authorities (`host:port`); else the first of them. A
    /// `Host` is the client's word, so an unknown one is never repeated to anybody.
    FromHost { authorities: Vec<String> },
}

impl PublicOrigin {
    /// Scheme and authority, e.g. `https://127.0.0.1:8443`.
    pub fn of(&self, headers: &HeaderMap) -> String {
        match self {
            Self::Fixed(origin) => origin.clone(),
            Self::FromHost { authorities } => {
                let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
                let named =
                    authorities.iter().find(|known| host.is_some_and(|h| h.eq_ignore_ascii_case(known)));
                let authority = named.or(authorities.first()).map_or("localhost", String::as_str);
                format!("https://{authority}")
            }
        }
    }

    /// Host and port without scheme, as `webrtcarray` and LBS `link` write them.
    pub fn authority(&self, headers: &HeaderMap) -> String {
        let origin = self.of(headers);
        origin.split_once("://").map_or(origin.clone(), |(_, authority)| authority.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::HOST, host.parse().unwrap())])
    }

    #[test]
    fn a_host_that_is_not_ours_is_never_repeated() {
        let origin =
            PublicOrigin::FromHost { authorities: vec!["127.0.0.1:8443".into(), "localhost:8443".into()] };
        assert_eq!(origin.of(&headers("LOCALHOST:8443")), "https://localhost:8443");
        assert_eq!(origin.of(&headers("evil.example:8443")), "https://127.0.0.1:8443");
        assert_eq!(origin.authority(&HeaderMap::new()), "127.0.0.1:8443");
        let fixed = PublicOrigin::Fixed("https://chat.example".into());
        assert_eq!(fixed.of(&headers("evil.example")), "https://chat.example");
    }
}
