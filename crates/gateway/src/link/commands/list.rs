//! Black and white lists: of channels 24_54 to 24_59, of categories 24_113 to 24_118. The two rows of commands differ
//! only in what their second tag names.

use rotunda_core::list::{self, List};
use rotunda_model::{Code, ListKind, Place};
use rotunda_wire::{
    Id,
    command::list::{
        GetCategoryListMembers, GetCategoryListMembersPage, GetCategoryListRoles, GetCategoryListRolesPage,
        GetChannelListMembers, GetChannelListMembersPage, GetChannelListRoles, GetChannelListRolesPage,
        ListPage, MembersOnList, RolesOnList, UpdateCategoryListMembers, UpdateCategoryListRole,
        UpdateChannelListMembers, UpdateChannelListRole,
    },
    entity::{ListedMembers, ListedRole},
};

use super::{Call, Refusal, Reply, args, not_built};
use crate::link::entity;

pub async fn handle(call: Call<'_>) -> Reply {
    match call.request.command.cid {
        54 => edit_role(call, channel, call.read::<UpdateChannelListRole>()?.edit).await,
        55 => roles(call, channel, call.read::<GetChannelListRolesPage>()?.page).await,
        56 => edit_members(call, channel, call.read::<UpdateChannelListMembers>()?.edit).await,
        57 => members(call, channel, call.read::<GetChannelListMembersPage>()?.page).await,
        58 => existing_roles(call, channel, call.read::<GetChannelListRoles>()?.query).await,
        59 => existing_members(call, channel, call.read::<GetChannelListMembers>()?.query).await,
        113 => edit_role(call, category, call.read::<UpdateCategoryListRole>()?.edit).await,
        114 => roles(call, category, call.read::<GetCategoryListRolesPage>()?.page).await,
        115 => edit_members(call, category, call.read::<UpdateCategoryListMembers>()?.edit).await,
        116 => members(call, category, call.read::<GetCategoryListMembersPage>()?.page).await,
        117 => existing_roles(call, category, call.read::<GetCategoryListRoles>()?.query).await,
        118 => existing_members(call, category, call.read::<GetCategoryListMembers>()?.query).await,
        _ => Err(not_built(call.request.command)),
    }
}

type ToPlace = fn(Id) -> Result<Place, Refusal>;

fn channel(id: Id) -> Result<Place, Refusal> {
    Ok(Place::Channel(args::id(id)?))
}

fn category(id: Id) -> Result<Place, Refusal> {
    Ok(Place::Category(args::id(id)?))
}

fn of(place: ToPlace, server: Id, id: Id, kind: i64) -> Result<List, Refusal> {
    let kind = ListKind::from_number(kind).ok_or(Refusal::Code(Code::PARAMETER))?;
    Ok(List { server: args::id(server)?, place: place(id)?, kind })
}

/// The wire's opeType: 1 adds, 2 removes.
fn adds(operation: i64) -> Result<bool, Refusal> {
    match operation {
        1 => Ok(true),
        2 => Ok(false),
        _ => Err(Refusal::Code(Code::PARAMETER)),
    }
}

/// An empty answer: nim-web-sdk-ng 0.17.2 declares fields for that of 24_54 and reads none.
async fn edit_role(call: Call<'_>, place: ToPlace, edit: ListedRole) -> Reply {
    let list = of(place, edit.server_id, edit.place_id, edit.list)?;
    let role = args::id(edit.role_id)?;
    match adds(edit.operation)? {
        true => list::add_role(call.core, call.actor, list, role).await?,
        false => list::remove_role(call.core, call.actor, list, role).await?,
    }
    Ok(Vec::new())
}

async fn edit_members(call: Call<'_>, place: ToPlace, edit: ListedMembers) -> Reply {
    let list = of(place, edit.server_id, edit.place_id, edit.list)?;
    let accids = args::accids(&edit.accids)?;
    match adds(edit.operation)? {
        true => list::add_members(call.core, call.actor, list, &accids).await?,
        false => list::remove_members(call.core, call.actor, list, &accids).await?,
    }
    Ok(Vec::new())
}

async fn roles(call: Call<'_>, place: ToPlace, page: ListPage) -> Reply {
    let list = of(place, page.server_id, page.place_id, page.list)?;
    let request = args::page(page.timetag, page.limit);
    let page = list::roles(call.core, call.actor, list, request).await?;
    Ok(args::paged(&page, |role| entity::server_role(role, None)))
}

async fn members(call: Call<'_>, place: ToPlace, page: ListPage) -> Reply {
    let list = of(place, page.server_id, page.place_id, page.list)?;
    let request = args::page(page.timetag, page.limit);
    let page = list::members(call.core, call.actor, list, request).await?;
    Ok(args::paged(&page, entity::member))
}

async fn existing_roles(call: Call<'_>, place: ToPlace, query: RolesOnList) -> Reply {
    let list = of(place, query.server_id, query.place_id, query.list)?;
    let found = list::existing_roles(call.core, call.actor, list, &args::ids(&query.role_ids)?).await?;
    Ok(vec![args::list(&found, |role| entity::server_role(role, None))])
}

async fn existing_members(call: Call<'_>, place: ToPlace, query: MembersOnList) -> Reply {
    let list = of(place, query.server_id, query.place_id, query.list)?;
    let found = list::existing_members(call.core, call.actor, list, &args::asked(&query.accids)).await?;
    Ok(vec![args::list(&found, entity::member)])
}
