//! Black and white lists (黑白名单) of channels.

use rotunda_model::{Accid, ChannelId};
use rotunda_permissions::{
    Scope,
    guard::{self, ListKind},
};
use rotunda_store::list as store;

use crate::{Actor, Core, Error, change::Change, channel, text};

/// Puts members on a channel's list. Notifies 31 to those who begin or cease to see it.
///
/// Errors: 404 channel or member; 403 without manageBlackWhiteList; 414 the list does not fit the view mode, none or
/// more than 100 accounts.
pub async fn add_members(
    core: &Core,
    actor: &Actor,
    id: ChannelId,
    list: ListKind,
    accids: &[Accid],
) -> Result<(), Error> {
    edit(core, actor, id, list, accids, true).await
}

/// Takes members off a channel's list. Otherwise as [`add_members`].
pub async fn remove_members(
    core: &Core,
    actor: &Actor,
    id: ChannelId,
    list: ListKind,
    accids: &[Accid],
) -> Result<(), Error> {
    edit(core, actor, id, list, accids, false).await
}

async fn edit(
    core: &Core,
    actor: &Actor,
    id: ChannelId,
    list: ListKind,
    accids: &[Accid],
    add: bool,
) -> Result<(), Error> {
    text::batch("more than 100 accounts at once", accids)?;
    let mut accids = accids.to_vec();
    accids.sort_unstable();
    accids.dedup();
    let (mut change, _): (Change, _) = channel::begin(core, actor, id).await?;
    let standing = change.actor_standing().await?;
    guard::edit_list(&change.before, &standing.subject(), Scope::Channel(id), list)?;
    let listed = change.standings(&accids).await?;
    if !listed.iter().all(|standing| standing.is_member()) {
        return Err(Error::NotFound("member"));
    }
    let kind = match list {
        ListKind::White => store::ListKind::White,
        ListKind::Black => store::ListKind::Black,
    };
    let server = change.server();
    for accid in &accids {
        match add {
            true => {
                let now = change.tick();
                store::list_member(&mut *change.tx, server, id, kind, accid, now).await?;
            }
            false => store::unlist_member(&mut *change.tx, id, kind, accid).await?,
        }
    }
    change.reload().await?;
    change.commit().await
}
