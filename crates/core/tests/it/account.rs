use rotunda_core::{
    account,
    login::{self, Client, Login},
};
use rotunda_model::Code;
use rotunda_testkit::TestApp;
use sqlx::PgPool;

use crate::support::code;

fn login<'a>(app_key: &'a str, accid: &'a str, token: &'a str) -> Login<'a> {
    Login { app_key, accid, token, auth_type: 0, client: Client::default() }
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_wrong_app_account_or_token_is_302(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (_, token) = account::create_account(&app.core, "testkey", "Ann", "Ann", None).await?;
    for (key, accid, given, expected) in [
        ("testkey", "ann", token.as_str(), Code::OK),
        ("testkey", "ANN", token.as_str(), Code::OK),
        ("testkey", "ann", "wrong", Code::UNAUTHORIZED),
        ("testkey", "ann", "", Code::UNAUTHORIZED),
        ("testkey", "bob", token.as_str(), Code::UNAUTHORIZED),
        ("testkey", "no such\0id", token.as_str(), Code::UNAUTHORIZED),
        ("nokey", "ann", token.as_str(), Code::UNAUTHORIZED),
        ("no\0key", "ann", token.as_str(), Code::UNAUTHORIZED),
    ] {
        let got = code(login::login(&app.core, login(key, accid, given)).await);
        assert_eq!(got, expected, "{key:?} {accid:?} {given:?}");
    }
    let other_type = Login { auth_type: 1, ..login("testkey", "ann", &token) };
    assert_eq!(code(login::login(&app.core, other_type).await), Code::FORBIDDEN);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_token_of_one_app_opens_no_account_of_another(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let other = app.other_app().await?;
    let (_, token) = account::create_account(&app.core, "testkey", "ann", "", None).await?;
    account::create_account(&app.core, &other.key, "ann", "", None).await?;
    let there = login::login(&app.core, login(&other.key, "ann", &token)).await;
    assert_eq!(code(there), Code::UNAUTHORIZED);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_disabled_account_is_422_and_its_links_end(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    account::set_disabled(&app.core, "testkey", "ann", true).await?;
    assert_eq!(code(login::login(&app.core, login("testkey", "ann", "a token")).await), Code::DISABLED);
    // Who does not know the token does not learn that the account is disabled.
    assert_eq!(code(login::login(&app.core, login("testkey", "ann", "wrong")).await), Code::UNAUTHORIZED);
    assert_eq!(app.hub.kicked(), [ann.user]);
    account::set_disabled(&app.core, "testkey", "ann", false).await?;
    assert_eq!(code(login::login(&app.core, login("testkey", "ann", "a token")).await), Code::OK);
    assert_eq!(code(account::set_disabled(&app.core, "testkey", "bob", true).await), Code::NOT_FOUND);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_new_token_ends_the_old_one(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    app.away("ann").await?;
    let token = account::issue_token(&app.core, "testkey", "ann").await?;
    assert_eq!(code(login::login(&app.core, login("testkey", "ann", "a token")).await), Code::UNAUTHORIZED);
    assert_eq!(code(login::login(&app.core, login("testkey", "ann", &token)).await), Code::OK);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn neither_token_nor_secret_is_stored_in_clear(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let made = account::create_app(&app.core, "sealed", None, None).await?;
    let (_, token) = account::create_account(&app.core, &made.app.key, "ann", "", None).await?;
    let stored: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT sealed_secret FROM apps UNION ALL SELECT token_hash FROM accounts")
            .fetch_all(app.pool())
            .await?;
    for secret in [made.secret.as_bytes(), token.as_bytes()] {
        assert!(stored.iter().all(|row| !row.windows(secret.len()).any(|part| part == secret)));
    }
    assert_eq!(account::app_secret(&app.core, &made.app.key).await?, made.secret);
    Ok(())
}
