//! The media of all members, on a thread of its own; tasks that sign in tell it what to do.

use std::{
    net::SocketAddr,
    sync::mpsc::{Receiver, Sender, TryRecvError, channel},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rotunda_bench_forward::{
    clock,
    load::{Load, handshake::End, media::Source},
};
use tokio::sync::oneshot;

/// For a transport to connect and its first packet to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client's end of a transport to be.
#[derive(Debug)]
pub struct Offer {
    pub peer: u64,
    pub end: End,
}

/// The server's end, and what will go over it.
#[derive(Debug)]
pub struct Connect {
    pub peer: u64,
    pub server: SocketAddr,
    pub theirs: End,
    /// SSRCs of what it receives.
    pub expects: Vec<u32>,
    pub sources: Vec<Source>,
    /// Told when the first packet has come; of a transport that receives nothing, when it is connected.
    pub ready: oneshot::Sender<anyhow::Result<Instant>>,
}

/// What was received since the window began.
#[derive(Debug, Clone, Default)]
pub struct Window {
    pub received: u64,
    pub gaps: u64,
    pub p50_us: u64,
    pub p99_us: u64,
}

/// What a call heard since the window began, when it ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct Heard {
    /// Streams that came.
    pub streams: usize,
    pub received: u64,
    pub gaps: u64,
    /// The longest time without a packet of one stream, and in which the load itself did not come to look.
    pub silence: Duration,
    pub stall: Duration,
}

enum Order {
    Offer(oneshot::Sender<anyhow::Result<Offer>>),
    Connect(Connect),
    BeginWindow,
    Window(oneshot::Sender<Window>),
    End(Vec<u64>, oneshot::Sender<Heard>),
}

/// The thread's other end. Dropped, it ends.
#[derive(Debug)]
pub struct Media {
    orders: Sender<Order>,
    thread: Option<JoinHandle<()>>,
}

impl Media {
    /// # Errors
    /// No thread, or no certificate.
    pub fn start() -> anyhow::Result<Self> {
        let (orders, waiting) = channel();
        let (sender, started) = channel();
        let thread = std::thread::Builder::new().name("media".into()).spawn(move || {
            let load = match Load::new() {
                Ok(load) => load,
                Err(error) => return drop(sender.send(Err(error))),
            };
            let clients = Clients { load, connecting: vec![], waiting: vec![], stall: Duration::ZERO };
            let _ = sender.send(Ok(()));
            clients.run(&waiting);
        })?;
        started.recv().context("the media thread has ended")??;
        Ok(Self { orders, thread: Some(thread) })
    }

    fn order(&self, order: Order) -> anyhow::Result<()> {
        self.orders.send(order).ok().context("the media thread has ended")
    }

    /// # Errors
    /// No more sockets.
    pub async fn offer(&self) -> anyhow::Result<Offer> {
        let (answer, offered) = oneshot::channel();
        self.order(Order::Offer(answer))?;
        offered.await.context("the media thread has ended")?
    }

    /// # Errors
    /// The thread has ended.
    pub fn connect(&self, connect: Connect) -> anyhow::Result<()> {
        self.order(Order::Connect(connect))
    }

    /// # Errors
    /// The thread has ended.
    pub fn begin_window(&self) -> anyhow::Result<()> {
        self.order(Order::BeginWindow)
    }

    /// These clients fall silent; what they have heard until now.
    ///
    /// # Errors
    /// The thread has ended.
    pub async fn end(&self, peers: Vec<u64>) -> anyhow::Result<Heard> {
        let (answer, heard) = oneshot::channel();
        self.order(Order::End(peers, answer))?;
        heard.await.context("the media thread has ended")
    }

