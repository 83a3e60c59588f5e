//! Rights that change under way, members who act on others, and the system that acts on members.

use rotunda_model::{Accid, Millis, Right, RightSet};

use crate::{EndReason, LeaveType, Refusal, Room, SeatId, Source, property::Lock};

/// What mute-all by the system is to be; see [`Room::mute_all_by_system`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MuteAll {
    /// Off, and only holders of 21 (22) switch on.
    Locked,
    /// Off once; everybody may switch on again.
    Once,
    /// Nothing binds any more; nobody is switched on.
    Lifted,
}

impl MuteAll {
    pub(crate) const fn lock(self) -> Lock {
        match self {
            Self::Locked => Lock::NoSelfOn,
            Self::Once => Lock::SelfOn,
            Self::Lifted => Lock::Disabled,
        }
    }
}

impl Room {
    /// New rights of a seated member, from snapshot `version`. An older version than the one in force is ignored.
    ///
    /// A source whose right is lost is cut; the operator is the member itself. Under mute-all that goes for the right
    /// that exempts from it as well. Losing rights over others changes nothing that was done with them.
    pub fn set_rights(&mut self, now: Millis, accid: &Accid, rights: RightSet, version: i64) {
        let Some(seat) = self.seats.iter().find(|seat| seat.accid == *accid) else { return };
        if version < seat.version {
            return;
        }
        let exemption_lost = |source: Source| {
            let lost = |right| seat.rights.has(right) && !rights.has(right);
            self.locks(source) && source.everyone_right().is_some_and(lost)
        };
        let id = seat.id;
        let lost: Vec<Source> = Source::ALL
            .into_iter()
            .filter(|&source| seat.source(source).on)
            .filter(|&source| !rights.has(source.own_right()) || exemption_lost(source))
            .collect();
        if let Some(seat) = self.seat_mut(id) {
            seat.version = version;
            seat.rights = rights;
        }
        for &source in &lost {
            self.cut(id, source);
        }
        for source in lost {
            self.tell_off(now, id, source, None);
        }
    }

    /// Removes another member (right 16). The owner of the server cannot be removed.
    pub fn kick(&mut self, now: Millis, actor: SeatId, target: &Accid) -> Result<(), Refusal> {
        let actor = self.seat(actor).ok_or(Refusal::NoSeat)?;
        let operator = actor.accid.clone();
        let target = self.seats.iter().find(|seat| seat.accid == *target).ok_or(Refusal::TargetAbsent)?;
        if !actor.rights.has(Right::RTC_DISCONNECT_OTHER) || (target.is_owner && !actor.is_owner) {
            return Err(Refusal::Forbidden);
        }
        let target = target.id;
        self.remove(now, target, LeaveType::AdminKick, EndReason::Kicked, Some(&operator));
        Ok(())
    }

    /// The system switches sources of one member, all of them or none; whether that changed anything.
    ///
    /// No right over others is asked for, and no lock of mute-all binds. But nothing is on without the member's own
    /// right to it, and nobody's screen is opened for them. The operator is the member itself, because clients drop
    /// operators they do not know.
    pub fn switch_by_system(
        &mut self,
        now: Millis,
        target: &Accid,
        sources: &[Source],
        on: bool,
    ) -> Result<bool, Refusal> {
        let seat = self.seats.iter().find(|seat| seat.accid == *target).ok_or(Refusal::TargetAbsent)?;
        let may_be_on = |source: &Source| *source != Source::Screen && seat.rights.has(source.own_right());
        if on && !sources.iter().all(may_be_on) {
            return Err(Refusal::Forbidden);
        }
        let id = seat.id;
        let changes = sources.iter().any(|source| seat.source(*source).on != on);
        for &source in sources {
            if on {
                self.switch_on(now, id, source, None);
            } else {
                self.switch_off(now, id, source, None);
                self.set_moderator_off(id, source, true);
            }
        }
        Ok(changes)
    }

    /// The system removes a member, the owner of the server too; it may come again.
    pub fn kick_by_system(&mut self, now: Millis, target: &Accid) -> Result<(), Refusal> {
        let target = self.seat_of(target).ok_or(Refusal::TargetAbsent)?;
        self.remove(now, target, LeaveType::AdminKick, EndReason::Kicked, None);
        Ok(())
    }

    /// Ends the room for everybody, as whoever may delete the channel (right 2) may.
    pub fn close_by_member(&mut self, now: Millis, actor: SeatId) -> Result<(), Refusal> {
        let seat = self.seat(actor).ok_or(Refusal::NoSeat)?;
        if !seat.rights.has(Right::MANAGE_CHANNEL) {
            return Err(Refusal::Forbidden);
        }
        let operator = seat.accid.clone();
        self.close(now, "CLOSE_BY_MEMBER", Some(&operator));
        Ok(())
    }
}
