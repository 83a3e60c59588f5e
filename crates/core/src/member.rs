//! Members of servers (服务器成员): reading, entering, leaving.

use rotunda_model::{
    Accid, ServerId,
    notification::{Audience, Fact},
    server::Member,
};
use rotunda_permissions::{Scope, guard};
use rotunda_store::{member as store, request};

use crate::{
    Actor, Core, Error,
    change::{Change, Standing},
    page::{Page, PageRequest},
    server::view,
    text,
};

/// 24_46: those of the pairs that are members, of servers the caller is in (all with `open_queries`).
pub async fn by_keys(core: &Core, actor: &Actor, keys: &[(ServerId, Accid)]) -> Result<Vec<Member>, Error> {
    text::batch("more than 100 members at once", keys)?;
    let db = core.store().pool();
    let asked: Vec<ServerId> = keys.iter().map(|(server, _)| *server).collect();
    // Ids of another app name nothing here, whatever `open_queries` says.
    let open: Vec<ServerId> = match core.config().open_queries {
        true => {
            let found = rotunda_store::server::by_ids(db, actor.user.app, &asked).await?;
            found.into_iter().map(|server| server.id).collect()
        }
        false => store::among(db, actor.user.app, &actor.user.accid, &asked).await?,
    };
    let (servers, accids): (Vec<_>, Vec<_>) =
        keys.iter().filter(|(server, _)| open.contains(server)).cloned().unzip();
    let mut members = store::by_keys(db, &servers, &accids).await?;
    members.sort_by_key(|member| {
        keys.iter().position(|(server, accid)| *server == member.server && *accid == member.accid)
    });
    Ok(members)
}

/// 24_47: newest first. Errors: 404; 403 not a member.
pub async fn page(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    request: PageRequest,
) -> Result<Page<Member>, Error> {
    let limit = request.limit()?;
    let before = request.before()?;
    let (snapshot, standing) = view(core, actor.user.app, server, actor).await?;
    guard::sees(&snapshot, &standing.subject(), Scope::Server)?;
    let members = store::page(core.store().pool(), server, before, limit + 1).await?;
    request.cut(members, |member| member.created)
}

/// 24_43. Roles, overrides and list entries go too; a seat in a media channel ends. Notifies 13 to those who stay,
/// 31 and 32 to the one who left.
///
/// Errors: 404; 403 not a member, or the owner.
pub async fn leave(core: &Core, actor: &Actor, server: ServerId) -> Result<(), Error> {
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    guard::leave(&change.before, &standing.subject())?;
    remove(&mut change, std::slice::from_ref(&standing)).await?;
    let fact = Fact::MemberLeave { server: change.entity() };
    change.notify(Audience::Server { also: Vec::new() }, fact);
    change.notify_left(&actor.user.accid);
    change.commit().await
}

/// 24_42: all of them, or none. Roles, overrides, list entries and seats go too. Notifies 12 to those who stay, 31 and
/// 32 to those who were kicked.
///
/// Errors: 404 the server, or one of them is no member; 403 without kickServer, or against the owner or oneself;
/// 414 none or more than 100 accounts.
pub async fn kick(core: &Core, actor: &Actor, server: ServerId, accids: &[Accid]) -> Result<(), Error> {
    let accids = text::accids(accids)?;
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    for accid in &accids {
        guard::kick(&change.before, &standing.subject(), accid)?;
    }
    expel(&mut change, &accids).await?;
    change.commit().await
}

/// Puts members out, as kick and ban do. Errors: 404 one of them is no member.
pub(crate) async fn expel(change: &mut Change, accids: &[Accid]) -> Result<(), Error> {
    let standings = change.standings(accids).await?;
    if !standings.iter().all(Standing::is_member) {
        return Err(Error::NotFound("member"));
    }
    remove(change, &standings).await?;
    let fact = Fact::MemberKick { server: change.entity(), kicked: accids.to_vec() };
    change.notify(Audience::Server { also: Vec::new() }, fact);
    let left = Fact::ServerEnterLeave { entered: false, server: None };
    change.notify(Audience::ServerAccounts(accids.to_vec()), left);
    Ok(())
}

