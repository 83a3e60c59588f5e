//! Random edits of lists, view modes and role memberships against sets that anyone can check by eye.

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rotunda_core::{
    Actor, PageRequest,
    category::{self, CategoryUpdate, NewCategory},
    channel::{self, ChannelUpdate, NewChannel},
    list::{self, List},
    role, server,
};
use rotunda_model::{
    Accid, CategoryId, ChannelId, Code, ListKind, Place, RoleId, ServerId, SyncMode, ViewMode,
    notification::Fact,
};
use rotunda_testkit::TestApp;
use sqlx::PgPool;

use crate::support::{self, code, custom_role, join};

/// Edits of one run. More find more; each takes some 20 ms.
const EDITS: usize = 120;

/// What a place should say.
#[derive(Debug, Default)]
struct Sets {
    private: bool,
    members: BTreeMap<ListName, BTreeSet<Accid>>,
    roles: BTreeMap<ListName, BTreeSet<RoleId>>,
}

/// White as true.
type ListName = bool;

impl Sets {
    fn shows(&self, accid: &Accid, roles: &BTreeSet<RoleId>) -> bool {
        let members = self.members.get(&self.private);
        let listed = self.roles.get(&self.private);
        let named = members.is_some_and(|on| on.contains(accid))
            || listed.is_some_and(|on| on.intersection(roles).next().is_some());
        named == self.private
    }
}

struct World {
    app: TestApp,
    server: ServerId,
    owner: Actor,
    others: Vec<Actor>,
    everyone: RoleId,
    custom: [RoleId; 2],
    channel: ChannelId,
    category: CategoryId,
    /// In sync with the category.
    follower: ChannelId,
    of_channel: Sets,
    of_category: Sets,
    /// The custom roles of each, and @everyone.
    held: BTreeMap<Accid, BTreeSet<RoleId>>,
}

impl World {
    async fn new(pool: PgPool) -> anyhow::Result<Self> {
        let app = TestApp::new(pool).await?;
        let owner = app.account("ann").await?;
        let server = support::server(&app, &owner).await?.id;
        let mut others = Vec::new();
        for name in ["bob", "cy", "dee"] {
            let actor = app.account(name).await?;
            join(&app, &actor, server).await?;
            others.push(actor);
        }
        let everyone = support::everyone(&app, &owner, server).await?;
        let custom =
            [custom_role(&app, &owner, server, 1).await?, custom_role(&app, &owner, server, 2).await?];
        let channel = support::channel(&app, &owner, server, ViewMode::Public).await?.id;
        let category = category::create(&app.core, &owner, server, NewCategory::default()).await?.id;
        let new = NewChannel {
            category: Some(category),
            sync_mode: SyncMode::WithCategory,
            ..support::media(ViewMode::Private)
        };
        let follower = channel::create(&app.core, &owner, server, new).await?.id;
        let accids = others.iter().map(|actor| actor.user.accid.clone());
        let held = accids.map(|accid| (accid, BTreeSet::from([everyone]))).collect();
        app.quiet().await?;
        let (of_channel, of_category) = (Sets::default(), Sets::default());
        Ok(Self {
            app,
            server,
            owner,
            others,
            everyone,
            custom,
            channel,
            category,
            follower,
            of_channel,
            of_category,
            held,
        })
    }

    fn place(&self, pick: u32) -> Place {
        match pick {
            0 => Place::Channel(self.channel),
            1 => Place::Category(self.category),
            _ => Place::Channel(self.follower),
        }
    }

    /// `None`: a place that has no lists of its own.
    fn sets(&mut self, place: Place) -> Option<&mut Sets> {
        match place {
            Place::Category(_) => Some(&mut self.of_category),
            Place::Channel(id) if id == self.channel => Some(&mut self.of_channel),
            Place::Channel(_) => None,
        }
    }

    /// One edit, in core and in the sets.
    async fn edit(&mut self, rng: &mut StdRng) -> anyhow::Result<()> {
        let place = self.place(rng.random_range(0..3));
        match rng.random_range(0..8) {
            0..=2 => self.edit_members(rng, place).await,
            3..=5 => self.edit_role(rng, place).await,
            6 => self.turn(place).await,
            _ => self.hand_out(rng).await,
        }
    }

    fn list(&mut self, rng: &mut StdRng, place: Place) -> (List, bool) {
        let white: bool = rng.random();
        let kind = if white { ListKind::White } else { ListKind::Black };
        let fits = self.sets(place).is_some_and(|sets| sets.private == white);
        (List { server: self.server, place, kind }, fits)
    }

    async fn edit_members(&mut self, rng: &mut StdRng, place: Place) -> anyhow::Result<()> {
        let (list, fits) = self.list(rng, place);
        let mut all: Vec<Accid> = self.held.keys().cloned().collect();
        all.push(self.owner.user.accid.clone());
        let mut some: Vec<Accid> = all.iter().filter(|_| rng.random()).cloned().collect();
        some.extend(all.into_iter().take(usize::from(some.is_empty())));
        let (core, add) = (&self.app.core, rng.random::<bool>());
        let done = match add {
            true => list::add_members(core, &self.owner, list, &some).await,
            false => list::remove_members(core, &self.owner, list, &some).await,
        };
        assert_eq!(code(done), if fits { Code::OK } else { Code::PARAMETER });
        if fits && let Some(sets) = self.sets(place) {
            let on = sets.members.entry(list.kind == ListKind::White).or_default();
            for accid in some {
                if add {
                    on.insert(accid)
                } else {
                    on.remove(&accid)
                };
            }
        }
        Ok(())
    }

