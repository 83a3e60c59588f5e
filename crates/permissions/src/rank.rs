//! Rank: who may touch which role.

use std::fmt;

use crate::{Snapshot, Subject};

/// Smallest priority of a custom role; @everyone carries 0 yet ranks lowest.
pub const PRIORITY_MIN: i64 = 1;

/// Largest priority: beyond it a JavaScript number is no longer exact.
pub const PRIORITY_MAX: i64 = (1 << 53) - 1;

/// How high an account ranks. Greater is higher: the owner above all, then by the smallest priority among the
/// custom roles, then those with no custom role, who outrank nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    Owner,
    /// The smallest priority among the custom roles.
    Best(i64),
    Lowest,
}

impl Rank {
    /// Whether a role of that priority ranks strictly below. Equals do not touch each other.
    pub const fn is_above(self, priority: i64) -> bool {
        match self {
            Self::Owner => true,
            Self::Best(own) => priority > own,
            Self::Lowest => false,
        }
    }
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner => f.write_str("owner"),
            Self::Best(priority) => write!(f, "priority {priority}"),
            Self::Lowest => f.write_str("no custom role"),
        }
    }
}

impl Snapshot {
    /// The rank by which the subject may touch roles; an account that is not a member outranks nothing.
    pub fn best_rank(&self, subject: &Subject<'_>) -> Rank {
        if self.is_owner(subject) {
            return Rank::Owner;
        }
        let priorities = subject.roles().iter().filter_map(|role| self.roles.get(role));
        priorities.map(|rules| rules.priority).min().map_or(Rank::Lowest, Rank::Best)
    }

    /// The priority of a new role that names none: after the last.
    pub fn next_priority(&self) -> i64 {
        let last = self.roles.iter().map(|(_, rules)| rules.priority).max();
        last.map_or(PRIORITY_MIN, |last| last.saturating_add(1).min(PRIORITY_MAX))
    }
}
