//! Black and white lists (黑白名单) of channels and categories: 24_54 to 24_59, 24_113 to 24_118.
//!
//! Each place has four of them: white and black, of members and of server roles. Only the two that fit the view mode
//! in force have an effect, and only those can be read or changed; the others are kept for when the mode changes.
//! What a change of a list lets appear or vanish is told (31) by the commit.
//!
//! A channel in sync with its category shows the category's lists and none of its own, so reading its lists reads the
//! category's, and changing them is refused (414) as changing its view mode is: whoever means this channel alone ends
//! the sync first, whoever means them all changes the category.

use rotunda_model::{
    Accid, ListKind, Place, RoleId, ServerId, SyncMode,
    notification::{Audience, Fact},
    role::ServerRole,
    server::Member,
};
use rotunda_permissions::{Scope, Snapshot, guard};
use rotunda_store::{StoreError, list as store};

use crate::{
    Actor, Core, Error,
    change::Change,
    page::{Page, PageRequest},
    server::view,
    text,
};

/// Which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct List {
    pub server: ServerId,
    pub place: Place,
    pub kind: ListKind,
}

impl List {
    const fn stored(self) -> store::List {
        store::List { place: self.place, kind: self.kind }
    }

    fn scope(self) -> Scope {
        self.place.into()
    }
}

/// 24_56, 24_115 with opeType 1: puts members on the list. Those who are on it already stay as they are. The owner may
/// be on a black list, and sees the place all the same. Notifies 19 or 25 with those who are new on it, if any.
///
/// Errors: 404 server, place of that server, or member; 403 without manageBlackWhiteList there, or hidden; 414 the
/// list does not fit the view mode in force, the channel is in sync, or none or more than 100 accounts; 419 the list
/// would be too long.
pub async fn add_members(core: &Core, actor: &Actor, list: List, accids: &[Accid]) -> Result<(), Error> {
    let (mut change, accids) = begin_members(core, actor, list, accids).await?;
    let server = change.server();
    let first = change.ticks(accids.len());
    let added = store::add_members(&mut *change.tx, server, list.stored(), &accids, first).await?;
    let max = core.limits().members_per_list;
    if !added.is_empty() && store::count_members(&mut *change.tx, list.stored()).await? > max {
        return Err(Error::OverLimit { what: "members of a list", max });
    }
    finish_members(change, list, true, &accids, &added).await
}

/// 24_56, 24_115 with opeType 2: takes members off the list. Those who are not on it are passed over. Notifies 19 or
/// 25 with those who were on it, if any.
///
/// Errors: as [`add_members`], but 419.
pub async fn remove_members(core: &Core, actor: &Actor, list: List, accids: &[Accid]) -> Result<(), Error> {
    let (mut change, accids) = begin_members(core, actor, list, accids).await?;
    let removed = store::remove_members(&mut *change.tx, list.stored(), &accids).await?;
    finish_members(change, list, false, &accids, &removed).await
}

/// 24_54, 24_113 with opeType 1: puts a role on the list; @everyone names every member. A role that is on it already
/// stays as it is. Otherwise notifies 18 or 24.
///
/// Errors: 404 server, place of that server, or role of that server; 403 without manageBlackWhiteList there, or
/// hidden; 414 the list does not fit the view mode in force, or the channel is in sync; 419 the list would be too
/// long.
pub async fn add_role(core: &Core, actor: &Actor, list: List, role: RoleId) -> Result<(), Error> {
    let mut change = begin_role(core, actor, list, role).await?;
    let now = change.tick();
    if !store::add_role(&mut *change.tx, list.stored(), role, now).await? {
        return Ok(());
    }
    let max = core.limits().roles_per_list;
    let listed = store::roles(&mut *change.tx, list.stored()).await?;
    if listed.len() > usize::try_from(max).unwrap_or(usize::MAX) {
        return Err(Error::OverLimit { what: "roles of a list", max });
    }
    finish_role(change, list, true, role).await
}

