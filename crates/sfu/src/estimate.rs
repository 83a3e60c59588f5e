//! Whether the way to a subscriber is full, and what it then carries.
//!
//! A sender that can only choose between a few layers needs no figure while nothing is wrong: what flows is then less
//! than what would fit. It needs to know soon that too much is sent, and how much of it arrives at that moment, which
//! is what the way carries. Three things say so: a queue that grows (`trend.rs`) and does not empty in between, a
//! queue that stands, and loss.

use crate::{probe::Calm, rate::Rate, trend::Trend, twcc::Fate};

/// The queue is what the fastest packet of this time (µs) waited. A keyframe queues up for less; longer would let
/// audio wait longer before video gives way.
const STANDING: u64 = 300_000;
/// A queue (µs) that did not empty, and has been growing for `GROWING_TIME` (µs), is overuse. A smaller queue would be
/// within the jitter of a good wireless link; a keyframe on a link that is nearly used up grows one for less long.
const GROWING_QUEUE: i64 = 50_000;
const GROWING_TIME: u64 = 300_000;
/// A queue (µs) that did not empty is overuse, growing or not: speech is felt as late from here on.
const STANDING_QUEUE: i64 = 200_000;
/// The shortest delay of this time (µs), doubled, is an empty queue. Longer would take a longer route for a queue for
/// as long; shorter would get used to a full one.
const EMPTY: u64 = 10_000_000;
/// Loss is looked at over this time (µs) and at most as long before: soon, for what only a full link loses; and late,
/// for less.
const SHORT_WINDOW: u64 = 1_000_000;
const LONG_WINDOW: u64 = 5_000_000;
/// Loss above this share, over what is lost anyway, is overuse (draft-ietf-rmcat-gcc-02 §6), over the long time and
/// over the short one: wireless links lose a tenth of a second at once.
const HIGH_LOSS: f64 = 0.10;
const SEVERE_LOSS: f64 = 0.25;
/// From sending less to seeing its effect, in µs: a keyframe of a lower layer has to come, and the queue to empty.
pub(crate) const SETTLE: u64 = 1_000_000;
/// Packets of which a share can be told, and the standard deviations by which it must be too high: at 100 packets a
/// second and 5 % of loss, chance alone exceeds them once in hours.
const MIN_PACKETS: f64 = 10.0;
const DEVIATIONS: f64 = 2.0;
/// If sending less left so much of the loss, it is not ours.
const REMAINS: f64 = 0.5;
/// Transport-wide feedback comes every 50 to 250 ms. Without any for this long, in µs, nothing is measured; and without
/// any for longer the receiver sends none. Shorter would take a way whose queue delays feedback for one without.
const FEEDBACK_LIFE: u64 = 1_000_000;
const FEEDBACK_GONE: u64 = 5_000_000;
/// Weight of one packet in the noise, and the most noise (µs): beyond it nothing is measured on the way.
const NOISE_WEIGHT: i64 = 64;
const MOST_NOISE: i64 = 100_000;

/// Why sending is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overuse {
    GrowingQueue,
    StandingQueue,
    Loss,
}

/// The least of a value over a window, by two halves.
#[derive(Debug, Clone, Copy)]
struct Least {
    window: u64,
    begun: u64,
    now: i64,
    before: i64,
}

impl Least {
    const NONE: i64 = i64::MAX;

    const fn new(window: u64) -> Self {
        Self { window, begun: 0, now: Self::NONE, before: Self::NONE }
    }

    fn add(&mut self, at: u64, value: i64) {
        let passed = at.saturating_sub(self.begun);
        if passed >= self.window {
            self.before = if passed < 2 * self.window { self.now } else { Self::NONE };
            (self.now, self.begun) = (Self::NONE, at);
        }
        self.now = self.now.min(value);
    }

    /// None before two halves are known.
    fn get(&self) -> Option<i64> {
        (self.before != Self::NONE).then(|| self.now.min(self.before))
    }

    /// Also of a part of the first half.
    fn so_far(&self) -> Option<i64> {
        let least = self.now.min(self.before);
        (least != Self::NONE).then_some(least)
    }
}

