//! Why an account may do something, or may not: for the operator, who is no actor and sees everything.
//!
//! Read from storage at one moment, past every cache, and judged by the same evaluation as every command.

use rotunda_model::{Accid, CategoryId, Place, Right, RoleId, ServerId};
use rotunda_permissions::{Explanation, Names, Scope, Subject};
use rotunda_store::{Store, StoreError, account, ban, custom_right, member, name, rules as stored};

use crate::{Error, rules};

/// May this account do that there?
#[derive(Debug, Clone)]
pub struct Question {
    /// The app the server must belong to; `None` takes whichever it is.
    pub app_key: Option<String>,
    pub server: ServerId,
    /// `None`: in the server itself.
    pub place: Option<Place>,
    pub accid: Accid,
    pub right: Right,
}

/// The verdict with its reasons, and what a person needs beside it.
#[derive(Debug, Clone)]
pub struct Answer {
    pub explanation: Explanation,
    pub names: ServerNames,
    /// The account is banned from the server, which is why it is no member.
    pub banned: bool,
    /// The account cannot log in at all; its rights stay what they are.
    pub disabled: bool,
}

/// What the things of the server are called.
#[derive(Debug, Clone, Default)]
pub struct ServerNames(name::ServerNames);

impl ServerNames {
    pub fn server(&self) -> &str {
        &self.0.server
    }

    pub fn place(&self, place: Place) -> Option<&str> {
        match place {
            Place::Channel(channel) => self.0.channels.get(&channel).map(String::as_str),
            Place::Category(category) => self.category(category),
        }
    }
}

impl Names for ServerNames {
    fn role(&self, role: RoleId) -> Option<&str> {
        self.0.roles.get(&role).map(String::as_str)
    }

    fn category(&self, category: CategoryId) -> Option<&str> {
        self.0.categories.get(&category).map(String::as_str)
    }
}

/// The answer that [`crate::role::check`] gives the account at this moment, explained.
///
/// Errors, when there is no answer: 404 unknown server, app, account, a place that is not of the server, or a custom
/// right that the app has not defined.
pub async fn explain(store: &Store, question: &Question) -> Result<Answer, Error> {
    let mut tx = store.begin_read().await?;
    let rules = stored::load(&mut tx, question.server).await?.ok_or(Error::NotFound("server"))?;
    let app = rules.app;
    if let Some(key) = &question.app_key {
        let (asked, _) = account::app_by_key(&mut *tx, key).await?.ok_or(Error::NotFound("app"))?;
        if asked.id != app {
            return Err(Error::NotFound("server in this app"));
        }
    }
    let account = account::credentials(&mut *tx, app, &question.accid).await?;
    let disabled = account.ok_or(Error::NotFound("account"))?.account.disabled;
    let mut defined = custom_right::of_app(&mut *tx, app).await?.into_iter();
    if question.right.is_custom() && !defined.any(|custom| custom.right == question.right) {
        return Err(Error::NotFound("right; the app has not defined this custom right"));
    }
    let accids = std::slice::from_ref(&question.accid);
    let mut roles = member::standings(&mut *tx, question.server, accids).await?.remove(&question.accid);
    let banned = !ban::among(&mut *tx, question.server, accids).await?.is_empty();
    let names = ServerNames(name::of_server(&mut *tx, question.server).await?);
    tx.commit().await.map_err(StoreError::from)?;

    let snapshot = rules::build(rules)?;
    // Storage has no order of its own; people read the highest rank first, and the same each time.
    if let Some(roles) = &mut roles {
        roles.sort_by_key(|role| (snapshot.roles().get(role).map(|rules| rules.priority), *role));
    }
    let subject = match &roles {
        Some(roles) => Subject::member(&question.accid, roles),
        None => Subject::outsider(&question.accid),
    };
    let scope = question.place.map_or(Scope::Server, Scope::from);
    let explanation = snapshot.explain(&subject, scope, question.right).ok_or(match scope {
        Scope::Category(_) => Error::NotFound("category in this server"),
        Scope::Server | Scope::Channel(_) => Error::NotFound("channel in this server"),
    })?;
    Ok(Answer { explanation, names, banned, disabled })
}
