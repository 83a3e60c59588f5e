//! What an accepted change can and cannot do.

use std::cell::Cell;

use proptest::{collection, option, prelude::*, sample, test_runner::TestRunner};
use rotunda_model::{Accid, AuthValue, Auths, CategoryId, ChannelId, Right, RoleId, SyncMode};
use rotunda_permissions::{Refusal, RoleRules, Scope, Snapshot, Subject, guard};

use crate::{
    reference::{At, EVERYONE, Who, World},
    world::*,
};

/// An operation on server roles, as a random actor may try it.
#[derive(Debug, Clone)]
enum Op {
    Create { priority: i64 },
    Update { role: i64, changes: Vec<(u32, i8)>, priority: Option<i64> },
    Reorder(Vec<(i64, i64)>),
    Delete { role: i64 },
}

fn changes() -> impl Strategy<Value = Vec<(u32, i8)>> {
    collection::vec((right(), -1..=1_i8), 0..4)
}

fn op() -> impl Strategy<Value = Op> {
    let any_role = || prop_oneof![9 => role_id(), 1 => Just(EVERYONE)];
    prop_oneof![
        1 => (0..7_i64).prop_map(|priority| Op::Create { priority }),
        4 => (any_role(), changes(), option::of(0..7_i64))
            .prop_map(|(role, changes, priority)| Op::Update { role, changes, priority }),
        1 => collection::vec((any_role(), 0..7_i64), 1..3).prop_map(Op::Reorder),
        1 => any_role().prop_map(|role| Op::Delete { role }),
    ]
}

/// Rights as the guards take them.
fn typed(changes: &[(u32, i8)]) -> Vec<(Right, AuthValue)> {
    changes.iter().map(|(right, value)| (to_right(*right), to_value(*value))).collect()
}

/// A server where the actor often holds what it needs to be let through.
fn willing() -> impl Strategy<Value = (World, Who)> {
    (world(), member()).prop_map(|(mut world, who)| {
        for right in [2, 3] {
            world.everyone.insert(right, 1);
        }
        (world, who)
    })
}

/// The operation as a caller carries it out, once it is allowed.
fn carry_out(snapshot: &Snapshot, actor: &Subject<'_>, op: &Op) -> Result<Snapshot, Refusal> {
    let mut after = snapshot.clone();
    match op {
        Op::Create { priority } => {
            guard::create_role(snapshot, actor, *priority)?;
            let auths = guard::new_role_auths(snapshot, actor);
            after.put_role(role(50), RoleRules { priority: *priority, auths });
        }
        Op::Update { role: id, changes, priority } => {
            let changes = typed(changes);
            let change = guard::RoleChange { auths: &changes, priority: *priority, appearance: false };
            guard::update_role(snapshot, actor, role(*id), change)?;
            let mut rules = snapshot.roles().get(&role(*id)).expect("accepted for a known role").clone();
            rules.auths = guard::updated(&rules.auths, Scope::Server, &changes);
            rules.priority = priority.unwrap_or(rules.priority);
            after.put_role(role(*id), rules);
        }
        Op::Reorder(pairs) => {
            let typed: Vec<(RoleId, i64)> =
                pairs.iter().map(|(id, priority)| (role(*id), *priority)).collect();
            guard::set_priorities(snapshot, actor, &typed)?;
            for (id, priority) in typed {
                let mut rules = after.roles().get(&id).expect("accepted for a known role").clone();
                rules.priority = priority;
                after.put_role(id, rules);
            }
        }
        Op::Delete { role: id } => {
            guard::delete_role(snapshot, actor, role(*id))?;
            assert!(after.remove_role(role(*id)), "accepted for a known role");
        }
    }
    Ok(after)
}

