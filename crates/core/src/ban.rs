//! Accounts kept out of servers (封禁).

use rotunda_model::{Accid, ServerId, server::Ban};
use rotunda_permissions::guard;
use rotunda_store::ban as store;

use crate::{
    Actor, Core, Error,
    change::Change,
    member,
    page::{Page, PageRequest},
    server::view,
    text,
};

/// 24_104, opeType 1: out, and no way in until [`remove`]. Notifies as a kick does.
///
/// Errors: 404 the server, or the account is no member; 403 without banServerMember, or against the owner or oneself;
/// 417 banned already; 405 unfit ext.
pub async fn add(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    accid: &Accid,
    ext: String,
) -> Result<(), Error> {
    text::bytes("ext", &ext, text::EXT_MAX)?;
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    guard::ban(&change.before, &standing.subject(), accid)?;
    let created = change.tick();
    let ban = Ban { server, accid: accid.clone(), ext, created, updated: created };
    if !store::insert(&mut *change.tx, &ban).await? {
        return Err(Error::Repeated("banned from the server"));
    }
    member::expel(&mut change, std::slice::from_ref(accid)).await?;
    change.commit().await
}

/// 24_104, opeType 2: may come in again, by every way. Nobody is told.
///
/// Errors: 404 the server, or the account is not banned; 403 as for [`add`].
pub async fn remove(core: &Core, actor: &Actor, server: ServerId, accid: &Accid) -> Result<(), Error> {
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    guard::unban(&change.before, &standing.subject(), accid)?;
    if !store::delete(&mut *change.tx, server, accid).await? {
        return Err(Error::NotFound("ban"));
    }
    change.commit().await
}

/// 24_105: newest first. Errors: 404; 403 without banServerMember.
pub async fn page(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    request: PageRequest,
) -> Result<Page<Ban>, Error> {
    let limit = request.limit()?;
    let before = request.before()?;
    let (snapshot, standing) = view(core, actor.user.app, server, actor).await?;
    guard::read_bans(&snapshot, &standing.subject())?;
    let bans = store::page(core.store().pool(), server, before, limit + 1).await?;
    request.cut(bans, |ban| ban.created)
}
