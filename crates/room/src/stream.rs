//! On and off: the one operation behind `PUT streams`, `Produce`, `Mute` and their opposites.

use rotunda_model::{Accid, Millis};
use serde_json::{Value, json};

use crate::{
    MediaType, Output, Persist, ProducerId, Refusal, Room, SeatId, Source, Table, push::Cmd, seat::Seat,
    source::Producer,
};

/// What became of a `Produce`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Produced {
    /// Whether its packets are forwarded from the start.
    pub forward: bool,
}

impl Room {
    /// Switches a source of `target` on or off, as `actor` asked, whichever door it came through.
    ///
    /// A repeat changes and pushes nothing, but is refused like a first time when the right is missing.
    pub fn set_source(
        &mut self,
        now: Millis,
        actor: SeatId,
        target: &Accid,
        source: Source,
        on: bool,
    ) -> Result<(), Refusal> {
        let target = self.may_switch(actor, target, source, on)?;
        let operator = self.account_of(actor).cloned();
        if on {
            self.switch_on(now, target, source, operator.as_ref());
        } else {
            self.switch_off(now, target, source, operator.as_ref());
            if actor != target {
                self.set_moderator_off(target, source, true);
            }
        }
        Ok(())
    }

    fn may_switch(&self, actor: SeatId, target: &Accid, source: Source, on: bool) -> Result<SeatId, Refusal> {
        let actor = self.seat(actor).ok_or(Refusal::NoSeat)?;
        let target = self.seats.iter().find(|seat| seat.accid == *target).ok_or(Refusal::TargetAbsent)?;
        let own = actor.id == target.id;
        if !own {
            // The owner of the server is untouchable, and nobody's screen can be opened for them.
            let touches_owner = target.is_owner && !actor.is_owner;
            if touches_owner || !actor.rights.has(source.other_right()) || (on && source == Source::Screen) {
                return Err(Refusal::Forbidden);
            }
        }
        if on {
            self.may_be_on(actor, target, source)?;
        }
        Ok(target.id)
    }

    fn may_be_on(&self, actor: &Seat, target: &Seat, source: Source) -> Result<(), Refusal> {
        // Under mute-all only a holder of 21 / 22 opens a source. One that is open binds nobody: a holder opened it, and
        // the member's own "on" (its `Produce`) follows when its device is ready.
        let opened = target.source(source).on;
        let exempt = opened || source.everyone_right().is_none_or(|right| actor.rights.has(right));
        if !target.rights.has(source.own_right()) || (self.locks(source) && !exempt) {
            return Err(Refusal::Forbidden);
        }
        let shared = |seat: &&Seat| seat.id != target.id && seat.source(Source::Screen).on;
        if source == Source::Screen && self.seats.iter().any(|seat| shared(&seat)) {
            return Err(Refusal::SecondSharer);
        }
        Ok(())
    }

    pub(crate) fn switch_on(&mut self, now: Millis, id: SeatId, source: Source, operator: Option<&Accid>) {
        self.set_moderator_off(id, source, false);
        let Some(seat) = self.seat_mut(id) else { return };
        let state = seat.source_mut(source);
        if state.on {
            return;
        }
        state.on = true;
        let forwarded: Vec<_> = state.producers.iter().filter(|p| state.forwards(p)).map(|p| p.id).collect();
        for producer in forwarded {
            self.table.push(Table::Forward { producer, on: true });
        }
        self.tell(now, id, source, true, operator);
    }

    pub(crate) fn switch_off(&mut self, now: Millis, id: SeatId, source: Source, operator: Option<&Accid>) {
        if self.seat(id).is_some_and(|seat| seat.source(source).on) {
            self.cut(id, source);
            self.tell_off(now, id, source, operator);
        }
    }

    /// Tells of a source that [`Room::cut`] has switched off.
    pub(crate) fn tell_off(&mut self, now: Millis, id: SeatId, source: Source, operator: Option<&Accid>) {
        self.tell(now, id, source, false, operator);
    }

