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
