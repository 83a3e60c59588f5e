//! `rotunda explain`, run as an operator runs it, over the community of `fixtures/choir.sql`.

use std::process::{Command, Output};

use serde_json::{Value, json};
use sqlx::{ConnectOptions, PgPool};

/// Runs the program with the arguments in `line`, against this test's database and in an empty directory.
fn rotunda(pool: &PgPool, line: &str) -> Output {
    let url = pool.connect_options().to_url_lossy();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rotunda"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ROTUNDA_")) {
        command.env_remove(name);
    }
    command.env("DATABASE_URL", url.as_str()).current_dir(env!("CARGO_TARGET_TMPDIR"));
    command.args(line.split_whitespace()).output().expect("the program starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

#[sqlx::test(migrations = "../../migrations", fixtures("choir"))]
async fn the_status_is_the_verdict_and_the_last_line_says_it(pool: PgPool) {
    let cases = [
        (
            0,
            "--channel 200 --account ann --right RTCChannelOpenMicrophone",
            "-> 3. Role 101 \"Soloists\" here allows it.",
        ),
        (1, "--channel 200 --account bob --right 17", "-> 3. Role 102 \"Singers\" here denies it."),
        (1, "--channel 200 --account cid --right 17", "-> 3. The @everyone role here denies it."),
        (0, "--channel 202 --account cid --right 17", "-> 2. The member's own override here allows it."),
        (0, "--category 300 --account bob --right 18", "-> 2. Role 102 \"Singers\" here allows it."),
        (
            1,
            "--channel 201 --account bob --right 15",
            "-> 1. It is private, and no white list names the member.",
        ),
        (0, "--channel 201 --account olga --right kickServer", "-> 1. The account owns the server"),
        (0, "--account ann --right 10001", "-> 2. Server role 101 \"Soloists\" allows it."),
        (1, "--account cid --right 10001", "-> 2. None of the member's server roles allows it."),
        (1, "--channel 200 --account ann --right kickServer", "3. This right exists only on server roles"),
        (1, "--account eve --right sendMsg", "-> 1. The account is not a member of the server."),
        (1, "--account max --right sendMsg", "The account is banned from the server."),
        (0, "--account dora --right sendMsg", "The account is disabled"),
        (0, "--app choir-app --account dora --right sendMsg", "Allowed: step 1 decides."),
    ];
    for (status, line, text) in cases {
        let output = rotunda(&pool, &format!("explain --server 1000 {line}"));
        let told = stdout(&output).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(status), "{line}: {told} {}", stderr(&output));
        assert!(told.contains(text), "{line}: {told}");
        let verdict = if status == 0 { "Allowed: " } else { "Denied: " };
        assert!(stdout(&output).lines().last().unwrap_or_default().starts_with(verdict), "{line}: {told}");
        assert_eq!(told.matches("->").count(), 1, "{line}: {told}");
    }
}

#[sqlx::test(migrations = "../../migrations", fixtures("choir"))]
async fn without_a_verdict_the_status_is_2(pool: PgPool) {
    let cases = [
        ("--server 9 --account ann --right 17", "no such server"),
        ("--server 1000 --account nobody --right 17", "no such account"),
        ("--server 1000 --channel 9 --account ann --right 17", "no such channel in this server"),
        ("--server 1000 --channel 300 --account ann --right 17", "no such channel in this server"),
        ("--server 1000 --category 200 --account ann --right 17", "no such category in this server"),
        ("--server 1000 --app no-app --account ann --right 17", "no such app"),
        ("--server 1000 --app other-app --account ann --right 17", "no such server in this app"),
        ("--server 1000 --account ann --right 10002", "has not defined this custom right"),
        ("--server 1000 --account ann --right 28", "neither a built-in right"),
        ("--server 1000 --account ann --right OpenMicrophone", "did you mean RTCChannelOpenMicrophone?"),
        ("--server 1000 --account an/n --right 17", "an accid has"),
        ("--server x --account ann --right 17", "not a decimal id"),
        ("--server 1000 --channel 200 --category 300 --account ann --right 17", "cannot be used with"),
    ];
    for (line, text) in cases {
        let output = rotunda(&pool, &format!("explain {line}"));
        assert_eq!(output.status.code(), Some(2), "{line}: {}", stdout(&output));
        assert!(stderr(&output).contains(text), "{line}: {}", stderr(&output));
        assert!(stdout(&output).is_empty(), "{line}");
    }
    let output = rotunda(&pool, "explain --json --server 1000 --channel 9 --account ann --right 17");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told, json!({ "allowed": null, "reason": "no such channel in this server" }));
    assert_eq!(output.status.code(), Some(2));
}

#[sqlx::test(migrations = "../../migrations", fixtures("choir"))]
async fn a_program_reads_the_same_as_json(pool: PgPool) {
    let output = rotunda(&pool, "--json explain --server 1000 --channel 200 --account bob --right 17");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let expected = json!({
        "allowed": false,
        "account": "bob",
        "banned": false,
        "disabled": false,
        "right": { "id": 17, "name": "RTCChannelOpenMicrophone" },
        "scope": { "kind": "channel", "id": "200", "name": "Main stage" },
        "server": { "kind": "server", "id": "1000", "name": "Choir" },
        "version": 42,
        "steps": [
            {
                "rule": "synced", "category": { "id": "300", "name": "Concerts" }, "value": 0, "decides": false,
                "text": "The channel is in sync with category 300 \"Concerts\", whose rules replace its own.",
            },
            {
                "rule": "public", "value": 0, "decides": false,
                "text": "It is public, and no black list names the member.",
            },
            {
                "rule": "layer_role", "role": { "id": "102", "name": "Singers" }, "value": -1, "decides": true,
                "text": "Role 102 \"Singers\" here denies it.",
            },
        ],
    });
    assert_eq!(told, expected);
    assert_eq!(output.status.code(), Some(1));
}

/// An explanation is a question: it makes no schema, no keys, no files.
#[sqlx::test(migrations = false)]
async fn an_empty_database_stays_empty(pool: PgPool) -> anyhow::Result<()> {
    let output = rotunda(&pool, "explain --server 1000 --account ann --right 17");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("rotunda migrate"), "{}", stderr(&output));
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        .fetch_one(&pool)
        .await?;
    assert_eq!(tables, 0);
    Ok(())
}

/// Every example in docs/PERMISSIONS.md is what the program prints.
#[sqlx::test(migrations = "../../migrations", fixtures("choir"))]
async fn the_examples_in_the_documentation_are_real(pool: PgPool) -> anyhow::Result<()> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/PERMISSIONS.md"))?;
    let mut examples = 0;
    for block in page.split("```console\n").skip(1) {
        let (block, _) = block.split_once("```").ok_or_else(|| anyhow::anyhow!("a block without end"))?;
        let (command, expected) = block.split_once('\n').unwrap_or((block, ""));
        let line =
            command.strip_prefix("$ rotunda ").ok_or_else(|| anyhow::anyhow!("not ours: {command}"))?;
        let told = stdout(&rotunda(&pool, line));
        assert_eq!(told, expected, "\n{command} prints:\n{told}");
        examples += 1;
    }
    assert!(examples >= 2, "{examples} examples");
    Ok(())
}
