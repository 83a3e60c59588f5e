//! Leaving a category's template.

use rotunda_model::{ChannelId, SyncMode};

use crate::{CategoryRules, ChannelRules, Snapshot};

impl Snapshot {
    /// Takes a channel out of sync. It stays in its category, and keeps a copy of the category's view mode, lists and
    /// layer in place of its own: nobody gains or loses anything by it. False when the channel was in sync with no
    /// category.
    pub fn leave_sync(&mut self, channel: ChannelId) -> bool {
        let template = self.channel(channel).filter(|rules| rules.sync == SyncMode::WithCategory);
        let template = template.and_then(|rules| self.category(rules.category?)).cloned();
        let (Some(template), Some(rules)) = (template, self.channel_mut(channel)) else { return false };
        rules.keep(&template);
        true
    }
}

impl ChannelRules {
    /// Out of sync, with what the template says.
    pub(crate) fn keep(&mut self, template: &CategoryRules) {
        self.sync = SyncMode::Own;
        self.layer = template.layer.clone();
        self.lists = template.lists.clone();
    }
}