/// Takes members out of the server with everything that hung on them. They have been read under this change's lock.
async fn remove(change: &mut Change, members: &[Standing]) -> Result<(), Error> {
    let accids: Vec<Accid> = members.iter().map(|member| member.accid.clone()).collect();
    let server = change.server();
    let gone = store::delete(&mut change.tx, server, &accids).await?;
    let gone = u32::try_from(gone).unwrap_or(u32::MAX);
    change.locked.server.member_count = change.locked.server.member_count.saturating_sub(gone);
    for member in members {
        change.left(member);
    }
    change.reload().await
}

/// What 24_44 and 24_45 carry; `None` stays as it is. An empty nick or avatar shows the account's own.
#[derive(Debug, Clone, Default)]
pub struct MemberUpdate {
    pub nick: Option<String>,
    pub avatar: Option<String>,
    pub ext: Option<String>,
}

/// 24_44 of oneself, 24_45 of another. Notifies 14 to the server, unless nothing is named.
///
/// Errors: 404 the server, or no such member; 403 without accountInfoSelf, of another without accountInfoOther;
/// 405 unfit texts.
pub async fn update(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    accid: &Accid,
    update: MemberUpdate,
) -> Result<Member, Error> {
    text::name("nick", update.nick.as_deref().unwrap_or_default())?;
    text::bytes("avatar", update.avatar.as_deref().unwrap_or_default(), text::ICON_MAX)?;
    text::bytes("ext", update.ext.as_deref().unwrap_or_default(), text::EXT_MAX)?;
    let new = store::Profile {
        nick: update.nick.as_deref(),
        avatar: update.avatar.as_deref(),
        ext: update.ext.as_deref(),
    };
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    if *accid == actor.user.accid {
        guard::edit_own_info(&change.before, &standing.subject())?;
    } else {
        guard::edit_other_info(&change.before, &standing.subject())?;
    }
    let named = new != store::Profile::default();
    if named {
        let now = change.now();
        store::update(&mut *change.tx, server, accid, new, now).await?;
    }
    let member = store::get(&mut *change.tx, server, accid).await?.ok_or(Error::NotFound("member"))?;
    if named {
        let fact = Fact::MemberUpdate { member: member.clone() };
        change.notify(Audience::Server { also: Vec::new() }, fact);
        change.commit().await?;
    }
    Ok(member)
}

/// Makes outsiders members: cap of the server, rows, counts, index, and their other open requests settled.
/// The caller has checked that they are neither members nor banned, nor in too many servers.
///
/// Errors: 419 the server is full.
pub(crate) async fn admit(
    change: &mut Change,
    outsiders: &[Standing],
    inviter: Option<&Accid>,
) -> Result<(), Error> {
    let max = change.core.limits().members_per_server;
    let count = u32::try_from(outsiders.len()).unwrap_or(u32::MAX);
    if change.locked.server.member_count.saturating_add(count) > max {
        return Err(Error::OverLimit { what: "members of a server", max });
    }
    for outsider in outsiders {
        let joined = change.tick();
        let member = Member {
            server: change.server(),
            accid: outsider.accid.clone(),
            nick: String::new(),
            avatar: String::new(),
            ext: String::new(),
            is_owner: false,
            inviter: inviter.cloned(),
            joined,
            created: joined,
            updated: joined,
        };
        let app = change.locked.server.app;
        store::insert(&mut *change.tx, app, &member).await?;
        request::settle_others(&mut *change.tx, member.server, &member.accid, joined).await?;
        change.joined(&member.accid);
    }
    change.locked.server.member_count += count;
    Ok(())
}

/// Refuses an account that is a member (417), banned (403), unknown (404), or in too many servers (419). Holds the
/// account's row until the transaction ends, so that two servers cannot both take its last place.
pub(crate) async fn may_enter(change: &mut Change, standing: &Standing) -> Result<(), Error> {
    if standing.is_member() {
        return Err(Error::Repeated("a member of the server"));
    }
    let server = change.server();
    let accids = std::slice::from_ref(&standing.accid);
    if !rotunda_store::ban::among(&mut *change.tx, server, accids).await?.is_empty() {
        return Err(Error::Forbidden("banned from the server"));
    }
    let app = change.locked.server.app;
    let counts = rotunda_store::account::lock_and_count_servers(&mut change.tx, app, accids).await?;
    let (_, count) = counts.first().ok_or(Error::NotFound("account"))?;
    let max = change.core.limits().servers_per_account;
    if *count >= max {
        return Err(Error::OverLimit { what: "servers of an account", max });
    }
    Ok(())
}
