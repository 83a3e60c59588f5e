//! Notifications: outbox, dispatch, storage for those who are not online.

use std::{future::Future, sync::Arc};

use rotunda_model::{UserKey, notification::Notification};

use crate::{Core, Error};

/// Stored notifications of an account, oldest first: for 24_24 after 24_19.
pub async fn stored(core: &Core, user: &UserKey) -> Result<Vec<Arc<Notification>>, Error> {
    let _ = (core, user);
    todo!()
}

/// Forgets stored notifications up to and including `stored_id`, once they were handed to a session.
pub async fn acknowledge(core: &Core, user: &UserKey, stored_id: i64) -> Result<(), Error> {
    let _ = (core, user, stored_id);
    todo!()
}

/// Delivers outbox rows until `shutdown` is ready. One task per process.
pub async fn run_dispatcher(core: Core, shutdown: impl Future<Output = ()> + Send) {
    let _ = (core, shutdown);
    todo!()
}
