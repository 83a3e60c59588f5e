//! Why a verdict is what it is: the rules the fold consulted, in order, and the one that decided.

use std::fmt;

use rotunda_model::{AuthValue, CategoryId, Right, RoleId};

use crate::{
    Scope, Sight, Snapshot, Subject,
    evaluate::{Listener, Question, Says},
};

/// A rule the evaluation may consult.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    NotMember,
    Owner,
    /// The channel takes its view mode, lists and layer from this category.
    Synced(CategoryId),
    Sight(Sight),
    /// The right exists only on server roles, so the layer is skipped.
    ServerOnly,
    /// The member's override (定制权限) in this layer.
    Override,
    /// A custom role in this layer, by its server role. All of a member's are taken together, and allow wins.
    LayerRole(RoleId),
    LayerEveryone,
    /// A server role. All of a member's are taken together, and not to allow is to say nothing.
    ServerRole(RoleId),
    ServerEveryone,
    /// After all server roles: none of them allows it.
    NoRole,
}

/// A rule that was consulted about one right, and what it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub rule: Rule,
    /// Ignore: it does not speak about this right, and the next rule is asked.
    pub value: AuthValue,
    /// Exactly one step of an explanation decides.
    pub decides: bool,
}

/// The answer to "may this account do that there", with its reasons. As text: one sentence per line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    pub scope: Scope,
    pub right: Right,
    pub allowed: bool,
    /// In the order in which they were consulted; never empty.
    pub steps: Vec<Step>,
    /// The snapshot's version.
    pub version: i64,
}

impl Snapshot {
    /// The same fold as [`Self::allows`], with its steps written down. `None` when the scope is not of this server.
    pub fn explain(&self, subject: &Subject<'_>, scope: Scope, right: Right) -> Option<Explanation> {
        let mut heard = Heard(Vec::new());
        let allowed = self.answer(subject, scope, Question::one(right), &mut heard)? != 0;
        let mut steps = heard.0;
        // A rule that said the final answer ended the fold or belongs to the group that ended it, so the first such
        // is the one that decided. Roles overruled inside their group said the opposite.
        let said = if allowed { AuthValue::Allow } else { AuthValue::Deny };
        if let Some(step) = steps.iter_mut().find(|step| step.value == said) {
            step.decides = true;
        }
        Some(Explanation { scope, right, allowed, steps, version: self.version })
    }
}

struct Heard(Vec<Step>);

impl Listener for Heard {
    fn consulted(&mut self, rule: Rule, says: Says) {
        let value = match (says.allow != 0, says.deny != 0) {
            (true, _) => AuthValue::Allow,
            (_, true) => AuthValue::Deny,
            _ => AuthValue::Ignore,
        };
        self.0.push(Step { rule, value, decides: false });
    }
}

impl Explanation {
    /// The step that decided.
    pub fn decided_by(&self) -> Option<&Step> {
        self.steps.iter().find(|step| step.decides)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            writeln!(f, "{step}")?;
        }
        let verdict = if self.allowed { "allowed" } else { "denied" };
        match self.right.name() {
            Some(name) => write!(f, "{name} is {verdict}."),
            None => write!(f, "Custom right {} is {verdict}.", self.right.id()),
        }
    }
}

/// One plain sentence.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let says = match self.value {
            AuthValue::Allow => "allows it",
            AuthValue::Deny => "denies it",
            AuthValue::Ignore => "says nothing about it",
        };
        match self.rule {
            Rule::NotMember => f.write_str("The account is not a member of the server."),
            Rule::Owner => f.write_str("The account owns the server, so it may do everything."),
            Rule::Synced(category) => {
                write!(f, "The channel is in sync with category {category}, whose rules replace its own.")
            }
            Rule::Sight(sight) => write!(f, "{sight}"),
            Rule::ServerOnly => f.write_str("This right exists only on server roles, so no layer is asked."),
            Rule::Override => write!(f, "The member's own override here {says}."),
            Rule::LayerRole(role) => write!(f, "Role {role} here {says}."),
            Rule::LayerEveryone => write!(f, "The @everyone role here {says}."),
            Rule::ServerRole(role) => match self.value {
                AuthValue::Allow => write!(f, "Server role {role} allows it."),
                _ => write!(f, "Server role {role} does not allow it."),
            },
            Rule::ServerEveryone => match self.value {
                AuthValue::Allow => f.write_str("The server's @everyone role allows it."),
                _ => f.write_str("The server's @everyone role does not allow it."),
            },
            Rule::NoRole => f.write_str("None of the member's server roles allows it."),
        }
    }
}

/// One plain sentence.
impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner => f.write_str("The owner of the server sees everything."),
            Self::Outsider => f.write_str("Only members and visitors see anything of the server."),
            Self::Public => f.write_str("It is public, and no black list names the member."),
            Self::BlackMember => f.write_str("It is public, but the black list names the member."),
            Self::BlackRole(role) => {
                write!(f, "It is public, but the black list names the member's role {role}.")
            }
            Self::WhiteMember => f.write_str("It is private, and the white list names the member."),
            Self::WhiteRole(role) => {
                write!(f, "It is private, and the white list names the member's role {role}.")
            }
            Self::Unlisted => f.write_str("It is private, and no white list names the member."),
            Self::OpenToVisitors => f.write_str("It is open to visitors."),
            Self::ClosedToVisitors => f.write_str("It is closed to visitors."),
        }
    }
}