/// Runs `test` on 1,000 random cases; it answers whether the guard accepted, which at least `least` must be, since a
/// guard that refuses everything keeps every promise.
fn often_accepted<S: Strategy>(cases: S, least: u32, test: impl Fn(S::Value) -> Result<bool, TestCaseError>) {
    let accepted = Cell::new(0_u32);
    let mut runner = TestRunner::new(ProptestConfig { cases: 1_000, ..ProptestConfig::default() });
    let verdict = runner.run(&cases, |case| {
        accepted.set(accepted.get() + u32::from(test(case)?));
        Ok(())
    });
    if let Err(failure) = verdict {
        panic!("{failure}");
    }
    assert!(accepted.get() >= least, "only {} of 1000 changes were accepted", accepted.get());
}

/// Property 13.
#[test]
fn no_change_reaches_up_or_adds_to_its_author() {
    often_accepted((willing(), op()), 100, |((world, who), op)| {
        let before = world.snapshot();
        let best = world.best(&who);
        let done = with_subject(&who, |actor| carry_out(&before, actor, &op));
        let Ok(after) = done else { return Ok(false) };
        // Who has no custom role has touched nothing.
        let best = best.ok_or_else(|| TestCaseError::fail("accepted from one who outranks nothing"))?;
        for (id, rules) in before.roles().iter().filter(|(_, rules)| rules.priority <= best) {
            prop_assert_eq!(after.roles().get(id), Some(rules), "a role at or above {} changed", best);
        }
        for (id, rules) in after.roles().iter().filter(|(_, rules)| rules.priority <= best) {
            prop_assert_eq!(before.roles().get(id), Some(rules), "a role rose to or above {}", best);
        }
        prop_assert_eq!(before.role_auths(role(EVERYONE)), after.role_auths(role(EVERYONE)));
        let rights = |snapshot: &Snapshot| -> Vec<bool> {
            let held = |right| with_subject(&who, |actor| snapshot.server_allows(actor, to_right(right)));
            all_rights().into_iter().map(held).collect()
        };
        let gained = rights(&before).into_iter().zip(rights(&after)).any(|(had, has)| has && !had);
        prop_assert!(!gained, "the author gained a right");
        Ok(true)
    });
}

/// Property 14 (and G1) on server roles.
#[test]
fn no_update_of_a_role_takes_a_touched_right_from_its_author() {
    often_accepted((willing(), role_id(), changes()), 100, |((world, who), id, changes)| {
        let before = world.snapshot();
        let op = Op::Update { role: id, changes: changes.clone(), priority: None };
        let done = with_subject(&who, |actor| carry_out(&before, actor, &op));
        let Ok(after) = done else { return Ok(false) };
        for (right, _) in changes {
            let held = |snapshot: &Snapshot| {
                with_subject(&who, |actor| snapshot.server_allows(actor, to_right(right)))
            };
            prop_assert!(held(&before), "right {} was set by one who lacks it", right);
            prop_assert!(held(&after), "right {} was lost by one's own change", right);
        }
        Ok(true)
    });
}

/// Property 14 (and G1) in channels and categories: roles, @everyone and overrides of the layer.
#[test]
fn no_update_in_a_layer_takes_a_touched_right_from_its_author() {
    let entry = prop_oneof![
        2 => role_id().prop_map(Ok),
        1 => Just(Ok(EVERYONE)),
        2 => sample::select(MEMBERS.to_vec()).prop_map(|name| Err(accid(name))),
    ];
    let changes = collection::vec((layered_right(), -1..=1_i8), 0..3);
    often_accepted((willing(), place(), entry, changes), 100, |((world, who), at, entry, changes)| {
        let mut world = world.open(at);
        for auths in world.place_mut(at).overrides.values_mut() {
            auths.retain(|right, _| ![2, 3].contains(right));
        }
        let before = world.snapshot();
        let typed = typed(&changes);
        let verdict = with_subject(&who, |actor| match &entry {
            Ok(id) => guard::update_layer_role(&before, actor, scope(at), role(*id), &typed),
            Err(target) => guard::update_override(&before, actor, scope(at), target, &typed),
        });
        if verdict.is_err() {
            return Ok(false);
        }
        let mut after = before.clone();
        write(&mut after, at, &entry, &typed);
        for (right, _) in changes {
            let held = |snapshot: &Snapshot| {
                with_subject(&who, |actor| snapshot.allows(actor, scope(at), to_right(right)).unwrap())
            };
            prop_assert!(held(&before), "right {} was set by one who lacks it", right);
            prop_assert!(held(&after), "right {} was lost by one's own change", right);
        }
        Ok(true)
    });
}

