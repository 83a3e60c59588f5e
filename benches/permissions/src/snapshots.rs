//! Building a server's snapshot, and what it keeps in memory.

use rotunda_core::rules::build;

use crate::{
    Scale,
    community::{CHANNELS, Community, ROLES, plain_maps},
    figures::{Figure, Figures, Unit},
    measure::{Times, kept, now},
};

/// Milliseconds and bytes a snapshot of this size may take.
const BUILD_MAX: f64 = 5.0;
const KEPT_MAX: f64 = 2.0 * 1024.0 * 1024.0;

pub fn run(scale: &Scale, figures: &mut Figures) -> anyhow::Result<()> {
    let community = Community::new();
    let rules = community.rules()?;
    let overrides = rules.overrides.len();
    figures.note(format!(
        "Snapshot: {ROLES} roles, {CHANNELS} channels and 10 categories with an entry for each role, {overrides} \
         overrides, {} list entries. Its bytes are counted at the allocator, account ids included.",
        rules.listed.len()
    ));
    let (mut ours, mut plain) = (Times::new()?, Times::new()?);
    for _ in 0..scale.builds {
        let rows = rules.clone();
        let begin = now();
        let snapshot = build(rows)?;
        ours.add(begin.elapsed(), 1)?;
        drop(snapshot);
        let begin = now();
        let world = plain_maps(&rules);
        plain.add(begin.elapsed(), 1)?;
        drop(world);
    }
    // The rows are made inside, so that what the snapshot takes over from them is counted.
    let (snapshot, bytes) = kept(|| community.rules().and_then(|rules| Ok(build(rules)?)));
    anyhow::ensure!(snapshot? == community.world.snapshot(), "the built snapshot is another server");
    let (_world, plain_bytes) = kept(|| plain_maps(&rules));

    let of = |times: &Times, quantile| times.quantile(quantile) / 1e6;
    figures.add(
        Figure::new("snapshot from rows, median", Unit::Milliseconds, of(&ours, 0.5))
            .at_most(BUILD_MAX)
            .beside("plain maps", of(&plain, 0.5)),
    );
    figures.add(
        Figure::new("snapshot from rows, p99", Unit::Milliseconds, of(&ours, 0.99))
            .at_most(BUILD_MAX)
            .beside("plain maps", of(&plain, 0.99)),
    );
    figures.add(
        Figure::new("memory of the snapshot", Unit::Bytes, bytes as f64)
            .at_most(KEPT_MAX)
            .beside("plain maps", plain_bytes as f64),
    );
    Ok(())
}
