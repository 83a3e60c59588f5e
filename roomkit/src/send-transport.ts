import { CODE_GENERAL, RoomKitError } from "./errors";
import { PeerTransport, type TransportHooks } from "./peer-transport";
import {
  type CodecOptions,
  localTransport,
  type MediaKind,
  type RtpCapabilities,
  sendAnswer,
  sendParameters,
} from "./sdp-answer";

export type MediaType = "audio" | "video" | "screenShare" | "subAudio";

export interface ProduceOptions {
  mediaType: MediaType;
  track: MediaStreamTrack;
  /** Bits per second. */
  maxBitrate: number;
  codecOptions: CodecOptions;
}

export interface Producer {
  readonly id: string;
  readonly mediaType: MediaType;
  readonly transceiver: RTCRtpTransceiver;
}

/** Publishes: one `Produce` per track; its first one makes the transport. */
export class SendTransport extends PeerTransport {
  readonly #edge: RtpCapabilities;
  readonly #deviceId: string;
  readonly #stream = new MediaStream();

  constructor(edge: RtpCapabilities, deviceId: string, hooks: TransportHooks) {
    super(hooks);
    this.#edge = edge;
    this.#deviceId = deviceId;
  }

  produce(options: ProduceOptions): Promise<Producer> {
    return this.queue.run(() => this.#produce(options));
  }

  /** Stops sending and tells the server. */
  async closeProducer(producer: Producer): Promise<void> {
    const told = this.hooks.request("CloseProducer", { producerId: producer.id }).catch(() => undefined);
    await this.retire(producer.transceiver);
    await told;
  }

  /** The server closed it: only this side is left to tidy. */
  forget(producer: Producer): Promise<void> {
    return this.retire(producer.transceiver);
  }

  async #produce({ mediaType, track, maxBitrate, codecOptions }: ProduceOptions): Promise<Producer> {
    this.assertOpen();
    const kind = track.kind as MediaKind;
    const again = this.takeIdle(kind);
    const transceiver = again ?? this.pc.addTransceiver(track, { direction: "sendonly", streams: [this.#stream] });
    let producerId: string | undefined;
    try {
      if (again !== undefined) {
        again.direction = "sendonly";
        await again.sender.replaceTrack(track);
      }
      const offer = await this.offer();
      const mid = transceiver.mid ?? "";
      const parameters = sendParameters(offer, mid, kind, this.#edge);
      const { sending } = parameters;
      const local = localTransport(offer);
      const screen = mediaType === "screenShare" || mediaType === "subAudio";
      const settings = track.getSettings();
      const data = await this.hooks.request("Produce", {
        kind,
        rtpParameters: sending,
        iceUfrag: local.iceUfrag,
        externData: {
          producerInfo: { mediaType, subStream: screen, simulcastEnable: false, spatialLayerCount: 1, mute: false },
        },
        mediaProfile: [
          {
            ssrc: sending.encodings?.[0]?.ssrc,
            res: `${settings.width ?? 0}*${settings.height ?? 0}`,
            fps: settings.frameRate ?? 0,
            spatialLayer: 0,
            maxBitrate,
          },
        ],
        deviceId: this.#deviceId,
        preferRemb: false,
        appData: {},
        ...(this.remote === undefined
          ? { dtlsParameters: local.dtlsParameters }
          : { transportId: this.remote.transportId }),
      });
      producerId = String(data.producerId);
      this.learnRemote(data);
      if (this.remote === undefined) throw new RoomKitError(CODE_GENERAL, "no remote transport");
      this.sections.set(mid, sendAnswer(this.remote, offer, mid, parameters, codecOptions));
      await this.answer(offer);
      await limitBitrate(transceiver.sender, maxBitrate);
      return { id: producerId, mediaType, transceiver };
    } catch (cause) {
      if (producerId === undefined) await this.#undo(transceiver);
      else {
        // The server agreed and the browser did not: take it back there, and start over with a new connection.
        this.hooks.request("CloseProducer", { producerId }).catch(() => undefined);
        this.broken(cause);
      }
      throw cause;
    }
  }

  /** The transceiver is kept, not stopped: Chromium gives a stopped one's section to the next, which then has no mid. */
  async #undo(transceiver: RTCRtpTransceiver): Promise<void> {
    if (this.closed) return;
    try {
      await this.rollback();
      transceiver.direction = "inactive";
      await transceiver.sender.replaceTrack(null);
      this.idle.push(transceiver);
    } catch (cause) {
      this.broken(cause);
    }
  }
}

async function limitBitrate(sender: RTCRtpSender, maxBitrate: number): Promise<void> {
  const parameters = sender.getParameters();
  const encoding = parameters.encodings[0];
  if (encoding === undefined) return;
  encoding.maxBitrate = maxBitrate;
  await sender.setParameters(parameters);
}