/// Nor is removing an entry the way around G1.
#[test]
fn no_removal_in_a_layer_gives_its_author_a_right() {
    let entry = prop_oneof![
        role_id().prop_map(Ok),
        sample::select(MEMBERS.to_vec()).prop_map(|name| Err(accid(name))),
    ];
    often_accepted((willing(), place(), entry), 100, |((world, who), at, entry)| {
        let mut world = world.open(at);
        for auths in world.place_mut(at).overrides.values_mut() {
            auths.retain(|right, _| ![2, 3].contains(right));
        }
        let before = world.snapshot();
        let verdict = with_subject(&who, |actor| match &entry {
            Ok(id) => guard::remove_layer_role(&before, actor, scope(at), role(*id)),
            Err(target) => guard::remove_override(&before, actor, scope(at), target),
        });
        let place = world.place_mut(at);
        match &entry {
            Ok(id) => drop(place.roles.remove(id)),
            Err(target) => drop(place.overrides.remove(target.as_str())),
        }
        let after = world.checks(&who, at);
        let held =
            |right| with_subject(&who, |actor| before.allows(actor, scope(at), to_right(right)).unwrap());
        let gained: Vec<u32> =
            after.into_iter().filter(|(right, has)| *has && !held(*right)).map(|(right, _)| right).collect();
        match verdict {
            Ok(()) => prop_assert!(gained.is_empty(), "the author gained {:?}", gained),
            Err(Refusal::WouldGain { right, .. }) => prop_assert!(gained.contains(&right.id())),
            Err(_) => {}
        }
        Ok(verdict.is_ok())
    });
}

/// Nor is following a category.
#[test]
fn no_move_of_a_channel_gives_its_author_a_right() {
    let to = (
        sample::select(CHANNELS.collect::<Vec<_>>()),
        option::of(sample::select(CATEGORIES.collect::<Vec<_>>())),
    );
    often_accepted((willing(), to, any::<bool>()), 100, |((mut world, who), (id, category), synced)| {
        for category in CATEGORIES {
            world = world.open(At::Category(category));
        }
        let before = world.clone();
        let into = category.map(|id| CategoryId::new(id).unwrap());
        let sync = if synced && into.is_some() { SyncMode::WithCategory } else { SyncMode::Own };
        let verdict = with_subject(&who, |actor| {
            guard::move_channel(&before.snapshot(), actor, ChannelId::new(id).unwrap(), into, sync)
        });
        let channel = world.channels.get_mut(&id).unwrap();
        if channel.synced && channel.category.is_some() && sync == SyncMode::Own {
            channel.own = before.in_force(At::Channel(id)).clone();
        }
        (channel.category, channel.synced) = (category, sync == SyncMode::WithCategory);
        let at = At::Channel(id);
        let gains = |right: &u32| world.allows(&who, at, *right) && !before.allows(&who, at, *right);
        let gained: Vec<u32> = all_rights().into_iter().filter(gains).collect();
        match verdict {
            Ok(()) => prop_assert!(gained.is_empty(), "the author gained {:?}", gained),
            Err(Refusal::WouldGain { right, .. }) => prop_assert!(gained.contains(&right.id())),
            Err(_) => {}
        }
        Ok(verdict.is_ok())
    });
}

