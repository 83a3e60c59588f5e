//! The same community in Postgres, with a role of very many members.

use rotunda_core::{Actor, Membership, role, rules::build};
use rotunda_model::{Accid, AppId, ChannelId, DeviceId, ListKind, Place, Right, RoleId, ServerId, UserKey};
use rotunda_permissions::{Scope, Snapshot, Subject};
use rotunda_store::{
    member,
    rules::{self, Rules, Who},
};
use rotunda_testkit::TestApp;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
    types::Json,
};

use crate::{
    Scale,
    community::Community,
    figures::{Figure, Figures, Unit},
    measure::{Times, now},
};

/// Milliseconds to add or remove [`BATCH`] members.
const CHANGE_MAX: f64 = 50.0;
/// Nanoseconds.
const VERDICT_MAX: f64 = 1_000.0;

/// Accounts in one call: the vendor's limit.
const BATCH: usize = 100;

/// The roles that change: their ids in the community.
const LARGE: i64 = 20;
const SMALL: i64 = 19;

/// Runs in a database of its own beside the one that `url` names, and drops it.
pub async fn run(url: &str, scale: &Scale, figures: &mut Figures) -> anyhow::Result<()> {
    let options: PgConnectOptions = url.parse()?;
    let mut admin = options.connect().await?;
    let name = format!("rotunda_bench_{}", std::process::id());
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut admin).await?;
    let measured = async {
        let pool = PgPoolOptions::new().max_connections(8).connect_with(options.database(&name)).await?;
        rotunda_core::Store::from_pool(pool.clone()).migrate().await?;
        let measured = measure(pool.clone(), scale, figures).await;
        pool.close().await;
        measured
    }
    .await;
    sqlx::query(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).execute(&mut admin).await?;
    admin.close().await?;
    measured
}

/// Over a migrated, empty database.
pub async fn measure(pool: PgPool, scale: &Scale, figures: &mut Figures) -> anyhow::Result<()> {
    figures.note(settings(&pool).await?);
    let app = TestApp::new(pool).await?;
    let owner = app.account("owner").await?;
    let rules = Rules { app: app.app.id, ..Community::new().rules()? };
    fill(app.pool(), &rules, scale.members).await?;
    let app = app.restart().await?;
    go_online(&app, &rules)?;

    let snapshot = load(&app, rules.server, scale, figures).await?;
    change(&app, &owner, rules.server, scale, figures).await?;
    verdict(&app, &snapshot, scale, figures).await
}

/// What decides how fast this Postgres is.
async fn settings(pool: &PgPool) -> anyhow::Result<String> {
    let mut said = Vec::new();
    for setting in ["server_version", "fsync", "synchronous_commit"] {
        let value: String =
            sqlx::query_scalar("SELECT current_setting($1)").bind(setting).fetch_one(pool).await?;
        said.push(format!("{setting} {value}"));
    }
    Ok(format!("Postgres: {}.", said.join(", ")))
}

fn name(number: usize) -> anyhow::Result<Accid> {
    Ok(Accid::new(&format!("member-{number:06}"))?)
}

/// Members who are in neither role.
fn extras() -> anyhow::Result<Vec<Accid>> {
    (0..BATCH).map(|number| Ok(Accid::new(&format!("extra-{number:03}"))?)).collect()
}

/// Those who are to change roles, and as many who are not: whoever is online is told, and looked at for what it sees.
fn go_online(app: &TestApp, rules: &Rules) -> anyhow::Result<()> {
    let others = (0..BATCH).map(name).collect::<Result<Vec<_>, _>>()?;
    for accid in extras()?.into_iter().chain(others) {
        let user = UserKey { app: rules.app, accid };
        app.hub.log_in(&user, &[Membership { server: rules.server, hears: true }]);
    }
    Ok(())
}

async fn load(
    app: &TestApp,
    server: ServerId,
    scale: &Scale,
    figures: &mut Figures,
) -> anyhow::Result<Snapshot> {
    let mut times = Times::new()?;
    let mut last = None;
    for _ in 0..scale.rounds {
        let begin = now();
        let mut tx = app.core.store().begin_read().await?;
        let rows = rules::load(&mut tx, server).await?;
        tx.commit().await?;
        let rows = rows.ok_or_else(|| anyhow::anyhow!("the server is gone"))?;
        last = Some(build(rows)?);
        times.add(begin.elapsed(), 1)?;
    }
    figures.add(Figure::new(
        "snapshot from Postgres, rows read and built, median",
        Unit::Milliseconds,
        times.median() / 1e6,
    ));
    last.ok_or_else(|| anyhow::anyhow!("no rounds"))
}

