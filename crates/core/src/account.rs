//! Apps and accounts: login, and what the command line manages.

use rotunda_model::{Account, App, ServerId};

use crate::{Core, Error};

/// What 24_2 carries, as far as it decides.
#[derive(Debug)]
pub struct Login<'a> {
    pub app_key: &'a str,
    pub accid: &'a str,
    pub token: &'a str,
    /// 0 static token; the others are not enabled (403).
    pub auth_type: i64,
}

#[derive(Debug, Clone)]
pub struct LoggedIn {
    pub account: Account,
    /// Servers the account is a member of: the hub's index.
    pub servers: Vec<ServerId>,
}

/// Errors: 302 wrong app key, account or token; 422 disabled; 403 login type.
pub async fn login(core: &Core, login: Login<'_>) -> Result<LoggedIn, Error> {
    let _ = (core, login);
    todo!()
}

/// A new app and its secret in clear, shown once and kept sealed.
#[derive(Debug)]
pub struct NewApp {
    pub app: App,
    pub secret: String,
}

/// Key and secret are made when not given.
pub async fn create_app(
    core: &Core,
    name: &str,
    key: Option<&str>,
    secret: Option<&str>,
) -> Result<NewApp, Error> {
    let _ = (core, name, key, secret);
    todo!()
}

/// `token`: made when not given. Errors: 414 bad or existing accid; 404 unknown app key.
pub async fn create_account(
    core: &Core,
    app_key: &str,
    accid: &str,
    name: &str,
    token: Option<&str>,
) -> Result<(Account, String), Error> {
    let _ = (core, app_key, accid, name, token);
    todo!()
}

/// A new token; the old one ends. Errors: 404.
pub async fn issue_token(core: &Core, app_key: &str, accid: &str) -> Result<String, Error> {
    let _ = (core, app_key, accid);
    todo!()
}

/// Disabled accounts cannot log in (422); their links are ended. Errors: 404.
pub async fn set_disabled(core: &Core, app_key: &str, accid: &str, disabled: bool) -> Result<(), Error> {
    let _ = (core, app_key, accid, disabled);
    todo!()
}

/// By public key. `None`: no such app.
pub async fn app_by_key(core: &Core, app_key: &str) -> Result<Option<App>, Error> {
    let _ = (core, app_key);
    todo!()
}
