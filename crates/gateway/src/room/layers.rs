//! Which layers of a video anybody takes: its publisher is told, when it is our own kit. Engines do not know this
//! notification and send all.

use rotunda_room::SeatId;
use rotunda_sfu::ProducerId;
use serde_json::{Value, json};

use super::Owner;

/// `externData.type` of the notification.
const USER_DATA: &str = "LayersWanted";

/// `layers` from the lowest are taken.
fn message(producer: ProducerId, layers: u8) -> Value {
    json!({ "externData": { "type": USER_DATA, "data": { "producerId": producer.to_string(), "layers": layers } } })
}

impl Owner {
    /// The media worker's word on a producer of this seat.
    pub(super) fn tell_layers(&mut self, seat: SeatId, producer: ProducerId, layers: u8) {
        let socket = self.room.socket_of(seat);
        if socket.is_some_and(|socket| self.quality.has(socket)) {
            self.notify(seat, "OnUserData", message(producer, layers));
        }
    }
}
