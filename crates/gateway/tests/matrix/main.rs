//! Every command of the link that is built, by every standing, over a real Postgres: the packet goes in raw, the code
//! comes out. The tables are in `rows/`, one row per case; every built command has at least one, or this does not
//! compile.
//!
//! Columns, in this order:
//!
//! | column | who |
//! | --- | --- |
//! | own | owns the server |
//! | adm | has a role with every right, ranked 1 |
//! | mem | a member without any right: @everyone denies all of them |
//! | den | as adm, and overrides in the channel, the category and the window deny every right there is to deny |
//! | vis | a visitor |
//! | ban | banned |
//! | lft | was a member, and left |
//! | out | never was one |
//! | oth | owns another server of the same app, with everything in it |
//! | app | an account of another app |
//!
//! A cell is the code of the answer, or [`NIL`](table::NIL): 200, and nothing in what was asked for. What else holds of
//! every cell: a refused command and a reading one change no row of the database; a writing one that is done does, and
//! leaves memory and database in agreement. No cell sees what another one did.

mod rows;
mod table;
mod world;

use rotunda_gateway::link::commands::BUILT;
use rotunda_wire::CommandId;
use sqlx::PgPool;
use table::Row;

const fn has_row(command: CommandId) -> bool {
    let mut table = 0;
    while table < rows::ALL.len() {
        let rows = rows::ALL[table];
        let mut row = 0;
        while row < rows.len() {
            if rows[row].command.sid == command.sid && rows[row].command.cid == command.cid {
                return true;
            }
            row += 1;
        }
        table += 1;
    }
    false
}

/// The first built command without a row, as `sid * 1000 + cid`; 0 when there is none.
const FORGOTTEN: usize = {
    let mut found = 0;
    let mut at = 0;
    while at < BUILT.len() && found == 0 {
        if !has_row(BUILT[at]) {
            found = BUILT[at].sid as usize * 1_000 + BUILT[at].cid as usize;
        }
        at += 1;
    }
    found
};

// A new command needs a row: who may do it? The number in the message ("the index is 24042") names the command.
const _: () = [()][FORGOTTEN];

async fn check(pool: PgPool, rows: &[Row]) -> anyhow::Result<()> {
    let mut world = world::World::build(pool).await?;
    let mut wrong = Vec::new();
    for row in rows {
        wrong.extend(table::check(&mut world, row).await?);
    }
    assert!(wrong.is_empty(), "{} cells are not as written:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn servers_and_members(pool: PgPool) -> anyhow::Result<()> {
    check(pool, rows::server::ROWS).await
}

#[sqlx::test(migrations = "../../migrations")]
async fn channels_and_categories(pool: PgPool) -> anyhow::Result<()> {
    check(pool, rows::channel::ROWS).await
}

#[sqlx::test(migrations = "../../migrations")]
async fn lists(pool: PgPool) -> anyhow::Result<()> {
    check(pool, rows::list::ROWS).await
}

#[sqlx::test(migrations = "../../migrations")]
async fn server_roles(pool: PgPool) -> anyhow::Result<()> {
    check(pool, rows::role::ROWS).await
}

#[sqlx::test(migrations = "../../migrations")]
async fn layers(pool: PgPool) -> anyhow::Result<()> {
    check(pool, rows::layer::ROWS).await
}

#[sqlx::test(migrations = "../../migrations")]
async fn sessions_and_media(pool: PgPool) -> anyhow::Result<()> {
    check(pool, rows::session::ROWS).await
}

/// Who names something of another server beside the own one reaches nothing of it.
#[sqlx::test(migrations = "../../migrations")]
async fn ids_of_another_server(pool: PgPool) -> anyhow::Result<()> {
    let mut world = world::World::build(pool).await?;
    let mut wrong = Vec::new();
    for row in rows::ALL.iter().copied().flatten() {
        wrong.extend(table::check_mixed(&mut world, row).await?);
    }
    assert!(wrong.is_empty(), "{} commands mix servers:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

/// No client can make the server fail, or change something by what is refused.
#[sqlx::test(migrations = "../../migrations")]
async fn mangled_packets(pool: PgPool) -> anyhow::Result<()> {
    let mut world = world::World::build(pool).await?;
    let mut wrong = Vec::new();
    for row in rows::ALL.iter().copied().flatten() {
        wrong.extend(table::check_mangled(&mut world, row).await?);
    }
    assert!(wrong.is_empty(), "{} mangled packets:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

/// Beside the commands: whom the door of a media channel lets in.
#[sqlx::test(migrations = "../../migrations")]
async fn entry_to_a_call(pool: PgPool) -> anyhow::Result<()> {
    let world = world::World::build(pool).await?;
    let ids = &world.ids;
    for (what, channel, expected) in [
        //                          own  adm  mem  den  vis  ban  lft  out  oth  app
        ("channel", ids.channel, [200, 200, 403, 403, 403, 403, 403, 403, 403, 404]),
        ("synced", ids.synced, [200, 200, 403, 403, 403, 403, 403, 403, 403, 404]),
        ("hidden", ids.hidden, [200, 403, 403, 403, 403, 403, 403, 403, 403, 404]),
        ("window", ids.window, [200, 200, 403, 403, 403, 403, 403, 403, 403, 404]),
    ] {
        assert_eq!(world.entries(channel).await, expected, "{what}");
    }
    Ok(())
}