    fn tell(&mut self, now: Millis, id: SeatId, source: Source, on: bool, operator: Option<&Accid>) {
        let Some(seat) = self.seat(id) else { return };
        let accid = seat.accid.clone();
        let uid = seat.rtc_uid;
        let producers: Vec<_> =
            seat.source(source).producers.iter().filter(|p| !p.muted).map(|p| p.id).collect();
        let mut data = json!({ "member": { "userUuid": accid } });
        if let Some(data) = data.as_object_mut() {
            if on {
                data.insert("streams".to_owned(), json!({ source.stream(): { "value": 1 } }));
            } else {
                data.insert("streamType".to_owned(), json!(source.stream()));
            }
        }
        let cmd = if on { Cmd::StreamOn } else { Cmd::StreamOff };
        self.push(now, self.everyone(), cmd, Some(operator.unwrap_or(&accid)), data);
        for producer in producers {
            self.notify_mute(id, uid, producer, !on);
        }
    }

    fn notify_mute(&mut self, subject: SeatId, uid: i64, producer: ProducerId, mute: bool) {
        let data = json!({ "producerId": producer.to_string(), "mute": mute });
        let data = json!({ "externData": { "type": "Mute", "cid": self.cid, "uid": uid, "data": data } });
        self.notify_peers(Some(subject), "OnUserData", &data);
    }

    pub(crate) fn set_moderator_off(&mut self, id: SeatId, source: Source, off: bool) {
        let Some(seat) = self.seat_mut(id) else { return };
        let accid = seat.accid.clone();
        let state = seat.source_mut(source);
        if state.moderator_off != off {
            state.moderator_off = off;
            self.outputs.push(Output::Persist(Persist::ModeratorOff { accid, source, off }));
        }
    }

    /// Adds a producer of the member's own. One of the same media type is replaced.
    ///
    /// Not muted, it is also the operation "on" and needs its rights; muted, it needs the right to the source but
    /// waits, and counts as "off". The caller sets up the media plane with the answer before it applies the outputs.
    pub fn produce(
        &mut self,
        now: Millis,
        id: SeatId,
        media: MediaType,
        producer: ProducerId,
        simulcast: bool,
        muted: bool,
    ) -> Result<Produced, Refusal> {
        let source = media.source();
        let seat = self.seat(id).ok_or(Refusal::NoSeat)?;
        if seat.rtc.is_none() {
            return Err(Refusal::Unusable("Produce before Join"));
        }
        if !seat.rights.has(source.own_right()) {
            return Err(Refusal::Forbidden);
        }
        // The sound of a screen follows the picture: it neither opens nor closes the share.
        let follows = media == MediaType::SubAudio;
        let held = seat.undoes_moderator(now, source);
        let accid = seat.accid.clone();
        if !muted && !held && !follows {
            self.may_be_on(seat, seat, source)?;
        }
        let uid = seat.rtc_uid;
        let platform_type = seat.rtc.as_ref().map_or(0, |rtc| rtc.platform_type);
        self.drop_producer(id, media);
        let Some(seat) = self.seat_mut(id) else { return Err(Refusal::NoSeat) };
        let state = seat.source_mut(source);
        state.rebuilt = false;
        let new = Producer { id: producer, media, simulcast, muted: follows && muted };
        let opens = !muted && !held && !follows;
        let closes = muted && !follows;
        let forward = (state.on || opens) && !closes && !new.muted;
        let info = producer_info(uid, &new, !forward);
        if opens {
            self.switch_on(now, id, source, Some(&accid));
        } else if closes {
            self.switch_off(now, id, source, Some(&accid));
        }
        // Only now, so that what was told above did not name a producer nobody has heard of.
        if let Some(seat) = self.seat_mut(id) {
            seat.source_mut(source).producers.push(new);
        }
        let data = json!({ "externData": { "platformType": platform_type, "producerInfo": info } });
        self.notify_peers(Some(id), "OnNewProducer", &data);
        Ok(Produced { forward })
    }

