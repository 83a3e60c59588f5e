import { CODE_GENERAL, RoomKitError } from "./errors";
import { log } from "./log";
import type { SignalData } from "./signalling-client";
import { SerialQueue } from "./serial-queue";
import { answerSdp, type AnswerSection, type MediaKind, parseOffer, type RemoteTransport } from "./sdp-answer";
import { isRecord } from "./wire";

export interface TransportHooks {
  request(method: string, data: SignalData): Promise<SignalData>;
  /** Media is down for good on this transport; not called after `close`. */
  failed(): void;
}

type ParsedOffer = ReturnType<typeof parseOffer>;

/**
 * One direction of media over one RTCPeerConnection. The wire carries no SDP: this side offers, asks the server with
 * ORTC parameters, and writes the server's answer itself. Everything that touches the connection is serialised.
 */
export abstract class PeerTransport {
  readonly pc: RTCPeerConnection;
  protected readonly hooks: TransportHooks;
  protected readonly queue = new SerialQueue();
  protected readonly sections = new Map<string, AnswerSection>();
  protected remote: RemoteTransport | undefined;
  /** Transceivers whose media was closed, with their m-section, waiting to be used again. */
  protected readonly idle: RTCRtpTransceiver[] = [];
  protected closed = false;
  #version = 0;

  constructor(hooks: TransportHooks) {
    this.hooks = hooks;
    this.pc = new RTCPeerConnection({ iceServers: [], bundlePolicy: "max-bundle", rtcpMuxPolicy: "require" });
    this.pc.onconnectionstatechange = () => {
      if (this.pc.connectionState === "failed" && !this.closed) this.hooks.failed();
    };
  }

  get transportId(): string | undefined {
    return this.remote?.transportId;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.pc.onconnectionstatechange = null;
    for (const transceiver of this.pc.getTransceivers()) transceiver.receiver.track.stop();
    this.pc.close();
  }

  /** The connection itself failed to take a description. It is of no use any more, and later calls on it may hang. */
  protected broken(cause: unknown): void {
    if (this.closed) return;
    log.warn("a media connection broke", cause);
    this.hooks.failed();
  }

  protected assertOpen(): void {
    if (this.closed) throw new RoomKitError(CODE_GENERAL, "the media transport is closed");
  }

  protected takeIdle(
    kind: MediaKind,
    fits: (transceiver: RTCRtpTransceiver) => boolean = () => true,
  ): RTCRtpTransceiver | undefined {
    const index = this.idle.findIndex((t) => t.receiver.track.kind === kind && fits(t));
    return index < 0 ? undefined : this.idle.splice(index, 1)[0];
  }

  /** Offers what the transceivers are set to; gives the offer as it was applied. */
  protected async offer(): Promise<ParsedOffer> {
    this.assertOpen();
    await this.pc.setLocalDescription(await this.pc.createOffer());
    return parseOffer(this.pc.localDescription?.sdp ?? "");
  }

  protected async answer(offer: ParsedOffer): Promise<void> {
    this.assertOpen();
    if (this.remote === undefined) throw new RoomKitError(CODE_GENERAL, "the media transport has no remote side yet");
    const sdp = answerSdp(this.remote, offer, this.sections, this.#version++);
    await this.pc.setRemoteDescription({ type: "answer", sdp });
  }

  protected async rollback(): Promise<void> {
    if (!this.closed && this.pc.signalingState === "have-local-offer") {
      await this.pc.setLocalDescription({ type: "rollback" });
    }
  }

  /** Makes the transceiver inactive and keeps its m-section for the next one of its kind. */
  protected retire(transceiver: RTCRtpTransceiver): Promise<void> {
    return this.queue.run(async () => {
      if (this.closed || transceiver.direction === "stopped") return;
      try {
        transceiver.direction = "inactive";
        await transceiver.sender.replaceTrack(null);
        await this.answer(await this.offer());
        this.idle.push(transceiver);
      } catch (cause) {
        this.broken(cause);
      }
    });
  }

  protected learnRemote(data: SignalData): void {
    if (this.remote !== undefined) return;
    const { transportId, iceParameters, iceCandidates, dtlsParameters } = data;
    if (typeof transportId !== "string" && typeof transportId !== "number") {
      throw new RoomKitError(CODE_GENERAL, "the answer has no transportId");
    }
    if (!isRecord(iceParameters) || !Array.isArray(iceCandidates) || !isRecord(dtlsParameters)) {
      throw new RoomKitError(CODE_GENERAL, "the answer has no transport parameters");
    }
    this.remote = { ...(data as unknown as RemoteTransport), transportId: String(transportId) };
  }
}
