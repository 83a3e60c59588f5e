import { channelInfo, type ChannelInfo, type ChannelInfoRequest } from "./channel-info";
import { webSocketAddress } from "./endpoints";
import { asKitError, background, CODE_GENERAL, CODE_SERVER_BUSY, RoomKitError } from "./errors";
import { joinRequest } from "./join-request";
import { layersWanted } from "./layers-wanted";
import { log } from "./log";
import type { TransportHooks } from "./peer-transport";
import { type Consumer, ReceiveTransport } from "./receive-transport";
import { RemoteStreams } from "./remote-streams";
import type { RtpCapabilities } from "./sdp-answer";
import { type MediaType, type ProduceOptions, type Producer, SendTransport } from "./send-transport";
import { delay } from "./serial-queue";
import { type SignalData, SignallingClient } from "./signalling-client";
import type { NEConnectionState } from "./types";
import { isRecord } from "./wire";

/** Between attempts: shorter hammers a restarting server, longer eats the seat's grace time (15 s after everything is gone). */
const RETRY_MS = 2_000;
/** A cut of 10 s or a server restart must heal; a cut of 60 s must be reported as final. */
const RECONNECT_BUDGET_MS = 30_000;
/** How long a call waits for a socket that is just being re-opened. */
const JOINED_WAIT_MS = 10_000;
/**
 * So long after a rejoin the server may take a new producer for recovery, which does not undo a moderator; it does so
 * for 5 s, and the clocks' start differs by a round trip.
 */
const RECOVERY_MS = 10_000;
/** Old transports go on until the new ones carry media, at most so long. */
const HANDOVER_MS = 5_000;
/** More rebuilt transports than this in the window below means that media cannot work here. */
const MAX_REBUILDS = 3;
const REBUILD_WINDOW_MS = 90_000;

export type RtcFailure = "SOCKET_ERROR" | "RELOGIN_ERROR" | "MEDIA_TRANSPORT_DISCONNECT";

export interface RtcSessionEvents {
  consumerOpened(consumer: Consumer): void;
  consumerClosed(consumer: Consumer): void;
  /** One of my sources is no longer published, for a reason that is not mine. */
  unpublished(mediaType: MediaType, cause: RoomKitError): void;
  stateChanged(from: NEConnectionState, to: NEConnectionState, reconnect: boolean): void;
  /** Joined again after a loss: other state may have been missed. */
  rejoined(): void;
  failed(failure: RtcFailure): void;
  /** `OnKickOff` with its reason, or -1 when the same uid joined elsewhere (`OnPeerClose`). */
  kicked(reason: number): void;
  userData(type: string, uid: number, data: unknown): void;
  /** Layer in which to receive a remote video, undefined for not at all. */
  wantedLayer(uid: number, mediaType: MediaType): 0 | 1 | undefined;
}

interface Published {
  options: ProduceOptions;
  /** Null while muted: the producer stays, the device is closed. */
  track: MediaStreamTrack | null;
  producer: Producer | undefined;
}

/** My presence in the RTC channel: signalling, both transports, what I publish and what I receive. */
export class RtcSession {
  readonly remote: RemoteStreams;
  readonly #request: ChannelInfoRequest;
  readonly #deviceId: string;
  readonly #events: RtcSessionEvents;
  readonly #published = new Map<MediaType, Published>();
  #restoring = false;
  #restores = 0;
  #rejoinedAt = Number.NEGATIVE_INFINITY;
  #info: ChannelInfo | undefined;
  /** A session token fetched after a rejoin; see {@link RtcSession.#fetchSpare}. */
  #spare: ChannelInfo | undefined;
  #client: SignallingClient | undefined;
  #edge: RtpCapabilities | undefined;
  #send: SendTransport | undefined;
  #receive: ReceiveTransport | undefined;
  #joined = false;
  #closed = false;
  #waiting: { resolve(): void; reject(cause: RoomKitError): void }[] = [];
  #rebuilds: number[] = [];

