//! Everything of a server that can alter a verdict, as rows.

use rotunda_model::{
    Accid, AppId, Auths, CategoryId, ChannelId, ListKind, Place, RoleId, ServerId, SyncMode, ViewMode,
    VisitorMode, role::RoleKind,
};
use sqlx::types::Json;

use crate::{PgConnection, StoreError, row};

#[derive(Debug, Clone)]
pub struct Rules {
    pub server: ServerId,
    pub app: AppId,
    pub owner: Accid,
    pub version: i64,
    pub roles: Vec<Role>,
    pub categories: Vec<Category>,
    pub channels: Vec<Channel>,
    pub layer_roles: Vec<LayerRole>,
    pub overrides: Vec<Override>,
    pub listed: Vec<Listed>,
}

#[derive(Debug, Clone)]
pub struct Role {
    pub id: RoleId,
    pub kind: RoleKind,
    pub priority: i64,
    pub auths: Auths,
}

#[derive(Debug, Clone)]
pub struct Category {
    pub id: CategoryId,
    pub view_mode: ViewMode,
}

#[derive(Debug, Clone)]
pub struct Channel {
    pub id: ChannelId,
    pub category: Option<CategoryId>,
    pub view_mode: ViewMode,
    pub visitor_mode: VisitorMode,
    pub sync_mode: SyncMode,
}

#[derive(Debug, Clone)]
pub struct LayerRole {
    pub place: Place,
    pub server_role: RoleId,
    pub auths: Auths,
}

#[derive(Debug, Clone)]
pub struct Override {
    pub place: Place,
    pub accid: Accid,
    pub auths: Auths,
}

#[derive(Debug, Clone)]
pub struct Listed {
    pub place: Place,
    pub kind: ListKind,
    pub who: Who,
}

#[derive(Debug, Clone)]
pub enum Who {
    Member(Accid),
    Role(RoleId),
}

fn place(is_category: bool, id: i64) -> Result<Place, StoreError> {
    Ok(if is_category {
        Place::Category(row::id(id, "category")?)
    } else {
        Place::Channel(row::id(id, "channel")?)
    })
}

/// `None`: no such server. The connection must be in a transaction that sees one moment: repeatable read, or holding
/// the server's row lock.
pub async fn load(db: &mut PgConnection, server: ServerId) -> Result<Option<Rules>, StoreError> {
    let id = server.get();
    let head = sqlx::query!("SELECT app, owner, version FROM servers WHERE id = $1", id)
        .fetch_optional(&mut *db)
        .await?;
    let Some(head) = head else { return Ok(None) };

    let roles = sqlx::query!(
        r#"SELECT id, kind, priority, auths AS "auths: Json<Auths>" FROM server_roles WHERE server = $1"#,
        id
    )
    .fetch_all(&mut *db)
    .await?;
    let categories = sqlx::query!("SELECT id, view_mode FROM categories WHERE server = $1", id)
        .fetch_all(&mut *db)
        .await?;
    let channels = sqlx::query!(
        "SELECT id, category, view_mode, visitor_mode, sync_mode FROM channels WHERE server = $1",
        id
    )
    .fetch_all(&mut *db)
    .await?;
    let layer_roles = sqlx::query!(
        r#"SELECT false AS "is_category!", r.channel AS "place!", r.server_role AS "server_role!",
            r.auths AS "auths!: Json<Auths>"
         FROM channel_roles r JOIN channels c ON c.id = r.channel WHERE c.server = $1
         UNION ALL
         SELECT true, r.category, r.server_role, r.auths
         FROM category_roles r JOIN categories c ON c.id = r.category WHERE c.server = $1"#,
        id
    )
    .fetch_all(&mut *db)
    .await?;
    let overrides = sqlx::query!(
        r#"SELECT false AS "is_category!", channel AS "place!", accid AS "accid!", auths AS "auths!: Json<Auths>"
         FROM channel_overrides WHERE server = $1
         UNION ALL
         SELECT true, category, accid, auths FROM category_overrides WHERE server = $1"#,
        id
    )
    .fetch_all(&mut *db)
    .await?;
    let listed_members = sqlx::query!(
        r#"SELECT false AS "is_category!", channel AS "place!", kind AS "kind!", accid AS "accid!"
         FROM channel_list_members WHERE server = $1
         UNION ALL
         SELECT true, category, kind, accid FROM category_list_members WHERE server = $1"#,
        id
    )
    .fetch_all(&mut *db)
    .await?;
    let listed_roles = sqlx::query!(
        r#"SELECT false AS "is_category!", l.channel AS "place!", l.kind AS "kind!", l.role AS "role!"
         FROM channel_list_roles l JOIN server_roles r ON r.id = l.role WHERE r.server = $1
         UNION ALL
         SELECT true, l.category, l.kind, l.role
         FROM category_list_roles l JOIN server_roles r ON r.id = l.role WHERE r.server = $1"#,
        id
    )
    .fetch_all(db)
    .await?;

    let mut rules = Rules {
        server,
        app: row::id(head.app, "servers.app")?,
        owner: row::accid(&head.owner, "servers.owner")?,
        version: head.version,
        roles: Vec::with_capacity(roles.len()),
        categories: Vec::with_capacity(categories.len()),
        channels: Vec::with_capacity(channels.len()),
        layer_roles: Vec::with_capacity(layer_roles.len()),
        overrides: Vec::with_capacity(overrides.len()),
        listed: Vec::with_capacity(listed_members.len() + listed_roles.len()),
    };
    for r in roles {
        rules.roles.push(Role {
            id: row::id(r.id, "server_roles.id")?,
            kind: row::number(RoleKind::from_number, r.kind, "server_roles.kind")?,
            priority: r.priority,
            auths: r.auths.0,
        });
    }
    for r in categories {
        rules.categories.push(Category {
            id: row::id(r.id, "categories.id")?,
            view_mode: row::number(ViewMode::from_number, r.view_mode, "categories.view_mode")?,
        });
    }
    for r in channels {
        rules.channels.push(Channel {
            id: row::id(r.id, "channels.id")?,
            category: r.category.map(|id| row::id(id, "channels.category")).transpose()?,
            view_mode: row::number(ViewMode::from_number, r.view_mode, "channels.view_mode")?,
            visitor_mode: row::number(VisitorMode::from_number, r.visitor_mode, "channels.visitor_mode")?,
            sync_mode: row::number(SyncMode::from_number, r.sync_mode, "channels.sync_mode")?,
        });
    }
    for r in layer_roles {
        rules.layer_roles.push(LayerRole {
            place: place(r.is_category, r.place)?,
            server_role: row::id(r.server_role, "channel_roles.server_role")?,
            auths: r.auths.0,
        });
    }
    for r in overrides {
        rules.overrides.push(Override {
            place: place(r.is_category, r.place)?,
            accid: row::accid(&r.accid, "channel_overrides.accid")?,
            auths: r.auths.0,
        });
    }
    for r in listed_members {
        rules.listed.push(Listed {
            place: place(r.is_category, r.place)?,
            kind: row::number(ListKind::from_number, r.kind, "channel_list_members.kind")?,
            who: Who::Member(row::accid(&r.accid, "channel_list_members.accid")?),
        });
    }
    for r in listed_roles {
        rules.listed.push(Listed {
            place: place(r.is_category, r.place)?,
            kind: row::number(ListKind::from_number, r.kind, "channel_list_roles.kind")?,
            who: Who::Role(row::id(r.role, "channel_list_roles.role")?),
        });
    }
    Ok(Some(rules))
}
