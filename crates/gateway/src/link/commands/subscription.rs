//! Subscriptions: 24_15, 24_27, 25_8.

use rotunda_core::subscription::{self, ChannelRef as Place};
use rotunda_model::{Code, ServerId};
use rotunda_wire::{
    Id, ToWire,
    command::subscription::{GetOwnRoles, GetUnread, Subscribe},
    entity::{ChannelRef, ServerRoles, Unread},
};
use serde_json::{Value, json};

use super::{Call, Refusal, Reply, args, not_built};

/// Unread messages above which a client stops counting; it assumes 100 when none is told.
const UNREAD_MAX: i64 = 100;

pub async fn handle(call: Call<'_>) -> Reply {
    match (call.request.command.sid, call.request.command.cid) {
        (24, 15) => subscribe(call).await,
        (24, 27) => unread(call).await,
        (25, 8) => own_roles(call).await,
        _ => Err(not_built(call.request.command)),
    }
}

/// Types 1 to 3 and 5 name channels, 4 names servers. A client that lost access unsubscribes afterwards: never an error.
async fn subscribe(call: Call<'_>) -> Reply {
    let Subscribe { operation, channels } = call.read()?;
    let ends = match operation.operation {
        None | Some(1) => false,
        Some(2) => true,
        Some(_) => return Err(Refusal::Code(Code::PARAMETER)),
    };
    if !(1..=5).contains(&operation.kind) {
        return Err(Refusal::Code(Code::PARAMETER));
    }
    if channels.is_empty() {
        return Ok(vec![json!([]), json!([])]);
    }
    if operation.kind == 4 {
        let servers: Vec<ServerId> = channels.iter().filter_map(|c| args::id(c.server_id).ok()).collect();
        if ends {
            subscription::unsubscribe_servers(call.core, call.actor, &servers).await?;
            return Ok(vec![json!([]), json!([])]);
        }
        let failed = subscription::subscribe_servers(call.core, call.actor, &servers).await?;
        let failed = args::list(&failed, |id| ChannelRef { server_id: Id(id.get()), channel_id: None });
        return Ok(vec![json!([]), failed]);
    }
    if ends {
        return Ok(vec![json!([]), json!([])]);
    }
    let (seen, hidden) = split(call, &channels).await?;
    let counters = if operation.kind == 5 { json!([]) } else { args::list(&seen, zero) };
    Ok(vec![counters, args::list(&hidden, reference)])
}

async fn unread(call: Call<'_>) -> Reply {
    let GetUnread { channels } = call.read()?;
    if channels.is_empty() {
        return Ok(vec![json!([])]);
    }
    let (seen, _) = split(call, &channels).await?;
    Ok(vec![args::list(&seen, zero)])
}

/// The failed servers are JSON text: a real array that is not empty breaks both SDK versions.
async fn own_roles(call: Call<'_>) -> Reply {
    let GetOwnRoles { servers } = call.read()?;
    let servers: Vec<ServerId> = args::ids(&servers.server_ids)?;
    let (own, failed) = subscription::own_roles(call.core, call.actor, &servers).await?;
    let own = args::list(&own, |own| ServerRoles {
        server_id: Id(own.server.get()),
        role_ids: own.roles.iter().map(|role| Id(role.get())).collect(),
        timetag: own.time.get(),
    });
    let failed: Vec<Id> = failed.iter().map(|id| Id(id.get())).collect();
    Ok(vec![own, failed.to_wire().unwrap_or(Value::Null)])
}

async fn split(call: Call<'_>, channels: &[ChannelRef]) -> Result<(Vec<Place>, Vec<Place>), Refusal> {
    let places: Result<Vec<Place>, Refusal> = channels
        .iter()
        .map(|channel| {
            let id = channel.channel_id.ok_or(Refusal::Code(Code::PARAMETER))?;
            Ok((args::id(channel.server_id)?, args::id(id)?))
        })
        .collect();
    Ok(subscription::split_channels(call.core, call.actor, &places?).await?)
}

fn reference((server, channel): &Place) -> ChannelRef {
    ChannelRef { server_id: Id(server.get()), channel_id: Some(Id(channel.get())) }
}

/// No message exists yet: every counter is zero.
fn zero((server, channel): &Place) -> Unread {
    Unread {
        server_id: Id(server.get()),
        channel_id: Id(channel.get()),
        ack_timestamp: 0,
        unread_count: 0,
        mentioned_count: 0,
        max_count: UNREAD_MAX,
        last_msg_time: 0,
    }
}
