//! One server's rules at one version.

use std::sync::Arc;

use rotunda_model::{Accid, Auths, CategoryId, ChannelId, RoleId, ServerId, SyncMode, ViewMode, VisitorMode};

use crate::{Set, Subject, Table, subject::Standing};

/// Where a right is asked for or set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    Server,
    Channel(ChannelId),
    Category(CategoryId),
}

impl From<rotunda_model::Place> for Scope {
    fn from(place: rotunda_model::Place) -> Self {
        match place {
            rotunda_model::Place::Channel(channel) => Self::Channel(channel),
            rotunda_model::Place::Category(category) => Self::Category(category),
        }
    }
}

/// Everything about a server that can alter a verdict, without its members: built once from storage, then shared,
/// cloned and changed beside the shared one, and swapped.
///
/// A clone is cheap: channels and categories are shared until one of them changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub server: ServerId,
    /// The server's version that this snapshot shows; every verdict taken from it is of this version.
    pub version: i64,
    pub owner: Accid,
    pub(crate) everyone: RoleId,
    pub(crate) everyone_auths: Auths,
    pub(crate) roles: Table<RoleId, RoleRules>,
    channels: Table<ChannelId, Arc<ChannelRules>>,
    categories: Table<CategoryId, Arc<CategoryRules>>,
}

/// A custom server role. Ignore counts as deny here: server roles know only allow and deny.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoleRules {
    /// The smaller, the higher; two roles may have the same.
    pub priority: i64,
    pub auths: Auths,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChannelRules {
    pub layer: Layer,
    pub lists: Lists,
    pub visitor_mode: VisitorMode,
    pub category: Option<CategoryId>,
    /// [`SyncMode::WithCategory`] with a category: the category's layer, view mode and lists replace the channel's.
    /// Without a category it has no effect.
    pub sync: SyncMode,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CategoryRules {
    pub layer: Layer,
    pub lists: Lists,
}

/// What a channel or category says about rights, above the server roles.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layer {
    /// The @everyone role of this layer, which exists from the start.
    pub everyone: Auths,
    /// By the server role that each stands for.
    pub roles: Table<RoleId, Auths>,
    /// Overrides (定制权限).
    pub members: Table<Accid, Auths>,
}

/// View mode with both lists. Only the list that fits the mode has an effect; the other is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lists {
    pub view_mode: ViewMode,
    /// Who does not see it while it is public.
    pub black: Named,
    /// Who sees it while it is private.
    pub white: Named,
}

/// The members and server roles named by a list. @everyone among the roles names every member.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named {
    pub members: Set<Accid>,
    pub roles: Set<RoleId>,
}

impl Snapshot {
    /// A server with nothing but its @everyone role.
    pub fn new(server: ServerId, version: i64, owner: Accid, everyone: RoleId, auths: Auths) -> Self {
        Self {
            server,
            version,
            owner,
            everyone,
            everyone_auths: auths,
            roles: Table::default(),
            channels: Table::default(),
            categories: Table::default(),
        }
    }

    /// The id of the @everyone server role.
    pub const fn everyone(&self) -> RoleId {
        self.everyone
    }

    /// What a server role says, @everyone included; `None` for a role that is not of this server.
    pub fn role_auths(&self, role: RoleId) -> Option<&Auths> {
        if role == self.everyone {
            return Some(&self.everyone_auths);
        }
        self.roles.get(&role).map(|rules| &rules.auths)
    }

    /// Replaces what a server role says; false when there is no such role.
    pub fn set_role_auths(&mut self, role: RoleId, auths: Auths) -> bool {
        let place = match role == self.everyone {
            true => Some(&mut self.everyone_auths),
            false => self.roles.get_mut(&role).map(|rules| &mut rules.auths),
        };
        place.map(|old| *old = auths).is_some()
    }

    /// Custom roles by id.
    pub const fn roles(&self) -> &Table<RoleId, RoleRules> {
        &self.roles
    }

    /// Adds or replaces a custom role. The id of @everyone is refused (false): that role has no priority.
    pub fn put_role(&mut self, role: RoleId, rules: RoleRules) -> bool {
        if role == self.everyone {
            return false;
        }
        self.roles.put(role, rules);
        true
    }

    /// Removes a custom role with everything that stands for it: channel and category roles, list entries.
    pub fn remove_role(&mut self, role: RoleId) -> bool {
        if self.roles.remove(&role).is_none() {
            return false;
        }
        self.each_place(
            |layer, lists| layer.roles.has(&role) || lists.both().any(|list| list.roles.has(&role)),
            |layer, lists| {
                layer.roles.remove(&role);
                lists.black.roles.remove(&role);
                lists.white.roles.remove(&role);
            },
        );
        true
    }

