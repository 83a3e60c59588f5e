//! 31 goes to exactly those whose sight flipped, whatever made it flip: random histories of a server, each step judged by
//! a query that knows nothing of snapshots.

use std::collections::{BTreeMap, BTreeSet};

use rotunda_core::{
    Actor, Hub, Membership, ban,
    category::{self, CategoryUpdate, NewCategory},
    channel::{self, CategoryInfo, ChannelUpdate, NewChannel},
    invite, list, member, role, server,
};
use rotunda_model::{
    Accid, CategoryId, ChannelId, Code, ListKind, Place, RoleId, ServerId, SyncMode, ViewMode,
    notification::{Audience, Fact},
};
use rotunda_testkit::TestApp;
use sqlx::PgPool;

use crate::support::{self, code, custom_role, one};

/// Each is a server of its own. More find rarer mistakes, at about 0.3 s each.
const HISTORIES: u64 = 40;
const STEPS: usize = 20;

/// All entries of all lists.
const LISTS: &str = "
    lists (place, kind, accid, role) AS (
        SELECT channel, kind, accid, NULL::bigint FROM channel_list_members
        UNION ALL SELECT channel, kind, NULL, role FROM channel_list_roles
        UNION ALL SELECT category, kind, accid, NULL FROM category_list_members
        UNION ALL SELECT category, kind, NULL, role FROM category_list_roles
    )";

/// Who sees which channel: the rule of semantics 4.1 for members, straight from the tables.
const SEEN: &str = "
    seats AS (
        SELECT m.accid, s.owner, c.id AS channel, COALESCE(g.id, c.id) AS place,
            COALESCE(g.view_mode, c.view_mode) AS view_mode,
            ARRAY(SELECT id FROM server_roles WHERE server = s.id AND kind = 1
                UNION ALL SELECT role FROM role_members WHERE server = s.id AND accid = m.accid) AS roles
        FROM servers s JOIN members m ON m.server = s.id JOIN channels c ON c.server = s.id
        LEFT JOIN categories g ON g.id = c.category AND c.sync_mode = 1
        WHERE s.id = $1
    )
    SELECT accid, channel FROM seats WHERE accid = owner OR (view_mode = 1) = EXISTS (
        SELECT FROM lists l WHERE l.place = seats.place AND l.kind = 2 - view_mode
            AND (l.accid = seats.accid OR l.role = ANY(seats.roles)))";

type Seen = BTreeSet<(Accid, ChannelId)>;
type Flips = BTreeMap<(Accid, ChannelId), bool>;

/// A small generator.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        (!all.is_empty()).then(|| all[self.roll(all.len())])
    }
}

struct World<'a> {
    app: &'a TestApp,
    owner: &'a Actor,
    /// All online but the last.
    others: &'a [Actor],
    server: ServerId,
    roles: Vec<RoleId>,
    channels: Vec<ChannelId>,
    categories: Vec<CategoryId>,
    dice: Dice,
}