  constructor(request: ChannelInfoRequest, deviceId: string, events: RtcSessionEvents) {
    this.#request = request;
    this.#deviceId = deviceId;
    this.#events = events;
    this.remote = new RemoteStreams(request.uid, {
      opened: (consumer) => events.consumerOpened(consumer),
      closed: (consumer) => events.consumerClosed(consumer),
      wantedLayer: (uid, mediaType) => events.wantedLayer(uid, mediaType),
      setLayer: (consumer, layer) => {
        background("SetConsumerPreferredLayer", () =>
          this.#ask("SetConsumerPreferredLayer", {
            uid: consumer.uid,
            producerId: consumer.producerId,
            consumerId: consumer.id,
            spatialLayer: layer,
          }),
        );
      },
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  get sendConnection(): RTCPeerConnection | undefined {
    return this.#send?.pc;
  }

  get receiveConnection(): RTCPeerConnection | undefined {
    return this.#receive?.pc;
  }

  sender(mediaType: MediaType): RTCRtpSender | undefined {
    return this.#published.get(mediaType)?.producer?.transceiver.sender;
  }

  async join(): Promise<void> {
    this.#events.stateChanged("DISCONNECTED", "CONNECTING", false);
    try {
      this.#info = await channelInfo(this.#request);
      await this.#openAny(this.#info.addresses);
      await this.#enter();
    } catch (cause) {
      this.close();
      this.#events.stateChanged("CONNECTING", "DISCONNECTED", false);
      throw cause;
    }
    this.#events.stateChanged("CONNECTING", "CONNECTED", false);
  }

  /** Says goodbye and closes everything. */
  leave(): void {
    this.#client?.notify("Leave", { externData: { reason: 0 } });
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#joined = false;
    this.#client?.close();
    this.#client = undefined;
    this.remote.close();
    this.#send?.close();
    this.#receive?.close();
    this.#send = undefined;
    this.#receive = undefined;
    this.#published.clear();
    this.#release(new RoomKitError(CODE_GENERAL, "not join rtc"));
  }

  has(mediaType: MediaType): boolean {
    return this.#published.get(mediaType)?.producer !== undefined;
  }

  /** Sends a new source; this is "stream on" and is decided as such by the server. */
  async publish(options: ProduceOptions): Promise<void> {
    await this.#whenJoined();
    const entry: Published = { options, track: options.track, producer: undefined };
    entry.producer = await this.#sendTransport().produce(options);
    this.#published.set(options.mediaType, entry);
  }

  /** Other track for a source already published; null while it is muted. */
  async replaceTrack(mediaType: MediaType, track: MediaStreamTrack | null): Promise<void> {
    const entry = this.#published.get(mediaType);
    if (entry === undefined) return;
    entry.track = track;
    if (track !== null) entry.options = { ...entry.options, track };
    await entry.producer?.transceiver.sender.replaceTrack(track);
  }

  /**
   * Another track, sent otherwise, for a source already published. Where it takes more layers than before, a new
   * producer takes the place of the old one; for the server and the others the source is on all the time.
   */
  async resend(options: ProduceOptions): Promise<void> {
    const entry = this.#published.get(options.mediaType);
    if (entry === undefined) return;
    entry.track = options.track;
    entry.options = options;
    const before = entry.producer;
    // Without one it is about to be published again, with what is set now.
    if (before === undefined || this.#send === undefined || (await this.#send.retune(before, options))) return;
    const transport = this.#sendTransport();
    const producer = await transport.produce(options);
    if (this.#published.get(options.mediaType) === entry && entry.producer === before) entry.producer = producer;
    else await transport.closeProducer(producer);
    await transport.forget(before);
  }

  async unpublish(mediaType: MediaType): Promise<void> {
    const entry = this.#published.get(mediaType);
    this.#published.delete(mediaType);
    if (entry?.producer !== undefined) await this.#send?.closeProducer(entry.producer);
  }

  /** Receives what is wanted now and nothing else. */
  sync(): void {
    if (this.#joined) this.remote.sync(this.#receiveTransport());
  }

  // --- signalling ---------------------------------------------------------------------------------------------------

  async #openAny(addresses: string[]): Promise<void> {
    let last: RoomKitError | undefined;
    for (const address of addresses) {
      if (this.#closed) break;
      const client: SignallingClient = new SignallingClient({
        notification: (method, data) => {
          if (this.#client === client) this.#notification(method, data);
        },
        lost: () => {
          if (this.#client === client) this.#lost();
        },
      });
      try {
        await client.open(this.#url(address));
        if (this.closed) {
          client.close();
          break;
        }
        this.#client = client;
        return;
      } catch (cause) {
        last = asKitError(cause);
      }
    }
    throw last ?? new RoomKitError(CODE_GENERAL, "not join rtc");
  }

  #url(address: string): string {
    const cid = this.#info?.cid ?? 0;
    const query = `cid=${cid}&uid=${this.#request.uid}&deviceid=${encodeURIComponent(this.#deviceId)}`;
    return `${webSocketAddress(address)}?&${query}`;
  }

  async #enter(): Promise<void> {
    const answer = await this.#ask("Join", joinRequest(this.#request, this.#info?.token ?? ""));
    const external = isRecord(answer.externData) ? answer.externData : {};
    this.#edge = answer.edgeRtpCapabilities as RtpCapabilities;
    this.remote.reset(external.userList);
    this.#joined = true;
    this.sync();
    this.#release(undefined);
  }

  #ask(method: string, data: SignalData): Promise<SignalData> {
    if (this.#client === undefined) return Promise.reject(new RoomKitError(CODE_GENERAL, "not join rtc"));
    return this.#client.request(method, data);
  }

  #whenJoined(): Promise<void> {
    if (this.#joined) return Promise.resolve();
    if (this.#closed) return Promise.reject(new RoomKitError(CODE_GENERAL, "not join rtc"));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new RoomKitError(CODE_GENERAL, "the connection did not come back in time"));
      }, JOINED_WAIT_MS);
      const settle = { resolve, reject };
      settle.resolve = () => {
        clearTimeout(timer);
        resolve();
      };
      settle.reject = (cause: RoomKitError) => {
        clearTimeout(timer);
        reject(cause);
      };
      this.#waiting.push(settle);
    });
  }

  #release(cause: RoomKitError | undefined): void {
    for (const waiting of this.#waiting.splice(0)) {
      if (cause === undefined) waiting.resolve();
      else waiting.reject(cause);
    }
  }

  #notification(method: string, data: SignalData): void {
    const external = isRecord(data.externData) ? data.externData : {};
    const producer = isRecord(external.producerInfo) ? external.producerInfo : {};
    switch (method) {
      case "OnNewProducer":
        this.remote.add(producer);
        this.sync();
        break;
      case "OnProducerClose":
        if (Number(producer.uid) === this.#request.uid) this.#ownProducerClosed(String(producer.producerId));
        else {
          this.remote.remove(String(producer.producerId));
          this.sync();
        }
        break;
      case "OnPeerLeave": {
        const list = Array.isArray(external.userList) ? (external.userList as unknown[]) : [];
        for (const peer of list) if (isRecord(peer)) this.remote.removePeer(Number(peer.uid));
        this.sync();
        break;
      }
      case "OnConsumerClose":
        this.remote.consumerClosed(String(external.consumerId ?? data.consumerId));
        break;
      case "OnTransportClose":
        this.#transportClosed(String(external.transportId ?? data.transportId));
        break;
      case "OnSignalRestart":
        this.#client?.close();
        this.#lost();
        break;
      case "OnKickOff":
        this.#events.kicked(Number(external.reason ?? 0));
        break;
      case "OnPeerClose":
        this.#events.kicked(-1);
        break;
      case "OnUserData":
        if (external.type === "LayersWanted") this.#layersWanted(external.data);
        else this.#events.userData(String(external.type), Number(external.uid), external.data);
        break;
      default:
        break;
    }
  }

  /** The server's own message to this kit: how many layers, from the lowest, of a video of mine anybody takes. */
  #layersWanted(data: unknown): void {
    const wanted = layersWanted(data);
    if (wanted === undefined) return;
    for (const { producer, options } of this.#published.values()) {
      if (producer?.id !== wanted.producerId) continue;
      this.#send?.take(producer, options, wanted.layers).catch((cause: unknown) => log.debug("layers not set", cause));
    }
  }

