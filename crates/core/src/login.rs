//! Login (24_2): the ways an app opens to its accounts, and who decides.

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use base64::{Engine, prelude::BASE64_STANDARD};
use rotunda_model::{Accid, Account, App, LoginSettings, LoginType};
use rotunda_store::account as store;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{
    Core, Error,
    ports::{LoginQuestion, Membership},
};

/// What 24_2 carries, as far as it decides.
#[derive(Debug)]
pub struct Login<'a> {
    pub app_key: &'a str,
    pub accid: &'a str,
    pub token: &'a str,
    /// 0 static token, 1 dynamic token, 2 the app's own server decides.
    pub auth_type: i64,
    pub client: Client<'a>,
}

/// What the app's own server is told of the client beside.
#[derive(Debug, Clone, Copy, Default)]
pub struct Client<'a> {
    pub ip: &'a str,
    pub port: u16,
    pub client_type: u8,
    pub device: &'a str,
    pub custom_tag: &'a str,
}

#[derive(Debug, Clone)]
pub struct LoggedIn {
    pub account: Account,
    /// The servers it is in: the hub's index.
    pub servers: Vec<Membership>,
}

/// Longest static token, in bytes (the vendor's REST limit).
pub(crate) const TOKEN_MAX: usize = 128;

/// Longest dynamic token, or token that only the app's server reads, in bytes. What the SDK sends is below 300.
const LONG_TOKEN_MAX: usize = 4_096;

/// How far ahead of our clock a dynamic token may be made, in milliseconds. Longer lets one be made for later, shorter
/// refuses those of backends with a fast clock.
const AHEAD_MS: i64 = 300_000;

/// Errors: 302 wrong app key, account or token, or a dynamic token that expired; 422 disabled; 403 a login type that
/// the app has not opened, or its server refused.
pub async fn login(core: &Core, login: Login<'_>) -> Result<LoggedIn, Error> {
    let (app, sealed, settings) = app_for(core, login.app_key).await?;
    let way = LoginType::from_number(login.auth_type).filter(|way| settings.types.has(*way));
    let way = way.ok_or(Error::AuthTypeDisabled(login.auth_type))?;
    // Without one to ask nobody would decide.
    if way == LoginType::Callback && settings.callback.is_empty() {
        return Err(Error::AuthTypeDisabled(login.auth_type));
    }
    let account = match way {
        LoginType::Static => check_static(core, &app, login.accid, login.token).await?,
        LoginType::Dynamic => {
            let secrets = crate::account::secrets(core, &app, &sealed).await?;
            let signed = |secret: &Zeroizing<String>| {
                check_dynamic(core, &app, secret, login.accid, login.token).is_ok()
            };
            if !secrets.iter().any(signed) {
                return Err(Error::WrongCredentials);
            }
            registered(core, &app, login.accid).await?
        }
        LoginType::Callback if login.token.len() > LONG_TOKEN_MAX => return Err(Error::WrongCredentials),
        LoginType::Callback => registered(core, &app, login.accid).await?,
    };
    if account.disabled {
        return Err(Error::AccountDisabled);
    }
    if !settings.callback.is_empty() {
        let secret = core.config().keys.open(&app.key, &sealed)?;
        let question = LoginQuestion {
            url: &settings.callback,
            app_key: &app.key,
            secret: &secret,
            auth_type: login.auth_type,
            accid: &account.user.accid,
            token: login.token,
            client: login.client,
            now: core.env().now(),
        };
        let answer = match core.callbacks() {
            Some(callbacks) => callbacks.ask_login(question).await,
            None => None,
        };
        let label = match answer {
            Some(true) => "allowed",
            Some(false) => "refused",
            None => "no answer",
        };
        metrics::counter!("rotunda_login_callbacks_total", "result" => label).increment(1);
        if !answer.unwrap_or(settings.callback_allows) {
            return Err(Error::Forbidden("the app's server refused the login"));
        }
    }
    let servers = rotunda_store::server::joined_by(core.store().pool(), &account.user).await?;
    let servers = servers.into_iter().map(|(server, members)| Membership {
        server,
        hears: members < rotunda_model::server::SUBSCRIPTION_THRESHOLD,
    });
    Ok(LoggedIn { account, servers: servers.collect() })
}

/// The account of a static token, for links that are no login. Errors: 302 wrong, also when the app has not opened
/// static tokens; 422 disabled.
pub async fn account_of(core: &Core, app_key: &str, accid: &str, token: &str) -> Result<Account, Error> {
    let (app, _, settings) = app_for(core, app_key).await?;
    if !settings.types.has(LoginType::Static) {
        return Err(Error::WrongCredentials);
    }
    let account = check_static(core, &app, accid, token).await?;
    if account.disabled { Err(Error::AccountDisabled) } else { Ok(account) }
}

