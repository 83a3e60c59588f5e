//! The slow, obviously correct evaluator: plain maps, one right at a time, one step of the rules per statement.
//! It shares no code with the crate under test, not even the representation of auths.

use std::collections::{BTreeMap, BTreeSet};

/// Right id → −1, 0 or 1; absent is 0.
pub type Auths = BTreeMap<u32, i8>;

/// Rights that exist only on server roles.
pub const SERVER_ONLY: [u32; 8] = [1, 5, 6, 7, 8, 14, 25, 26];

/// The id of the @everyone server role in every world.
pub const EVERYONE: i64 = 100;

#[derive(Debug, Clone)]
pub struct World {
    pub owner: String,
    pub everyone: Auths,
    pub roles: BTreeMap<i64, Role>,
    pub channels: BTreeMap<i64, Channel>,
    pub categories: BTreeMap<i64, Place>,
}

#[derive(Debug, Clone)]
pub struct Role {
    pub priority: i64,
    pub auths: Auths,
}

#[derive(Debug, Clone)]
pub struct Channel {
    pub own: Place,
    pub category: Option<i64>,
    pub synced: bool,
    pub visitors: Visitors,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visitors {
    Visible,
    Hidden,
    Follow,
}

#[derive(Debug, Clone, Default)]
pub struct Place {
    pub private: bool,
    pub black_members: BTreeSet<String>,
    pub black_roles: BTreeSet<i64>,
    pub white_members: BTreeSet<String>,
    pub white_roles: BTreeSet<i64>,
    pub everyone: Auths,
    pub roles: BTreeMap<i64, Auths>,
    pub overrides: BTreeMap<String, Auths>,
}

#[derive(Debug, Clone)]
pub struct Who {
    pub name: String,
    pub standing: Standing,
    /// Custom roles.
    pub roles: Vec<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Member,
    Visitor,
    Outsider,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Server,
    Channel(i64),
    Category(i64),
}

pub fn value(auths: &Auths, right: u32) -> i8 {
    auths.get(&right).copied().unwrap_or(0)
}

impl World {
    pub fn allows(&self, who: &Who, at: At, right: u32) -> bool {
        match at {
            At::Server => self.server_allows(who, right),
            At::Channel(_) | At::Category(_) => self.place_allows(who, at, right),
        }
    }

    pub fn server_allows(&self, who: &Who, right: u32) -> bool {
        // 1. Not a member: deny.
        if who.standing != Standing::Member {
            return false;
        }
        // 2. The owner: allow.
        if who.name == self.owner {
            return true;
        }
        // 3. Some role of @everyone and the custom ones allows.
        if value(&self.everyone, right) == 1 {
            return true;
        }
        for role in &who.roles {
            if let Some(role) = self.roles.get(role)
                && value(&role.auths, right) == 1
            {
                return true;
            }
        }
        false
    }

    /// What is in force there: the category's when the channel is in sync with one.
    pub fn in_force(&self, at: At) -> &Place {
        match at {
            At::Server => panic!("a server has no layer"),
            At::Category(category) => &self.categories[&category],
            At::Channel(channel) => {
                let channel = &self.channels[&channel];
                match channel.category {
                    Some(category) if channel.synced => &self.categories[&category],
                    _ => &channel.own,
                }
            }
        }
    }

    /// What a place says itself, for change.
    pub fn place_mut(&mut self, at: At) -> &mut Place {
        match at {
            At::Server => panic!("a server has no layer"),
            At::Channel(id) => &mut self.channels.get_mut(&id).unwrap().own,
            At::Category(id) => self.categories.get_mut(&id).unwrap(),
        }
    }

    fn place_allows(&self, who: &Who, at: At, right: u32) -> bool {
        // 1. Not a member: deny. The owner: allow.
        if who.standing != Standing::Member {
            return false;
        }
        if who.name == self.owner {
            return true;
        }
        // 2. Not visible: deny.
        if !self.visible(who, at) {
            return false;
        }
        // 3. A server-only right.
        if SERVER_ONLY.contains(&right) {
            return self.server_allows(who, right);
        }
        let place = self.in_force(at);
        // 4. The override.
        if let Some(auths) = place.overrides.get(&who.name)
            && value(auths, right) != 0
        {
            return value(auths, right) == 1;
        }
        // 5. The custom roles of the layer whose server role the member is in.
        let values: Vec<i8> = place
            .roles
            .iter()
            .filter(|(role, _)| who.roles.contains(role))
            .map(|(_, auths)| value(auths, right))
            .collect();
        if values.contains(&1) {
            return true;
        }
        if values.contains(&-1) {
            return false;
        }
        // 6. The layer's @everyone.
        if value(&place.everyone, right) != 0 {
            return value(&place.everyone, right) == 1;
        }
        // 7. The server.
        self.server_allows(who, right)
    }

    pub fn visible(&self, who: &Who, at: At) -> bool {
        if at == At::Server {
            return who.standing != Standing::Outsider;
        }
        match who.standing {
            Standing::Outsider => return false,
            Standing::Visitor => return self.visitors_see(at),
            Standing::Member => {}
        }
        if who.name == self.owner {
            return true;
        }
        let place = self.in_force(at);
        let mut roles = who.roles.clone();
        roles.push(EVERYONE);
        if place.private {
            place.white_members.contains(&who.name)
                || roles.iter().any(|role| place.white_roles.contains(role))
        } else {
            !place.black_members.contains(&who.name)
                && !roles.iter().any(|role| place.black_roles.contains(role))
        }
    }

    fn visitors_see(&self, at: At) -> bool {
        match at {
            At::Server => true,
            At::Channel(id) => match self.channels[&id].visitors {
                Visitors::Visible => true,
                Visitors::Hidden => false,
                Visitors::Follow => !self.in_force(at).private,
            },
            At::Category(category) => self.channels.iter().any(|(id, channel)| {
                channel.category == Some(category) && self.visitors_see(At::Channel(*id))
            }),
        }
    }

    /// The smallest priority among the custom roles.
    pub fn best(&self, who: &Who) -> Option<i64> {
        who.roles.iter().filter_map(|role| self.roles.get(role)).map(|role| role.priority).min()
    }
}
