//! A worker and its peers in memory, for tests: checks, handshakes and media as browsers make them.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    Command, Egress, Event, Identity, Inbox, Outbox, Remote, SrtpOffer, TransportId, TransportSpec, Worker,
    dtls::server::Server,
    rtp::{Header, Outgoing},
    srtp::{MAX_OVERHEAD, ReplayWindow},
    stun,
};

/// A received RTP packet.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) header: Header,
    pub(crate) index: u64,
    pub(crate) plain: Vec<u8>,
}

impl Received {
    pub(crate) fn payload(&self) -> &[u8] {
        &self.plain[self.header.length..]
    }

    pub(crate) fn extension(&self, id: u8) -> Option<&[u8]> {
        self.header.extensions(&self.plain).find(|(other, _)| *other == id).map(|(_, value)| value)
    }
}

pub(crate) struct Peer {
    pub(crate) id: TransportId,
    pub(crate) address: SocketAddr,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) server: Server,
    windows: HashMap<u32, ReplayWindow>,
    /// All RTP the worker sent, by SSRC and index: as sealed, as opened, and whether it was taken.
    sent: HashMap<(u32, u64), (Vec<u8>, Received, bool)>,
    /// Says of each media packet that comes whether the network loses it.
    pub(crate) loses: Option<Box<dyn FnMut() -> bool>>,
    pub(crate) rtp: Vec<Received>,
    /// RTP packets that came although they had come before.
    pub(crate) repeats: usize,
    /// Plain compounds.
    pub(crate) rtcp: Vec<Vec<u8>>,
    pub(crate) answers: usize,
    pub(crate) hellos: usize,
}

impl Peer {
    /// Seals an RTP packet with one-byte extensions.
    pub(crate) fn seal(
        &mut self,
        payload_type: u8,
        ssrc: u32,
        index: u64,
        timestamp: u32,
        extensions: &[(u8, &[u8])],
        payload: &[u8],
    ) -> Vec<u8> {
        let outgoing = Outgoing {
            marker: false,
            padding: false,
            payload_type,
            sequence: index as u16,
            timestamp,
            ssrc,
            extensions,
        };
        self.seal_outgoing(&outgoing, index, payload)
    }

    pub(crate) fn seal_outgoing(&mut self, outgoing: &Outgoing<'_>, index: u64, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 100 + payload.len() + MAX_OVERHEAD];
        let head = outgoing.write(&mut packet).unwrap();
        packet[head..head + payload.len()].copy_from_slice(payload);
        let (_, srtp) = self.server.srtp.as_ref().unwrap();
        let length = srtp.seal_rtp(&mut packet, head, head + payload.len(), index).unwrap();
        packet.truncate(length);
        packet
    }

    pub(crate) fn seal_rtcp(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut packet = plain.to_vec();
        packet.resize(plain.len() + MAX_OVERHEAD, 0);
        let (_, srtp) = self.server.srtp.as_mut().unwrap();
        let length = srtp.seal_rtcp(&mut packet, plain.len()).unwrap();
        packet.truncate(length);
        packet
    }

    /// Takes what the worker sent; the answers.
    fn take(&mut self, now: Instant, datagram: &[u8]) -> Vec<Vec<u8>> {
        match datagram[0] {
            0..=3 => self.answers += 1,
            20..=63 => {
                self.hellos += 1;
                return self.server.exchange(now, datagram);
            }
            _ => {
                let (_, srtp) = self.server.srtp.as_mut().expect("media before the keys");
                let mut plain = datagram.to_vec();
                if (192..=223).contains(&datagram[1]) {
                    let length = srtp.open_rtcp(&mut plain).expect("RTCP opens");
                    plain.truncate(length);
                    self.rtcp.push(plain);
                } else {
                    let header = Header::read(&plain).unwrap();
                    let window = self.windows.entry(header.ssrc).or_default();
                    let key = (header.ssrc, window.index_of(header.sequence).unwrap());
                    let (sealed, received, taken) = self.sent.entry(key).or_insert_with(|| {
                        let opened = srtp.open_rtp(window, &mut plain, header.length, header.sequence);
                        let (length, index) = opened.expect("RTP opens");
                        plain.truncate(length);
                        (datagram.to_vec(), Received { header, index, plain }, false)
                    });
                    assert_eq!(sealed, datagram, "one nonce, two texts");
                    if self.loses.as_mut().is_some_and(|loses| loses()) {
                        return vec![];
                    }
                    if std::mem::replace(taken, true) {
                        self.repeats += 1;
                    } else {
                        self.rtp.push(received.clone());
                    }
                }
            }
        }
        vec![]
    }
}

/// A worker, its peers and the time.
pub(crate) struct World {
    pub(crate) worker: Worker,
    pub(crate) now: Instant,
    pub(crate) peers: Vec<Peer>,
    /// Addresses that are those of connections.
    pub(crate) connections: HashMap<SocketAddr, u64>,
    inbox: Inbox,
    outbox: Outbox,
    identity: Identity,
    pub(crate) fingerprint: crate::ortc::Fingerprint,
}

/// Datagrams of an address, or for it.
pub(crate) type Datagrams = Vec<(SocketAddr, Vec<u8>)>;

/// Datagrams that left, in order.
#[derive(Default)]
pub(crate) struct Sent(pub(crate) Vec<(SocketAddr, Vec<u8>)>);

impl Egress for Sent {
    fn send(&mut self, batch: &Outbox) -> usize {
        self.0.extend(batch.datagrams().map(|(to, bytes)| (to.address(), bytes.to_vec())));
        0
    }
}

