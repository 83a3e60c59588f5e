//! Roles of channels (频道身份组) and categories (频道分组身份组). The two rows of actions differ only in what names the
//! place.

use rotunda_core::layer_role;
use rotunda_model::Place;

use super::{Call, Reply, entity::Shape, fields, nothing};

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
    create: create_in_channel, create_in_category;
    update: update_in_channel, update_in_category;
    remove: remove_in_channel, remove_in_category;
    page: page_of_channel, page_of_category;
}

/// For the server role `serverRoleId`.
async fn create(call: Call<'_>, place: Place) -> Reply {
    let (server, parent) = (call.form.id("serverId")?, call.form.id("serverRoleId")?);
    let made = layer_role::add(call.core, &call.operator().await?, server, place, parent).await?;
    Ok(fields([("identify", call.shape.layer_role(&made))]))
}

async fn update(call: Call<'_>, place: Place) -> Reply {
    let (server, id, auths) = (call.form.id("serverId")?, call.form.id("roleId")?, call.form.auths()?);
    let changed = layer_role::update(call.core, &call.operator().await?, server, place, id, &auths).await?;
    Ok(fields([("identify", call.shape.layer_role(&changed))]))
}

async fn remove(call: Call<'_>, place: Place) -> Reply {
    let (server, id) = (call.form.id("serverId")?, call.form.id("roleId")?);
    layer_role::remove(call.core, &call.operator().await?, server, place, id).await?;
    Ok(nothing())
}

async fn page(call: Call<'_>, place: Place) -> Reply {
    let server = call.form.id("serverId")?;
    let reader = call.reader(server).await?;
    let found = layer_role::page(call.core, &reader, server, place, call.form.page()?).await?;
    Ok(call.shape.list(&found, "identifies", Shape::layer_role))
}
