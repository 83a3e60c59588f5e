//! The delay gradient of Google Congestion Control (draft-ietf-rmcat-gcc-02, with the line fit that replaced its
//! Kalman filter): is the queue on the way growing?

use std::collections::VecDeque;

/// Packets sent within this many µs are one group: they are told apart by the link, not by the sender.
const GROUP: u64 = 5_000;
/// Groups the line is fitted through. More would be calmer and slower.
const POINTS: usize = 20;
/// Weight of what was before in the smoothed delay.
const SMOOTHING: f64 = 0.9;
/// The slope is multiplied by this and by the number of groups seen, at most `FULL`, to be compared with a threshold
/// in ms.
const GAIN: f64 = 4.0;
const FULL: f64 = 60.0;
/// The threshold: where it begins and its bounds, in ms.
const THRESHOLD: f64 = 12.5;
const THRESHOLD_BOUNDS: (f64, f64) = (6.0, 600.0);
/// How fast the threshold follows the trend up and down, per ms: fast enough not to starve beside a flow that fills
/// the queue, slow enough to notice a queue that begins.
const FOLLOW_UP: f64 = 0.0087;
const FOLLOW_DOWN: f64 = 0.039;
/// A trend this far beyond the threshold (ms) is a step of the route; the threshold does not follow.
const OUTLIER: f64 = 15.0;

#[derive(Debug, Clone, Copy)]
struct Group {
    first_sent: u64,
    last_sent: u64,
    last_received: i64,
}

/// The trend of the one-way delay.
#[derive(Debug)]
pub(crate) struct Trend {
    group: Option<Group>,
    before: Option<Group>,
    groups: u32,
    /// In ms: all differences so far, plain and smoothed.
    delay: f64,
    smoothed: f64,
    points: VecDeque<(f64, f64)>,
    threshold: f64,
    /// When a group last ended, on the receiver's clock in µs, and how often in a row the trend was too steep.
    updated: i64,
    steep: u32,
}

impl Trend {
    pub(crate) fn new() -> Self {
        Self {
            group: None,
            before: None,
            groups: 0,
            delay: 0.0,
            smoothed: 0.0,
            points: VecDeque::with_capacity(POINTS + 1),
            threshold: THRESHOLD,
            updated: 0,
            steep: 0,
        }
    }

    /// The queue has been growing over more than one group.
    pub(crate) fn is_over(&self) -> bool {
        self.steep > 1
    }

    /// A packet that arrived: when it was sent and received, in µs.
    pub(crate) fn packet(&mut self, sent: u64, received: i64) {
        let begun = Group { first_sent: sent, last_sent: sent, last_received: received };
        let Some(group) = self.group.as_mut() else {
            self.group = Some(begun);
            return;
        };
        if sent < group.first_sent {
            return;
        }
        if sent - group.first_sent <= GROUP {
            group.last_sent = group.last_sent.max(sent);
            group.last_received = group.last_received.max(received);
            return;
        }
        let ended = *group;
        self.group = Some(begun);
        if let Some(before) = self.before.replace(ended) {
            let between_sent = ended.last_sent.saturating_sub(before.last_sent) as f64;
            let between_received = (ended.last_received - before.last_received) as f64;
            self.difference((between_received - between_sent) / 1_000.0, ended.last_received);
        }
    }

    fn difference(&mut self, milliseconds: f64, received: i64) {
        self.groups = self.groups.saturating_add(1);
        self.delay += milliseconds;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.delay;
        if self.points.len() == POINTS {
            self.points.pop_front();
        }
        self.points.push_back((received as f64 / 1_000.0, self.smoothed));
        let slope = if self.points.len() == POINTS { slope(&self.points) } else { 0.0 };
        let trend = slope * f64::from(self.groups).min(FULL) * GAIN;
        self.steep = if trend > self.threshold { self.steep.saturating_add(1) } else { 0 };
        let passed = ((received - self.updated) as f64 / 1_000.0).clamp(0.0, 100.0);
        self.updated = received;
        if trend.abs() <= self.threshold + OUTLIER {
            let follow = if trend.abs() < self.threshold { FOLLOW_DOWN } else { FOLLOW_UP };
            let (least, most) = THRESHOLD_BOUNDS;
            self.threshold += follow * (trend.abs() - self.threshold) * passed;
            self.threshold = self.threshold.clamp(least, most);
        }
    }
}

/// Of the line of least squares through the points; 0 when they have one x.
fn slope(points: &VecDeque<(f64, f64)>) -> f64 {
    let count = points.len().max(1) as f64;
    let (sum_x, sum_y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (over, under) = points.iter().fold((0.0, 0.0), |(over, under), (x, y)| {
        (over + (x - mean_x) * (y - mean_y), under + (x - mean_x) * (x - mean_x))
    });
    if under > 0.0 { over / under } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet each 10 ms; `delay` of packet n in µs. Whether the trend was over at the end and at any time.
    fn run(delay: impl Fn(u64) -> i64) -> (bool, bool) {
        let mut trend = Trend::new();
        let mut ever = false;
        for number in 0..300 {
            trend.packet(number * 10_000, (number * 10_000) as i64 + delay(number));
            ever |= trend.is_over();
        }
        (trend.is_over(), ever)
    }

    #[test]
    fn a_queue_that_grows_is_noticed() {
        assert_eq!(run(|_| 40_000), (false, false));
        assert_eq!(run(|number| number as i64 * 1_000), (true, true), "100 ms per second");
        assert_eq!(run(|number| number as i64 * -1_000), (false, false));
        // A clock that runs 200 ppm fast is no queue.
        assert_eq!(run(|number| number as i64 * 2), (false, false));
    }

    #[test]
    fn any_times_are_survived() {
        let mut trend = Trend::new();
        for (sent, received) in
            [(0, 0), (u64::MAX, 1 << 40), (5, -(1 << 40)), (1 << 40, 0), (1 << 41, 1 << 41)]
        {
            (0..30).for_each(|step| trend.packet(sent.saturating_add(step * 6_000), received));
        }
        assert!(trend.threshold.is_finite());
    }
}
