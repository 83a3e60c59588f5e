//! One association: its addresses, its handshake, its keys and the streams that arrive on it.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use aws_lc_rs::hmac;

use crate::{
    Remote, SrtpOffer, SrtpProfile, TransportId, TransportSpec,
    downlink::Downlink,
    dtls::Handshake,
    map::Map,
    ortc::{Fingerprint, IceProtocol},
    srtp::Srtp,
    streams::{Feed, Streams},
    stun,
    twcc::Uplink,
    usage::Usage,
};

/// Addresses kept per transport: a browser checks from each of its interfaces.
const MAX_PATHS: usize = 8;
/// How long a path may be silent before a check without USE-CANDIDATE from another one takes over.
const PATH_SILENCE: Duration = Duration::from_secs(3);
/// How long after its last check a path may still be sent to (RFC 7675). A browser checks spare paths every 25 s.
const CONSENT: Duration = Duration::from_secs(30);

/// An address from which an authenticated check came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path {
    pub(crate) address: Remote,
    last_check: Instant,
}

pub(crate) struct Transport {
    pub(crate) id: TransportId,
    pub(crate) local_ufrag: String,
    pub(crate) remote_ufrag: String,
    pub(crate) key: hmac::Key,
    pub(crate) fingerprints: Vec<Fingerprint>,
    pub(crate) offer: SrtpOffer,
    pub(crate) opened: Instant,
    pub(crate) first_check: Option<Instant>,
    pub(crate) paths: Vec<Path>,
    /// Where packets go.
    pub(crate) remote: Option<Remote>,
    /// What they last went over, also when there is no way at the moment.
    protocol: Option<IceProtocol>,
    pub(crate) dtls: Option<Box<dyn Handshake>>,
    pub(crate) srtp: Option<Srtp>,
    pub(crate) profile: Option<SrtpProfile>,
    pub(crate) tally: Tally,
    /// When the last authenticated packet came.
    pub(crate) heard: Instant,
    pub(crate) lost: bool,
    /// Streams that arrive. Kept when their producer goes, because the cryptographic index goes on.
    pub(crate) inbound: Streams,
    pub(crate) producers: Vec<usize>,
    pub(crate) consumers: Vec<usize>,
    /// Consumers by their SSRC, and by that of their retransmissions.
    pub(crate) by_sent_ssrc: Map<u32, usize>,
    /// The first index not yet sealed, of SSRCs whose consumer is gone: an index is never sealed twice.
    pub(crate) sealed: HashMap<u32, u64>,
    /// Once a producer announced transport-wide numbers.
    pub(crate) uplink: Option<Uplink>,
    /// Once there was a consumer of video.
    pub(crate) downlink: Option<Box<Downlink>>,
    pub(crate) next_report: Option<Instant>,
    /// The earliest timer entry that is valid.
    pub(crate) armed: Option<Instant>,
    /// Consumers that have packets in this turn.
    pub(crate) turn: Vec<usize>,
}

/// Counted per packet. `lost_down` is of consumers that are gone.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) packets_up: u64,
    pub(crate) bytes_up: u64,
    pub(crate) packets_down: u64,
    pub(crate) bytes_down: u64,
    pub(crate) lost_up: u64,
    pub(crate) lost_down: u64,
}

impl Transport {
    pub(crate) fn new(now: Instant, spec: TransportSpec) -> Self {
        Self {
            id: spec.id,
            key: stun::key(&spec.local_pwd),
            local_ufrag: spec.local_ufrag,
            remote_ufrag: spec.remote_ufrag,
            fingerprints: spec.remote_fingerprints,
            offer: spec.srtp,
            opened: now,
            first_check: None,
            paths: Vec::new(),
            remote: None,
            protocol: None,
            dtls: None,
            srtp: None,
            profile: None,
            tally: Tally::default(),
            heard: now,
            lost: false,
            inbound: Streams::default(),
            producers: Vec::new(),
            consumers: Vec::new(),
            by_sent_ssrc: Map::default(),
            sealed: HashMap::new(),
            uplink: None,
            downlink: None,
            next_report: None,
            armed: None,
            turn: Vec::new(),
        }
    }

    /// Notes an authenticated check and chooses where packets go; the address that lost its place, if any.
    ///
    /// Rule: a check with USE-CANDIDATE moves the flow; one without does so only before there is a flow, or when
    /// the present path has been silent.
    pub(crate) fn checked(&mut self, now: Instant, from: Remote, use_candidate: bool) -> Option<Remote> {
        self.first_check.get_or_insert(now);
        let mut evicted = None;
        if let Some(path) = self.paths.iter_mut().find(|path| path.address == from) {
            path.last_check = now;
        } else {
            if self.paths.len() >= MAX_PATHS {
                evicted = self.evict_path();
            }
            self.paths.push(Path { address: from, last_check: now });
        }
        let present = self.paths.iter().find(|path| Some(path.address) == self.remote);
        let silent =
            present.is_none_or(|path| now.saturating_duration_since(path.last_check) >= PATH_SILENCE);
        if use_candidate || silent {
            self.flow_to(from);
        }
        evicted
    }

    /// Forgets a path that is gone; what went over it takes the one checked last, if its consent is fresh.
    pub(crate) fn path_gone(&mut self, now: Instant, gone: Remote) {
        self.paths.retain(|path| path.address != gone);
        if self.remote != Some(gone) {
            return;
        }
        self.remote = None;
        let fresh = |path: &&Path| now.saturating_duration_since(path.last_check) < CONSENT;
        let next =
            self.paths.iter().filter(fresh).max_by_key(|path| path.last_check).map(|path| path.address);
        if let Some(next) = next {
            self.flow_to(next);
        }
    }

    fn flow_to(&mut self, to: Remote) {
        self.remote = Some(to);
        self.protocol = Some(to.protocol());
    }

    /// Removes the path checked longest ago, except the one in use.
    fn evict_path(&mut self) -> Option<Remote> {
        let unused = self.paths.iter().enumerate().filter(|(_, path)| Some(path.address) != self.remote);
        let (index, _) = unused.min_by_key(|(_, path)| path.last_check)?;
        Some(self.paths.swap_remove(index).address)
    }

    /// Remembers what was lost of streams that nothing feeds on, and forgets them.
    pub(crate) fn forget_idle_streams(&mut self) {
        let lost = &mut self.tally.lost_up;
        self.inbound.retain(|inbound| {
            let keep = inbound.feed != Feed::Nothing;
            *lost += if keep { 0 } else { inbound.reception.lost() };
            keep
        });
    }

    /// `lost_down`: of the consumers it has now.
    pub(crate) fn usage(&self, lost_down: u64) -> Usage {
        Usage {
            protocol: self.protocol,
            profile: self.profile,
            packets_up: self.tally.packets_up,
            bytes_up: self.tally.bytes_up,
            lost_up: self.tally.lost_up + self.inbound.iter().map(|i| i.reception.lost()).sum::<u64>(),
            packets_down: self.tally.packets_down,
            bytes_down: self.tally.bytes_down,
            lost_down: self.tally.lost_down + lost_down,
        }
    }

    /// Keys are in place, there is an address, and the peer is still heard from: media can be sent (RFC 7675).
    pub(crate) fn is_open(&self) -> bool {
        self.srtp.is_some() && self.remote.is_some() && !self.lost
    }
}
