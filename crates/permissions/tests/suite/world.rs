//! Random servers.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection, option, prelude::*, sample};

use crate::reference::{self, At, Channel, EVERYONE, Place, Role, Standing, Visitors, Who, World};
pub use crate::typed::*;

/// All built-in rights and two custom ones.
pub fn all_rights() -> Vec<u32> {
    (1..=27).chain([10_000, 10_001]).collect()
}

/// Rights that a layer may set.
pub fn layered_rights() -> Vec<u32> {
    all_rights().into_iter().filter(|right| !reference::SERVER_ONLY.contains(right)).collect()
}

pub const OWNER: &str = "olga";
pub const MEMBERS: [&str; 3] = ["ann", "bob", "cid"];
pub const ROLES: std::ops::RangeInclusive<i64> = 1..=4;
pub const CHANNELS: std::ops::RangeInclusive<i64> = 11..=13;
pub const CATEGORIES: std::ops::RangeInclusive<i64> = 21..=22;

pub fn places() -> Vec<At> {
    let all = [At::Server].into_iter();
    all.chain(CHANNELS.map(At::Channel)).chain(CATEGORIES.map(At::Category)).collect()
}

/// Every place but the server.
pub fn place() -> impl Strategy<Value = At> {
    sample::select(places().into_iter().skip(1).collect::<Vec<_>>())
}

pub fn role_id() -> impl Strategy<Value = i64> {
    sample::select(ROLES.collect::<Vec<_>>())
}

pub fn right() -> impl Strategy<Value = u32> {
    sample::select(all_rights())
}

pub fn layered_right() -> impl Strategy<Value = u32> {
    sample::select(layered_rights())
}

/// A quarter of the rights allowed, a quarter denied, the others ignored; shrinks to silence.
pub fn auths() -> impl Strategy<Value = reference::Auths> {
    any::<(u32, u32)>().prop_map(|(speaks, allows)| {
        let mut auths = reference::Auths::new();
        for (bit, right) in all_rights().into_iter().enumerate() {
            if speaks >> bit & 1 == 1 {
                auths.insert(right, if allows >> bit & 1 == 1 { 1 } else { -1 });
            }
        }
        auths
    })
}

fn names() -> impl Strategy<Value = BTreeSet<String>> {
    let everyone = MEMBERS.into_iter().chain([OWNER, "vic", "out"]).map(String::from).collect::<Vec<_>>();
    collection::btree_set(sample::select(everyone), 0..3)
}

fn listed_roles() -> impl Strategy<Value = BTreeSet<i64>> {
    collection::btree_set(prop_oneof![9 => role_id(), 1 => Just(EVERYONE)], 0..3)
}

fn a_place() -> impl Strategy<Value = Place> {
    let lists = (names(), listed_roles(), names(), listed_roles());
    let overrides = collection::btree_map(
        sample::select(vec![OWNER.to_owned(), "ann".into(), "bob".into(), "cid".into()]),
        auths(),
        0..4,
    );
    let layer = (auths(), collection::btree_map(role_id(), auths(), 0..4), overrides);
    (any::<bool>(), lists, layer).prop_map(|(private, lists, (everyone, roles, overrides))| Place {
        private,
        black_members: lists.0,
        black_roles: lists.1,
        white_members: lists.2,
        white_roles: lists.3,
        everyone,
        roles,
        overrides,
    })
}

fn a_channel() -> impl Strategy<Value = Channel> {
    let visitors = sample::select(vec![Visitors::Visible, Visitors::Hidden, Visitors::Follow]);
    let category = option::of(sample::select(CATEGORIES.collect::<Vec<_>>()));
    (a_place(), category, any::<bool>(), visitors).prop_map(|(own, category, synced, visitors)| Channel {
        own,
        category,
        synced,
        visitors,
    })
}

pub fn world() -> impl Strategy<Value = World> {
    let roles = collection::vec((1..6_i64, auths()), 4);
    (auths(), roles, collection::vec(a_channel(), 3), collection::vec(a_place(), 2)).prop_map(
        |(everyone, roles, channels, categories)| World {
            owner: OWNER.into(),
            everyone,
            roles: ROLES.zip(roles.into_iter().map(|(priority, auths)| Role { priority, auths })).collect(),
            channels: CHANNELS.zip(channels).collect(),
            categories: CATEGORIES.zip(categories).collect(),
        },
    )
}

/// One who is no owner.
pub fn member() -> impl Strategy<Value = Who> {
    let roles = collection::btree_set(role_id(), 0..4);
    (sample::select(MEMBERS.to_vec()), roles).prop_map(|(name, roles)| Who {
        name: name.into(),
        standing: Standing::Member,
        roles: roles.into_iter().collect(),
    })
}

/// The owner, members, a visitor and an outsider.
pub fn who() -> impl Strategy<Value = Who> {
    let of = |name: &str, standing| Who { name: name.into(), standing, roles: vec![] };
    prop_oneof![
        7 => member(),
        1 => Just(of(OWNER, Standing::Member)),
        1 => Just(of("vic", Standing::Visitor)),
        1 => Just(of("out", Standing::Outsider)),
        // An owner who is not a member holds nothing.
        1 => Just(of(OWNER, Standing::Outsider)),
    ]
}

impl World {
    /// The crate's answer.
    pub fn check(&self, who: &Who, at: At, right: u32) -> bool {
        let snapshot = self.snapshot();
        with_subject(who, |subject| snapshot.allows(subject, scope(at), to_right(right)).unwrap())
    }

    /// The crate's answers for all rights.
    pub fn checks(&self, who: &Who, at: At) -> BTreeMap<u32, bool> {
        let snapshot = self.snapshot();
        with_subject(who, |subject| {
            let answer = |right| snapshot.allows(subject, scope(at), to_right(right)).unwrap();
            all_rights().into_iter().map(|right| (right, answer(right))).collect()
        })
    }

    /// Takes the channel out of sync and shows the place to everybody, so that its own layer is asked.
    pub fn open(mut self, at: At) -> Self {
        if let At::Channel(id) = at {
            self.channels.get_mut(&id).unwrap().synced = false;
        }
        let place = self.place_mut(at);
        place.private = false;
        place.black_members.clear();
        place.black_roles.clear();
        self
    }
}