/// What is known of one way down.
#[derive(Debug)]
pub(crate) struct Estimator {
    trend: Trend,
    /// One-way delays, by the time of sending. The clocks' difference is in all of them.
    waiting: Least,
    empty: Least,
    arrived: Rate,
    sent: Rate,
    /// Newest arrival on the receiver's clock.
    received: u64,
    loss: Loss,
    /// Since when every verdict found the queue to grow.
    growing_since: Option<u64>,
    /// When transport-wide feedback came last.
    heard: Option<u64>,
    /// How much longer than the shortest delays of their time packets travel on average, in µs.
    noise: i64,
    /// Something was told since the last verdict.
    is_fresh: bool,
}

impl Estimator {
    pub(crate) fn new() -> Self {
        Self {
            trend: Trend::new(),
            waiting: Least::new(STANDING / 2),
            empty: Least::new(EMPTY),
            arrived: Rate::new(),
            sent: Rate::new(),
            received: 0,
            loss: Loss::new(),
            growing_since: None,
            heard: None,
            noise: 0,
            is_fresh: false,
        }
    }

    /// A packet left.
    pub(crate) fn sent(&mut self, now: u64, bytes: usize) {
        self.sent.add(now, bytes);
    }

    /// What a transport-wide feedback says of a packet. `probing`: it was sent beside filling, so that its loss tells
    /// nothing of what is sent otherwise.
    pub(crate) fn fate(&mut self, now: u64, fate: Fate, probing: bool) {
        (self.heard, self.is_fresh) = (Some(now), true);
        let (sent, lost, back) = match fate {
            Fate::Missing { sent } => (sent, 1.0, 0.0),
            Fate::Arrived { sent, .. } => (sent, 0.0, 1.0),
            Fate::AfterAll { sent, .. } => (sent, -1.0, 1.0),
        };
        if !probing {
            self.loss.add(now, sent, back, lost);
        }
        match fate {
            Fate::Missing { .. } => {}
            Fate::Arrived { sent, received, bytes } => {
                self.trend.packet(sent, received);
                self.arrival(sent, received, bytes);
            }
            Fate::AfterAll { sent, received, bytes } => self.arrival(sent, received, bytes),
        }
    }

    fn arrival(&mut self, sent: u64, received: i64, bytes: usize) {
        let delay = received.saturating_sub_unsigned(sent);
        self.waiting.add(sent, delay);
        self.empty.add(sent, delay);
        if let Some(least) = self.waiting.so_far() {
            self.noise += (delay.saturating_sub(least).min(MOST_NOISE) - self.noise) / NOISE_WEIGHT;
        }
        // The receiver's clock may begin anywhere.
        let received = u64::try_from(received).unwrap_or(0);
        self.arrived.add(received, bytes);
        self.received = self.received.max(received);
    }

    /// What a receiver report says of `packets` packets sent: the share of 256 that was lost.
    pub(crate) fn report(&mut self, now: u64, packets: u32, fraction_lost: u8) {
        self.is_fresh = true;
        let lost = f64::from(packets) * f64::from(fraction_lost) / 256.0;
        // The report is about the second before it.
        self.loss.add(now, now.saturating_sub(SHORT_WINDOW), f64::from(packets) - lost, lost);
    }

    /// How long packets wait on the way at least, in µs; 0 when it is not known.
    pub(crate) fn queue(&self) -> i64 {
        self.waiting.get().zip(self.empty.so_far()).map_or(0, |(now, empty)| now.saturating_sub(empty))
    }

    /// Whether the receiver sends transport-wide feedback.
    pub(crate) fn has_feedback(&self, now: u64) -> bool {
        self.heard.is_some_and(|heard| now < heard + FEEDBACK_GONE)
    }

    /// What a probe is measured against; None while there is a queue, or no feedback to judge one by.
    pub(crate) fn calm(&self, now: u64) -> Option<Calm> {
        let is_heard = self.heard.is_some_and(|heard| now < heard + FEEDBACK_LIFE);
        let delay = self.waiting.so_far().filter(|_| is_heard && self.queue() < GROWING_QUEUE)?;
        Some(Calm { delay, noise: self.noise, lost: self.loss.ambient })
    }

    /// Whether too much is being sent, if anything is known that was not when it was asked last.
    pub(crate) fn overuse(&mut self, now: u64) -> Option<Overuse> {
        if !std::mem::take(&mut self.is_fresh) {
            return None;
        }
        let queue = self.queue();
        let grows = queue >= GROWING_QUEUE && self.trend.is_over();
        let since = self.growing_since.filter(|_| grows).unwrap_or(now);
        self.growing_since = grows.then_some(since);
        if queue >= STANDING_QUEUE {
            Some(Overuse::StandingQueue)
        } else if grows && now >= since + GROWING_TIME {
            Some(Overuse::GrowingQueue)
        } else if self.loss.is_high() {
            Some(Overuse::Loss)
        } else {
            None
        }
    }

