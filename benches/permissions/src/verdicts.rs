//! Verdicts from a snapshot in memory.

use rotunda_core::rules::build;

use crate::{
    Scale,
    community::Community,
    figures::{Figure, Figures, Unit},
    measure::{allocations, clock_cost, time},
};

/// Nanoseconds.
const MEDIAN_MAX: f64 = 100.0;
const P99_MAX: f64 = 1_000.0;

/// Calls timed together for a median: the clock costs as much as a verdict, so one alone would mostly show the clock.
const BATCH: usize = 16;

/// Different questions: too many for a branch predictor to learn by heart, and few enough to stay in a cache beside the
/// rules, because it is the rules that are measured.
const QUESTIONS: usize = 1_024;

pub fn run(scale: &Scale, figures: &mut Figures) -> anyhow::Result<()> {
    let community = Community::new();
    let snapshot = build(community.rules()?)?;
    let clock = clock_cost(scale.verdicts)?;
    figures.note(format!(
        "Verdicts: medians over batches of {BATCH} calls; p99 over single calls, with the clock's own {clock:.0} ns in it."
    ));
    for (what, custom) in [("built-in right", false), ("custom right", true)] {
        let questions = community.questions(QUESTIONS, custom);
        let one = |call: usize| {
            let question = &questions[call % QUESTIONS];
            snapshot.allows(&question.subject(), question.scope(), question.right)
        };
        let slow = |call: usize| {
            let question = &questions[call % QUESTIONS];
            community.world.allows(&question.who, question.at, question.right.id())
        };
        let agree = (0..QUESTIONS).all(|call| one(call) == Some(slow(call)));
        anyhow::ensure!(agree, "the reference disagrees about a {what}");
        let allowed = (0..QUESTIONS).filter(|call| one(*call) == Some(true)).count();
        figures.note(format!("{allowed} of {QUESTIONS} questions about a {what} are answered with yes."));

        let (batches, singles) = (time(scale.verdicts, BATCH, one)?, time(scale.verdicts, 1, one)?);
        let (slow_batches, slow_singles) =
            (time(scale.verdicts / 20, BATCH, slow)?, time(scale.verdicts / 2, 1, slow)?);
        figures.add(
            Figure::new(format!("verdict, {what}, median"), Unit::Nanoseconds, batches.median())
                .at_most(MEDIAN_MAX)
                .beside("reference", slow_batches.median()),
        );
        figures.add(
            Figure::new(format!("verdict, {what}, p99"), Unit::Nanoseconds, singles.p99())
                .at_most(P99_MAX)
                .beside("reference", slow_singles.p99()),
        );
        figures.add(
            Figure::new(
                format!("allocations of {QUESTIONS} verdicts, {what}"),
                Unit::Count,
                allocations(QUESTIONS, one) as f64,
            )
            .at_most(0.0),
        );
    }

    let questions = community.questions(QUESTIONS, false);
    let all = |call: usize| {
        let question = &questions[call % QUESTIONS];
        snapshot.rights(&question.subject(), question.scope())
    };
    let one_by_one = |call: usize| {
        let question = &questions[call % QUESTIONS];
        (1..=27).filter(|right| community.world.allows(&question.who, question.at, *right)).count()
    };
    let (batches, singles) = (time(scale.verdicts, BATCH, all)?, time(scale.verdicts, 1, all)?);
    let slow = time(scale.verdicts / 100, 1, one_by_one)?;
    figures.add(
        Figure::new("all 27 rights at once, median", Unit::Nanoseconds, batches.median())
            .beside("reference", slow.median()),
    );
    figures.add(
        Figure::new("all 27 rights at once, p99", Unit::Nanoseconds, singles.p99())
            .beside("reference", slow.p99()),
    );
    figures.add(
        Figure::new(
            format!("allocations of {QUESTIONS} times all 27 rights"),
            Unit::Count,
            allocations(QUESTIONS, all) as f64,
        )
        .at_most(0.0),
    );
    Ok(())
}