impl World<'_> {
    async fn seen(&self) -> anyhow::Result<Seen> {
        let query = sqlx::AssertSqlSafe(format!("WITH {LISTS}, {SEEN}"));
        let rows: Vec<(String, i64)> =
            sqlx::query_as(query).bind(self.server.get()).fetch_all(self.app.pool()).await?;
        let pair =
            |(accid, channel): (String, i64)| Some((Accid::new(&accid).ok()?, ChannelId::new(channel)?));
        Ok(rows.into_iter().filter_map(pair).collect())
    }

    fn mode(&mut self) -> ViewMode {
        if self.dice.roll(2) == 0 { ViewMode::Public } else { ViewMode::Private }
    }

    fn sync(&mut self) -> SyncMode {
        if self.dice.roll(2) == 0 { SyncMode::Own } else { SyncMode::WithCategory }
    }

    fn list(&mut self) -> Option<list::List> {
        let place = match self.dice.roll(2) {
            0 => Place::Channel(self.dice.one_of(&self.channels)?),
            _ => Place::Category(self.dice.one_of(&self.categories)?),
        };
        let kind = if self.dice.roll(2) == 0 { ListKind::White } else { ListKind::Black };
        Some(list::List { server: self.server, place, kind })
    }

    /// Some entry of some list that has a value in that column.
    async fn listed(&mut self, column: &str) -> Option<(list::List, Option<Accid>, Option<RoleId>)> {
        let query = format!(
            "WITH {LISTS} SELECT place, kind, accid, role FROM lists WHERE {column} IS NOT NULL
                AND place IN (SELECT id FROM channels WHERE server = $1 UNION SELECT id FROM categories WHERE server = $1)
             ORDER BY place, kind, accid, role"
        );
        let query = sqlx::query_as(sqlx::AssertSqlSafe(query)).bind(self.server.get());
        let rows: Vec<(i64, i16, Option<String>, Option<i64>)> =
            query.fetch_all(self.app.pool()).await.unwrap();
        let at = self.dice.roll(rows.len().max(1));
        let (place, kind, accid, role) = rows.into_iter().nth(at)?;
        let channel = ChannelId::new(place).filter(|id| self.channels.contains(id)).map(Place::Channel);
        let place = channel.or(CategoryId::new(place).map(Place::Category))?;
        let kind = if kind == 1 { ListKind::White } else { ListKind::Black };
        let accid = accid.and_then(|accid| Accid::new(&accid).ok());
        Some((list::List { server: self.server, place, kind }, accid, role.and_then(RoleId::new)))
    }

    async fn refreshed(&mut self) -> anyhow::Result<()> {
        let ids = async |table: &str| -> anyhow::Result<Vec<i64>> {
            let query = format!("SELECT id FROM {table} WHERE server = $1 ORDER BY id");
            let query = sqlx::query_scalar(sqlx::AssertSqlSafe(query)).bind(self.server.get());
            Ok(query.fetch_all(self.app.pool()).await?)
        };
        let roles = ids("server_roles").await?.into_iter().filter_map(RoleId::new).collect();
        let channels = ids("channels").await?.into_iter().filter_map(ChannelId::new).collect();
        let categories = ids("categories").await?.into_iter().filter_map(CategoryId::new).collect();
        (self.roles, self.channels, self.categories) = (roles, channels, categories);
        Ok(())
    }

    /// One random operation; its name and code. `None`: there was nothing to do it to.
    async fn step(&mut self) -> Option<(&'static str, Code)> {
        let (core, owner, server) = (&self.app.core, self.owner, self.server);
        let other = &self.others[self.dice.roll(self.others.len())];
        let them = one(other);
        Some(match self.dice.roll(26) {
            0 | 1 => {
                let category = self.dice.one_of(&self.categories);
                let sync_mode = if category.is_some() { self.sync() } else { SyncMode::Own };
                let new = NewChannel { category, sync_mode, ..support::media(self.mode()) };
                ("create channel", code(channel::create(core, owner, server, new).await))
            }
            2 => {
                let id = self.dice.one_of(&self.channels)?;
                ("delete channel", code(channel::delete(core, owner, id).await))
            }
            3 | 4 => {
                let id = self.dice.one_of(&self.channels)?;
                let update = ChannelUpdate { view_mode: Some(self.mode()), ..ChannelUpdate::default() };
                ("channel's view mode", code(channel::update(core, owner, id, update).await))
            }
            5 | 6 => {
                let id = self.dice.one_of(&self.channels)?;
                let category = self.dice.one_of(&self.categories).filter(|_| self.dice.roll(4) > 0);
                let info = CategoryInfo {
                    category: Some(category).filter(|_| self.dice.roll(3) > 0),
                    sync_mode: Some(self.sync()).filter(|_| self.dice.roll(4) > 0),
                };
                ("move channel", code(channel::set_category(core, owner, id, info).await))
            }
            7 => {
                let new = NewCategory { name: "c".into(), view_mode: self.mode(), ..NewCategory::default() };
                ("create category", code(category::create(core, owner, server, new).await))
            }
            8 => {
                let id = self.dice.one_of(&self.categories)?;
                ("remove category", code(category::remove(core, owner, id).await))
            }
            9 | 10 => {
                let id = self.dice.one_of(&self.categories)?;
                let update = CategoryUpdate { view_mode: Some(self.mode()), ..CategoryUpdate::default() };
                ("category's view mode", code(category::update(core, owner, id, update).await))
            }
            11 | 12 => {
                let list = self.list()?;
                let both = [them[0].clone(), owner.user.accid.clone()];
                let some = if self.dice.roll(4) == 0 { both.as_slice() } else { them.as_slice() };
                ("list members", code(list::add_members(core, owner, list, some).await))
            }
            13 => {
                let (list, who, _) = self.listed("accid").await?;
                ("unlist members", code(list::remove_members(core, owner, list, &[who?]).await))
            }
            14 | 15 => {
                let (list, role) = (self.list()?, self.dice.one_of(&self.roles)?);
                ("list role", code(list::add_role(core, owner, list, role).await))
            }
            16 => {
                let (list, _, role) = self.listed("role").await?;
                ("unlist role", code(list::remove_role(core, owner, list, role?).await))
            }
            17 | 18 => {
                let role = self.dice.one_of(&self.roles)?;
                let all: Vec<Accid> = self.others.iter().map(|actor| actor.user.accid.clone()).collect();
                ("add to role", code(role::add_members(core, owner, server, role, &all[1..3]).await))
            }
            19 => {
                let role = self.dice.one_of(&self.roles)?;
                ("remove from role", code(role::remove_members(core, owner, server, role, &them).await))
            }
            20 if self.dice.roll(2) == 0 => {
                let role = self.dice.one_of(&self.roles)?;
                ("delete role", code(role::delete(core, owner, server, role).await))
            }
            20 => ("create role", code(role::create(core, owner, server, role::NewRole::default()).await)),
            21 => ("leave", code(member::leave(core, other, server).await)),
            22 => ("kick", code(member::kick(core, owner, server, &them).await)),
            23 if self.dice.roll(2) == 0 => {
                let query = sqlx::query_scalar("SELECT min(accid) FROM bans WHERE server = $1");
                let banned: Option<String> =
                    query.bind(server.get()).fetch_one(self.app.pool()).await.unwrap();
                let banned = Accid::new(&banned?).unwrap();
                ("unban", code(ban::remove(core, owner, server, &banned).await))
            }
            23 => ("ban", code(ban::add(core, owner, server, &them[0], String::new()).await)),
            _ => ("join", code(invite::apply(core, other, server, "", None).await)),
        })
    }

    /// What was told since the last call; a flip told twice, or to another account, is a mistake.
    async fn told(&self) -> anyhow::Result<Flips> {
        self.app.deliver().await?;
        let mut told = Flips::new();
        for actor in self.others.iter().chain([self.owner]) {
            for notification in self.app.hub.take(&actor.user) {
                let Fact::ChannelVisibility { visible } = notification.fact else { continue };
                let accid = actor.user.accid.clone();
                anyhow::ensure!(notification.audience == Audience::ChannelAccounts(vec![accid.clone()]));
                let channel = notification.channel.ok_or_else(|| anyhow::anyhow!("no channel"))?;
                anyhow::ensure!(told.insert((accid, channel), visible).is_none(), "told twice");
            }
        }
        Ok(told)
    }
}

