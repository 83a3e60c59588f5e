//! Layers of channels and categories: roles 24_65 to 24_68, 24_78, 24_83 to 24_86, and members' overrides 24_69 to
//! 24_72, 24_79, 24_87 to 24_90.

use rotunda_core::{
    layer_role,
    member_role::{self, Key},
};
use rotunda_model::{ChannelId, Place, ServerId, role::LayerRole, role::MemberRole};
use rotunda_wire::{
    AuthMap, Id,
    command::{
        PlacePage,
        layer::{
            AddCategoryMemberRole, AddCategoryRole, AddChannelRole, AddMemberRole, GetCategoryMemberRoles,
            GetCategoryRoles, GetChannelRoles, GetExistingChannelRoles, GetExistingMemberRoles,
            GetMemberRoles, RemoveCategoryMemberRole, RemoveCategoryRole, RemoveChannelRole,
            RemoveMemberRole, UpdateCategoryMemberRole, UpdateCategoryRole, UpdateChannelRole,
            UpdateMemberRole,
        },
    },
};

use super::{Call, Refusal, Reply, args, not_built};
use crate::link::entity;

pub async fn handle(call: Call<'_>) -> Reply {
    match call.request.command.cid {
        65 => {
            let AddChannelRole { role } = call.read()?;
            add_role(call, role.server_id, channel(role.channel_id)?, role.parent_role_id).await
        }
        66 => {
            let RemoveChannelRole { server_id, channel_id, role_id } = call.read()?;
            remove_role(call, server_id, channel(channel_id)?, role_id).await
        }
        67 => {
            let UpdateChannelRole { role } = call.read()?;
            update_role(call, role.server_id, channel(role.channel_id)?, role.role_id, role.auths).await
        }
        68 => {
            let GetChannelRoles { page } = call.read()?;
            roles(call, channel(page.place_id)?, page).await
        }
        69 => {
            let AddMemberRole { role } = call.read()?;
            add_override(call, key(role.server_id, channel(role.channel_id)?, &role.accid)?).await
        }
        70 => {
            let RemoveMemberRole { role } = call.read()?;
            remove_override(call, key(role.server_id, channel(role.channel_id)?, &role.accid)?).await
        }
        71 => {
            let UpdateMemberRole { role } = call.read()?;
            let key = key(role.server_id, channel(role.channel_id)?, &role.accid)?;
            update_override(call, key, role.auths).await
        }
        72 => {
            let GetMemberRoles { page } = call.read()?;
            overrides(call, channel(page.place_id)?, page).await
        }
        78 => existing_roles(call).await,
        79 => existing_overrides(call).await,
        83 => {
            let AddCategoryRole { role } = call.read()?;
            add_role(call, role.server_id, category(role.category_id)?, role.parent_role_id).await
        }
        84 => {
            let RemoveCategoryRole { server_id, category_id, role_id } = call.read()?;
            remove_role(call, server_id, category(category_id)?, role_id).await
        }
        85 => {
            let UpdateCategoryRole { role } = call.read()?;
            update_role(call, role.server_id, category(role.category_id)?, role.role_id, role.auths).await
        }
        86 => {
            let GetCategoryRoles { page } = call.read()?;
            roles(call, category(page.place_id)?, page).await
        }
        87 => {
            let AddCategoryMemberRole { role } = call.read()?;
            add_override(call, key(role.server_id, category(role.category_id)?, &role.accid)?).await
        }
        88 => {
            let RemoveCategoryMemberRole { server_id, category_id, accid } = call.read()?;
            remove_override(call, key(server_id, category(category_id)?, &accid)?).await
        }
        89 => {
            let UpdateCategoryMemberRole { role } = call.read()?;
            let key = key(role.server_id, category(role.category_id)?, &role.accid)?;
            update_override(call, key, role.auths).await
        }
        90 => {
            let GetCategoryMemberRoles { page } = call.read()?;
            overrides(call, category(page.place_id)?, page).await
        }
        _ => Err(not_built(call.request.command)),
    }
}

