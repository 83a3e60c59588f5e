//! Who stands where, as a change sees it.

use std::sync::Arc;

use rotunda_model::{Accid, UserKey};
use rotunda_permissions::{Snapshot, Subject};

use super::Change;
use crate::{Error, memberships::Roles};

/// An account's standing in one server, read at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub accid: Accid,
    /// `None`: not a member. Else the custom roles.
    pub roles: Option<Roles>,
    /// No member, but looking at the server. Told apart from outsiders only where something is read.
    pub visitor: bool,
}

impl Standing {
    pub(crate) fn new(accid: Accid, roles: Option<Roles>) -> Self {
        Self { accid, roles, visitor: false }
    }

    pub(crate) fn subject(&self) -> Subject<'_> {
        match &self.roles {
            Some(roles) => Subject::member(&self.accid, roles),
            None if self.visitor => Subject::visitor(&self.accid),
            None => Subject::outsider(&self.accid),
        }
    }

    pub(crate) fn is_member(&self) -> bool {
        self.roles.is_some()
    }
}

impl Change {
    pub(crate) async fn standing(&mut self, accid: &Accid) -> Result<Standing, Error> {
        let mut found = self.standings(std::slice::from_ref(accid)).await?;
        Ok(found.pop().unwrap_or_else(|| Standing::new(accid.clone(), None)))
    }

    /// In the order asked, as written so far.
    pub(crate) async fn standings(&mut self, accids: &[Accid]) -> Result<Vec<Standing>, Error> {
        if accids.is_empty() {
            return Ok(Vec::new());
        }
        let server = self.server();
        let mut found = rotunda_store::member::standings(&mut *self.tx, server, accids).await?;
        let standing = |accid: &Accid| Standing::new(accid.clone(), found.remove(accid).map(Roles::from));
        Ok(accids.iter().map(standing).collect())
    }

    /// The actor's standing before the change: ask before anything is written.
    pub(crate) async fn actor_standing(&mut self) -> Result<Standing, Error> {
        let accid = self.actor.user.accid.clone();
        let mut found = self.unaltered(std::slice::from_ref(&accid)).await?;
        Ok(found.pop().unwrap_or_else(|| Standing::new(accid, None)))
    }

    /// Standings of accounts whose membership and roles this change leaves as they are, in the order asked: from memory,
    /// which cannot move while the server is locked, else from storage.
    pub(crate) async fn unaltered(&mut self, accids: &[Accid]) -> Result<Vec<Standing>, Error> {
        if self.touches_anybody() {
            return self.standings(accids).await;
        }
        let (app, server) = (self.locked.server.app, self.server());
        let committed = self.locked.server.version - 1;
        let core = self.core.clone();
        let slot = core.rules().slot(server);
        let user = |accid: &Accid| UserKey { app, accid: accid.clone() };
        let known = |accid| core.memberships().get(&slot.marks, server, committed, &user(accid));
        let known: Vec<Option<Standing>> = accids.iter().map(known).collect();
        let unknown = accids.iter().zip(&known).filter(|(_, known)| known.is_none());
        let missing: Vec<Accid> = unknown.map(|(accid, _)| accid.clone()).collect();
        let read = self.standings(&missing).await?;
        if let Some(hub) = core.hub() {
            for is in &read {
                let roles = is.roles.clone();
                core.memberships().keep(
                    hub.as_ref(),
                    &slot.marks,
                    server,
                    committed,
                    &user(&is.accid),
                    roles,
                );
            }
        }
        let mut read = read.into_iter();
        Ok(known.into_iter().filter_map(|known| known.or_else(|| read.next())).collect())
    }

    /// A deleted role takes itself from members that nobody lists.
    pub(super) fn touches_anybody(&self) -> bool {
        let removed = |after: &Arc<Snapshot>| {
            self.before.roles().iter().any(|(role, _)| after.role_auths(*role).is_none())
        };
        self.after.as_ref().is_some_and(removed)
    }
}
