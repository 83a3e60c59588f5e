// A bad network between browsers and a server's media port, in this process and seeded.
//
// The server listens on 127.0.0.1:N and hands out 127.0.0.2; the relay listens on 127.0.0.2:N and passes on through one
// socket per client address, as a NAT does. Every client address is a flow, with conditions per direction.
import dgram from 'node:dgram';

/** Where the relay listens, to be handed out as `media.advertise`. */
export const RELAY_ADDRESS = '127.0.0.2';

/** ms of packets that wait before a limited link; more is dropped. Home routers hold some hundred. */
const QUEUE_MS = 200;

/** What a direction does when nothing is said: it passes on. */
const CLEAR = { loss: 0, burst: 1, delayMs: 0, jitterMs: 0, kbps: Infinity, queueMs: QUEUE_MS, blocked: false };

/** Mulberry32: numbers in [0, 1) that depend on the seed alone. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * One way of a flow.
 *
 * Conditions: `loss`, share 0 to 1; `burst`, mean packets lost in a row, 1 for losses that know nothing of each other; `delayMs`; `jitterMs`, up to so much more and
 * packets overtake each other; `kbps` with a queue of `queueMs`; `blocked`.
 */
class Direction {
  passed = 0;
  dropped = 0;
  conditions = CLEAR;
  #random;
  #losing = false;
  /** When the limited link is free again, ms. */
  #free = 0;

  constructor(random) {
    this.#random = random;
  }

  set(conditions) {
    this.conditions = { ...CLEAR, ...conditions };
  }

  /** With bursts two states, so that the share is `loss` and a run lasts `burst` packets on average. */
  #loses() {
    const { loss, burst } = this.conditions;
    if (burst <= 1) this.#losing = this.#random() < loss;
    else if (this.#losing) this.#losing = this.#random() >= 1 / burst;
    else this.#losing = this.#random() < loss / (burst * (1 - loss));
    return this.#losing;
  }

  /** Calls `deliver` when a packet of so many bytes arrives, if it does. */
  pass(bytes, deliver) {
    const { delayMs, jitterMs, kbps, queueMs, blocked } = this.conditions;
    const now = performance.now();
    const start = Math.max(this.#free, now);
    if (blocked || this.#loses() || (Number.isFinite(kbps) && start - now > queueMs)) {
      this.dropped += 1;
      return;
    }
    let wait = delayMs + jitterMs * this.#random();
    if (Number.isFinite(kbps)) {
      this.#free = start + (bytes * 8) / kbps;
      wait += this.#free - now;
    }
    this.passed += 1;
    if (wait < 1) deliver();
    else setTimeout(deliver, wait);
  }
}

class Flow {
  up;
  down;
  #relay;
  #upstream;

  constructor(relay, client, random) {
    Object.assign(this, { client, up: new Direction(random), down: new Direction(random) });
    this.#relay = relay;
    this.#open();
  }

  #open() {
    const socket = dgram.createSocket('udp4');
    socket.on('error', () => {});
    socket.on('message', (packet) => {
      if (socket === this.#upstream) this.down.pass(packet.length, () => this.#relay.send(packet, this.client));
    });
    this.#upstream = socket;
  }

  take(packet, port) {
    this.up.pass(packet.length, () => this.#upstream?.send(packet, port, '127.0.0.1'));
  }

  /** The NAT forgets: from now on the server sees another address, and what is sent to the old one is lost. */
  rebind() {
    this.#upstream.close();
    this.#open();
  }

  close() {
    this.#upstream.close();
    this.#upstream = null;
  }
}

class Relay {
  /** Conditions of flows that begin from now on: `{up, down}`. */
  fresh = {};
  #flows = new Map();
  #socket;
  #random;

  constructor(socket, port, seed) {
    this.#socket = socket;
    this.#random = generator(seed);
    socket.on('error', () => {});
    socket.on('message', (packet, from) => this.#flow(from).take(packet, port));
  }

  #flow({ address, port }) {
    const key = `${address}:${port}`;
    let flow = this.#flows.get(key);
    if (!flow) {
      flow = new Flow(this, { address, port }, this.#random);
      flow.up.set(this.fresh.up);
      flow.down.set(this.fresh.down);
      this.#flows.set(key, flow);
    }
    return flow;
  }

  send(packet, { address, port }) {
    this.#socket?.send(packet, port, address);
  }

  /** Flows of a client that uses these ports. */
  flows(ports) {
    return [...this.#flows.values()].filter((flow) => ports.includes(flow.client.port));
  }

  close() {
    for (const flow of this.#flows.values()) flow.close();
    this.#socket.close();
    this.#socket = null;
  }
}

/** A relay in front of the media port `port` of 127.0.0.1. */
export async function openRelay(port, { seed = 1 } = {}) {
  const socket = dgram.createSocket('udp4');
  await new Promise((ok, no) => socket.once('error', no).bind(port, RELAY_ADDRESS, ok));
  return new Relay(socket, port, seed);
}
