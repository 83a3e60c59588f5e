//! Short ways to say what many tests need.

use rotunda_core::{
    Actor, Error,
    channel::{self, NewChannel},
    invite,
    role::{self, NewRole, RoleUpdate},
    server::{self, NewServer},
};
use rotunda_model::{
    AuthValue, Channel, ChannelKind, Code, Right, RoleId, ServerId, ViewMode,
    server::{ApplyMode, InviteMode, Server},
};
use rotunda_testkit::TestApp;

pub async fn server(app: &TestApp, owner: &Actor) -> anyhow::Result<Server> {
    Ok(server::create(&app.core, owner, NewServer { name: "a server".into(), ..NewServer::default() })
        .await?)
}

pub async fn closed_server(app: &TestApp, owner: &Actor) -> anyhow::Result<Server> {
    let new = NewServer {
        name: "by approval".into(),
        invite_mode: InviteMode::NoConsent,
        apply_mode: ApplyMode::NeedsApproval,
        ..NewServer::default()
    };
    Ok(server::create(&app.core, owner, new).await?)
}

pub async fn join(app: &TestApp, actor: &Actor, server: ServerId) -> anyhow::Result<()> {
    invite::apply(&app.core, actor, server, "", None).await?;
    Ok(())
}

pub fn media(view_mode: ViewMode) -> NewChannel {
    NewChannel { kind: ChannelKind::Media, name: "talk".into(), view_mode, ..NewChannel::default() }
}

pub async fn channel(
    app: &TestApp,
    owner: &Actor,
    server: ServerId,
    mode: ViewMode,
) -> anyhow::Result<Channel> {
    Ok(channel::create(&app.core, owner, server, media(mode)).await?)
}

pub async fn everyone(app: &TestApp, member: &Actor, server: ServerId) -> anyhow::Result<RoleId> {
    let roles = role::list(&app.core, member, server, 0, Some(1)).await?;
    Ok(roles.first().ok_or_else(|| anyhow::anyhow!("no @everyone"))?.role.id)
}

pub async fn set_everyone(
    app: &TestApp,
    owner: &Actor,
    server: ServerId,
    auths: &[(Right, AuthValue)],
) -> anyhow::Result<()> {
    let role = everyone(app, owner, server).await?;
    let update = RoleUpdate { auths: auths.to_vec(), ..RoleUpdate::default() };
    role::update(&app.core, owner, server, role, update).await?;
    Ok(())
}

pub async fn custom_role(
    app: &TestApp,
    owner: &Actor,
    server: ServerId,
    priority: i64,
) -> anyhow::Result<RoleId> {
    let new = NewRole { name: "a role".into(), priority: Some(priority), ..NewRole::default() };
    Ok(role::create(&app.core, owner, server, new).await?.id)
}

/// A role of that priority that allows manageRole, with that member in it.
pub async fn manager(
    app: &TestApp,
    owner: &Actor,
    member: &Actor,
    server: ServerId,
    priority: i64,
) -> anyhow::Result<RoleId> {
    let role = custom_role(app, owner, server, priority).await?;
    let auths = vec![(Right::MANAGE_ROLE, AuthValue::Allow)];
    let update = RoleUpdate { auths, ..RoleUpdate::default() };
    role::update(&app.core, owner, server, role, update).await?;
    role::add_members(&app.core, owner, server, role, &one(member)).await?;
    Ok(role)
}

/// The code of a refusal; what was done counts as 200.
pub fn code<T>(result: Result<T, Error>) -> Code {
    result.map_or_else(|error| error.code(), |_| Code::OK)
}

/// The account alone, as a list.
pub fn one(actor: &Actor) -> [rotunda_model::Accid; 1] {
    [actor.user.accid.clone()]
}
