//! Channel and category scope: overrides, roles of the layer, its @everyone, the server.

use proptest::prelude::*;

use crate::{
    reference::{At, value},
    world::*,
};

proptest! {
    /// Property 4.
    #[test]
    fn an_override_decides_whatever_the_roles_say(
        world in world(), who in member(), at in place(), right in layered_right(), allow in any::<bool>(),
    ) {
        let mut world = world.open(at);
        let said = if allow { 1 } else { -1 };
        world.place_mut(at).overrides.entry(who.name.clone()).or_default().insert(right, said);
        prop_assert_eq!(world.check(&who, at, right), allow);
    }

    /// Property 5, first half.
    #[test]
    fn an_override_that_ignores_is_no_override(world in world(), who in member(), at in place(), right in right()) {
        let mut silent = world.open(at);
        silent.place_mut(at).overrides.entry(who.name.clone()).or_default().insert(right, 0);
        let mut absent = silent.clone();
        absent.place_mut(at).overrides.remove(&who.name);
        prop_assert_eq!(silent.check(&who, at, right), absent.check(&who, at, right));
    }

    /// Property 5, second half.
    #[test]
    fn a_role_that_ignores_everything_is_no_role(world in world(), who in member(), at in place(), id in role_id()) {
        let mut silent = world.open(at);
        silent.place_mut(at).roles.insert(id, all_rights().into_iter().map(|right| (right, 0)).collect());
        let mut absent = silent.clone();
        absent.place_mut(at).roles.remove(&id);
        prop_assert_eq!(silent.checks(&who, at), absent.checks(&who, at));
    }

    /// Property 6.
    #[test]
    fn among_roles_one_allow_beats_any_number_of_denies(
        world in world(), who in member(), at in place(), right in layered_right(), values in [-1..=1_i8, -1..=1, -1..=1, -1..=1],
    ) {
        let mut world = world.open(at);
        let place = world.place_mut(at);
        place.overrides.remove(&who.name);
        for (id, said) in ROLES.zip(values) {
            place.roles.entry(id).or_default().insert(right, said);
        }
        let mine: Vec<i8> = ROLES.zip(values).filter(|(id, _)| who.roles.contains(id)).map(|(_, said)| said).collect();
        let answer = world.check(&who, at, right);
        if mine.contains(&1) {
            prop_assert!(answer);
        } else if mine.contains(&-1) {
            prop_assert!(!answer);
        }
    }

    /// Property 7.
    #[test]
    fn everyone_of_the_layer_is_asked_only_when_no_role_decides(
        world in world(), who in member(), at in place(), right in layered_right(), said in -1..=1_i8,
    ) {
        let mut world = world.open(at);
        let place = world.place_mut(at);
        place.overrides.remove(&who.name);
        place.everyone.insert(right, said);
        let decided = who.roles.iter().any(|id| place.roles.get(id).is_some_and(|auths| value(auths, right) != 0));
        let mut other = world.clone();
        other.place_mut(at).everyone.insert(right, -said);
        let (one, two) = (world.check(&who, at, right), other.check(&who, at, right));
        if decided || said == 0 {
            prop_assert_eq!(one, two);
        } else {
            prop_assert_eq!((one, two), (said == 1, said == -1));
        }
    }

    /// Property 8.
    #[test]
    fn silent_layers_leave_the_server_answer(world in world(), who in member(), at in place()) {
        let mut world = world.open(at);
        let place = world.place_mut(at);
        place.overrides.clear();
        place.roles.clear();
        place.everyone.clear();
        prop_assert_eq!(world.checks(&who, at), world.checks(&who, At::Server));
    }

    /// A layer that speaks of server-only rights, which no command can store, is not heard.
    #[test]
    fn server_only_rights_are_the_servers(world in world(), who in member(), at in place()) {
        let world = world.open(at);
        for right in crate::reference::SERVER_ONLY {
            prop_assert_eq!(world.check(&who, at, right), world.check(&who, At::Server, right));
        }
    }

    /// Property 9: in sync only the category counts, else only the channel itself, for rights and sight alike.
    #[test]
    fn sync_replaces_the_channels_rules_by_the_categorys(
        one in world(), two in world(), who in who(), channel in 11..=13_i64, category in 21..=22_i64,
    ) {
        let at = At::Channel(channel);
        let answers = |world: &crate::reference::World| {
            let sees = with_subject(&who, |subject| world.snapshot().sight(subject, scope(at)));
            (world.checks(&who, at), sees)
        };
        for synced in [true, false] {
            let mut world = one.clone();
            let rules = world.channels.get_mut(&channel).unwrap();
            (rules.category, rules.synced) = (Some(category), synced);
            let mut own_differs = world.clone();
            own_differs.channels.get_mut(&channel).unwrap().own = two.channels[&channel].own.clone();
            let mut category_differs = world.clone();
            category_differs.categories = two.categories.clone();
            let unmoved = if synced { &own_differs } else { &category_differs };
            prop_assert_eq!(answers(&world), answers(unmoved), "synced {}", synced);

            // And the rules that are in force are obeyed.
            let mut other = world.clone();
            if synced {
                other.channels.get_mut(&channel).unwrap().own = world.categories[&category].clone();
                other.channels.get_mut(&channel).unwrap().synced = false;
                prop_assert_eq!(answers(&world), answers(&other));
            }
        }
    }

    /// Deleting a category changes no answer in its channels.
    #[test]
    fn a_deleted_category_lives_on_in_its_synced_channels(world in world(), who in who(), gone in 21..=22_i64) {
        let before = world.snapshot();
        let mut after = before.clone();
        prop_assert!(after.remove_category(rotunda_model::CategoryId::new(gone).unwrap()));
        for id in CHANNELS {
            let at = scope(At::Channel(id));
            with_subject(&who, |subject| {
                prop_assert_eq!(before.rights(subject, at), after.rights(subject, at));
                prop_assert_eq!(before.sight(subject, at), after.sight(subject, at));
                Ok(())
            })?;
        }
        prop_assert!(after.channels().all(|(_, rules)| rules.category != rotunda_model::CategoryId::new(gone)));
    }
}

/// What is not of the server has no answer.
#[test]
fn unknown_places_have_no_answer() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let world = world().new_tree(&mut TestRunner::deterministic()).unwrap().current();
    let mut snapshot = world.snapshot();
    let ann = accid("ann");
    let ann = rotunda_permissions::Subject::member(&ann, &[]);
    for at in [At::Channel(99), At::Category(99)] {
        assert_eq!(snapshot.rights(&ann, scope(at)), None);
        assert_eq!(snapshot.allows(&ann, scope(at), to_right(4)), None);
        assert_eq!(snapshot.sight(&ann, scope(at)), None);
        assert_eq!(snapshot.explain(&ann, scope(at), to_right(4)), None);
    }
    // In sync with a category that was never loaded: refused, not judged by the layer it does not use.
    let channel = rotunda_model::ChannelId::new(11).unwrap();
    let rules = snapshot.channel_mut(channel).unwrap();
    rules.category = rotunda_model::CategoryId::new(99);
    rules.sync = rotunda_model::SyncMode::WithCategory;
    assert_eq!(snapshot.visible(&ann, channel), None);
}
