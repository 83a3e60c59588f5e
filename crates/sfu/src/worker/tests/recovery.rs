//! Loss on the way up and down, with a publisher and a subscriber that repair it as browsers do.

mod down;
mod up;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::*;

/// A seeded coin (xorshift64).
struct Coin(u64);

impl Coin {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn one_in_hundred(&mut self, percent: u64) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % 100 < percent
    }
}

const MS: Duration = Duration::from_millis(1);

/// A sender of video (50 packets a second and stream here) that answers NACKs after a round trip, by RTX or, without
/// it, by the same packet again.
struct Publisher {
    peer: usize,
    kind: MediaKind,
    loss: u64,
    round_trip: Duration,
    rtx_next: u64,
    sealed: HashMap<u64, Vec<u8>>,
    /// RTCP read so far.
    read: usize,
    answers: BTreeSet<(Instant, u64)>,
    coin: Coin,
    requests: usize,
}

impl Publisher {
    fn new(peer: usize, kind: MediaKind, loss: u64, round_trip: Duration) -> Self {
        Self {
            peer,
            kind,
            loss,
            round_trip,
            rtx_next: 0,
            sealed: HashMap::new(),
            read: 0,
            answers: BTreeSet::new(),
            coin: Coin::new(7 + loss),
            requests: 0,
        }
    }

    fn ssrc(&self) -> u32 {
        if self.kind == MediaKind::Video { VIDEO_SSRC } else { AUDIO_SSRC }
    }

    /// The payload says the number of the packet; `index` 0 begins a keyframe.
    fn payload(&self, index: u64) -> Vec<u8> {
        let [.., a, b, c] = index.to_be_bytes();
        match self.kind {
            MediaKind::Video => vec![0x10, u8::from(index > 0), a, b, c],
            MediaKind::Audio => vec![9, 9, a, b, c],
        }
    }

    fn send(&mut self, world: &mut World, index: u64) {
        let (payload_type, step) = if self.kind == MediaKind::Video { (120, 1_800) } else { (109, 960) };
        let payload = self.payload(index);
        let packet =
            world.peers[self.peer].seal(payload_type, self.ssrc(), index, index as u32 * step, &[], &payload);
        self.sealed.insert(index, packet.clone());
        // The first one arrives, so that everything after it is expected.
        if index == 0 || !self.coin.one_in_hundred(self.loss) {
            world.send(self.peer, vec![packet]);
        }
    }

    fn answer(&mut self, world: &mut World) {
        for compound in &world.peers[self.peer].rtcp[self.read..] {
            // Requests get lost too.
            if self.coin.one_in_hundred(self.loss) {
                continue;
            }
            rtcp::read(compound, |statement| {
                if let Statement::Nack { ssrc, first, mask } = statement {
                    assert_eq!(ssrc, if self.kind == MediaKind::Video { VIDEO_SSRC } else { AUDIO_SSRC });
                    for number in crate::nack::numbers(first, mask) {
                        self.requests += 1;
                        self.answers.insert((world.now + self.round_trip, number.into()));
                    }
                }
            });
        }
        self.read = world.peers[self.peer].rtcp.len();
        while let Some((_, index)) = self.answers.first().copied().filter(|(at, _)| *at <= world.now) {
            self.answers.pop_first();
            let packet = if self.kind == MediaKind::Video {
                let mut payload = (index as u16).to_be_bytes().to_vec();
                payload.extend(self.payload(index));
                self.rtx_next += 1;
                let timestamp = index as u32 * 1_800;
                world.peers[self.peer].seal(121, VIDEO_SSRC + 1, self.rtx_next, timestamp, &[], &payload)
            } else {
                self.sealed[&index].clone()
            };
            if !self.coin.one_in_hundred(self.loss) {
                world.send(self.peer, vec![packet]);
            }
        }
    }
}

/// The number in a payload.
fn number(payload: &[u8]) -> u64 {
    u64::from_be_bytes([0, 0, 0, 0, 0, payload[2], payload[3], payload[4]])
}

/// A receiver that asks each round trip for what is missing, for a second.
struct Subscriber {
    peer: usize,
    ssrc: u32,
    loss: u64,
    round_trip: Duration,
    coin: Coin,
    read: usize,
    /// Number in the payload minus index.
    offset: Option<u64>,
    highest: u64,
    arrived: BTreeSet<u64>,
    /// Since when, and when it was asked for last.
    missing: BTreeMap<u64, (Instant, Option<Instant>)>,
}

impl Subscriber {
    fn new(world: &mut World, peer: usize, ssrc: u32, loss: u64, round_trip: Duration) -> Self {
        let mut coin = Coin::new(3 + loss);
        let mut first = true;
        // The first one arrives, so that everything after it is expected.
        world.peers[peer].loses =
            Some(Box::new(move || !std::mem::replace(&mut first, false) && coin.one_in_hundred(loss)));
        Self {
            peer,
            ssrc,
            loss,
            round_trip,
            coin: Coin::new(5 + loss),
            read: 0,
            offset: None,
            highest: 0,
            arrived: BTreeSet::new(),
            missing: BTreeMap::new(),
        }
    }

    fn turn(&mut self, world: &mut World) {
        for packet in &world.peers[self.peer].rtp[self.read..] {
            let (index, payload) = if packet.header.ssrc == self.ssrc {
                (packet.index, packet.payload())
            } else {
                assert_eq!((packet.header.ssrc, packet.header.payload_type), (self.ssrc + 50_000, 97));
                let (original, payload) = packet.payload().split_first_chunk().unwrap();
                let back = (self.highest as u16).wrapping_sub(u16::from_be_bytes(*original));
                (self.highest - u64::from(back), payload)
            };
            if let Some(offset) = self.offset {
                self.missing.extend((self.highest + 1..index).map(|index| (index, (world.now, None))));
                assert_eq!(number(payload), index - offset, "each at its place");
            } else {
                self.offset = Some(index - number(payload));
            }
            let timestamp =
                number(payload) as u32 * if packet.header.payload_type == 111 { 960 } else { 1_800 };
            assert_eq!(packet.header.timestamp, timestamp);
            self.highest = self.highest.max(index);
            self.missing.remove(&index);
            self.arrived.insert(index);
        }
        self.read = world.peers[self.peer].rtp.len();
        let (now, round_trip) = (world.now, self.round_trip);
        self.missing.retain(|_, (since, _)| now < *since + Duration::from_secs(1));
        let mut numbers = vec![];
        for (index, (since, asked)) in &mut self.missing {
            if asked.is_none_or(|asked| now >= asked + round_trip) && now >= *since + round_trip {
                *asked = Some(now);
                numbers.push(*index as u16);
            }
        }
        if !numbers.is_empty() && !self.coin.one_in_hundred(self.loss) {
            world.send_nack(self.peer, self.ssrc, &crate::nack::pack(&numbers));
        }
    }
}

impl World {
    pub(super) fn send_nack(&mut self, peer: usize, ssrc: u32, entries: &[(u16, u16)]) {
        let mut plain = vec![0; 2_000];
        let mut writer = Writer::new(&mut plain);
        writer.put_receiver_report(&[]);
        assert!(writer.put_nack(ssrc, entries));
        let length = writer.length();
        let packet = self.peers[peer].seal_rtcp(&plain[..length]);
        self.send(peer, vec![packet]);
    }
}