fn differences(before: &Seen, after: &Seen, away: &Accid) -> Flips {
    let changed = before.symmetric_difference(after).filter(|(accid, _)| accid != away);
    changed.map(|pair| (pair.clone(), after.contains(pair))).collect()
}

#[sqlx::test(migrations = "../../migrations")]
async fn exactly_the_flips_are_told(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let owner = app.account("owner").await?;
    let mut others = Vec::new();
    for name in ["ann", "bob", "cy", "dee"] {
        others.push(app.account(name).await?);
    }
    others.push(app.away("away").await?);
    let away = others[4].user.accid.clone();
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for seed in 1..=HISTORIES {
        let server = support::server(&app, &owner).await?.id;
        for actor in &others[1..] {
            support::join(&app, actor, server).await?;
        }
        for (n, mode, kind) in
            [(1, ViewMode::Public, ListKind::Black), (2, ViewMode::Private, ListKind::White)]
        {
            let role = custom_role(&app, &owner, server, n).await?;
            let in_it = [others[1].user.accid.clone(), others[2].user.accid.clone()];
            role::add_members(&app.core, &owner, server, role, &in_it).await?;
            let place = Place::Channel(support::channel(&app, &owner, server, mode).await?.id);
            list::add_role(&app.core, &owner, list::List { server, place, kind }, role).await?;
            let new = NewCategory { name: "c".into(), view_mode: mode, ..NewCategory::default() };
            category::create(&app.core, &owner, server, new).await?;
        }
        let mut world = World {
            app: &app,
            owner: &owner,
            others: &others,
            server,
            roles: vec![],
            channels: vec![],
            categories: vec![],
            dice: Dice(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed)),
        };
        app.quiet().await?;
        let mut history = Vec::new();
        let mut before = world.seen().await?;
        for _ in 0..STEPS {
            world.refreshed().await?;
            let Some((name, code)) = world.step().await else { continue };
            history.push((name, code));
            let after = world.seen().await?;
            let expected = differences(&before, &after, &away);
            assert_eq!(world.told().await?, expected, "history {seed}: {history:?}");
            assert!(code == Code::OK || expected.is_empty());
            let (done, flips) = counts.entry(name).or_default();
            *done += usize::from(code == Code::OK);
            *flips += expected.len();
            before = after;
        }
        server::delete(&app.core, &owner, server).await?;
        assert!(world.told().await?.is_empty(), "32 says it all");
    }
    for (name, (done, flips)) in &counts {
        // What a channel in sync saw of its category it keeps when that is removed.
        let silent = ["create role", "create category", "remove category", "unban"].contains(name);
        assert!(*done > 0 && (*flips > 0) != silent, "{name}: {done} done, {flips} flips");
    }
    assert_eq!(counts.len(), 20, "every operation was tried: {counts:?}");
    Ok(())
}

