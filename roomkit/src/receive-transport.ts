import { asKitError, CODE_GENERAL, RoomKitError } from "./errors";
import { PeerTransport, type TransportHooks } from "./peer-transport";
import {
  idleAnswer,
  localTransport,
  type MediaKind,
  parseOffer,
  receiveAnswer,
  receiveCapabilities,
  type RtpCapabilities,
  type RtpParameters,
} from "./sdp-answer";
import type { MediaType } from "./send-transport";
import type { SignalData } from "./signalling-client";

/** High layer first: `preferredSpatialLayer` 1 is high, 0 is low. */
export type SpatialLayer = 0 | 1;

export interface ConsumeOptions {
  uid: number;
  producerId: string;
  mediaType: MediaType;
  layer: SpatialLayer;
}

export interface Consumer {
  readonly id: string;
  readonly uid: number;
  readonly producerId: string;
  readonly mediaType: MediaType;
  readonly transceiver: RTCRtpTransceiver;
  readonly track: MediaStreamTrack;
}

interface Waiting {
  options: ConsumeOptions;
  resolve(consumer: Consumer): void;
  reject(cause: unknown): void;
}

/** Receives: one `Consume` per remote stream; those that wait together are negotiated together. */
export class ReceiveTransport extends PeerTransport {
  readonly #edge: RtpCapabilities;
  #waiting: Waiting[] = [];

  constructor(edge: RtpCapabilities, hooks: TransportHooks) {
    super(hooks);
    this.#edge = edge;
  }

  consume(options: ConsumeOptions): Promise<Consumer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ options, resolve, reject });
      if (this.#waiting.length > 1) return;
      this.queue.run(() => this.#consumeAll()).catch(() => undefined);
    });
  }

  async closeConsumer(consumer: Consumer, tellServer: boolean): Promise<void> {
    if (tellServer) {
      this.hooks
        .request("CloseConsumer", { consumerId: consumer.id, producerId: consumer.producerId })
        .catch(() => undefined);
    }
    await this.retire(consumer.transceiver);
  }

  async #consumeAll(): Promise<void> {
    const batch = this.#waiting.splice(0).map((waiting) => ({
      ...waiting,
      transceiver: undefined as RTCRtpTransceiver | undefined,
      data: undefined as SignalData | undefined,
      cause: undefined as RoomKitError | undefined,
    }));
    try {
      this.assertOpen();
      for (const one of batch) {
        const kind = kindOf(one.options.mediaType);
        one.transceiver = this.takeIdle(kind) ?? this.pc.addTransceiver(kind, { direction: "recvonly" });
        one.transceiver.direction = "recvonly";
      }
      const offer = await this.offer();
      const ask = async (one: (typeof batch)[number]): Promise<void> => {
        try {
          one.data = await this.#ask(one.options, offer, one.transceiver?.mid ?? "");
          this.learnRemote(one.data);
        } catch (cause) {
          one.data = undefined;
          one.cause = asKitError(cause);
        }
      };
      // The first that succeeds makes the transport; the rest then go out together.
      const rest = [...batch];
      while (this.remote === undefined && rest.length > 0) {
        const first = rest.shift();
        if (first !== undefined) await ask(first);
      }
      await Promise.all(rest.map(ask));
      await this.#apply(batch, offer);
      for (const one of batch) {
        if (one.data === undefined || one.transceiver === undefined) {
          one.reject(one.cause);
          continue;
        }
        one.resolve({
          id: String(one.data.consumerId),
          uid: one.options.uid,
          producerId: one.options.producerId,
          mediaType: one.options.mediaType,
          transceiver: one.transceiver,
          track: one.transceiver.receiver.track,
        });
      }
    } catch (cause) {
      for (const one of batch) one.reject(cause);
      this.broken(cause);
    }
  }

  async #apply(
    batch: { options: ConsumeOptions; transceiver: RTCRtpTransceiver | undefined; data: SignalData | undefined }[],
    offer: ReturnType<typeof parseOffer>,
  ): Promise<void> {
    const { remote } = this;
    if (remote === undefined) {
      // Nothing succeeded and nothing was ever negotiated: start afresh next time, with the same transceivers.
      await this.rollback();
      for (const { transceiver } of batch) this.#setAside(transceiver);
      return;
    }
    let failed = false;
    for (const { transceiver, data, options } of batch) {
      const mid = transceiver?.mid ?? "";
      if (transceiver === undefined) continue;
      if (data === undefined) {
        failed = true;
        this.sections.set(mid, idleAnswer(remote, offer, mid));
        continue;
      }
      const parameters = data.rtpParameters as RtpParameters;
      this.sections.set(mid, receiveAnswer(remote, offer, mid, parameters, `${options.uid}-${options.producerId}`));
    }
    await this.answer(offer);
    if (!failed) return;
    for (const { transceiver, data } of batch) {
      if (data === undefined) this.#setAside(transceiver);
    }
  }

  #setAside(transceiver: RTCRtpTransceiver | undefined): void {
    if (transceiver === undefined) return;
    transceiver.direction = "inactive";
    this.idle.push(transceiver);
  }

  #ask(options: ConsumeOptions, offer: ReturnType<typeof parseOffer>, mid: string): Promise<SignalData> {
    if (this.closed) return Promise.reject(new RoomKitError(CODE_GENERAL, "the media transport is closed"));
    const local = localTransport(offer);
    return this.hooks.request("Consume", {
      kind: kindOf(options.mediaType),
      rtpCapabilities: receiveCapabilities(offer, kindOf(options.mediaType), this.#edge),
      uid: options.uid,
      producerId: options.producerId,
      preferredSpatialLayer: options.layer,
      mid,
      pause: false,
      iceUfrag: local.iceUfrag,
      audioAslFlag: false,
      ...(this.remote === undefined
        ? { dtlsParameters: local.dtlsParameters }
        : { transportId: this.remote.transportId }),
    });
  }
}

export function kindOf(mediaType: MediaType): MediaKind {
  return mediaType === "audio" || mediaType === "subAudio" ? "audio" : "video";
}
