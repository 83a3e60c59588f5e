//! Rights an app defines for itself (自定义权限项): numbers from 10000 on, which roles and overrides may then name.
//!
//! An operator defines them; what a role says about a right that is defined no longer stays stored, and counts again
//! if the right is defined again.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use parking_lot::RwLock;
use rotunda_model::{AppId, Millis, Right};
use rotunda_store::custom_right as store;
pub use rotunda_store::custom_right::CustomRight;

use crate::{Core, Error, text};

/// Custom rights of one app. A role may name them all, so more would make its rules and every snapshot larger.
const RIGHTS_MAX: u32 = 100;

/// How long a set is believed, in milliseconds: the command line defines and removes rights in a process of its own.
/// Longer lets a removed right be set for longer; shorter reads more often.
const BELIEVED_MS: i64 = 5_000;

/// Defines one.
///
/// Errors: 414 below 10000 or above 2^31 − 1; 417 defined already; 419 too many; 405 the name is too long.
pub async fn define(core: &Core, app: AppId, id: u32, name: &str) -> Result<CustomRight, Error> {
    text::name("name of a right", name)?;
    let right = custom(id)?;
    let mut tx = core.store().begin().await?;
    if !rotunda_store::account::lock_app(&mut tx, app).await? {
        return Err(Error::NotFound("app"));
    }
    let defined = store::of_app(&mut *tx, app).await?;
    if defined.iter().any(|known| known.right == right) {
        return Err(Error::Repeated("the right is defined"));
    }
    if defined.len() >= usize::try_from(RIGHTS_MAX).unwrap_or(usize::MAX) {
        return Err(Error::OverLimit { what: "custom rights of an app", max: RIGHTS_MAX });
    }
    let new = CustomRight { right, name: name.to_owned(), created: core.env().now() };
    store::insert(&mut *tx, app, &new).await?;
    tx.commit().await.map_err(rotunda_store::StoreError::from)?;
    read(core, app).await?;
    Ok(new)
}

/// From now on nobody may set or ask for it. Errors: 404 not defined; 414 no number of a custom right.
pub async fn remove(core: &Core, app: AppId, id: u32) -> Result<(), Error> {
    if !store::delete(core.store().pool(), app, custom(id)?).await? {
        return Err(Error::NotFound("right"));
    }
    read(core, app).await?;
    Ok(())
}

/// All of an app, by number.
pub async fn list(core: &Core, app: AppId) -> Result<Vec<CustomRight>, Error> {
    Ok(store::of_app(core.store().pool(), app).await?)
}

/// Requires that each of `rights` is built in or defined by the app. Errors: 414.
pub(crate) async fn defined(
    core: &Core,
    app: AppId,
    rights: impl Iterator<Item = Right>,
) -> Result<(), Error> {
    let asked: BTreeSet<Right> = rights.filter(|right| right.is_custom()).collect();
    if asked.is_empty() {
        return Ok(());
    }
    if let Some(known) = core.custom_rights().fresh(app, core.env().now())
        && asked.is_subset(&known)
    {
        return Ok(());
    }
    if asked.is_subset(&*read(core, app).await?) {
        return Ok(());
    }
    Err(Error::Parameter("the app has not defined this custom right"))
}

/// From storage into memory.
async fn read(core: &Core, app: AppId) -> Result<Arc<BTreeSet<Right>>, Error> {
    // The moment before reading: a set must not be believed for longer than it has been true.
    let at = core.env().now();
    let rights = store::of_app(core.store().pool(), app).await?;
    let rights: Arc<BTreeSet<Right>> = Arc::new(rights.into_iter().map(|known| known.right).collect());
    core.custom_rights().put(app, Read { at, rights: Arc::clone(&rights) });
    Ok(rights)
}

fn custom(id: u32) -> Result<Right, Error> {
    let right = Right::try_from(id).ok().filter(|right| right.is_custom() && i32::try_from(id).is_ok());
    right.ok_or(Error::Parameter("a custom right has a number from 10000 to 2147483647"))
}

/// What an app has defined, as read at a moment.
#[derive(Debug, Clone)]
struct Read {
    at: Millis,
    rights: Arc<BTreeSet<Right>>,
}

/// What each app has defined, as last read.
#[derive(Debug, Default)]
pub(crate) struct CustomRights {
    apps: RwLock<HashMap<AppId, Read>>,
}

impl CustomRights {
    fn fresh(&self, app: AppId, now: Millis) -> Option<Arc<BTreeSet<Right>>> {
        let Read { at, rights } = self.apps.read().get(&app).cloned()?;
        (0..BELIEVED_MS).contains(&(now.get() - at.get())).then_some(rights)
    }

    /// Of two readers that overtake each other the later one stays.
    fn put(&self, app: AppId, read: Read) {
        let mut apps = self.apps.write();
        match apps.get(&app) {
            Some(known) if known.at > read.at => {}
            _ => drop(apps.insert(app, read)),
        }
    }
}
