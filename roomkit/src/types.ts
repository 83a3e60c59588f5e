/**
 * Public types. Names starting with `NE` are those apps import from `neroom-web-sdk`, so that a bundler alias is enough
 * to swap the package.
 */

/** Every successful call resolves with this; failures reject with a {@link RoomKitError} (`{code, message, data?}`). */
export interface NEResult<T> {
  code: 0;
  message: string;
  data: T;
}

export interface NEDeviceBaseInfo {
  deviceId: string;
  deviceName: string;
}

export type NEDeviceType = "camera" | "microphone" | "speaker";

export interface NEDeviceSwitchInfo {
  type: NEDeviceType;
  deviceId: string;
}

/** The media configuration of the channel, found in a member's role. */
export interface NERoleParams {
  audio?: { profile?: string; scenario?: string };
  video?: { width?: number; height?: number; fps?: number };
  screen?: { videoProfile?: string; fps?: number };
}

export interface NERole {
  name: string;
  limit: number;
  superRole: boolean;
  params: NERoleParams;
}

export interface NERoomMember {
  /** Account id. */
  uuid: string;
  name: string;
  avatar: string;
  role: NERole;
  isAudioOn: boolean;
  isVideoOn: boolean;
  isSharingScreen: boolean;
  isSharingWhiteboard: boolean;
  isInRtcChannel: boolean;
  isInChatroom: boolean;
  properties: Record<string, unknown>;
  clientType: string;
  /** 0 while the member is not in the RTC channel. */
  rtcUid: number;
  /** Only in `onMemberLeaveRoom`: why the member left. */
  reason?: string;
}

export interface NERoomProperty {
  value: string;
  [key: string]: unknown;
}
export type NERoomProperties = Record<string, NERoomProperty>;

export interface NEVolume {
  userUuid: string;
  /** 0 to 100; members below 1 are left out. */
  volume: number;
}

export interface NEConnectState {
  prevState: NEConnectionState;
  curState: NEConnectionState;
  reconnect: boolean;
}
export type NEConnectionState = "DISCONNECTED" | "CONNECTING" | "CONNECTED" | "DISCONNECTING";

export interface NEDeviceChange {
  /** It came, it went, or there is another device behind the same id, as happens to `default`. */
  state: "ACTIVE" | "INACTIVE" | "CHANGED";
  device: NEDeviceBaseInfo;
}

/** Of the camera; what is left out is as the channel's configuration says. */
export interface NEVideoConfig {
  /** Lines, with the width that cameras have beside them: 480 is 640x480, 720 is 1280x720. */
  resolution?: number;
  /** Pixels; before what `resolution` says. */
  width?: number;
  height?: number;
  /** Frames per second. */
  frameRate?: number;
  /** Bits per second at most; by default what the size and frame rate need. */
  bitrate?: number;
}

export interface NEScreenOptions {
  /**
   * Which screen or window. A page cannot choose, only its user: there, an id that begins with `screen:` or `window:`
   * opens the browser's own choice at that kind. Taken as it is where an embedder (Electron) hands out such ids.
   */
  sourceId?: string;
  /** Lines at most: 720 or 1080. */
  resolution?: number;
  /** Frames per second. */
  frameRate?: number;
}

export interface NENetworkQuality {
  userUuid: string;
  /** 0 unknown, 1 excellent … 5 very bad, 6 down. */
  upStatus: number;
  downStatus: number;
}

