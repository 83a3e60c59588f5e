//! Visitors by their links.

use rotunda_core::{Actor, server, visitor};
use rotunda_model::{Accid, DeviceId, ServerId, UserKey};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::{APP_KEY, App};

async fn actor(app: &App, accid: &str) -> Actor {
    let found = rotunda_core::account::app_by_key(&app.core, APP_KEY).await.unwrap().unwrap();
    let user = UserKey { app: found.id, accid: Accid::new(accid).unwrap() };
    Actor { user, device: DeviceId::new("a").unwrap(), client_type: 16, nick: accid.into() }
}

async fn page_code(client: &mut crate::support::Client, server: ServerId) -> Value {
    let q = json!([{"t": "Property", "v": {"1": server, "2": 0}}]);
    client.request(24, 52, q).await["code"].clone()
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_visit_ends_with_the_last_link(pool: PgPool) {
    let app = App::start(pool).await;
    let (ann, bob) = (actor(&app, "ann").await, actor(&app, "bob").await);
    let new = server::NewServer { name: "open".into(), ..server::NewServer::default() };
    let made = server::create(&app.core, &ann, new).await.unwrap().id;
    let mut first = app.login("bob", "a").await;
    let mut second = app.login("bob", "b").await;
    assert_eq!(page_code(&mut first, made).await, 403);
    visitor::enter(&app.core, &bob, made).await.unwrap();
    assert_eq!(page_code(&mut first, made).await, 200);

    first.vanish();
    second.push(24, 8).await;
    assert_eq!(page_code(&mut second, made).await, 200, "another link is still there");
    second.vanish();
    let gone = async {
        while rotunda_core::Hub::is_online(app.gateway.hub.as_ref(), &bob.user) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(15), gone).await.unwrap();
    let mut third = app.login("bob", "c").await;
    assert_eq!(page_code(&mut third, made).await, 403);
}
