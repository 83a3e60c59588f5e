//! Apps and accounts.

use rotunda_model::{
    Accid, Account, App, AppId, Gender, LoginSettings, LoginTypes, Millis, Profile, UserKey,
};
use sqlx::PgExecutor;

use crate::{PgConnection, StoreError, row};

pub async fn insert_app(
    db: impl PgExecutor<'_>,
    key: &str,
    name: &str,
    sealed_secret: &[u8],
    created: Millis,
) -> Result<App, StoreError> {
    let id = sqlx::query_scalar!(
        "INSERT INTO apps (app_key, name, sealed_secret, created) VALUES ($1, $2, $3, $4) RETURNING id",
        key,
        name,
        sealed_secret,
        created.get()
    )
    .fetch_one(db)
    .await?;
    Ok(App { id: row::id(id, "apps.id")?, key: key.to_owned(), name: name.to_owned(), created })
}

/// The app and its sealed secret.
pub async fn app_by_key(db: impl PgExecutor<'_>, key: &str) -> Result<Option<(App, Vec<u8>)>, StoreError> {
    let found =
        sqlx::query!("SELECT id, app_key, name, sealed_secret, created FROM apps WHERE app_key = $1", key)
            .fetch_optional(db)
            .await?;
    found
        .map(|r| {
            let app = App {
                id: row::id(r.id, "apps.id")?,
                key: r.app_key,
                name: r.name,
                created: Millis(r.created),
            };
            Ok((app, r.sealed_secret))
        })
        .transpose()
}

/// The app, its sealed secret, and how its accounts log in.
pub async fn app_for_login(
    db: impl PgExecutor<'_>,
    key: &str,
) -> Result<Option<(App, Vec<u8>, LoginSettings)>, StoreError> {
    let found = sqlx::query!(
        "SELECT id, app_key, name, sealed_secret, created, login_types, login_callback, login_callback_allows
         FROM apps WHERE app_key = $1",
        key
    )
    .fetch_optional(db)
    .await?;
    found
        .map(|r| {
            let types = LoginTypes::from_bits(r.login_types);
            let settings = LoginSettings {
                types: types.ok_or(StoreError::Row { column: "apps.login_types" })?,
                callback: r.login_callback,
                callback_allows: r.login_callback_allows,
            };
            let app = App {
                id: row::id(r.id, "apps.id")?,
                key: r.app_key,
                name: r.name,
                created: Millis(r.created),
            };
            Ok((app, r.sealed_secret, settings))
        })
        .transpose()
}

/// False: no such app.
pub async fn set_login(db: impl PgExecutor<'_>, key: &str, new: &LoginSettings) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE apps SET login_types = $2, login_callback = $3, login_callback_allows = $4 WHERE app_key = $1",
        key,
        new.types.bits(),
        new.callback,
        new.callback_allows
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The key of an app; what tokens name it by.
pub async fn app_key(db: impl PgExecutor<'_>, app: AppId) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar!("SELECT app_key FROM apps WHERE id = $1", app.get()).fetch_optional(db).await?)
}

/// Held until the transaction ends: one server at a time is created in an app.
pub async fn lock_app(db: &mut PgConnection, app: AppId) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar!("SELECT id FROM apps WHERE id = $1 FOR NO KEY UPDATE", app.get())
        .fetch_optional(db)
        .await?;
    Ok(found.is_some())
}

/// An account, and the hash its token must have.
#[derive(Debug)]
pub struct Credentials {
    pub account: Account,
    pub token_hash: Vec<u8>,
}

pub async fn credentials(
    db: impl PgExecutor<'_>,
    app: AppId,
    accid: &Accid,
) -> Result<Option<Credentials>, StoreError> {
    let found = sqlx::query!(
        "SELECT name, icon, disabled, created, token_hash FROM accounts WHERE app = $1 AND accid = $2",
        app.get(),
        accid.as_str()
    )
    .fetch_optional(db)
    .await?;
    Ok(found.map(|r| Credentials {
        account: Account {
            user: UserKey { app, accid: accid.clone() },
            name: r.name,
            icon: r.icon,
            disabled: r.disabled,
            created: Millis(r.created),
        },
        token_hash: r.token_hash,
    }))
}

