//! A core with one app in it.

use std::sync::Arc;

use rand::{SeedableRng, rngs::StdRng};
use rotunda_core::{
    Actor, Core, CoreConfig, Env, Keys, Store, account,
    login::{self, Client, Login},
    notify,
};
use rotunda_model::{Accid, App, DeviceId, UserKey, notification::Notification};
use sqlx::PgPool;

use crate::{FakeHub, FakeRooms, MockClock};

/// The seed of every test's generator.
const SEED: u64 = 7;

/// The token of every account made here.
const TOKEN: &str = "a token";

/// One app over one database.
#[derive(Debug)]
pub struct TestApp {
    pub core: Core,
    pub clock: Arc<MockClock>,
    pub hub: Arc<FakeHub>,
    pub rooms: Arc<FakeRooms>,
    pub app: App,
    pool: PgPool,
}

impl TestApp {
    /// Over a migrated database, with the default configuration.
    pub async fn new(pool: PgPool) -> anyhow::Result<Self> {
        Self::with(pool, |_| {}).await
    }

    /// As [`Self::new`], after `adjust` changed the configuration.
    pub async fn with(pool: PgPool, adjust: impl FnOnce(&mut CoreConfig)) -> anyhow::Result<Self> {
        let (core, clock, hub, rooms) = open(&pool, adjust).await?;
        let app = account::create_app(&core, "test", Some("testkey"), None).await?.app;
        Ok(Self { core, clock, hub, rooms, app, pool })
    }

    /// A new process over the same database: nothing in memory survives.
    pub async fn restart(mut self) -> anyhow::Result<Self> {
        self.forget().await?;
        Ok(self)
    }

    /// As [`Self::restart`], in place.
    pub async fn forget(&mut self) -> anyhow::Result<()> {
        (self.core, self.clock, self.hub, self.rooms) = open(&self.pool, |_| {}).await?;
        Ok(())
    }

    /// Another process over the same database, at the same time.
    pub async fn sibling(&self) -> anyhow::Result<Self> {
        self.sibling_with(|_| {}).await
    }

    /// As [`Self::sibling`], after `adjust` changed its configuration.
    pub async fn sibling_with(&self, adjust: impl FnOnce(&mut CoreConfig)) -> anyhow::Result<Self> {
        let (core, clock, hub, rooms) = open(&self.pool, adjust).await?;
        Ok(Self { core, clock, hub, rooms, app: self.app.clone(), pool: self.pool.clone() })
    }

    /// A second app in the same database, over the same core.
    pub async fn other_app(&self) -> anyhow::Result<App> {
        Ok(account::create_app(&self.core, "other", Some("otherkey"), None).await?.app)
    }

    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A new account of the app, logged in.
    pub async fn account(&self, accid: &str) -> anyhow::Result<Actor> {
        let actor = self.away(accid).await?;
        self.log_in(&actor).await?;
        Ok(actor)
    }

    /// A new account of the app that is not online.
    pub async fn away(&self, accid: &str) -> anyhow::Result<Actor> {
        self.away_in(&self.app, accid).await
    }

    /// A new account of some app that is not online.
    pub async fn away_in(&self, app: &App, accid: &str) -> anyhow::Result<Actor> {
        account::create_account(&self.core, &app.key, accid, accid, Some(TOKEN)).await?;
        let user = UserKey { app: app.id, accid: Accid::new(accid)? };
        let device = DeviceId::new(&format!("device-of-{accid}"));
        let device = device.ok_or_else(|| anyhow::anyhow!("a device id"))?;
        Ok(Actor { user, device, client_type: 16, nick: accid.to_owned() })
    }

    pub async fn log_in(&self, actor: &Actor) -> anyhow::Result<()> {
        let asked = Login {
            app_key: &self.app.key,
            accid: actor.user.accid.as_str(),
            token: TOKEN,
            auth_type: 0,
            client: Client::default(),
        };
        let done = login::login(&self.core, asked).await?;
        self.hub.log_in(&actor.user, &done.servers);
        Ok(())
    }

    /// Its last link ends.
    pub fn log_out(&self, actor: &Actor) {
        self.hub.log_out(&actor.user);
        account::offline(&self.core, &actor.user);
    }

    /// Delivers everything in the outbox.
    pub async fn deliver(&self) -> anyhow::Result<()> {
        while notify::dispatch(&self.core).await? {}
        Ok(())
    }

    /// Delivers everything, then takes what that account got: the wire's type numbers.
    pub async fn told(&self, actor: &Actor) -> anyhow::Result<Vec<u16>> {
        Ok(self.got(actor).await?.iter().map(|notification| notification.fact.number()).collect())
    }

    /// Delivers everything, then takes what that account got.
    pub async fn got(&self, actor: &Actor) -> anyhow::Result<Vec<Arc<Notification>>> {
        self.deliver().await?;
        Ok(self.hub.take(&actor.user))
    }

    /// Delivers everything and forgets it.
    pub async fn quiet(&self) -> anyhow::Result<()> {
        self.deliver().await?;
        self.hub.clear();
        self.rooms.take();
        Ok(())
    }
}

type Parts = (Core, Arc<MockClock>, Arc<FakeHub>, Arc<FakeRooms>);

async fn open(pool: &PgPool, adjust: impl FnOnce(&mut CoreConfig)) -> anyhow::Result<Parts> {
    let clock = Arc::new(MockClock::new());
    let env = Env::new(clock.clone(), StdRng::seed_from_u64(SEED));
    let keys = Keys::new(&[1; 32], &[2; 32]).ok_or_else(|| anyhow::anyhow!("keys of 32 bytes"))?;
    let mut config = CoreConfig::new(keys);
    adjust(&mut config);
    let core = Core::open(Store::from_pool(pool.clone()), env, config).await?;
    let (hub, rooms) = (Arc::new(FakeHub::default()), Arc::new(FakeRooms::default()));
    core.set_ports(hub.clone(), rooms.clone());
    Ok((core, clock, hub, rooms))
}
