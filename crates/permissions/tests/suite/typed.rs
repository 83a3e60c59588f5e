//! A server of the reference as the crate under test knows it, for tests and benches.

use std::collections::BTreeSet;

use rotunda_model::{
    Accid, AuthValue, Auths, CategoryId, ChannelId, Right, RoleId, ServerId, SyncMode, ViewMode, VisitorMode,
};
use rotunda_permissions::{
    CategoryRules, ChannelRules, Layer, Lists, Named, RoleRules, Scope, Snapshot, Subject,
};

use crate::reference::{self, At, EVERYONE, Place, Standing, Visitors, Who, World};

pub fn accid(name: &str) -> Accid {
    Accid::new(name).unwrap()
}

pub fn role(id: i64) -> RoleId {
    RoleId::new(id).unwrap()
}

pub fn scope(at: At) -> Scope {
    match at {
        At::Server => Scope::Server,
        At::Channel(id) => Scope::Channel(ChannelId::new(id).unwrap()),
        At::Category(id) => Scope::Category(CategoryId::new(id).unwrap()),
    }
}

pub fn to_right(id: u32) -> Right {
    Right::try_from(id).unwrap()
}

pub fn to_value(number: i8) -> AuthValue {
    AuthValue::from_number(number.into()).unwrap()
}

pub fn to_auths(auths: &reference::Auths) -> Auths {
    auths.iter().map(|(right, value)| (to_right(*right), to_value(*value))).collect()
}

impl World {
    pub fn snapshot(&self) -> Snapshot {
        let everyone = to_auths(&self.everyone);
        let server = ServerId::new(1).unwrap();
        let mut snapshot = Snapshot::new(server, 7, accid(&self.owner), role(EVERYONE), everyone);
        for (id, rules) in &self.roles {
            let auths = to_auths(&rules.auths);
            assert!(snapshot.put_role(role(*id), RoleRules { priority: rules.priority, auths }));
        }
        for (id, place) in &self.categories {
            let (layer, lists) = rules_of(place);
            snapshot.put_category(CategoryId::new(*id).unwrap(), CategoryRules { layer, lists });
        }
        for (id, channel) in &self.channels {
            let (layer, lists) = rules_of(&channel.own);
            let rules = ChannelRules {
                layer,
                lists,
                visitor_mode: match channel.visitors {
                    Visitors::Visible => VisitorMode::Visible,
                    Visitors::Hidden => VisitorMode::Hidden,
                    Visitors::Follow => VisitorMode::Follow,
                },
                category: channel.category.map(|id| CategoryId::new(id).unwrap()),
                sync: if channel.synced { SyncMode::WithCategory } else { SyncMode::Own },
            };
            snapshot.put_channel(ChannelId::new(*id).unwrap(), rules);
        }
        snapshot
    }
}

fn rules_of(place: &Place) -> (Layer, Lists) {
    let named = |members: &BTreeSet<String>, roles: &BTreeSet<i64>| Named {
        members: members.iter().map(|name| accid(name)).collect(),
        roles: roles.iter().map(|id| role(*id)).collect(),
    };
    let layer = Layer {
        everyone: to_auths(&place.everyone),
        roles: place.roles.iter().map(|(id, auths)| (role(*id), to_auths(auths))).collect(),
        members: place.overrides.iter().map(|(name, auths)| (accid(name), to_auths(auths))).collect(),
    };
    let lists = Lists {
        view_mode: if place.private { ViewMode::Private } else { ViewMode::Public },
        black: named(&place.black_members, &place.black_roles),
        white: named(&place.white_members, &place.white_roles),
    };
    (layer, lists)
}

pub fn with_subject<T>(who: &Who, ask: impl FnOnce(&Subject<'_>) -> T) -> T {
    let accid = accid(&who.name);
    let roles: Vec<RoleId> = who.roles.iter().map(|id| role(*id)).collect();
    ask(&match who.standing {
        Standing::Member => Subject::member(&accid, &roles),
        Standing::Visitor => Subject::visitor(&accid),
        Standing::Outsider => Subject::outsider(&accid),
    })
}