async fn change(
    app: &TestApp,
    owner: &Actor,
    server: ServerId,
    scale: &Scale,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let accids = extras()?;
    let roles = [(RoleId::try_from(LARGE)?, scale.members), (RoleId::try_from(SMALL)?, BATCH)];
    let mut added = [Times::new()?, Times::new()?];
    let mut removed = [Times::new()?, Times::new()?];
    for _ in 0..scale.rounds {
        for (at, (role, _)) in roles.iter().enumerate() {
            let begin = now();
            let done = role::add_members(&app.core, owner, server, *role, &accids).await?;
            added[at].add(begin.elapsed(), 1)?;
            anyhow::ensure!(done.done.len() == BATCH, "only {} were added", done.done.len());
            let begin = now();
            let done = role::remove_members(&app.core, owner, server, *role, &accids).await?;
            removed[at].add(begin.elapsed(), 1)?;
            anyhow::ensure!(done.done.len() == BATCH, "only {} were removed", done.done.len());
        }
        // What a dispatcher does meanwhile, so that the outbox does not grow.
        app.quiet().await?;
    }
    figures.note(format!(
        "Roles: {} members, of whom {} are online; {BATCH} members per change, {} rounds, the baseline in turn with it.",
        scale.members + BATCH,
        2 * BATCH,
        scale.rounds
    ));
    for (verb, [large, small]) in [("add", &added), ("remove", &removed)] {
        for (word, quantile) in [("median", 0.5), ("p99", 0.99)] {
            let what = format!("{verb} {BATCH} members, role of {}, {word}", scale.members);
            figures.add(
                Figure::new(what, Unit::Milliseconds, large.quantile(quantile) / 1e6)
                    .at_most(CHANGE_MAX)
                    .beside("role of 100", small.quantile(quantile) / 1e6),
            );
        }
    }
    Ok(())
}

/// A member of the large role asks, through the core as a command does.
async fn verdict(
    app: &TestApp,
    snapshot: &Snapshot,
    scale: &Scale,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let channel = ChannelId::try_from(1_001)?;
    let device = DeviceId::new("bench").ok_or_else(|| anyhow::anyhow!("a device id"))?;
    let actor = |accid: Accid| Actor {
        user: UserKey { app: app.app.id, accid },
        device: device.clone(),
        client_type: 16,
        nick: String::new(),
    };
    let check = async |actor: &Actor| {
        role::check(&app.core, actor, snapshot.server, Some(channel), Right::RTC_CONNECT).await
    };

    // The last of the role, who are not online: nothing of them stays.
    let entries = || app.core.membership_stats().entries as f64;
    let before = entries();
    for number in scale.members - BATCH..scale.members {
        check(&actor(name(number)?)).await?;
    }
    let absent = entries() - before;
    // The first, who are.
    for number in 0..BATCH {
        check(&actor(name(number)?)).await?;
    }
    let present = entries() - before - absent;
    figures.add(
        Figure::new(format!("memberships held of {BATCH} who asked and are away"), Unit::Count, absent)
            .at_most(0.0)
            .beside("online", present),
    );

    let online = actor(name(0)?);
    let misses = app.core.membership_stats().misses;
    let mut times = Times::new()?;
    for _ in 0..scale.verdicts {
        let begin = now();
        check(&online).await?;
        times.add(begin.elapsed(), 1)?;
    }
    anyhow::ensure!(app.core.membership_stats().misses == misses, "storage was asked");

    let pool = app.core.store().pool();
    let mut uncached = Times::new()?;
    for _ in 0..scale.rounds {
        let begin = now();
        let accids = std::slice::from_ref(&online.user.accid);
        let mut found = member::standings(pool, snapshot.server, accids).await?;
        let roles = found.remove(&online.user.accid).ok_or_else(|| anyhow::anyhow!("no member"))?;
        let mut tx = app.core.store().begin_read().await?;
        let rows = rules::load(&mut tx, snapshot.server).await?;
        tx.commit().await?;
        let rows = rows.ok_or_else(|| anyhow::anyhow!("the server is gone"))?;
        let subject = Subject::member(&online.user.accid, &roles);
        build(rows)?.allows(&subject, Scope::Channel(channel), Right::RTC_CONNECT);
        uncached.add(begin.elapsed(), 1)?;
    }
    for (word, quantile) in [("median", 0.5), ("p99", 0.99)] {
        let what = format!("verdict for one of {} through the core, {word}", scale.members);
        figures.add(
            Figure::new(what, Unit::Nanoseconds, times.quantile(quantile))
                .at_most(VERDICT_MAX)
                .beside("all read from Postgres", uncached.quantile(quantile)),
        );
    }
    Ok(())
}

