//! Properties of the room and of its members.

use rotunda_model::{Accid, Millis, Right};
use serde_json::{Value, json};

use crate::{MuteAll, Output, Persist, Refusal, Room, SeatId, Source, Table, push::Cmd};

/// Longest property text, in bytes. The modes of mute-all need 40; custom member properties a little JSON.
pub const MAX_PROPERTY_VALUE: usize = 2_048;

/// Longest key of a member property, in bytes.
const MAX_PROPERTY_KEY: usize = 64;

/// Most properties of one member; each is repeated in every snapshot.
const MAX_MEMBER_PROPERTIES: usize = 32;

/// Longest text of a room property: mode, underscore, milliseconds.
const MAX_MODE: usize = 64;

/// How often a text may be wrapped in `{"value": …}`: vendor kits from 1.13 on wrap it a second time.
const MAX_WRAPS: usize = 3;

/// The room properties that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RoomProperty {
    AudioOff,
    VideoOff,
}

impl RoomProperty {
    pub fn from_key(key: &str) -> Option<Self> {
        match key {
            "audioOff" => Some(Self::AudioOff),
            "videoOff" => Some(Self::VideoOff),
            _ => None,
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::AudioOff => "audioOff",
            Self::VideoOff => "videoOff",
        }
    }

    const fn source(self) -> Source {
        match self {
            Self::AudioOff => Source::Microphone,
            Self::VideoOff => Source::Camera,
        }
    }

    /// Screens know no mute-all.
    pub const fn of(source: Source) -> Option<Self> {
        match source {
            Source::Microphone => Some(Self::AudioOff),
            Source::Camera => Some(Self::VideoOff),
            Source::Screen => None,
        }
    }

    const fn right(self) -> Right {
        match self {
            Self::AudioOff => Right::RTC_EVERYONE_MICROPHONE,
            Self::VideoOff => Right::RTC_EVERYONE_CAMERA,
        }
    }
}

/// Mode of a mute-all property: the part of its text before the underscore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lock {
    /// Everybody off, and only holders of 21 / 22 may switch on.
    NoSelfOn,
    /// Everybody off once; nothing binds.
    SelfOn,
    Disabled,
}

impl Lock {
    pub fn of(value: &str) -> Option<Self> {
        match value.split('_').next() {
            Some("offNotAllowSelfOn") => Some(Self::NoSelfOn),
            Some("offAllowSelfOn") => Some(Self::SelfOn),
            Some("disable") => Some(Self::Disabled),
            _ => None,
        }
    }

    const fn mode(self) -> &'static str {
        match self {
            Self::NoSelfOn => "offNotAllowSelfOn",
            Self::SelfOn => "offAllowSelfOn",
            Self::Disabled => "disable",
        }
    }
}

/// Unwraps a property text that is itself the JSON text of `{"value": text}`.
pub fn unwrap_text(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..MAX_WRAPS {
        let Ok(Value::Object(object)) = serde_json::from_str(&text) else { break };
        match object.get("value") {
            Some(Value::String(inner)) if object.len() == 1 => text.clone_from(inner),
            _ => break,
        }
    }
    text
}

impl Room {
    /// `{key: {"value": text}}` of all room properties.
    pub fn room_properties(&self) -> Value {
        let map =
            self.properties.iter().map(|(key, value)| (key.key().to_owned(), json!({ "value": value })));
        Value::Object(map.collect())
    }

    /// Writes `audioOff` (right 21) or `videoOff` (right 22); nobody may write another key.
    ///
    /// The same text again is a repeat; the same mode with a new time is a change. Muting switches off the source of
    /// everybody without the right, each with its own push, after the push of the property.
    pub fn set_room_property(
        &mut self,
        now: Millis,
        actor: SeatId,
        key: &str,
        text: &str,
    ) -> Result<(), Refusal> {
        let property = self.may_write(actor, key)?;
        let text = unwrap_text(text);
        if text.len() > MAX_MODE {
            return Err(Refusal::Unusable("a mute-all text is longer than 64 bytes"));
        }
        let lock = Lock::of(&text).ok_or(Refusal::Unusable("no known mute-all mode"))?;
        if self.properties.get(&property) == Some(&text) {
            return Ok(());
        }
        let operator = self.account_of(actor).cloned();
        self.write_room_property(now, property, lock, text, operator.as_ref());
        Ok(())
    }

    /// Mute-all and its inverse by the system, all of them or none; the accounts that were switched off.
    ///
    /// As when a member writes the property: holders of 21 (22) are exempt. There must be somebody to mute.
    pub fn mute_all_by_system(
        &mut self,
        now: Millis,
        sources: &[Source],
        mode: MuteAll,
    ) -> Result<Vec<Accid>, Refusal> {
        if mode != MuteAll::Lifted && self.seats.is_empty() {
            return Err(Refusal::TargetAbsent);
        }
        let lock = mode.lock();
        let mut muted = Vec::new();
        for property in sources.iter().copied().filter_map(RoomProperty::of) {
            let known = self.properties.get(&property).and_then(|text| Lock::of(text));
            // Nothing to lift.
            if lock == Lock::Disabled && matches!(known, None | Some(Lock::Disabled)) {
                continue;
            }
            let text = format!("{}_{}", lock.mode(), now.get());
            muted.extend(self.write_room_property(now, property, lock, text, None));
        }
        let mut accids: Vec<Accid> =
            muted.into_iter().filter_map(|id| self.account_of(id).cloned()).collect();
        accids.sort_unstable();
        accids.dedup();
        Ok(accids)
    }

