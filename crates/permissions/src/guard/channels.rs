//! Channels, categories, and their black and white lists.

use rotunda_model::{Auths, CategoryId, ChannelId, ListKind, Right, SyncMode, ViewMode};

use super::{holds, sees};
use crate::{Refusal, Scope, Snapshot, Subject, snapshot::Place};

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

/// Moving a channel into a category or out of one, in sync with it or not: as [`update_channel`], and seeing the
/// category it moves into or begins to follow.
///
/// What it begins to follow replaces its own layer. That may give others what the category's authors decided, but it
/// must not give the actor a right there that it lacks (decided here; the vendor's pages are silent): G1 would not let
/// it set that right itself. Leaving the sync alters nobody's rights.
pub fn move_channel(
    snapshot: &Snapshot,
    actor: &Subject<'_>,
    channel: ChannelId,
    into: Option<CategoryId>,
    sync: SyncMode,
) -> Result<(), Refusal> {
    update_channel(snapshot, actor, channel)?;
    let scope = Scope::Channel(channel);
    let old = snapshot.channel(channel).ok_or(Refusal::UnknownScope(scope))?;
    let (moves, follows) = (into != old.category, sync == SyncMode::WithCategory);
    let Some(category) = into.filter(|_| moves || follows && sync != old.sync) else { return Ok(()) };
    let template = Scope::Category(category);
    sees(snapshot, actor, template)?;
    match gain(snapshot, actor, scope, template).filter(|_| follows) {
        Some(right) => Err(Refusal::WouldGain { right, scope }),
        None => Ok(()),
    }
}

/// A right the actor holds in `to` and not in `from`. What neither layer names is the server's answer in both.
fn gain(snapshot: &Snapshot, actor: &Subject<'_>, from: Scope, to: Scope) -> Option<Right> {
    let layers = [from, to].into_iter().filter_map(|scope| snapshot.place(scope)).map(|place| place.layer);
    let all = layers.flat_map(|layer| {
        let own = layer.members.get(actor.accid());
        std::iter::once(&layer.everyone).chain(layer.roles.iter().map(|(_, auths)| auths)).chain(own)
    });
    let holds = |scope, right| snapshot.allows(actor, scope, right) == Some(true);
    all.flat_map(Auths::iter).map(|(right, _)| right).find(|right| holds(to, *right) && !holds(from, *right))
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

/// Changing a list: manageBlackWhiteList there; only the list that fits the view mode in force. Of a channel in sync
/// view mode and lists are its category's to change, as in [`set_view_mode`]: an entry in its own lists would hide
/// nobody, and would be lost when it leaves the sync with a copy of the category's.
pub fn edit_list(
    snapshot: &Snapshot,
    actor: &Subject<'_>,
    scope: Scope,
    list: ListKind,
) -> Result<(), Refusal> {
    let place = use_list(snapshot, actor, scope, list)?;
    if place.synced.is_some() { Err(Refusal::InSync) } else { Ok(()) }
}

/// Reading a list: manageBlackWhiteList there; only the list that fits the view mode in force. Of a channel in sync
/// that is its category's list.
pub fn read_list(
    snapshot: &Snapshot,
    actor: &Subject<'_>,
    scope: Scope,
    list: ListKind,
) -> Result<(), Refusal> {
    use_list(snapshot, actor, scope, list).map(|_| ())
}

fn use_list<'a>(
    snapshot: &'a Snapshot,
    actor: &Subject<'_>,
    scope: Scope,
    list: ListKind,
) -> Result<Place<'a>, Refusal> {
    holds(snapshot, actor, scope, Right::MANAGE_BLACK_WHITE_LIST)?;
    let place = snapshot.place(scope).ok_or(Refusal::UnknownScope(scope))?;
    let fitting = match place.lists.view_mode {
        ViewMode::Public => ListKind::Black,
        ViewMode::Private => ListKind::White,
    };
    if list == fitting { Ok(place) } else { Err(Refusal::ListNotInForce) }
}
