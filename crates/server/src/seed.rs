//! Makes the demo's accounts and community once, and mends at each start what users of the demo have broken.

use std::path::Path;

use anyhow::Context;
use rotunda_core::{Actor, Core, Error, account, channel, invite, list, server};
use rotunda_model::{
    Accid, App, ChannelId, Code, DeviceId, ListKind, Place, ServerId, UserKey,
    channel::{ChannelKind, ViewMode},
    server::InviteMode,
};

use crate::demo::{Demo, DemoAccount};

/// Account ids and display names. The first owns the community, the second may see the private channel.
const PEOPLE: [(&str, &str); 6] = [
    ("alice", "Alice"),
    ("bob", "Bob"),
    ("carol", "Carol"),
    ("dave", "Dave"),
    ("erin", "Erin"),
    ("frank", "Frank"),
];

/// The demo of `file` as far as the database still knows it; what is missing is made and saved there.
pub async fn demo(core: &Core, file: &Path) -> anyhow::Result<Demo> {
    let saved = Demo::load(file)?;
    let app = match &saved {
        Some(demo) => account::app_by_key(core, &demo.app_key).await?,
        None => None,
    };
    let (app, mut demo) = match (app, saved) {
        (Some(app), Some(demo)) => (app, demo),
        _ => people(core).await?,
    };
    let people: Vec<Accid> =
        demo.accounts.iter().map(|person| Accid::new(&person.accid)).collect::<Result<_, _>>()?;
    let owner = owner(&app, &people)?;
    if !community_stands(core, &owner, &demo).await? {
        let (server, public, private) = community(core, &owner).await?;
        demo.server_id = server.to_string();
        demo.channel_id = public.to_string();
        demo.private_channel_id = private.to_string();
        demo.save(file).context("cannot keep the demo's credentials")?;
    }
    admit(core, &owner, &demo, &people).await?;
    Ok(demo)
}

async fn people(core: &Core) -> anyhow::Result<(App, Demo)> {
    let made = account::create_app(core, "Demo", None, None).await?;
    let mut accounts = Vec::new();
    for (accid, name) in PEOPLE {
        let (_, token) = account::create_account(core, &made.app.key, accid, name, None).await?;
        accounts.push(DemoAccount { accid: accid.to_owned(), name: name.to_owned(), token });
    }
    let demo = Demo {
        app_key: made.app.key.clone(),
        app_secret: made.secret,
        accounts,
        server_id: String::new(),
        channel_id: String::new(),
        private_channel_id: String::new(),
    };
    Ok((made.app, demo))
}

fn owner(app: &App, people: &[Accid]) -> anyhow::Result<Actor> {
    let accid = people.first().context("the demo has no accounts")?.clone();
    let nick = PEOPLE.first().map_or("", |(_, name)| name).to_owned();
    let device = DeviceId::new("rotunda-demo").context("device id")?;
    Ok(Actor {
        user: UserKey { app: app.id, accid },
        device,
        client_type: rotunda_model::ClientType::SERVER.0,
        nick,
    })
}

/// Whether the server and both channels are still there: the demo's owner may have deleted them.
async fn community_stands(core: &Core, owner: &Actor, demo: &Demo) -> anyhow::Result<bool> {
    let channels: Result<Vec<ChannelId>, _> =
        [&demo.channel_id, &demo.private_channel_id].into_iter().map(|id| id.parse()).collect();
    let (Ok(server), Ok(channels)) = (demo.server_id.parse::<ServerId>(), channels) else {
        return Ok(false);
    };
    Ok(!server::by_ids(core, owner, &[server]).await?.is_empty()
        && channel::by_ids(core, owner, &channels).await?.len() == channels.len())
}

async fn community(core: &Core, owner: &Actor) -> anyhow::Result<(ServerId, ChannelId, ChannelId)> {
    let new = server::NewServer {
        name: "Rotunda".into(),
        invite_mode: InviteMode::NoConsent,
        search_enabled: true,
        ..Default::default()
    };
    let server = server::create(core, owner, new).await?.id;
    let mut channels = Vec::new();
    for (name, topic, view_mode) in [
        ("Lounge", "Everyone may come in", ViewMode::Public),
        ("Backstage", "For those on its list", ViewMode::Private),
    ] {
        let new = channel::NewChannel {
            kind: ChannelKind::Media,
            name: name.into(),
            topic: topic.into(),
            view_mode,
            ..Default::default()
        };
        channels.push(channel::create(core, owner, server, new).await?.id);
    }
    match channels[..] {
        [public, private] => Ok((server, public, private)),
        _ => anyhow::bail!("the demo has two channels"),
    }
}

