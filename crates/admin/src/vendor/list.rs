//! Black and white lists (黑白名单) of channels and categories. The two rows of actions differ only in what names the
//! place.

use rotunda_core::list::{self, List};
use rotunda_model::{ListKind, Place};

use super::{Call, Refusal, Reply, entity::Shape, nothing};

/// One function per place and action.
macro_rules! places {
    ($($action:ident: $channel:ident, $category:ident;)*) => {$(
        pub async fn $channel(call: Call<'_>) -> Reply {
            $action(call, Place::Channel(call.form.id("channelId")?)).await
        }

        pub async fn $category(call: Call<'_>) -> Reply {
            $action(call, Place::Category(call.form.id("categoryId")?)).await
        }
    )*};
}

places! {
    edit_members: edit_channel_members, edit_category_members;
    edit_role: edit_channel_role, edit_category_role;
    members: channel_members, category_members;
    roles: channel_roles, category_roles;
    members_among: channel_members_among, category_members_among;
    roles_among: channel_roles_among, category_roles_among;
}

fn of(call: Call<'_>, place: Place) -> Result<List, Refusal> {
    let kind = call.form.choice("type", ListKind::from_number)?.ok_or(Refusal::Parameter("type"))?;
    Ok(List { server: call.form.id("serverId")?, place, kind })
}

/// opeType 1 adds, 2 removes.
fn adds(call: Call<'_>) -> Result<bool, Refusal> {
    match call.form.number("opeType")? {
        Some(1) => Ok(true),
        Some(2) => Ok(false),
        _ => Err(Refusal::Parameter("opeType")),
    }
}

async fn edit_members(call: Call<'_>, place: Place) -> Reply {
    let (list, accids, adds) = (of(call, place)?, call.form.accids()?, adds(call)?);
    let actor = call.operator().await?;
    match adds {
        true => list::add_members(call.core, &actor, list, &accids).await?,
        false => list::remove_members(call.core, &actor, list, &accids).await?,
    }
    Ok(nothing())
}

async fn edit_role(call: Call<'_>, place: Place) -> Reply {
    let (list, role, adds) = (of(call, place)?, call.form.id("roleId")?, adds(call)?);
    let actor = call.operator().await?;
    match adds {
        true => list::add_role(call.core, &actor, list, role).await?,
        false => list::remove_role(call.core, &actor, list, role).await?,
    }
    Ok(nothing())
}

async fn members(call: Call<'_>, place: Place) -> Reply {
    let list = of(call, place)?;
    let page = list::members(call.core, &call.reader(list.server).await?, list, call.form.page()?).await?;
    Ok(call.shape.page(&page, "members", Shape::member))
}

async fn roles(call: Call<'_>, place: Place) -> Reply {
    let list = of(call, place)?;
    let page = list::roles(call.core, &call.reader(list.server).await?, list, call.form.page()?).await?;
    Ok(call.shape.page(&page, "identifies", Shape::server_role))
}

async fn members_among(call: Call<'_>, place: Place) -> Reply {
    let (list, accids) = (of(call, place)?, call.form.asked()?);
    let found = list::existing_members(call.core, &call.reader(list.server).await?, list, &accids).await?;
    Ok(call.shape.list(&found, "members", Shape::member))
}

async fn roles_among(call: Call<'_>, place: Place) -> Reply {
    let (list, roles) = (of(call, place)?, call.form.ids("roleids")?);
    let found = list::existing_roles(call.core, &call.reader(list.server).await?, list, &roles).await?;
    Ok(call.shape.list(&found, "identifies", Shape::server_role))
}
