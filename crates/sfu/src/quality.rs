//! How good a line is, from what RTCP tells of it.

use std::time::Duration;

/// What one side says about a stream that it receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quality {
    /// None when it was not measured.
    pub round_trip: Option<Duration>,
    /// Of 256, in the last interval.
    pub fraction_lost: u8,
    pub jitter: Duration,
}

/// Both directions of a transport, each by its worst stream; None when nothing is received there. Jitter is that of
/// sound: pictures leave in bursts, so theirs says nothing about the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkReport {
    /// Since an authenticated packet came from the client.
    pub silent: Duration,
    /// As received here. The round trip is not known.
    pub up: Option<Quality>,
    /// As the client reports it.
    pub down: Option<Quality>,
}

/// Where a grade ends and the next one begins; beyond the last is [`Grade::VeryBad`].
struct Limits {
    /// Of 256.
    lost: [u8; 4],
    round_trip_ms: [u128; 4],
    jitter_ms: [u128; 4],
}

/// Loss of 2, 5, 10 and 20 %: Opus conceals the first unheard and is broken by the last. Round trips around twice the
/// one-way 150 and 400 ms of ITU-T G.114. Jitter against the 20 to 120 ms that a browser buffers. Lower limits cry wolf
/// on every wireless network, higher ones say "good" to somebody who cannot follow.
const LIMITS: Limits =
    Limits { lost: [5, 13, 26, 51], round_trip_ms: [200, 350, 550, 800], jitter_ms: [30, 50, 80, 120] };

/// A grade, by the numbers of `onRtcNetworkQuality` (neroom-web-sdk 1.10.0).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Grade {
    #[default]
    Unknown = 0,
    Excellent = 1,
    Good = 2,
    Poor = 3,
    Bad = 4,
    VeryBad = 5,
    Down = 6,
}

impl Quality {
    /// The worst of loss, round trip and jitter; [`Grade::Excellent`] to [`Grade::VeryBad`].
    pub fn grade(&self) -> Grade {
        let round_trip = self.round_trip.unwrap_or_default().as_millis();
        let steps = [
            LIMITS.lost.iter().filter(|limit| self.fraction_lost > **limit).count(),
            LIMITS.round_trip_ms.iter().filter(|limit| round_trip > **limit).count(),
            LIMITS.jitter_ms.iter().filter(|limit| self.jitter.as_millis() > **limit).count(),
        ];
        match steps.into_iter().max() {
            None | Some(0) => Grade::Excellent,
            Some(1) => Grade::Good,
            Some(2) => Grade::Poor,
            Some(3) => Grade::Bad,
            Some(_) => Grade::VeryBad,
        }
    }

    /// Field by field the worse of both.
    pub(crate) fn worse(self, other: Self) -> Self {
        Self {
            round_trip: self.round_trip.max(other.round_trip),
            fraction_lost: self.fraction_lost.max(other.fraction_lost),
            jitter: self.jitter.max(other.jitter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_loss_round_trip_and_jitter_is_the_grade() {
        use Grade::{Bad, Excellent, Good, Poor, VeryBad};
        // Loss of 256, round trip and jitter in ms.
        let table = [
            (0, None, 0, Excellent),
            (5, Some(200), 30, Excellent),
            (6, Some(10), 0, Good),
            (13, None, 0, Good),
            (14, None, 0, Poor),
            (26, None, 0, Poor),
            (27, None, 0, Bad),
            (51, None, 0, Bad),
            (52, None, 0, VeryBad),
            (255, Some(1), 1, VeryBad),
            (0, Some(201), 0, Good),
            (0, Some(351), 0, Poor),
            (0, Some(551), 0, Bad),
            (0, Some(801), 0, VeryBad),
            (0, Some(60_000), 0, VeryBad),
            (0, None, 31, Good),
            (0, None, 51, Poor),
            (0, None, 81, Bad),
            (0, None, 121, VeryBad),
            (6, Some(351), 81, Bad),
        ];
        for (fraction_lost, round_trip, jitter, grade) in table {
            let quality = Quality {
                fraction_lost,
                round_trip: round_trip.map(Duration::from_millis),
                jitter: Duration::from_millis(jitter),
            };
            assert_eq!(quality.grade(), grade, "{quality:?}");
        }
    }

    #[test]
    fn the_worse_of_two_streams_counts_in_each_field() {
        let one = Quality { round_trip: None, fraction_lost: 9, jitter: Duration::from_millis(1) };
        let other = Quality {
            round_trip: Some(Duration::from_millis(5)),
            fraction_lost: 3,
            jitter: Duration::from_millis(2),
        };
        let both = Quality { fraction_lost: 9, ..other };
        assert_eq!((one.worse(other), other.worse(one)), (both, both));
    }
}