    /// Bits per second that arrive.
    pub(crate) fn arriving(&self, now: u64) -> u64 {
        if self.heard.is_some() {
            return self.arrived.bits_per_second(self.received, Rate::HALF_SECOND);
        }
        (self.sent.bits_per_second(now, Rate::SECOND) as f64
            * (1.0 - self.loss.short.get().map_or(0.0, |(share, _)| share))) as u64
    }

    /// More is sent from now on: what is lost from now on shall show it soon.
    pub(crate) fn raised(&mut self, now: u64) {
        self.loss.short.clear(now);
    }

    /// Overuse was answered, perhaps by sending less because of it.
    pub(crate) fn answered(&mut self, now: u64, less_because_of: Option<Overuse>) {
        self.loss.settle(now, less_because_of);
    }
}

/// Packets that arrived and that did not, over one to two lengths of a window.
#[derive(Debug)]
struct Share {
    length: u64,
    begun: u64,
    /// (arrived, lost), in this window and the one before.
    now: (f64, f64),
    before: (f64, f64),
}

impl Share {
    const fn new(length: u64) -> Self {
        Self { length, begun: 0, now: (0.0, 0.0), before: (0.0, 0.0) }
    }

    fn add(&mut self, at: u64, arrived: f64, lost: f64) {
        let passed = at.saturating_sub(self.begun);
        if passed >= self.length {
            self.before = if passed < 2 * self.length { self.now } else { (0.0, 0.0) };
            (self.now, self.begun) = ((0.0, 0.0), at);
        }
        self.now = (self.now.0 + arrived, self.now.1 + lost);
    }

    /// The share lost and its standard deviation. None while too few packets are known.
    fn get(&self) -> Option<(f64, f64)> {
        let arrived = (self.now.0 + self.before.0).max(0.0);
        let lost = (self.now.1 + self.before.1).max(0.0);
        let count = arrived + lost;
        let share = lost / count;
        (count >= MIN_PACKETS).then(|| (share, (share * (1.0 - share) / count).sqrt()))
    }

    fn clear(&mut self, at: u64) {
        (self.now, self.before, self.begun) = ((0.0, 0.0), (0.0, 0.0), at);
    }
}

/// What is lost, and how much of it whatever is sent.
#[derive(Debug)]
struct Loss {
    short: Share,
    long: Share,
    /// Packets sent before do not count: they met the queue of what was sent before less was sent.
    from: u64,
    /// The share lost when less was sent because of it.
    at_reduction: Option<f64>,
    /// The share that is lost whatever is sent.
    ambient: f64,
}

impl Loss {
    const fn new() -> Self {
        let (short, long) = (Share::new(SHORT_WINDOW), Share::new(LONG_WINDOW));
        Self { short, long, from: 0, at_reduction: None, ambient: 0.0 }
    }

    fn add(&mut self, at: u64, sent: u64, arrived: f64, lost: f64) {
        if sent >= self.from {
            self.short.add(at, arrived, lost);
            self.long.add(at, arrived, lost);
        }
    }

    fn is_high(&mut self) -> bool {
        let (Some(short), Some(long)) = (self.short.get(), self.long.get()) else { return false };
        if self.at_reduction.take().is_some_and(|before| short.0 > before * REMAINS) {
            self.ambient = self.ambient.max(short.0);
        }
        // A way that became better is believed slowly: loss comes in bursts.
        self.ambient = self.ambient.min(long.0.max(self.ambient * 0.99));
        let exceeds =
            |(share, deviation): (f64, f64), limit| share - DEVIATIONS * deviation > self.ambient + limit;
        exceeds(short, SEVERE_LOSS) || exceeds(long, HIGH_LOSS)
    }

    /// Forgets what was lost until now: it says nothing about what is sent from now on.
    fn settle(&mut self, at: u64, less_because_of: Option<Overuse>) {
        let share = self.short.get().map(|(share, _)| share);
        self.at_reduction = share.filter(|_| less_because_of == Some(Overuse::Loss));
        self.from = at + SETTLE;
        self.short.clear(at);
        self.long.clear(at);
    }
}
