//! The edge that clients touch: QChat link, room REST with its push link, RTC signalling.
//!
//! One public port for all of them. The gateway decodes, asks `core` and the rooms, and encodes; it decides nothing.

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod http;
pub mod limits;
pub mod link;
mod origin;
pub mod room;
pub mod signal;

use std::{fmt, sync::Arc};

use axum::Router;
use rotunda_core::Core;

pub use http::{BODY_MAX, CorsOrigins};
pub use limits::RateLimits;
pub use link::doors::DoorLimits;
pub use origin::PublicOrigin;

use limits::Limits;
use link::{Hub, doors::Doors};

/// What the gateway is told at the start.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// Every address handed out starts with it.
    pub public_origin: PublicOrigin,
    pub cors_origins: CorsOrigins,
    pub doors: DoorLimits,
    pub limits: RateLimits,
}

/// Everything a handler needs. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    pub core: Core,
    pub hub: Arc<Hub>,
    pub rooms: Arc<room::Registry>,
    pub doors: Arc<Doors>,
    pub limits: Arc<Limits>,
    pub config: Arc<GatewayConfig>,
}

impl Gateway {
    /// Connects core's ports to the sessions and rooms of this process.
    pub fn new(core: Core, rooms: Arc<room::Registry>, config: GatewayConfig) -> Self {
        let hub = Arc::new(Hub::new(rooms.clone()));
        core.set_ports(hub.clone(), rooms.clone());
        let doors = Arc::new(Doors::new(config.doors.clone()));
        let limits = Arc::new(Limits::new(config.limits, core.env().clock.clone()));
        Self { core, hub, rooms, doors, limits, config: Arc::new(config) }
    }

    /// Ends every link: clients come back by themselves, to the next process.
    pub fn shut_down(&self) {
        self.hub.end_all();
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("hub", &self.hub)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Every client-facing path. The listener provides `ConnectInfo<SocketAddr>`.
pub fn router(gateway: Gateway) -> Router {
    let origins = gateway.config.cors_origins.clone();
    let rest = room::routes(&gateway);
    let routes = link::routes().merge(rest).merge(signal::routes()).with_state(gateway);
    http::finish(routes, origins)
}
