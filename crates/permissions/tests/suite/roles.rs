//! Server scope: the union of roles.

use proptest::prelude::*;
use rotunda_model::RightSet;
use rotunda_permissions::Rank;

use crate::{
    reference::{At, EVERYONE, Role, Standing, Who, value},
    world::*,
};

proptest! {
    /// The crate and the reference agree about everyone, everywhere, on every right.
    #[test]
    fn the_reference_agrees(world in world(), who in who()) {
        for at in places() {
            for (right, allowed) in world.checks(&who, at) {
                prop_assert_eq!(allowed, world.allows(&who, at, right), "{:?} right {}", at, right);
            }
        }
    }

    /// Property 1.
    #[test]
    fn the_owner_may_do_everything_whatever_the_layers_say(world in world()) {
        let owner = Who { name: OWNER.into(), standing: Standing::Member, roles: vec![1, 2, 3, 4] };
        for at in places() {
            prop_assert!(world.checks(&owner, at).into_values().all(|allowed| allowed), "{:?}", at);
        }
    }

    /// Property 2, first half.
    #[test]
    fn another_role_never_turns_allow_into_deny(world in world(), who in member(), more in role_id()) {
        let mut richer = who.clone();
        richer.roles.push(more);
        let after = world.checks(&richer, At::Server);
        for (right, allowed) in world.checks(&who, At::Server) {
            prop_assert!(!allowed || after[&right], "right {} was lost to role {}", right, more);
        }
    }

    /// Property 2, second half.
    #[test]
    fn neither_order_nor_priority_changes_an_answer(
        world in world(),
        who in member(),
        priorities in proptest::collection::vec(1..1_000_i64, 4),
    ) {
        let mut other = world.clone();
        for (role, priority) in other.roles.values_mut().zip(priorities) {
            role.priority = priority;
        }
        let mut turned = who.clone();
        turned.roles.reverse();
        turned.roles.extend(who.roles.clone());
        for at in places() {
            prop_assert_eq!(world.checks(&who, at), other.checks(&turned, at), "{:?}", at);
        }
    }

    /// Property 3.
    #[test]
    fn the_server_answer_is_the_or_over_the_roles(world in world(), who in member()) {
        for (right, allowed) in world.checks(&who, At::Server) {
            let mine = who.roles.iter().map(|role| &world.roles[role].auths);
            let some = mine.chain([&world.everyone]).any(|auths| value(auths, right) == 1);
            prop_assert_eq!(allowed, some, "right {}", right);
        }
    }

    /// Property 10.
    #[test]
    fn roles_of_others_have_no_influence(world in world(), who in member(), said in auths()) {
        let mut other = world.clone();
        for id in ROLES.filter(|id| !who.roles.contains(id)) {
            other.roles.insert(id, Role { priority: 1, auths: said.clone() });
            for at in places().into_iter().skip(1) {
                let place = other.place_mut(at);
                place.roles.insert(id, said.clone());
                place.black_roles.insert(id);
                place.white_roles.insert(id);
            }
        }
        for at in places() {
            prop_assert_eq!(world.checks(&who, at), other.checks(&who, at), "{:?}", at);
        }
    }

    /// Property 11, for a list of rights and for all of them at once.
    #[test]
    fn all_rights_at_once_are_the_rights_one_by_one(world in world(), who in who()) {
        let snapshot = world.snapshot();
        for at in places() {
            let at_once = with_subject(&who, |subject| snapshot.rights(subject, scope(at)).unwrap());
            let allowed = world.checks(&who, at).into_iter().filter(|(_, allowed)| *allowed);
            let one_by_one: RightSet = allowed.map(|(right, _)| to_right(right)).collect();
            prop_assert_eq!(at_once, one_by_one, "{:?}", at);
        }
    }

    /// Property 15.
    #[test]
    fn who_left_and_came_back_has_what_everyone_has(world in world(), who in member()) {
        let mut snapshot = world.snapshot();
        snapshot.remove_member(&accid(&who.name));
        let back = Who { roles: vec![], ..who };
        let newcomer = Who { name: "new".into(), ..back.clone() };
        for at in places() {
            let rights = |who: &Who| with_subject(who, |subject| snapshot.rights(subject, scope(at)));
            let sight = |who: &Who| with_subject(who, |subject| snapshot.sight(subject, scope(at)));
            prop_assert_eq!(rights(&back), rights(&newcomer), "{:?}", at);
            prop_assert_eq!(sight(&back), sight(&newcomer), "{:?}", at);
        }
        for (right, allowed) in world.checks(&back, At::Server) {
            prop_assert_eq!(allowed, value(&world.everyone, right) == 1);
        }
    }

    /// A deleted role leaves nothing behind, even for a session that still thinks it has it.
    #[test]
    fn a_deleted_role_leaves_nothing_behind(world in world(), who in member(), gone in role_id()) {
        let mut snapshot = world.snapshot();
        prop_assert!(snapshot.remove_role(role(gone)));
        prop_assert!(!snapshot.remove_role(role(gone)));
        let without = Who { roles: who.roles.iter().copied().filter(|id| *id != gone).collect(), ..who.clone() };
        let stale = Who { roles: who.roles.iter().copied().chain([gone]).collect(), ..who };
        for at in places() {
            let rights = |who: &Who| with_subject(who, |subject| snapshot.rights(subject, scope(at)));
            prop_assert_eq!(rights(&stale), rights(&without), "{:?}", at);
        }
    }

    /// Only custom roles count for rank; the smallest priority is the best.
    #[test]
    fn rank_is_the_smallest_priority(world in world(), who in member(), priority in 1..6_i64) {
        let rank = with_subject(&who, |subject| world.snapshot().best_rank(subject));
        prop_assert_eq!(rank.is_above(priority), world.best(&who).is_some_and(|best| best < priority));
    }

    /// The name alone makes no owner.
    #[test]
    fn who_is_no_member_outranks_nothing(world in world(), who in who()) {
        let rank = with_subject(&who, |subject| world.snapshot().best_rank(subject));
        prop_assert_eq!(rank == Rank::Owner, who.standing == Standing::Member && who.name == OWNER);
        prop_assert!(who.standing == Standing::Member || rank == Rank::Lowest);
    }

    /// Holders found by their roles are those whom the evaluation allows.
    #[test]
    fn granting_roles_are_those_that_give_the_right(world in world(), who in who(), right in right()) {
        let granting: Vec<_> = world.snapshot().granting_roles(to_right(right)).collect();
        let by_role = who.roles.iter().chain([&EVERYONE]).any(|id| granting.contains(&role(*id)));
        let found = who.standing == Standing::Member && (who.name == OWNER || by_role);
        prop_assert_eq!(found, world.check(&who, At::Server, right));
    }
}
