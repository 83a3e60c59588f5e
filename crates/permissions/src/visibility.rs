//! Who sees a channel or category.

use rotunda_model::{ChannelId, RoleId, ViewMode, VisitorMode};

use crate::{Scope, Snapshot, Subject, snapshot::Named, snapshot::Place, subject::Standing};

/// Whether something is seen, and the fact that decided it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// The owner sees everything, and no list hides anything from them.
    Owner,
    Outsider,
    /// Public, and on no black list.
    Public,
    BlackMember,
    BlackRole(RoleId),
    WhiteMember,
    WhiteRole(RoleId),
    /// Private, and on no white list.
    Unlisted,
    /// A visitor, where visitors may look. Lists do not apply to those who are no members.
    OpenToVisitors,
    ClosedToVisitors,
}

impl Sight {
    pub const fn is_visible(self) -> bool {
        match self {
            Self::Owner | Self::Public | Self::WhiteMember | Self::WhiteRole(_) | Self::OpenToVisitors => {
                true
            }
            Self::Outsider
            | Self::BlackMember
            | Self::BlackRole(_)
            | Self::Unlisted
            | Self::ClosedToVisitors => false,
        }
    }
}

impl Snapshot {
    /// Whether the subject sees the channel or category, and why; a server is seen by its members and visitors.
    /// `None` for a channel or category that is not of this server.
    pub fn sight(&self, subject: &Subject<'_>, scope: Scope) -> Option<Sight> {
        match (scope, subject.standing()) {
            (Scope::Server, Standing::Visitor) => Some(Sight::OpenToVisitors),
            (Scope::Server, Standing::Outsider) => Some(Sight::Outsider),
            (Scope::Server, Standing::Member) if self.is_owner(subject) => Some(Sight::Owner),
            (Scope::Server, Standing::Member) => Some(Sight::Public),
            (Scope::Channel(_) | Scope::Category(_), _) => {
                let place = self.place(scope)?;
                Some(self.sight_of(subject, scope, &place))
            }
        }
    }

    /// `None`: no such channel.
    pub fn visible(&self, subject: &Subject<'_>, channel: ChannelId) -> Option<bool> {
        self.sight(subject, Scope::Channel(channel)).map(Sight::is_visible)
    }

    /// `None`: no such category.
    pub fn category_visible(
        &self,
        subject: &Subject<'_>,
        category: rotunda_model::CategoryId,
    ) -> Option<bool> {
        self.sight(subject, Scope::Category(category)).map(Sight::is_visible)
    }

    pub(crate) fn sight_of(&self, subject: &Subject<'_>, scope: Scope, place: &Place<'_>) -> Sight {
        match subject.standing() {
            Standing::Outsider => Sight::Outsider,
            Standing::Visitor if self.open_to_visitors(scope, place) => Sight::OpenToVisitors,
            Standing::Visitor => Sight::ClosedToVisitors,
            Standing::Member if self.is_owner(subject) => Sight::Owner,
            Standing::Member => match place.lists.view_mode {
                ViewMode::Public => {
                    let black = self.named(&place.lists.black, subject);
                    black.map_or(Sight::Public, |role| role.map_or(Sight::BlackMember, Sight::BlackRole))
                }
                ViewMode::Private => {
                    let white = self.named(&place.lists.white, subject);
                    white.map_or(Sight::Unlisted, |role| role.map_or(Sight::WhiteMember, Sight::WhiteRole))
                }
            },
        }
    }

    /// `None`: not on the list; else the role by which the member is on it, or none when named itself.
    fn named(&self, list: &Named, subject: &Subject<'_>) -> Option<Option<RoleId>> {
        if list.members.has(subject.accid()) {
            return Some(None);
        }
        if list.roles.is_empty() {
            return None;
        }
        let everyone = std::iter::once(self.everyone());
        everyone.chain(subject.roles().iter().copied()).find(|role| list.roles.has(role)).map(Some)
    }

    /// A category is open to visitors when one of its channels is.
    fn open_to_visitors(&self, scope: Scope, place: &Place<'_>) -> bool {
        if let Scope::Category(category) = scope {
            return self.channels().filter(|(_, channel)| channel.category == Some(category)).any(
                |(id, _)| {
                    let scope = Scope::Channel(id);
                    self.place(scope).is_some_and(|place| self.open_to_visitors(scope, &place))
                },
            );
        }
        match place.visitor_mode {
            VisitorMode::Visible => true,
            VisitorMode::Hidden => false,
            VisitorMode::Follow => place.lists.view_mode == ViewMode::Public,
        }
    }
}
