//! Transport-wide feedback, to publishers.

use std::time::Instant;

use super::Worker;
use crate::batch::Sender;

impl Worker {
    /// Sends a publisher what is due, or arms for it.
    pub(super) fn send_transport_feedback(&mut self, now: Instant, index: usize, sender: &mut Sender<'_>) {
        let uplink = self.transports.get_mut(index).and_then(|transport| transport.uplink.take());
        let Some(mut uplink) = uplink else { return };
        match uplink.due() {
            Some(due) if due > now => self.arm(index, due),
            Some(_) => {
                // Each covers at least one packet of a window that holds few.
                while let Some((ssrc, body)) = uplink.next_feedback() {
                    self.counters.feedback_sent += 1;
                    self.send_compound(index, sender, |writer| {
                        writer.put_receiver_report(&[]);
                        writer.put_transport_feedback(ssrc, body.bytes());
                    });
                }
            }
            None => {}
        }
        if let Some(transport) = self.transports.get_mut(index) {
            transport.uplink = Some(uplink);
        }
    }
}
