// Every member that apps of the vendor's kit may call is there, and what cannot be done says so.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { NEServerConfig } from "../src";
import RoomKit from "../src";
import { Room, type RoomDeps } from "../src/room";
import { RoomContext } from "../src/room-context";

const KIT = [
  "initialize", "release", "switchLanguage", "getService", "addGlobalEventListener", "removeGlobalEventListener",
];
const AUTH = ["loginByIM", "login", "loginByDynamicToken", "renewToken", "logout", "addAuthListener", "removeAuthListener"];
const ROOM_SERVICE = ["joinRoom", "getRoomContext", "createRoom", "previewRoom", "getPreviewRoomContext"];
const MESSAGES = ["addMessageChannelListener", "removeMessageChannelListener", "sendCustomMessage"];
const ROOM = [
  "kickMemberOut", "leaveRoom", "endRoom", "updateRoomProperty", "deleteRoomProperty", "updateMemberProperty",
  "deleteMemberProperty", "changeMyName", "changeMemberRole", "handOverMyRole", "lockRoom", "unlockRoom", "getMember",
  "addRoomListener", "removeRoomListener", "addRtcStatsListener", "removeRtcStatsListener", "on", "off",
];
const RTC = [
  "joinRtcChannel", "leaveRtcChannel", "muteMyAudio", "unmuteMyAudio", "muteMyVideo", "unmuteMyVideo", "muteMemberAudio",
  "unmuteMemberAudio", "muteMemberVideo", "unmuteMemberVideo", "startScreenShare", "stopScreenShare",
  "stopMemberScreenShare", "subscribeRemoteVideoStream", "unsubscribeRemoteVideoStream", "subscribeRemoteVideoSubStream",
  "unsubscribeRemoteVideoSubStream", "setupLocalVideoCanvas", "setupRemoteVideoCanvas", "setupRemoteVideoSubStreamCanvas",
  "getScreenSharingUserUuid", "enumCameraDevices", "enumRecordDevices", "enumPlayoutDevices", "setSelectedCameraDevice",
  "setSelectedRecordDevice", "setSelectedPlayoutDevice", "switchDevice", "getSelectedCameraDevice",
  "getSelectedRecordDevice", "getSelectedPlayoutDevice", "replayRemoteStream", "getLocalAudioStats", "getLocalVideoStats",
  "getRemoteAudioStats", "getRemoteVideoStats", "getSessionStats", "setLocalVideoConfig", "setLocalAudioProfile",
  "setAudioProfile", "adjustRecordingSignalVolume", "adjustPlaybackSignalVolume", "enableLocalSubStreamAudio",
  "disableLocalSubStreamAudio",
];
/** Of effects, mixing and beauty. */
const REFUSED = [
  "startAudioMixing", "pauseAudioMixing", "resumeAudioMixing", "stopAudioMixing", "setAudioMixingSendVolume",
  "setAudioMixingPlaybackVolume", "playEffect", "pauseEffect", "resumeEffect", "stopEffect", "stopAllEffects",
  "setEffectSendVolume", "setEffectPlaybackVolume", "startBeauty", "stopBeauty", "enableBeauty", "setBeautyEffect",
  "addBeautyFilter", "removeBeautyFilter", "setBeautyFilterLevel",
];

type Methods = Record<string, (...args: unknown[]) => unknown>;
const missing = (owner: object, names: string[]): string[] => names.filter((name) => typeof (owner as Methods)[name] !== "function");

describe("the interface of the vendor's kit", () => {
  let kit: RoomKit;
  let room: RoomContext;

  beforeEach(() => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    vi.stubGlobal("location", { origin: "https://chat.test" });
    vi.stubGlobal("sessionStorage", { getItem: () => null, setItem: () => undefined });
    kit = new RoomKit({ debug: false, eventTracking: true });
    // As an app written for the vendor's servers has it: what is not known here is ignored.
    const serverConfig: NEServerConfig = {
      roomKitServerConfig: { roomServer: "https://chat.test" },
      imServerConfig: { lbs: "https://chat.test/lbs", nosUploader: "https://up.test", httpsEnabled: true },
      rtcServerConfig: { statisticsServer: "https://stat.test", useIPv6: false },
      whiteboardServerConfig: {},
    };
    kit.initialize({ appKey: "key", serverConfig });
    const deps = { identity: { account: "me" }, rest: {}, devices: {} } as unknown as RoomDeps;
    room = new RoomContext(new Room({ roomUuid: "42", role: "qchatAudience" }, deps));
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  });

  it("has every method", () => {
    expect(missing(kit, KIT)).toEqual([]);
    expect(missing(kit.authService, AUTH)).toEqual([]);
    expect(missing(kit.roomService, ROOM_SERVICE)).toEqual([]);
    expect(missing(kit.messageChannelService, MESSAGES)).toEqual([]);
    expect(missing(room, ROOM)).toEqual([]);
    expect(missing(room.rtcController, [...RTC, ...REFUSED])).toEqual([]);
  });

  it("has every property", () => {
    expect(kit.isInitialized).toBe(true);
    expect(kit.deviceId).toMatch(/^[0-9a-f-]{36}$/);
    expect(Object.keys(kit.sdkVersions).sort()).toEqual(["imVersion", "roomKitVersion", "rtcVersion", "whiteboardVersion"]);
    expect(kit.getService("roomService")).toBe(kit.roomService);
    expect(room).toMatchObject({ roomUuid: "42", isRoomLocked: false, password: "", remainingSeconds: 0, sipCid: "", remoteMembers: [], roomProperties: {} });
    for (const part of [room.chatController, room.whiteboardController, room.liveController]) expect(part).toEqual({ isSupported: false });
  });

  it("refuses what it cannot do with a code and no noise", async () => {
    const refusals = await Promise.all([
      ...REFUSED.map((name) => [room.rtcController, name] as const),
      ...["lockRoom", "unlockRoom"].map((name) => [room, name] as const),
      ...["createRoom", "previewRoom"].map((name) => [kit.roomService, name] as const),
    ].map(([owner, name]) => ((owner as unknown as Methods)[name]?.call(owner) as Promise<unknown>).then(() => name, (e: unknown) => e)));
    for (const refusal of refusals) expect(refusal).toMatchObject({ code: -1, message: "not support" });
  });
});