/** All callbacks of a room. A direct user may give any subset. */
export interface NERoomListener {
  onRoomPropertiesChanged(changed: NERoomProperties): void;
  onRoomPropertiesDeleted(deleted: NERoomProperties): void;
  onMemberJoinRoom(members: NERoomMember[]): void;
  onMemberLeaveRoom(members: NERoomMember[]): void;
  onMemberJoinRtcChannel(members: NERoomMember[]): void;
  onMemberLeaveRtcChannel(members: NERoomMember[]): void;
  onMemberJoinChatroom(members: NERoomMember[]): void;
  onMemberLeaveChatroom(members: NERoomMember[]): void;
  onMemberAudioMuteChanged(member: NERoomMember, muted: boolean, operator: NERoomMember): void;
  onMemberVideoMuteChanged(member: NERoomMember, muted: boolean, operator: NERoomMember): void;
  onMemberScreenShareStateChanged(member: NERoomMember, isSharing: boolean, operator: NERoomMember): void;
  onMemberRoleChanged(member: NERoomMember, before: NERole, after: NERole): void;
  onMemberNameChanged(member: NERoomMember, name: string): void;
  onMemberPropertiesChanged(member: NERoomMember, changed: Record<string, unknown>): void;
  onMemberPropertiesDeleted(uuid: string, deleted: Record<string, unknown>): void;
  onRoomEnded(reason: string): void;
  onRoomConnectStateChanged(state: NEConnectState): void;
  onRtcChannelError(code: string): void;
  onRtcAudioVolumeIndication(list: NEVolume[]): void;
  onRtcRemoteAudioVolumeIndication(list: NEVolume[]): void;
  onRtcActiveSpeakerChanged(speaker: NEVolume): void;
  onRtcNetworkQuality(list: NENetworkQuality[]): void;
  onRtcUserAudioSubStreamStart(uuid: string): void;
  onRtcUserAudioSubStreamStop(uuid: string): void;
  /** Part of the vendor's interface; a QChat channel has no lock, time limit, chat room or whiteboard: never called. */
  onRoomLockStateChanged(locked: boolean): void;
  onRoomRemainingSecondsRenewed(seconds: number): void;
  onReceiveChatroomMessages(messages: unknown[]): void;
  onMemberWhiteboardStateChanged(member: NERoomMember, isSharing: boolean, operator: NERoomMember): void;
  onAutoPlayNotAllowed(blocked: { userUuid: string; type: "audio" | "video" }): void;
  onCameraDeviceChanged(change: NEDeviceChange): void;
  onRecordDeviceChanged(change: NEDeviceChange): void;
  onPlayoutDeviceChanged(change: NEDeviceChange): void;
}

/** An element, or a selector that is resolved when there is a picture to show. */
export type NEView = Element | string;

/** 0 = high, 1 = low. */
export type NEVideoStreamType = 0 | 1;

export interface NEAuthListener {
  onAuthEvent?(code: number): void;
}

export interface NEAuthService {
  readonly isLoggedIn: boolean;
  loginByIM(account: string, kitToken: string, imToken?: string): Promise<NEResult<null>>;
  login(account: string, token: string): Promise<NEResult<null>>;
  loginByDynamicToken(account: string, token: string): Promise<NEResult<null>>;
  renewToken(token: string): Promise<NEResult<null>>;
  logout(): Promise<NEResult<null>>;
  addAuthListener(listener: NEAuthListener): void;
  removeAuthListener(listener?: NEAuthListener): void;
}

export interface NEJoinRoomParams {
  roomUuid: string;
  role: string;
  userName?: string;
  avatar?: string;
  password?: string;
  initialProperties?: Record<string, unknown>;
}
export type NEJoinRoomOptions = Record<string, unknown>;
export interface NECreateRoomParams {
  roomUuid: string;
  roomName?: string;
}
export type NECreateRoomOptions = Record<string, unknown>;
export type NEPreviewController = Record<string, never>;

export interface NERoomService {
  joinRoom(params: NEJoinRoomParams, options?: NEJoinRoomOptions): Promise<NEResult<NERoomContext>>;
  getRoomContext(roomUuid: string): NERoomContext | undefined;
  createRoom(params: NECreateRoomParams, options?: NECreateRoomOptions): Promise<never>;
  previewRoom(): Promise<never>;
  getPreviewRoomContext(): undefined;
}

export interface NERtcTransportStats {
  state: string;
  /** Seconds. */
  roundTripTime: number | undefined;
  bytesSent: number;
  bytesReceived: number;
  srtpCipher: string | undefined;
  dtlsState: string | undefined;
}

export interface NESessionStats {
  send: NERtcTransportStats | undefined;
  receive: NERtcTransportStats | undefined;
}

export interface NELocalStats {
  mediaType: "audio" | "video" | "screen" | "subAudio";
  bytesSent: number;
  packetsSent: number;
  codec: string | undefined;
  /** Audio: 0 to 1 and J-like units of the WebRTC statistics. */
  audioLevel?: number;
  totalAudioEnergy?: number;
  /** Video. */
  framesEncoded?: number;
  frameWidth?: number;
  frameHeight?: number;
}

