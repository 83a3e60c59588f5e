import { background, CODE_GENERAL, RoomKitError } from "./errors";
import { audioSettings, checkedVideoConfig, screenSettings, videoSettings } from "./encoder-settings";
import { LocalScreen } from "./local-screen";
import { LocalSource, type LocalSourceHost, type SendSettings } from "./local-source";
import { log } from "./log";
import { NetworkQuality } from "./network-quality";
import { AudioPlayback } from "./playback";
import type { Consumer } from "./receive-transport";
import { RecordingGain } from "./recording-gain";
import type { Room } from "./room";
import { RtcSession } from "./rtc-session";
import type { MediaType } from "./send-transport";
import type { NEScreenOptions, NEVideoConfig, NEVideoStreamType, NEVolume } from "./types";
import { VideoViews } from "./video-views";
import { type MeteredSource, receivedLevel, receivedNow, sentLevel, VolumeMeter } from "./volume-meter";
import type { Source } from "./wire";

type Picture = "video" | "screenShare";
const LOCAL_VIEW = "local";

/** Everything of a room that sounds or shows: my sources, what I receive, the views, the volume. */
export class RoomMedia {
  readonly audio: LocalSource;
  readonly video: LocalSource;
  readonly screen: LocalScreen;
  readonly playback: AudioPlayback;
  readonly views: VideoViews;
  readonly #room: Room;
  readonly #meter: VolumeMeter;
  readonly #quality = new NetworkQuality();
  readonly #gain = new RecordingGain();
  /** The app's own choice of the camera's picture, before the channel's. */
  #videoConfig: NEVideoConfig = {};
  /** What the app subscribed to, by `picture uuid`; remembered whether or not it is there. */
  readonly #subscriptions = new Map<string, NEVideoStreamType>();
  readonly #consumers = new Set<Consumer>();
  /** Whose stream it is, also when the member left before it closed: their view must still be emptied. */
  readonly #owners = new WeakMap<Consumer, string>();
  #rtc: RtcSession | undefined;
  #joining: Promise<void> | undefined;
  #joinReported = false;
  #closed = false;
  #speaker = "";

