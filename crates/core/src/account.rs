//! Apps and accounts, as the command line and backends manage them.

use rotunda_model::{Accid, Account, App, Millis, UserKey};
use rotunda_store::account as store;
use zeroize::Zeroizing;

use crate::{Core, Error, login::TOKEN_MAX, text};

/// Random bytes in a token or secret made here; 16 are beyond guessing.
const SECRET_BYTES: usize = 16;

/// The reason 24_5 gives when the server ends a session.
const KICKED_BY_SERVER: u8 = 2;

/// The account's last link ended: its visits end, and what was kept in memory about it goes. After the hub forgot it.
pub fn offline(core: &Core, user: &UserKey) {
    crate::visitor::offline(core, user);
    core.memberships().forget(user);
}

/// A new app and its secret in clear, shown once and kept sealed.
#[derive(Debug)]
pub struct NewApp {
    pub app: App,
    pub secret: String,
}

/// Key and secret are made when not given. Errors: 417 the key exists; 405, 414 unfit texts.
pub async fn create_app(
    core: &Core,
    name: &str,
    key: Option<&str>,
    secret: Option<&str>,
) -> Result<NewApp, Error> {
    let made = || hex::encode(core.env().bytes::<SECRET_BYTES>());
    let key = key.map_or_else(made, str::to_owned);
    let secret = secret.map_or_else(made, str::to_owned);
    text::name("app name", name)?;
    text::bytes("app key", &key, 64)?;
    text::bytes("app secret", &secret, 128)?;
    if key.is_empty() || secret.is_empty() {
        return Err(Error::Parameter("an empty app key or secret"));
    }
    let sealed = core.config().keys.seal(core.env(), &key, &secret)?;
    let app = store::insert_app(core.store().pool(), &key, name, &sealed, core.env().now()).await;
    match app {
        Ok(app) => Ok(NewApp { app, secret }),
        Err(error) if error.is_conflict() => Err(Error::Repeated("the app key exists")),
        Err(error) => Err(error.into()),
    }
}

/// The app's secret in clear: checksums need it.
pub async fn app_secret(core: &Core, app_key: &str) -> Result<String, Error> {
    let found = store::app_by_key(core.store().pool(), app_key).await?;
    let (app, sealed) = found.ok_or(Error::NotFound("app"))?;
    Ok(core.config().keys.open(&app.key, &sealed)?.to_string())
}

/// All apps, oldest first: for the operator.
pub async fn apps(core: &Core) -> Result<Vec<App>, Error> {
    Ok(store::apps(core.store().pool()).await?)
}

/// A new secret, told once. The present one signs for `overlap_secs` longer; one that was replaced before ends now.
///
/// Errors: 404.
pub async fn rotate_secret(core: &Core, app_key: &str, overlap_secs: u32) -> Result<(String, Millis), Error> {
    let secret = hex::encode(core.env().bytes::<SECRET_BYTES>());
    let sealed = core.config().keys.seal(core.env(), app_key, &secret)?;
    let until = core.env().now().plus(i64::from(overlap_secs) * 1_000);
    let fits = !app_key.contains('\0');
    if fits && store::rotate_secret(core.store().pool(), app_key, &sealed, until).await? {
        return Ok((secret, until));
    }
    Err(Error::NotFound("app"))
}

/// The app's secrets that sign now, in clear, the present one first.
pub(crate) async fn secrets(core: &Core, app: &App, sealed: &[u8]) -> Result<Vec<Zeroizing<String>>, Error> {
    let keys = &core.config().keys;
    let mut secrets = vec![keys.open(&app.key, sealed)?];
    if let Some((previous, until)) = store::previous_secret(core.store().pool(), app.id).await?
        && until > core.env().now()
    {
        secrets.push(keys.open(&app.key, &previous)?);
    }
    Ok(secrets)
}

/// The app and its secrets that sign now, in clear, the present one first; `None`: no such app.
pub async fn app_with_secrets(
    core: &Core,
    app_key: &str,
) -> Result<Option<(App, Vec<Zeroizing<String>>)>, Error> {
    if app_key.contains('\0') {
        return Ok(None);
    }
    let Some((app, sealed)) = store::app_by_key(core.store().pool(), app_key).await? else { return Ok(None) };
    let secrets = secrets(core, &app, &sealed).await?;
    Ok(Some((app, secrets)))
}

