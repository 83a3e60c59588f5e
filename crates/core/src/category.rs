//! Channel categories (频道分组): templates for the channels in sync with them.

use rotunda_model::{
    AppId, Category, CategoryId, Channel, ChannelId, Millis, Place, RoleId, ServerId, SyncMode, ViewMode,
    notification::{Audience, Fact},
};
use rotunda_permissions::{Scope, guard};
use rotunda_store::{category as store, channel, layer, template};

use crate::{
    Actor, Core, Error,
    change::Change,
    page::{Page, PageRequest},
    server::{view, views},
    text,
};

/// What 24_109 carries.
#[derive(Debug, Clone, Default)]
pub struct NewCategory {
    pub name: String,
    pub ext: String,
    pub view_mode: ViewMode,
}

/// What 24_111 carries; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CategoryUpdate {
    pub name: Option<String>,
    pub ext: Option<String>,
    pub view_mode: Option<ViewMode>,
}

/// 24_109, with the role of @everyone that every category has. Notifies 21 to those who see it.
///
/// Errors: 404; 403 without manageChannel; 419 too many categories; 405 unfit texts.
pub async fn create(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    new: NewCategory,
) -> Result<Category, Error> {
    fit(Some(&new.name), Some(&new.ext))?;
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    guard::create_category(&change.before, &standing.subject())?;
    let max = core.limits().categories_per_server;
    if change.locked.server.category_count >= max {
        return Err(Error::OverLimit { what: "categories of a server", max });
    }
    let created = change.tick();
    let category = Category {
        id: core.next_id()?,
        server,
        name: new.name,
        ext: new.ext,
        owner: actor.user.accid.clone(),
        view_mode: new.view_mode,
        channel_count: 0,
        reorder_weight: 0,
        created,
        updated: created,
    };
    store::insert(&mut *change.tx, &category).await?;
    let (role, everyone) = (core.next_id()?, change.before.everyone());
    let place = Place::Category(category.id);
    layer::insert_everyone_role(&mut *change.tx, role, place, everyone, created).await?;
    change.locked.server.category_count += 1;
    change.reload().await?;
    let fact = Fact::CategoryCreate { category: category.clone() };
    change.notify(Audience::Category(category.id), fact);
    change.commit().await?;
    Ok(category)
}

/// 24_110. Its channels live on without a category; those in sync keep a copy of what it said, so nobody gains or
/// loses anything. Notifies 22 to those who saw it, and 17 for each of its channels.
///
/// Errors: 404; 403 hidden, or without manageChannel there.
pub async fn remove(core: &Core, actor: &Actor, id: CategoryId) -> Result<(), Error> {
    let (mut change, _) = begin(core, actor, id).await?;
    let standing = change.actor_standing().await?;
    guard::update_category(&change.before, &standing.subject(), id)?;
    let saw = crate::channel::viewers(&mut change, Scope::Category(id)).await?;
    let channels = channel::of_category(&mut *change.tx, id, Millis(i64::MAX)).await?;
    let synced = channels.iter().filter(|channel| channel.sync_mode == SyncMode::WithCategory);
    let synced: Vec<ChannelId> = synced.map(|channel| channel.id).collect();
    keep(&mut change, id, &synced).await?;
    let now = change.now();
    channel::leave_category(&mut *change.tx, id, now).await?;
    store::delete(&mut *change.tx, id).await?;
    change.locked.server.category_count = change.locked.server.category_count.saturating_sub(1);
    change.reload().await?;
    if !saw.is_empty() {
        change.notify(Audience::ServerAccounts(saw), Fact::CategoryRemove { category: id });
    }
    let ids: Vec<ChannelId> = channels.iter().map(|channel| channel.id).collect();
    for channel in channel::by_ids(&mut *change.tx, actor.user.app, &ids).await? {
        change.notify_about(Some(channel.id), Audience::Channel, Fact::ChannelUpdate { channel });
    }
    change.commit().await
}

/// 24_111. A view mode holds for the channels in sync at once. Notifies 23 to those who see it then; naming nothing
/// changes and tells nothing.
///
/// Errors: 404; 403 hidden, or without manageChannel there; 405 unfit texts.
pub async fn update(
    core: &Core,
    actor: &Actor,
    id: CategoryId,
    update: CategoryUpdate,
) -> Result<Category, Error> {
    fit(update.name.as_deref(), update.ext.as_deref())?;
    let (mut change, mut category) = begin(core, actor, id).await?;
    let standing = change.actor_standing().await?;
    guard::update_category(&change.before, &standing.subject(), id)?;
    if update == CategoryUpdate::default() {
        return Ok(category);
    }
    category.name = update.name.unwrap_or(category.name);
    category.ext = update.ext.unwrap_or(category.ext);
    category.view_mode = update.view_mode.unwrap_or(category.view_mode);
    category.updated = change.now().max(category.updated);
    store::update(&mut *change.tx, &category).await?;
    if update.view_mode.is_some() {
        change.reload().await?;
    }
    change.notify(Audience::Category(id), Fact::CategoryUpdate { category: category.clone() });
    change.commit().await?;
    Ok(category)
}