/// What is addressed to accounts needs no subscription, however large the server.
#[sqlx::test(migrations = "../../migrations")]
async fn who_subscribed_to_nothing_hears_of_its_own_channels(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let server = support::server(&app, &ann).await?.id;
    support::join(&app, &bob, server).await?;
    app.hub.subscribed(&bob.user, Membership { server, hears: false });
    app.quiet().await?;
    let made = support::channel(&app, &ann, server, ViewMode::Public).await?;
    assert_eq!((app.told(&ann).await?, app.told(&bob).await?), (vec![15, 31], vec![31]));
    let list = list::List { server, place: Place::Channel(made.id), kind: ListKind::Black };
    list::add_members(&app.core, &ann, list, &one(&bob)).await?;
    assert_eq!((app.told(&ann).await?, app.told(&bob).await?), (vec![19], vec![31]));
    Ok(())
}

/// A client hears of its channels while it still has the server, and once it has it.
#[sqlx::test(migrations = "../../migrations")]
async fn sight_comes_after_entering_and_goes_before_leaving(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let server = support::server(&app, &ann).await?.id;
    support::channel(&app, &ann, server, ViewMode::Public).await?;
    app.quiet().await?;
    support::join(&app, &bob, server).await?;
    assert_eq!(app.told(&bob).await?, [10, 32, 31]);
    member::leave(&app.core, &bob, server).await?;
    assert_eq!(app.told(&bob).await?, [31, 32]);
    Ok(())
}
