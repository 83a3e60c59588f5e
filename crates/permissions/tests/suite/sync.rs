//! Leaving a category's template, and describing who sees a place.

use proptest::prelude::*;
use rotunda_model::{CategoryId, ChannelId, RoleId, SyncMode};
use rotunda_permissions::{Named, Snapshot, Viewers};

use crate::{
    reference::{At, Who},
    world::*,
};

/// Sight and all rights, in every channel.
fn answers(snapshot: &Snapshot, who: &Who) -> Vec<(bool, Vec<bool>)> {
    with_subject(who, |subject| {
        let each = CHANNELS.map(|id| {
            let at = scope(At::Channel(id));
            let sees = snapshot.sight(subject, at).unwrap().is_visible();
            let rights = all_rights().into_iter();
            (sees, rights.map(|right| snapshot.allows(subject, at, to_right(right)).unwrap()).collect())
        });
        each.collect()
    })
}

proptest! {
    /// Whoever asks for whatever gets the same answer as before; from then on the template is not asked.
    #[test]
    fn a_channel_that_leaves_the_sync_keeps_every_answer(world in world(), who in who(), id in CHANNELS, right in right()) {
        let before = world.snapshot();
        let channel = ChannelId::new(id).unwrap();
        let rules = before.channel(channel).unwrap();
        let synced = rules.sync == SyncMode::WithCategory && rules.category.is_some();
        let mut after = before.clone();
        prop_assert_eq!(after.leave_sync(channel), synced);
        prop_assert_eq!(answers(&after, &who), answers(&before, &who));
        if let (true, Some(category)) = (synced, rules.category) {
            let own = after.channel(channel).unwrap().clone();
            prop_assert_eq!((own.category, own.sync, own.visitor_mode), (Some(category), SyncMode::Own, rules.visitor_mode));
            let template = after.category_mut(category).unwrap();
            template.layer.everyone.set(to_right(right), to_value(-1));
            template.lists = Default::default();
            prop_assert_eq!(after.channel(channel), Some(&own));
        }
    }

    /// Removing a category is: every channel in sync with it leaves the sync, then all leave the category.
    #[test]
    fn a_removed_category_leaves_its_rules_with_those_in_sync(world in world(), who in who(), id in CATEGORIES) {
        let category = CategoryId::new(id).unwrap();
        let before = world.snapshot();
        let mut removed = before.clone();
        prop_assert!(removed.remove_category(category));
        prop_assert_eq!(answers(&removed, &who), answers(&before, &who));
        let mut one_by_one = before.clone();
        for channel in CHANNELS.map(|id| ChannelId::new(id).unwrap()) {
            if before.channel(channel).unwrap().category == Some(category) {
                one_by_one.leave_sync(channel);
                one_by_one.channel_mut(channel).unwrap().category = None;
            }
        }
        for channel in CHANNELS.map(|id| ChannelId::new(id).unwrap()) {
            prop_assert_eq!(removed.channel(channel), one_by_one.channel(channel));
        }
    }

    /// Searching storage by the description finds exactly the members who see the place.
    #[test]
    fn viewers_are_the_members_who_see_it(world in world(), who in member(), at in place()) {
        let snapshot = world.snapshot();
        with_subject(&who, |member| {
            let everyone = std::iter::once(snapshot.everyone());
            let roles: Vec<RoleId> = everyone.chain(member.roles().iter().copied()).collect();
            let on = |list: &Named| {
                list.members.has(member.accid()) || roles.iter().any(|role| list.roles.has(role))
            };
            let described = match snapshot.viewers(scope(at)).unwrap() {
                Viewers::AllBut(list) => !on(list),
                Viewers::Only(list) => on(list),
            };
            assert_eq!(described, snapshot.sight(member, scope(at)).unwrap().is_visible());
        });
    }
}
