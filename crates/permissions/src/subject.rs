//! The one about whom a question is asked.

use rotunda_model::{Accid, RoleId};

/// An account's standing in one server, with its custom server roles there.
///
/// Memberships are not part of the snapshot: a server may have half a million members, and only those who are here
/// are asked about. Roles that the snapshot does not know (deleted a moment ago) have no effect; their order and
/// repetition have none either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject<'a> {
    accid: &'a Accid,
    standing: Standing,
    roles: &'a [RoleId],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Member,
    Visitor,
    Outsider,
}

impl<'a> Subject<'a> {
    /// A member with its custom roles; @everyone is implied.
    pub const fn member(accid: &'a Accid, roles: &'a [RoleId]) -> Self {
        Self { accid, standing: Standing::Member, roles }
    }

    /// One who has entered as a visitor (游客): sees what visitors see, holds no right.
    pub const fn visitor(accid: &'a Accid) -> Self {
        Self { accid, standing: Standing::Visitor, roles: &[] }
    }

    /// Neither member nor visitor; banned accounts too.
    pub const fn outsider(accid: &'a Accid) -> Self {
        Self { accid, standing: Standing::Outsider, roles: &[] }
    }

    pub const fn accid(&self) -> &'a Accid {
        self.accid
    }

    pub fn is_member(&self) -> bool {
        self.standing == Standing::Member
    }

    /// As given; empty for all but members.
    pub const fn roles(&self) -> &'a [RoleId] {
        self.roles
    }

    pub(crate) const fn standing(&self) -> Standing {
        self.standing
    }
}
