//! `[limits]`: how often things may be asked for, and how much one app, account or server may have. 0: no limit.
//!
//! What is asked for too often answers 416, the room service 503. Connections from this very machine that no trusted
//! proxy speaks for count in no address.

use std::{net::SocketAddr, sync::Arc};

use rotunda_admin::vendor::{RateLimit, Strangers};
use rotunda_gateway::{RateLimits, limits};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Calls of one REST action per second and app; one too many is answered 416. 0 takes this limit away, as any of
    /// these.
    #[schemars(extend("x-reload" = true))]
    pub rest_per_second: u32,
    /// Seconds that the action goes on answering 416 then. Longer calms a backend that repeats without a pause.
    #[schemars(extend("x-reload" = true))]
    pub rest_blocked_secs: u32,
    /// Logins of one address per minute. An office shares one address and comes back all at once. Connections from this
    /// very machine count in no address, unless a proxy of server.trusted_proxies says whose they are.
    #[schemars(extend("x-reload" = true))]
    pub logins_per_address_minute: u32,
    /// Logins of one account from one address per minute. Lower slows who guesses tokens, and who has many devices.
    #[schemars(extend("x-reload" = true))]
    pub logins_per_account_minute: u32,
    /// Requests to the room service of one address per minute, each of which asks the database.
    #[schemars(extend("x-reload" = true))]
    pub token_checks_per_address_minute: u32,
    /// Entries into media channels of one account per minute.
    #[schemars(extend("x-reload" = true))]
    pub joins_per_minute: u32,
    /// Calls that invite of one account per minute. Lower spares members who are invited unasked.
    #[schemars(extend("x-reload" = true))]
    pub invites_per_minute: u32,
    /// Commands of one session per second; five times as many in a burst. Changed, for sessions from then on.
    #[schemars(extend("x-reload" = true))]
    pub commands_per_second: u32,
    /// Requests of one address to the REST actions with a wrong signature per minute. One more, and for ten seconds all of
    /// that address are answered 416 unseen. Lower slows who guesses an app's secret sooner; a backend that shares the
    /// address is kept out with it.
    pub failed_signatures_per_address_minute: u32,
    /// Servers an account may be in, the vendor's number like those that follow. More cost memory: what may be judged
    /// of a server is in memory while somebody is there.
    #[schemars(extend("x-reload" = true))]
    pub servers_per_account: u32,
    /// Channels of a server. All of them are in its rules in memory.
    #[schemars(extend("x-reload" = true))]
    pub channels_per_server: u32,
    /// Categories of a server. All of them are in its rules in memory.
    #[schemars(extend("x-reload" = true))]
    pub categories_per_server: u32,
    /// Members of a server. More cost memory.
    #[schemars(extend("x-reload" = true))]
    pub members_per_server: u32,
    /// Roles of a server beside @everyone. A verdict folds all that a member holds.
    #[schemars(extend("x-reload" = true))]
    pub roles_per_server: u32,
    /// Members on a black or white list of a channel or category.
    #[schemars(extend("x-reload" = true))]
    pub members_per_list: u32,
    /// Roles on a black or white list of a channel or category.
    #[schemars(extend("x-reload" = true))]
    pub roles_per_list: u32,
    /// Members with rights of their own in a channel or category.
    #[schemars(extend("x-reload" = true))]
    pub overrides_per_place: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let (rest, rates, most) =
            (RateLimit::default(), RateLimits::default(), rotunda_core::Limits::default());
        Self {
            rest_per_second: rest.per_second,
            rest_blocked_secs: rest.blocked_secs,
            logins_per_address_minute: rates.logins_per_address_minute,
            logins_per_account_minute: rates.logins_per_account_minute,
            token_checks_per_address_minute: rates.token_checks_per_address_minute,
            joins_per_minute: rates.joins_per_minute,
            invites_per_minute: rates.invites_per_minute,
            commands_per_second: rates.commands_per_second,
            failed_signatures_per_address_minute: rates.failed_signatures_per_address_minute,
            servers_per_account: most.servers_per_account,
            channels_per_server: most.channels_per_server,
            categories_per_server: most.categories_per_server,
            members_per_server: most.members_per_server,
            roles_per_server: most.roles_per_server,
            members_per_list: most.members_per_list,
            roles_per_list: most.roles_per_list,
            overrides_per_place: most.overrides_per_place,
        }
    }
}

impl Limits {
    /// Of the vendor's REST actions, per action and app.
    pub const fn rest(&self) -> RateLimit {
        RateLimit { per_second: self.rest_per_second, blocked_secs: self.rest_blocked_secs }
    }

    pub const fn rates(&self) -> RateLimits {
        RateLimits {
            logins_per_address_minute: self.logins_per_address_minute,
            logins_per_account_minute: self.logins_per_account_minute,
            token_checks_per_address_minute: self.token_checks_per_address_minute,
            joins_per_minute: self.joins_per_minute,
            invites_per_minute: self.invites_per_minute,
            commands_per_second: self.commands_per_second,
            failed_signatures_per_address_minute: self.failed_signatures_per_address_minute,
        }
    }

    /// The core compares with these, so no limit is the highest there can be.
    pub fn quotas(&self) -> rotunda_core::Limits {
        let most = |limit: u32| if limit == 0 { u32::MAX } else { limit };
        rotunda_core::Limits {
            servers_per_account: most(self.servers_per_account),
            channels_per_server: most(self.channels_per_server),
            categories_per_server: most(self.categories_per_server),
            members_per_server: most(self.members_per_server),
            roles_per_server: most(self.roles_per_server),
            members_per_list: most(self.members_per_list),
            roles_per_list: most(self.roles_per_list),
            overrides_per_place: most(self.overrides_per_place),
            ..rotunda_core::Limits::default()
        }
    }
}

/// The buckets of the gateway, for the REST actions beside it.
pub struct SharedLimits(pub Arc<limits::Limits>);

impl Strangers for SharedLimits {
    fn may_sign(&self, peer: SocketAddr) -> bool {
        self.0.may_sign(peer)
    }

    fn signature_failed(&self, peer: SocketAddr) {
        self.0.signature_failed(peer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_parts_and_zero_is_no_limit() {
        let limits = Limits::default();
        assert_eq!((limits.rest(), limits.rates()), (RateLimit::default(), RateLimits::default()));
        assert_eq!(format!("{:?}", limits.quotas()), format!("{:?}", rotunda_core::Limits::default()));
        let off = Limits { servers_per_account: 0, ..Limits::default() };
        assert_eq!(off.quotas().servers_per_account, u32::MAX);
    }
}
