//! Channels (频道).

use rotunda_model::{
    Accid, AppId, CategoryId, Channel, ChannelId, ChannelKind, Place, RoleId, ServerId, SyncMode, ViewMode,
    VisitorMode,
    notification::{Audience, Fact},
    server::Member,
};
use rotunda_permissions::{Named, Scope, Sight, Subject, Viewers, guard};
use rotunda_store::{StoreError, channel as store, viewer};

use crate::{
    Actor, Core, Error, category,
    change::{Change, Standing},
    page::{Page, PageRequest},
    server::{view, views},
    text,
};

/// What 24_48 carries.
#[derive(Debug, Clone, Default)]
pub struct NewChannel {
    pub kind: ChannelKind,
    pub name: String,
    pub topic: String,
    pub ext: String,
    pub view_mode: ViewMode,
    pub visitor_mode: VisitorMode,
    pub category: Option<CategoryId>,
    pub sync_mode: SyncMode,
}

/// What 24_50 carries; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelUpdate {
    pub name: Option<String>,
    pub topic: Option<String>,
    pub ext: Option<String>,
    pub view_mode: Option<ViewMode>,
    pub visitor_mode: Option<VisitorMode>,
}

/// What 24_60 carries; `None` stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CategoryInfo {
    /// `Some(None)`: out of its category.
    pub category: Option<Option<CategoryId>>,
    pub sync_mode: Option<SyncMode>,
}

/// 24_48. In sync with its category it shows the category's view mode from the start; without a category there is
/// nothing to be in sync with. Notifies 15 to those who see it.
///
/// Errors: 403 without manageChannel or when the category is hidden; 404; 419 too many channels; 405 unfit texts.
pub async fn create(core: &Core, actor: &Actor, server: ServerId, new: NewChannel) -> Result<Channel, Error> {
    fit(Some(&new.name), Some(&new.topic), Some(&new.ext))?;
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    guard::create_channel(&change.before, &standing.subject(), new.category)?;
    let max = core.limits().channels_per_server;
    if change.locked.server.channel_count >= max {
        return Err(Error::OverLimit { what: "channels of a server", max });
    }
    let template = new.category.filter(|_| new.sync_mode == SyncMode::WithCategory);
    let template = template.and_then(|category| change.before.category(category));
    let (sync_mode, view_mode) = match template {
        Some(template) => (SyncMode::WithCategory, template.lists.view_mode),
        None => (SyncMode::Own, new.view_mode),
    };
    let created = change.tick();
    let channel = Channel {
        id: core.next_id()?,
        server,
        category: new.category,
        kind: new.kind,
        name: new.name,
        topic: new.topic,
        ext: new.ext,
        owner: actor.user.accid.clone(),
        view_mode,
        visitor_mode: new.visitor_mode,
        sync_mode,
        reorder_weight: 0,
        created,
        updated: created,
    };
    store::insert(&mut *change.tx, &channel).await?;
    let everyone = change.before.everyone();
    let role = core.next_id()?;
    let place = Place::Channel(channel.id);
    rotunda_store::layer::insert_everyone_role(&mut *change.tx, role, place, everyone, created).await?;
    change.locked.server.channel_count += 1;
    change.reload().await?;
    let fact = Fact::ChannelCreate { channel: channel.clone() };
    change.notify_about(Some(channel.id), Audience::Channel, fact);
    change.commit().await?;
    Ok(channel)
}

/// 24_49. Seated members are put out. Notifies 16 and 31 to those who saw it.
///
/// Errors: 404; 403 hidden, or without manageChannel there.
pub async fn delete(core: &Core, actor: &Actor, id: ChannelId) -> Result<(), Error> {
    let (mut change, channel) = begin(core, actor, id).await?;
    let standing = change.actor_standing().await?;
    guard::update_channel(&change.before, &standing.subject(), id)?;
    let saw = viewers(&mut change, Scope::Channel(id)).await?;
    store::delete(&mut *change.tx, channel.id).await?;
    change.locked.server.channel_count = change.locked.server.channel_count.saturating_sub(1);
    change.reload().await?;
    change.closed(id);
    if !saw.is_empty() {
        change.notify_about(Some(id), Audience::ChannelAccounts(saw), Fact::ChannelRemove);
    }
    change.commit().await
}