/// Conflict when the accid exists.
pub async fn insert(db: impl PgExecutor<'_>, account: &Account, token_hash: &[u8]) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO accounts (app, accid, name, icon, token_hash, disabled, created, updated)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
        account.user.app.get(),
        account.user.accid.as_str(),
        account.name,
        account.icon,
        token_hash,
        account.disabled,
        account.created.get()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Those of `accids` that exist in the app.
pub async fn existing(
    db: impl PgExecutor<'_>,
    app: AppId,
    accids: &[Accid],
) -> Result<Vec<Accid>, StoreError> {
    let found = sqlx::query_scalar!(
        "SELECT accid FROM accounts WHERE app = $1 AND accid = ANY($2)",
        app.get(),
        &row::texts(accids)
    )
    .fetch_all(db)
    .await?;
    found.iter().map(|accid| row::accid(accid, "accounts.accid")).collect()
}

/// Locks the accounts, in one order for everybody, and counts the servers each is in. Absent accounts are left out.
pub async fn lock_and_count_servers(
    db: &mut PgConnection,
    app: AppId,
    accids: &[Accid],
) -> Result<Vec<(Accid, u32)>, StoreError> {
    let texts = row::texts(accids);
    let locked = sqlx::query_scalar!(
        "SELECT accid FROM accounts WHERE app = $1 AND accid = ANY($2) ORDER BY accid FOR NO KEY UPDATE",
        app.get(),
        &texts
    )
    .fetch_all(&mut *db)
    .await?;
    let counts = sqlx::query!(
        r#"SELECT accid, count(*)::int AS "count!" FROM members WHERE app = $1 AND accid = ANY($2) GROUP BY accid"#,
        app.get(),
        &texts
    )
    .fetch_all(db)
    .await?;
    locked
        .iter()
        .map(|text| {
            let count = counts.iter().find(|r| r.accid == *text).map_or(0, |r| r.count);
            Ok((row::accid(text, "accounts.accid")?, row::count(count, "count")?))
        })
        .collect()
}

/// False: no such account.
pub async fn set_token_hash(
    db: impl PgExecutor<'_>,
    user: &UserKey,
    token_hash: &[u8],
    now: Millis,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE accounts SET token_hash = $3, updated = $4 WHERE app = $1 AND accid = $2",
        user.app.get(),
        user.accid.as_str(),
        token_hash,
        now.get()
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// False: no such account.
pub async fn set_disabled(
    db: impl PgExecutor<'_>,
    user: &UserKey,
    disabled: bool,
    now: Millis,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE accounts SET disabled = $3, updated = $4 WHERE app = $1 AND accid = $2",
        user.app.get(),
        user.accid.as_str(),
        disabled,
        now.get()
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Profiles of those of `accids` that exist in the app, in no order.
pub async fn profiles(
    db: impl PgExecutor<'_>,
    app: AppId,
    accids: &[Accid],
) -> Result<Vec<Profile>, StoreError> {
    let found = sqlx::query!(
        "SELECT accid, name, icon, sign, email, birth, mobile, gender, ex FROM accounts
         WHERE app = $1 AND accid = ANY($2)",
        app.get(),
        &row::texts(accids)
    )
    .fetch_all(db)
    .await?;
    found
        .into_iter()
        .map(|r| {
            let gender = Gender::from_number(r.gender.into());
            Ok(Profile {
                accid: row::accid(&r.accid, "accounts.accid")?,
                name: r.name,
                icon: r.icon,
                sign: r.sign,
                email: r.email,
                birth: r.birth,
                mobile: r.mobile,
                gender: gender.ok_or(StoreError::Row { column: "accounts.gender" })?,
                ex: r.ex,
            })
        })
        .collect()
}

/// What a profile's update names; `None` stays as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewProfile<'a> {
    pub name: Option<&'a str>,
    pub icon: Option<&'a str>,
    pub sign: Option<&'a str>,
    pub email: Option<&'a str>,
    pub birth: Option<&'a str>,
    pub mobile: Option<&'a str>,
    pub gender: Option<Gender>,
    pub ex: Option<&'a str>,
}

/// False: no such account.
pub async fn set_profile(
    db: impl PgExecutor<'_>,
    user: &UserKey,
    new: NewProfile<'_>,
    now: Millis,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE accounts SET name = COALESCE($3, name), icon = COALESCE($4, icon), sign = COALESCE($5, sign),
            email = COALESCE($6, email), birth = COALESCE($7, birth), mobile = COALESCE($8, mobile),
            gender = COALESCE($9, gender), ex = COALESCE($10, ex), updated = $11
         WHERE app = $1 AND accid = $2",
        user.app.get(),
        user.accid.as_str(),
        new.name,
        new.icon,
        new.sign,
        new.email,
        new.birth,
        new.mobile,
        new.gender.map(Gender::number),
        new.ex,
        now.get()
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// All apps, oldest first.
pub async fn apps(db: impl PgExecutor<'_>) -> Result<Vec<App>, StoreError> {
    let found = sqlx::query!("SELECT id, app_key, name, created FROM apps ORDER BY created, id")
        .fetch_all(db)
        .await?;
    let app = |(id, key, name, created)| {
        Ok(App { id: row::id(id, "apps.id")?, key, name, created: Millis(created) })
    };
    found.into_iter().map(|r| app((r.id, r.app_key, r.name, r.created))).collect()
}

/// The sealed secret before the present one, and until when it signs.
pub async fn previous_secret(
    db: impl PgExecutor<'_>,
    app: AppId,
) -> Result<Option<(Vec<u8>, Millis)>, StoreError> {
    let found = sqlx::query!("SELECT previous_secret, previous_until FROM apps WHERE id = $1", app.get())
        .fetch_optional(db)
        .await?;
    Ok(found.and_then(|r| Some((r.previous_secret?, Millis(r.previous_until?)))))
}

/// A new secret; the present one becomes the one before. False: no such app.
pub async fn rotate_secret(
    db: impl PgExecutor<'_>,
    key: &str,
    sealed: &[u8],
    until: Millis,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE apps SET previous_secret = sealed_secret, previous_until = $3, sealed_secret = $2
         WHERE app_key = $1",
        key,
        sealed,
        until.get()
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