export interface NERemoteStats {
  userUuid: string;
  mediaType: "audio" | "video" | "screen" | "subAudio";
  bytesReceived: number;
  packetsReceived: number;
  packetsLost: number;
  /** Seconds. */
  jitter: number;
  codec: string | undefined;
  audioLevel?: number;
  totalAudioEnergy?: number;
  totalSamplesDuration?: number;
  framesDecoded?: number;
  framesDropped?: number;
  freezeCount?: number;
  frameWidth?: number;
  frameHeight?: number;
}

/** Called every 2 s while it is added. */
export interface NERtcStatsListener {
  onRtcStats?(stats: NESessionStats): void;
  onLocalAudioStats?(stats: NELocalStats[]): void;
  onLocalVideoStats?(stats: NELocalStats[]): void;
  onRemoteAudioStats?(stats: NERemoteStats[]): void;
  onRemoteVideoStats?(stats: NERemoteStats[]): void;
}

export interface NERoomRtcController {
  readonly isSupported: boolean;
  joinRtcChannel(): Promise<NEResult<null>>;
  leaveRtcChannel(): Promise<NEResult<null>>;
  muteMyAudio(): Promise<NEResult<null>>;
  unmuteMyAudio(): Promise<NEResult<null>>;
  muteMyVideo(): Promise<NEResult<null>>;
  unmuteMyVideo(): Promise<NEResult<null>>;
  muteMemberAudio(uuid: string): Promise<NEResult<null>>;
  unmuteMemberAudio(uuid: string): Promise<NEResult<null>>;
  muteMemberVideo(uuid: string): Promise<NEResult<null>>;
  unmuteMemberVideo(uuid: string): Promise<NEResult<null>>;
  startScreenShare(options?: NEScreenOptions): Promise<NEResult<null>>;
  stopScreenShare(): Promise<NEResult<null>>;
  stopMemberScreenShare(uuid: string): Promise<NEResult<null>>;
  getScreenSharingUserUuid(): string;
  subscribeRemoteVideoStream(uuid: string, type?: NEVideoStreamType): Promise<NEResult<null>>;
  unsubscribeRemoteVideoStream(uuid: string, type?: NEVideoStreamType): Promise<NEResult<null>>;
  subscribeRemoteVideoSubStream(uuid: string): Promise<NEResult<null>>;
  unsubscribeRemoteVideoSubStream(uuid: string): Promise<NEResult<null>>;
  setupLocalVideoCanvas(view: NEView | undefined): number;
  setupRemoteVideoCanvas(view: NEView | undefined, uuid: string): number;
  setupRemoteVideoSubStreamCanvas(view: NEView | undefined, uuid: string): number;
  enumCameraDevices(): Promise<NEResult<NEDeviceBaseInfo[]>>;
  enumRecordDevices(): Promise<NEResult<NEDeviceBaseInfo[]>>;
  enumPlayoutDevices(): Promise<NEResult<NEDeviceBaseInfo[]>>;
  setSelectedCameraDevice(deviceId: string): Promise<NEResult<NEDeviceSwitchInfo> & NEDeviceSwitchInfo>;
  setSelectedRecordDevice(deviceId: string): Promise<NEResult<NEDeviceSwitchInfo> & NEDeviceSwitchInfo>;
  setSelectedPlayoutDevice(deviceId: string): Promise<NEResult<NEDeviceSwitchInfo> & NEDeviceSwitchInfo>;
  switchDevice(info: NEDeviceSwitchInfo): Promise<NEResult<NEDeviceSwitchInfo> & NEDeviceSwitchInfo>;
  getSelectedCameraDevice(): string;
  getSelectedRecordDevice(): string;
  getSelectedPlayoutDevice(): string;
  replayRemoteStream(stream: { userUuid: string; type: "audio" | "video" }): Promise<NEResult<null>>;
  setLocalVideoConfig(config: NEVideoConfig): Promise<NEResult<null>>;
  setLocalAudioProfile(profile: string): Promise<NEResult<null>>;
  setAudioProfile(profile: string): Promise<NEResult<null>>;
  enableLocalSubStreamAudio(): Promise<NEResult<null>>;
  disableLocalSubStreamAudio(): Promise<NEResult<null>>;
  /** 0 to 100, of what my microphone picks up. */
  adjustRecordingSignalVolume(volume: number): Promise<NEResult<null>>;
  /** 0 to 100, of what is played here. */
  adjustPlaybackSignalVolume(volume: number): Promise<NEResult<null>>;
  getLocalAudioStats(): Promise<NEResult<NELocalStats[]>>;
  getLocalVideoStats(): Promise<NEResult<NELocalStats[]>>;
  getRemoteAudioStats(): Promise<NEResult<NERemoteStats[]>>;
  getRemoteVideoStats(): Promise<NEResult<NERemoteStats[]>>;
  getSessionStats(): Promise<NEResult<NESessionStats>>;
}

