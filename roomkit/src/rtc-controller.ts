import { CODE_GENERAL, publicCall, resultCall, RoomKitError, success } from "./errors";
import { isAudioProfile } from "./encoder-settings";
import { log } from "./log";
import type { Room } from "./room";
import { remoteView } from "./room-media";
import { localStats, remoteStats, transportStats } from "./stats";
import type {
  NEDeviceBaseInfo,
  NEDeviceSwitchInfo,
  NEDeviceType,
  NELocalStats,
  NERemoteStats,
  NEResult,
  NERoomRtcController,
  NEScreenOptions,
  NESessionStats,
  NEVideoConfig,
  NEVideoStreamType,
  NEView,
} from "./types";
import { UnsupportedMedia } from "./unsupported-media";
import { isView } from "./video-views";

type Switched = NEResult<NEDeviceSwitchInfo> & NEDeviceSwitchInfo;

/** What the SDK and apps drive: devices, streams, subscriptions, views. */
export class RtcController extends UnsupportedMedia implements NERoomRtcController {
  readonly #room: Room;

  constructor(room: Room) {
    super();
    this.#room = room;
  }

  get isSupported(): boolean {
    return typeof RTCPeerConnection === "function" && "mediaDevices" in navigator;
  }

  joinRtcChannel(): Promise<NEResult<null>> {
    return resultCall("joinRtcChannel", () => this.#room.media.join());
  }

  leaveRtcChannel(): Promise<NEResult<null>> {
    return resultCall("leaveRtcChannel", () => this.#room.media.leaveRtc());
  }

  // --- streams ------------------------------------------------------------------------------------------------------

  muteMyAudio(): Promise<NEResult<null>> {
    return resultCall("muteMyAudio", () => this.#room.media.audio.off());
  }

  unmuteMyAudio(): Promise<NEResult<null>> {
    return resultCall("unmuteMyAudio", () => this.#room.media.audio.on());
  }

  muteMyVideo(): Promise<NEResult<null>> {
    return resultCall("muteMyVideo", () => this.#room.media.video.off());
  }

  unmuteMyVideo(): Promise<NEResult<null>> {
    return resultCall("unmuteMyVideo", () => this.#room.media.video.on());
  }

  muteMemberAudio(uuid: string): Promise<NEResult<null>> {
    return resultCall("muteMemberAudio", () => this.#room.media.setMemberStream(uuid, "audio", false));
  }

  unmuteMemberAudio(uuid: string): Promise<NEResult<null>> {
    return resultCall("unmuteMemberAudio", () => this.#room.media.setMemberStream(uuid, "audio", true));
  }

  muteMemberVideo(uuid: string): Promise<NEResult<null>> {
    return resultCall("muteMemberVideo", () => this.#room.media.setMemberStream(uuid, "video", false));
  }

  unmuteMemberVideo(uuid: string): Promise<NEResult<null>> {
    return resultCall("unmuteMemberVideo", () => this.#room.media.setMemberStream(uuid, "video", true));
  }

  startScreenShare(options?: NEScreenOptions): Promise<NEResult<null>> {
    return resultCall("startScreenShare", () => this.#room.media.startScreen(options));
  }

  stopScreenShare(): Promise<NEResult<null>> {
    return resultCall("stopScreenShare", () => this.#room.media.screen.stop());
  }

  stopMemberScreenShare(uuid: string): Promise<NEResult<null>> {
    return resultCall("stopMemberScreenShare", () => {
      const member = this.#room.model.member(uuid);
      if (member === undefined) throw new RoomKitError(CODE_GENERAL, "get remote member fail by uuid");
      if (!member.isSharingScreen) throw new RoomKitError(CODE_GENERAL, "Member is not sharing screen");
      return this.#room.media.setMemberStream(uuid, "subVideo", false);
    });
  }

  getScreenSharingUserUuid(): string {
    const { model } = this.#room;
    return [model.local, ...model.remotes].find((m) => m.isSharingScreen)?.uuid ?? "";
  }

  // --- what is received ---------------------------------------------------------------------------------------------

  subscribeRemoteVideoStream(uuid: string, type: NEVideoStreamType = 0): Promise<NEResult<null>> {
    return resultCall("subscribeRemoteVideoStream", () => {
      this.#room.assertOpen();
      this.#room.media.subscribe("video", needed(uuid), type);
    });
  }

  unsubscribeRemoteVideoStream(uuid: string): Promise<NEResult<null>> {
    return resultCall("unsubscribeRemoteVideoStream", () => this.#room.media.unsubscribe("video", needed(uuid)));
  }

  subscribeRemoteVideoSubStream(uuid: string): Promise<NEResult<null>> {
    return resultCall("subscribeRemoteVideoSubStream", () => {
      this.#room.assertOpen();
      this.#room.media.subscribe("screenShare", needed(uuid), 0);
    });
  }

  unsubscribeRemoteVideoSubStream(uuid: string): Promise<NEResult<null>> {
    return resultCall("unsubscribeRemoteVideoSubStream", () => this.#room.media.unsubscribe("screenShare", needed(uuid)));
  }

  setupLocalVideoCanvas(view: NEView | undefined): number {
    return this.#canvas("local", this.#room.model.self, view);
  }

  setupRemoteVideoCanvas(view: NEView | undefined, uuid: string): number {
    return this.#canvas(remoteView("video", uuid), uuid, view);
  }

  setupRemoteVideoSubStreamCanvas(view: NEView | undefined, uuid: string): number {
    return this.#canvas(remoteView("screenShare", uuid), uuid, view);
  }

  replayRemoteStream({ userUuid, type }: { userUuid: string; type: "audio" | "video" }): Promise<NEResult<null>> {
    return resultCall("replayRemoteStream", () => {
      const { playback, views } = this.#room.media;
      return type === "audio" ? playback.replay(userUuid) : views.replay(userUuid);
    });
  }

  /** Takes effect at once on the camera that is open. Each call replaces the last: `{}` is the channel's configuration. */
  setLocalVideoConfig(config: NEVideoConfig): Promise<NEResult<null>> {
    return resultCall("setLocalVideoConfig", () => this.#room.media.setVideoConfig(config));
  }

  adjustRecordingSignalVolume(volume: number): Promise<NEResult<null>> {
    return resultCall("adjustRecordingSignalVolume", () => this.#room.media.setRecordingVolume(volume));
  }

  adjustPlaybackSignalVolume(volume: number): Promise<NEResult<null>> {
    return resultCall("adjustPlaybackSignalVolume", () => this.#room.media.playback.setVolume(volume));
  }

  /** One of the named profiles; a microphone that is open keeps its own until it is opened again. */
  setLocalAudioProfile(profile: string): Promise<NEResult<null>> {
    return resultCall("setLocalAudioProfile", () => {
      if (!isAudioProfile(profile)) throw new RoomKitError(CODE_GENERAL, "no such audio profile");
      this.#room.media.audioProfile = profile;
    });
  }

  setAudioProfile(profile: string): Promise<NEResult<null>> {
    return this.setLocalAudioProfile(profile);
  }

  enableLocalSubStreamAudio(): Promise<NEResult<null>> {
    return resultCall("enableLocalSubStreamAudio", () => this.#room.media.screen.setSound(true));
  }

  disableLocalSubStreamAudio(): Promise<NEResult<null>> {
    return resultCall("disableLocalSubStreamAudio", () => this.#room.media.screen.setSound(false));
  }

  // --- devices ------------------------------------------------------------------------------------------------------

  enumCameraDevices(): Promise<NEResult<NEDeviceBaseInfo[]>> {
    return this.#list("camera");
  }

  enumRecordDevices(): Promise<NEResult<NEDeviceBaseInfo[]>> {
    return this.#list("microphone");
  }

  enumPlayoutDevices(): Promise<NEResult<NEDeviceBaseInfo[]>> {
    return this.#list("speaker");
  }

  setSelectedCameraDevice(deviceId: string): Promise<Switched> {
    return this.switchDevice({ type: "camera", deviceId });
  }

  setSelectedRecordDevice(deviceId: string): Promise<Switched> {
    return this.switchDevice({ type: "microphone", deviceId });
  }

  setSelectedPlayoutDevice(deviceId: string): Promise<Switched> {
    return this.switchDevice({ type: "speaker", deviceId });
  }

  /** Resolves with the usual result, and with its fields at the top as the vendor's kit has them. */
  switchDevice({ type, deviceId }: NEDeviceSwitchInfo): Promise<Switched> {
    return publicCall("switchDevice", async () => {
      const { media, deps } = this.#room;
      await deps.devices.check(type, deviceId);
      if (type === "microphone") await media.audio.switchTo(deviceId);
      else if (type === "camera") await media.video.switchTo(deviceId);
      else await media.setSpeaker(deviceId);
      deps.devices.select(type, deviceId);
      return { ...success({ type, deviceId }), type, deviceId };
    });
  }

  getSelectedCameraDevice(): string {
    return this.#room.deps.devices.selected("camera");
  }

  getSelectedRecordDevice(): string {
    return this.#room.deps.devices.selected("microphone");
  }

  getSelectedPlayoutDevice(): string {
    return this.#room.deps.devices.selected("speaker");
  }

  // --- numbers ------------------------------------------------------------------------------------------------------

  getLocalAudioStats(): Promise<NEResult<NELocalStats[]>> {
    return this.#localStats("audio");
  }

  getLocalVideoStats(): Promise<NEResult<NELocalStats[]>> {
    return this.#localStats("video");
  }

  getRemoteAudioStats(): Promise<NEResult<NERemoteStats[]>> {
    return this.#remoteStats("audio");
  }

  getRemoteVideoStats(): Promise<NEResult<NERemoteStats[]>> {
    return this.#remoteStats("video");
  }

  getSessionStats(): Promise<NEResult<NESessionStats>> {
    return publicCall("getSessionStats", async () => {
      const { session } = this.#room.media;
      const [send, receive] = await Promise.all([
        transportStats(session?.sendConnection),
        transportStats(session?.receiveConnection),
      ]);
      return success({ send, receive });
    });
  }

  #canvas(key: string, owner: string, view: unknown): number {
    if (!isView(view) || typeof owner !== "string" || owner === "" || this.#room.ending) {
      log.debug("a canvas call without a view or member is ignored");
      return -1;
    }
    this.#room.media.views.setView(key, owner, view);
    return 0;
  }

  #list(type: NEDeviceType): Promise<NEResult<NEDeviceBaseInfo[]>> {
    return publicCall(`list ${type}s`, async () => success(await this.#room.deps.devices.list(type)));
  }

  #localStats(kind: "audio" | "video"): Promise<NEResult<NELocalStats[]>> {
    return publicCall("local statistics", async () => {
      const { session } = this.#room.media;
      const types = kind === "audio" ? (["audio", "subAudio"] as const) : (["video", "screenShare"] as const);
      const all = types.map(async (mediaType) => {
        const sender = session?.sender(mediaType);
        return sender === undefined ? [] : [await localStats(mediaType, sender)];
      });
      return success((await Promise.all(all)).flat());
    });
  }

  #remoteStats(kind: "audio" | "video"): Promise<NEResult<NERemoteStats[]>> {
    return publicCall("remote statistics", async () => {
      const { media } = this.#room;
      const wanted = media.consumers.filter((consumer) => consumer.track.kind === kind);
      return success(await Promise.all(wanted.map((consumer) => remoteStats(consumer, media.owner(consumer)))));
    });
  }
}

function needed(uuid: string): string {
  if (typeof uuid !== "string" || uuid === "") throw new RoomKitError(CODE_GENERAL, "lack of uuid");
  return uuid;
}
