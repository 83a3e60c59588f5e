//! What each subscriber is given of the video it wants.

use std::time::Instant;

use super::Worker;
use crate::{
    allocation::{Answer, MAX_LAYERS, Raise, Source},
    consumer::Consumer,
    downlink::micros,
    estimate::Overuse,
    ortc::MediaKind,
    probe::Outcome,
};

impl Worker {
    /// Looks at what a subscriber is given, when it is time to.
    pub(super) fn allocate(&mut self, now: Instant, index: usize) {
        let Some(transport) = self.transports.get_mut(index).filter(|transport| transport.is_open()) else {
            return;
        };
        let Some(downlink) = transport.downlink.as_mut() else { return };
        let micros = micros(self.epoch, now);
        let outcome = downlink.probe.as_mut().and_then(|probe| probe.step(micros));
        if let Some(outcome) = outcome {
            downlink.end_probe(micros, outcome);
            *match outcome {
                Outcome::Good(_) => &mut self.counters.probes_good,
                Outcome::Bad => &mut self.counters.probes_bad,
            } += 1;
        }
        if !downlink.take_due(now) && !matches!(outcome, Some(Outcome::Good(_))) {
            // The next cluster may have begun.
            return self.arm_probe(now, index);
        }
        let overuse = downlink.estimator.overuse(micros);
        if overuse.is_some() && downlink.probe.is_some() {
            // Filling is the first to go.
            downlink.end_probe(micros, Outcome::Bad);
            self.counters.probes_bad += 1;
        }
        if overuse.is_none() && (downlink.probe.is_some() || !downlink.budget.is_limited()) {
            return self.arm_probe(now, index);
        }
        let can_fill = |at: &usize| self.consumers.get(*at).is_some_and(Consumer::can_fill);
        let probes = downlink.estimator.has_feedback(micros) && transport.consumers.iter().any(can_fill);
        let mut audio = 0;
        let (mut sources, mut chosen) = (std::mem::take(&mut self.sources), std::mem::take(&mut self.chosen));
        for &at in &transport.consumers {
            let Some(consumer) = self.consumers.get(at).filter(|consumer| !consumer.paused) else { continue };
            let Some(producer) = self.producers.get(consumer.producer).filter(|p| p.active) else { continue };
            let rate = |layer: u8| producer.rate(micros, layer);
            if producer.kind == MediaKind::Audio {
                audio += rate(0);
                continue;
            }
            let wanted = producer.attainable(consumer.mapping.layer);
            let mut rates = [0; MAX_LAYERS];
            rates.iter_mut().zip(0..).for_each(|(to, layer)| *to = rate(layer));
            sources.push(Source { wanted, given: consumer.given.map(|given| given.min(wanted)), rates });
            chosen.push(at);
        }
        match overuse {
            Some(cause) => {
                let arriving = downlink.estimator.arriving(micros);
                let answer = downlink.budget.lower(micros, arriving, audio, &mut sources);
                let less = answer == Answer::Less;
                if answer != Answer::Echo {
                    downlink.estimator.answered(micros, less.then_some(cause));
                }
                if less {
                    *match cause {
                        Overuse::GrowingQueue => &mut self.counters.overuse_growing_queue,
                        Overuse::StandingQueue => &mut self.counters.overuse_standing_queue,
                        Overuse::Loss => &mut self.counters.overuse_loss,
                    } += 1;
                }
            }
            None => match downlink.budget.raise(micros, audio, probes, &mut sources) {
                Raise::Nothing => {}
                Raise::More => downlink.estimator.raised(micros),
                Raise::Probe(goal) => {
                    self.counters.probes_sent += u64::from(downlink.begin_probe(micros, goal));
                }
            },
        }
        let limited = downlink.budget.is_limited();
        for (source, at) in sources.drain(..).zip(chosen.drain(..)) {
            // Without a limit what is wanted later is given as well.
            self.give(now, at, if limited { source.given } else { Some(u8::MAX) });
        }
        (self.sources, self.chosen) = (sources, chosen);
        self.arm_probe(now, index);
    }

    /// Gives a consumer layers up to `given`, or pauses it.
    fn give(&mut self, now: Instant, index: usize, given: Option<u8>) {
        let Some(consumer) = self.consumers.get_mut(index) else { return };
        // What is wanted may be more than there is.
        let streams =
            self.producers.get(consumer.producer).map_or(1, |producer| producer.media.streams.len());
        let wanted = consumer.mapping.layer.min(streams.saturating_sub(1) as u8);
        let before = std::mem::replace(&mut consumer.given, given);
        let effective = |given: Option<u8>| given.map(|given| given.min(wanted));
        match (effective(before), effective(given)) {
            (before, after) if before == after => return,
            (_, None) => {
                self.counters.paused_by_bandwidth += 1;
                consumer.rewrite.interrupt();
            }
            (None, Some(_)) => {
                self.counters.resumed_by_bandwidth += 1;
                self.restart(index);
            }
            (before, after) if after < before => {
                self.counters.layers_lowered += 1;
                // What is too much does not go on until the keyframe comes.
                self.restart(index);
            }
            _ => {
                self.counters.layers_raised += 1;
                self.want_keyframe(index);
            }
        }
        self.want_layers(now, index);
    }
}