/// 24_112. Missing ones and those the caller cannot see are left out, unless `open_queries`.
///
/// Errors: 414 none or more than 100.
pub async fn by_ids(core: &Core, actor: &Actor, ids: &[CategoryId]) -> Result<Vec<Category>, Error> {
    text::batch("more than 100 categories at once", ids)?;
    let mut categories = store::by_ids(core.store().pool(), actor.user.app, ids).await?;
    if !core.config().open_queries {
        let views = views(core, actor, categories.iter().map(|category| category.server)).await?;
        categories.retain(|category| {
            views.get(&category.server).is_some_and(|(snapshot, standing)| {
                snapshot.category_visible(&standing.subject(), category.id).unwrap_or(false)
            })
        });
    }
    categories.sort_by_key(|category| ids.iter().position(|id| *id == category.id));
    Ok(categories)
}

/// As an app's backend sees them, which is no member. Errors: 414 none or more than 100.
pub async fn of_app(core: &Core, app: AppId, ids: &[CategoryId]) -> Result<Vec<Category>, Error> {
    text::batch("more than 100 categories at once", ids)?;
    let mut categories = store::by_ids(core.store().pool(), app, ids).await?;
    categories.sort_by_key(|category| ids.iter().position(|id| *id == category.id));
    Ok(categories)
}

/// 24_119: the categories of a server that the caller sees, newest first. Errors: 404; 403 not a member; 414 a bad
/// timetag or limit.
pub async fn page(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    request: PageRequest,
) -> Result<Page<Category>, Error> {
    request.limit()?;
    let before = request.before()?;
    let (snapshot, standing) = view(core, actor.user.app, server, actor).await?;
    let subject = standing.subject();
    guard::looks(&snapshot, &subject, Scope::Server)?;
    let mut categories = store::of_server(core.store().pool(), server, before).await?;
    categories.retain(|category| snapshot.category_visible(&subject, category.id).unwrap_or(false));
    request.cut(categories, |category| category.created)
}

/// 24_120: the channels of a category that the caller sees, newest first. Errors: 404 server, or category of that
/// server; 403 not a member, or the category is hidden; 414 a bad timetag or limit.
pub async fn channels(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    id: CategoryId,
    request: PageRequest,
) -> Result<Page<Channel>, Error> {
    request.limit()?;
    let before = request.before()?;
    let (snapshot, standing) = view(core, actor.user.app, server, actor).await?;
    let subject = standing.subject();
    guard::looks(&snapshot, &subject, Scope::Category(id))?;
    let mut channels = channel::of_category(core.store().pool(), id, before).await?;
    channels.retain(|channel| snapshot.visible(&subject, channel.id).unwrap_or(false));
    request.cut(channels, |channel| channel.created)
}

/// Locks the server of a category. Errors: 404, also for a category of another app.
pub(crate) async fn begin(core: &Core, actor: &Actor, id: CategoryId) -> Result<(Change, Category), Error> {
    let app = actor.user.app;
    let missing = Error::NotFound("category");
    let found = store::get(core.store().pool(), app, id).await?.ok_or(missing)?;
    let mut change = Change::begin(core, actor, found.server).await?;
    // It may have been deleted before the lock was ours.
    let found = store::get(&mut *change.tx, app, id).await?.ok_or(Error::NotFound("category"))?;
    Ok((change, found))
}

/// Takes channels out of sync with their category; each keeps a copy of what it says. The rows are what
/// [`rotunda_permissions::Snapshot::leave_sync`] makes of the rules.
pub(crate) async fn keep(
    change: &mut Change,
    category: CategoryId,
    channels: &[ChannelId],
) -> Result<(), Error> {
    if channels.is_empty() {
        return Ok(());
    }
    let missing = template::missing(&mut change.tx, category, channels).await?;
    let ids: Vec<RoleId> = (0..missing).map(|_| change.core.next_id()).collect::<Result<_, _>>()?;
    let now = change.now();
    Ok(template::copy(&mut change.tx, category, channels, &ids, now).await?)
}

fn fit(name: Option<&str>, ext: Option<&str>) -> Result<(), Error> {
    name.map_or(Ok(()), |name| text::name("category name", name))?;
    ext.map_or(Ok(()), |ext| text::bytes("ext", ext, text::EXT_MAX))
}