fn write(snapshot: &mut Snapshot, at: At, entry: &Result<i64, Accid>, changes: &[(Right, AuthValue)]) {
    let layer = match scope(at) {
        Scope::Server => panic!("a server has no layer"),
        Scope::Channel(id) => &mut snapshot.channel_mut(id).unwrap().layer,
        Scope::Category(id) => &mut snapshot.category_mut(id).unwrap().layer,
    };
    let auths: &mut Auths = match entry {
        Ok(EVERYONE) => &mut layer.everyone,
        Ok(id) => layer.roles.get_mut(&role(*id)).expect("accepted for a known entry"),
        Err(target) => layer.members.get_mut(target).expect("accepted for a known entry"),
    };
    *auths = guard::updated(auths, scope(at), changes);
}

proptest! {
    /// The owner is above rank, G1 and G2, whatever the roles say.
    #[test]
    fn the_owner_is_above_the_guards(world in world(), changes in changes(), priority in 1..100_i64, id in role_id()) {
        let snapshot = world.snapshot();
        let owner = accid(OWNER);
        let owner = Subject::member(&owner, &[]);
        let changes = typed(&changes);
        let change = guard::RoleChange { auths: &changes, priority: Some(priority), appearance: true };
        prop_assert_eq!(guard::update_role(&snapshot, &owner, role(id), change), Ok(()));
        prop_assert_eq!(guard::create_role(&snapshot, &owner, priority), Ok(()));
        prop_assert_eq!(guard::add_role_members(&snapshot, &owner, role(id), &[accid(OWNER)]), Ok(()));
        let only_auths = guard::RoleChange { auths: &changes, ..Default::default() };
        prop_assert_eq!(guard::update_role(&snapshot, &owner, role(EVERYONE), only_auths), Ok(()));
    }

    /// Only what an update lists changes, the last of two counts, and a server role has no ignore.
    #[test]
    fn an_update_changes_what_it_lists(old in auths(), changes in changes(), right in right(), at in place()) {
        let last = changes.iter().rev().find(|(listed, _)| *listed == right).map(|(_, said)| *said);
        let before = to_auths(&old).get(to_right(right));
        let on_role = guard::updated(&to_auths(&old), Scope::Server, &typed(&changes)).get(to_right(right));
        let in_layer = guard::updated(&to_auths(&old), scope(at), &typed(&changes)).get(to_right(right));
        prop_assert_eq!(in_layer, last.map_or(before, to_value));
        prop_assert_eq!(on_role, last.map_or(before, |said| to_value(if said == 0 { -1 } else { said })));
    }

    /// A new role holds what its creator's roles hold, and no more; and it speaks of all 27 rights.
    #[test]
    fn a_new_role_is_the_union_of_its_creators(world in world(), who in member()) {
        let auths = with_subject(&who, |creator| guard::new_role_auths(&world.snapshot(), creator));
        for right in all_rights() {
            let held = world.server_allows(&who, right);
            let said = auths.get(to_right(right));
            prop_assert_eq!(said == AuthValue::Allow, held);
            prop_assert!(right > 27 || said != AuthValue::Ignore);
        }
    }

    /// No member joins a role that would give it more, nor one that would show it more.
    #[test]
    fn nobody_adds_itself_to_more((world, who) in willing(), id in role_id()) {
        let snapshot = world.snapshot();
        let added = with_subject(&who, |actor| {
            guard::add_role_members(&snapshot, actor, role(id), &[accid("bob"), accid(&who.name)])
        });
        if added.is_ok() {
            let mut richer = who.clone();
            richer.roles.push(id);
            prop_assert_eq!(world.checks(&richer, At::Server), world.checks(&who, At::Server));
            for at in places() {
                prop_assert!(world.visible(&who, at) || !world.visible(&richer, at), "sees {:?} by it", at);
                let gained = all_rights().into_iter().find(|right| {
                    world.allows(&richer, at, *right) && !world.allows(&who, at, *right)
                });
                prop_assert_eq!(gained, None, "gained in {:?}", at);
            }
            prop_assert!(world.best(&who) < Some(world.roles[&id].priority));
        }
    }
}