    async fn edit_role(&mut self, rng: &mut StdRng, place: Place) -> anyhow::Result<()> {
        let (list, fits) = self.list(rng, place);
        let role = match rng.random_range(0..5) {
            0 => self.everyone,
            n => self.custom[n % 2],
        };
        let (core, add) = (&self.app.core, rng.random::<bool>());
        let done = match add {
            true => list::add_role(core, &self.owner, list, role).await,
            false => list::remove_role(core, &self.owner, list, role).await,
        };
        assert_eq!(code(done), if fits { Code::OK } else { Code::PARAMETER });
        if fits && let Some(sets) = self.sets(place) {
            let on = sets.roles.entry(list.kind == ListKind::White).or_default();
            if add {
                on.insert(role)
            } else {
                on.remove(&role)
            };
        }
        Ok(())
    }

    /// From public to private, or back.
    async fn turn(&mut self, place: Place) -> anyhow::Result<()> {
        let Some(sets) = self.sets(place) else { return Ok(()) };
        sets.private = !sets.private;
        let view_mode = Some(if sets.private { ViewMode::Private } else { ViewMode::Public });
        match place {
            Place::Channel(id) => {
                let update = ChannelUpdate { view_mode, ..ChannelUpdate::default() };
                channel::update(&self.app.core, &self.owner, id, update).await?;
            }
            Place::Category(id) => {
                let update = CategoryUpdate { view_mode, ..CategoryUpdate::default() };
                category::update(&self.app.core, &self.owner, id, update).await?;
            }
        }
        Ok(())
    }

    /// A role to a member, or from one.
    async fn hand_out(&mut self, rng: &mut StdRng) -> anyhow::Result<()> {
        let role = self.custom[rng.random_range(0..2)];
        let who = self.others[rng.random_range(0..self.others.len())].user.accid.clone();
        let (core, names) = (&self.app.core, std::slice::from_ref(&who));
        let held = self.held.entry(who.clone()).or_default();
        if held.remove(&role) {
            role::remove_members(core, &self.owner, self.server, role, names).await?;
        } else {
            held.insert(role);
            role::add_members(core, &self.owner, self.server, role, names).await?;
        }
        Ok(())
    }

    /// What each of the others should see: the channel, the category with its follower.
    fn expected(&self) -> BTreeMap<Accid, (bool, bool)> {
        let shows = |(accid, roles): (&Accid, &BTreeSet<RoleId>)| {
            let seen = (self.of_channel.shows(accid, roles), self.of_category.shows(accid, roles));
            (accid.clone(), seen)
        };
        self.held.iter().map(shows).collect()
    }

    async fn check(&self, before: &BTreeMap<Accid, (bool, bool)>) -> anyhow::Result<()> {
        let core = &self.app.core;
        anyhow::ensure!(server::rules_agree(core, self.server).await?, "memory and storage differ");
        let now = self.expected();
        for actor in &self.others {
            let accid = &actor.user.accid;
            let ((was_channel, was_category), (channel, category)) = (before[accid], now[accid]);
            let seen = channel::by_ids(core, actor, &[self.channel, self.follower]).await?;
            let seen: BTreeSet<ChannelId> = seen.into_iter().map(|channel| channel.id).collect();
            assert_eq!(seen.contains(&self.channel), channel, "{accid:?} and the channel");
            assert_eq!(seen.contains(&self.follower), category, "{accid:?} and the channel in sync");
            let categories = category::by_ids(core, actor, &[self.category]).await?;
            assert_eq!(categories.len() == 1, category, "{accid:?} and the category");

            let mut flips = BTreeSet::new();
            for (id, was, is) in
                [(self.channel, was_channel, channel), (self.follower, was_category, category)]
            {
                if was != is {
                    flips.insert((id, is));
                }
            }
            let told = self.app.got(actor).await?;
            let told = told.iter().filter_map(|n| match (&n.fact, n.channel) {
                (Fact::ChannelVisibility { visible }, Some(channel)) => Some((channel, *visible)),
                _ => None,
            });
            assert_eq!(told.collect::<Vec<_>>(), flips.into_iter().collect::<Vec<_>>(), "31 to {accid:?}");
        }
        for (place, sets) in [
            (Place::Channel(self.channel), &self.of_channel),
            (Place::Category(self.category), &self.of_category),
            (Place::Channel(self.follower), &self.of_category),
        ] {
            let kind = if sets.private { ListKind::White } else { ListKind::Black };
            let list = List { server: self.server, place, kind };
            let members = list::members(core, &self.owner, list, PageRequest::default()).await?;
            let members: BTreeSet<Accid> = members.items.into_iter().map(|member| member.accid).collect();
            assert_eq!(members, sets.members.get(&sets.private).cloned().unwrap_or_default());
            let roles = list::roles(core, &self.owner, list, PageRequest::default()).await?;
            let roles: BTreeSet<RoleId> = roles.items.into_iter().map(|role| role.id).collect();
            assert_eq!(roles, sets.roles.get(&sets.private).cloned().unwrap_or_default());
        }
        Ok(())
    }
}

async fn run(pool: PgPool, seed: u64) -> anyhow::Result<()> {
    let mut world = World::new(pool).await?;
    let mut rng = StdRng::seed_from_u64(seed);
    for _ in 0..EDITS {
        let before = world.expected();
        world.edit(&mut rng).await?;
        world.check(&before).await?;
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn random_edits_show_what_the_sets_say(pool: PgPool) -> anyhow::Result<()> {
    run(pool, 1).await
}

#[sqlx::test(migrations = "../../migrations")]
async fn other_random_edits_show_what_the_sets_say(pool: PgPool) -> anyhow::Result<()> {
    run(pool, 2).await
}