/// Everybody is a member, also who left; the second account is on the private channel's white list.
async fn admit(core: &Core, owner: &Actor, demo: &Demo, people: &[Accid]) -> anyhow::Result<()> {
    let others = people.get(1..).unwrap_or_default();
    match invite::invite(core, owner, demo.server_id.parse()?, others, "", None).await {
        Ok(_) | Err(Error::Repeated(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let listed = others.get(..1).unwrap_or_default();
    let white = list::List {
        server: demo.server_id.parse()?,
        place: Place::Channel(demo.private_channel_id.parse()?),
        kind: ListKind::White,
    };
    match list::add_members(core, owner, white, listed).await {
        // Banned from its own demo, and then not a member: the demo works for the others.
        Ok(()) | Err(Error::NotFound(_)) => Ok(()),
        // Made public, or put in sync with a category: as its owner wants it.
        Err(error) if error.code() == Code::PARAMETER => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use rotunda_core::{CoreConfig, Keys, Store, member};

    use super::*;
    use crate::commands;

    async fn core(pool: sqlx::PgPool) -> Core {
        let keys = Keys::new(&[1; 32], &[2; 32]).unwrap();
        Core::open(Store::from_pool(pool), commands::environment().unwrap(), CoreConfig::new(keys))
            .await
            .unwrap()
    }

    async fn actor(core: &Core, demo: &Demo, person: usize) -> Actor {
        let app = account::app_by_key(core, &demo.app_key).await.unwrap().unwrap();
        owner(&app, &[Accid::new(&demo.accounts[person].accid).unwrap()]).unwrap()
    }

    async fn sees(core: &Core, demo: &Demo, person: usize) -> usize {
        let channels = [demo.channel_id.parse().unwrap(), demo.private_channel_id.parse().unwrap()];
        channel::by_ids(core, &actor(core, demo, person).await, &channels).await.unwrap().len()
    }

    #[sqlx::test(migrations = "../../migrations")]
    async fn the_demo_is_made_once_and_shows_the_private_channel_to_two(pool: sqlx::PgPool) {
        let core = core(pool).await;
        let file = crate::scratch::directory("seed-once").join("demo.json");
        let first = demo(&core, &file).await.unwrap();
        assert_eq!(demo(&core, &file).await.unwrap(), first);
        assert_eq!(first.accounts.len(), 6);
        let mut seen = Vec::new();
        for person in 0..6 {
            seen.push(sees(&core, &first, person).await);
        }
        assert_eq!(seen, [2, 2, 1, 1, 1, 1]);
    }

    #[sqlx::test(migrations = "../../migrations")]
    async fn what_users_of_the_demo_broke_is_mended_at_the_next_start(pool: sqlx::PgPool) {
        let core = core(pool).await;
        let file = crate::scratch::directory("seed-mend").join("demo.json");
        let first = demo(&core, &file).await.unwrap();
        let (alice, bob) = (actor(&core, &first, 0).await, actor(&core, &first, 1).await);
        member::leave(&core, &bob, first.server_id.parse().unwrap()).await.unwrap();
        let second = demo(&core, &file).await.unwrap();
        assert_eq!(second, first);
        assert_eq!(sees(&core, &second, 1).await, 2);
        channel::delete(&core, &alice, first.channel_id.parse().unwrap()).await.unwrap();
        let third = demo(&core, &file).await.unwrap();
        assert_ne!(third.channel_id, first.channel_id);
        assert_eq!(third.accounts, first.accounts);
        assert_eq!(sees(&core, &third, 1).await, 2);
    }

    #[sqlx::test(migrations = "../../migrations")]
    async fn credentials_of_another_database_are_replaced(pool: sqlx::PgPool) {
        let core = core(pool).await;
        let file = crate::scratch::directory("seed-other").join("demo.json");
        Demo::sample().save(&file).unwrap();
        let made = demo(&core, &file).await.unwrap();
        assert_ne!(made.app_key, Demo::sample().app_key);
        assert_eq!(Demo::load(&file).unwrap(), Some(made));
    }
}