/// `token`: made when not given. Answers the account and its token. Errors: 414 unfit accid or token; 417 the accid
/// exists; 404 unknown app key.
pub async fn create_account(
    core: &Core,
    app_key: &str,
    accid: &str,
    name: &str,
    token: Option<&str>,
) -> Result<(Account, String), Error> {
    let accid = Accid::new(accid).map_err(|_| Error::Parameter("accid"))?;
    text::name("account name", name)?;
    let app = app_by_key(core, app_key).await?.ok_or(Error::NotFound("app"))?;
    let token = fit_token(core, token)?;
    let hash = core.config().keys.token_hash(app.id.get(), accid.as_str(), &token);
    let account = Account {
        user: UserKey { app: app.id, accid },
        name: name.to_owned(),
        icon: String::new(),
        disabled: false,
        created: core.env().now(),
    };
    match store::insert(core.store().pool(), &account, &hash).await {
        Ok(()) => Ok((account, token)),
        Err(error) if error.is_conflict() => Err(Error::Repeated("the accid exists")),
        Err(error) => Err(error.into()),
    }
}

/// A new token; the old one ends. Errors: 404.
pub async fn issue_token(core: &Core, app_key: &str, accid: &str) -> Result<String, Error> {
    set_token(core, app_key, accid, None).await
}

/// As [`issue_token`], with a token chosen by the caller. Errors: 404, 414.
pub async fn set_token(
    core: &Core,
    app_key: &str,
    accid: &str,
    token: Option<&str>,
) -> Result<String, Error> {
    replace_token(core, &user(core, app_key, accid).await?, token).await
}

/// A new token, made when not given; the old one ends. Links that are open stay. Errors: 404, 414.
pub async fn replace_token(core: &Core, user: &UserKey, token: Option<&str>) -> Result<String, Error> {
    let token = fit_token(core, token)?;
    let hash = core.config().keys.token_hash(user.app.get(), user.accid.as_str(), &token);
    match store::set_token_hash(core.store().pool(), user, &hash, core.env().now()).await? {
        true => Ok(token),
        false => Err(Error::NotFound("account")),
    }
}

/// Disabled accounts cannot log in (422); their media seats and their links in this process are ended. Errors: 404.
pub async fn set_disabled(core: &Core, app_key: &str, accid: &str, disabled: bool) -> Result<(), Error> {
    let user = user(core, app_key, accid).await?;
    if disabled { block(core, &user, Some("")).await } else { unblock(core, &user).await }
}

/// Logins get 422 from now on. `kick`: the text for its clients, with which its links end, and its media seats at once;
/// without one they go on. Errors: 404.
pub async fn block(core: &Core, user: &UserKey, kick: Option<&str>) -> Result<(), Error> {
    if !store::set_disabled(core.store().pool(), user, true, core.env().now()).await? {
        return Err(Error::NotFound("account"));
    }
    let Some(ext) = kick else { return Ok(()) };
    // The seats first: a link that ends keeps its seat for a grace.
    if let Some(rooms) = core.rooms() {
        rooms.expel(user);
    }
    if let Some(hub) = core.hub() {
        hub.kick(user, KICKED_BY_SERVER, ext);
    }
    Ok(())
}

/// Errors: 404.
pub async fn unblock(core: &Core, user: &UserKey) -> Result<(), Error> {
    match store::set_disabled(core.store().pool(), user, false, core.env().now()).await? {
        true => Ok(()),
        false => Err(Error::NotFound("account")),
    }
}

/// Whether the account has a link to this process.
pub fn is_online(core: &Core, user: &UserKey) -> bool {
    core.hub().is_some_and(|hub| hub.is_online(user))
}

/// By public key. `None`: no such app.
pub async fn app_by_key(core: &Core, app_key: &str) -> Result<Option<App>, Error> {
    // Postgres keeps no NUL in a text, and would fail instead of finding nothing.
    if app_key.contains('\0') {
        return Ok(None);
    }
    Ok(store::app_by_key(core.store().pool(), app_key).await?.map(|(app, _)| app))
}

/// `None`: no such account.
pub async fn find(core: &Core, user: &UserKey) -> Result<Option<Account>, Error> {
    let found = store::credentials(core.store().pool(), user.app, &user.accid).await?;
    Ok(found.map(|credentials| credentials.account))
}

async fn user(core: &Core, app_key: &str, accid: &str) -> Result<UserKey, Error> {
    let accid = Accid::new(accid).map_err(|_| Error::NotFound("account"))?;
    let app = app_by_key(core, app_key).await?.ok_or(Error::NotFound("app"))?;
    Ok(UserKey { app: app.id, accid })
}

pub(crate) fn fit_token(core: &Core, token: Option<&str>) -> Result<String, Error> {
    match token {
        None => Ok(hex::encode(core.env().bytes::<SECRET_BYTES>())),
        Some(token) if token.is_empty() || token.len() > TOKEN_MAX => {
            Err(Error::Parameter("a token has 1 to 128 bytes"))
        }
        Some(token) => Ok(token.to_owned()),
    }
}
