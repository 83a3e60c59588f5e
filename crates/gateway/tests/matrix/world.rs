//! The server that the commands are about, its neighbour, and the accounts.

use rotunda_core::{
    Actor, Core, ban,
    category::{self, NewCategory},
    channel::{self, NewChannel},
    invite, layer_role,
    list::{self, List},
    media, member,
    member_role::{self, Key},
    role::{self, NewRole, RoleUpdate},
    server::{self, NewServer},
    visitor,
};
use rotunda_gateway::{
    limits::{Limits, RateLimits},
    link::{
        Hub,
        commands::{self, Call},
        session::Session,
        socket::Pulse,
    },
};
use rotunda_model::{
    Accid, AuthValue, CategoryId, ChannelId, ChannelKind, Code, ListKind, Place, RequestId, Right,
    RightScope, RoleId, ServerId, SyncMode, ViewMode, VisitorMode,
    server::{ApplyMode, InviteMode},
};
use rotunda_testkit::TestApp;
use rotunda_wire::{Answer, CommandId, Request, entity::LoginInfo};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

/// The columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Own,
    Adm,
    Mem,
    Den,
    Vis,
    Ban,
    Lft,
    Out,
    Oth,
    App,
}

impl Standing {
    pub const ALL: [Self; 10] = [
        Self::Own,
        Self::Adm,
        Self::Mem,
        Self::Den,
        Self::Vis,
        Self::Ban,
        Self::Lft,
        Self::Out,
        Self::Oth,
        Self::App,
    ];

    /// The account's name in its app.
    const fn accid(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Adm => "adm",
            Self::Mem => "mem",
            Self::Den => "den",
            Self::Vis => "vis",
            Self::Ban => "ban",
            Self::Lft => "lft",
            Self::Out => "out",
            Self::Oth => "oth",
            // A name that is taken in the first app, so that a check by name alone would be fooled.
            Self::App => "own",
        }
    }
}

/// What the packets name. Accounts are named as they are: `tom` is a member with a role (`low`) and overrides, `una` a
/// member on the black lists, `apl` applies to join.
#[derive(Debug, Clone, PartialEq)]
pub struct Ids {
    pub server: ServerId,
    /// Public, of type media, in no category. `low` has a role in it, `tom` an override.
    pub channel: ChannelId,
    /// In the category, in sync with it.
    pub synced: ChannelId,
    /// Private, with nobody on its white list.
    pub hidden: ChannelId,
    /// Private, but open to visitors.
    pub window: ChannelId,
    /// Public, with everything that `channel` has.
    pub category: CategoryId,
    /// Private, with nobody on its white list and a hidden channel in it.
    pub cellar: CategoryId,
    pub everyone: RoleId,
    /// Rank 1, every right.
    pub admins: RoleId,
    /// Rank 9, no right.
    pub low: RoleId,
    /// Rank 10, no right, nobody in it; on the black lists, in no layer.
    pub listed: RoleId,
    /// `low` in the channel.
    pub in_channel: RoleId,
    /// `low` in the category.
    pub in_category: RoleId,
    /// An invitation to vis, lft, out and oth.
    pub invitation: RequestId,
    /// Of `apl`.
    pub application: RequestId,
    /// The same places and roles of the other server.
    elsewhere: Option<Box<Ids>>,
}

impl Ids {
    /// The other server's places and roles beside the own server.
    pub fn mixed(&self) -> Self {
        match &self.elsewhere {
            Some(elsewhere) => Self { server: self.server, ..Self::clone(elsewhere) },
            None => self.clone(),
        }
    }
}

pub struct World {
    app: TestApp,
    hub: Hub,
    /// Off: a table of thousands of commands is no client.
    limits: Limits,
    actors: Vec<(Standing, Actor)>,
    pub ids: Ids,
    /// In an order in which rows can be inserted.
    tables: Vec<String>,
    digest: String,
}

/// Who has to do with the server; [`THEIRS`] and the name is who has the same to do with the other one.
const OURS: [&str; 8] = ["adm", "mem", "den", "ban", "lft", "tom", "una", "apl"];

const THEIRS: &str = "their-";

impl World {
    /// Every text in the other server holds it.
    pub const SECRET: &str = "xyzzy";