/// The community with `members` in the large role, 100 in the small one.
async fn fill(pool: &PgPool, rules: &Rules, members: usize) -> anyhow::Result<()> {
    let mut tx = pool.begin().await?;
    let server = rules.server.get();
    let members = i32::try_from(members)?;
    // Creation times rise from 1, far below the time at which the server goes on.
    sqlx::query(
        "INSERT INTO servers (id, app, name, icon, ext, owner, invite_mode, apply_mode, search_type, search_enabled,
            member_count, channel_count, category_count, created, updated, version, last_time)
         VALUES ($1, $2, 'bench', '', '', $3, 0, 0, 0, true, $4, $5, $6, 1, 1, $7, 1600000000000)",
    )
    .bind(server)
    .bind(rules.app.get())
    .bind(rules.owner.as_str())
    .bind(members + 1 + i32::try_from(BATCH)?)
    .bind(i32::try_from(rules.channels.len())?)
    .bind(i32::try_from(rules.categories.len())?)
    .bind(rules.version)
    .execute(&mut *tx)
    .await?;
    fill_members(&mut tx, rules.app, server, members).await?;
    for (role, created) in rules.roles.iter().zip(1_i64..) {
        sqlx::query(
            "INSERT INTO server_roles (id, server, kind, name, icon, ext, auths, priority, member_count, created, updated)
             VALUES ($1, $2, $3, 'role', '', '', $4, $5, 0, $6, $6)",
        )
        .bind(role.id.get())
        .bind(server)
        .bind(role.kind.number())
        .bind(Json(&role.auths))
        .bind(role.priority)
        .bind(created)
        .execute(&mut *tx)
        .await?;
    }
    for (role, count) in [(LARGE, members), (SMALL, i32::try_from(BATCH)?)] {
        sqlx::query(
            "INSERT INTO role_members (role, server, accid, created)
             SELECT $1, $2, 'member-' || lpad(i::text, 6, '0'), i + 1 FROM generate_series(0, $3 - 1) i",
        )
        .bind(role)
        .bind(server)
        .bind(count)
        .execute(&mut *tx)
        .await?;
        let count_query = "UPDATE server_roles SET member_count = $2 WHERE id = $1";
        sqlx::query(count_query).bind(role).bind(count).execute(&mut *tx).await?;
    }
    fill_places(&mut tx, rules).await?;
    tx.commit().await?;
    // As autovacuum would have, had this not been loaded a second ago.
    sqlx::query("VACUUM ANALYZE").execute(pool).await?;
    Ok(())
}

async fn fill_members(tx: &mut PgConnection, app: AppId, server: i64, members: i32) -> anyhow::Result<()> {
    let names =
        "SELECT 'member-' || lpad(i::text, 6, '0') AS accid, i + 2 AS at FROM generate_series(0, $2 - 1) i
         UNION ALL SELECT 'extra-' || lpad(i::text, 3, '0'), $2 + i + 2 FROM generate_series(0, 99) i";
    sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO accounts (app, accid, name, token_hash, created, updated)
         SELECT $1, n.accid, n.accid, decode(repeat('00', 32), 'hex'), n.at, n.at FROM ({names}) n"
    )))
    .bind(app.get())
    .bind(members)
    .execute(&mut *tx)
    .await?;
    sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO members (server, accid, app, is_owner, joined, created, updated)
         SELECT $3, n.accid, $1, n.accid = 'owner', n.at, n.at, n.at
         FROM ({names} UNION ALL SELECT 'owner', 1) n"
    )))
    .bind(app.get())
    .bind(members)
    .bind(server)
    .execute(&mut *tx)
    .await?;
    Ok(())
}

