//! `rotunda doctor`: looks at everything that usually goes wrong, and says of each in a sentence what it is and what
//! to do.

pub mod call;
mod certificate;
mod database;
pub mod host;
mod network;
mod stun;

use std::io::IsTerminal;

use serde::Serialize;

use crate::{cli, config::Config};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Ok,
    /// Works, but will not for long or not for everyone.
    Warn,
    Fail,
    /// Could not be looked at because of something above.
    Skipped,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub check: &'static str,
    pub state: State,
    pub says: String,
    /// What to do, where there is something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    fn new(check: &'static str, state: State, says: impl Into<String>) -> Self {
        Self { check, state, says: says.into(), fix: None }
    }

    fn ok(check: &'static str, says: impl Into<String>) -> Self {
        Self::new(check, State::Ok, says)
    }

    fn warn(check: &'static str, says: impl Into<String>) -> Self {
        Self::new(check, State::Warn, says)
    }

    fn fail(check: &'static str, says: impl Into<String>) -> Self {
        Self::new(check, State::Fail, says)
    }

    fn skipped(check: &'static str, says: impl Into<String>) -> Self {
        Self::new(check, State::Skipped, says)
    }

    fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// All findings, in the order they were looked at.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Nothing failed. Warnings are no failures.
    pub ok: bool,
    pub version: &'static str,
    pub findings: Vec<Finding>,
}

/// Looks at everything. Nothing is changed; a call of one second goes through the media ports.
pub async fn examine(config: &Config, options: &cli::Doctor) -> Report {
    let mut findings = host::look();
    findings.extend(database::look(config, options.time_from.as_deref()).await);
    findings.extend(certificate::look(config));
    findings.extend(network::look(config).await);
    Report {
        ok: findings.iter().all(|finding| finding.state != State::Fail),
        version: env!("CARGO_PKG_VERSION"),
        findings,
    }
}

impl Report {
    /// For a person, or as one JSON object.
    pub fn print(&self, as_json: bool) -> anyhow::Result<()> {
        if as_json {
            println!("{}", serde_json::to_string(self)?);
            return Ok(());
        }
        print!("{}", self.text(std::io::stdout().is_terminal()));
        Ok(())
    }

    fn text(&self, colours: bool) -> String {
        let mut text = String::new();
        for Finding { check, state, says, fix } in &self.findings {
            let (word, colour) = match state {
                State::Ok => ("ok", 32),
                State::Warn => ("warn", 33),
                State::Fail => ("FAIL", 31),
                State::Skipped => ("-", 90),
            };
            let word = match colours {
                true => format!("\x1b[{colour}m{word:<5}\x1b[0m"),
                false => format!("{word:<5}"),
            };
            text += &format!("{word} {check:<12} {says}\n");
            for line in fix.iter().flat_map(|fix| fix.lines()) {
                text += &format!("                   {line}\n");
            }
        }
        text += if self.ok { "\nNothing is wrong.\n" } else { "\nSomething is wrong; see FAIL above.\n" };
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_by_people_and_programs() {
        let findings =
            vec![Finding::ok("clock", "right"), Finding::fail("udp", "silent").fix("open it\nand again")];
        let report = Report { ok: false, version: "1", findings };
        let text = report.text(false);
        assert!(text.contains("ok    clock        right\nFAIL  udp          silent\n"), "{text}");
        assert!(text.contains("                   open it\n                   and again\n"), "{text}");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["findings"][1]["state"], "fail");
        assert_eq!(json["findings"][0].get("fix"), None);
    }
}