/// 24_50. Notifies 17 to those who see it then; naming nothing changes and tells nothing.
///
/// Errors: 404; 403 hidden, or without manageChannel there; 414 a view mode while in sync; 405 unfit texts.
pub async fn update(
    core: &Core,
    actor: &Actor,
    id: ChannelId,
    update: ChannelUpdate,
) -> Result<Channel, Error> {
    fit(update.name.as_deref(), update.topic.as_deref(), update.ext.as_deref())?;
    let (mut change, mut channel) = begin(core, actor, id).await?;
    let standing = change.actor_standing().await?;
    let allowed = if update.view_mode.is_some() { guard::set_view_mode } else { guard::update_channel };
    allowed(&change.before, &standing.subject(), id)?;
    if update == ChannelUpdate::default() {
        return Ok(channel);
    }
    channel.name = update.name.unwrap_or(channel.name);
    channel.topic = update.topic.unwrap_or(channel.topic);
    channel.ext = update.ext.unwrap_or(channel.ext);
    channel.view_mode = update.view_mode.unwrap_or(channel.view_mode);
    channel.visitor_mode = update.visitor_mode.unwrap_or(channel.visitor_mode);
    channel.updated = change.now().max(channel.updated);
    store::update(&mut *change.tx, &channel, update.view_mode).await?;
    if update.view_mode.is_some() || update.visitor_mode.is_some() {
        change.reload().await?;
    }
    let fact = Fact::ChannelUpdate { channel: channel.clone() };
    change.notify_about(Some(id), Audience::Channel, fact);
    change.commit().await?;
    Ok(channel)
}

/// 24_60. In sync the category's view mode, lists and layer hold instead of the channel's; leaving the sync, or the
/// category while in sync, the channel keeps a copy of them in place of its own. From one category into another it
/// stays in sync unless told otherwise, now with the other. Notifies 17 to those who see it then; where nothing
/// changes nothing is told.
///
/// Errors: 404 channel, or category of its server; 403 hidden, without manageChannel there, the category it moves into
/// or begins to follow is hidden, or following it would give the caller a right there; 414 in sync with no category.
pub async fn set_category(
    core: &Core,
    actor: &Actor,
    id: ChannelId,
    info: CategoryInfo,
) -> Result<Channel, Error> {
    let (mut change, mut channel) = begin(core, actor, id).await?;
    let standing = change.actor_standing().await?;
    let into = info.category.unwrap_or(channel.category);
    let sync_mode = match into {
        Some(_) => info.sync_mode.unwrap_or(channel.sync_mode),
        None => SyncMode::Own,
    };
    let same = (into, sync_mode) == (channel.category, channel.sync_mode);
    guard::move_channel(&change.before, &standing.subject(), id, into, sync_mode)?;
    if into.is_none() && info.sync_mode == Some(SyncMode::WithCategory) {
        return Err(Error::Parameter("in sync with no category"));
    }
    if same {
        return Ok(channel);
    }
    if let (SyncMode::WithCategory, SyncMode::Own, Some(from)) =
        (channel.sync_mode, sync_mode, channel.category)
    {
        category::keep(&mut change, from, &[id]).await?;
    }
    channel.category = into;
    channel.sync_mode = sync_mode;
    channel.updated = change.now().max(channel.updated);
    store::set_category(&mut *change.tx, &channel).await?;
    change.reload().await?;
    // Another view mode may be in force now.
    let found = store::get(&mut *change.tx, actor.user.app, id).await?;
    let channel = found.ok_or(Error::NotFound("channel"))?;
    let fact = Fact::ChannelUpdate { channel: channel.clone() };
    change.notify_about(Some(id), Audience::Channel, fact);
    change.commit().await?;
    Ok(channel)
}

/// Subscribers who see the place by the rules before the change: when it is gone nobody can tell any more.
pub(crate) async fn viewers(change: &mut Change, scope: Scope) -> Result<Vec<Accid>, Error> {
    let server = &change.locked.server;
    let subscribers = match change.core.hub() {
        Some(hub) => hub.subscribers(server.app, server.id),
        None => Vec::new(),
    };
    let standings = change.unaltered(&subscribers).await?;
    let before = &change.before;
    let sees = |standing: &Standing| before.sight(&standing.subject(), scope).is_some_and(Sight::is_visible);
    Ok(standings.into_iter().filter(sees).map(|standing| standing.accid).collect())
}

/// Locks the server of a channel. Errors: 404, also for a channel of another app.
pub(crate) async fn begin(core: &Core, actor: &Actor, id: ChannelId) -> Result<(Change, Channel), Error> {
    let app = actor.user.app;
    let found = store::get(core.store().pool(), app, id).await?.ok_or(Error::NotFound("channel"))?;
    let mut change = Change::begin(core, actor, found.server).await?;
    // It may have been deleted before the lock was ours.
    let found = store::get(&mut *change.tx, app, id).await?.ok_or(Error::NotFound("channel"))?;
    Ok((change, found))
}

/// 24_51. Missing ones and those the caller cannot see are left out, unless `open_queries`.
pub async fn by_ids(core: &Core, actor: &Actor, ids: &[ChannelId]) -> Result<Vec<Channel>, Error> {
    text::batch("more than 100 channels at once", ids)?;
    let app = actor.user.app;
    let mut channels = store::by_ids(core.store().pool(), app, ids).await?;
    if !core.config().open_queries {
        let views = views(core, actor, channels.iter().map(|channel| channel.server)).await?;
        channels.retain(|channel| {
            views.get(&channel.server).is_some_and(|(snapshot, standing)| {
                snapshot.visible(&standing.subject(), channel.id).unwrap_or(false)
            })
        });
    }
    channels.sort_by_key(|channel| ids.iter().position(|id| *id == channel.id));
    Ok(channels)
}