    /// `SendUserData Mute`: on or off through the producer.
    pub fn mute_producer(
        &mut self,
        now: Millis,
        id: SeatId,
        producer: ProducerId,
        mute: bool,
    ) -> Result<(), Refusal> {
        let (media, accid, uid) = self.own_producer(id, producer)?;
        if media != MediaType::SubAudio {
            return self.set_source(now, id, &accid, media.source(), !mute);
        }
        let Some(seat) = self.seat_mut(id) else { return Err(Refusal::NoSeat) };
        let state = seat.source_mut(media.source());
        let on = state.on;
        let Some(found) = state.producers.iter_mut().find(|p| p.id == producer) else { return Ok(()) };
        if std::mem::replace(&mut found.muted, mute) != mute && on {
            self.table.push(Table::Forward { producer, on: !mute });
            self.notify_mute(id, uid, producer, mute);
        }
        Ok(())
    }

    /// `CloseProducer`: the producer goes, and with it its source, except that a screen outlives its sound.
    pub fn close_producer(&mut self, now: Millis, id: SeatId, producer: ProducerId) -> Result<(), Refusal> {
        let (media, accid, _) = self.own_producer(id, producer)?;
        // Off before the producer is gone, or peers would hear of it twice.
        if media != MediaType::SubAudio {
            self.cut_and_remove(now, id, media, &accid);
        } else {
            self.drop_producer(id, media);
        }
        Ok(())
    }

    fn cut_and_remove(&mut self, now: Millis, id: SeatId, media: MediaType, accid: &Accid) {
        let source = media.source();
        let was_on = self.seat(id).is_some_and(|seat| seat.source(source).on);
        self.cut(id, source);
        self.drop_producer(id, media);
        if was_on {
            self.tell_off(now, id, source, Some(accid));
        }
    }

    /// Removes the producer of this media type from table and peers, without touching the switch of its source.
    pub(crate) fn drop_producer(&mut self, id: SeatId, media: MediaType) {
        let Some(seat) = self.seat_mut(id) else { return };
        let uid = seat.rtc_uid;
        let state = seat.source_mut(media.source());
        let Some(index) = state.producers.iter().position(|p| p.media == media) else { return };
        let gone = state.producers.remove(index);
        self.table.push(Table::RemoveProducer(gone.id));
        let data = json!({ "code": 200, "errMsg": "", "externData": closed(uid, self.cid, &gone) });
        self.notify_peers(Some(id), "OnProducerClose", &data);
    }

    /// The transport under these producers is gone while its member stays: they go, the switches stay.
    pub fn transport_gone(&mut self, id: SeatId, producers: &[ProducerId]) {
        for &producer in producers {
            if let Ok((media, ..)) = self.own_producer(id, producer) {
                self.drop_producer(id, media);
            }
        }
    }

    fn own_producer(&self, id: SeatId, producer: ProducerId) -> Result<(MediaType, Accid, i64), Refusal> {
        let seat = self.seat(id).ok_or(Refusal::NoSeat)?;
        let found = seat.sources.iter().flat_map(|state| &state.producers).find(|p| p.id == producer);
        found.map(|p| (p.media, seat.accid.clone(), seat.rtc_uid)).ok_or(Refusal::UnknownProducer)
    }
}

/// `externData` of `OnProducerClose`. Engines (nertc-web-sdk 4.6.50, 5.4.0 and 5.8.34) read the facts from it and, when they
/// are only in `producerInfo`, keep the stream and tell their app nothing; our kit reads `producerInfo`.
fn closed(uid: i64, cid: i64, producer: &Producer) -> Value {
    let (id, media) = (producer.id.to_string(), producer.media.name());
    let info = json!({ "uid": uid, "producerId": id, "mediaType": media, "cid": cid });
    json!({ "uid": uid, "producerId": id, "mediaType": media, "cid": cid, "producerInfo": info })
}

/// `producerInfo` of `OnNewProducer` and of the lists in the answer to `Join`.
pub(crate) fn producer_info(uid: i64, producer: &Producer, mute: bool) -> Value {
    json!({
        "uid": uid,
        "producerId": producer.id.to_string(),
        "mediaType": producer.media.name(),
        "mute": mute,
        "simulcastEnable": producer.simulcast,
    })
}
