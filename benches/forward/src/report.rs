//! What was measured, as tables and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use crate::{
    memory::UserSpace,
    scenario::{Outcome, Scenario, VOID_ABOVE},
};

/// CPU for each forwarded packet, the product's by the baseline's, at most.
pub const RATIO_BAR: f64 = 0.6;
/// Nanoseconds of user space for each forwarded packet, at most. Not checked: it depends on the machine.
pub const USER_SPACE_BAR: f64 = 1_000.0;

/// The product and the baseline, one after the other.
#[derive(Debug, Clone, Serialize)]
pub struct Pair {
    pub rotunda: Outcome,
    pub str0m: Outcome,
}

impl Pair {
    fn ratio(&self) -> f64 {
        self.rotunda.cpu_us / self.str0m.cpu_us
    }

    fn is_void(&self) -> bool {
        self.rotunda.is_void() || self.str0m.is_void()
    }
}

#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub machine: String,
    pub command: String,
    pub pairs: Vec<Pair>,
    pub outcomes: Vec<Outcome>,
    pub scaled: Vec<(&'static str, &'static str)>,
    pub user_space: Option<UserSpace>,
}

/// The middle one, or between the two in the middle; None of nothing.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 { Some(upper) } else { Some((values.get(middle - 1)? + upper) / 2.0) }
}

impl Report {
    /// The median of the ratios of the pairs that count; None when too many are void.
    pub fn ratio(&self) -> Option<f64> {
        let valid: Vec<f64> = self.pairs.iter().filter(|pair| !pair.is_void()).map(Pair::ratio).collect();
        // Of five at least three.
        if valid.len() * 2 > self.pairs.len() { median(valid) } else { None }
    }

    /// Whether the bar holds, and what to say about it.
    pub fn verdict(&self) -> Result<String, String> {
        match self.ratio() {
            Some(ratio) if ratio <= RATIO_BAR => Ok(format!("Ratio {ratio:.3}, at most {RATIO_BAR}: holds.")),
            Some(ratio) => Err(format!("Ratio {ratio:.3}, at most {RATIO_BAR}: ABOVE.")),
            None => Err(format!("No ratio: the load took more than {VOID_ABOVE} % in most pairs.")),
        }
    }

    pub fn note_scaling(&mut self, scenario: &Scenario) {
        if let Some(why) = scenario.scaled {
            self.scaled.push((scenario.name, why));
        }
    }

    pub fn markdown(&self) -> String {
        let mut text = format!("{}. `{}`\n\n", self.machine, self.command);
        self.put_pairs(&mut text);
        self.put_outcomes(&mut text);
        if let Some(user_space) = &self.user_space {
            put_user_space(&mut text, user_space);
        }
        text
    }

