//! Ways by which a member might give itself more than it was given.

use rotunda_core::{
    PageRequest,
    channel::{self, CategoryInfo},
    layer_role,
    list::{self, List},
    role, server,
};
use rotunda_model::{AuthValue::Allow, Code, ListKind, Place, Right, SyncMode, ViewMode};
use rotunda_testkit::TestApp;
use sqlx::PgPool;

use crate::{
    category::category,
    support::{self, code, custom_role, join, manager, one, set_everyone},
};

#[sqlx::test(migrations = "../../migrations")]
async fn a_channel_follows_no_category_that_gives_its_mover_more(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?.id;
    join(&app, &bob, made).await?;
    set_everyone(&app, &ann, made, &[(Right::MANAGE_CHANNEL, Allow)]).await?;
    let wing = category(&app, &ann, made, ViewMode::Public).await?.id;
    let hall = support::channel(&app, &ann, made, ViewMode::Public).await?;
    let place = Place::Category(wing);
    let roles = layer_role::page(&app.core, &ann, made, place, PageRequest::default()).await?;
    let auths = [(Right::MANAGE_ROLE, Allow)];
    layer_role::update(&app.core, &ann, made, place, roles.first().unwrap().id, &auths).await?;
    app.quiet().await?;

    let follow = CategoryInfo { category: Some(Some(wing)), sync_mode: Some(SyncMode::WithCategory) };
    let moved = channel::set_category(&app.core, &bob, hall.id, follow).await;
    assert_eq!(code(moved), Code::FORBIDDEN);
    assert_eq!(channel::by_ids(&app.core, &ann, &[hall.id]).await?, std::slice::from_ref(&hall));
    assert!(app.told(&bob).await?.is_empty());
    // To lie in it is another matter, and so is what others decide.
    let inside = CategoryInfo { category: Some(Some(wing)), sync_mode: None };
    channel::set_category(&app.core, &bob, hall.id, inside).await?;
    assert_eq!(code(channel::set_category(&app.core, &bob, hall.id, follow).await), Code::FORBIDDEN);
    channel::set_category(&app.core, &ann, hall.id, follow).await?;
    assert!(role::check(&app.core, &bob, made, Some(hall.id), Right::MANAGE_ROLE).await?);
    assert!(server::rules_agree(&app.core, made).await?);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn nobody_enters_a_role_that_opens_a_hidden_place(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?.id;
    join(&app, &bob, made).await?;
    manager(&app, &ann, &bob, made, 1).await?;
    let keyed = custom_role(&app, &ann, made, 5).await?;
    let secret = support::channel(&app, &ann, made, ViewMode::Private).await?.id;
    let white = List { server: made, place: Place::Channel(secret), kind: ListKind::White };
    list::add_role(&app.core, &ann, white, keyed).await?;
    let enters = role::add_members(&app.core, &bob, made, keyed, &one(&bob)).await;
    assert_eq!(code(enters), Code::FORBIDDEN);
    assert!(channel::by_ids(&app.core, &bob, &[secret]).await?.is_empty());
    role::add_members(&app.core, &bob, made, keyed, &one(&ann)).await?;
    list::remove_role(&app.core, &ann, white, keyed).await?;
    role::add_members(&app.core, &bob, made, keyed, &one(&bob)).await?;
    Ok(())
}