fn channel(id: Id) -> Result<Place, Refusal> {
    args::id::<ChannelId>(id).map(Place::Channel)
}

fn category(id: Id) -> Result<Place, Refusal> {
    args::id(id).map(Place::Category)
}

fn key(server: Id, place: Place, accid: &str) -> Result<Key, Refusal> {
    Ok(Key { server: args::id(server)?, place, accid: args::accid(accid)? })
}

async fn add_role(call: Call<'_>, server: Id, place: Place, parent: Id) -> Reply {
    let (server, parent) = (args::id(server)?, args::id(parent)?);
    let made = layer_role::add(call.core, call.actor, server, place, parent).await?;
    Ok(vec![args::item(&entity::layer_role(&made))])
}

async fn remove_role(call: Call<'_>, server: Id, place: Place, id: Id) -> Reply {
    layer_role::remove(call.core, call.actor, args::id(server)?, place, args::id(id)?).await?;
    Ok(Vec::new())
}

async fn update_role(call: Call<'_>, server: Id, place: Place, id: Id, auths: Option<AuthMap>) -> Reply {
    let auths = args::auths(&auths.unwrap_or_default())?;
    let (server, id) = (args::id(server)?, args::id(id)?);
    let role = layer_role::update(call.core, call.actor, server, place, id, &auths).await?;
    Ok(vec![args::item(&entity::layer_role(&role))])
}

async fn roles(call: Call<'_>, place: Place, page: PlacePage) -> Reply {
    let request = args::page(page.timetag, page.limit);
    let found = layer_role::page(call.core, call.actor, args::id(page.server_id)?, place, request).await?;
    Ok(role_list(&found))
}

/// 24_78, by the ids of the server roles; there is none for categories.
async fn existing_roles(call: Call<'_>) -> Reply {
    let GetExistingChannelRoles { server_id, channel_id, parent_role_ids } = call.read()?;
    let (server, place) = (args::id(server_id)?, channel(channel_id)?);
    let ids = args::ids(&parent_role_ids)?;
    Ok(role_list(&layer_role::existing(call.core, call.actor, server, place, &ids).await?))
}

fn role_list(roles: &[LayerRole]) -> Vec<serde_json::Value> {
    vec![args::list(roles, entity::layer_role)]
}

async fn add_override(call: Call<'_>, key: Key) -> Reply {
    let made = member_role::add(call.core, call.actor, &key).await?;
    Ok(vec![args::item(&entity::member_role(&made))])
}

async fn remove_override(call: Call<'_>, key: Key) -> Reply {
    member_role::remove(call.core, call.actor, &key).await?;
    Ok(Vec::new())
}

async fn update_override(call: Call<'_>, key: Key, auths: Option<AuthMap>) -> Reply {
    let auths = args::auths(&auths.unwrap_or_default())?;
    let role = member_role::update(call.core, call.actor, &key, &auths).await?;
    Ok(vec![args::item(&entity::member_role(&role))])
}

async fn overrides(call: Call<'_>, place: Place, page: PlacePage) -> Reply {
    let request = args::page(page.timetag, page.limit);
    let found = member_role::page(call.core, call.actor, args::id(page.server_id)?, place, request).await?;
    Ok(override_list(&found))
}

/// 24_79; there is none for categories.
async fn existing_overrides(call: Call<'_>) -> Reply {
    let GetExistingMemberRoles { server_id, channel_id, accids } = call.read()?;
    let (server, place): (ServerId, _) = (args::id(server_id)?, channel(channel_id)?);
    let accids = args::asked(&accids);
    Ok(override_list(&member_role::existing(call.core, call.actor, server, place, &accids).await?))
}

fn override_list(overrides: &[MemberRole]) -> Vec<serde_json::Value> {
    vec![args::list(overrides, entity::member_role)]
}
