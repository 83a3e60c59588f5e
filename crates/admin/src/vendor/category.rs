//! Channel categories (频道分组).

use rotunda_core::category::{self, CategoryUpdate, NewCategory};
use rotunda_model::ViewMode;

use super::{Call, Reply, entity::Shape, fields, nothing};

pub async fn create(call: Call<'_>) -> Reply {
    let form = call.form;
    let new = NewCategory {
        name: form.owned("name").unwrap_or_default(),
        ext: form.custom()?.unwrap_or_default(),
        view_mode: form.choice("viewMode", ViewMode::from_number)?.unwrap_or_default(),
    };
    let made = category::create(call.core, &call.operator().await?, form.id("serverId")?, new).await?;
    Ok(fields([("category", call.shape.category(&made))]))
}

pub async fn remove(call: Call<'_>) -> Reply {
    category::remove(call.core, &call.operator().await?, call.form.id("categoryId")?).await?;
    Ok(nothing())
}

pub async fn update(call: Call<'_>) -> Reply {
    let form = call.form;
    let update = CategoryUpdate {
        name: form.owned("name"),
        ext: form.custom()?,
        view_mode: form.choice("viewMode", ViewMode::from_number)?,
    };
    let changed =
        category::update(call.core, &call.operator().await?, form.id("categoryId")?, update).await?;
    Ok(fields([("category", call.shape.category(&changed))]))
}

/// Without an operator, as the app itself sees them.
pub async fn by_ids(call: Call<'_>) -> Reply {
    let ids = call.form.ids("categoryIds")?;
    let found = match call.has_operator() {
        true => category::by_ids(call.core, &call.operator().await?, &ids).await?,
        false => category::of_app(call.core, call.app.id, &ids).await?,
    };
    Ok(call.shape.list(&found, "categories", Shape::category))
}

pub async fn page(call: Call<'_>) -> Reply {
    let server = call.form.id("serverId")?;
    let page = category::page(call.core, &call.reader(server).await?, server, call.form.page()?).await?;
    Ok(call.shape.page(&page, "categories", Shape::category))
}

pub async fn channels(call: Call<'_>) -> Reply {
    let (server, id) = (call.form.id("serverId")?, call.form.id("categoryId")?);
    let reader = call.reader(server).await?;
    let page = category::channels(call.core, &reader, server, id, call.form.page()?).await?;
    Ok(call.shape.page(&page, "channels", Shape::channel))
}
