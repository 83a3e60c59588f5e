//! Migrations: from every schema there ever was, with data in it, to the one of today; once, also when two begin.

use std::{borrow::Cow, fs};

use sqlx::{Executor, PgPool, migrate::Migrator};

use crate::program::{directory, root, run, url};

/// The rows of an older schema: those statements of the choir whose table it had.
async fn fill(pool: &PgPool) {
    let choir = fs::read_to_string(root().join("crates/server/tests/fixtures/choir.sql")).unwrap();
    for statement in choir.split(";\n").filter(|statement| statement.contains("INSERT INTO")) {
        let table = statement.split("INSERT INTO ").nth(1).unwrap().split([' ', '\n']).next().unwrap();
        let there: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
            .bind(table)
            .fetch_one(pool)
            .await
            .unwrap();
        if there {
            pool.execute(sqlx::AssertSqlSafe(statement.to_owned())).await.unwrap();
        }
    }
}

async fn migrator() -> Migrator {
    Migrator::new(root().join("migrations")).await.unwrap()
}

/// The schema as it was after the first `count` migrations.
async fn old(pool: &PgPool, count: usize) {
    let mut all = migrator().await;
    all.migrations = Cow::Owned(all.migrations.iter().take(count).cloned().collect());
    all.run(pool).await.unwrap();
    fill(pool).await;
}

async fn applied(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations WHERE success").fetch_one(pool).await.unwrap()
}

async fn members(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM members").fetch_one(pool).await.unwrap()
}

#[sqlx::test(migrations = false)]
async fn every_older_schema_is_brought_up_to_date_with_its_data(pool: PgPool) {
    let all = migrator().await.migrations.len();
    assert!(all >= 3);
    for count in 1..=all {
        pool.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await.unwrap();
        old(&pool, count).await;
        let before = members(&pool).await;
        let directory = directory("operate-upgrade");
        let dry = run(&url(&pool), &directory, "migrate --dry-run");
        let told = String::from_utf8(dry.stdout).unwrap();
        assert!(dry.status.success());
        assert_eq!(told.lines().filter(|line| line.starts_with("would run ")).count(), all - count, "{told}");
        assert_eq!(applied(&pool).await, count as i64, "a dry run changed something");
        let output = run(&url(&pool), &directory, "migrate");
        assert!(output.status.success(), "from {count}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(applied(&pool).await, all as i64);
        assert_eq!(members(&pool).await, before);
        let explain = "explain --server 1000 --channel 200 --account ann --right 17";
        assert!(run(&url(&pool), &directory, explain).status.success(), "from {count}");
    }
}

#[sqlx::test(migrations = false)]
async fn two_that_begin_at_once_do_not_collide(pool: PgPool) {
    let directory = directory("operate-collide");
    let url = url(&pool);
    let children: Vec<_> =
        (0..3).map(|_| crate::program::command(&url, &directory).arg("migrate").spawn().unwrap()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(applied(&pool).await, migrator().await.migrations.len() as i64);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_schema_of_a_newer_release_is_refused(pool: PgPool) {
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'of tomorrow', true, '\\x00', 1)";
    pool.execute(newer).await.unwrap();
    let output = run(&url(&pool), &directory("operate-newer"), "migrate");
    assert!(!output.status.success());
}
