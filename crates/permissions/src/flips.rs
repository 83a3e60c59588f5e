//! Whose sight of which channels differs between two states of a server.

use std::collections::BTreeSet;

use rotunda_model::{Accid, ChannelId, ViewMode};

use crate::{Scope, Snapshot, Subject, snapshot::Lists, snapshot::Named};

/// The channels that one account began (true) or ceased (false) to see between two states of a server, by id.
/// A channel that does not exist is not seen, so creation and deletion count; so do joining and leaving.
pub fn flipped(
    before: (&Snapshot, &Subject<'_>),
    after: (&Snapshot, &Subject<'_>),
) -> Vec<(ChannelId, bool)> {
    let sees = |(snapshot, subject): (&Snapshot, &Subject<'_>), channel| {
        snapshot.visible(subject, channel).unwrap_or(false)
    };
    let both =
        before.0.channels().chain(after.0.channels().filter(|(id, _)| before.0.channel(*id).is_none()));
    let mut flips: Vec<(ChannelId, bool)> = both
        .map(|(channel, _)| (channel, sees(before, channel), sees(after, channel)))
        .filter(|(_, was, is)| was != is)
        .map(|(channel, _, is)| (channel, is))
        .collect();
    flips.sort_unstable();
    flips
}

/// Where, and for whom, two states of the rules may disagree about who sees what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SightChanges {
    /// By id.
    pub channels: Vec<ChannelId>,
    pub concerned: Concerned,
}

/// The members to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concerned {
    Everybody,
    /// Nothing but names on member lists differs, and these are the names.
    Accounts(BTreeSet<Accid>),
}

impl Default for Concerned {
    fn default() -> Self {
        Self::Accounts(BTreeSet::new())
    }
}

impl Concerned {
    fn add(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Accounts(all), Self::Accounts(more)) => all.extend(more),
            _ => *self = Self::Everybody,
        }
    }
}

/// Narrows down the search for flips among members whose standing and roles stay the same: none of them sees another
/// channel begin or cease than those named here, and none but those concerned.
///
/// Cost: one comparison of the lists in force in each channel, without looking at any member.
pub fn sight_changes(before: &Snapshot, after: &Snapshot) -> SightChanges {
    let same_people = before.owner == after.owner && before.everyone() == after.everyone();
    let created = after.channels().filter(|(id, _)| before.channel(*id).is_none());
    let mut changes = SightChanges::default();
    for (id, _) in before.channels().chain(created) {
        let (was, is) = (before.place(Scope::Channel(id)), after.place(Scope::Channel(id)));
        let concerned = match (was, is) {
            (None, None) => None,
            (Some(was), Some(is)) if same_people => listed_otherwise(was.lists, is.lists),
            _ => Some(Concerned::Everybody),
        };
        if let Some(concerned) = concerned {
            changes.channels.push(id);
            changes.concerned.add(concerned);
        }
    }
    changes.channels.sort_unstable();
    changes
}

/// `None`: for nobody.
fn listed_otherwise(was: &Lists, is: &Lists) -> Option<Concerned> {
    if was.view_mode != is.view_mode {
        return Some(Concerned::Everybody);
    }
    let in_force = |lists| -> &Named {
        let lists: &Lists = lists;
        match lists.view_mode {
            ViewMode::Public => &lists.black,
            ViewMode::Private => &lists.white,
        }
    };
    let (was, is) = (in_force(was), in_force(is));
    if was.roles != is.roles {
        return Some(Concerned::Everybody);
    }
    if was.members == is.members {
        return None;
    }
    let only = |one: &Named, other: &Named| -> Vec<Accid> {
        let names = one.members.iter().map(|(accid, ())| accid);
        names.filter(|accid| !other.members.has(accid)).cloned().collect()
    };
    Some(Concerned::Accounts(only(was, is).into_iter().chain(only(is, was)).collect()))
}
