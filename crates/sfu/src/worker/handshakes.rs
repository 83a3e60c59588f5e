//! DTLS within a turn: what comes is put aside, and a bounded part of it done when the turn's media has left.

use std::time::Instant;

use super::Worker;
use crate::{
    Event, FailReason, LostReason, SrtpProfile,
    batch::Sender,
    dtls::{Handshake, Outcome},
    handshakes::{PIECES_PER_TURN, Piece},
    srtp::{Role, Srtp},
};

impl Worker {
    /// Puts a datagram of an association aside.
    pub(super) fn receive_dtls(&mut self, index: usize, datagram: &[u8]) {
        if self.transports.get(index).is_none_or(|transport| transport.dtls.is_none()) {
            // Checks have passed, our hello has not left yet: the peer is the server and has nothing to say.
            self.counters.dropped_dtls_unchecked += 1;
        } else if !self.handshakes.push(index, Piece::Datagram(datagram.to_vec())) {
            self.counters.dropped_dtls_waiting += 1;
        }
    }

    /// Has a flight repeated that is due, or arms for it.
    pub(super) fn advance_dtls(&mut self, now: Instant, index: usize) {
        let dtls = self.transports.get(index).and_then(|transport| transport.dtls.as_ref());
        match dtls.and_then(|dtls| dtls.next_wake()) {
            Some(due) if due > now => self.arm(index, due),
            Some(_) => {
                self.handshakes.push(index, Piece::Advance);
            }
            None => {}
        }
    }

    /// Does some of what waits.
    pub(super) fn shake_hands(&mut self, now: Instant, sender: &mut Sender<'_>) {
        if self.handshakes.is_empty() {
            return;
        }
        // What is written shall not wait for a key exchange.
        sender.flush();
        for _ in 0..PIECES_PER_TURN {
            let Some((index, piece)) = self.handshakes.pop() else { return };
            self.counters.handshake_pieces += 1;
            match piece {
                Piece::Start => self.start_dtls(now, index, sender),
                Piece::Datagram(datagram) => {
                    self.with_dtls(now, index, sender, |dtls| dtls.receive(now, &datagram))
                }
                Piece::Advance => self.with_dtls(now, index, sender, |dtls| dtls.advance(now)),
            }
        }
        self.counters.handshakes_put_off += u64::from(!self.handshakes.is_empty());
    }

    fn with_dtls(
        &mut self,
        now: Instant,
        index: usize,
        sender: &mut Sender<'_>,
        work: impl FnOnce(&mut dyn Handshake),
    ) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        let Some(dtls) = transport.dtls.as_mut() else { return };
        work(dtls.as_mut());
        self.drive_dtls(now, index, sender);
    }

    fn start_dtls(&mut self, now: Instant, index: usize, sender: &mut Sender<'_>) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        if transport.dtls.is_some() {
            return;
        }
        match self.identity.connect(now, transport.offer, &transport.fingerprints) {
            Ok(handshake) => {
                transport.dtls = Some(handshake);
                self.drive_dtls(now, index, sender);
            }
            Err(error) => {
                tracing::error!(%error, "DTLS could not be started");
                let event = Event::TransportFailed { id: transport.id, reason: FailReason::Dtls };
                self.counters.handshakes_failed += 1;
                self.end_transport(now, index, event);
            }
        }
    }

    /// Sends what the handshake has to send and takes what came of it.
    fn drive_dtls(&mut self, now: Instant, index: usize, sender: &mut Sender<'_>) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        let Some(handshake) = transport.dtls.as_mut() else { return };
        while let Some(datagram) = handshake.next_datagram() {
            if let Some(to) = transport.remote {
                sender.bytes(to, &datagram);
            }
        }
        let (outcome, wake, id) = (handshake.next_outcome(), handshake.next_wake(), transport.id);
        if let Some(wake) = wake {
            self.arm(index, wake);
        }
        match outcome {
            None => {}
            Some(Outcome::Keys(profile, material)) => match Srtp::new(profile, Role::Client, &material) {
                Ok(srtp) => self.connected(now, index, profile, srtp),
                Err(error) => {
                    tracing::error!(%error, "exported keys do not fit");
                    self.counters.handshakes_failed += 1;
                    self.end_transport(now, index, Event::TransportFailed { id, reason: FailReason::Dtls });
                }
            },
            Some(Outcome::Failed(reason)) => {
                self.counters.handshakes_failed += 1;
                self.end_transport(now, index, Event::TransportFailed { id, reason });
            }
            Some(Outcome::Closed) => {
                self.end_transport(now, index, Event::TransportLost { id, reason: LostReason::Closed });
            }
        }
    }

    fn connected(&mut self, now: Instant, index: usize, profile: SrtpProfile, srtp: Srtp) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        (transport.srtp, transport.profile) = (Some(srtp), Some(profile));
        transport.next_report = Some(now + super::report::INTERVAL);
        let consumers = transport.consumers.clone();
        self.events.push(Event::TransportConnected { id: transport.id, profile });
        self.arm(index, now + super::report::INTERVAL);
        self.counters.handshakes += 1;
        *match profile {
            SrtpProfile::AeadAes128Gcm => &mut self.counters.profile_gcm_128,
            SrtpProfile::AeadAes256Gcm => &mut self.counters.profile_gcm_256,
            SrtpProfile::Aes128CmSha1_80 => &mut self.counters.profile_cm,
        } += 1;
        consumers.into_iter().for_each(|consumer| self.want_keyframe(consumer));
    }
}