    /// Whose source went off.
    fn write_room_property(
        &mut self,
        now: Millis,
        property: RoomProperty,
        lock: Lock,
        text: String,
        operator: Option<&Accid>,
    ) -> Vec<SeatId> {
        self.properties.insert(property, text.clone());
        let muted: Vec<SeatId> = self
            .seats
            .iter()
            .filter(|seat| lock != Lock::Disabled && seat.source(property.source()).on)
            .filter(|seat| !seat.rights.has(property.right()))
            .map(|seat| seat.id)
            .collect();
        // The table first, for everybody; telling them takes its time.
        for &seat in &muted {
            self.cut(seat, property.source());
        }
        let value = Some(text.clone());
        self.outputs.push(Output::Persist(Persist::Property { key: property.key(), value }));
        let data = json!({ "properties": { property.key(): { "value": text } } });
        match operator {
            Some(_) => self.push(now, self.everyone(), Cmd::RoomProperty, operator, data),
            None => self.push_by_system(now, Cmd::RoomProperty, data),
        }
        for &seat in &muted {
            self.tell_off(now, seat, property.source(), operator);
        }
        muted
    }

    /// Deleting a property lifts its lock.
    pub fn delete_room_property(&mut self, now: Millis, actor: SeatId, key: &str) -> Result<(), Refusal> {
        let property = self.may_write(actor, key)?;
        if self.properties.remove(&property).is_none() {
            return Ok(());
        }
        self.outputs.push(Output::Persist(Persist::Property { key: property.key(), value: None }));
        let operator = self.account_of(actor).cloned();
        self.push(
            now,
            self.everyone(),
            Cmd::RoomPropertyDeleted,
            operator.as_ref(),
            json!({ "key": property.key() }),
        );
        Ok(())
    }

    fn may_write(&self, actor: SeatId, key: &str) -> Result<RoomProperty, Refusal> {
        let seat = self.seat(actor).ok_or(Refusal::NoSeat)?;
        let property = RoomProperty::from_key(key).ok_or(Refusal::Forbidden)?;
        if seat.rights.has(property.right()) { Ok(property) } else { Err(Refusal::Forbidden) }
    }

    /// A member writes its own properties only. `states` belongs to the server.
    pub fn set_member_property(
        &mut self,
        now: Millis,
        actor: SeatId,
        target: &Accid,
        key: &str,
        text: &str,
    ) -> Result<(), Refusal> {
        self.may_write_member(actor, target, key)?;
        let text = unwrap_text(text);
        if text.len() > MAX_PROPERTY_VALUE {
            return Err(Refusal::Unusable("a member property is longer than 2048 bytes"));
        }
        let Some(seat) = self.seat_mut(actor) else { return Err(Refusal::NoSeat) };
        let value = json!({ "value": text });
        if seat.properties.get(key) == Some(&value) {
            return Ok(());
        }
        if seat.properties.len() >= MAX_MEMBER_PROPERTIES && !seat.properties.contains_key(key) {
            return Err(Refusal::Unusable("a member has at most 32 properties"));
        }
        seat.properties.insert(key.to_owned(), value.clone());
        let data = json!({ "member": { "userUuid": target }, "properties": { key: value } });
        self.push(now, self.everyone(), Cmd::MemberProperty, Some(target), data);
        Ok(())
    }

    pub fn delete_member_property(
        &mut self,
        now: Millis,
        actor: SeatId,
        target: &Accid,
        key: &str,
    ) -> Result<(), Refusal> {
        self.may_write_member(actor, target, key)?;
        let Some(seat) = self.seat_mut(actor) else { return Err(Refusal::NoSeat) };
        if seat.properties.remove(key).is_some() {
            let data = json!({ "member": { "userUuid": target }, "key": key });
            self.push(now, self.everyone(), Cmd::MemberPropertyDeleted, Some(target), data);
        }
        Ok(())
    }

    fn may_write_member(&self, actor: SeatId, target: &Accid, key: &str) -> Result<(), Refusal> {
        let seat = self.seat(actor).ok_or(Refusal::NoSeat)?;
        self.seat_of(target).ok_or(Refusal::TargetAbsent)?;
        if seat.accid != *target || key == "states" {
            return Err(Refusal::Forbidden);
        }
        if key.is_empty() || key.len() > MAX_PROPERTY_KEY {
            return Err(Refusal::Unusable("a property key has 1 to 64 bytes"));
        }
        Ok(())
    }

    /// Stops forwarding a source without telling anybody yet.
    pub(crate) fn cut(&mut self, id: SeatId, source: Source) {
        let Some(seat) = self.seat_mut(id) else { return };
        let state = seat.source_mut(source);
        let before: Vec<_> = state.producers.iter().filter(|p| state.forwards(p)).map(|p| p.id).collect();
        state.on = false;
        for producer in before {
            self.table.push(Table::Forward { producer, on: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_wrapped_twice_is_unwrapped() {
        let plain = "offNotAllowSelfOn_1700000000000";
        let once = json!({ "value": plain }).to_string();
        let twice = json!({ "value": once }).to_string();
        for text in [plain, &once, &twice] {
            assert_eq!(unwrap_text(text), plain);
        }
        assert_eq!(unwrap_text(r#"{"value":1}"#), r#"{"value":1}"#);
        assert_eq!(unwrap_text(r#"{"value":"a","b":1}"#), r#"{"value":"a","b":1}"#);
    }
}
