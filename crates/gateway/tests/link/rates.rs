//! Who asks too often is told so, and goes on.

use rotunda_gateway::{DoorLimits, RateLimits};
use serde_json::json;
use sqlx::PgPool;

use crate::support::App;

#[sqlx::test(migrations = "../../migrations")]
async fn a_session_that_asks_too_much_is_refused_and_goes_on(pool: PgPool) {
    let limits = RateLimits { commands_per_second: 2, ..RateLimits::OFF };
    let app = App::start_limited(pool, DoorLimits::default(), limits).await;
    let mut ann = app.login("ann", "a").await;
    let mut bob = app.login("bob", "b").await;
    let mut codes = Vec::new();
    for _ in 0..50 {
        codes.push(ann.request(1, 2, json!([])).await["code"].as_u64().unwrap());
    }
    // A burst of five seconds' worth, less what the login took; the clock of the test moves a little.
    let done = codes.iter().filter(|code| **code == 200).count();
    assert!((8..=12).contains(&done), "{done}");
    assert_eq!(codes.last(), Some(&416));
    bob.ok(1, 2, json!([])).await;
    app.clock.advance(1_000);
    ann.ok(1, 2, json!([])).await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn invitations_of_one_account_are_limited_on_all_its_devices(pool: PgPool) {
    let limits = RateLimits { invites_per_minute: 2, ..RateLimits::OFF };
    let app = App::start_limited(pool, DoorLimits::default(), limits).await;
    let (mut one, mut other) = (app.login("ann", "a").await, app.login("ann", "b").await);
    let made = json!([{"t": "Property", "v": {"3": "home"}}, {"t": "Property", "v": {}}]);
    let server = one.ok(24, 31, made).await[0]["1"].as_str().unwrap().to_owned();
    let invite = |accid: &str| json!([{"t": "Long", "v": server}, {"t": "StrArray", "v": [accid]}, {"t": "String", "v": "come"}]);
    one.ok(24, 36, invite("bob")).await;
    other.ok(24, 36, invite("cid")).await;
    assert_eq!(one.request(24, 36, invite("cid")).await["code"], 416);
    app.clock.advance(30_000);
    other.ok(24, 36, invite("cid")).await;
}
