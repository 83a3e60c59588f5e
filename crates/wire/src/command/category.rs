//! Channel categories.

use crate::{
    command::{PlacePage, command, server::ServerPage},
    entity::CategoryInput,
    value::Id,
};

command! {
    /// 24_109 creates a category.
    CreateCategory (24, 109) {
        0 category: property(CategoryInput),
    }
}

command! {
    /// 24_110 deletes a category; the server is found by it.
    DeleteCategory (24, 110) {
        0 category_id: item(Id),
    }
}

command! {
    /// 24_111 changes a category; absent fields stay. The server is found by it.
    UpdateCategory (24, 111) {
        0 category: property(CategoryInput),
    }
}

command! {
    /// 24_112 reads categories by id.
    GetCategories (24, 112) {
        0 category_ids: item(Vec<Id>),
    }
}

command! {
    /// 24_119 pages through the categories of a server.
    GetCategoriesPage (24, 119) {
        0 page: property(ServerPage),
    }
}

command! {
    /// 24_120 pages through the channels of a category.
    GetCategoryChannelsPage (24, 120) {
        0 page: property(PlacePage),
    }
}
