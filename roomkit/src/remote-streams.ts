import { asKitError } from "./errors";
import { log } from "./log";
import type { Consumer, ReceiveTransport, SpatialLayer } from "./receive-transport";
import type { MediaType } from "./send-transport";
import { isRecord } from "./wire";

/** A refused or lost `Consume` is tried again so often: the producer may be gone, then `OnProducerClose` says so. */
const MAX_TRIES = 3;
const RETRY_MS = 1_000;

export interface RemoteProducer {
  readonly uid: number;
  readonly producerId: string;
  readonly mediaType: MediaType;
}

interface Receiving {
  layer: SpatialLayer;
  consumer: Consumer | undefined;
  pending: Promise<void>;
}

export interface RemoteStreamsEvents {
  opened(consumer: Consumer): void;
  closed(consumer: Consumer): void;
  setLayer(consumer: Consumer, layer: SpatialLayer): void;
  wantedLayer(uid: number, mediaType: MediaType): SpatialLayer | undefined;
}

/**
 * What the others publish and what of it is received. Audio (microphones and screen audio) is always received; video
 * as the subscriptions say. {@link sync} makes the second follow the first and may be called at any time.
 */
export class RemoteStreams {
  readonly #self: number;
  readonly #events: RemoteStreamsEvents;
  readonly #producers = new Map<string, RemoteProducer>();
  #receiving = new Map<string, Receiving>();
  readonly #tries = new Map<string, number>();
  #transport: ReceiveTransport | undefined;
  #closed = false;

  constructor(self: number, events: RemoteStreamsEvents) {
    this.#self = self;
    this.#events = events;
  }

  get consumers(): Consumer[] {
    return [...this.#receiving.values()].flatMap((r) => (r.consumer === undefined ? [] : [r.consumer]));
  }

  /** The whole list, from the answer to `Join`. */
  reset(userList: unknown): void {
    this.#producers.clear();
    this.#tries.clear();
    for (const user of Array.isArray(userList) ? (userList as unknown[]) : []) {
      if (!isRecord(user)) continue;
      const list = Array.isArray(user.producerInfoList) ? (user.producerInfoList as unknown[]) : [];
      for (const producer of list) if (isRecord(producer)) this.add({ uid: user.uid, ...producer });
    }
  }

  add(info: Record<string, unknown>): void {
    const uid = Number(info.uid);
    const producerId = String(info.producerId);
    if (uid === this.#self || !isMediaType(info.mediaType)) return;
    this.#producers.set(producerId, { uid, producerId, mediaType: info.mediaType });
  }

  remove(producerId: string): void {
    this.#producers.delete(producerId);
    this.#tries.delete(producerId);
  }

  removePeer(uid: number): void {
    for (const producer of [...this.#producers.values()]) if (producer.uid === uid) this.remove(producer.producerId);
  }

  sync(transport: ReceiveTransport): void {
    if (this.#closed) return;
    this.#transport = transport;
    for (const [producerId, receiving] of [...this.#receiving]) {
      const producer = this.#producers.get(producerId);
      const layer = producer === undefined ? undefined : this.#wanted(producer);
      if (layer === undefined) this.#drop(producerId, receiving, producer !== undefined);
      else if (layer !== receiving.layer) {
        receiving.layer = layer;
        if (receiving.consumer !== undefined) this.#events.setLayer(receiving.consumer, layer);
      }
    }
    for (const producer of this.#producers.values()) {
      const layer = this.#wanted(producer);
      const tries = this.#tries.get(producer.producerId) ?? 0;
      if (layer !== undefined && !this.#receiving.has(producer.producerId) && tries < MAX_TRIES) {
        this.#receive(transport, producer, layer);
      }
    }
  }

  /** The server closed a consumer of mine. */
  consumerClosed(consumerId: string): void {
    for (const [producerId, receiving] of [...this.#receiving]) {
      if (receiving.consumer?.id === consumerId) this.#drop(producerId, receiving, false);
    }
  }

  /** Forgets what is received, without closing it: the caller owns it now. */
  detach(): Consumer[] {
    const { consumers } = this;
    this.#receiving = new Map();
    return consumers;
  }

  /** Takes it back. */
  attach(consumers: Consumer[]): void {
    for (const consumer of consumers) {
      this.#receiving.set(consumer.producerId, { layer: 1, consumer, pending: Promise.resolve() });
    }
  }

  /** Resolves when nothing is being opened any more. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#receiving.values()].map((r) => r.pending));
  }

  close(): void {
    this.#closed = true;
    for (const consumer of this.detach()) this.#events.closed(consumer);
    this.#producers.clear();
  }

  #wanted({ uid, mediaType }: RemoteProducer): SpatialLayer | undefined {
    return mediaType === "audio" || mediaType === "subAudio" ? 1 : this.#events.wantedLayer(uid, mediaType);
  }

  #receive(transport: ReceiveTransport, producer: RemoteProducer, layer: SpatialLayer): void {
    const receiving: Receiving = { layer, consumer: undefined, pending: Promise.resolve() };
    const { producerId } = producer;
    this.#receiving.set(producerId, receiving);
    receiving.pending = transport.consume({ ...producer, layer }).then(
      (consumer) => {
        if (this.#closed || this.#receiving.get(producerId) !== receiving) {
          void transport.closeConsumer(consumer, true).catch(() => undefined);
          return;
        }
        receiving.consumer = consumer;
        this.#tries.delete(producerId);
        if (receiving.layer !== layer) this.#events.setLayer(consumer, receiving.layer);
        this.#events.opened(consumer);
      },
      (cause: unknown) => {
        if (this.#receiving.get(producerId) !== receiving) return;
        this.#receiving.delete(producerId);
        this.#tries.set(producerId, (this.#tries.get(producerId) ?? 0) + 1);
        log.debug(`Consume failed: ${asKitError(cause).message}`);
        setTimeout(() => {
          if (this.#transport === transport) this.sync(transport);
        }, RETRY_MS);
      },
    );
  }

  #drop(producerId: string, receiving: Receiving, tellServer: boolean): void {
    this.#receiving.delete(producerId);
    const { consumer } = receiving;
    if (consumer === undefined) return;
    this.#events.closed(consumer);
    void this.#transport?.closeConsumer(consumer, tellServer).catch(() => undefined);
  }
}

function isMediaType(value: unknown): value is MediaType {
  return value === "audio" || value === "video" || value === "screenShare" || value === "subAudio";
}
