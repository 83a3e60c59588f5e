//! Random moves of channels between categories, in and out of sync, against rows anyone can copy by hand.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use rotunda_core::{
    category,
    channel::{self, CategoryInfo},
    list::{self, List},
    member_role::{self, Key},
};
use rotunda_model::{
    AuthValue, CategoryId, ChannelId, Code, ListKind, Place, Right, ServerId, SyncMode, ViewMode,
};
use sqlx::PgPool;

use crate::{
    category::{category, inside},
    support::{code, one},
    sync::World,
};

/// Steps of one run. More find more; each takes some 30 ms.
const STEPS: usize = 150;

/// What a place says of itself.
type Rows = Vec<String>;

#[derive(Debug, Default)]
struct Model {
    categories: BTreeMap<CategoryId, Rows>,
    channels: BTreeMap<ChannelId, (Option<CategoryId>, SyncMode, Rows)>,
}

impl Model {
    /// What 24_60 should make of a channel; `None`: nothing, it is refused.
    fn place(&mut self, id: ChannelId, info: CategoryInfo) -> Option<()> {
        let (category, sync, rows) = self.channels.get_mut(&id)?;
        let into = info.category.unwrap_or(*category);
        if into.is_none() && info.sync_mode == Some(SyncMode::WithCategory) {
            return None;
        }
        let then = if into.is_some() { info.sync_mode.unwrap_or(*sync) } else { SyncMode::Own };
        if let (SyncMode::WithCategory, SyncMode::Own, Some(from)) = (*sync, then, *category) {
            rows.clone_from(self.categories.get(&from)?);
        }
        (*category, *sync) = (into, then);
        Some(())
    }

    fn remove(&mut self, id: CategoryId) {
        let Some(said) = self.categories.remove(&id) else { return };
        for (category, sync, rows) in self.channels.values_mut().filter(|(of, ..)| *of == Some(id)) {
            if *sync == SyncMode::WithCategory {
                rows.clone_from(&said);
            }
            (*category, *sync) = (None, SyncMode::Own);
        }
    }

    async fn check(&self, world: &World) -> anyhow::Result<()> {
        world.agrees().await?;
        for (id, rows) in &self.categories {
            assert_eq!(world.says(Place::Category(*id)).await?, *rows, "{id}");
        }
        let ids: Vec<ChannelId> = self.channels.keys().copied().collect();
        if ids.is_empty() {
            return Ok(());
        }
        let found = channel::by_ids(&world.app.core, &world.ann, &ids).await?;
        assert_eq!(found.len(), ids.len());
        for (shown, (category, sync, rows)) in found.iter().zip(self.channels.values()) {
            assert_eq!((shown.category, shown.sync_mode), (*category, *sync));
            assert_eq!(world.says(Place::Channel(shown.id)).await?, *rows, "{}", shown.id);
            let in_force = category.filter(|_| *sync == SyncMode::WithCategory);
            let in_force = in_force.and_then(|of| self.categories.get(&of)).unwrap_or(rows);
            assert!(in_force.contains(&format!("mode {}", shown.view_mode.number())));
        }
        Ok(())
    }
}

/// Something small about a place; what it made of it is read back. False: it was refused.
async fn edit(world: &World, rng: &mut StdRng, server: ServerId, place: Place) -> anyhow::Result<bool> {
    let core = &world.app.core;
    let Some(member) = world.members.choose(rng) else { return Ok(false) };
    let accid = member.user.accid.clone();
    let kind = if rng.random() { ListKind::White } else { ListKind::Black };
    let list = List { server, place, kind };
    Ok(match rng.random_range(0..5) {
        0 => {
            let mode = if rng.random() { ViewMode::Public } else { ViewMode::Private };
            world.set_mode(place, mode).await.is_ok()
        }
        1 => list::add_members(core, &world.ann, list, &one(member)).await.is_ok(),
        2 => list::add_role(core, &world.ann, list, world.crew).await.is_ok(),
        3 => member_role::remove(core, &world.ann, &Key { server, place, accid }).await.is_ok(),
        _ => {
            let key = Key { server, place, accid };
            let value = if rng.random() { AuthValue::Allow } else { AuthValue::Deny };
            let added = member_role::add(core, &world.ann, &key).await.is_ok();
            let auths = [(Right::RTC_CONNECT, value)];
            added | member_role::update(core, &world.ann, &key, &auths).await.is_ok()
        }
    })
}

#[sqlx::test(migrations = "../../migrations")]
async fn channels_take_along_what_held_and_nothing_else(pool: PgPool) -> anyhow::Result<()> {
    let world = World::new(pool).await?;
    let (core, server) = (&world.app.core, world.server);
    let mut rng = StdRng::seed_from_u64(11);
    let mut model = Model::default();
    for id in [world.full, world.empty] {
        model.categories.insert(id, world.says(Place::Category(id)).await?);
    }
    let (mut moved, mut kept, mut refused) = (0, 0, 0);
    for _ in 0..STEPS {
        let categories: Vec<CategoryId> = model.categories.keys().copied().collect();
        let channels: Vec<ChannelId> = model.channels.keys().copied().collect();
        let category_id = categories.choose(&mut rng).copied();
        let sync = if rng.random() { SyncMode::WithCategory } else { SyncMode::Own };
        match (rng.random_range(0..20), category_id, channels.choose(&mut rng).copied()) {
            (0 | 1, None, _) | (0, Some(_), _) if categories.len() < 4 => {
                let made = category(&world.app, &world.ann, server, ViewMode::Public).await?.id;
                model.categories.insert(made, world.says(Place::Category(made)).await?);
            }
            (1, Some(id), _) => {
                let synced = |(of, sync, _): &&(Option<CategoryId>, SyncMode, Rows)| {
                    *of == Some(id) && *sync == SyncMode::WithCategory
                };
                kept += model.channels.values().filter(synced).count();
                category::remove(core, &world.ann, id).await?;
                model.remove(id);
            }
            (2 | 3, Some(id), _) if channels.len() < 5 => {
                let made = channel::create(core, &world.ann, server, inside(id, sync)).await?;
                let rows = world.says(Place::Channel(made.id)).await?;
                model.channels.insert(made.id, (Some(id), sync, rows));
            }
            (4..=11, _, Some(id)) => {
                let info = CategoryInfo {
                    category: match rng.random_range(0..4) {
                        0 => None,
                        1 => Some(None),
                        _ => Some(category_id),
                    },
                    sync_mode: rng.random::<bool>().then_some(sync),
                };
                let was = model.channels.get(&id).map(|(of, sync, _)| (*of, *sync));
                let done = code(channel::set_category(core, &world.ann, id, info).await);
                let expected = model.place(id, info).map_or(Code::PARAMETER, |()| Code::OK);
                assert_eq!(done, expected, "{info:?} of {was:?}");
                moved += usize::from(was != model.channels.get(&id).map(|(of, sync, _)| (*of, *sync)));
                refused += usize::from(done != Code::OK);
            }
            (12..=15, _, Some(id)) => {
                edit(&world, &mut rng, server, Place::Channel(id)).await?;
                let rows = world.says(Place::Channel(id)).await?;
                if let Some((_, _, own)) = model.channels.get_mut(&id) {
                    *own = rows;
                }
            }
            (_, Some(id), _) => {
                edit(&world, &mut rng, server, Place::Category(id)).await?;
                model.categories.insert(id, world.says(Place::Category(id)).await?);
            }
            _ => {}
        }
        model.check(&world).await?;
    }
    assert!(
        moved > 20 && kept > 1 && refused > 1,
        "{moved} moves, {kept} copies by removal, {refused} refusals"
    );
    Ok(())
}