    /// Removes what the server's layers and lists keep about an account that is no longer a member.
    pub fn remove_member(&mut self, accid: &Accid) {
        self.each_place(
            |layer, lists| layer.members.has(accid) || lists.both().any(|list| list.members.has(accid)),
            |layer, lists| {
                layer.members.remove(accid);
                lists.black.members.remove(accid);
                lists.white.members.remove(accid);
            },
        );
    }

    /// `concerned` keeps the untouched ones shared.
    fn each_place(
        &mut self,
        concerned: impl Fn(&Layer, &Lists) -> bool,
        change: impl Fn(&mut Layer, &mut Lists),
    ) {
        for shared in self.channels.values_mut().filter(|c| concerned(&c.layer, &c.lists)) {
            let rules = Arc::make_mut(shared);
            change(&mut rules.layer, &mut rules.lists);
        }
        for shared in self.categories.values_mut().filter(|c| concerned(&c.layer, &c.lists)) {
            let rules = Arc::make_mut(shared);
            change(&mut rules.layer, &mut rules.lists);
        }
    }

    pub fn channel(&self, channel: ChannelId) -> Option<&ChannelRules> {
        self.channels.get(&channel).map(Arc::as_ref)
    }

    /// For change; the channel is copied when another snapshot shares it.
    pub fn channel_mut(&mut self, channel: ChannelId) -> Option<&mut ChannelRules> {
        self.channels.get_mut(&channel).map(Arc::make_mut)
    }

    pub fn put_channel(&mut self, channel: ChannelId, rules: ChannelRules) {
        self.channels.put(channel, Arc::new(rules));
    }

    pub fn remove_channel(&mut self, channel: ChannelId) -> bool {
        self.channels.remove(&channel).is_some()
    }

    /// By id.
    pub fn channels(&self) -> impl Iterator<Item = (ChannelId, &ChannelRules)> {
        self.channels.iter().map(|(id, rules)| (*id, rules.as_ref()))
    }

    pub fn category(&self, category: CategoryId) -> Option<&CategoryRules> {
        self.categories.get(&category).map(Arc::as_ref)
    }

    /// For change; the category is copied when another snapshot shares it.
    pub fn category_mut(&mut self, category: CategoryId) -> Option<&mut CategoryRules> {
        self.categories.get_mut(&category).map(Arc::make_mut)
    }

    pub fn put_category(&mut self, category: CategoryId, rules: CategoryRules) {
        self.categories.put(category, Arc::new(rules));
    }

    /// Removes a category. Its channels live on without one; those in sync keep a copy of its layer and lists.
    pub fn remove_category(&mut self, category: CategoryId) -> bool {
        let Some(template) = self.categories.remove(&category) else { return false };
        for shared in self.channels.values_mut().filter(|c| c.category == Some(category)) {
            let rules = Arc::make_mut(shared);
            rules.category = None;
            if rules.sync == SyncMode::WithCategory {
                rules.keep(&template);
            }
        }
        true
    }

    /// By id.
    pub fn categories(&self) -> impl Iterator<Item = (CategoryId, &CategoryRules)> {
        self.categories.iter().map(|(id, rules)| (*id, rules.as_ref()))
    }

    pub(crate) fn is_owner(&self, subject: &Subject<'_>) -> bool {
        subject.standing() == Standing::Member && *subject.accid() == self.owner
    }

    /// The layer and lists in force: the category's for a channel in sync, else the channel's own.
    ///
    /// `None` for an unknown channel or category. A channel in sync with a category that is not in the snapshot has
    /// no rules at all, so it counts as unknown too, rather than falling back to a layer that was not meant to hold.
    pub(crate) fn place(&self, scope: Scope) -> Option<Place<'_>> {
        match scope {
            Scope::Server => None,
            Scope::Category(id) => self.category_place(id),
            Scope::Channel(id) => {
                let channel = self.channel(id)?;
                let visitor_mode = channel.visitor_mode;
                match (channel.sync, channel.category) {
                    (SyncMode::WithCategory, Some(category)) => {
                        let synced = Some(category);
                        self.category_place(category).map(|place| Place { visitor_mode, synced, ..place })
                    }
                    _ => Some(Place {
                        layer: &channel.layer,
                        lists: &channel.lists,
                        visitor_mode,
                        synced: None,
                    }),
                }
            }
        }
    }

    fn category_place(&self, category: CategoryId) -> Option<Place<'_>> {
        let rules = self.category(category)?;
        Some(Place {
            layer: &rules.layer,
            lists: &rules.lists,
            visitor_mode: VisitorMode::Follow,
            synced: None,
        })
    }
}

impl Lists {
    fn both(&self) -> impl Iterator<Item = &Named> {
        [&self.black, &self.white].into_iter()
    }
}

/// What is in force in a channel or category.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub layer: &'a Layer,
    pub lists: &'a Lists,
    pub visitor_mode: VisitorMode,
    /// The category that a channel takes its rules from.
    pub synced: Option<CategoryId>,
}
