//! What an operator does in an open channel, as the channel's owner does it.

use rotunda_core::{
    Error,
    media::operator::{Moderation, Sending},
};
use rotunda_model::Accid;
use rotunda_room::{MuteAll, Refusal, Source};

use super::Owner;

/// The accounts it changed something for.
pub(super) fn perform(owner: &mut Owner, act: Moderation) -> Result<Vec<Accid>, Error> {
    let absent = without(&act);
    let now = owner.now();
    let room = &mut owner.room;
    let done = match act {
        Moderation::Switch { accid, sources: asked, on } => room
            .switch_by_system(now, &accid, &sources(&asked), on)
            .map(|changed| if changed { vec![accid] } else { Vec::new() }),
        Moderation::MuteAll { sources: asked, lock } => {
            let mode = if lock { MuteAll::Locked } else { MuteAll::Once };
            room.mute_all_by_system(now, &sources(&asked), mode)
        }
        Moderation::UnmuteAll { sources: asked } => {
            room.mute_all_by_system(now, &sources(&asked), MuteAll::Lifted)
        }
        Moderation::Kick(accid) => room.kick_by_system(now, &accid).map(|()| vec![accid]),
    };
    match done {
        Ok(accids) => Ok(accids),
        Err(Refusal::TargetAbsent) => absent,
        Err(_) => Err(Error::Forbidden(
            "the member has no right to its microphone or camera here; GET /v1/explain says why",
        )),
    }
}

/// What it comes to when the member, or everybody, is not there.
pub(super) fn without(act: &Moderation) -> Result<Vec<Accid>, Error> {
    match act {
        Moderation::Switch { .. } | Moderation::Kick(_) => Err(Error::NotFound(
            "member in the channel; GET /v1/channels/{channel}/members says who is there",
        )),
        Moderation::MuteAll { .. } => Err(Error::NotFound(
            "call: nobody is in the channel, and mute-all lasts as long as a call; ask again when somebody is there",
        )),
        // As asked for: nothing binds who comes.
        Moderation::UnmuteAll { .. } => Ok(Vec::new()),
    }
}

fn sources(asked: &[Sending]) -> Vec<Source> {
    let source = |sending: &Sending| match sending {
        Sending::Audio => Source::Microphone,
        Sending::Video => Source::Camera,
    };
    asked.iter().map(source).collect()
}
