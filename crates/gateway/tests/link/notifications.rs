//! Who hears of what, live and at the next login.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::{App, Client, login_items};

async fn create_server(owner: &mut Client, invite_mode: u8) -> String {
    let q =
        json!([{"t": "Property", "v": {"3": "home", "8": invite_mode, "16": 1}}, {"t": "Property", "v": {}}]);
    owner.ok(24, 31, q).await[0]["1"].as_str().unwrap().to_owned()
}

async fn create_channel(owner: &mut Client, server: &str) -> Value {
    let q = json!([{"t": "Property", "v": {"2": server, "4": "talk", "7": 1}}, {"t": "Property", "v": {}}]);
    owner.ok(24, 48, q).await[0]["1"].clone()
}

fn invitation(server: &str, accid: &str) -> Value {
    json!([{"t": "Long", "v": server}, {"t": "StrArray", "v": [accid]}, {"t": "String", "v": "come"}])
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_member_who_joined_hears_of_the_server(pool: PgPool) {
    let app = App::start(pool).await;
    let (mut ann, mut bob) = (app.login("ann", "a").await, app.login("bob", "b").await);
    let mut bobs_other = app.login("bob", "b2").await;
    let server = create_server(&mut ann, 1).await;
    ann.ok(24, 36, invitation(&server, "bob")).await;
    for client in [&mut bob, &mut bobs_other] {
        let (notification, attach) = client.notification(32).await;
        assert_eq!((&notification["2"], &attach["event"]), (&json!(server), &json!(1)));
    }
    let channel = create_channel(&mut ann, &server).await;
    for client in [&mut ann, &mut bob, &mut bobs_other] {
        let (notification, attach) = client.notification(15).await;
        assert_eq!((&notification["3"], &attach["channelInfo"]["4"]), (&channel, &json!("talk")));
    }
    bob.ok(24, 43, json!([{"t": "Long", "v": server}])).await;
    let (_, attach) = bobs_other.notification(32).await;
    assert_eq!(attach["event"], 2);
    assert_eq!(ann.notification(13).await.0["5"], "bob");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_member_hears_of_the_server_after_a_new_login(pool: PgPool) {
    let app = App::start(pool).await;
    let mut ann = app.login("ann", "a").await;
    let server = create_server(&mut ann, 1).await;
    ann.ok(24, 36, invitation(&server, "bob")).await;
    let mut bob = app.login("bob", "b").await;
    create_channel(&mut ann, &server).await;
    bob.notification(15).await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_invitation_waits_for_the_next_login_and_comes_once(pool: PgPool) {
    let app = App::start(pool).await;
    let mut ann = app.login("ann", "a").await;
    let server = create_server(&mut ann, 0).await;
    ann.ok(24, 36, invitation(&server, "bob")).await;
    // What comes after the invitation has reached somebody, so the invitation found nobody.
    create_channel(&mut ann, &server).await;
    ann.notification(15).await;

    let mut bob = app.login("bob", "b").await;
    let missed = bob.push(24, 24).await;
    assert_eq!(missed[0].as_array().map(Vec::len), Some(1), "{missed}");
    let notification = &missed[0][0];
    assert_eq!((&notification["11"], &notification["5"]), (&json!("1"), &json!("ann")));
    assert_ne!(notification["13"], "0", "it is stored");
    let attach: Value = serde_json::from_str(notification["15"].as_str().unwrap()).unwrap();
    assert_eq!(attach["serverInfo"]["1"], json!(server));
    let request = attach["requestId"].clone();
    bob.ok(1, 2, json!([])).await;
    bob.vanish();

    let mut again = app.socket().await;
    again.ok(24, 2, login_items("bob", "b2", "bob-token")).await;
    again.ok(24, 19, json!([{"t": "Property", "v": {"1": 0}}])).await;
    let accept = json!([
        {"t": "Long", "v": server}, {"t": "String", "v": "ann"}, {"t": "Property", "v": {"1": request}}
    ]);
    again.ok(24, 37, accept).await;
    loop {
        let packet = again.packet().await;
        assert_ne!(packet["cid"], 24, "handed over once: {packet}");
        if packet["cid"] == 14 {
            break;
        }
    }
    let (notification, attach) = ann.notification(9).await;
    assert_eq!((&notification["5"], &attach["inviteAccid"]), (&json!("bob"), &json!("ann")));
}

/// A reader that never reads is closed with 1013 instead of costing memory.
#[sqlx::test(migrations = "../../migrations")]
async fn a_slow_link_is_closed(pool: PgPool) {
    let app = App::start(pool).await;
    let mut slow = app.login("ann", "slow").await;
    let other = app.login("ann", "other").await;
    // One notification of 64 KiB to two sessions at a time: the socket's buffers fill, then the queue.
    let user = rotunda_model::UserKey {
        app: rotunda_core::account::app_by_key(&app.core, crate::support::APP_KEY).await.unwrap().unwrap().id,
        accid: rotunda_model::Accid::new("ann").unwrap(),
    };
    let notification = std::sync::Arc::new(rotunda_model::notification::Notification {
        app: user.app,
        fact: rotunda_model::notification::Fact::ServerRemove,
        server: None,
        channel: None,
        audience: rotunda_model::notification::Audience::ServerAccounts(Vec::new()),
        from: user.accid.clone(),
        from_device: None,
        from_client_type: 16,
        from_nick: "x".repeat(64 * 1024),
        time: rotunda_model::Millis(1),
        stored_id: 0,
    });
    let hub: &dyn rotunda_core::Hub = app.gateway.hub.as_ref();
    let mut reached = 2;
    for _ in 0..20_000 {
        reached = hub.deliver(&user, &notification);
        if reached == 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(reached, 0, "both are ended");
    assert_eq!(slow.closed().await, Some(1013));
    drop(other);
}
