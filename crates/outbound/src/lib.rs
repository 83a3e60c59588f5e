//! Requests to addresses that others choose: an app's login callback and its webhooks.
//!
//! Whoever may set such an address must not reach through this server what only this server can reach. So a name is
//! resolved here, addresses that are not global are left out, and the connection goes to one of the rest: nobody is
//! asked for the name a second time. Redirects are not followed, answers are cut off, everything has a time limit.

mod address;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use url::{Host, Url};

pub use address::is_global;

/// Idle connections kept to one host. More answers a storm of logins sooner, and holds more of the other side's sockets.
const IDLE_MAX: usize = 8;

/// How long an idle one is kept. Longer saves handshakes, shorter follows a moved name sooner.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboundConfig {
    /// Loopback, private and other addresses that are not global may be asked too.
    pub allow_private: bool,
}

/// Why there is no answer. No variant holds the address: it may carry a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    #[error("not an address of http or https without user and password")]
    Url,
    #[error("the address is not global, and webhooks.allow_private is off")]
    NotGlobal,
    #[error("no answer in time")]
    Timeout,
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    #[error("the request failed")]
    Failed,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Post<'a> {
    pub url: &'a str,
    pub headers: &'a [(&'static str, String)],
    pub body: Vec<u8>,
    /// For all of it, from the name to the last byte of the answer.
    pub timeout: Duration,
    /// Longest answer, bytes.
    pub answer_max: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbound {
    client: Client,
    config: OutboundConfig,
}

impl Outbound {
    /// Errors: no TLS or no trusted roots on this machine.
    pub fn new(config: OutboundConfig) -> Result<Self, OutboundError> {
        let client = Client::builder()
            .dns_resolver(Arc::new(Guarded { allow_private: config.allow_private }))
            .redirect(Policy::none())
            // A proxy of the environment would connect wherever it is told to.
            .no_proxy()
            .pool_max_idle_per_host(IDLE_MAX)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .user_agent(concat!("rotunda/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| OutboundError::Failed)?;
        Ok(Self { client, config })
    }

    /// A JSON body; any status is an answer.
    pub async fn post(&self, post: Post<'_>) -> Result<Answer, OutboundError> {
        let url = parse(post.url)?;
        // An address needs no resolver, so it is looked at here.
        let literal = match url.host() {
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            _ => None,
        };
        if literal.is_some_and(|ip| !self.config.allow_private && !is_global(ip)) {
            return Err(OutboundError::NotGlobal);
        }
        let mut request = self.client.post(url).header("content-type", "application/json;charset=utf-8");
        for (name, value) in post.headers {
            request = request.header(*name, value);
        }
        let max = post.answer_max;
        let asked = async {
            let mut response = request.body(post.body).send().await.map_err(|error| reason(&error))?;
            let status = response.status().as_u16();
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(|error| reason(&error))? {
                if body.len() + chunk.len() > max {
                    return Err(OutboundError::TooLong(max));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(Answer { status, body })
        };
        tokio::time::timeout(post.timeout, asked).await.unwrap_or(Err(OutboundError::Timeout))
    }
}

/// An address that may be asked at all, whatever it resolves to.
pub fn parse(url: &str) -> Result<Url, OutboundError> {
    let url = Url::parse(url).map_err(|_| OutboundError::Url)?;
    let plain = url.username().is_empty() && url.password().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && plain)
        .then_some(url)
        .ok_or(OutboundError::Url)
}

fn reason(error: &reqwest::Error) -> OutboundError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if inner.is::<OutboundError>() {
            return OutboundError::NotGlobal;
        }
        cause = inner.source();
    }
    OutboundError::Failed
}

/// Gives only addresses that may be connected to.
#[derive(Debug)]
struct Guarded {
    allow_private: bool,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let good: Vec<SocketAddr> =
                found.filter(|address| allow_private || is_global(address.ip())).collect();
            if good.is_empty() {
                return Err(OutboundError::NotGlobal.into());
            }
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}
