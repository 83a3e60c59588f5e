//! What a stranger may hold before login: handshakes and open sockets, both bounded in number and time.
//!
//! Nothing else is kept for a connection until one of these has counted it.

use std::{
    collections::{HashMap, VecDeque},
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::limits::network;

/// Caps of [`Doors`].
#[derive(Debug, Clone)]
pub struct DoorLimits {
    /// Handshakes answered and not yet used. Each costs about 100 bytes; fewer refuse a crowd that reconnects at once.
    pub handshakes: usize,
    /// How long a handshake may be used. The SDK opens its socket at once; longer lets more pile up.
    pub handshake_lifetime: Duration,
    /// Sockets that have not logged in. Each may hold one message in memory; fewer refuse crowds.
    pub strangers: usize,
    /// The same per address (per /64 of IPv6), and for handshakes of one address. A large office shares one address.
    pub strangers_per_address: usize,
}

impl Default for DoorLimits {
    fn default() -> Self {
        Self {
            handshakes: 16_384,
            handshake_lifetime: Duration::from_secs(15),
            strangers: 1_024,
            strangers_per_address: 256,
        }
    }
}

/// Counts handshakes and strangers.
#[derive(Debug)]
pub struct Doors {
    limits: DoorLimits,
    handshakes: Mutex<Handshakes>,
    strangers: Mutex<Strangers>,
    /// Whether the last one who came was turned away.
    full: AtomicBool,
}

#[derive(Debug, Default)]
struct Handshakes {
    /// By SID; the address that asked for it.
    open: HashMap<Sid, Address>,
    per_address: HashMap<Address, usize>,
    /// In the order they end.
    ends: VecDeque<(Instant, Sid)>,
}

#[derive(Debug, Default)]
struct Strangers {
    total: usize,
    per_address: HashMap<Address, usize>,
}

/// Random and single-use. 128 bits, so that none can be guessed while it lives.
type Sid = [u8; 16];

/// As [`network`] makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Address(IpAddr);

impl Address {
    fn of(peer: SocketAddr) -> Self {
        Self(network(peer.ip()))
    }
}

/// The place of one stranger's socket; given back when dropped.
#[derive(Debug)]
pub struct Permit {
    doors: Arc<Doors>,
    address: Address,
}

impl Doors {
    pub fn new(limits: DoorLimits) -> Self {
        Self {
            limits,
            handshakes: Mutex::default(),
            strangers: Mutex::default(),
            full: AtomicBool::new(false),
        }
    }

    /// A SID for one WebSocket, from `random`. `None` when too many are open.
    pub fn open(&self, peer: SocketAddr, random: [u8; 16], now: Instant) -> Option<String> {
        let address = Address::of(peer);
        let mut handshakes = self.handshakes.lock();
        handshakes.forget_until(now);
        let of_address = handshakes.per_address.get(&address).copied().unwrap_or(0);
        if handshakes.open.len() >= self.limits.handshakes || of_address >= self.limits.strangers_per_address
        {
            return None;
        }
        handshakes.open.insert(random, address);
        handshakes.per_address.insert(address, of_address + 1);
        handshakes.ends.push_back((now + self.limits.handshake_lifetime, random));
        // A prefix keeps "SID:60:60:websocket" from ever being JSON, which the client would take for something else.
        Some(format!("r{:032x}", u128::from_be_bytes(random)))
    }

    /// Takes a SID; false when it was never given, was used, or is too old.
    pub fn redeem(&self, sid: &str, now: Instant) -> bool {
        let Some(sid) = read(sid) else { return false };
        let mut handshakes = self.handshakes.lock();
        handshakes.forget_until(now);
        handshakes.take(&sid)
    }

    /// What the one who was given that SID counts as.
    pub fn counted_as(&self, sid: &str) -> Option<IpAddr> {
        self.handshakes.lock().open.get(&read(sid)?).map(|address| address.0)
    }

    /// A place for a socket that has not logged in. `None` when there is none left.
    pub fn admit(self: &Arc<Self>, peer: SocketAddr) -> Option<Permit> {
        let address = Address::of(peer);
        let mut strangers = self.strangers.lock();
        let of_address = strangers.per_address.get(&address).copied().unwrap_or(0);
        if strangers.total >= self.limits.strangers || of_address >= self.limits.strangers_per_address {
            self.note(true);
            return None;
        }
        self.note(false);
        strangers.total += 1;
        strangers.per_address.insert(address, of_address + 1);
        Some(Permit { doors: Arc::clone(self), address })
    }
}

impl Doors {
    /// One line when the turning away begins, none for each who is turned away.
    fn note(&self, full: bool) {
        if full && !self.full.swap(true, Ordering::Relaxed) {
            tracing::warn!("too many connections have not logged in: new ones are turned away");
        } else if !full {
            self.full.store(false, Ordering::Relaxed);
        }
    }
}

fn read(sid: &str) -> Option<Sid> {
    let digits = sid.strip_prefix('r').filter(|digits| digits.len() == 32)?;
    u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes)
}

