//! The measured server: 20 roles, 100 channels with a role each of them, 1,000 overrides, and some lists.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use rotunda_model::{
    Accid, AppId, Auths, CategoryId, ChannelId, ListKind, Place as At, Right, RoleId, SyncMode, ViewMode,
    VisitorMode, role::RoleKind,
};
use rotunda_permissions::{Scope, Subject};
use rotunda_store::rules::{self, Rules, Who as Listed};

use crate::{
    reference::{self, Channel, EVERYONE, Place, Role, SERVER_ONLY, Standing, Visitors, Who, World},
    typed::{accid, role, to_auths, to_right},
};

pub const ROLES: i64 = 20;
pub const CHANNELS: i64 = 100;
/// In each channel.
const OVERRIDES: i64 = 10;
/// Templates; every fifth channel is in sync with one.
const CATEGORIES: i64 = 10;
/// Roles of a member who asks.
const OWN_ROLES: usize = 5;

const FIRST_CHANNEL: i64 = 1_000;
const FIRST_CATEGORY: i64 = 2_000;

/// The same server to every run.
const SEED: u64 = 15;

/// The custom right of the community.
pub const CUSTOM: u32 = 10_000;

#[derive(Debug)]
pub struct Community {
    pub world: World,
}

/// May this member do that in this channel? For both evaluators.
#[derive(Debug)]
pub struct Question {
    pub accid: Accid,
    pub roles: Vec<RoleId>,
    pub channel: ChannelId,
    pub right: Right,
    pub who: Who,
    pub at: reference::At,
}

impl Question {
    pub fn subject(&self) -> Subject<'_> {
        Subject::member(&self.accid, &self.roles)
    }

    pub const fn scope(&self) -> Scope {
        Scope::Channel(self.channel)
    }
}

/// The member with that number; those with an override are the first.
fn name(number: i64) -> String {
    format!("member-{number:06}")
}

fn some_auths(rng: &mut StdRng, layer: bool) -> reference::Auths {
    let rights = (1..=27).chain([CUSTOM]).filter(|right| !layer || !SERVER_ONLY.contains(right));
    let mut auths = reference::Auths::new();
    for right in rights {
        let value = rng.random_range(-1..=1_i8);
        if value != 0 {
            auths.insert(right, value);
        }
    }
    auths
}

fn a_place(rng: &mut StdRng, first_override: i64) -> Place {
    let private = rng.random_bool(0.25);
    let others = |count: i64| (0..count).map(|at| name(first_override + 500 + at)).collect();
    Place {
        private,
        black_members: others(5),
        black_roles: [1].into(),
        white_members: others(5),
        white_roles: (2..=ROLES / 2).collect(),
        everyone: some_auths(rng, true),
        roles: (1..=ROLES).map(|role| (role, some_auths(rng, true))).collect(),
        overrides: (0..OVERRIDES).map(|at| (name(first_override + at), some_auths(rng, true))).collect(),
    }
}

impl Community {
    pub fn new() -> Self {
        let mut rng = StdRng::seed_from_u64(SEED);
        let everyone = some_auths(&mut rng, false);
        let roles = (1..=ROLES).map(|id| (id, Role { priority: id, auths: some_auths(&mut rng, false) }));
        let mut world = World {
            owner: "owner".into(),
            everyone,
            roles: roles.collect(),
            channels: BTreeMap::new(),
            categories: BTreeMap::new(),
        };
        for at in 0..CATEGORIES {
            let mut template = a_place(&mut rng, 0);
            template.overrides.clear();
            world.categories.insert(FIRST_CATEGORY + at, template);
        }
        for at in 0..CHANNELS {
            let channel = Channel {
                own: a_place(&mut rng, at * OVERRIDES),
                category: Some(FIRST_CATEGORY + at % CATEGORIES),
                synced: at % 5 == 0,
                visitors: Visitors::Follow,
            };
            world.channels.insert(FIRST_CHANNEL + at, channel);
        }
        Self { world }
    }