export interface NEUnsupportedController {
  readonly isSupported: false;
}

export interface NERoomContext {
  /** Empty after leaving. */
  readonly roomUuid: string;
  readonly roomName: string;
  readonly userName: string;
  readonly isRoomLocked: boolean;
  readonly password: string;
  readonly remainingSeconds: number;
  readonly sipCid: string;
  readonly localMember: NERoomMember;
  /** Without the local member. */
  readonly remoteMembers: NERoomMember[];
  readonly roomProperties: NERoomProperties;
  readonly rtcController: NERoomRtcController;
  readonly chatController: NEUnsupportedController;
  readonly whiteboardController: NEUnsupportedController;
  readonly liveController: NEUnsupportedController;
  getMember(uuid: string): NERoomMember | undefined;
  kickMemberOut(uuid: string): Promise<NEResult<null>>;
  leaveRoom(): Promise<NEResult<null>>;
  endRoom(): Promise<NEResult<null>>;
  updateRoomProperty(key: string, jsonText: string): Promise<NEResult<null>>;
  deleteRoomProperty(key: string): Promise<NEResult<null>>;
  updateMemberProperty(uuid: string, key: string, text: string): Promise<NEResult<null>>;
  deleteMemberProperty(uuid: string, key: string): Promise<NEResult<null>>;
  changeMyName(name: string): Promise<NEResult<null>>;
  changeMemberRole(uuid: string, role: string): Promise<NEResult<null>>;
  handOverMyRole(uuid: string): Promise<NEResult<null>>;
  lockRoom(): Promise<never>;
  unlockRoom(): Promise<never>;
  addRoomListener(listener: Partial<NERoomListener>): void;
  removeRoomListener(listener?: Partial<NERoomListener>): void;
  addRtcStatsListener(listener: NERtcStatsListener): void;
  removeRtcStatsListener(): void;
  on<K extends keyof NERoomListener>(name: K, fn: NERoomListener[K]): void;
  off<K extends keyof NERoomListener>(name: K, fn?: NERoomListener[K]): void;
}

export interface NECustomMessage {
  roomUuid: string;
  senderUuid: string;
  commandId: number;
  data: unknown;
}

export interface NEMessageChannelListener {
  onReceiveCustomMessage?(message: NECustomMessage): void;
}

export interface NEMessageChannelService {
  addMessageChannelListener(listener: NEMessageChannelListener): void;
  removeMessageChannelListener(listener?: NEMessageChannelListener): void;
  sendCustomMessage(roomUuid: string, userUuid: string, commandId: number, message: string): Promise<NEResult<null>>;
}

/** Addresses. Only `roomServer` is needed: everything else is derived from it. Keys not named here are ignored. */
export interface NEServerConfig {
  roomKitServerConfig?: { roomServer?: string; [key: string]: unknown };
  imServerConfig?: { lbs?: string; link?: string; linkSslWeb?: boolean; [key: string]: unknown };
  rtcServerConfig?: { channelServer?: string; [key: string]: unknown };
  [key: string]: unknown;
}

export interface NEInitializeOptions {
  appKey: string;
  serverConfig?: NEServerConfig | undefined;
}

export interface NERoomKitOptions {
  /** Log every step to the console. */
  debug?: boolean;
  /** Accepted for compatibility; nothing is ever reported anywhere. */
  eventTracking?: boolean;
  /**
   * Codec of the camera where this browser can send it and the server forwards it; VP8 otherwise. VP8 and H264 are sent
   * with a low layer; members whose browser cannot decode VP9 or AV1 do not see such a picture.
   */
  videoCodec?: "VP8" | "H264" | "VP9" | "AV1";
}

export interface NESdkVersions {
  imVersion: string;
  roomKitVersion: string;
  rtcVersion: string;
  whiteboardVersion: string;
}
