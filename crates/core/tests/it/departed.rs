//! Whoever goes, and whatever role, leaves nothing behind: not in storage, not in memory, not for who comes back.

use rotunda_core::{
    Actor, PageRequest, ban,
    category::{self, NewCategory},
    channel,
    list::{self, List},
    member,
    member_role::{self, Key},
    role::{self, RoleUpdate},
    server,
};
use rotunda_model::{AuthValue, ListKind, Place, Right, RoleId, ServerId, ViewMode, notification::Fact};
use rotunda_testkit::TestApp;
use sqlx::PgPool;

use crate::support::{self, custom_role, join, one};

struct World {
    app: TestApp,
    ann: Actor,
    bob: Actor,
    server: ServerId,
    /// In both of them is bob.
    roles: [RoleId; 2],
    /// The lists that fit, of a public and a private channel and of such categories.
    lists: Vec<List>,
}

impl World {
    async fn new(pool: PgPool) -> anyhow::Result<Self> {
        let app = TestApp::new(pool).await?;
        let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
        let server = support::server(&app, &ann).await?.id;
        let roles = [custom_role(&app, &ann, server, 1).await?, custom_role(&app, &ann, server, 2).await?];
        let manage =
            RoleUpdate { auths: vec![(Right::MANAGE_ROLE, AuthValue::Allow)], ..RoleUpdate::default() };
        role::update(&app.core, &ann, server, roles[0], manage).await?;
        let mut lists = Vec::new();
        for (view_mode, kind) in [(ViewMode::Public, ListKind::Black), (ViewMode::Private, ListKind::White)] {
            let channel = support::channel(&app, &ann, server, view_mode).await?.id;
            let new = NewCategory { view_mode, ..NewCategory::default() };
            let category = category::create(&app.core, &ann, server, new).await?.id;
            for place in [Place::Channel(channel), Place::Category(category)] {
                lists.push(List { server, place, kind });
            }
        }
        Ok(Self { app, ann, bob, server, roles, lists })
    }

    /// Bob into every role, list and layer.
    async fn entangle(&self) -> anyhow::Result<()> {
        let (core, bobs) = (&self.app.core, one(&self.bob));
        join(&self.app, &self.bob, self.server).await?;
        for role in self.roles {
            role::add_members(core, &self.ann, self.server, role, &bobs).await?;
        }
        for list in &self.lists {
            list::add_members(core, &self.ann, *list, &bobs).await?;
            let key = Key { server: self.server, place: list.place, accid: self.bob.user.accid.clone() };
            member_role::add(core, &self.ann, &key).await?;
            member_role::update(core, &self.ann, &key, &[(Right::SEND_MSG, AuthValue::Deny)]).await?;
        }
        anyhow::ensure!(role::check(core, &self.bob, self.server, None, Right::MANAGE_ROLE).await?);
        anyhow::ensure!(self.rows_of_bob().await? > 10, "the tables are found");
        Ok(())
    }

    /// In every table that names accounts by server, but the bans and the history of requests.
    async fn rows_of_bob(&self) -> anyhow::Result<i64> {
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT a.table_name::text FROM information_schema.columns a
             JOIN information_schema.columns s USING (table_schema, table_name)
             WHERE a.table_schema = 'public' AND a.column_name = 'accid' AND s.column_name = 'server'
                AND a.table_name NOT IN ('bans', 'requests')",
        )
        .fetch_all(self.app.pool())
        .await?;
        let mut rows = 0;
        for table in tables {
            let query = format!("SELECT count(*) FROM {table} WHERE server = $1 AND accid = 'bob'");
            let query = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(query)).bind(self.server.get());
            rows += query.fetch_one(self.app.pool()).await?;
        }
        Ok(rows)
    }

    /// Nothing of bob, in storage and in memory.
    async fn is_clean(&self) -> anyhow::Result<()> {
        let core = &self.app.core;
        assert_eq!(self.rows_of_bob().await?, 0);
        assert!(server::rules_agree(core, self.server).await?);
        for list in &self.lists {
            let page = list::members(core, &self.ann, *list, PageRequest::default()).await?;
            assert!(page.items.is_empty(), "{list:?}");
        }
        let roles = role::list(core, &self.ann, self.server, 0, None).await?;
        assert_eq!(roles.iter().map(|own| own.role.member_count).collect::<Vec<_>>(), [-1, 0, 0]);
        assert!(!role::check(core, &self.bob, self.server, None, Right::SEND_MSG).await?);
        Ok(())
    }

    /// Back again, bob is as any new member.
    async fn is_new(&self) -> anyhow::Result<()> {
        let core = &self.app.core;
        join(&self.app, &self.bob, self.server).await?;
        assert!(!role::check(core, &self.bob, self.server, None, Right::MANAGE_ROLE).await?);
        for list in &self.lists {
            let Place::Channel(channel) = list.place else { continue };
            let sees = !channel::by_ids(core, &self.bob, &[channel]).await?.is_empty();
            assert_eq!(sees, list.kind == ListKind::Black, "{list:?}");
            let may = role::check(core, &self.bob, self.server, Some(channel), Right::SEND_MSG).await?;
            assert_eq!(may, sees, "{list:?}");
        }
        assert_eq!(self.rows_of_bob().await?, 1, "the member alone");
        member::leave(core, &self.bob, self.server).await?;
        Ok(())
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_member_who_goes_leaves_nothing_behind(pool: PgPool) -> anyhow::Result<()> {
    let mut w = World::new(pool).await?;
    for restarts in [false, true] {
        for way in ["leave", "kick", "ban"] {
            w.entangle().await?;
            let core = &w.app.core;
            let bobs = one(&w.bob);
            match way {
                "leave" => member::leave(core, &w.bob, w.server).await?,
                "kick" => member::kick(core, &w.ann, w.server, &bobs).await?,
                _ => {
                    ban::add(core, &w.ann, w.server, &bobs[0], String::new()).await?;
                    ban::remove(core, &w.ann, w.server, &bobs[0]).await?;
                }
            }
            w.is_clean().await?;
            if restarts {
                w.app = w.app.restart().await?;
                w.is_clean().await?;
            }
            w.is_new().await?;
        }
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_deleted_role_leaves_every_list(pool: PgPool) -> anyhow::Result<()> {
    let w = World::new(pool).await?;
    let core = &w.app.core;
    join(&w.app, &w.bob, w.server).await?;
    let [role, other] = w.roles;
    role::add_members(core, &w.ann, w.server, role, &one(&w.bob)).await?;
    for list in &w.lists {
        list::add_role(core, &w.ann, *list, role).await?;
        list::add_role(core, &w.ann, *list, other).await?;
    }
    w.app.quiet().await?;
    role::delete(core, &w.ann, w.server, role).await?;
    assert!(server::rules_agree(core, w.server).await?);
    for list in &w.lists {
        let page = list::roles(core, &w.ann, *list, PageRequest::default()).await?;
        assert_eq!(page.items.iter().map(|role| role.id).collect::<Vec<_>>(), [other]);
    }
    // What it hid is seen again, what it showed is not.
    let got = w.app.got(&w.bob).await?;
    let flips: Vec<_> = got
        .iter()
        .filter_map(|n| match n.fact {
            Fact::ChannelVisibility { visible } => Some((n.channel?, visible)),
            _ => None,
        })
        .collect();
    let expected = w.lists.iter().filter_map(|list| match list.place {
        Place::Channel(channel) => Some((channel, list.kind == ListKind::Black)),
        Place::Category(_) => None,
    });
    assert_eq!(flips, expected.collect::<Vec<_>>());
    Ok(())
}
