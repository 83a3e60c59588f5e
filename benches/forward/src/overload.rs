//! More want to come than fit: newcomers are admitted until the server refuses them, and go on asking. Those who are
//! seated must hardly notice.
//!
//! Who is seated is a room of its own, measured alone first. Newcomers fill rooms of their own: one sends, the others
//! get it. They are told apart by what they cost: newcomers do not read what they get, so that the load, which has one
//! core, bears more of them than the server does.

use std::{collections::VecDeque, time::Duration};

use anyhow::{Context as _, bail, ensure};
use rotunda_bench_forward::{
    load::media::Source,
    machine,
    wire::{Ask, Publish, Subscribe, Tell},
};
use rotunda_sfu::ortc::MediaKind;
use serde::Serialize;

use crate::{
    scenario::{AUDIO, DISTURBED_ABOVE, FIRST_SSRC, Run, Scenario, VIDEO, VOID_ABOVE},
    server::Kind,
};

/// The p99 of those who are seated while newcomers are refused, by that before there were any, at most.
pub const LATENCY_BAR: f64 = 2.0;
/// Handshakes of newcomers in flight.
const AT_ONCE: usize = 8;
/// Ids of what newcomers send and get begin here.
const FIRST_ID: u64 = 1 << 32;
const KINDS: [(MediaKind, f64); 2] = [(MediaKind::Audio, AUDIO), (MediaKind::Video, VIDEO)];

/// How much of it.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Who is seated.
    pub seated: Scenario,
    /// Who comes to each further room: one who sends, and those who get it.
    pub room: u64,
    /// From one newcomer to the next.
    pub every: Duration,
    pub warm: Duration,
    pub window: Duration,
    /// Newcomers are refused by then, or the run has failed.
    pub patience: Duration,
}

#[derive(Debug, Clone, Serialize)]
pub struct Overload {
    pub seated: usize,
    pub admitted: usize,
    /// In the window in which newcomers are refused.
    pub refused: usize,
    pub admitted_late: usize,
    /// Per mille, when somebody was refused first.
    pub busy: u32,
    /// p50 and p99 of the seated in µs: before, while newcomers are admitted, and while they are refused.
    pub before_us: [u64; 2],
    pub joining_us: [u64; 2],
    pub full_us: [u64; 2],
    /// Sequence numbers missing among the seated while newcomers are refused.
    pub gaps: u64,
    /// Percent of that window.
    pub server_cpu: f64,
    pub server_waited: f64,
    pub load_cpu: f64,
    pub load_waited: f64,
}

impl Overload {
    pub fn ratio(&self) -> f64 {
        self.full_us[1] as f64 / self.before_us[1] as f64
    }

    /// Whether the bar holds, and what to say about it.
    pub fn verdict(&self) -> Result<String, String> {
        let ratio = self.ratio();
        if self.load_cpu > VOID_ABOVE {
            Err(format!("Nothing is shown: the load took more than {VOID_ABOVE} %."))
        } else if self.server_waited.max(self.load_waited) > DISTURBED_ABOVE {
            // Both the delays and how busy the server finds itself are then those of others.
            Err(format!("Nothing is shown: other processes had the cores for more than {DISTURBED_ABOVE} %."))
        } else if ratio <= LATENCY_BAR {
            Ok(format!("p99 of the seated {ratio:.2} of what it was alone, at most {LATENCY_BAR}: holds."))
        } else {
            Err(format!("p99 of the seated {ratio:.2} of what it was alone, at most {LATENCY_BAR}: ABOVE."))
        }
    }

    pub fn markdown(&self) -> String {
        let millis = |[p50, p99]: [u64; 2]| format!("{:.1}, {:.1}", p50 as f64 / 1e3, p99 as f64 / 1e3);
        let (Ok(verdict) | Err(verdict)) = self.verdict();
        format!(
            "| seated | admitted | refused | busy at the first refusal | p50, p99 ms alone | while others join | \
             while they are refused | gaps | server CPU, waited | load CPU, waited |\n\
             | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n\
             | {} | {} and {} later | {} | {} % | {} | {} | {} | {} | {:.0} %, {:.0} % | {:.0} %, {:.0} % |\n\n{verdict}\n",
            self.seated,
            self.admitted,
            self.admitted_late,
            self.refused,
            self.busy / 10,
            millis(self.before_us),
            millis(self.joining_us),
            millis(self.full_us),
            self.gaps,
            self.server_cpu,
            self.server_waited,
            self.load_cpu,
            self.load_waited,
        )
    }
}

/// Newcomers and where each of them is on the way in.
#[derive(Default)]
struct Queue {
    /// Answers to come.
    asked: usize,
    admitted: usize,
    refused: usize,
    /// Of the last answer, and of the first refusal.
    busy: u32,
    busy_at_refusal: Option<u32>,
    /// Connecting: peer, and whether the server has said that it is connected.
    connecting: VecDeque<(u64, bool)>,
    seated: u64,
    subscriptions: u64,
    /// The one who sends to the room that fills up.
    publisher: u64,
}