/// 24_54, 24_113 with opeType 2: takes a role off the list. One that is not on it: nothing happens. Otherwise notifies
/// 18 or 24.
///
/// Errors: as [`add_role`], but 419.
pub async fn remove_role(core: &Core, actor: &Actor, list: List, role: RoleId) -> Result<(), Error> {
    let mut change = begin_role(core, actor, list, role).await?;
    if !store::remove_role(&mut *change.tx, list.stored(), role).await? {
        return Ok(());
    }
    finish_role(change, list, false, role).await
}

/// 24_57, 24_116: members on the list, those who came on it last first.
///
/// Errors: 404 server, or place of that server; 403 without manageBlackWhiteList there, or hidden; 414 the list does
/// not fit the view mode in force, or a bad timetag or limit.
pub async fn members(
    core: &Core,
    actor: &Actor,
    list: List,
    request: PageRequest,
) -> Result<Page<Member>, Error> {
    let (limit, before) = (request.limit()?, request.before()?);
    let in_force = readable(core, actor, list).await?;
    let mut tx = core.store().begin_read().await?;
    let entries = store::members_page(&mut *tx, in_force, before, limit + 1).await?;
    let page = request.cut(entries, |entry| entry.created)?;
    let accids: Vec<Accid> = page.items.into_iter().map(|entry| entry.who).collect();
    let items = rotunda_store::member::by_keys(&mut *tx, &vec![list.server; accids.len()], &accids).await?;
    tx.commit().await.map_err(StoreError::from)?;
    let items = in_order_of(&accids, items, |member| &member.accid);
    Ok(Page { items, has_more: page.has_more, next: page.next })
}

/// 24_59, 24_118: those of the accounts that are on the list, in the order asked.
///
/// Errors: as [`members`]; 414 none or more than 100 accounts.
pub async fn existing_members(
    core: &Core,
    actor: &Actor,
    list: List,
    accids: &[Accid],
) -> Result<Vec<Member>, Error> {
    text::batch("more than 100 accounts at once", accids)?;
    let in_force = readable(core, actor, list).await?;
    let mut tx = core.store().begin_read().await?;
    let listed = store::members_among(&mut *tx, in_force, accids).await?;
    let found = rotunda_store::member::by_keys(&mut *tx, &vec![list.server; listed.len()], &listed).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(in_order_of(accids, found, |member| &member.accid))
}

/// 24_55, 24_114: roles on the list, those that came on it last first.
///
/// Errors: as [`members`].
pub async fn roles(
    core: &Core,
    actor: &Actor,
    list: List,
    request: PageRequest,
) -> Result<Page<ServerRole>, Error> {
    request.limit()?;
    let before = request.before()?;
    let (entries, all) = listed_roles(core, actor, list).await?;
    let entries = entries.into_iter().filter(|entry| entry.created < before).collect();
    let page = request.cut(entries, |entry: &store::Entry<RoleId>| entry.created)?;
    let ids: Vec<RoleId> = page.items.iter().map(|entry| entry.who).collect();
    let items = all.into_iter().filter(|role| ids.contains(&role.id)).collect();
    Ok(Page { items: in_order_of(&ids, items, |role| &role.id), has_more: page.has_more, next: page.next })
}

/// 24_58, 24_117: those of the roles that are on the list, in the order asked.
///
/// Errors: as [`members`]; 414 none or more than 100 roles.
pub async fn existing_roles(
    core: &Core,
    actor: &Actor,
    list: List,
    roles: &[RoleId],
) -> Result<Vec<ServerRole>, Error> {
    text::batch("more than 100 roles at once", roles)?;
    let (entries, mut all) = listed_roles(core, actor, list).await?;
    all.retain(|role| roles.contains(&role.id) && entries.iter().any(|entry| entry.who == role.id));
    Ok(in_order_of(roles, all, |role| &role.id))
}

