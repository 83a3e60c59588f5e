//! What was measured, as a table and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// One figure; smaller is better.
#[derive(Debug)]
pub struct Figure {
    pub what: String,
    pub value: f64,
    pub unit: Unit,
    /// What it may be at most.
    pub bar: Option<f64>,
    /// The same done another way in this very run, in the same unit.
    pub baseline: Option<(&'static str, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Nanoseconds,
    Milliseconds,
    Bytes,
    Count,
}

/// All of a run.
#[derive(Debug, Default)]
pub struct Figures {
    pub figures: Vec<Figure>,
    /// What a reader has to know to judge them.
    pub notes: Vec<String>,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Nanoseconds => format!("{value:.1} ns"),
            Self::Milliseconds => format!("{value:.2} ms"),
            Self::Bytes => format!("{:.0} KiB", value / 1024.0),
            Self::Count => format!("{value:.0}"),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Milliseconds => "ms",
            Self::Bytes => "bytes",
            Self::Count => "count",
        }
    }
}

impl Figure {
    pub fn new(what: impl Into<String>, unit: Unit, value: f64) -> Self {
        Self { what: what.into(), value, unit, bar: None, baseline: None }
    }

    pub const fn at_most(mut self, bar: f64) -> Self {
        self.bar = Some(bar);
        self
    }

    pub const fn beside(mut self, name: &'static str, value: f64) -> Self {
        self.baseline = Some((name, value));
        self
    }

    /// `None` without a bar.
    fn holds(&self) -> Option<bool> {
        self.bar.map(|bar| self.value <= bar)
    }
}

impl Figures {
    pub fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Those above their bar.
    pub fn failed(&self) -> Vec<&Figure> {
        self.figures.iter().filter(|figure| figure.holds() == Some(false)).collect()
    }

    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| what | figure | at most | | baseline, same run | baseline / figure |\n\
             | --- | ---: | ---: | --- | --- | ---: |\n",
        );
        for figure in &self.figures {
            let bar = figure.bar.map(|bar| figure.unit.show(bar)).unwrap_or_default();
            let holds = figure.holds().map_or("", |holds| if holds { "ok" } else { "ABOVE" });
            let (baseline, ratio) = match figure.baseline {
                Some((name, value)) if figure.value > 0.0 => {
                    (format!("{name}: {}", figure.unit.show(value)), format!("{:.2}", value / figure.value))
                }
                Some((name, value)) => (format!("{name}: {}", figure.unit.show(value)), String::new()),
                None => Default::default(),
            };
            let value = figure.unit.show(figure.value);
            // Writing to a text cannot fail.
            let _ = writeln!(text, "| {} | {value} | {bar} | {holds} | {baseline} | {ratio} |", figure.what);
        }
        text.push('\n');
        for note in &self.notes {
            let _ = writeln!(text, "- {note}");
        }
        text
    }

    pub fn json(&self) -> Value {
        let figures = self.figures.iter().map(|figure| {
            json!({
                "what": figure.what,
                "value": figure.value,
                "unit": figure.unit.name(),
                "at_most": figure.bar,
                "holds": figure.holds(),
                "baseline": figure.baseline.map(|(name, value)| json!({ "what": name, "value": value })),
            })
        });
        json!({ "figures": figures.collect::<Vec<_>>(), "notes": self.notes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_above_its_bar_fails() {
        let mut figures = Figures::default();
        figures.add(Figure::new("free", Unit::Count, 9.0));
        figures.add(Figure::new("at the bar", Unit::Count, 1.0).at_most(1.0));
        figures.add(Figure::new("above", Unit::Milliseconds, 2.0).at_most(1.0).beside("old", 4.0));
        assert_eq!(figures.failed().iter().map(|figure| figure.what.as_str()).collect::<Vec<_>>(), ["above"]);
        assert!(figures.markdown().contains("| above | 2.00 ms | 1.00 ms | ABOVE | old: 4.00 ms | 2.00 |\n"));
    }
}
