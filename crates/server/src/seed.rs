//! Makes the demo's accounts and community once, and mends what users of the demo have deleted.

use std::path::Path;

use anyhow::Context;
use rotunda_core::{Core, account};

use crate::demo::{Demo, DemoAccount};

/// Account ids and display names. The first owns the community.
const PEOPLE: [(&str, &str); 6] = [
    ("alice", "Alice"),
    ("bob", "Bob"),
    ("carol", "Carol"),
    ("dave", "Dave"),
    ("erin", "Erin"),
    ("frank", "Frank"),
];

/// The demo of `file` when the database still knows it, else a new one, saved there.
pub async fn demo(core: &Core, file: &Path) -> anyhow::Result<Demo> {
    let saved = Demo::load(file)?;
    let known = match &saved {
        Some(demo) => account::app_by_key(core, &demo.app_key).await?.is_some(),
        None => false,
    };
    if let Some(demo) = saved.filter(|_| known) {
        return Ok(demo);
    }
    let app = account::create_app(core, "Demo", None, None).await?;
    let mut accounts = Vec::new();
    for (accid, name) in PEOPLE {
        let (_, token) = account::create_account(core, &app.app.key, accid, name, None).await?;
        accounts.push(DemoAccount { accid: accid.to_owned(), name: name.to_owned(), token });
    }
    let demo = Demo {
        app_key: app.app.key,
        app_secret: app.secret.to_string(),
        accounts,
        server_id: String::new(),
        channel_id: String::new(),
        private_channel_id: String::new(),
    };
    demo.save(file).context("cannot keep the demo's credentials")?;
    Ok(demo)
}
