//! App keys and secrets, kept for a moment: a backend calls many times a second.

use std::{collections::HashMap, sync::Arc};

use parking_lot::RwLock;
use rotunda_core::{Core, Error, account};
use rotunda_model::{App, Millis};
use zeroize::Zeroizing;

/// How long a secret is believed, in milliseconds. Longer lets a replaced one sign for longer, shorter reads more often.
const BELIEVED_MS: i64 = 5_000;

/// The secrets that sign, the present one first.
type Known = (App, Arc<Vec<Zeroizing<String>>>);

/// By app key. Only apps that exist are kept, so strangers cannot make it grow.
#[derive(Default)]
pub struct Apps(RwLock<HashMap<String, (Millis, Known)>>);

impl Apps {
    /// `None`: no such app.
    pub async fn find(&self, core: &Core, key: &str) -> Result<Option<Known>, Error> {
        let now = core.env().now();
        if let Some((at, known)) = self.0.read().get(key)
            && (0..BELIEVED_MS).contains(&(now.get() - at.get()))
        {
            return Ok(Some(known.clone()));
        }
        let Some((app, secrets)) = account::app_with_secrets(core, key).await? else {
            self.0.write().remove(key);
            return Ok(None);
        };
        let known = (app, Arc::new(secrets));
        self.0.write().insert(key.to_owned(), (now, known.clone()));
        Ok(Some(known))
    }
}
