//! How many instructions a forwarded packet takes in user space, and in which parts: the worker in memory under
//! callgrind. Other processes change nothing of it, and neither does the clock of the machine.
//!
//! Callgrind knows no AVX-512: what it counts of the cipher is its code for older processors.

use std::{
    collections::{BTreeMap, HashMap},
    io::BufReader,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail, ensure};
use serde::Serialize;

use crate::memory::{self, COUNTED};

/// Files of the product, of the library of ciphers and of the standard library, by what they do for a packet. The first
/// that is in a path counts.
const PARTS: [(&str, &[&str]); 10] = [
    ("cipher", &["srtp/", "aws-lc", "aws_lc", "crypto/fipsmodule"]),
    (
        "headers, numbering, picture numbers",
        &["head.rs", "rtp.rs", "rewrite.rs", "consumer.rs", "vp8.rs", "rtx.rs"],
    ),
    ("what was sent, for those who ask again", &["record.rs", "history.rs", "worker/resend.rs"]),
    ("what was sent, for bandwidth", &["twcc/departures.rs", "rate.rs", "downlink.rs"]),
    (
        "feedback and reports",
        &[
            "twcc/",
            "rtcp.rs",
            "estimate.rs",
            "trend.rs",
            "probe.rs",
            "allocat",
            "reception.rs",
            "worker/report.rs",
            "quality.rs",
        ],
    ),
    ("who gets what", &["worker/forward.rs", "layers.rs", "producer.rs", "wanted.rs", "takers.rs"]),
    (
        "what arrives",
        &[
            "worker/inbound.rs",
            "streams.rs",
            "nack.rs",
            "keyframe.rs",
            "loudest.rs",
            "stun.rs",
            "transport.rs",
        ],
    ),
    ("outgoing batch", &["batch.rs"]),
    ("the rest of the worker", &["crates/sfu/"]),
    ("copies, maps and other library code", &[""]),
];

#[derive(Debug, Clone, Serialize)]
pub struct Instructions {
    pub subscribers: usize,
    pub packets: u64,
    /// Of each packet.
    pub all: f64,
    pub parts: BTreeMap<&'static str, f64>,
}

/// Runs this binary under callgrind.
///
/// # Errors
/// There is no valgrind, or it failed.
pub fn count(subscribers: usize, seconds: u64, directory: &Path) -> anyhow::Result<Instructions> {
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        bail!("no valgrind here. On Debian: apt-get install valgrind");
    }
    let profile = directory.join("bench-forward.callgrind");
    let run = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--collect-atstart=no", "--compress-pos=no"])
        .arg(format!("--toggle-collect=*{COUNTED}*"))
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(std::env::current_exe()?)
        .args(["counted", &subscribers.to_string(), &seconds.to_string()])
        .output()?;
    let errors = String::from_utf8_lossy(&run.stderr);
    ensure!(run.status.success(), "under valgrind: {errors}");
    let packets: u64 =
        String::from_utf8_lossy(&run.stdout).trim().parse().with_context(|| format!("no count: {errors}"))?;
    let costs = by_file(BufReader::new(std::fs::File::open(&profile)?))?;
    let all: u64 = costs.values().sum();
    ensure!(all > 0, "nothing was counted: {}", profile.display());
    let mut parts = BTreeMap::new();
    for (file, cost) in &costs {
        let part = PARTS.iter().find(|(_, paths)| paths.iter().any(|path| file.contains(path)));
        *parts.entry(part.map_or("?", |(name, _)| *name)).or_insert(0.0) += *cost as f64 / packets as f64;
    }
    Ok(Instructions { subscribers, packets, all: all as f64 / packets as f64, parts })
}

/// The part that is counted: prints how many packets were forwarded.
///
/// # Errors
/// As [`memory::measure`].
pub fn counted(subscribers: usize, seconds: u64) -> anyhow::Result<()> {
    println!("{}", memory::forwarded(subscribers, seconds)?);
    Ok(())
}

/// Instructions by source file, those inlined from another file under that file. What has no line information counts
/// under its function.
fn by_file(profile: impl std::io::BufRead) -> anyhow::Result<BTreeMap<String, u64>> {
    let (mut files, mut functions) = (HashMap::new(), HashMap::new());
    let (mut file, mut function) = (String::new(), String::new());
    let (mut costs, mut called) = (BTreeMap::new(), false);
    for line in profile.lines() {
        let line = line?;
        if let Some((key, value)) = line.split_once('=') {
            match key {
                "fl" | "fi" | "fe" => file = named(&mut files, value),
                "fn" => function = named(&mut functions, value),
                // Only to learn the names they give.
                "cfi" | "cfl" => drop(named(&mut files, value)),
                "cfn" => drop(named(&mut functions, value)),
                // The line after it is what the callee cost.
                "calls" => called = true,
                _ => {}
            }
        } else if line.starts_with(|first: char| first.is_ascii_digit()) && !std::mem::take(&mut called) {
            let cost = line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok()).unwrap_or(0);
            let place = if file.is_empty() || file == "???" { &function } else { &file };
            *costs.entry(place.clone()).or_insert(0) += cost;
        }
    }
    Ok(costs)
}

/// Reads `(1) name`, or `(1)` of one that was named before.
fn named(names: &mut HashMap<String, String>, value: &str) -> String {
    let (id, name) = value.split_once(' ').unwrap_or((value, ""));
    if name.is_empty() {
        return names.get(id).cloned().unwrap_or_default();
    }
    names.insert(id.to_owned(), name.to_owned());
    name.to_owned()
}

impl Instructions {
    pub fn markdown(&self) -> String {
        let mut parts: Vec<_> = self.parts.iter().collect();
        parts.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let lines = parts
            .iter()
            .map(|(name, count)| format!("| {name} | {count:.0} | {:.0} % |\n", **count * 100.0 / self.all));
        format!(
            "| {} packets to {} subscribers, no socket | instructions/packet | share |\n| --- | ---: | ---: |\n\
             {}| all | {:.0} | |\n",
            self.packets,
            self.subscribers,
            lines.collect::<String>(),
            self.all,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_told_apart_by_the_file_they_were_inlined_from() {
        let profile = "version: 1\nevents: Ir\n\nob=(1) /bench\nfl=(1) /crates/sfu/src/consumer.rs\nfn=(1) write\n\
                       10 5\nfi=(2) /crates/sfu/src/head.rs\n3 7\nfe=(1)\n11 1\ncfn=(2) seal\ncalls=2 0\n12 900\n\
                       13 2\n\nfl=(3) ???\nfn=(2)\n0 900\n\nfl=(1)\nfn=(1)\n14 4\n";
        let costs = by_file(profile.as_bytes()).unwrap();
        let expected = [("/crates/sfu/src/consumer.rs", 12), ("/crates/sfu/src/head.rs", 7), ("seal", 900)];
        assert_eq!(costs, expected.map(|(file, cost)| (file.to_owned(), cost)).into());
    }
}