impl Handshakes {
    fn forget_until(&mut self, now: Instant) {
        while let Some((_, sid)) = self.ends.pop_front_if(|(end, _)| *end <= now) {
            self.take(&sid);
        }
    }

    fn take(&mut self, sid: &Sid) -> bool {
        let Some(address) = self.open.remove(sid) else { return false };
        count_down(&mut self.per_address, address);
        true
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut strangers = self.doors.strangers.lock();
        strangers.total = strangers.total.saturating_sub(1);
        count_down(&mut strangers.per_address, self.address);
    }
}

/// Entries at zero are removed, so that the map is no larger than what it counts.
fn count_down(counts: &mut HashMap<Address, usize>, address: Address) {
    if let Some(count) = counts.get_mut(&address) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doors(handshakes: usize, strangers: usize, per_address: usize) -> Arc<Doors> {
        Arc::new(Doors::new(DoorLimits {
            handshakes,
            handshake_lifetime: Duration::from_secs(15),
            strangers,
            strangers_per_address: per_address,
        }))
    }

    fn peer(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_handshake_is_used_once_and_in_time() {
        let (doors, t) = (doors(10, 10, 10), now());
        let a = doors.open(peer("192.0.2.1:1"), [1; 16], t).unwrap();
        let b = doors.open(peer("192.0.2.1:1"), [2; 16], t).unwrap();
        assert!(doors.redeem(&a, t));
        assert!(!doors.redeem(&a, t));
        assert!(!doors.redeem(&b, t + Duration::from_secs(15)));
        for wrong in ["", "r", "x", &"f".repeat(33), "rzz"] {
            assert!(!doors.redeem(wrong, t), "{wrong}");
        }
    }

    #[test]
    fn handshakes_are_bounded_and_free_again_with_time() {
        let (doors, t) = (doors(3, 10, 2), now());
        for n in 1..=2 {
            assert!(doors.open(peer("192.0.2.1:1"), [n; 16], t).is_some());
        }
        assert!(doors.open(peer("192.0.2.1:9"), [3; 16], t).is_none(), "of one address");
        assert!(doors.open(peer("192.0.2.2:1"), [4; 16], t).is_some());
        assert!(doors.open(peer("192.0.2.3:1"), [5; 16], t).is_none(), "of all");
        let later = t + Duration::from_secs(15);
        assert!(doors.open(peer("192.0.2.1:1"), [6; 16], later).is_some());
        let handshakes = doors.handshakes.lock();
        assert_eq!((handshakes.open.len(), handshakes.ends.len(), handshakes.per_address.len()), (1, 1, 1));
    }

    #[test]
    fn strangers_are_bounded_and_places_come_back() {
        let doors = doors(1, 3, 2);
        let (a, b) = (peer("[2001:db8::1]:1"), peer("[2001:db8::2:1]:7"));
        let first = doors.admit(a).unwrap();
        let _second = doors.admit(b).unwrap();
        assert!(doors.admit(a).is_none(), "one /64 is one address");
        let _third = doors.admit(peer("[::ffff:192.0.2.1]:1")).unwrap();
        assert!(doors.admit(peer("192.0.2.2:1")).is_none());
        drop(first);
        assert!(doors.admit(a).is_some());
    }
}