  constructor(room: Room) {
    this.#room = room;
    const blocked = (userUuid: string, type: "audio" | "video"): void =>
      room.slot.emit("onAutoPlayNotAllowed", [{ userUuid, type }]);
    this.playback = new AudioPlayback(blocked);
    this.views = new VideoViews(blocked);
    this.#meter = new VolumeMeter(
      () => this.#metered(),
      (list) => this.#volumes(list),
    );
    const host: LocalSourceHost = {
      rtc: () => this.rtc,
      isOn: (source) => room.model.isOn(room.model.self, source),
      revision: (source) => room.model.ownRevision[source],
      tell: (source, on) => this.#tell(room.model.self, source, on),
      settle: (source, on, revision) => room.settle(source, on, revision),
      changed: () => this.#showLocal(),
    };
    this.audio = new LocalSource(
      "audio",
      async (deviceId) => {
        const { params } = room.model.local.role;
        const profile = this.audioProfile;
        const wished = profile === undefined ? params : { ...params, audio: { ...params.audio, profile } };
        const { constraints, ...rest } = audioSettings(wished);
        return { ...rest, track: await room.deps.devices.open("microphone", constraints, deviceId) };
      },
      host,
      this.#gain,
    );
    this.video = new LocalSource(
      "video",
      async (deviceId) => {
        const { constraints, settings } = this.#camera();
        return { ...settings, track: await room.deps.devices.open("camera", constraints, deviceId) };
      },
      host,
    );
    this.screen = new LocalScreen(host);
  }

  get rtc(): RtcSession {
    if (this.#rtc === undefined || this.#closed) throw new RoomKitError(CODE_GENERAL, "not join rtc");
    return this.#rtc;
  }

  get session(): RtcSession | undefined {
    return this.#rtc;
  }

  get consumers(): Consumer[] {
    return [...this.#consumers];
  }

  /** The app's own choice of microphone quality, from the next opening on; else the channel's. */
  audioProfile: string | undefined;

  reconnecting = false;

  /** From the loss of the RTC socket until my sources are published again. */
  get restoring(): boolean {
    return this.reconnecting || this.#rtc?.restoring === true;
  }

  join(): Promise<void> {
    this.#room.assertOpen();
    if (this.#rtc !== undefined && this.#joining === undefined) return Promise.resolve();
    this.#joining ??= this.#join().finally(() => {
      this.#joining = undefined;
    });
    return this.#joining;
  }

  async #join(): Promise<void> {
    const { model, deps, slot } = this.#room;
    const uid = model.rtcUid(model.self);
    if (uid === undefined) throw new RoomKitError(CODE_GENERAL, "the entry gave no rtcUid");
    const rtc = new RtcSession(
      {
        url: deps.endpoints.channelInfo,
        appKey: deps.identity.appKey,
        channelName: this.#room.uuid,
        uid,
        rtcToken: this.#room.rtcToken,
      },
      deps.identity.deviceId,
      {
        consumerOpened: (consumer) => this.#opened(consumer),
        consumerClosed: (consumer) => this.#consumerClosed(consumer),
        unpublished: (mediaType) => this.#unpublished(mediaType),
        stateChanged: (prevState, curState, reconnect) => {
          this.reconnecting = reconnect && curState === "CONNECTING";
          if (!this.#closed) slot.emit("onRoomConnectStateChanged", [{ prevState, curState, reconnect }]);
        },
        rejoined: () => this.#room.resync(),
        failed: (failure) => this.#failed(failure),
        kicked: (reason) => this.#room.kicked(reason),
        userData: (type, _uid, data) => this.#userData(type, data),
        wantedLayer: (remoteUid, mediaType) => this.#wantedLayer(remoteUid, mediaType),
      },
    );
    this.#rtc = rtc;
    try {
      await rtc.join();
    } catch (cause) {
      if (this.#rtc === rtc) this.#rtc = undefined;
      throw cause;
    }
    model.setLocalRtc(true);
    this.#meter.start();
    deps.devices.watch((type, change) => {
      const names = { camera: "onCameraDeviceChanged", microphone: "onRecordDeviceChanged", speaker: "onPlayoutDeviceChanged" } as const;
      slot.emit(names[type], [change]);
    });
    this.#reportPresent();
  }

  /** Those already there: in a later macrotask, when somebody listens. */
  #reportPresent(): void {
    if (this.#joinReported) return;
    this.#joinReported = true;
    const present = this.#room.model.remotes.filter((m) => m.isInRtcChannel).map((m) => m.uuid);
    if (present.length === 0) return;
    this.#room.slot.whenHeard(() => {
      for (const uuid of present) {
        const member = this.#room.model.member(uuid);
        if (!this.#room.over && member?.isInRtcChannel === true) this.#room.slot.emit("onMemberJoinRtcChannel", [[member]]);
      }
    });
  }

  async leaveRtc(): Promise<void> {
    if (this.#rtc === undefined) return;
    this.#stop(true);
    this.#room.model.setLocalRtc(false);
    await this.#room.deps.rest.leaveRtc(this.#room.uuid);
  }

  /** For good: devices closed, playback stopped, views emptied, socket closed. */
  close(goodbye: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    this.audio.close();
    this.video.close();
    this.screen.close();
    this.#stop(goodbye);
    this.views.close();
    this.playback.close();
    this.#subscriptions.clear();
  }

  #stop(goodbye: boolean): void {
    this.#meter.stop();
    this.#room.deps.devices.unwatch();
    this.audio.forcedOff();
    this.video.forcedOff();
    this.screen.forcedOff();
    const rtc = this.#rtc;
    this.#rtc = undefined;
    this.reconnecting = false;
    if (goodbye) rtc?.leave();
    else rtc?.close();
    for (const consumer of [...this.#consumers]) this.#consumerClosed(consumer);
  }

  #failed(failure: string): void {
    if (this.#closed) return;
    this.#stop(false);
    this.#room.model.setLocalRtc(false);
    const { deps, uuid, slot } = this.#room;
    deps.rest.leaveRtc(uuid).catch((cause: unknown) => log.debug("the server did not hear that RTC failed", cause));
    slot.emit("onRtcChannelError", [failure]);
  }

  // --- operations ---------------------------------------------------------------------------------------------------

  /** Another member's source, or mine. */
  async setMemberStream(uuid: string, source: Source, on: boolean): Promise<void> {
    if (uuid === "") throw new RoomKitError(CODE_GENERAL, "lack of uuid");
    this.#room.assertOpen();
    await this.#tell(uuid, source, on);
  }

  startScreen(options: NEScreenOptions | undefined): Promise<void> {
    const { constraints, maxBitrate } = screenSettings(this.#room.model.local.role.params, options);
    return this.screen.start(() => this.#room.deps.devices.openScreen(constraints, options?.sourceId), maxBitrate);
  }

  /** Of the camera that is open, and of every one opened later. */
  setVideoConfig(config: NEVideoConfig): Promise<void> {
    this.#room.assertOpen();
    this.#videoConfig = checkedVideoConfig(config);
    return this.video.tune(async (device) => {
      const { constraints, settings } = this.#camera();
      await device.applyConstraints(constraints);
      return settings;
    });
  }

  /** Of the microphone that is open, and of every one opened later. */
  async setRecordingVolume(volume: number): Promise<void> {
    this.#room.assertOpen();
    if (!this.#gain.setVolume(volume)) await this.audio.retake();
  }

  #camera(): { constraints: MediaTrackConstraints; settings: SendSettings } {
    const { constraints, maxBitrate } = videoSettings(this.#room.model.local.role.params, this.#videoConfig);
    const codec = this.#room.deps.videoCodec;
    return { constraints, settings: { maxBitrate, codecOptions: {}, layered: true, ...(codec === undefined ? {} : { codec }) } };
  }

  subscribe(picture: Picture, uuid: string, type: NEVideoStreamType): void {
    this.#subscriptions.set(`${picture} ${uuid}`, type);
    this.#rtc?.sync();
  }

  unsubscribe(picture: Picture, uuid: string): void {
    this.#subscriptions.delete(`${picture} ${uuid}`);
    this.#rtc?.sync();
  }

  async setSpeaker(deviceId: string): Promise<void> {
    await this.playback.setSpeaker(deviceId);
  }

  /** Something in the room's state changed: members may have got their uid, sources may have gone on or off. */
  stateChanged(): void {
    if (this.#closed) return;
    this.#rtc?.sync();
    this.#quality.keep((uuid) => this.#room.model.member(uuid)?.isInRtcChannel === true);
    for (const consumer of this.#consumers) this.#showRemote(consumer);
  }

  /** The server has set my own source. */
  ownStream(source: Source, on: boolean, operator: string): void {
    if (this.#closed) return;
    if (source === "subVideo") {
      // A share needs the user's own gesture, so "on" by others is ignored.
      if (!on) this.screen.forcedOff();
      return;
    }
    const mine = source === "audio" ? this.audio : this.video;
    if (!on) mine.forcedOff();
    else if (operator !== this.#room.model.self) mine.forcedOn();
    else mine.setOn();
  }

  #tell(uuid: string, source: Source, on: boolean): Promise<void> {
    const { rest } = this.#room.deps;
    return on ? rest.streamOn(this.#room.uuid, uuid, source) : rest.streamOff(this.#room.uuid, uuid, source);
  }

  /** A source of mine could not be published again, or the server closed it. */
  #unpublished(mediaType: MediaType): void {
    if (this.#closed) return;
    if (mediaType === "subAudio") return;
    const source: Source = mediaType === "screenShare" ? "subVideo" : mediaType;
    this.ownStream(source, false, this.#room.model.self);
    const { model } = this.#room;
    if (!model.isOn(model.self, source)) return;
    this.#room.emit(model.setStream(model.self, source, false, model.self));
    background("tell that the source is off", () => this.#tell(model.self, source, false));
  }

  // --- what is received ---------------------------------------------------------------------------------------------

  #wantedLayer(uid: number, mediaType: MediaType): 0 | 1 | undefined {
    const uuid = this.#room.model.byRtcUid(uid);
    const type = uuid === undefined ? undefined : this.#subscriptions.get(`${mediaType} ${uuid}`);
    if (type === undefined) return undefined;
    // The SDK counts 0 high, 1 low; the wire the other way round.
    return type === 0 ? 1 : 0;
  }

  #opened(consumer: Consumer): void {
    this.#consumers.add(consumer);
    if (consumer.track.kind === "audio") {
      this.playback.add(consumer.track, () => this.#owner(consumer));
      if (consumer.mediaType === "subAudio") {
        this.#room.slot.emit("onRtcUserAudioSubStreamStart", [this.#owner(consumer)]);
      }
    } else this.#showRemote(consumer);
  }

  #consumerClosed(consumer: Consumer): void {
    if (!this.#consumers.delete(consumer)) return;
    const owner = this.#owner(consumer);
    if (consumer.track.kind === "audio") {
      // The same m-section, and so the same track, may already carry the next stream.
      if (![...this.#consumers].some((c) => c.track === consumer.track)) this.playback.remove(consumer.track);
      if (consumer.mediaType === "subAudio" && !this.#closed) {
        this.#room.slot.emit("onRtcUserAudioSubStreamStop", [owner]);
      }
      return;
    }
    const successor = [...this.#consumers].find((c) => c.uid === consumer.uid && c.mediaType === consumer.mediaType);
    if (successor !== undefined) this.#showRemote(successor);
    else this.views.setTrack(remoteView(consumer.mediaType, owner), owner, undefined);
  }

  #showRemote(consumer: Consumer): void {
    if (consumer.track.kind !== "video") return;
    const owner = this.#owner(consumer);
    if (owner === "") return;
    const latest = [...this.#consumers].filter((c) => c.uid === consumer.uid && c.mediaType === consumer.mediaType).at(-1);
    const on = this.#room.model.isOn(owner, consumer.mediaType === "video" ? "video" : "subVideo");
    this.views.setTrack(remoteView(consumer.mediaType, owner), owner, on ? latest?.track : undefined);
  }

  #showLocal(): void {
    if (this.#closed) return;
    this.views.setTrack(LOCAL_VIEW, this.#room.model.self, this.screen.track ?? this.video.track);
  }

  owner(consumer: Consumer): string {
    return this.#owner(consumer);
  }

  #owner(consumer: Consumer): string {
    const member = this.#room.model.byRtcUid(consumer.uid);
    if (member === undefined) return this.#owners.get(consumer) ?? "";
    this.#owners.set(consumer, member);
    return member;
  }

  // --- volume -------------------------------------------------------------------------------------------------------

  #metered(): MeteredSource[] {
    const sources: MeteredSource[] = [];
    const { model } = this.#room;
    const sender = this.#rtc?.sender("audio");
    if (this.audio.track !== undefined && sender !== undefined) {
      sources.push({ userUuid: model.self, level: () => sentLevel(sender) });
    }
    for (const consumer of this.#consumers) {
      const userUuid = this.#owner(consumer);
      if (consumer.mediaType !== "audio" || !model.isOn(userUuid, "audio")) continue;
      const { receiver } = consumer.transceiver;
      sources.push({ userUuid, now: () => receivedNow(receiver), level: () => receivedLevel(receiver) });
    }
    return sources;
  }

  #volumes(list: NEVolume[]): void {
    const { slot } = this.#room;
    slot.emit("onRtcAudioVolumeIndication", [list]);
    slot.emit("onRtcRemoteAudioVolumeIndication", [list]);
    const loudest = list.reduce<NEVolume | undefined>((a, b) => (a === undefined || b.volume > a.volume ? b : a), undefined);
    if (loudest === undefined || loudest.userUuid === this.#speaker) return;
    this.#speaker = loudest.userUuid;
    slot.emit("onRtcActiveSpeakerChanged", [loudest]);
  }

  /** Network quality per member, the server's own message to this kit. */
  #userData(type: string, data: unknown): void {
    if (type !== "NetworkQuality") return;
    const list = this.#quality.take(data, (uid) => this.#room.model.byRtcUid(uid));
    if (list !== undefined && list.length > 0) this.#room.slot.emit("onRtcNetworkQuality", [list]);
  }
}

/** Key of the view for one remote picture. */
export function remoteView(mediaType: MediaType, uuid: string): string {
  return `${mediaType} ${uuid}`;
}
