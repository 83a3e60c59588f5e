import { type VideoCodec, type VideoLayer, videoLayers } from "./encoder-settings";
import { CODE_GENERAL, RoomKitError } from "./errors";
import { PeerTransport, type TransportHooks } from "./peer-transport";
import {
  type CodecOptions,
  localTransport,
  type MediaKind,
  preferCodec,
  readsRids,
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
  /** Sends a picture in layers, when it is large enough and the codec can. */
  layered?: boolean;
  /** Of a picture; without it, and where it cannot be sent, the first that the server prefers. */
  codec?: VideoCodec;
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
  /**
   * Have carried layers, and are not used again: SSRCs of layers stand in no offer, the browser names them only until
   * they are known, and the server does not take them for another producer's.
   */
  readonly #layered = new WeakSet<RTCRtpTransceiver>();
  /** How many layers, from the lowest, the server has said are taken. */
  readonly #taken = new WeakMap<Producer, number>();

  constructor(edge: RtpCapabilities, deviceId: string, hooks: TransportHooks) {
    super(hooks);
    this.#edge = edge;
    this.#deviceId = deviceId;
  }

  produce(options: ProduceOptions): Promise<Producer> {
    return this.queue.run(() => this.#produce(options));
  }

  /** Sends other media in a producer's place. False: it takes more layers than there are, and nothing was changed. */
  retune(producer: Producer, options: ProduceOptions): Promise<boolean> {
    const { sender } = producer.transceiver;
    return this.queue.run(async () => {
      this.assertOpen();
      const layers = this.#layers(options);
      if (sender.getParameters().encodings.length < layers.length) return false;
      await sender.replaceTrack(options.track);
      await setLayers(sender, layers, this.#taken.get(producer));
      return true;
    });
  }

  /** Sends so many layers of a producer, from the lowest, of those that `options` ask for. */
  take(producer: Producer, options: ProduceOptions, layers: number): Promise<void> {
    return this.queue.run(async () => {
      this.assertOpen();
      this.#taken.set(producer, layers);
      await setLayers(producer.transceiver.sender, this.#layers(options), layers);
    });
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

  /** What the server takes, in the order of preference for this source. */
  #edgeFor({ track, codec }: ProduceOptions): RtpCapabilities {
    return track.kind === "video" ? preferCodec(this.#edge, sendable(codec)) : this.#edge;
  }

  #layers(options: ProduceOptions): VideoLayer[] {
    const { track, maxBitrate, layered } = options;
    const edge = this.#edgeFor(options);
    return track.kind === "video" && layered === true && readsRids(edge)
      ? videoLayers(track.getSettings(), firstCodec(edge), maxBitrate)
      : [{ scaleDownBy: 1, maxBitrate }];
  }

  async #produce(options: ProduceOptions): Promise<Producer> {
    this.assertOpen();
    const { mediaType, track, maxBitrate, codecOptions } = options;
    const kind = track.kind as MediaKind;
    const settings = track.getSettings();
    const edge = this.#edgeFor(options);
    const layers = this.#layers(options);
    // How many streams a section carries is settled when it is made.
    const fits = (t: RTCRtpTransceiver): boolean => t.sender.getParameters().encodings.length === layers.length;
    const again = this.takeIdle(kind, (t) => fits(t) && !this.#layered.has(t));
    const transceiver =
      again ??
      this.pc.addTransceiver(track, {
        direction: "sendonly",
        streams: [this.#stream],
        ...(layers.length > 1 ? { sendEncodings: layers.map(sendEncoding) } : {}),
      });
    let producerId: string | undefined;
    try {
      if (again !== undefined) {
        again.direction = "sendonly";
        await again.sender.replaceTrack(track);
      }
      const offer = await this.offer();
      const mid = transceiver.mid ?? "";
      const parameters = sendParameters(offer, mid, kind, edge);
      const { sending } = parameters;
      const local = localTransport(offer);
      const screen = mediaType === "screenShare" || mediaType === "subAudio";
      const encodings = sending.encodings ?? [];
      const data = await this.hooks.request("Produce", {
        kind,
        rtpParameters: sending,
        iceUfrag: local.iceUfrag,
        externData: {
          producerInfo: {
            mediaType,
            subStream: screen,
            simulcastEnable: encodings.length > 1,
            spatialLayerCount: encodings.length,
            mute: false,
          },
        },
        mediaProfile: encodings.map((encoding, index) => {
          const layer = layers[index] ?? { scaleDownBy: 1, maxBitrate };
          const pixels = (of: number | undefined): number => Math.floor((of ?? 0) / layer.scaleDownBy);
          return {
            ssrc: encoding.ssrc,
            res: `${pixels(settings.width)}*${pixels(settings.height)}`,
            fps: settings.frameRate ?? 0,
            spatialLayer: index,
            maxBitrate: layer.maxBitrate,
          };
        }),
        deviceId: this.#deviceId,
        preferRemb: false,
        appData: {},
        ...(this.remote === undefined
          ? { dtlsParameters: local.dtlsParameters }
          : { transportId: this.remote.transportId }),
      });
      producerId = String(data.producerId);
      if (layers.length > 1) this.#layered.add(transceiver);
      this.learnRemote(data);
      if (this.remote === undefined) throw new RoomKitError(CODE_GENERAL, "no remote transport");
      this.sections.set(mid, sendAnswer(this.remote, offer, mid, parameters, codecOptions));
      await this.answer(offer);
      await setLayers(transceiver.sender, layers);
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

/** Names of the layers on the wire, the lowest first. */
const RIDS = ["l", "h"];

function sendEncoding({ scaleDownBy, maxBitrate }: VideoLayer, index: number): RTCRtpEncodingParameters {
  return { rid: RIDS[index] ?? String(index), scaleResolutionDownBy: scaleDownBy, maxBitrate };
}

/** Streams beyond the layers, and beyond those that are taken, are not sent. */
async function setLayers(sender: RTCRtpSender, layers: VideoLayer[], taken = layers.length): Promise<void> {
  const parameters = sender.getParameters();
  if (parameters.encodings.length === 0) return;
  for (const [index, encoding] of parameters.encodings.entries()) {
    const layer = layers[index];
    encoding.active = layer !== undefined && index < taken;
    if (layer === undefined) continue;
    encoding.maxBitrate = layer.maxBitrate;
    if (sender.track?.kind === "video") encoding.scaleResolutionDownBy = layer.scaleDownBy;
  }
  await sender.setParameters(parameters);
}

/** The codec when this browser can send it. */
function sendable(codec: VideoCodec | undefined): VideoCodec | undefined {
  if (codec === undefined) return undefined;
  const { codecs = [] } = RTCRtpSender.getCapabilities("video") ?? {};
  return codecs.some((c) => c.mimeType.toLowerCase() === `video/${codec.toLowerCase()}`) ? codec : undefined;
}

function firstCodec(edge: RtpCapabilities): VideoCodec {
  const first = edge.codecs?.find((c) => c.kind === "video");
  return (first?.mimeType.slice("video/".length).toUpperCase() ?? "VP8") as VideoCodec;
}
