//! The fold that answers every question about rights.
//!
//! Layers are consulted from the most particular to the most general. Each says allow or deny or nothing about every
//! right at once, as two words; what it says settles the rights that are still open. One right is the same question
//! with a mask of one bit; a custom right, which no word holds, borrows a bit of its own.

use rotunda_model::{
    AuthValue, Auths, CategoryId, ChannelId, RightSet, RoleId,
    right::{Right, RightScope},
};

use crate::{Rule, Scope, Snapshot, Subject, snapshot::Layer};

/// The bit a custom right borrows; built-in rights are bits 1 to 27.
const CUSTOM_BIT: u64 = 1 << 63;

/// Rights a channel or category layer may speak about.
const LAYERED: u64 = {
    let mut bits = CUSTOM_BIT;
    let mut at = 0;
    while at < Right::BUILT_IN.len() {
        let right = Right::BUILT_IN[at];
        if matches!(right.scope(), RightScope::Channel) {
            bits |= RightSet::EMPTY.with(right).bits();
        }
        at += 1;
    }
    bits
};

/// What is asked: some built-in rights at once, or one custom right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    mask: u64,
    custom: Option<Right>,
}

/// What one source says to a question. A bit is never in both.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Says {
    pub allow: u64,
    pub deny: u64,
}

/// Hears of every rule as it is consulted. [`Unheard`] costs nothing.
pub(crate) trait Listener {
    /// Whether it wants to hear the rest of a group of roles when one of them has settled everything asked.
    const ALL: bool;

    fn consulted(&mut self, rule: Rule, says: Says);
}

pub(crate) struct Unheard;

impl Listener for Unheard {
    const ALL: bool = false;

    #[inline(always)]
    fn consulted(&mut self, _: Rule, _: Says) {}
}

impl Question {
    const EVERY: Self = Self { mask: RightSet::ALL.bits(), custom: None };

    pub(crate) const fn one(right: Right) -> Self {
        if right.is_custom() {
            Self { mask: CUSTOM_BIT, custom: Some(right) }
        } else {
            Self { mask: RightSet::EMPTY.with(right).bits(), custom: None }
        }
    }

    /// Everything asked is allowed.
    const fn allow(self) -> Says {
        Says { allow: self.mask, deny: 0 }
    }

    /// Everything asked is denied.
    const fn deny(self) -> Says {
        Says { allow: 0, deny: self.mask }
    }

    fn read(self, auths: &Auths) -> Says {
        let Some(custom) = self.custom else {
            return Says {
                allow: auths.allowed().bits() & self.mask,
                deny: auths.denied().bits() & self.mask,
            };
        };
        match auths.get(custom) {
            AuthValue::Allow => self.allow(),
            AuthValue::Deny => self.deny(),
            AuthValue::Ignore => Says::default(),
        }
    }
}

/// The state of the fold: rights nobody has settled yet, and those settled as allowed.
struct Fold {
    open: u64,
    allowed: u64,
}

impl Fold {
    const fn settle(&mut self, says: Says) {
        self.allowed |= self.open & says.allow;
        self.open &= !(says.allow | says.deny);
    }
}

impl Snapshot {
    /// Whether the subject holds the right there. `None` for a channel or category that is not of this server.
    ///
    /// In a channel or category: not a member: no; owner: yes; cannot see it: no; a right that exists only for the
    /// server: as in the server; then the first that speaks of the member's override, the member's custom roles in
    /// this layer taken together (one allow beats any number of denies), the layer's @everyone, the server's roles.
    /// In the server: yes when @everyone or one of the member's roles allows it; rank plays no part.
    pub fn allows(&self, subject: &Subject<'_>, scope: Scope, right: Right) -> Option<bool> {
        Some(self.answer(subject, scope, Question::one(right), &mut Unheard)? != 0)
    }

    /// All built-in rights the subject holds there, in one fold; otherwise as [`Self::allows`].
    pub fn rights(&self, subject: &Subject<'_>, scope: Scope) -> Option<RightSet> {
        self.answer(subject, scope, Question::EVERY, &mut Unheard).map(RightSet::from_bits)
    }

    pub fn server_allows(&self, subject: &Subject<'_>, right: Right) -> bool {
        self.allows(subject, Scope::Server, right).unwrap_or(false)
    }

    /// `None`: no such channel.
    pub fn channel_allows(&self, subject: &Subject<'_>, channel: ChannelId, right: Right) -> Option<bool> {
        self.allows(subject, Scope::Channel(channel), right)
    }

    /// `None`: no such category.
    pub fn category_allows(&self, subject: &Subject<'_>, category: CategoryId, right: Right) -> Option<bool> {
        self.allows(subject, Scope::Category(category), right)
    }

