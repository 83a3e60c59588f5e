//! One change below a server: row lock, transaction, outbox, and what follows the commit.

mod flips;
mod standings;

use std::{collections::BTreeMap, sync::Arc};

use rotunda_model::{
    Accid, ChannelId, Millis, RequestId, ServerId, UserKey,
    notification::{Audience, Fact, Notification},
    server::Server,
};
use rotunda_permissions::Snapshot;
use rotunda_store::{StoreError, Tx, server::Locked};

use crate::{
    Actor, Core, Error, Membership, rules,
    seats::{self, Seated},
};

pub(crate) use standings::Standing;

/// Dropped without [`Change::commit`] it leaves nothing behind.
pub(crate) struct Change {
    pub core: Core,
    pub actor: Actor,
    pub tx: Tx,
    /// The server as it will be: counts follow what the change does.
    pub locked: Locked,
    /// Rules before the change.
    pub before: Arc<Snapshot>,
    /// Rules as this change left them so far; `None` while it touched none.
    after: Option<Arc<Snapshot>>,
    now: Millis,
    notifications: Vec<Notification>,
    /// Accounts whose membership or roles it alters, as they stood before.
    touched: BTreeMap<Accid, Standing>,
    joined: Vec<Accid>,
    left: Vec<Accid>,
    closed: Vec<ChannelId>,
    gone: bool,
}

impl Change {
    /// Locks the server until commit or drop. Errors: 404 no such server in the actor's app.
    pub(crate) async fn begin(core: &Core, actor: &Actor, server: ServerId) -> Result<Self, Error> {
        let mut tx = core.store().begin().await?;
        let locked = rotunda_store::server::lock(&mut tx, actor.user.app, server).await?;
        let locked = locked.ok_or(Error::NotFound("server"))?;
        // Before anything is taken from memory: another process may have written.
        core.rules().slot(server).marks.observed(locked.server.version - 1);
        let before = match core.rules().cached(server) {
            Some(cached) if cached.version + 1 == locked.server.version => cached,
            _ => {
                let rules = rotunda_store::rules::load(&mut tx, server).await?;
                Arc::new(rules::build(rules.ok_or(Error::NotFound("server"))?)?)
            }
        };
        Ok(Self::over(core, actor, tx, locked, before))
    }

    /// Over a server made in this very transaction, which nobody else can see yet.
    pub(crate) fn over(core: &Core, actor: &Actor, tx: Tx, locked: Locked, before: Arc<Snapshot>) -> Self {
        Self {
            core: core.clone(),
            actor: actor.clone(),
            tx,
            locked,
            before,
            after: None,
            now: core.env().now(),
            notifications: Vec::new(),
            touched: BTreeMap::new(),
            joined: Vec::new(),
            left: Vec::new(),
            closed: Vec::new(),
            gone: false,
        }
    }

    pub(crate) fn server(&self) -> ServerId {
        self.locked.server.id
    }

    pub(crate) fn entity(&self) -> Server {
        self.locked.server.clone()
    }

    /// The wall clock at the beginning: for expiry.
    pub(crate) const fn now(&self) -> Millis {
        self.now
    }

    /// A creation time of its own: now, or just after the last one given out below this server.
    pub(crate) fn tick(&mut self) -> Millis {
        self.ticks(1)
    }

    /// The first of `count` creation times in a row.
    pub(crate) fn ticks(&mut self, count: usize) -> Millis {
        let first = self.now.max(self.locked.last_time.plus(1));
        self.locked.last_time = first.plus(i64::try_from(count).unwrap_or(i64::MAX).max(1) - 1);
        first
    }

    /// Reads the rules again: call once the change has written all of them.
    pub(crate) async fn reload(&mut self) -> Result<(), Error> {
        let rules = rotunda_store::rules::load(&mut self.tx, self.locked.server.id).await?;
        self.after = Some(Arc::new(rules::build(rules.ok_or(Error::NotFound("server"))?)?));
        Ok(())
    }

    /// Accounts whose membership or roles this change alters, as they stood before it wrote anything.
    pub(crate) fn touch(&mut self, before: &[Standing]) {
        for standing in before {
            self.touched.entry(standing.accid.clone()).or_insert_with(|| standing.clone());
        }
    }

    /// An outsider became a member.
    pub(crate) fn joined(&mut self, accid: &Accid) {
        self.touch(&[Standing::new(accid.clone(), None)]);
        self.joined.push(accid.clone());
    }

    /// A member, as it stood before, is none any more.
    pub(crate) fn left(&mut self, before: &Standing) {
        self.touch(std::slice::from_ref(before));
        self.left.push(before.accid.clone());
    }

    pub(crate) fn closed(&mut self, channel: ChannelId) {
        self.closed.push(channel);
    }

    /// The server is deleted: every channel closes, and the rules are forgotten for good.
    pub(crate) fn gone(&mut self) {
        self.gone = true;
    }

    pub(crate) fn notify(&mut self, audience: Audience, fact: Fact) {
        self.notify_about(None, audience, fact);
    }

    /// Facts that are stored get their id here, so one notification names one receiver.
    pub(crate) fn notify_about(&mut self, channel: Option<ChannelId>, audience: Audience, fact: Fact) {
        let notification = self.notification(channel, audience, fact);
        self.notifications.push(notification);
    }

