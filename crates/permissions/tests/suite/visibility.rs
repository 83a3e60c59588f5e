//! Who sees what, and whose sight changes.

use proptest::prelude::*;
use rotunda_permissions::{Concerned, Sight, flipped, sight_changes};

use crate::{
    reference::{At, EVERYONE, Standing},
    world::*,
};

proptest! {
    #[test]
    fn the_reference_sees_the_same(world in world(), who in who()) {
        let snapshot = world.snapshot();
        for at in places() {
            let sees = with_subject(&who, |subject| snapshot.sight(subject, scope(at)).unwrap());
            prop_assert_eq!(sees.is_visible(), world.visible(&who, at), "{:?} {:?}", at, sees);
        }
    }

    /// Property 12, for both ways to be hidden.
    #[test]
    fn nothing_is_allowed_where_nothing_is_seen(world in world(), who in member(), at in place(), private in any::<bool>()) {
        let mut world = world.open(at);
        let place = world.place_mut(at);
        place.private = private;
        place.white_members.insert(who.name.clone());
        let before = world.checks(&who, at);
        let mut hidden = world.clone();
        let place = hidden.place_mut(at);
        if private {
            place.white_members.remove(&who.name);
            place.white_roles.clear();
        } else {
            place.black_members.insert(who.name.clone());
        }
        prop_assert!(hidden.checks(&who, at).into_values().all(|allowed| !allowed));
        let place = hidden.place_mut(at);
        place.white_members.insert(who.name.clone());
        place.black_members.remove(&who.name);
        prop_assert_eq!(hidden.checks(&who, at), before);
    }

    #[test]
    fn everyone_on_a_list_is_every_member(world in world(), who in member(), at in place()) {
        let mut world = world.open(at);
        world.place_mut(at).black_roles.insert(EVERYONE);
        let sees = |world: &crate::reference::World| {
            with_subject(&who, |subject| world.snapshot().sight(subject, scope(at)).unwrap().is_visible())
        };
        prop_assert!(!sees(&world));
        world.place_mut(at).private = true;
        world.place_mut(at).white_roles.insert(EVERYONE);
        prop_assert!(sees(&world));
    }

    /// Exactly the channels whose sight differs are told, creation, deletion, joining and leaving included.
    #[test]
    fn flips_are_the_differences(one in world(), two in world(), a in who(), b in who(), gone in 11..=13_i64) {
        let (mut one, mut two) = (one, two);
        one.channels.remove(&gone);
        two.channels.remove(&(11 + (gone + 1) % 3));
        let b = crate::reference::Who { name: a.name.clone(), ..b };
        let flips = with_subject(&a, |before| {
            with_subject(&b, |after| flipped((&one.snapshot(), before), (&two.snapshot(), after)))
        });
        let mut expected = vec![];
        for id in CHANNELS {
            let sees = |world: &crate::reference::World, who| {
                world.channels.contains_key(&id) && world.visible(who, At::Channel(id))
            };
            let (was, is) = (sees(&one, &a), sees(&two, &b));
            if was != is {
                expected.push((rotunda_model::ChannelId::new(id).unwrap(), is));
            }
        }
        prop_assert_eq!(flips, expected);
    }

    /// The narrowed search misses nothing.
    #[test]
    fn nobody_else_flips(one in world(), two in world(), who in who(), part in 0..4_usize, gone in 11..=13_i64) {
        prop_assume!(!matches!(who.standing, Standing::Visitor));
        let mut two = two;
        two.channels.remove(&gone);
        if part > 0 {
            // Little differs: some channels only, or nothing but a name on a list.
            two = crate::reference::World { channels: two.channels.into_iter().take(part - 1).collect(), ..one.clone() };
            two.channels.extend(one.channels.iter().skip(part - 1).map(|(id, channel)| (*id, channel.clone())));
        }
        if part == 1 {
            two.place_mut(At::Channel(11)).black_members.insert("ann".into());
            two.place_mut(At::Channel(12)).white_members.remove("bob");
        }
        let (one, two) = (one.snapshot(), two.snapshot());
        let flips = with_subject(&who, |subject| flipped((&one, subject), (&two, subject)));
        let changes = sight_changes(&one, &two);
        prop_assert!(flips.iter().all(|(channel, _)| changes.channels.contains(channel)), "{:?}", changes);
        let concerned = match &changes.concerned {
            Concerned::Everybody => true,
            Concerned::Accounts(accids) => accids.contains(&accid(&who.name)),
        };
        prop_assert!(flips.is_empty() || concerned, "{:?} {:?}", flips, changes);
    }

    #[test]
    fn a_visitor_sees_but_may_do_nothing(world in world(), at in place()) {
        let visitor = crate::reference::Who { name: "vic".into(), standing: Standing::Visitor, roles: vec![] };
        prop_assert!(world.checks(&visitor, at).into_values().all(|allowed| !allowed));
        let sees = with_subject(&visitor, |subject| world.snapshot().sight(subject, scope(at)).unwrap());
        prop_assert!(matches!(sees, Sight::OpenToVisitors | Sight::ClosedToVisitors));
    }
}