async fn fill_places(tx: &mut PgConnection, rules: &Rules) -> anyhow::Result<()> {
    let server = rules.server.get();
    for (category, created) in rules.categories.iter().zip(1_i64..) {
        sqlx::query(
            "INSERT INTO categories (id, server, name, ext, owner, view_mode, created, updated)
             VALUES ($1, $2, 'category', '', $3, $4, $5, $5)",
        )
        .bind(category.id.get())
        .bind(server)
        .bind(rules.owner.as_str())
        .bind(category.view_mode.number())
        .bind(created)
        .execute(&mut *tx)
        .await?;
    }
    for (channel, created) in rules.channels.iter().zip(1_i64..) {
        sqlx::query(
            "INSERT INTO channels (id, server, category, kind, name, topic, ext, owner, view_mode, visitor_mode,
                sync_mode, created, updated)
             VALUES ($1, $2, $3, 1, 'channel', '', '', $4, $5, $6, $7, $8, $8)",
        )
        .bind(channel.id.get())
        .bind(server)
        .bind(channel.category.map(|id| id.get()))
        .bind(rules.owner.as_str())
        .bind(channel.view_mode.number())
        .bind(channel.visitor_mode.number())
        .bind(channel.sync_mode.number())
        .bind(created)
        .execute(&mut *tx)
        .await?;
    }
    for (entry, id) in rules.layer_roles.iter().zip(1_i64..) {
        let (table, place) = table(entry.place);
        sqlx::query(AssertSqlSafe(format!(
            "INSERT INTO {table}_roles (id, {table}, server_role, auths, created, updated) VALUES ($1, $2, $3, $4, $1, $1)"
        )))
        .bind(id)
        .bind(place)
        .bind(entry.server_role.get())
        .bind(Json(&entry.auths))
        .execute(&mut *tx)
        .await?;
    }
    for (entry, id) in rules.overrides.iter().zip(1_i64..) {
        let (table, place) = table(entry.place);
        sqlx::query(AssertSqlSafe(format!(
            "INSERT INTO {table}_overrides (id, {table}, server, accid, auths, created, updated)
             VALUES ($1, $2, $3, $4, $5, $1, $1)"
        )))
        .bind(id)
        .bind(place)
        .bind(server)
        .bind(entry.accid.as_str())
        .bind(Json(&entry.auths))
        .execute(&mut *tx)
        .await?;
    }
    for (listed, created) in rules.listed.iter().zip(1_i64..) {
        let (table, place) = table(listed.place);
        let kind = match listed.kind {
            ListKind::White => 1_i16,
            ListKind::Black => 2,
        };
        let insert = match &listed.who {
            Who::Member(accid) => sqlx::query(AssertSqlSafe(format!(
                "INSERT INTO {table}_list_members ({table}, kind, server, accid, created) VALUES ($1, $2, $3, $5, $4)"
            )))
            .bind(place)
            .bind(kind)
            .bind(server)
            .bind(created)
            .bind(accid.as_str().to_owned()),
            Who::Role(role) => sqlx::query(AssertSqlSafe(format!(
                "INSERT INTO {table}_list_roles ({table}, kind, role, created) VALUES ($1, $2, $3, $4)"
            )))
            .bind(place)
            .bind(kind)
            .bind(role.get())
            .bind(created),
        };
        insert.execute(&mut *tx).await?;
    }
    Ok(())
}

const fn table(place: Place) -> (&'static str, i64) {
    match place {
        Place::Channel(id) => ("channel", id.get()),
        Place::Category(id) => ("category", id.get()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything runs and is told; no figure is judged.
    #[sqlx::test(migrations = "../../migrations")]
    async fn a_small_run_measures_everything(pool: PgPool) {
        let mut figures = Figures::default();
        measure(pool, &Scale::SMOKE, &mut figures).await.unwrap();
        let zero = |figure: &&crate::figures::Figure| figure.value <= 0.0;
        let zeros: Vec<_> = figures.figures.iter().filter(zero).map(|figure| &figure.what).collect();
        assert_eq!(zeros, ["memberships held of 100 who asked and are away"], "{}", figures.markdown());
        assert_eq!(figures.figures.len(), 8);
    }
}
