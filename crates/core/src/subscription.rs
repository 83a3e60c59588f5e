//! Subscriptions (订阅) and unread counters. No message exists yet, so every counter is zero.

use rotunda_model::{ChannelId, Millis, RoleId, ServerId};

use crate::{
    Actor, Core, Error, Membership,
    server::{view, views},
    text,
};

/// A channel as clients name it.
pub type ChannelRef = (ServerId, ChannelId);

/// Servers 25_8 takes at once.
const ROLE_SERVERS_MAX: usize = 10;

/// Splits channels into those the caller sees as a member and the others (24_15 types 1 to 3, 24_27). Visitors count
/// no unread messages, and subscribe by a command of their own.
///
/// Errors: 414 none or more than 100.
pub async fn split_channels(
    core: &Core,
    actor: &Actor,
    channels: &[ChannelRef],
) -> Result<(Vec<ChannelRef>, Vec<ChannelRef>), Error> {
    text::batch("more than 100 channels at once", channels)?;
    let views = views(core, actor, channels.iter().map(|(server, _)| *server)).await?;
    Ok(channels.iter().partition(|(server, channel)| {
        views.get(server).is_some_and(|(snapshot, standing)| {
            standing.is_member() && snapshot.visible(&standing.subject(), *channel).unwrap_or(false)
        })
    }))
}

/// Subscribes to the notifications of servers (24_15 type 4); answers those the caller is not in.
///
/// Errors: 414 none or more than 100.
pub async fn subscribe_servers(
    core: &Core,
    actor: &Actor,
    servers: &[ServerId],
) -> Result<Vec<ServerId>, Error> {
    text::batch("more than 100 servers at once", servers)?;
    let own =
        rotunda_store::member::among(core.store().pool(), actor.user.app, &actor.user.accid, servers).await?;
    if let Some(hub) = core.hub() {
        for server in &own {
            hub.subscribed(&actor.user, Membership { server: *server, hears: true });
        }
    }
    Ok(servers.iter().filter(|server| !own.contains(server)).copied().collect())
}

/// Ends subscriptions of type 4. A small server keeps telling its members all the same; after losing access there is
/// nothing left to end, and that is no error.
pub async fn unsubscribe_servers(core: &Core, actor: &Actor, servers: &[ServerId]) -> Result<(), Error> {
    if servers.is_empty() {
        return Ok(());
    }
    text::batch("more than 100 servers at once", servers)?;
    let found = rotunda_store::server::by_ids(core.store().pool(), actor.user.app, servers).await?;
    let Some(hub) = core.hub() else { return Ok(()) };
    for server in found {
        if server.member_count >= rotunda_model::server::SUBSCRIPTION_THRESHOLD {
            hub.subscribed(&actor.user, Membership { server: server.id, hears: false });
        }
    }
    Ok(())
}

/// The caller's custom roles in one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnRoles {
    pub server: ServerId,
    pub roles: Vec<RoleId>,
    /// When they were read: notifications 26 and 27 older than it are ignored by the client.
    pub time: Millis,
}

/// 25_8; also answers the servers the caller is not in. Errors: 414 none or more than 10.
pub async fn own_roles(
    core: &Core,
    actor: &Actor,
    servers: &[ServerId],
) -> Result<(Vec<OwnRoles>, Vec<ServerId>), Error> {
    if servers.is_empty() || servers.len() > ROLE_SERVERS_MAX {
        return Err(Error::Parameter("none or more than 10 servers at once"));
    }
    let mut own = Vec::new();
    let mut failed = Vec::new();
    for server in servers {
        let time = core.env().now();
        match view(core, actor.user.app, *server, actor).await {
            Ok((_, standing)) => match standing.roles {
                Some(roles) => own.push(OwnRoles { server: *server, roles: roles.to_vec(), time }),
                None => failed.push(*server),
            },
            Err(Error::NotFound(_)) => failed.push(*server),
            Err(error) => return Err(error),
        }
    }
    Ok((own, failed))
}