    pub async fn build(pool: PgPool) -> anyhow::Result<Self> {
        let app = TestApp::new(pool).await?;
        let other_app = app.other_app().await?;
        let mut actors = Vec::new();
        for standing in Standing::ALL {
            let actor = match standing {
                Standing::App => app.away_in(&other_app, standing.accid()).await?,
                _ => app.account(standing.accid()).await?,
            };
            actors.push((standing, actor));
        }
        for name in OURS {
            if !Standing::ALL.iter().any(|standing| standing.accid() == name) {
                app.away(name).await?;
            }
            app.away(&format!("{THEIRS}{name}")).await?;
        }
        let actor = |standing| {
            let found = actors.iter().find(|(of, _)| *of == standing).map(|(_, actor)| actor);
            found.ok_or_else(|| anyhow::anyhow!("{standing:?} has no account"))
        };
        let (own, oth) = (actor(Standing::Own)?, actor(Standing::Oth)?);
        let elsewhere = furnish(&app, oth, THEIRS, Self::SECRET).await?;
        let mut ids = furnish(&app, own, "", "ours").await?;
        ids.elsewhere = Some(Box::new(elsewhere));
        member::leave(&app.core, actor(Standing::Lft)?, ids.server).await?;
        ban::add(&app.core, own, ids.server, &accid("ban")?, String::new()).await?;
        let invited = ["vis", "lft", "out", "oth"].map(accid).into_iter().collect::<Result<Vec<_>, _>>()?;
        ids.invitation = invite::invite(&app.core, own, ids.server, &invited, "", None).await?.request.id;

        let tables = tables(app.pool()).await?;
        save(app.pool(), &tables).await?;
        let digest = digest_query(&tables);
        let hub = Hub::new(app.rooms.clone());
        let limits = Limits::new(RateLimits::OFF, app.core.env().clock.clone());
        let mut world = Self { app, hub, limits, actors, ids, tables, digest };
        world.visit().await?;
        Ok(world)
    }

    /// The answer to a packet of that account.
    pub async fn send(&self, by: Standing, command: CommandId, items: &[Value]) -> Answer {
        let q: Vec<Value> = items.iter().map(|value| json!({ "t": "Any", "v": value })).collect();
        let packet = json!({ "SER": 1, "SID": command.sid, "CID": command.cid, "Q": q }).to_string();
        let request = Request::parse(&packet).expect("a packet");
        let (_, actor) = self.actors.iter().find(|(of, _)| *of == by).expect("an account per standing");
        let (session, _pushes) = Session::new(actor.clone(), LoginInfo::default(), Pulse::default());
        let (core, hub, limits) = (&self.app.core, &self.hub, &self.limits);
        let call = Call { core, actor, hub, limits, session: &session, request: &request };
        commands::handle(call).await
    }

    /// What the door of a media channel says, by column.
    pub async fn entries(&self, channel: ChannelId) -> [u16; Standing::ALL.len()] {
        let mut codes = [0; Standing::ALL.len()];
        for ((_, actor), code) in self.actors.iter().zip(&mut codes) {
            let verdict = media::verdict(&self.app.core, &actor.user, channel).await;
            *code = verdict.map_or_else(|error| error.code(), |_| Code::OK).0;
        }
        codes
    }

    /// Of every row in the database.
    pub async fn digest(&self) -> anyhow::Result<String> {
        Ok(sqlx::query_scalar(AssertSqlSafe(self.digest.as_str())).fetch_one(self.app.pool()).await?)
    }

    /// Whether memory and database tell the same rules.
    pub async fn agrees(&self) -> anyhow::Result<bool> {
        Ok(server::rules_agree(&self.app.core, self.ids.server).await?)
    }

    /// As it was after building: the rows are put back, and a new core has forgotten everything.
    pub async fn restore(&mut self) -> anyhow::Result<()> {
        let mut sql = String::from("BEGIN;");
        for table in self.tables.iter().rev() {
            sql.push_str(&format!("DELETE FROM {table};"));
        }
        for table in &self.tables {
            sql.push_str(&format!(
                "INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM saved.{table};"
            ));
        }
        sql.push_str("COMMIT;");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(self.app.pool()).await?;
        self.app.forget().await?;
        self.hub = Hub::new(self.app.rooms.clone());
        for (standing, actor) in &self.actors {
            if *standing != Standing::App {
                self.app.log_in(actor).await?;
            }
        }
        self.visit().await
    }

    async fn visit(&mut self) -> anyhow::Result<()> {
        let visitor = self.actors.iter().find(|(of, _)| *of == Standing::Vis);
        let (_, visitor) = visitor.ok_or_else(|| anyhow::anyhow!("no visitor"))?;
        Ok(visitor::enter(&self.app.core, visitor, self.ids.server).await?)
    }
}

fn accid(text: &str) -> anyhow::Result<Accid> {
    Ok(Accid::new(text)?)
}

