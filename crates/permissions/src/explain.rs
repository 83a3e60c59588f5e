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
    const ALL: bool = true;

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

/// What the ids in an explanation are called. `()` knows no names.
pub trait Names {
    /// Of a server role.
    fn role(&self, role: RoleId) -> Option<&str>;
    fn category(&self, category: CategoryId) -> Option<&str>;
}

impl Names for () {
    fn role(&self, _: RoleId) -> Option<&str> {
        None
    }

    fn category(&self, _: CategoryId) -> Option<&str> {
        None
    }
}

/// An id, and beside it what it is called. A name is anybody's text, so it is quoted and its control characters are
/// escaped: it can neither end the sentence nor steer a terminal.
struct Called<'a, I>(I, Option<&'a str>);

impl<I: fmt::Display> fmt::Display for Called<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(name) => write!(f, "{} {name:?}", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

/// One plain sentence.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(&()))
    }
}

impl Step {
    /// One plain sentence, with the names that are known beside the ids.
    pub fn sentence(&self, names: &impl Names) -> String {
        let says = match self.value {
            AuthValue::Allow => "allows it",
            AuthValue::Deny => "denies it",
            AuthValue::Ignore => "says nothing about it",
        };
        let allows = match self.value {
            AuthValue::Allow => "allows it",
            AuthValue::Deny | AuthValue::Ignore => "does not allow it",
        };
        let called = |role| Called(role, names.role(role));
        match self.rule {
            Rule::NotMember => "The account is not a member of the server.".into(),
            Rule::Owner => "The account owns the server, so it may do everything.".into(),
            Rule::Synced(category) => {
                let category = Called(category, names.category(category));
                format!("The channel is in sync with category {category}, whose rules replace its own.")
            }
            Rule::Sight(sight) => sight.sentence(names),
            Rule::ServerOnly => "This right exists only on server roles, so no layer is asked.".into(),
            Rule::Override => format!("The member's own override here {says}."),
            Rule::LayerRole(role) => format!("Role {} here {says}.", called(role)),
            Rule::LayerEveryone => format!("The @everyone role here {says}."),
            Rule::ServerRole(role) => format!("Server role {} {allows}.", called(role)),
            Rule::ServerEveryone => format!("The server's @everyone role {allows}."),
            Rule::NoRole => "None of the member's server roles allows it.".into(),
        }
    }
}

/// One plain sentence.
impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(&()))
    }
}

impl Sight {
    /// One plain sentence, with the names that are known beside the ids.
    pub fn sentence(&self, names: &impl Names) -> String {
        let called = |role| Called(role, names.role(role));
        match *self {
            Self::Owner => "The owner of the server sees everything.".into(),
            Self::Outsider => "Only members and visitors see anything of the server.".into(),
            Self::Public => "It is public, and no black list names the member.".into(),
            Self::BlackMember => "It is public, but the black list names the member.".into(),
            Self::BlackRole(role) => {
                format!("It is public, but the black list names the member's role {}.", called(role))
            }
            Self::WhiteMember => "It is private, and the white list names the member.".into(),
            Self::WhiteRole(role) => {
                format!("It is private, and the white list names the member's role {}.", called(role))
            }
            Self::Unlisted => "It is private, and no white list names the member.".into(),
            Self::OpenToVisitors => "It is open to visitors.".into(),
            Self::ClosedToVisitors => "It is closed to visitors.".into(),
        }
    }
}
