//! Who sees a place, described for a search in storage.

use rotunda_model::ViewMode;

use crate::{Named, Scope, Snapshot};

/// The members who see a channel or category, without asking about each. The owner sees it whatever this says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewers<'a> {
    /// Public: all but those on the black list. @everyone among its roles leaves nobody.
    AllBut(&'a Named),
    /// Private: those on the white list. @everyone among its roles is all members.
    Only(&'a Named),
}

impl Snapshot {
    /// `None` for the server itself, and for a channel or category that is not of this server.
    pub fn viewers(&self, scope: Scope) -> Option<Viewers<'_>> {
        let lists = self.place(scope)?.lists;
        Some(match lists.view_mode {
            ViewMode::Public => Viewers::AllBut(&lists.black),
            ViewMode::Private => Viewers::Only(&lists.white),
        })
    }
}