    /// Questions of members in five roles about channels, built-in rights or the custom one.
    pub fn questions(&self, count: usize, custom: bool) -> Vec<Question> {
        let mut rng = StdRng::seed_from_u64(SEED);
        let rights: Vec<u32> = if custom {
            vec![CUSTOM]
        } else {
            (1..=27).filter(|right| !SERVER_ONLY.contains(right)).collect()
        };
        let all: Vec<i64> = (1..=ROLES).collect();
        let mut questions = Vec::with_capacity(count);
        for _ in 0..count {
            let at = rng.random_range(0..CHANNELS);
            // Every other one has an override in the channel.
            let number =
                if rng.random_bool(0.5) { at * OVERRIDES + rng.random_range(0..OVERRIDES) } else { 5_000 };
            let own: Vec<i64> = all.sample(&mut rng, OWN_ROLES).copied().collect();
            let who = Who { name: name(number), standing: Standing::Member, roles: own };
            let right = rights.choose(&mut rng).copied().unwrap_or(CUSTOM);
            questions.push(Question {
                accid: accid(&who.name),
                roles: who.roles.iter().map(|id| role(*id)).collect(),
                channel: channel_id(FIRST_CHANNEL + at),
                right: to_right(right),
                who,
                at: reference::At::Channel(FIRST_CHANNEL + at),
            });
        }
        questions
    }

    /// The server as storage knows it. Its id and version are those of [`World::snapshot`].
    pub fn rules(&self) -> anyhow::Result<Rules> {
        let world = &self.world;
        let snapshot_head = World { channels: BTreeMap::new(), categories: BTreeMap::new(), ..world.clone() };
        let head = snapshot_head.snapshot();
        let mut rules = Rules {
            server: head.server,
            app: AppId::try_from(1)?,
            owner: head.owner.clone(),
            version: head.version,
            roles: vec![rules::Role {
                id: role(EVERYONE),
                kind: RoleKind::Everyone,
                priority: 0,
                auths: to_auths(&world.everyone),
            }],
            categories: Vec::new(),
            channels: Vec::new(),
            layer_roles: Vec::new(),
            overrides: Vec::new(),
            listed: Vec::new(),
        };
        for (id, of) in &world.roles {
            let auths = to_auths(&of.auths);
            rules.roles.push(rules::Role {
                id: role(*id),
                kind: RoleKind::Custom,
                priority: of.priority,
                auths,
            });
        }
        for (id, template) in &world.categories {
            let id = CategoryId::try_from(*id)?;
            rules.categories.push(rules::Category { id, view_mode: view_mode(template) });
            add_place(&mut rules, At::Category(id), template);
        }
        for (id, channel) in &world.channels {
            let id = channel_id(*id);
            rules.channels.push(rules::Channel {
                id,
                category: channel.category.map(CategoryId::try_from).transpose()?,
                view_mode: view_mode(&channel.own),
                visitor_mode: VisitorMode::Follow,
                sync_mode: if channel.synced { SyncMode::WithCategory } else { SyncMode::Own },
            });
            add_place(&mut rules, At::Channel(id), &channel.own);
        }
        Ok(rules)
    }
}

fn channel_id(id: i64) -> ChannelId {
    ChannelId::try_from(id).unwrap_or_else(|_| unreachable!("channels are numbered from {FIRST_CHANNEL}"))
}

const fn view_mode(place: &Place) -> ViewMode {
    if place.private { ViewMode::Private } else { ViewMode::Public }
}

