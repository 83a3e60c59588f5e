//! Channels, categories, and their black and white lists.

use rotunda_model::{CategoryId, ChannelId, ListKind, Right, SyncMode, ViewMode};

use super::{holds, sees};
use crate::{Refusal, Scope, Snapshot, Subject};

/// manageChannel in the server, and seeing the category it is made in.
pub fn create_channel(
    snapshot: &Snapshot,
    actor: &Subject<'_>,
    category: Option<CategoryId>,
) -> Result<(), Refusal> {
    holds(snapshot, actor, Scope::Server, Right::MANAGE_CHANNEL)?;
    category.map_or(Ok(()), |category| sees(snapshot, actor, Scope::Category(category)))
}

/// Changing or deleting a channel: manageChannel there.
pub fn update_channel(snapshot: &Snapshot, actor: &Subject<'_>, channel: ChannelId) -> Result<(), Refusal> {
    holds(snapshot, actor, Scope::Channel(channel), Right::MANAGE_CHANNEL)
}

/// As [`update_channel`]; the view mode of a channel in sync is its category's to change.
pub fn set_view_mode(snapshot: &Snapshot, actor: &Subject<'_>, channel: ChannelId) -> Result<(), Refusal> {
    update_channel(snapshot, actor, channel)?;
    match snapshot.channel(channel) {
        Some(rules) if rules.sync == SyncMode::WithCategory && rules.category.is_some() => {
            Err(Refusal::InSync)
        }
        _ => Ok(()),
    }
}

/// Moving a channel into a category or out of one: as [`update_channel`], and seeing the category it moves into.
pub fn move_channel(
    snapshot: &Snapshot,
    actor: &Subject<'_>,
    channel: ChannelId,
    into: Option<CategoryId>,
) -> Result<(), Refusal> {
    update_channel(snapshot, actor, channel)?;
    into.map_or(Ok(()), |category| sees(snapshot, actor, Scope::Category(category)))
}

/// The configuration of a media channel: manageChannel there.
pub fn update_media_config(
    snapshot: &Snapshot,
    actor: &Subject<'_>,
    channel: ChannelId,
) -> Result<(), Refusal> {
    update_channel(snapshot, actor, channel)
}

/// manageChannel in the server.
pub fn create_category(snapshot: &Snapshot, actor: &Subject<'_>) -> Result<(), Refusal> {
    holds(snapshot, actor, Scope::Server, Right::MANAGE_CHANNEL)
}

/// Changing or deleting a category: manageChannel there, which includes seeing it.
pub fn update_category(
    snapshot: &Snapshot,
    actor: &Subject<'_>,
    category: CategoryId,
) -> Result<(), Refusal> {
    holds(snapshot, actor, Scope::Category(category), Right::MANAGE_CHANNEL)
}

/// Changing a list: manageBlackWhiteList there; only the list that fits the view mode in force.
pub fn edit_list(
    snapshot: &Snapshot,
    actor: &Subject<'_>,
    scope: Scope,
    list: ListKind,
) -> Result<(), Refusal> {
    holds(snapshot, actor, scope, Right::MANAGE_BLACK_WHITE_LIST)?;
    let place = snapshot.place(scope).ok_or(Refusal::UnknownScope(scope))?;
    let fitting = match place.lists.view_mode {
        ViewMode::Public => ListKind::Black,
        ViewMode::Private => ListKind::White,
    };
    if list == fitting { Ok(()) } else { Err(Refusal::ListNotInForce) }
}

/// Reading a list: the same conditions.
pub fn read_list(
    snapshot: &Snapshot,
    actor: &Subject<'_>,
    scope: Scope,
    list: ListKind,
) -> Result<(), Refusal> {
    edit_list(snapshot, actor, scope, list)
}
