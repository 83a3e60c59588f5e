use rotunda_core::{role, subscription};
use rotunda_model::{Code, ServerId, ViewMode};
use rotunda_testkit::TestApp;
use sqlx::PgPool;

use crate::support::{self, code, custom_role, join};

#[sqlx::test(migrations = "../../migrations")]
async fn subscribing_takes_what_is_seen_and_names_the_rest(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let seen = (made.id, support::channel(&app, &ann, made.id, ViewMode::Public).await?.id);
    let hidden = (made.id, support::channel(&app, &ann, made.id, ViewMode::Private).await?.id);
    let unknown = (ServerId::new(9).unwrap(), seen.1);
    let (own, others) = subscription::split_channels(&app.core, &bob, &[seen, hidden, unknown]).await?;
    assert_eq!((own.as_slice(), others.as_slice()), ([seen].as_slice(), [hidden, unknown].as_slice()));
    let failed = subscription::subscribe_servers(&app.core, &bob, &[made.id, unknown.0]).await?;
    assert_eq!(failed, [unknown.0]);
    subscription::unsubscribe_servers(&app.core, &bob, &[made.id, unknown.0]).await?;
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn own_roles_are_the_custom_ones(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    let other = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let role = custom_role(&app, &ann, made.id, 1).await?;
    role::add_members(&app.core, &ann, made.id, role, &support::one(&bob)).await?;
    let (own, failed) = subscription::own_roles(&app.core, &bob, &[made.id, other.id]).await?;
    assert_eq!(own.iter().map(|own| own.roles.clone()).collect::<Vec<_>>(), [vec![role]]);
    assert_eq!(failed, [other.id]);
    assert_eq!(code(subscription::own_roles(&app.core, &bob, &[]).await), Code::PARAMETER);
    assert_eq!(code(subscription::own_roles(&app.core, &bob, &[made.id; 11]).await), Code::PARAMETER);
    Ok(())
}
