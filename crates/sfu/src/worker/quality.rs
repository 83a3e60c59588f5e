//! What is known of the lines, gathered when somebody asks.

use std::time::{Duration, Instant};

use super::Worker;
use crate::{Event, LinkReport, Quality, TransportId, ortc::MediaKind, streams::Feed};

/// How long a receiver's report counts. Chromium sends one at least every 7.5 s while it receives sound only; longer
/// keeps a bad grade alive after the stream has ended.
const REPORT_LIFE: Duration = Duration::from_secs(10);

impl Worker {
    /// Unknown transports are left out: they may have closed since the question was sent.
    pub(super) fn report_quality(&mut self, now: Instant, of: &[TransportId]) {
        let reports = of.iter().filter_map(|id| Some((*id, self.link_report(now, *id)?))).collect();
        self.events.push(Event::Quality(reports));
    }

    fn link_report(&mut self, now: Instant, id: TransportId) -> Option<LinkReport> {
        let transport = self.transports.get_mut(*self.transport_ids.get(&id)?)?;
        let mut up: Option<Quality> = None;
        for inbound in transport.inbound.iter_mut() {
            let Feed::Media { producer, .. } = inbound.feed else { continue };
            let Some(quality) = inbound.reception.recent() else { continue };
            let quality = of_kind(quality, self.producers.get(producer).map(|producer| producer.kind));
            up = Some(up.map_or(quality, |up| up.worse(quality)));
        }
        let mut down: Option<Quality> = None;
        for &at in &transport.consumers {
            let Some(consumer) = self.consumers.get(at) else { continue };
            let fresh =
                consumer.reported_at.is_some_and(|at| now.saturating_duration_since(at) < REPORT_LIFE);
            if !fresh {
                continue;
            }
            let kind = self.producers.get(consumer.producer).map(|producer| producer.kind);
            let quality = of_kind(consumer.quality, kind);
            down = Some(down.map_or(quality, |down| down.worse(quality)));
        }
        Some(LinkReport { silent: now.saturating_duration_since(transport.heard), up, down })
    }
}

fn of_kind(quality: Quality, kind: Option<MediaKind>) -> Quality {
    if kind == Some(MediaKind::Audio) { quality } else { Quality { jitter: Duration::ZERO, ..quality } }
}
