//! Who may connect: a number for each connection and a bound on how many there are.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Write as _},
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::{
    net::TcpStream,
    sync::mpsc::{self, Receiver, Sender},
};

use super::{ARRIVALS, Arrival, TcpEnd, TcpLimits, connection};

/// The tokio side's end: takes connections and gives their frames to the media threads.
#[derive(Debug)]
pub(crate) struct Door {
    pub(super) limits: TcpLimits,
    /// To each worker.
    ways: Vec<Way>,
    next: AtomicU64,
    places: Arc<Places>,
}

/// To one worker.
#[derive(Debug)]
pub(crate) struct Way {
    pub(super) arrivals: Sender<Arrival>,
    wake: File,
}

impl Door {
    pub(crate) fn new(limits: TcpLimits, ways: Vec<Way>) -> Self {
        let places = Arc::new(Places::new(limits.connections, limits.connections_per_address));
        Self { limits, ways, next: AtomicU64::new(1), places }
    }

    /// Serves a connection until it ends; why it did. `worker_of` says who has the transport with a ufrag.
    pub(crate) async fn serve(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        worker_of: impl Fn(&str) -> Option<usize>,
    ) -> io::Result<TcpEnd> {
        let Some(_place) = self.places.take(peer) else { return Ok(TcpEnd::Crowded) };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        // A check that names no transport is for the first to leave unanswered.
        let way = |ufrag: &str| self.ways.get(worker_of(ufrag).unwrap_or(0));
        connection::serve(&self.limits, way, stream, peer, number).await
    }
}

impl Way {
    /// `wake` makes the media thread look at the receiver.
    pub(super) fn new(wake: File) -> (Self, Receiver<Arrival>) {
        let (arrivals, arriving) = mpsc::channel(ARRIVALS);
        (Self { arrivals, wake }, arriving)
    }

    pub(super) fn wake(&self) {
        // Fails only when the eventfd counter is at its maximum, and then the worker is awake anyway.
        let _ = (&self.wake).write(&1_u64.to_ne_bytes());
    }
}

/// Counts connections, of all and of each address.
#[derive(Debug)]
struct Places {
    of_all: usize,
    of_one: usize,
    taken: Mutex<Taken>,
    /// Whether the last one who came was turned away.
    full: AtomicBool,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The place of one connection; given back when dropped.
#[derive(Debug)]
struct Place {
    places: Arc<Places>,
    address: IpAddr,
}

impl Places {
    fn new(of_all: usize, of_one: usize) -> Self {
        Self { of_all, of_one, taken: Mutex::default(), full: AtomicBool::new(false) }
    }

    /// None when all places are taken, or all that one address may have.
    fn take(self: &Arc<Self>, peer: SocketAddr) -> Option<Place> {
        let address = host(peer);
        let mut taken = self.taken();
        let of_this = taken.by_address.get(&address).copied().unwrap_or(0);
        let full = taken.total >= self.of_all || of_this >= self.of_one;
        // One line when the turning away begins, none for each who is turned away.
        let was_full = self.full.swap(full, Ordering::Relaxed);
        if full && !was_full {
            tracing::warn!("too many ICE-TCP connections: new ones are turned away");
        }
        if full {
            return None;
        }
        taken.total += 1;
        taken.by_address.insert(address, of_this + 1);
        Some(Place { places: Arc::clone(self), address })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.total = taken.total.saturating_sub(1);
        if let Some(count) = taken.by_address.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

/// An IPv4 address, or the /64 network of an IPv6 one: the smallest thing one host can be sure to have.
fn host(peer: SocketAddr) -> IpAddr {
    match peer.ip().to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_for_all_and_for_each_address_and_come_back() {
        let places = Arc::new(Places::new(3, 2));
        let peer = |text: &str| text.parse::<SocketAddr>().unwrap();
        let first = places.take(peer("[2001:db8::1]:1")).unwrap();
        let _second = places.take(peer("[2001:db8::2:1]:7")).unwrap();
        assert!(places.take(peer("[2001:db8::1]:2")).is_none(), "one /64 is one address");
        let _third = places.take(peer("[::ffff:192.0.2.1]:1")).unwrap();
        assert!(places.take(peer("192.0.2.2:1")).is_none(), "of all");
        drop(first);
        assert!(places.take(peer("[2001:db8::1]:2")).is_some());
        assert_eq!(places.taken().by_address.len(), 2, "what is not there is not counted");
    }
}