    // Writing to a text cannot fail.
    fn put_pairs(&self, text: &mut String) {
        if self.pairs.is_empty() {
            return;
        }
        text.push_str(
            "| pair | rotunda, us/packet | str0m, us/packet | ratio | delivered | load average |\n\
             | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        );
        for (number, pair) in (1..).zip(&self.pairs) {
            let (ours, theirs) = (&pair.rotunda, &pair.str0m);
            let void = if pair.is_void() { " VOID" } else { "" };
            let _ = writeln!(
                text,
                "| {number} | {:.2} | {:.2} | {:.3}{void} | {:.2} %, {:.2} % | {:.1}, {:.1} |",
                ours.cpu_us,
                theirs.cpu_us,
                pair.ratio(),
                ours.delivered,
                theirs.delivered,
                ours.load_average,
                theirs.load_average,
            );
        }
        let (Ok(verdict) | Err(verdict)) = self.verdict();
        let _ = writeln!(text, "\nMedian of {}: {verdict}\n", self.pairs.len());
    }

    fn put_outcomes(&self, text: &mut String) {
        let of_pairs = self.pairs.iter().flat_map(|pair| [&pair.rotunda, &pair.str0m]);
        let outcomes: Vec<&Outcome> = of_pairs.chain(&self.outcomes).collect();
        if outcomes.is_empty() {
            return;
        }
        text.push_str(
            "| scenario | server | packets/s | CPU us/packet | user + system | delivered | gaps | p50, p99 ms | \
             RSS KiB/member | handshake CPU ms | joins/s | server CPU, waited | load CPU, waited |\n\
             | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        );
        for outcome in outcomes {
            let void = if outcome.is_void() { " VOID" } else { "" };
            let _ = writeln!(
                text,
                "| {}{void} | {} | {:.0} | {:.2} | {:.2} + {:.2} | {:.2} % | {} | {:.2}, {:.1} | {:.0} | {:.2} | \
                 {:.0} | {:.0} %, {:.0} % | {:.0} %, {:.0} % |",
                outcome.scenario,
                outcome.server.name(),
                outcome.received_per_s,
                outcome.cpu_us,
                outcome.user_us,
                outcome.system_us,
                outcome.delivered,
                outcome.gaps,
                outcome.p50_us as f64 / 1e3,
                outcome.p99_us as f64 / 1e3,
                outcome.resident_kib,
                outcome.handshake_ms,
                outcome.joins_per_s,
                outcome.server_cpu,
                outcome.server_waited,
                outcome.load_cpu,
                outcome.load_waited,
            );
        }
        self.put_losses(text);
        text.push('\n');
        for (scenario, why) in &self.scaled {
            let _ = writeln!(text, "- {scenario}: {why}.");
        }
    }

    /// Why not everything arrived, as far as the server knows.
    fn put_losses(&self, text: &mut String) {
        let of_pairs = self.pairs.iter().flat_map(|pair| [&pair.rotunda, &pair.str0m]);
        for outcome in of_pairs.chain(&self.outcomes).filter(|outcome| outcome.delivered < 100.0) {
            let known = LESS.iter().filter_map(|name| {
                let count = outcome.counters.get(*name).filter(|count| **count > 0)?;
                Some(format!("{name} {count}"))
            });
            let known: Vec<String> = known.collect();
            if !known.is_empty() {
                let _ = writeln!(
                    text,
                    "\n{}, {}, counted: {}.",
                    outcome.scenario,
                    outcome.server.name(),
                    known.join(", ")
                );
            }
        }
    }
}

/// Counters of the product that say why a subscriber got less than was sent.
const LESS: [&str; 4] =
    ["paused_by_bandwidth", "dropped_by_socket", "waiting_for_keyframe", "dropped_unauthentic"];

fn put_user_space(text: &mut String, measured: &UserSpace) {
    let [low, high] = measured.range_ns;
    let holds = if measured.pictures_ns <= USER_SPACE_BAR { "holds" } else { "above" };
    let _ = writeln!(
        text,
        "\n| user space, no socket, {} subscribers | ns/packet |\n| --- | ---: |\n\
         | pictures arrive whole ({low:.0} to {high:.0}; at most {USER_SPACE_BAR:.0}: {holds}) | {:.0} |\n\
         | each packet arrives alone | {:.0} |",
        measured.subscribers, measured.pictures_ns, measured.packets_ns,
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::server::Kind;

    fn outcome(server: Kind, cpu_us: f64, load_cpu: f64) -> Outcome {
        Outcome {
            scenario: "1 to 200",
            server,
            members: 201,
            received: 1,
            received_per_s: 1.0,
            cpu_us,
            user_us: 0.0,
            system_us: cpu_us,
            delivered: 100.0,
            gaps: 0,
            p50_us: 0,
            p99_us: 0,
            resident_kib: 0.0,
            handshake_ms: 0.0,
            joins_per_s: 0.0,
            server_cpu: 0.0,
            server_waited: 0.0,
            load_cpu,
            load_waited: 0.0,
            load_average: 0.0,
            counters: BTreeMap::new(),
        }
    }

    fn report(pairs: &[(f64, f64, f64)]) -> Report {
        let pair = |(ours, theirs, load)| Pair {
            rotunda: outcome(Kind::Rotunda, ours, load),
            str0m: outcome(Kind::Str0m, theirs, 10.0),
        };
        Report { pairs: pairs.iter().copied().map(pair).collect(), ..Report::default() }
    }

    #[test]
    fn the_median_of_the_pairs_that_count_is_held_against_the_bar() {
        let good = report(&[(4.0, 10.0, 50.0), (9.0, 10.0, 50.0), (5.0, 10.0, 50.0)]);
        assert_eq!(good.ratio(), Some(0.5));
        assert!(good.verdict().is_ok());
        let bad = report(&[(6.1, 10.0, 50.0)]);
        assert!(bad.verdict().is_err());
        assert!(bad.markdown().contains("ABOVE"));
        let void = report(&[(1.0, 10.0, 95.0), (1.0, 10.0, 95.0), (7.0, 10.0, 50.0)]);
        assert_eq!(void.ratio(), None);
        assert!(void.verdict().is_err());
        assert!(Report::default().verdict().is_err(), "no pair, no verdict");
    }
}
