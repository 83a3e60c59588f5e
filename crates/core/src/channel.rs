//! Channels (频道).

use rotunda_model::{
    Accid, CategoryId, Channel, ChannelId, ChannelKind, ServerId, SyncMode, ViewMode, VisitorMode,
    notification::{Audience, Fact},
};
use rotunda_permissions::{Scope, Subject, guard};
use rotunda_store::channel as store;

use crate::{
    Actor, Core, Error,
    change::Change,
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

/// 24_48. Notifies 15 and 31 to those who see it.
///
/// Errors: 403 without manageChannel or when the category is hidden; 404; 419 too many channels; 405 unfit texts.
pub async fn create(core: &Core, actor: &Actor, server: ServerId, new: NewChannel) -> Result<Channel, Error> {
    text::name("channel name", &new.name)?;
    text::name("topic", &new.topic)?;
    text::bytes("ext", &new.ext, text::EXT_MAX)?;
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    guard::create_channel(&change.before, &standing.subject(), new.category)?;
    let max = core.config().limits.channels_per_server;
    if change.locked.server.channel_count >= max {
        return Err(Error::OverLimit { what: "channels of a server", max });
    }
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
        view_mode: new.view_mode,
        visitor_mode: new.visitor_mode,
        sync_mode: new.sync_mode,
        reorder_weight: 0,
        created,
        updated: created,
    };
    store::insert(&mut *change.tx, &channel).await?;
    let everyone = change.before.everyone();
    let role = core.next_id()?;
    rotunda_store::layer::insert_channel_role(&mut *change.tx, role, channel.id, everyone, created).await?;
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
    let saw = viewers(&mut change, id).await?;
    store::delete(&mut *change.tx, channel.id).await?;
    change.locked.server.channel_count = change.locked.server.channel_count.saturating_sub(1);
    change.reload().await?;
    change.closed(id);
    if !saw.is_empty() {
        change.notify_about(Some(id), Audience::ChannelAccounts(saw), Fact::ChannelRemove);
    }
    change.commit().await
}

/// Subscribers who see the channel by the rules before the change: when it is gone nobody can tell any more.
async fn viewers(change: &mut Change, channel: ChannelId) -> Result<Vec<Accid>, Error> {
    let server = &change.locked.server;
    let subscribers = match change.core.hub() {
        Some(hub) => hub.subscribers(server.app, server.id),
        None => Vec::new(),
    };
    let standings = change.standings(&subscribers).await?;
    let before = &change.before;
    let seeing = standings.into_iter().filter(|s| before.visible(&s.subject(), channel).unwrap_or(false));
    Ok(seeing.map(|standing| standing.accid).collect())
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

/// 24_52: the channels of a server that the caller sees, newest first. Errors: 404; 403 not a member.
pub async fn page(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    request: PageRequest,
) -> Result<Page<Channel>, Error> {
    request.limit()?;
    let before = request.before()?;
    let (snapshot, standing) = view(core, actor.user.app, server, actor).await?;
    guard::sees(&snapshot, &standing.subject(), Scope::Server)?;
    let mut channels = store::of_server(core.store().pool(), server, before).await?;
    let subject = standing.subject();
    channels.retain(|channel| snapshot.visible(&subject, channel.id).unwrap_or(false));
    request.cut(channels, |channel| channel.created)
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
