//! Channel categories: 24_109 to 24_112, 24_119, 24_120.

use rotunda_core::category::{self, CategoryUpdate, NewCategory};
use rotunda_model::{Code, ViewMode};
use rotunda_wire::command::category::{
    CreateCategory, DeleteCategory, GetCategories, GetCategoriesPage, GetCategoryChannelsPage, UpdateCategory,
};

use super::{Call, Refusal, Reply, args, not_built};
use crate::link::entity;

pub async fn handle(call: Call<'_>) -> Reply {
    match call.request.command.cid {
        109 => create(call).await,
        110 => remove(call).await,
        111 => update(call).await,
        112 => by_ids(call).await,
        119 => page(call).await,
        120 => channels(call).await,
        _ => Err(not_built(call.request.command)),
    }
}

async fn create(call: Call<'_>) -> Reply {
    let CreateCategory { category: input } = call.read()?;
    let server = args::id(input.server_id.ok_or(Refusal::Code(Code::PARAMETER))?)?;
    let new = NewCategory {
        name: input.name.unwrap_or_default(),
        ext: input.ext.unwrap_or_default(),
        view_mode: args::number(input.view_mode, ViewMode::from_number)?,
    };
    let made = category::create(call.core, call.actor, server, new).await?;
    Ok(vec![args::item(&entity::category(&made))])
}

async fn remove(call: Call<'_>) -> Reply {
    let DeleteCategory { category_id } = call.read()?;
    category::remove(call.core, call.actor, args::id(category_id)?).await?;
    Ok(Vec::new())
}

async fn update(call: Call<'_>) -> Reply {
    let UpdateCategory { category: input } = call.read()?;
    let id = args::id(input.category_id.ok_or(Refusal::Code(Code::PARAMETER))?)?;
    let update = CategoryUpdate {
        name: input.name,
        ext: input.ext,
        view_mode: args::optional_number(input.view_mode, ViewMode::from_number)?,
    };
    let changed = category::update(call.core, call.actor, id, update).await?;
    Ok(vec![args::item(&entity::category(&changed))])
}

async fn by_ids(call: Call<'_>) -> Reply {
    let GetCategories { category_ids } = call.read()?;
    let found = category::by_ids(call.core, call.actor, &args::ids(&category_ids)?).await?;
    Ok(vec![args::list(&found, entity::category)])
}

async fn page(call: Call<'_>) -> Reply {
    let GetCategoriesPage { page } = call.read()?;
    let request = args::page(page.timetag, page.limit);
    let page = category::page(call.core, call.actor, args::id(page.server_id)?, request).await?;
    Ok(args::paged(&page, entity::category))
}

async fn channels(call: Call<'_>) -> Reply {
    let GetCategoryChannelsPage { page } = call.read()?;
    let request = args::page(page.timetag, page.limit);
    let (server, id) = (args::id(page.server_id)?, args::id(page.place_id)?);
    let page = category::channels(call.core, call.actor, server, id, request).await?;
    Ok(args::paged(&page, entity::channel))
}
