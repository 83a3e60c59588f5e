//! deploy/backup and deploy/restore, as docs/operate/backup.md has them.

use std::{fs, path::Path, process::Command, process::Output};

use sqlx::{Connection, Executor, PgConnection, PgPool};

use crate::program::{command, directory, root, run, url};

fn script(name: &str, arguments: &[&str]) -> Output {
    Command::new(root().join("deploy").join(name)).args(arguments).output().expect("the script starts")
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn dump(url: &str) -> String {
    let output =
        Command::new("pg_dump").args(["--no-owner", "--data-only", "--inserts", url]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let dump = String::from_utf8(output.stdout).unwrap();
    // Newer releases of pg_dump put a random word at both ends.
    dump.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict")).collect()
}

#[sqlx::test(migrations = "../../migrations", fixtures("../fixtures/choir.sql"))]
async fn what_was_backed_up_is_restored_and_accounts_keep_their_tokens(pool: PgPool) {
    let directory = directory("operate-backup");
    let from = url(&pool);
    // Makes the keys, and a secret that is sealed with them.
    let made = run(&from, &directory, "app create --name Sealed --key sealed-app");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (data, target) = (directory.join("data"), directory.join("backup"));
    let saved = script("backup", &[&from, text(&data), text(&target)]);
    assert!(saved.status.success(), "{}", String::from_utf8_lossy(&saved.stderr));
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(target.join("keys.tar")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o077, 0, "keys for everyone");

    let name: String =
        sqlx::query_scalar("SELECT 'restored_' || md5(current_database())").fetch_one(&pool).await.unwrap();
    pool.execute(sqlx::AssertSqlSafe(format!("DROP DATABASE IF EXISTS \"{name}\""))).await.unwrap();
    pool.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE \"{name}\""))).await.unwrap();
    let old: String = sqlx::query_scalar("SELECT current_database()").fetch_one(&pool).await.unwrap();
    let to = from.replace(&old, &name);
    let elsewhere = directory.join("elsewhere");
    let restored = script("restore", &[&to, text(&elsewhere), text(&target)]);
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    assert_eq!(dump(&to), dump(&from));
    for key in ["server.key", "signing.key"] {
        let read = |data: &Path| fs::read(data.join("keys").join(key)).unwrap();
        assert_eq!(read(&elsewhere), read(&data));
    }
    let explained = command(&to, &directory)
        .env("ROTUNDA_DATA", &elsewhere)
        .args("explain --server 1000 --channel 200 --account ann --right 17".split(' '))
        .output()
        .unwrap();
    assert!(explained.status.success(), "{}", String::from_utf8_lossy(&explained.stderr));

    let again = script("restore", &[&to, text(&elsewhere), text(&target)]);
    assert!(!again.status.success(), "a database that is not empty was overwritten");
    let mut connection = PgConnection::connect(&to).await.unwrap();
    connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await.unwrap();
    fs::write(elsewhere.join("keys/server.key"), "other").unwrap();
    let mixed = script("restore", &[&to, text(&elsewhere), text(&target)]);
    assert!(!mixed.status.success(), "other keys were overwritten");
    drop(connection);
    pool.execute(sqlx::AssertSqlSafe(format!("DROP DATABASE \"{name}\" WITH (FORCE)"))).await.unwrap();
}