    /// # Errors
    /// The thread has ended.
    pub async fn window(&self) -> anyhow::Result<Window> {
        let (answer, window) = oneshot::channel();
        self.order(Order::Window(answer))?;
        window.await.context("the media thread has ended")
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        let (closed, _) = channel();
        self.orders = closed;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Clients {
    load: Load,
    /// Not connected yet.
    connecting: Vec<(Connect, Instant)>,
    /// Connected, and without a packet yet.
    waiting: Vec<(u64, oneshot::Sender<anyhow::Result<Instant>>, Instant)>,
    /// The longest time from one look to the next since the window began.
    stall: Duration,
}

impl Clients {
    fn run(mut self, orders: &Receiver<Order>) {
        let mut last = clock::now();
        loop {
            let now = clock::now();
            self.stall = self.stall.max(now - std::mem::replace(&mut last, now));
            loop {
                match orders.try_recv() {
                    Ok(order) => self.obey(order),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            if let Err(error) = self.load.turn(Duration::from_millis(1)) {
                eprintln!("the load has failed: {error:#}");
                return;
            }
            self.look();
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Offer(answer) => {
                let offer = self.load.offer().map(|(peer, end)| Offer { peer, end });
                let _ = answer.send(offer);
            }
            Order::Connect(connect) => {
                match self.load.answer(connect.peer, connect.server, &connect.theirs) {
                    Ok(()) => self.connecting.push((connect, clock::now() + PATIENCE)),
                    Err(error) => drop(connect.ready.send(Err(error))),
                }
            }
            Order::BeginWindow => {
                self.stall = Duration::ZERO;
                self.load.begin_window();
            }
            Order::End(peers, answer) => drop(answer.send(self.end(&peers))),
            Order::Window(answer) => {
                let streams = self.load.lights().flat_map(|light| &light.streams);
                let (received, gaps) = streams
                    .fold((0, 0), |(all, gaps), stream| (all + stream.in_window, gaps + stream.gaps()));
                let at = |quantile| self.load.latency.value_at_quantile(quantile);
                let _ = answer.send(Window { received, gaps, p50_us: at(0.5), p99_us: at(0.99) });
            }
        }
    }

    fn end(&mut self, peers: &[u64]) -> Heard {
        let nanos = self.load.nanos();
        let mut heard = Heard { stall: self.stall, ..Heard::default() };
        for peer in peers {
            let Ok(light) = self.load.light(*peer) else { continue };
            for stream in &light.streams {
                heard.streams += usize::from(stream.in_window > 0);
                heard.received += stream.in_window;
                heard.gaps += stream.gaps();
                heard.silence = heard.silence.max(Duration::from_nanos(stream.silence(nanos)));
            }
        }
        peers.iter().for_each(|peer| self.load.end_media_of(*peer));
        heard
    }

    /// Tells who is connected, and who got its first packet.
    fn look(&mut self) {
        let (load, waiting, now) = (&mut self.load, &mut self.waiting, clock::now());
        let done = |(connect, end): &mut (Connect, Instant)| load.is_connected(connect.peer) || now > *end;
        let done: Vec<_> = self.connecting.extract_if(.., done).collect();
        for (connect, end) in done {
            if !self.load.is_connected(connect.peer) {
                let _ = connect.ready.send(Err(anyhow::anyhow!("a transport did not connect")));
                continue;
            }
            let receives = !connect.expects.is_empty();
            let lightened = self.load.lighten(connect.peer).and_then(|()| {
                self.load.light(connect.peer)?.expect_each(connect.expects);
                Ok(())
            });
            if let Err(error) = lightened {
                let _ = connect.ready.send(Err(error));
                continue;
            }
            connect.sources.into_iter().for_each(|source| self.load.add_source(connect.peer, source));
            self.load.begin_media();
            if receives {
                waiting.push((connect.peer, connect.ready, end));
            } else {
                let _ = connect.ready.send(Ok(now));
            }
        }
        let load = &mut self.load;
        let heard = |(peer, _, end): &mut (u64, oneshot::Sender<_>, Instant)| {
            load.light(*peer).is_ok_and(|light| light.begun.is_some()) || now > *end
        };
        let heard: Vec<_> = waiting.extract_if(.., heard).collect();
        for (peer, ready, _) in heard {
            let begun = self.load.light(peer).ok().and_then(|light| light.begun);
            let begun = begun.map(|nanos| self.load.time(nanos));
            let _ = ready.send(begun.context("nothing came over a transport"));
        }
    }
}