    fn notification(&self, channel: Option<ChannelId>, audience: Audience, fact: Fact) -> Notification {
        Notification {
            app: self.locked.server.app,
            fact,
            server: Some(self.server()),
            channel,
            audience,
            from: self.actor.user.accid.clone(),
            from_device: Some(self.actor.device.clone()),
            from_client_type: self.actor.client_type,
            from_nick: self.actor.nick.clone(),
            time: self.now,
            stored_id: 0,
        }
    }

    /// 32 to the account that entered.
    pub(crate) fn notify_entered(&mut self, accid: &Accid) {
        let fact = Fact::ServerEnterLeave { entered: true, server: Some(self.entity()) };
        self.notify(Audience::ServerAccounts(vec![accid.clone()]), fact);
    }

    /// 32 to the account that left.
    pub(crate) fn notify_left(&mut self, accid: &Accid) {
        let fact = Fact::ServerEnterLeave { entered: false, server: None };
        self.notify(Audience::ServerAccounts(vec![accid.clone()]), fact);
    }

    /// Writes counts, outbox and stored notifications, commits, and then, in this order: rules, index, seats,
    /// dispatcher. In a task of its own: a caller that goes away cannot stop it between commit and consequences.
    pub(crate) async fn commit(self) -> Result<(), Error> {
        let done = tokio::spawn(self.finish()).await;
        done.map_err(|_| Error::Internal("a commit was cut short"))?
    }

    async fn finish(mut self) -> Result<(), Error> {
        self.notify_flips().await?;
        self.write_notifications().await?;
        if !self.gone {
            rotunda_store::server::settle(&mut self.tx, &self.locked).await?;
        }
        let server = self.server();
        let app = self.locked.server.app;
        let seated = self.seated().await?;
        let version = self.locked.server.version;
        let slot = self.core.rules().slot(server);
        let mut touched: Vec<Accid> = self.touched.keys().cloned().collect();
        if let Some(hub) = self.core.hub().filter(|_| self.gone) {
            touched.extend(hub.online_members(app, server));
        }
        let touched: Vec<UserKey> = touched.into_iter().map(|accid| UserKey { app, accid }).collect();
        let anybody = self.touches_anybody();
        self.core.memberships().changing(&slot.marks, server, version, touched.iter(), anybody);
        if let Err(error) = self.tx.commit().await {
            // Whether it happened is unknown: what is cached may be old now, and so may rights of those seated.
            slot.marks.doubt(version);
            tokio::spawn(seats::judge_by_storage(self.core.clone(), app, server));
            return Err(StoreError::from(error).into());
        }
        let mut snapshot = Snapshot::clone(self.after.as_ref().unwrap_or(&self.before));
        snapshot.version = self.locked.server.version;
        let snapshot = Arc::new(snapshot);
        if self.gone {
            self.core.rules().put_gone(server);
        } else {
            self.core.rules().put_live(app, Arc::clone(&snapshot));
        }
        let key = |accid: &Accid| UserKey { app, accid: accid.clone() };
        let crossed: Vec<UserKey> = self.joined.iter().chain(&self.left).map(key).collect();
        if let Some(hub) = self.core.hub() {
            let small = self.locked.server.member_count < rotunda_model::server::SUBSCRIPTION_THRESHOLD;
            for accid in self.joined {
                hub.joined(&UserKey { app, accid }, Membership { server, hears: small });
            }
            for accid in &self.left {
                hub.left(&UserKey { app, accid: accid.clone() }, server);
            }
        }
        self.core.visitors().settle(server, &crossed, self.gone);
        if let Some(rooms) = self.core.rooms() {
            for channel in &self.closed {
                rooms.close(*channel);
            }
            if !self.gone {
                seats::judge(rooms.as_ref(), app, &snapshot, &seated, &self.closed);
                if seats::missed(rooms.as_ref(), server, &seated) {
                    seats::judge_by_storage(self.core.clone(), app, server).await;
                }
            }
        }
        self.core.outbox_signal().notify_one();
        Ok(())
    }

    /// Who sits in the server's channels, and how they will stand.
    async fn seated(&mut self) -> Result<Seated, Error> {
        let server = self.server();
        let mut seated = Seated::read(&self.core, &mut self.tx, server).await?;
        let (touched, others): (Vec<Accid>, Vec<Accid>) =
            seated.accids().into_iter().partition(|accid| self.touched.contains_key(accid));
        let mut standings = self.standings(&touched).await?;
        standings.extend(self.unaltered(&others).await?);
        seated.stand(standings);
        Ok(seated)
    }

    async fn write_notifications(&mut self) -> Result<(), Error> {
        for notification in self.notifications.iter_mut().filter(|n| n.fact.is_stored()) {
            let Audience::ServerAccounts(accids) = &notification.audience else { continue };
            let [accid] = accids.as_slice() else { continue };
            let accid = accid.clone();
            notification.stored_id = self.core.next_id::<RequestId>()?.get();
            rotunda_store::outbox::store(&mut self.tx, &accid, notification).await?;
        }
        let first = self.locked.outbox_seq + 1;
        self.locked.outbox_seq += i64::try_from(self.notifications.len()).unwrap_or(i64::MAX);
        let server = self.server();
        rotunda_store::outbox::append(&mut *self.tx, server, first, self.now, &self.notifications).await?;
        Ok(())
    }
}
