//! Overrides of members (用户定制权限) in channels and categories. The two rows of actions differ only in what names the
//! place.

use rotunda_core::member_role::{self, Key};
use rotunda_model::Place;

use super::{Call, Refusal, Reply, entity::Shape, fields, nothing};

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

/// The override of `faccid`.
fn key(call: Call<'_>, place: Place) -> Result<Key, Refusal> {
    Ok(Key { server: call.form.id("serverId")?, place, accid: call.form.other()? })
}

async fn create(call: Call<'_>, place: Place) -> Reply {
    let key = key(call, place)?;
    let made = member_role::add(call.core, &call.operator().await?, &key).await?;
    Ok(fields([("identify", call.shape.member_role(&made))]))
}

async fn update(call: Call<'_>, place: Place) -> Reply {
    let (key, auths) = (key(call, place)?, call.form.auths()?);
    let changed = member_role::update(call.core, &call.operator().await?, &key, &auths).await?;
    Ok(fields([("identify", call.shape.member_role(&changed))]))
}

async fn remove(call: Call<'_>, place: Place) -> Reply {
    let key = key(call, place)?;
    member_role::remove(call.core, &call.operator().await?, &key).await?;
    Ok(nothing())
}

async fn page(call: Call<'_>, place: Place) -> Reply {
    let server = call.form.id("serverId")?;
    let reader = call.reader(server).await?;
    let found = member_role::page(call.core, &reader, server, place, call.form.page()?).await?;
    Ok(call.shape.list(&found, "identifies", Shape::member_role))
}