fn add_place(rules: &mut Rules, at: At, place: &Place) {
    let layer_role = |id: i64, auths| rules::LayerRole { place: at, server_role: role(id), auths };
    rules.layer_roles.push(layer_role(EVERYONE, to_auths(&place.everyone)));
    rules.layer_roles.extend(place.roles.iter().map(|(id, auths)| layer_role(*id, to_auths(auths))));
    let entry = |(name, auths): (&String, _)| rules::Override {
        place: at,
        accid: accid(name),
        auths: to_auths(auths),
    };
    rules.overrides.extend(place.overrides.iter().map(entry));
    let members = [(ListKind::Black, &place.black_members), (ListKind::White, &place.white_members)];
    for (kind, names) in members {
        let listed = |name: &String| rules::Listed { place: at, kind, who: Listed::Member(accid(name)) };
        rules.listed.extend(names.iter().map(listed));
    }
    let roles = [(ListKind::Black, &place.black_roles), (ListKind::White, &place.white_roles)];
    for (kind, ids) in roles {
        let listed = |id: &i64| rules::Listed { place: at, kind, who: Listed::Role(role(*id)) };
        rules.listed.extend(ids.iter().map(listed));
    }
}

/// The same rows as plain maps of the reference: the baseline of a snapshot.
pub fn plain_maps(rules: &Rules) -> World {
    let says = |auths: &Auths| -> reference::Auths {
        auths.iter().map(|(right, value)| (right.id(), value.number())).collect()
    };
    let mut world = World {
        owner: rules.owner.as_str().into(),
        everyone: reference::Auths::new(),
        roles: BTreeMap::new(),
        channels: BTreeMap::new(),
        categories: BTreeMap::new(),
    };
    for role in &rules.roles {
        match role.kind {
            RoleKind::Everyone => world.everyone = says(&role.auths),
            RoleKind::Custom => {
                let rules = Role { priority: role.priority, auths: says(&role.auths) };
                world.roles.insert(role.id.get(), rules);
            }
        }
    }
    for category in &rules.categories {
        let place = Place { private: category.view_mode == ViewMode::Private, ..Place::default() };
        world.categories.insert(category.id.get(), place);
    }
    for channel in &rules.channels {
        let own = Place { private: channel.view_mode == ViewMode::Private, ..Place::default() };
        let channel_rules = Channel {
            own,
            category: channel.category.map(CategoryId::get),
            synced: channel.sync_mode == SyncMode::WithCategory,
            visitors: Visitors::Follow,
        };
        world.channels.insert(channel.id.get(), channel_rules);
    }
    for entry in &rules.layer_roles {
        let place = at(&mut world, entry.place);
        match entry.server_role.get() {
            EVERYONE => place.everyone = says(&entry.auths),
            role => drop(place.roles.insert(role, says(&entry.auths))),
        }
    }
    for entry in &rules.overrides {
        at(&mut world, entry.place).overrides.insert(entry.accid.as_str().into(), says(&entry.auths));
    }
    for entry in &rules.listed {
        let place = at(&mut world, entry.place);
        match (entry.kind, &entry.who) {
            (ListKind::Black, Listed::Member(accid)) => place.black_members.insert(accid.as_str().into()),
            (ListKind::White, Listed::Member(accid)) => place.white_members.insert(accid.as_str().into()),
            (ListKind::Black, Listed::Role(role)) => place.black_roles.insert(role.get()),
            (ListKind::White, Listed::Role(role)) => place.white_roles.insert(role.get()),
        };
    }
    world
}

fn at(world: &mut World, place: At) -> &mut Place {
    match place {
        At::Channel(id) => world.place_mut(reference::At::Channel(id.get())),
        At::Category(id) => world.place_mut(reference::At::Category(id.get())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_are_one_server() {
        let community = Community::new();
        let rules = community.rules().unwrap();
        assert_eq!(rotunda_core::rules::build(rules.clone()).unwrap(), community.world.snapshot());
        assert_eq!(plain_maps(&rules).snapshot(), community.world.snapshot());
        let (roles, overrides) = (rules.layer_roles.len() as i64, rules.overrides.len() as i64);
        assert_eq!(roles, (CHANNELS + CATEGORIES) * (ROLES + 1));
        assert_eq!(overrides, 1_000);
    }
}