impl World {
    pub(crate) fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "an instant to count from")]
        let now = Instant::now();
        let ours = Identity::generate().unwrap();
        let identity = Identity::generate().unwrap();
        let fingerprint = identity.fingerprint().clone();
        let worker = Worker::new(ours, now);
        Self {
            worker,
            now,
            peers: vec![],
            connections: HashMap::new(),
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            identity,
            fingerprint,
        }
    }

    /// Opens a transport and its peer, not yet connected; the peer's number.
    pub(crate) fn open(&mut self, offer: SrtpOffer, accepts: SrtpOffer) -> usize {
        let number = self.peers.len();
        let spec = TransportSpec {
            id: TransportId(number as u64),
            local_ufrag: format!("local{number}"),
            local_pwd: format!("password-of-transport-{number}"),
            remote_ufrag: format!("remote{number}"),
            remote_fingerprints: vec![self.fingerprint.clone()],
            srtp: offer,
        };
        self.peers.push(Peer {
            id: spec.id,
            address: SocketAddr::from(([10, 0, (number >> 8) as u8, number as u8], 4000)),
            username: format!("{}:{}", spec.local_ufrag, spec.remote_ufrag),
            password: spec.local_pwd.clone(),
            server: Server::new(&self.identity, accepts),
            windows: HashMap::new(),
            sent: HashMap::new(),
            loses: None,
            rtp: vec![],
            repeats: 0,
            rtcp: vec![],
            answers: 0,
            hellos: 0,
        });
        self.apply(Command::OpenTransport(spec));
        number
    }

    /// A connected peer.
    pub(crate) fn connected(&mut self) -> usize {
        self.connected_with(SrtpOffer::Gcm128Only)
    }

    pub(crate) fn connected_with(&mut self, offer: SrtpOffer) -> usize {
        let number = self.open(offer, SrtpOffer::All);
        self.check(number, true);
        assert!(self.peers[number].server.srtp.is_some(), "handshake done");
        let events = self.worker.take_events();
        assert!(
            matches!(events[..], [Event::TransportConnected { id, .. }] if id == self.peers[number].id),
            "{events:?}"
        );
        number
    }

    pub(crate) fn check(&mut self, number: usize, use_candidate: bool) {
        let (from, check) = self.connectivity_check(number, use_candidate);
        self.deliver(from, &check);
    }

    pub(crate) fn connectivity_check(&self, number: usize, use_candidate: bool) -> (SocketAddr, Vec<u8>) {
        let peer = &self.peers[number];
        let check = stun::client::check(&peer.username, &peer.password, use_candidate, [number as u8; 12]);
        (peer.address, check)
    }

    pub(crate) fn apply(&mut self, command: Command) {
        self.worker.apply(self.now, command);
        self.turn(vec![]);
    }

    /// One datagram to the worker, and whatever follows from it; what nobody was there to take.
    pub(crate) fn deliver(&mut self, from: SocketAddr, datagram: &[u8]) -> Datagrams {
        self.turn(vec![(from, datagram.to_vec())])
    }

    /// Several datagrams of one peer in one turn.
    pub(crate) fn send(&mut self, number: usize, datagrams: Vec<Vec<u8>>) {
        let from = self.peers[number].address;
        self.turn(datagrams.into_iter().map(|datagram| (from, datagram)).collect());
    }

    /// Turns until nobody has anything to say; what nobody was there to take.
    pub(crate) fn turn(&mut self, datagrams: Datagrams) -> Datagrams {
        let mut stray = vec![];
        let mut pending = VecDeque::from([datagrams]);
        while let Some(datagrams) = pending.pop_front() {
            let (answers, nobodys) = self.one_turn(datagrams);
            pending.extend(answers.into_iter().map(|answer| vec![answer]));
            stray.extend(nobodys);
        }
        stray
    }

    /// One turn of the worker: what the peers answer to what it sent, and what nobody was there to take.
    pub(crate) fn one_turn(&mut self, datagrams: Datagrams) -> (Datagrams, Datagrams) {
        let mut sent = Sent::default();
        self.worker_turn(datagrams, &mut sent);
        self.take(sent)
    }

    /// What the worker alone does in a turn.
    pub(crate) fn worker_turn(&mut self, datagrams: Datagrams, sent: &mut Sent) {
        self.inbox.clear();
        for (from, datagram) in datagrams {
            let remote = self.remote(from);
            assert!(self.inbox.push(remote, &datagram), "more than a batch");
        }
        self.worker.turn(self.now, &mut self.inbox, &mut self.outbox, sent);
    }

    /// Gives the peers what was sent: their answers, and what nobody was there to take.
    pub(crate) fn take(&mut self, sent: Sent) -> (Datagrams, Datagrams) {
        let (mut answers, mut stray) = (vec![], vec![]);
        for (to, datagram) in sent.0 {
            match self.peers.iter_mut().find(|peer| peer.address == to) {
                Some(peer) => {
                    let own = peer.take(self.now, &datagram);
                    answers.extend(own.into_iter().map(|answer| (to, answer)));
                }
                None => stray.push((to, datagram)),
            }
        }
        (answers, stray)
    }

    /// The way to a peer's address: datagrams, unless it is one of a connection.
    pub(crate) fn remote(&self, address: SocketAddr) -> Remote {
        match self.connections.get(&address) {
            Some(&connection) => Remote::Tcp { connection, address },
            None => Remote::Udp(address),
        }
    }

    /// Lets time pass, with a turn whenever one is due.
    pub(crate) fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(wake) = self.worker.next_wake().filter(|wake| *wake <= end) {
            self.now = self.now.max(wake);
            self.turn(vec![]);
        }
        self.now = end;
        self.turn(vec![]);
    }
}