/// The accounts once each, in the order asked, when they may be put on the list or taken off it.
async fn begin_members(
    core: &Core,
    actor: &Actor,
    list: List,
    accids: &[Accid],
) -> Result<(Change, Vec<Accid>), Error> {
    text::batch("more than 100 accounts at once", accids)?;
    let mut change = begin(core, actor, list).await?;
    let mut distinct: Vec<Accid> = Vec::with_capacity(accids.len());
    for accid in accids {
        if !distinct.contains(accid) {
            distinct.push(accid.clone());
        }
    }
    let standings = change.standings(&distinct).await?;
    match standings.iter().all(|standing| standing.is_member()) {
        true => Ok((change, distinct)),
        false => Err(Error::NotFound("member")),
    }
}

async fn begin_role(core: &Core, actor: &Actor, list: List, role: RoleId) -> Result<Change, Error> {
    let change = begin(core, actor, list).await?;
    match change.before.role_auths(role) {
        Some(_) => Ok(change),
        None => Err(Error::NotFound("role")),
    }
}

async fn begin(core: &Core, actor: &Actor, list: List) -> Result<Change, Error> {
    let mut change = Change::begin(core, actor, list.server).await?;
    let standing = change.actor_standing().await?;
    guard::edit_list(&change.before, &standing.subject(), list.scope(), list.kind)?;
    Ok(change)
}

/// `changed`: those of `asked` whose entry came or went.
async fn finish_members(
    mut change: Change,
    list: List,
    add: bool,
    asked: &[Accid],
    changed: &[Accid],
) -> Result<(), Error> {
    let accids: Vec<Accid> = asked.iter().filter(|accid| changed.contains(accid)).cloned().collect();
    if accids.is_empty() {
        return Ok(());
    }
    let kind = list.kind;
    let (channel, fact) = match list.place {
        Place::Channel(id) => (Some(id), Fact::ChannelListMembers { list: kind, add, accids }),
        Place::Category(category) => (None, Fact::CategoryListMembers { category, list: kind, add, accids }),
    };
    change.reload().await?;
    change.notify_about(channel, Audience::Server { also: Vec::new() }, fact);
    change.commit().await
}

async fn finish_role(mut change: Change, list: List, add: bool, role: RoleId) -> Result<(), Error> {
    let kind = list.kind;
    let (channel, fact) = match list.place {
        Place::Channel(id) => (Some(id), Fact::ChannelListRole { list: kind, add, role }),
        Place::Category(category) => (None, Fact::CategoryListRole { category, list: kind, add, role }),
    };
    change.reload().await?;
    change.notify_about(channel, Audience::Server { also: Vec::new() }, fact);
    change.commit().await
}

/// The list whose entries the caller may read: of a channel in sync its category's.
async fn readable(core: &Core, actor: &Actor, list: List) -> Result<store::List, Error> {
    let (snapshot, standing) = view(core, actor.user.app, list.server, actor).await?;
    guard::read_list(&snapshot, &standing.subject(), list.scope(), list.kind)?;
    Ok(store::List { place: in_force(&snapshot, list.place), ..list.stored() })
}

fn in_force(snapshot: &Snapshot, place: Place) -> Place {
    let Place::Channel(channel) = place else { return place };
    match snapshot.channel(channel).map(|rules| (rules.sync, rules.category)) {
        Some((SyncMode::WithCategory, Some(category))) => Place::Category(category),
        _ => place,
    }
}

/// The entries, and all roles of the server.
async fn listed_roles(
    core: &Core,
    actor: &Actor,
    list: List,
) -> Result<(Vec<store::Entry<RoleId>>, Vec<ServerRole>), Error> {
    let in_force = readable(core, actor, list).await?;
    let mut tx = core.store().begin_read().await?;
    let entries = store::roles(&mut *tx, in_force).await?;
    let roles = rotunda_store::role::of_server(&mut *tx, list.server).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok((entries, roles))
}

fn in_order_of<K: PartialEq, T>(keys: &[K], mut items: Vec<T>, key: impl Fn(&T) -> &K) -> Vec<T> {
    items.sort_by_key(|item| keys.iter().position(|asked| asked == key(item)));
    items
}
