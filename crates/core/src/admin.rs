//! Operators: tokens with scopes, calls that are done once, and the log of what was done.

use aws_lc_rs::digest;
use rotunda_model::Millis;
use rotunda_store::admin as store;
pub use rotunda_store::admin::{Entry, Token};

use crate::{Core, Error, text};

/// What a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Who is and was in calls, and why somebody may do something.
    Read,
    /// Apps and their secrets.
    Apps,
    /// Moderating and ending calls, and how they are configured.
    Media,
    /// What operators did.
    Audit,
}

impl Scope {
    pub const ALL: [Self; 4] = [Self::Read, Self::Apps, Self::Media, Self::Audit];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Apps => "apps",
            Self::Media => "media",
            Self::Audit => "audit",
        }
    }

    const fn bit(self) -> i32 {
        match self {
            Self::Read => 1,
            Self::Apps => 2,
            Self::Media => 4,
            Self::Audit => 8,
        }
    }
}

/// The scopes of a token.
pub fn scopes(of: &Token) -> Vec<Scope> {
    Scope::ALL.into_iter().filter(|scope| has(of, *scope)).collect()
}

pub const fn has(token: &Token, scope: Scope) -> bool {
    token.scopes & scope.bit() != 0
}

/// Shows what a token is for where it is found; also lets scanners for secrets find it.
const PREFIX: &str = "rotunda_admin_";

/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;

/// How long answers are kept for calls that come again, in milliseconds. Longer lets a client retry after a weekend,
/// and keeps secrets of answers longer, sealed.
const KEPT_MS: i64 = 24 * 3_600 * 1_000;

/// A new token, which is told once. Errors: 414 no scope, an unfit name or an end that has passed.
pub async fn create(
    core: &Core,
    name: &str,
    scopes: &[Scope],
    expires: Option<Millis>,
) -> Result<(i64, String), Error> {
    text::name("token name", name)?;
    let now = core.env().now();
    if name.is_empty() || scopes.is_empty() || expires.is_some_and(|at| at <= now) {
        return Err(Error::Parameter("a token has a name, a scope, and an end that is ahead"));
    }
    let token = format!("{PREFIX}{}", hex::encode(core.env().bytes::<TOKEN_BYTES>()));
    let bits = scopes.iter().fold(0, |bits, scope| bits | scope.bit());
    let hash = core.config().keys.admin_hash(&token);
    let id = store::insert_token(core.store().pool(), name, &hash, bits, now, expires).await?;
    Ok((id, token))
}

/// All that were ever made.
pub async fn list(core: &Core) -> Result<Vec<Token>, Error> {
    Ok(store::tokens(core.store().pool()).await?)
}

/// From now on it opens nothing. Errors: 404, also when it was revoked before.
pub async fn revoke(core: &Core, id: i64) -> Result<(), Error> {
    match store::revoke_token(core.store().pool(), id, core.env().now()).await? {
        true => Ok(()),
        false => Err(Error::NotFound("token")),
    }
}

/// Whose token this is. Looked up by its hash, so nothing is compared that time could tell of. Errors: 302 unknown,
/// revoked or expired.
pub async fn authenticate(core: &Core, token: &str) -> Result<Token, Error> {
    if !token.starts_with(PREFIX) || token.len() != PREFIX.len() + 2 * TOKEN_BYTES {
        return Err(Error::WrongCredentials);
    }
    let hash = core.config().keys.admin_hash(token);
    let found = store::token_by_hash(core.store().pool(), &hash).await?;
    let found = found.filter(|token| token.revoked.is_none());
    let now = core.env().now();
    found.filter(|token| token.expires.is_none_or(|at| at > now)).ok_or(Error::WrongCredentials)
}

/// What to do with a call that carries an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Do it, then [`finish`] it.
    New,
    /// It was done: answer this again.
    Done { status: u16, answer: String },
    /// It is being done.
    UnderWay,
    /// The key was used for another call.
    Other,
}

/// Errors: 414 an unfit key.
pub async fn claim(core: &Core, token: &Token, key: &str, request: &[&[u8]]) -> Result<Claim, Error> {
    if key.is_empty() || key.len() > 128 || key.contains('\0') {
        return Err(Error::Parameter("an idempotency key has 1 to 128 bytes"));
    }
    let mut context = digest::Context::new(&digest::SHA256);
    for part in request {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let hash = context.finish();
    let (db, now) = (core.store().pool(), core.env().now());
    store::remove_calls(db, now.plus(-KEPT_MS)).await?;
    if store::claim_call(db, token.id, key, hash.as_ref(), now).await? {
        return Ok(Claim::New);
    }
    let Some(call) = store::call(db, token.id, key).await? else { return Ok(Claim::UnderWay) };
    if call.request != hash.as_ref() {
        return Ok(Claim::Other);
    }
    let Some((status, sealed)) = call.answer else { return Ok(Claim::UnderWay) };
    let answer = core.config().keys.open(&context_of(token, key), &sealed)?;
    Ok(Claim::Done { status: u16::try_from(status).unwrap_or(500), answer: answer.to_string() })
}

/// Keeps the answer of a call that was done; one that failed inside may be tried again under the same key.
pub async fn finish(core: &Core, token: &Token, key: &str, status: u16, answer: &str) -> Result<(), Error> {
    let db = core.store().pool();
    if status >= 500 {
        return Ok(store::drop_call(db, token.id, key).await?);
    }
    let sealed = core.config().keys.seal(core.env(), &context_of(token, key), answer)?;
    let status = i16::try_from(status).unwrap_or(i16::MAX);
    Ok(store::finish_call(db, token.id, key, status, &sealed).await?)
}

fn context_of(token: &Token, key: &str) -> String {
    format!("admin call\0{}\0{key}", token.id)
}

/// Writes down what a token did or tried.
pub async fn note(core: &Core, token: &Token, action: &str, target: &str, status: u16) -> Result<(), Error> {
    let entry = Entry {
        id: 0,
        at: core.env().now(),
        token: token.id,
        name: token.name.clone(),
        action: action.to_owned(),
        target: target.chars().take(200).filter(|c| *c != '\0').collect(),
        status: i16::try_from(status).unwrap_or(i16::MAX),
    };
    Ok(store::note(core.store().pool(), &entry).await?)
}

/// Newest first, below `before`. Errors: 414 a limit outside 1 to 1000.
pub async fn log(core: &Core, before: Option<i64>, limit: u32) -> Result<Vec<Entry>, Error> {
    if !(1..=1_000).contains(&limit) {
        return Err(Error::Parameter("a limit outside 1 to 1000"));
    }
    Ok(store::log(core.store().pool(), before.unwrap_or(i64::MAX), limit).await?)
}
