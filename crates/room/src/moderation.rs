//! Rights that change under way, and members who act on others.

use rotunda_model::{Accid, Millis, Right, RightSet};

use crate::{EndReason, LeaveType, Refusal, Room, SeatId, Source};

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
