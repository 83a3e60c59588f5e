//! Accounts, servers and channels, written into the database before the server starts: to make them over the wire would
//! take longer than everything that is measured.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use rand::{SeedableRng as _, rngs::StdRng};
use rotunda_core::{
    Actor, Clock, Core, CoreConfig, Env, Keys, Store, account, channel, channel::NewChannel, invite, media,
    media::ConfigUpdate, server, server::NewServer,
};
use rotunda_model::{Accid, AppId, DeviceId, Millis, UserKey, channel::ChannelKind, server::InviteMode};

pub const APP_KEY: &str = "00000000000000000000000000000001";
pub const APP_SECRET: &str = "secret-of-the-load";
/// The token of every account.
pub const TOKEN: &str = "token-of-the-load";
/// Owns every server.
pub const OWNER: &str = "owner";
/// What one server has at most: members join the commit of each other's invitation.
const CHANNELS: usize = 100;
/// Accounts of one invitation.
const INVITED: usize = 100;

/// Where a member goes.
#[derive(Debug, Clone)]
pub struct Place {
    pub accid: String,
    pub channel: String,
}

/// A clock that only moves: nothing here depends on the date but its order.
#[derive(Debug)]
struct Steps(std::sync::atomic::AtomicI64);

impl Clock for Steps {
    fn now(&self) -> Millis {
        Millis(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }
}

/// Writes the server's keys into its data directory; the core works with the same.
fn keys(data: &Path) -> anyhow::Result<Keys> {
    // Of one byte alone they would look like an example, and be refused.
    let key = |first: u8| -> [u8; 32] { std::array::from_fn(|place| first + place as u8) };
    let (own, signing) = (key(1), key(101));
    let directory = data.join("keys");
    std::fs::create_dir_all(&directory)?;
    for (name, key) in [("server.key", own), ("signing.key", signing)] {
        std::fs::write(directory.join(name), hex::encode(key))?;
    }
    Keys::new(&own, &signing).context("keys of the wrong length")
}

/// Makes `channels` channels with so many members each; the members, channel by channel.
///
/// # Errors
/// The database refused.
pub async fn make(url: &str, data: &Path, channels: usize, members: usize) -> anyhow::Result<Vec<Place>> {
    let (core, owner) = open(url, data).await?;
    let mut places = Vec::with_capacity(channels * members);
    for first in (0..channels).step_by(CHANNELS) {
        let new = NewServer { name: "load".into(), invite_mode: InviteMode::NoConsent, ..Default::default() };
        let server = server::create(&core, &owner, new).await?.id;
        let count = CHANNELS.min(channels - first);
        let mut accids = Vec::with_capacity(count * members);
        for number in first * members..(first + count) * members {
            let name = format!("member{number}");
            account::create_account(&core, APP_KEY, &name, &name, Some(TOKEN)).await?;
            accids.push(Accid::new(&name)?);
        }
        for some in accids.chunks(INVITED) {
            invite::invite(&core, &owner, server, some, "", None).await?;
        }
        for in_channel in accids.chunks(members.max(1)) {
            let new = NewChannel { kind: ChannelKind::Media, name: "load".into(), ..Default::default() };
            let channel = channel::create(&core, &owner, server, new).await?.id;
            // None at all, where the default is less than some scenarios need.
            let limit = ConfigUpdate { limit: Some(0), ..Default::default() };
            media::set_config(&core, &owner, server, channel, limit).await?;
            let channel = channel.to_string();
            let place = |accid: &Accid| Place { accid: accid.as_str().to_owned(), channel: channel.clone() };
            places.extend(in_channel.iter().map(place));
        }
    }
    Ok(places)
}

/// A server, one of its channels, and who is in it beside the owner.
#[derive(Debug, Clone)]
pub struct Community {
    pub server: String,
    pub channel: String,
    pub members: Vec<String>,
}

/// Makes servers with so many members each, whose accounts are in no other.
///
/// # Errors
/// The database refused.
pub async fn communities(
    url: &str,
    data: &Path,
    servers: usize,
    members: usize,
) -> anyhow::Result<Vec<Community>> {
    let (core, owner) = open(url, data).await?;
    let mut communities = Vec::with_capacity(servers);
    for number in 0..servers {
        let new = NewServer { name: "load".into(), invite_mode: InviteMode::NoConsent, ..Default::default() };
        let server = server::create(&core, &owner, new).await?.id;
        let mut accids = Vec::with_capacity(members);
        for member in number * members..(number + 1) * members {
            let name = format!("member{member}");
            account::create_account(&core, APP_KEY, &name, &name, Some(TOKEN)).await?;
            accids.push(Accid::new(&name)?);
        }
        for some in accids.chunks(INVITED) {
            invite::invite(&core, &owner, server, some, "", None).await?;
        }
        let new = NewChannel { name: "load".into(), ..Default::default() };
        let channel = channel::create(&core, &owner, server, new).await?.id;
        communities.push(Community {
            server: server.to_string(),
            channel: channel.to_string(),
            members: accids.iter().map(|accid| accid.as_str().to_owned()).collect(),
        });
    }
    Ok(communities)
}

/// An app, and the owner of all its servers.
async fn open(url: &str, data: &Path) -> anyhow::Result<(Core, Actor)> {
    let store = Store::connect(url, 4).await?;
    store.migrate().await?;
    let clock = Arc::new(Steps(std::sync::atomic::AtomicI64::new(1_700_000_000_000)));
    let env = Env::new(clock, StdRng::seed_from_u64(1));
    let core = Core::open(store, env, CoreConfig::new(keys(data)?)).await?;
    let app = account::create_app(&core, "Load", Some(APP_KEY), Some(APP_SECRET)).await?.app.id;
    account::create_account(&core, APP_KEY, OWNER, OWNER, Some(TOKEN)).await?;
    let owner = actor(app, OWNER)?;
    Ok((core, owner))
}

fn actor(app: AppId, name: &str) -> anyhow::Result<Actor> {
    let device = DeviceId::new("seed").context("device id")?;
    Ok(Actor { user: UserKey { app, accid: Accid::new(name)? }, device, client_type: 16, nick: name.into() })
}