/// What an app opens. Errors: 404.
pub async fn settings(core: &Core, app_key: &str) -> Result<LoginSettings, Error> {
    let found = app_for(core, app_key).await.map_err(|error| match error {
        Error::WrongCredentials => Error::NotFound("app"),
        other => other,
    })?;
    Ok(found.2)
}

/// Opens and closes ways for logins from now on; whoever is there stays.
///
/// Errors: 404; 414 a callback without an address, or one that is too long.
pub async fn set_settings(core: &Core, app_key: &str, new: &LoginSettings) -> Result<(), Error> {
    crate::text::bytes("login callback", &new.callback, 2_048)?;
    if new.types.has(LoginType::Callback) && new.callback.is_empty() {
        return Err(Error::Parameter("logins by callback need its address"));
    }
    match store::set_login(core.store().pool(), app_key, new).await? {
        true => Ok(()),
        false => Err(Error::NotFound("app")),
    }
}

async fn app_for(core: &Core, app_key: &str) -> Result<(App, Vec<u8>, LoginSettings), Error> {
    // Postgres keeps no NUL in a text, and would fail instead of finding nothing.
    if app_key.contains('\0') {
        return Err(Error::WrongCredentials);
    }
    store::app_for_login(core.store().pool(), app_key).await?.ok_or(Error::WrongCredentials)
}

async fn credentials(core: &Core, app: &App, accid: &str) -> Result<store::Credentials, Error> {
    let accid = Accid::new(accid).map_err(|_| Error::WrongCredentials)?;
    store::credentials(core.store().pool(), app.id, &accid).await?.ok_or(Error::WrongCredentials)
}

async fn registered(core: &Core, app: &App, accid: &str) -> Result<Account, Error> {
    Ok(credentials(core, app, accid).await?.account)
}

async fn check_static(core: &Core, app: &App, accid: &str, token: &str) -> Result<Account, Error> {
    let found = credentials(core, app, accid).await?;
    let accid = found.account.user.accid.as_str();
    let keys = &core.config().keys;
    if token.len() > TOKEN_MAX || !keys.token_matches(app.id.get(), accid, token, &found.token_hash) {
        return Err(Error::WrongCredentials);
    }
    Ok(found.account)
}

/// The JSON of a dynamic token; the numbers as they were signed.
#[derive(Deserialize)]
struct Dynamic {
    signature: String,
    #[serde(rename = "curTime")]
    cur_time: Digits,
    ttl: Digits,
}

/// A number, or the same as a text: backends write either.
#[derive(Deserialize)]
#[serde(untagged)]
enum Digits {
    Number(i64),
    Text(String),
}

impl Digits {
    fn read(&self) -> Option<(i64, String)> {
        match self {
            Self::Number(number) => Some((*number, number.to_string())),
            Self::Text(text) => Some((text.parse().ok()?, text.clone())),
        }
    }
}

/// Base64 of `{signature, curTime (ms), ttl (s)}`; the signature is the hexadecimal SHA-1 of app key, account, curTime,
/// ttl and app secret. The account is signed as the client writes it.
fn check_dynamic(core: &Core, app: &App, secret: &str, accid: &str, token: &str) -> Result<(), Error> {
    let read = || -> Option<(Dynamic, i64, String, i64, String)> {
        let json = BASE64_STANDARD.decode(Some(token).filter(|token| token.len() <= LONG_TOKEN_MAX)?).ok()?;
        let dynamic: Dynamic = serde_json::from_slice(&json).ok()?;
        let (made, made_text) = dynamic.cur_time.read()?;
        let (ttl, ttl_text) = dynamic.ttl.read()?;
        Some((dynamic, made, made_text, ttl, ttl_text))
    };
    let (dynamic, made, made_text, ttl, ttl_text) = read().ok_or(Error::WrongCredentials)?;
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    for part in [&app.key, accid, &made_text, &ttl_text, secret] {
        context.update(part.as_bytes());
    }
    let expected = hex::encode(context.finish());
    let given = dynamic.signature.to_ascii_lowercase();
    if verify_slices_are_equal(expected.as_bytes(), given.as_bytes()).is_err() {
        return Err(Error::WrongCredentials);
    }
    let now = core.env().now().get();
    let ends = made.saturating_add(ttl.saturating_mul(1_000));
    if ttl <= 0 || made > now.saturating_add(AHEAD_MS) || ends <= now {
        return Err(Error::WrongCredentials);
    }
    Ok(())
}
