//! A call over emulated links: publishers as encoders and pacers make them, subscribers that answer with feedback.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet, VecDeque},
    fmt::Write as _,
    time::Instant,
};

use super::{
    netem::Link,
    plot::{Moment, RESOLUTION},
    *,
};
use crate::{downlink::BELOW_RTP, srtp::MAX_OVERHEAD, twcc::Arrivals};

const STEP: Duration = Duration::from_millis(5);
/// Pictures per second, and how many times larger a keyframe is than the others.
const FRAMES: u64 = 25;
const KEYFRAME: u64 = 6;
/// Publishers pace what they send at so many times their rate.
const PACING: f64 = 2.5;
/// Bytes of payload in a packet at most, and of an audio packet: 40 kbit/s with all around it.
const PAYLOAD: usize = 1_000;
const SPEECH: usize = 72;
/// The subscribers' id of the extension.
const TRANSPORT_CC: u8 = 3;
/// Subscribers' streams begin here; those of their retransmissions so much higher.
const FIRST_SSRC: u32 = 100_000;
const RTX: u32 = 50_000;

/// A camera with its layers, the lowest first.
struct Camera {
    producer: u64,
    peer: usize,
    first_ssrc: u32,
    /// Bits per second of each layer.
    rates: Vec<u64>,
    keyframe: Vec<bool>,
    /// Layers it sends, from the lowest.
    sends: usize,
    index: Vec<u64>,
    /// Layer, payload type and payload, with the time it leaves.
    paced: VecDeque<(Instant, usize, u32, Vec<u8>)>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Packet {
    at: Instant,
    order: u64,
    subscriber: usize,
    ssrc: u32,
    index: u64,
    bytes: usize,
    carries: Carries,
    number: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Carries {
    Sound,
    Layer(usize),
    /// What was sent before, or padding.
    Filling,
}

/// What one subscriber got in one second.
#[derive(Debug, Clone, Default)]
pub(super) struct Second {
    pub(super) audio_sent: usize,
    pub(super) audio: usize,
    /// Bytes of each layer.
    pub(super) layers: [usize; 2],
    /// Packets of sound and of pictures that were sent and will not arrive.
    pub(super) lost: usize,
    /// Bytes of filling that were sent.
    pub(super) filling: usize,
    pub(super) queue: Duration,
}

struct Subscriber {
    peer: usize,
    link: usize,
    audio: u32,
    /// None: answers with receiver reports only.
    arrivals: Option<Arrivals>,
    /// Highest index and packets since the last report, by SSRC.
    received: HashMap<u32, (u64, u64, u64)>,
    seconds: Vec<Second>,
    moments: Vec<Moment>,
}

pub(super) struct Call {
    pub(super) world: World,
    pub(super) links: Vec<Link>,
    /// Cameras send what they are told to.
    pub(super) obeys: bool,
    start: Instant,
    microphone: usize,
    cameras: Vec<Camera>,
    subscribers: Vec<Subscriber>,
    way: BinaryHeap<Reverse<Packet>>,
    order: u64,
    /// Subscriber, SSRC and index of every packet.
    sealed: HashSet<(usize, u32, u64)>,
    /// Subscriber, time and bytes of each portion of filling.
    filling: Vec<(usize, Instant, usize)>,
    read: HashMap<usize, usize>,
}

impl Call {
    /// A microphone and the cameras, each given by the rates of its layers, and the links to subscribers.
    pub(super) fn new(cameras: &[&[u64]], links: Vec<Link>) -> Self {
        let mut world = World::new();
        let microphone = world.connected();
        world.produce(1, microphone, MediaKind::Audio);
        let cameras = cameras.iter().zip(0..).map(|(rates, number)| {
            let (producer, peer, first_ssrc) = (100 + number, world.connected(), 20_000 + 10 * number as u32);
            let encodings: Vec<_> =
                (first_ssrc..).take(rates.len()).map(|ssrc| serde_json::json!({"ssrc": ssrc})).collect();
            let mut parameters = parameters(MediaKind::Video);
            parameters.encodings = serde_json::from_value(serde_json::json!(encodings)).unwrap();
            let media = producer_media(MediaKind::Video, &parameters).unwrap();
            let transport = world.peers[peer].id;
            let kind = MediaKind::Video;
            world.apply(Command::AddProducer(ProducerSpec {
                id: ProducerId(producer),
                room: RoomId(1),
                transport,
                kind,
                media,
                active: true,
            }));
            Camera {
                producer,
                peer,
                first_ssrc,
                keyframe: vec![true; rates.len()],
                sends: rates.len(),
                index: vec![1; rates.len()],
                rates: rates.to_vec(),
                paced: VecDeque::new(),
            }
        });
        let cameras = cameras.collect();
        let start = world.now;
        Self {
            world,
            links,
            obeys: false,
            start,
            microphone,
            cameras,
            subscribers: vec![],
            way: BinaryHeap::new(),
            order: 0,
            sealed: HashSet::new(),
            filling: vec![],
            read: HashMap::new(),
        }
    }

    /// Somebody who receives everything over a link; with transport-wide feedback or without. Their number.
    pub(super) fn subscribe(&mut self, link: usize, feedback: bool) -> usize {
        self.subscribe_with(link, feedback, true)
    }

    /// Somebody with feedback who takes no retransmissions in a stream of their own.
    pub(super) fn subscribe_without_rtx(&mut self, link: usize) -> usize {
        self.subscribe_with(link, true, false)
    }

    fn subscribe_with(&mut self, link: usize, feedback: bool, rtx: bool) -> usize {
        let peer = self.world.connected();
        let number = self.subscribers.len();
        let first = 1_000 * (number as u64 + 1);
        let audio = self.world.consume(first, peer, 1, MediaKind::Audio);
        let producers: Vec<u64> = self.cameras.iter().map(|camera| camera.producer).collect();
        for (producer, id) in producers.into_iter().zip(first + 1..) {
            self.consume(id, peer, producer, feedback, rtx);
        }
        let arrivals = feedback.then(Arrivals::default);
        let (received, seconds, moments) = (HashMap::new(), vec![], vec![]);
        self.subscribers.push(Subscriber { peer, link, audio, arrivals, received, seconds, moments });
        number
    }

    fn consume(&mut self, id: u64, peer: usize, producer: u64, feedback: bool, rtx: bool) {
        let ssrc = FIRST_SSRC + id as u32;
        let ssrcs = ConsumerSsrcs { media: ssrc, rtx: ssrc + RTX };
        let mut capabilities = router_capabilities();
        capabilities.header_extensions.retain(|extension| feedback || extension.preferred_id != TRANSPORT_CC);
        capabilities.codecs.retain(|codec| rtx || !codec.mime_type.ends_with("/rtx"));
        let (_, mapping) = consumer(&media(MediaKind::Video), &capabilities, "7", ssrcs, "name").unwrap();
        self.world.apply(Command::AddConsumer(ConsumerSpec {
            id: ConsumerId(id),
            transport: self.world.peers[peer].id,
            producer: ProducerId(producer),
            mapping,
            paused: false,
        }));
    }

    /// The subscriber wants that layer of every camera from now on.
    pub(super) fn want(&mut self, subscriber: usize, layer: u8) {
        let first = 1_000 * (subscriber as u64 + 1) + 1;
        for id in (first..).take(self.cameras.len()) {
            self.world.apply(Command::SetConsumerLayer(ConsumerId(id), layer));
        }
    }

    /// Lets `seconds` pass.
    pub(super) fn run(&mut self, seconds: u64) {
        let end = self.world.now + Duration::from_secs(seconds);
        while self.world.now < end {
            self.world.pass(STEP);
            let passed = (self.world.now - self.start).as_millis() as u64;
            for subscriber in 0..self.subscribers.len() {
                let queue = self.links[self.subscribers[subscriber].link].queue(self.world.now);
                let second = self.second(subscriber);
                second.queue = second.queue.max(queue);
                let link = &self.links[self.subscribers[subscriber].link];
                let (capacity, known) = (link.rate, self.known(subscriber));
                let moment = self.moment(subscriber);
                (moment.capacity, moment.known) = (capacity, known);
                moment.queue_ms = moment.queue_ms.max(queue.as_secs_f64() * 1_000.0);
            }
            if passed.is_multiple_of(20) {
                let index = passed / 20;
                let packet = self.world.peers[self.microphone].seal(
                    109,
                    AUDIO_SSRC,
                    index,
                    index as u32 * 960,
                    &[],
                    &[9; SPEECH],
                );
                self.world.send(self.microphone, vec![packet]);
            }
            self.film(passed);
            self.carry();
            self.arrive();
            if passed.is_multiple_of(100) {
                self.answer(passed.is_multiple_of(1_000));
            }
            // A transport that is never checked is lost.
            if passed.is_multiple_of(15_000) {
                self.check_in();
            }
        }
    }

    /// Encodes a picture of each layer when it is time, and sends what the pacers let go.
    fn film(&mut self, passed: u64) {
        let now = self.world.now;
        for event in self.world.worker.take_events() {
            if let Event::LayersWanted { producer, layers, .. } = event
                && let Some(camera) = self.cameras.iter_mut().find(|camera| camera.producer == producer.0)
                && self.obeys
            {
                let before = std::mem::replace(&mut camera.sends, usize::from(layers));
                camera.keyframe.iter_mut().skip(before).for_each(|keyframe| *keyframe = true);
            }
        }
        for camera in &mut self.cameras {
            let told = &self.world.peers[camera.peer].rtcp;
            let read = self.read.entry(camera.peer).or_default();
            for compound in &told[*read..] {
                rtcp::read(compound, |statement| {
                    if let Statement::KeyframeRequest { ssrc } = statement
                        && let Some(wanted) = camera.keyframe.get_mut((ssrc - camera.first_ssrc) as usize)
                    {
                        *wanted = true;
                    }
                });
            }
            *read = told.len();
            if passed.is_multiple_of(1_000 / FRAMES) {
                let total: u64 = camera.rates.iter().sum();
                let mut leaves = camera.paced.back().map_or(now, |(at, ..)| now.max(*at));
                for (layer, rate) in camera.rates.iter().enumerate().take(camera.sends) {
                    let keyframe = std::mem::take(&mut camera.keyframe[layer]);
                    let frame = rate / 8 / FRAMES * if keyframe { KEYFRAME } else { 1 };
                    let mut left = (frame as usize).max(10);
                    let mut first = true;
                    while left > 0 {
                        let length = left.clamp(4, PAYLOAD);
                        left -= left.min(PAYLOAD);
                        let mut payload = vec![layer as u8; length];
                        (payload[0], payload[1]) = (if first { 0x10 } else { 0 }, u8::from(!keyframe));
                        first = false;
                        camera.paced.push_back((leaves, layer, passed as u32 * 90, payload));
                        leaves += Duration::from_secs_f64(length as f64 * 8.0 / (total as f64 * PACING));
                    }
                }
            }
            let mut datagrams = vec![];
            while let Some((_, layer, timestamp, payload)) = camera.paced.pop_front_if(|(at, ..)| *at <= now)
            {
                let (ssrc, index) = (camera.first_ssrc + layer as u32, camera.index[layer]);
                camera.index[layer] += 1;
                datagrams.push(self.world.peers[camera.peer].seal(
                    120,
                    ssrc,
                    index,
                    timestamp,
                    &[],
                    &payload,
                ));
            }
            for chunk in datagrams.chunks(32) {
                self.world.send(camera.peer, chunk.to_vec());
            }
        }
    }

    /// Puts what the worker sent onto the links.
    fn carry(&mut self) {
        let now = self.world.now;
        for number in 0..self.subscribers.len() {
            let (peer, link) = (self.subscribers[number].peer, self.subscribers[number].link);
            for packet in std::mem::take(&mut self.world.peers[peer].rtp) {
                let carries = match packet.header.ssrc {
                    ssrc if ssrc == self.subscribers[number].audio => Carries::Sound,
                    ssrc if ssrc >= FIRST_SSRC + RTX => Carries::Filling,
                    _ => Carries::Layer(usize::from(packet.payload()[2])),
                };
                let bytes = packet.plain.len() + MAX_OVERHEAD + BELOW_RTP;
                let second = self.second(number);
                match carries {
                    Carries::Sound => second.audio_sent += 1,
                    Carries::Layer(_) => {}
                    Carries::Filling => {
                        second.filling += bytes;
                        match self.filling.last_mut().filter(|(of, at, _)| (*of, *at) == (number, now)) {
                            Some((_, _, portion)) => *portion += bytes,
                            None => self.filling.push((number, now, bytes)),
                        }
                    }
                }
                let kind = match carries {
                    Carries::Sound => 0,
                    Carries::Layer(layer) => 1 + layer,
                    Carries::Filling => 3,
                };
                self.moment(number).sent[kind] += bytes;
                // A nonce is made of both: no pair may be sealed twice.
                let is_new = self.sealed.insert((number, packet.header.ssrc, packet.index));
                assert!(is_new, "{number}: {} {} sealed twice", packet.header.ssrc, packet.index);
                let Some(at) = self.links[link].send(now, bytes) else {
                    let lost = usize::from(carries != Carries::Filling);
                    self.second(number).lost += lost;
                    self.moment(number).lost += lost;
                    continue;
                };
                let number_of = |value: &[u8]| value.try_into().map(u16::from_be_bytes).ok();
                self.order += 1;
                self.way.push(Reverse(Packet {
                    at,
                    order: self.order,
                    subscriber: number,
                    ssrc: packet.header.ssrc,
                    index: packet.index,
                    bytes,
                    carries,
                    number: packet.extension(TRANSPORT_CC).and_then(number_of),
                }));
            }
        }
    }

    fn arrive(&mut self) {
        while self.way.peek().is_some_and(|Reverse(packet)| packet.at <= self.world.now) {
            let Some(Reverse(packet)) = self.way.pop() else { return };
            let subscriber = &mut self.subscribers[packet.subscriber];
            // The receiver's clock began long ago.
            let tick = 77_000_000 + (packet.at - self.start).as_micros() as u64 / 250;
            if let (Some(arrivals), Some(number)) = (subscriber.arrivals.as_mut(), packet.number) {
                arrivals.packet(number, tick);
            }
            let received =
                subscriber.received.entry(packet.ssrc).or_insert((packet.index - 1, packet.index - 1, 0));
            *received = (received.0, received.1.max(packet.index), received.2 + 1);
            let second = self.second(packet.subscriber);
            match packet.carries {
                Carries::Sound => second.audio += 1,
                Carries::Layer(layer) => second.layers[layer] += packet.bytes,
                Carries::Filling => {}
            }
        }
    }

    /// Feedback of every subscriber, and each second the reports.
    fn answer(&mut self, reports: bool) {
        for number in 0..self.subscribers.len() {
            let peer = self.subscribers[number].peer;
            let mut plain = [0; 1_400];
            let mut compounds = vec![];
            let mut write = |fill: &dyn Fn(&mut Writer<'_>)| {
                let mut writer = Writer::new(&mut plain);
                fill(&mut writer);
                let length = writer.length();
                compounds.push(plain[..length].to_vec());
            };
            let subscriber = &mut self.subscribers[number];
            while let Some(body) = subscriber.arrivals.as_mut().and_then(Arrivals::next_feedback) {
                write(&|writer| assert!(writer.put_transport_feedback(1, body.bytes())));
            }
            if reports {
                let blocks = subscriber.received.iter_mut().map(|(ssrc, (before, highest, count))| {
                    let expected = *highest - *before;
                    let lost = expected.saturating_sub(*count);
                    (*before, *count) = (*highest, 0);
                    rtcp::ReportBlock {
                        ssrc: *ssrc,
                        fraction_lost: (lost * 256).checked_div(expected).unwrap_or(0).min(255) as u8,
                        ..Default::default()
                    }
                });
                let blocks: Vec<_> = blocks.collect();
                write(&|writer| assert!(writer.put_receiver_report(&blocks)));
            }
            for compound in compounds {
                let packet = self.world.peers[peer].seal_rtcp(&compound);
                self.world.send(peer, vec![packet]);
            }
        }
    }

    /// Checks of everybody, which keep the transports.
    fn check_in(&mut self) {
        (0..self.world.peers.len()).for_each(|peer| self.world.check(peer, true));
    }

    fn second(&mut self, subscriber: usize) -> &mut Second {
        let at = (self.world.now - self.start).as_millis().saturating_sub(1) as usize / 1_000;
        let seconds = &mut self.subscribers[subscriber].seconds;
        if seconds.len() <= at {
            seconds.resize(at + 1, Second::default());
        }
        &mut seconds[at]
    }

    fn moment(&mut self, subscriber: usize) -> &mut Moment {
        let passed = (self.world.now - self.start).as_millis().saturating_sub(1) as usize;
        let (at, moments) = (passed * RESOLUTION / 1_000, &mut self.subscribers[subscriber].moments);
        if moments.len() <= at {
            moments.resize(at + 1, Moment::default());
        }
        &mut moments[at]
    }

    /// Bits per second that the way to a subscriber is known to carry; None: nothing is limited.
    fn known(&self, subscriber: usize) -> Option<u64> {
        let id = self.world.peers[self.subscribers[subscriber].peer].id;
        let worker = &self.world.worker;
        let transport = worker.transport_ids.get(&id).and_then(|at| worker.transports.get(*at));
        transport.and_then(|transport| transport.downlink.as_ref()?.budget.capacity())
    }

    /// Layers a camera sends.
    pub(super) fn sends(&self, camera: usize) -> usize {
        self.cameras[camera].sends
    }

    /// Draws what went to a subscriber, see [`plot`].
    pub(super) fn plot(&self, subscriber: usize, name: &str, title: &str, most: u64) {
        super::plot::write(name, title, &self.subscribers[subscriber].moments, most);
    }

    pub(super) fn seconds(&self, subscriber: usize) -> &[Second] {
        &self.subscribers[subscriber].seconds
    }

    /// Share of the audio packets sent in those seconds that did not arrive.
    pub(super) fn audio_loss(&self, subscriber: usize, seconds: std::ops::Range<usize>) -> f64 {
        let seconds = &self.subscribers[subscriber].seconds[seconds];
        let (sent, got) =
            seconds.iter().fold((0, 0), |(s, g), second| (s + second.audio_sent, g + second.audio));
        1.0 - (got as f64 / sent as f64).min(1.0)
    }

    /// Packets of sound and of pictures sent in those seconds that never arrived.
    pub(super) fn lost(&self, subscriber: usize, seconds: std::ops::Range<usize>) -> usize {
        self.subscribers[subscriber].seconds[seconds].iter().map(|second| second.lost).sum()
    }

    /// The bytes of filling that left within 5 ms at most, and in how many portions all of it left.
    pub(super) fn largest_filling(&self, subscriber: usize) -> (usize, usize) {
        let portions = self.filling.iter().filter(|(of, ..)| *of == subscriber);
        (portions.clone().map(|(_, _, bytes)| *bytes).max().unwrap_or(0), portions.count())
    }

    /// What arrived, a line for each second: kbit/s of each layer, audio packets, the longest queue, kbit/s of filling
    /// sent.
    pub(super) fn text(&self, subscriber: usize) -> String {
        let mut text = String::from("  s    low   high  audio  queue   fill\n");
        for (at, second) in self.subscribers[subscriber].seconds.iter().enumerate() {
            let [low, high] = second.layers.map(|bytes| bytes * 8 / 1_000);
            let (audio, queue) = (second.audio, second.queue.as_millis());
            let filling = second.filling * 8 / 1_000;
            let _ = writeln!(text, "{at:3}  {low:5}  {high:5}  {audio:5}  {queue:5}  {filling:5}");
        }
        text
    }
}