  // --- recovery -----------------------------------------------------------------------------------------------------

  #lost(): void {
    if (this.#closed) return;
    this.#client = undefined;
    if (!this.#joined) return; // A join or rejoin is under way and sees the failure itself.
    this.#joined = false;
    background("rejoin", () => this.#reconnect());
  }

  async #reconnect(): Promise<void> {
    this.#events.stateChanged("CONNECTED", "CONNECTING", true);
    const until = Date.now() + RECONNECT_BUDGET_MS;
    for (;;) {
      if (this.#closed) return;
      try {
        await this.#openAny(this.#info?.addresses ?? []);
        await this.#rejoin();
        return;
      } catch (cause) {
        const { code } = asKitError(cause);
        this.#client?.close();
        this.#client = undefined;
        // -1: not reached; 5xx: reached too early after a restart. Everything else is a verdict.
        if (code !== CODE_GENERAL && (code < 500 || code > CODE_SERVER_BUSY)) {
          if (this.#spare === undefined) {
            this.#fail("RELOGIN_ERROR");
            return;
          }
          this.#info = this.#spare;
          this.#spare = undefined;
          continue;
        }
      }
      if (Date.now() + RETRY_MS > until) {
        this.#fail("SOCKET_ERROR");
        return;
      }
      await delay(RETRY_MS);
    }
  }

  /** Joined again a moment ago: what I publish must be confirmed as a wish. */
  get recovering(): boolean {
    return Date.now() - this.#rejoinedAt < RECOVERY_MS;
  }

  /** Joined again, and my sources are not all published again yet. */
  get restoring(): boolean {
    return this.#restoring;
  }

  /** A second `Join` with the same uid and token is no new member; transports, producers and consumers are made anew. */
  async #rejoin(): Promise<void> {
    const old = { send: this.#send, receive: this.#receive };
    const consumers = this.remote.detach();
    this.#send = undefined;
    this.#receive = undefined;
    try {
      await this.#enter();
    } catch (cause) {
      this.#send = old.send;
      this.#receive = old.receive;
      this.remote.attach(consumers);
      throw cause;
    }
    if (this.#closed) {
      old.send?.close();
      old.receive?.close();
      return;
    }
    const turn = (this.#restores += 1);
    this.#restoring = true;
    this.#rejoinedAt = Date.now();
    this.#events.stateChanged("CONNECTING", "CONNECTED", true);
    this.#events.rejoined();
    background("hand over to the new transports", async () => {
      await Promise.race([Promise.allSettled([this.#republish(), this.remote.settled()]), delay(HANDOVER_MS)]);
      if (turn === this.#restores) {
        this.#restoring = false;
        // Once more, now that my own sources are what the server says.
        if (!this.#closed) this.#events.rejoined();
      }
      this.#discard(old.send);
      for (const consumer of consumers) this.#events.consumerClosed(consumer);
      this.#discard(old.receive);
    });
    this.#fetchSpare();
  }

  /**
   * A session token re-seats its owner once after a server restart, so another is kept for the next restart. It is used
   * only when the first is refused: while the seat lives, a newer token would count as a newer session and end what is
   * published.
   */
  #fetchSpare(): void {
    channelInfo(this.#request).then(
      (info) => {
        this.#spare = info;
      },
      (cause: unknown) => log.debug("no spare session token", cause),
    );
  }

  async #republish(): Promise<void> {
    for (const [mediaType, entry] of [...this.#published]) {
      entry.producer = undefined;
      if (entry.track === null) {
        this.#published.delete(mediaType);
        continue;
      }
      try {
        const transport = this.#sendTransport();
        const producer = await transport.produce({ ...entry.options, track: entry.track });
        if (this.#published.get(mediaType) === entry) entry.producer = producer;
        else await transport.closeProducer(producer); // Unpublished meanwhile.
      } catch (cause) {
        if (!this.#joined) return; // Lost again: the next rejoin republishes.
        this.#published.delete(mediaType);
        this.#events.unpublished(mediaType, asKitError(cause));
      }
    }
  }

  #ownProducerClosed(producerId: string): void {
    for (const [mediaType, entry] of [...this.#published]) {
      if (entry.producer?.id !== producerId) continue;
      this.#published.delete(mediaType);
      const { producer } = entry;
      background("tidy a closed producer", async () => {
        await this.#send?.forget(producer);
      });
      this.#events.unpublished(mediaType, new RoomKitError(CODE_GENERAL, "the server closed the stream"));
    }
  }

  #fail(failure: RtcFailure): void {
    if (this.#closed) return;
    log.warn(`media session failed: ${failure}`);
    this.#events.stateChanged(this.#joined ? "CONNECTED" : "CONNECTING", "DISCONNECTED", true);
    this.close();
    this.#events.failed(failure);
  }

  // --- transports ---------------------------------------------------------------------------------------------------

  #sendTransport(): SendTransport {
    this.#send ??= new SendTransport(this.#capabilities(), this.#deviceId, this.#hooks(() => this.#rebuildSend()));
    return this.#send;
  }

  #receiveTransport(): ReceiveTransport {
    this.#receive ??= new ReceiveTransport(this.#capabilities(), this.#hooks(() => this.#rebuildReceive()));
    return this.#receive;
  }

  #capabilities(): RtpCapabilities {
    if (this.#edge === undefined) throw new RoomKitError(CODE_GENERAL, "not join rtc");
    return this.#edge;
  }

  #hooks(rebuild: () => void): TransportHooks {
    return {
      request: (method, data) => this.#ask(method, data),
      failed: () => {
        if (!this.#joined) return; // The rejoin makes new transports anyhow.
        const now = Date.now();
        this.#rebuilds = [...this.#rebuilds.filter((at) => now - at < REBUILD_WINDOW_MS), now];
        if (this.#rebuilds.length > MAX_REBUILDS) this.#fail("MEDIA_TRANSPORT_DISCONNECT");
        else rebuild();
      },
    };
  }

  #transportClosed(transportId: string): void {
    if (this.#send?.transportId === transportId) this.#rebuildSend();
    if (this.#receive?.transportId === transportId) this.#rebuildReceive();
  }

  #rebuildSend(): void {
    const old = this.#send;
    this.#send = undefined;
    this.#discard(old);
    background("publish again", () => this.#republish());
  }

  #rebuildReceive(): void {
    const old = this.#receive;
    this.#receive = undefined;
    for (const consumer of this.remote.detach()) this.#events.consumerClosed(consumer);
    this.#discard(old);
    this.sync();
  }

  #discard(transport: SendTransport | ReceiveTransport | undefined): void {
    if (transport === undefined) return;
    const { transportId } = transport;
    transport.close();
    // After a restart the server no longer knows it.
    if (transportId !== undefined) this.#ask("CloseTransport", { transportId }).catch(() => undefined);
  }
}
