//! What `explain` tells is what decides.

use proptest::prelude::*;
use rotunda_model::AuthValue;
use rotunda_permissions::Rule;

use crate::world::*;

proptest! {
    #[test]
    fn explain_and_check_agree(world in world(), who in who(), right in right()) {
        let snapshot = world.snapshot();
        for at in places() {
            with_subject(&who, |subject| {
                let allowed = snapshot.allows(subject, scope(at), to_right(right)).unwrap();
                let told = snapshot.explain(subject, scope(at), to_right(right)).unwrap();
                prop_assert_eq!(told.allowed, allowed);
                prop_assert_eq!(told.version, snapshot.version);
                prop_assert_eq!(told.steps.iter().filter(|step| step.decides).count(), 1);
                let decider = told.decided_by().unwrap();
                prop_assert_eq!(decider.value == AuthValue::Allow, allowed);
                // Nothing is asked once the question is settled, but for the rest of the group that settled it.
                let at = told.steps.iter().position(|step| step.decides).unwrap();
                let same_group = |rule: &Rule| match decider.rule {
                    Rule::LayerRole(_) => matches!(rule, Rule::LayerRole(_)),
                    Rule::ServerEveryone | Rule::ServerRole(_) => matches!(rule, Rule::ServerRole(_)),
                    _ => false,
                };
                prop_assert!(told.steps[at + 1..].iter().all(|step| same_group(&step.rule)), "{:?}", told);
                // A sentence each, and the verdict.
                let text = told.to_string();
                prop_assert_eq!(text.lines().count(), told.steps.len() + 1);
                prop_assert!(text.lines().all(|line| line.ends_with('.')), "{}", text);
                prop_assert!(text.split_whitespace().all(|word| word != who.name), "{}", text);
                Ok(())
            })?;
        }
    }

    /// Taking the deciding step away, or turning it round, is what changes the answer: it really decided.
    #[test]
    fn an_override_named_as_decider_decides(world in world(), who in member(), at in place(), right in right()) {
        let world = world.open(at);
        let snapshot = world.snapshot();
        let told = with_subject(&who, |subject| snapshot.explain(subject, scope(at), to_right(right)).unwrap());
        if told.decided_by().unwrap().rule == Rule::Override {
            let mut turned = world.clone();
            let said = turned.place_mut(at).overrides.get_mut(&who.name).unwrap().get_mut(&right).unwrap();
            *said = -*said;
            prop_assert_ne!(turned.check(&who, at, right), told.allowed);
        }
    }
}

/// What an admin reads: the text of two explanations, whole.
#[test]
fn explanations_read_as_sentences() {
    use rotunda_model::{Auths, CategoryId, ChannelId, Right, ServerId, SyncMode};
    use rotunda_permissions::{CategoryRules, ChannelRules, RoleRules, Scope, Snapshot, Subject};

    let says = |right, value| -> Auths { [(right, value)].into_iter().collect() };
    let (ann, channel, category) = (accid("ann"), ChannelId::new(11).unwrap(), CategoryId::new(21).unwrap());
    let kick = says(Right::KICK_SERVER, AuthValue::Allow);
    let mut snapshot = Snapshot::new(ServerId::new(1).unwrap(), 7, accid("olga"), role(100), Auths::new());
    snapshot.put_role(role(1), RoleRules { priority: 1, auths: kick });
    snapshot.put_role(role(2), RoleRules { priority: 2, auths: Auths::new() });
    let mut rules = CategoryRules::default();
    rules.layer.members.put(ann.clone(), Auths::new());
    rules.layer.roles.put(role(1), says(Right::RTC_CONNECT, AuthValue::Deny));
    rules.layer.roles.put(role(2), says(Right::RTC_CONNECT, AuthValue::Allow));
    snapshot.put_category(category, rules);
    let sync = SyncMode::WithCategory;
    snapshot.put_channel(channel, ChannelRules { category: Some(category), sync, ..Default::default() });

    let roles = [role(1), role(2)];
    let ann = Subject::member(&ann, &roles);
    let told = |right| snapshot.explain(&ann, Scope::Channel(channel), right).unwrap().to_string();
    assert_eq!(
        told(Right::RTC_CONNECT),
        "The channel is in sync with category 21, whose rules replace its own.\n\
         It is public, and no black list names the member.\n\
         The member's own override here says nothing about it.\n\
         Role 1 here denies it.\n\
         Role 2 here allows it.\n\
         RTCChannelConnect is allowed."
    );
    assert_eq!(
        told(Right::KICK_SERVER),
        "The channel is in sync with category 21, whose rules replace its own.\n\
         It is public, and no black list names the member.\n\
         This right exists only on server roles, so no layer is asked.\n\
         The server's @everyone role does not allow it.\n\
         Server role 1 allows it.\n\
         Server role 2 does not allow it.\n\
         kickServer is allowed."
    );
}

/// Names stand beside the ids, and no name can break out of its sentence or its line.
#[test]
fn names_stand_beside_ids() {
    use rotunda_model::{CategoryId, RoleId};
    use rotunda_permissions::{Names, Sight, Step};

    struct Known;
    impl Names for Known {
        fn role(&self, id: RoleId) -> Option<&str> {
            (id == role(2)).then_some("合唱 \u{1b}[31m\n\"x\".")
        }
        fn category(&self, _: CategoryId) -> Option<&str> {
            Some("Wing")
        }
    }
    let says = |rule| Step { rule, value: AuthValue::Deny, decides: false }.sentence(&Known);
    assert_eq!(says(Rule::LayerRole(role(2))), r#"Role 2 "合唱 \u{1b}[31m\n\"x\"." here denies it."#);
    assert_eq!(says(Rule::ServerRole(role(3))), "Server role 3 does not allow it.");
    assert_eq!(
        says(Rule::Sight(Sight::BlackRole(role(3)))),
        "It is public, but the black list names the member's role 3."
    );
    assert_eq!(
        says(Rule::Synced(CategoryId::new(21).unwrap())),
        r#"The channel is in sync with category 21 "Wing", whose rules replace its own."#
    );
}