/// A server with everything in it, for accounts whose names begin with `prefix`.
async fn furnish(app: &TestApp, own: &Actor, prefix: &str, text: &str) -> anyhow::Result<Ids> {
    let core = &app.core;
    let accid = |name: &str| accid(&format!("{prefix}{name}"));
    // Everybody comes in without being asked; afterwards it is the other way round.
    let new = NewServer {
        name: text.into(),
        ext: text.into(),
        invite_mode: InviteMode::NoConsent,
        apply_mode: ApplyMode::NeedsApproval,
        ..NewServer::default()
    };
    let server = server::create(core, own, new).await?.id;
    let members = OURS.into_iter().filter(|name| *name != "apl").map(accid).collect::<Result<Vec<_>, _>>()?;
    invite::invite(core, own, server, &members, "", None).await?;
    sqlx::query("UPDATE servers SET invite_mode = 0 WHERE id = $1")
        .bind(server.get())
        .execute(app.pool())
        .await?;

    let roles = role::list(core, own, server, 0, None).await?;
    let everyone = roles.first().ok_or_else(|| anyhow::anyhow!("no @everyone"))?.role.id;
    let every = |value| Right::BUILT_IN.map(|right| (right, value)).to_vec();
    let says = |auths| RoleUpdate { auths, ..RoleUpdate::default() };
    role::update(core, own, server, everyone, says(every(AuthValue::Deny))).await?;
    let made = async |priority| {
        let new = NewRole { name: text.into(), priority: Some(priority), ..NewRole::default() };
        anyhow::Ok(role::create(core, own, server, new).await?.id)
    };
    let (admins, low, listed) = (made(1).await?, made(9).await?, made(10).await?);
    role::update(core, own, server, admins, says(every(AuthValue::Allow))).await?;
    role::add_members(core, own, server, admins, &[accid("adm")?, accid("den")?]).await?;
    role::add_members(core, own, server, low, &[accid("tom")?]).await?;

    let new = NewCategory { name: text.into(), ext: text.into(), ..NewCategory::default() };
    let category = category::create(core, own, server, new.clone()).await?.id;
    let cellar =
        category::create(core, own, server, NewCategory { view_mode: ViewMode::Private, ..new }).await?.id;
    let new = NewChannel {
        kind: ChannelKind::Media,
        name: text.into(),
        topic: text.into(),
        ext: text.into(),
        ..NewChannel::default()
    };
    let make = async |new: NewChannel| anyhow::Ok(channel::create(core, own, server, new).await?.id);
    let private = NewChannel { view_mode: ViewMode::Private, ..new.clone() };
    let channel = make(new.clone()).await?;
    let in_sync = SyncMode::WithCategory;
    let synced = make(NewChannel { category: Some(category), sync_mode: in_sync, ..new.clone() }).await?;
    make(NewChannel { category: Some(cellar), sync_mode: in_sync, ..new }).await?;
    let hidden = make(private.clone()).await?;
    let window = make(NewChannel { visitor_mode: VisitorMode::Visible, ..private }).await?;

    let mut layer_roles = Vec::new();
    for place in [Place::Channel(channel), Place::Category(category)] {
        layer_roles.push(layer_role::add(core, own, server, place, low).await?.id);
        override_for(core, own, server, place, accid("tom")?, &[]).await?;
        override_for(core, own, server, place, accid("den")?, &layered(AuthValue::Deny)).await?;
        let black = List { server, place, kind: ListKind::Black };
        list::add_members(core, own, black, &[accid("una")?]).await?;
        list::add_role(core, own, black, listed).await?;
    }
    let place = Place::Channel(window);
    let white = List { server, place, kind: ListKind::White };
    list::add_members(core, own, white, &[accid("adm")?, accid("den")?]).await?;
    override_for(core, own, server, place, accid("den")?, &layered(AuthValue::Deny)).await?;
    media::cid(core, channel).await?;

    let [in_channel, in_category] = layer_roles.as_slice() else { anyhow::bail!("two layers") };
    // Of somebody else: nobody in the columns may accept it.
    let invitation = invite::invite(core, own, server, &[accid("apl")?], text, None).await?.request.id;
    let applicant =
        Actor { user: rotunda_model::UserKey { app: own.user.app, accid: accid("apl")? }, ..own.clone() };
    let application = invite::apply(core, &applicant, server, text, None).await?.id;
    Ok(Ids {
        server,
        channel,
        synced,
        hidden,
        window,
        category,
        cellar,
        everyone,
        admins,
        low,
        listed,
        in_channel: *in_channel,
        in_category: *in_category,
        invitation,
        application,
        elsewhere: None,
    })
}

/// All rights that channels and categories may speak of.
fn layered(value: AuthValue) -> Vec<(Right, AuthValue)> {
    let layered = Right::BUILT_IN.into_iter().filter(|right| right.scope() == RightScope::Channel);
    layered.map(|right| (right, value)).collect()
}

async fn override_for(
    core: &Core,
    own: &Actor,
    server: ServerId,
    place: Place,
    accid: Accid,
    auths: &[(Right, AuthValue)],
) -> anyhow::Result<()> {
    let key = Key { server, place, accid };
    member_role::add(core, own, &key).await?;
    member_role::update(core, own, &key, auths).await?;
    Ok(())
}

/// Tables refer only to older ones, so the order of creation is one in which rows can be inserted.
async fn tables(pool: &PgPool) -> anyhow::Result<Vec<String>> {
    let sql =
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
            AND relname NOT LIKE '\\_sqlx%' ORDER BY oid";
    Ok(sqlx::query_scalar(sql).fetch_all(pool).await?)
}

async fn save(pool: &PgPool, tables: &[String]) -> anyhow::Result<()> {
    let mut sql = String::from("CREATE SCHEMA saved;");
    for table in tables {
        sql.push_str(&format!("CREATE TABLE saved.{table} AS TABLE public.{table};"));
    }
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await?;
    Ok(())
}

fn digest_query(tables: &[String]) -> String {
    let of = |table: &String| {
        format!(
            "COALESCE((SELECT md5(string_agg(t::text, ';' ORDER BY t::text)) FROM public.{table} t), '-')"
        )
    };
    format!("SELECT concat_ws(',', {})", tables.iter().map(of).collect::<Vec<_>>().join(", "))
}
