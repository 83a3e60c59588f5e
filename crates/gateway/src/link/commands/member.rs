//! Members and the ways in: 24_36, 24_37, 24_39, 24_40, 24_42 to 24_47.

use rotunda_core::{
    invite,
    member::{self, MemberUpdate},
};
use rotunda_model::{Accid, Code, ServerId, server::Request};
use rotunda_wire::{
    Id,
    command::member::{
        AcceptApply, AcceptInvite, ApplyServerJoin, GetServerMembers, GetServerMembersPage,
        InviteServerMembers, KickServerMembers, LeaveServer, UpdateOtherMember, UpdateOwnMember,
    },
    entity::RequestInfo,
};
use serde_json::{Value, json};

use super::{Call, Refusal, Reply, args, not_built};
use crate::link::entity;

pub async fn handle(call: Call<'_>) -> Reply {
    match call.request.command.cid {
        36 => invite(call).await,
        37 => accept_invite(call).await,
        39 => apply(call).await,
        40 => accept_application(call).await,
        42 => kick(call).await,
        43 => leave(call).await,
        44 => update_own(call).await,
        45 => update_other(call).await,
        46 => by_keys(call).await,
        47 => page(call).await,
        _ => Err(not_built(call.request.command)),
    }
}

async fn invite(call: Call<'_>) -> Reply {
    let InviteServerMembers { server_id, accids, ps, ttl } = call.read()?;
    if !call.limits.may_invite(&call.actor.user) {
        return Err(Refusal::Code(Code::TOO_OFTEN));
    }
    let accids = args::accids(&accids)?;
    let ttl = ttl.and_then(|lifetime| lifetime.ttl);
    let ps = ps.unwrap_or_default();
    let done = invite::invite(call.core, call.actor, args::id(server_id)?, &accids, &ps, ttl).await?;
    let names = |accids: &[Accid]| json!(accids.iter().map(Accid::as_str).collect::<Vec<_>>());
    Ok(vec![names(&done.over), names(&done.banned), request(done.request)])
}

async fn accept_invite(call: Call<'_>) -> Reply {
    let AcceptInvite { server_id, inviter, record } = call.read()?;
    let inviter = args::accid(&inviter)?;
    let record = args::id(record.request_id)?;
    invite::accept_invite(call.core, call.actor, args::id(server_id)?, &inviter, record).await?;
    Ok(Vec::new())
}

async fn apply(call: Call<'_>) -> Reply {
    let ApplyServerJoin { server_id, ps, ttl } = call.read()?;
    let ttl = ttl.and_then(|lifetime| lifetime.ttl);
    let ps = ps.unwrap_or_default();
    let made = invite::apply(call.core, call.actor, args::id(server_id)?, &ps, ttl).await?;
    Ok(vec![request(made)])
}

async fn accept_application(call: Call<'_>) -> Reply {
    let AcceptApply { server_id, applicant, record } = call.read()?;
    let applicant = args::accid(&applicant)?;
    let record = args::id(record.request_id)?;
    invite::accept_application(call.core, call.actor, args::id(server_id)?, &applicant, record).await?;
    Ok(Vec::new())
}

async fn leave(call: Call<'_>) -> Reply {
    let LeaveServer { server_id } = call.read()?;
    member::leave(call.core, call.actor, args::id(server_id)?).await?;
    Ok(Vec::new())
}

async fn kick(call: Call<'_>) -> Reply {
    let KickServerMembers { server_id, accids } = call.read()?;
    let accids = args::accids(&accids)?;
    member::kick(call.core, call.actor, args::id(server_id)?, &accids).await?;
    Ok(Vec::new())
}

/// An account beside it can only be the caller's: who means another sends 24_45.
async fn update_own(call: Call<'_>) -> Reply {
    let UpdateOwnMember { member: input } = call.read()?;
    let own = &call.actor.user.accid;
    if input.accid.is_some_and(|accid| accid != own.as_str()) {
        return Err(Refusal::Code(Code::PARAMETER));
    }
    let update = MemberUpdate { nick: input.nick, avatar: input.avatar, ext: input.ext };
    let member = member::update(call.core, call.actor, args::id(input.server_id)?, own, update).await?;
    Ok(vec![args::item(&entity::member(&member))])
}

async fn update_other(call: Call<'_>) -> Reply {
    let UpdateOtherMember { member: edit } = call.read()?;
    let accid = args::accid(&edit.accid)?;
    let update = MemberUpdate { nick: edit.nick, avatar: edit.avatar, ext: None };
    let member = member::update(call.core, call.actor, args::id(edit.server_id)?, &accid, update).await?;
    Ok(vec![args::item(&entity::member(&member))])
}

async fn by_keys(call: Call<'_>) -> Reply {
    let GetServerMembers { keys } = call.read()?;
    // A key that cannot name a member names none: it is skipped like a missing one.
    let keys: Vec<(ServerId, Accid)> = keys.iter().filter_map(|key| member_key(key)).collect();
    if keys.is_empty() {
        return Ok(vec![json!([])]);
    }
    let found = member::by_keys(call.core, call.actor, &keys).await?;
    Ok(vec![args::list(&found, entity::member)])
}

fn member_key(text: &str) -> Option<(ServerId, Accid)> {
    let (server, accid) = text.split_once('|')?;
    Some((server.parse().ok()?, Accid::new(accid).ok()?))
}

async fn page(call: Call<'_>) -> Reply {
    let GetServerMembersPage { page } = call.read()?;
    let request = args::page(page.timetag, page.limit);
    let page = member::page(call.core, call.actor, args::id(page.server_id)?, request).await?;
    Ok(args::paged(&page, entity::member))
}

fn request(request: Request) -> Value {
    args::item(&RequestInfo { request_id: Id(request.id.get()), expire_time: request.expires.get() })
}
