//! 31 (channel visibility): to exactly those online members whose sight a change altered, whatever it did.

use std::{collections::BTreeMap, sync::Arc};

use rotunda_model::{
    Accid, ChannelId,
    notification::{Audience, Fact, Notification},
};
use rotunda_permissions::{Concerned, flipped, sight_changes};

use super::{Change, Standing};
use crate::Error;

/// Accounts named by one notification. More make rows of the outbox larger, fewer make more of them.
const ACCOUNTS_MAX: usize = 1_000;

/// Who began (true) or ceased (false) to see which channel.
type Flips = BTreeMap<(ChannelId, bool), Vec<Accid>>;

impl Change {
    /// After the facts that explain them; before a 32 "left", so that a client hears of its channels while it still has
    /// the server. A deleted server takes its channels with it: 32 says so.
    pub(super) async fn notify_flips(&mut self) -> Result<(), Error> {
        if self.gone {
            return Ok(());
        }
        let mut flips = Flips::new();
        self.flips_of_touched(&mut flips).await?;
        self.flips_of_others(&mut flips).await?;
        let told: Vec<Notification> = flips
            .iter()
            .flat_map(|(flip, accids)| accids.chunks(ACCOUNTS_MAX).map(move |some| (*flip, some)))
            .map(|((channel, visible), accids)| {
                let audience = Audience::ChannelAccounts(accids.to_vec());
                self.notification(Some(channel), audience, Fact::ChannelVisibility { visible })
            })
            .collect();
        let leaves = |n: &Notification| matches!(n.fact, Fact::ServerEnterLeave { entered: false, .. });
        let at = self.notifications.iter().position(leaves).unwrap_or(self.notifications.len());
        self.notifications.splice(at..at, told);
        Ok(())
    }

    /// Those whose own standing the change altered: any channel may flip.
    async fn flips_of_touched(&mut self, flips: &mut Flips) -> Result<(), Error> {
        let (old, new) = self.rules();
        if self.touched.is_empty() || (old.channels().next().is_none() && new.channels().next().is_none()) {
            return Ok(());
        }
        let before: Vec<Standing> = self.touched.values().cloned().collect();
        let accids: Vec<Accid> = self.touched.keys().cloned().collect();
        let after = self.standings(&accids).await?;
        for (was, is) in before.iter().zip(&after) {
            for flip in flipped((&old, &was.subject()), (&new, &is.subject())) {
                flips.entry(flip).or_default().push(was.accid.clone());
            }
        }
        Ok(())
    }

    /// All other online members: only where the rules differ, and only those whom that may concern.
    async fn flips_of_others(&mut self, flips: &mut Flips) -> Result<(), Error> {
        let (old, new) = self.rules();
        let changes = match Arc::ptr_eq(&old, &new) {
            true => return Ok(()),
            false => sight_changes(&old, &new),
        };
        if changes.channels.is_empty() {
            return Ok(());
        }
        let mut accids: Vec<Accid> = match changes.concerned {
            Concerned::Accounts(accids) => accids.into_iter().collect(),
            Concerned::Everybody => match self.core.hub() {
                Some(hub) => hub.online_members(self.locked.server.app, self.server()),
                None => Vec::new(),
            },
        };
        accids.retain(|accid| !self.touched.contains_key(accid));
        for standing in self.unaltered(&accids).await? {
            let subject = standing.subject();
            for channel in &changes.channels {
                let was = old.visible(&subject, *channel).unwrap_or(false);
                let is = new.visible(&subject, *channel).unwrap_or(false);
                if was != is {
                    flips.entry((*channel, is)).or_default().push(standing.accid.clone());
                }
            }
        }
        Ok(())
    }

    /// Before and after.
    fn rules(&self) -> (Arc<rotunda_permissions::Snapshot>, Arc<rotunda_permissions::Snapshot>) {
        let after = self.after.as_ref().unwrap_or(&self.before);
        (Arc::clone(&self.before), Arc::clone(after))
    }
}
