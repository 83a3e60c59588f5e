use rotunda_core::{list, media};
use rotunda_model::{Code, ViewMode};
use rotunda_permissions::guard::ListKind;
use rotunda_testkit::{RoomCall, TestApp};
use sqlx::PgPool;

use crate::support::{self, code, join};

#[sqlx::test(migrations = "../../migrations")]
async fn the_white_list_opens_a_private_channel(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let private = support::channel(&app, &ann, made.id, ViewMode::Private).await?;
    app.quiet().await?;
    let bobs = support::one(&bob);
    let verdict = async || code(media::verdict(&app.core, &bob.user, private.id).await);
    assert_eq!(verdict().await, Code::FORBIDDEN);

    let add = async |actor, kind, accids: &[_]| {
        code(list::add_members(&app.core, actor, private.id, kind, accids).await)
    };
    assert_eq!(add(&bob, ListKind::White, &bobs).await, Code::FORBIDDEN);
    assert_eq!(add(&ann, ListKind::Black, &bobs).await, Code::PARAMETER);
    assert_eq!(add(&ann, ListKind::White, &support::one(&eve)).await, Code::NOT_FOUND);
    assert_eq!(add(&ann, ListKind::White, &bobs).await, Code::OK);
    assert_eq!(verdict().await, Code::OK);
    assert_eq!(app.told(&bob).await?, [31]);
    assert!(app.told(&ann).await?.is_empty());

    app.rooms.seat(made.id, private.id, &bob.user.accid);
    list::remove_members(&app.core, &ann, private.id, ListKind::White, &bobs).await?;
    assert_eq!(verdict().await, Code::FORBIDDEN);
    assert!(matches!(app.rooms.take().as_slice(), [RoomCall::Rights { verdict: None, .. }]));
    assert_eq!(app.told(&bob).await?, [31]);
    Ok(())
}