    pub fn server_rights(&self, subject: &Subject<'_>) -> RightSet {
        self.rights(subject, Scope::Server).unwrap_or_default()
    }

    /// `None`: no such channel.
    pub fn channel_rights(&self, subject: &Subject<'_>, channel: ChannelId) -> Option<RightSet> {
        self.rights(subject, Scope::Channel(channel))
    }

    /// The server roles that give the right, @everyone among them when it does. The right's holders in the server are
    /// the owner and the members of these: for finding them in storage without asking about every member.
    pub fn granting_roles(&self, right: Right) -> impl Iterator<Item = RoleId> {
        let custom = self.roles.iter().map(|(id, rules)| (*id, &rules.auths));
        let all = std::iter::once((self.everyone, &self.everyone_auths)).chain(custom);
        all.filter(move |(_, auths)| Question::one(right).read(auths).allow != 0).map(|(id, _)| id)
    }

    /// The bits of the question that are allowed. This is the only evaluation there is.
    pub(crate) fn answer(
        &self,
        subject: &Subject<'_>,
        scope: Scope,
        question: Question,
        heard: &mut impl Listener,
    ) -> Option<u64> {
        let place = match scope {
            Scope::Server => None,
            Scope::Channel(_) | Scope::Category(_) => Some(self.place(scope)?),
        };
        if !subject.is_member() {
            heard.consulted(Rule::NotMember, question.deny());
            return Some(0);
        }
        if self.is_owner(subject) {
            heard.consulted(Rule::Owner, question.allow());
            return Some(question.mask);
        }
        let mut fold = Fold { open: question.mask, allowed: 0 };
        if let Some(place) = place {
            if let Some(category) = place.synced {
                heard.consulted(Rule::Synced(category), Says::default());
            }
            let sight = self.sight_of(subject, scope, &place);
            if !sight.is_visible() {
                heard.consulted(Rule::Sight(sight), question.deny());
                return Some(0);
            }
            heard.consulted(Rule::Sight(sight), Says::default());
            if question.mask & LAYERED == 0 {
                heard.consulted(Rule::ServerOnly, Says::default());
            } else {
                self.settle_by_layer(&mut fold, place.layer, subject, question, heard);
            }
        }
        if fold.open != 0 {
            fold.settle(self.by_server(subject, question, heard));
        }
        Some(fold.allowed)
    }

    fn settle_by_layer<L: Listener>(
        &self,
        fold: &mut Fold,
        layer: &Layer,
        subject: &Subject<'_>,
        question: Question,
        heard: &mut L,
    ) {
        let layered = Question { mask: question.mask & LAYERED, ..question };

        if let Some(auths) = layer.members.get(subject.accid()) {
            let says = layered.read(auths);
            heard.consulted(Rule::Override, says);
            fold.settle(says);
            if fold.open == 0 {
                return;
            }
        }

        let mut together = Says::default();
        for &role in self.custom_roles(subject) {
            if let Some(auths) = layer.roles.get(&role) {
                let says = layered.read(auths);
                heard.consulted(Rule::LayerRole(role), says);
                together.allow |= says.allow;
                together.deny |= says.deny;
                if !L::ALL && together.allow == layered.mask {
                    break;
                }
            }
        }
        together.deny &= !together.allow;
        fold.settle(together);
        if fold.open == 0 {
            return;
        }

        let says = layered.read(&layer.everyone);
        heard.consulted(Rule::LayerEveryone, says);
        fold.settle(says);
    }

    /// Settles everything: what no role allows is denied.
    fn by_server<L: Listener>(&self, subject: &Subject<'_>, question: Question, heard: &mut L) -> Says {
        let says = question.read(&self.everyone_auths);
        heard.consulted(Rule::ServerEveryone, Says { deny: 0, ..says });
        let mut allow = says.allow;
        for role in self.custom_roles(subject) {
            if !L::ALL && allow == question.mask {
                break;
            }
            if let Some(rules) = self.roles.get(role) {
                let says = question.read(&rules.auths);
                heard.consulted(Rule::ServerRole(*role), Says { deny: 0, ..says });
                allow |= says.allow;
            }
        }
        let deny = question.mask & !allow;
        if deny != 0 {
            heard.consulted(Rule::NoRole, Says { allow: 0, deny });
        }
        Says { allow, deny }
    }

    fn custom_roles<'a>(&self, subject: &Subject<'a>) -> impl Iterator<Item = &'a RoleId> {
        let everyone = self.everyone;
        subject.roles().iter().filter(move |role| **role != everyone)
    }
}