/// Runs it.
///
/// # Errors
/// Something failed that a run must not survive, or nobody was ever refused.
pub fn run(plan: &Plan, core: Option<usize>) -> anyhow::Result<Overload> {
    let mut run = Run::prepare(&plan.seated, Kind::Rotunda, core)?;
    run.load.begin_media();
    run.load.run_for(plan.warm)?;
    run.load.begin_window();
    run.load.run_for(plan.window)?;
    let before_us = latency(&run)?;

    let mut queue = Queue::default();
    run.load.begin_window();
    let give_up = run.load.now() + plan.patience;
    while queue.busy_at_refusal.is_none() {
        queue.turn(&mut run, plan)?;
        ensure!(
            run.load.now() < give_up,
            "nobody was refused: {} came, and the server is busy {} % of its time",
            queue.admitted,
            queue.busy / 10,
        );
    }
    let joining_us = latency(&run)?;
    let admitted = queue.admitted;
    // Those on the way in arrive.
    let settle = run.load.now() + plan.warm;
    while run.load.now() < settle {
        queue.turn(&mut run, plan)?;
    }

    run.load.begin_window();
    let (pid, own) = (run.pid(), std::process::id());
    let (refused, begin) = (queue.refused, run.load.now());
    let (server, load) = (machine::scheduled(pid), machine::scheduled(own));
    while run.load.now() < begin + plan.window {
        queue.turn(&mut run, plan)?;
    }
    let (server_after, load_after) = (machine::scheduled(pid), machine::scheduled(own));
    let wall = (run.load.now() - begin).as_nanos() as f64;
    let percent = |nanos: u64| nanos as f64 * 100.0 / wall;
    let full_us = latency(&run)?;
    let gaps = run.load.lights().flat_map(|light| &light.streams).map(|stream| stream.gaps()).sum();
    Ok(Overload {
        seated: plan.seated.members(),
        admitted,
        refused: queue.refused - refused,
        admitted_late: queue.admitted - admitted,
        busy: queue.busy_at_refusal.unwrap_or(0),
        before_us,
        joining_us,
        full_us,
        gaps,
        server_cpu: percent(server_after.ran - server.ran),
        server_waited: percent(server_after.waited - server.waited),
        load_cpu: percent(load_after.ran - load.ran),
        load_waited: percent(load_after.waited - load.waited),
    })
}

/// p50 and p99 of the window, µs.
fn latency(run: &Run<'_>) -> anyhow::Result<[u64; 2]> {
    let latency = &run.load.latency;
    ensure!(!latency.is_empty(), "nothing arrived");
    Ok([0.5, 0.99].map(|quantile| latency.value_at_quantile(quantile)))
}

impl Queue {
    /// The next newcomer asks, and those who were admitted go on.
    fn turn(&mut self, run: &mut Run<'_>, plan: &Plan) -> anyhow::Result<()> {
        if self.asked + self.connecting.len() < AT_ONCE {
            let room = FIRST_ID + self.seated / plan.room;
            run.server.ask(&Ask::Admit { room })?;
            self.asked += 1;
        }
        let end = run.load.now() + plan.every;
        while let Some(left) = end.checked_duration_since(run.load.now()).filter(|left| !left.is_zero()) {
            run.load.turn(left.min(Duration::from_millis(1)))?;
            self.listen(run)?;
        }
        while let Some(&(peer, true)) =
            self.connecting.front().filter(|(peer, _)| run.load.is_connected(*peer))
        {
            self.connecting.pop_front();
            self.seat(run, peer, plan)?;
        }
        if let Some(death) = run.load.deaths().first() {
            bail!("a client died: {death}");
        }
        Ok(())
    }

    fn listen(&mut self, run: &mut Run<'_>) -> anyhow::Result<()> {
        while let Some(tell) = run.server.told()? {
            match tell {
                Tell::Admission { admitted, busy } => {
                    self.asked -= 1;
                    self.busy = busy;
                    if admitted {
                        self.admitted += 1;
                        let open = run.load.join(run.server.address, &run.server.fingerprint)?;
                        self.connecting.push_back((open.id, false));
                        run.server.ask(&Ask::Open(open))?;
                    } else {
                        self.refused += 1;
                        self.busy_at_refusal.get_or_insert(busy);
                    }
                }
                Tell::Opened { id } => run.load.begin(id),
                Tell::Connected { id, .. } => {
                    let waiting = self.connecting.iter_mut().find(|(peer, _)| *peer == id);
                    waiting.context("a transport nobody opened")?.1 = true;
                }
                other => bail!("the server said {other:?}"),
            }
        }
        Ok(())
    }

    /// Gives somebody who is connected a place: the first of a room sends, the others get it.
    fn seat(&mut self, run: &mut Run<'_>, peer: u64, plan: &Plan) -> anyhow::Result<()> {
        run.load.lighten(peer)?;
        run.load.deafen(peer)?;
        let place = self.seated % plan.room;
        self.seated += 1;
        if place == 0 {
            self.publisher = peer;
        }
        let producer = |at: usize| FIRST_ID + 2 * self.publisher + at as u64;
        for (at, (kind, rate)) in KINDS.into_iter().enumerate() {
            let ssrc = 10_000 + 2 * at as u32;
            if place == 0 {
                let (id, room) = (producer(at), producer(at));
                run.server.ask_later(&Ask::Publish(Publish { id, room, transport: peer, kind, ssrc }))?;
                run.load.add_source(peer, Source::new(kind, ssrc, rate, 0));
            } else {
                let id = FIRST_ID + self.subscriptions;
                self.subscriptions += 1;
                let (ssrc, mid) = (FIRST_SSRC + 2 * at as u32, at.to_string());
                let producer = producer(at);
                run.server.ask_later(&Ask::Subscribe(Subscribe {
                    id,
                    transport: peer,
                    producer,
                    kind,
                    ssrc,
                    mid,
                }))?;
            }
        }
        run.server.flush()?;
        run.load.begin_media();
        Ok(())
    }
}