/// As an app's backend sees them, which is no member. Errors: 414 none or more than 100.
pub async fn of_app(core: &Core, app: AppId, ids: &[ChannelId]) -> Result<Vec<Channel>, Error> {
    text::batch("more than 100 channels at once", ids)?;
    let mut channels = store::by_ids(core.store().pool(), app, ids).await?;
    channels.sort_by_key(|channel| ids.iter().position(|id| *id == channel.id));
    Ok(channels)
}

/// 24_52: the channels of a server that the caller sees, newest first. Errors: 404; 403 neither a member nor a visitor.
pub async fn page(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    request: PageRequest,
) -> Result<Page<Channel>, Error> {
    request.limit()?;
    let before = request.before()?;
    let (snapshot, standing) = view(core, actor.user.app, server, actor).await?;
    guard::looks(&snapshot, &standing.subject(), Scope::Server)?;
    let mut channels = store::of_server(core.store().pool(), server, before).await?;
    let subject = standing.subject();
    channels.retain(|channel| snapshot.visible(&subject, channel.id).unwrap_or(false));
    request.cut(channels, |channel| channel.created)
}

/// 24_53: the members who see the channel, those who joined last first. Storage picks them, so a page is full while
/// there are more.
///
/// Errors: 404 server, or channel of that server; 403 not a member, or hidden; 414 a bad timetag or limit.
pub async fn members(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    id: ChannelId,
    request: PageRequest,
) -> Result<Page<Member>, Error> {
    let (limit, before) = (request.limit()? + 1, request.before()?);
    let (snapshot, standing) = view(core, actor.user.app, server, actor).await?;
    let scope = Scope::Channel(id);
    guard::sees(&snapshot, &standing.subject(), scope)?;
    let (owner, everyone) = (&snapshot.owner, snapshot.everyone());
    let mut tx = core.store().begin_read().await?;
    let found = match snapshot.viewers(scope).ok_or(Error::NotFound("channel"))? {
        Viewers::AllBut(black) if black.roles.has(&everyone) => {
            viewer::only(&mut tx, server, owner, NOBODY, before, limit).await?
        }
        Viewers::AllBut(black) => {
            let (accids, roles) = names(black);
            viewer::all_but(&mut tx, server, owner, (&accids, &roles), before, limit).await?
        }
        Viewers::Only(white) if white.roles.has(&everyone) => {
            viewer::all_but(&mut tx, server, owner, NOBODY, before, limit).await?
        }
        Viewers::Only(white) => {
            let (accids, roles) = names(white);
            viewer::only(&mut tx, server, owner, (&accids, &roles), before, limit).await?
        }
    };
    let page = request.cut(found, |(_, joined)| *joined)?;
    let accids: Vec<Accid> = page.items.into_iter().map(|(accid, _)| accid).collect();
    let servers = vec![server; accids.len()];
    let mut items = rotunda_store::member::by_keys(&mut *tx, &servers, &accids).await?;
    tx.commit().await.map_err(StoreError::from)?;
    items.sort_by_key(|member| std::cmp::Reverse(member.created));
    Ok(Page { items, has_more: page.has_more, next: page.next })
}

/// A list that names no one.
const NOBODY: (&[Accid], &[RoleId]) = (&[], &[]);

fn names(list: &Named) -> (Vec<Accid>, Vec<RoleId>) {
    let members = list.members.iter().map(|(accid, ())| accid.clone());
    (members.collect(), list.roles.iter().map(|(role, ())| *role).collect())
}

fn fit(name: Option<&str>, topic: Option<&str>, ext: Option<&str>) -> Result<(), Error> {
    name.map_or(Ok(()), |name| text::name("channel name", name))?;
    topic.map_or(Ok(()), |topic| text::name("topic", topic))?;
    ext.map_or(Ok(()), |ext| text::bytes("ext", ext, text::EXT_MAX))
}

/// A channel the caller sees. Errors: 404 unknown, of another app, or not of `server`; 403 hidden.
pub(crate) async fn seen(
    core: &Core,
    actor: &Actor,
    server: Option<ServerId>,
    id: ChannelId,
) -> Result<Channel, Error> {
    let app = actor.user.app;
    let channel = store::get(core.store().pool(), app, id).await?;
    let channel = channel.filter(|channel| server.is_none_or(|server| server == channel.server));
    let channel = channel.ok_or(Error::NotFound("channel"))?;
    let (snapshot, standing) = view(core, app, channel.server, actor).await?;
    let subject: Subject<'_> = standing.subject();
    guard::sees(&snapshot, &subject, Scope::Channel(id))?;
    Ok(channel)
}
