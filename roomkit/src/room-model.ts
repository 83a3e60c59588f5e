import type { NERole, NERoleParams, NERoomListener, NERoomMember, NERoomProperties } from "./types";
import {
  isRecord,
  PUSH,
  type PushBody,
  RTC_STATE_JOINED,
  type Source,
  SOURCES,
  type WireEntry,
  type WireMember,
  type WireProperties,
  type WireRoleConfig,
  type WireSnapshot,
} from "./wire";

/** A callback to make, with its arguments in order. */
export type CallbackEvent = {
  [K in keyof NERoomListener]: { type: "callback"; name: K; args: Parameters<NERoomListener[K]> };
}[keyof NERoomListener];

export type RoomEvent =
  | CallbackEvent
  /** My own stream was set by the server; `operator` may be me (the system acts in the member's name). */
  | { type: "ownStream"; source: Source; on: boolean; operator: string }
  /** I am out. The callbacks for it belong to the teardown. */
  | { type: "gone"; reason: string; deviceId: string | undefined }
  | { type: "ended"; reason: string }
  | { type: "message"; sender: string; commandId: number; data: unknown };

interface MemberState {
  uuid: string;
  name: string;
  avatar: string;
  role: string;
  clientType: string;
  rtcUid: number;
  inRtc: boolean;
  inChatroom: boolean;
  streams: Record<Source, boolean>;
  properties: Record<string, unknown>;
}

/** The room as this client knows it: state and pushes in, callbacks out. No I/O. */
export class RoomModel {
  readonly self: string;
  roomName = "";
  #members = new Map<string, MemberState>();
  #properties: WireProperties = {};
  #roles: Record<string, WireRoleConfig> = {};
  /** Counts pushes about my own streams, so that an operation can tell whether its push has been here. */
  readonly ownRevision: Record<Source, number> = { audio: 0, video: 0, subVideo: 0 };

  constructor(self: string) {
    this.self = self;
  }

  /**
   * Gives my sources that the server still has on: after a reload of the page the seat is the same, but no device is
   * open here, so they are off.
   */
  enter(entry: WireEntry): Source[] {
    this.roomName = entry.room.roomName ?? "";
    this.#roles = entry.room.config?.roleConfigs ?? {};
    this.#properties = structuredClone(entry.room.properties ?? {});
    this.#members = new Map(entry.members.map((m) => [m.userUuid, read(m)]));
    const me = this.#members.get(this.self) ?? read(entry.member);
    this.#members.set(this.self, me);
    const stale = SOURCES.filter((source) => me.streams[source]);
    me.streams = { audio: false, video: false, subVideo: false };
    return stale;
  }

  has(uuid: string): boolean {
    return this.#members.has(uuid);
  }

  member(uuid: string): NERoomMember | undefined {
    const state = this.#members.get(uuid);
    return state === undefined ? undefined : this.#view(state);
  }

  get local(): NERoomMember {
    return this.#view(this.#members.get(this.self) ?? read({ userUuid: this.self }));
  }

  get remotes(): NERoomMember[] {
    return [...this.#members.values()].filter((m) => m.uuid !== this.self).map((m) => this.#view(m));
  }

  get properties(): NERoomProperties {
    return structuredClone(this.#properties);
  }

  isOn(uuid: string, source: Source): boolean {
    return this.#members.get(uuid)?.streams[source] ?? false;
  }

  rtcUid(uuid: string): number | undefined {
    const uid = this.#members.get(uuid)?.rtcUid;
    return uid === 0 ? undefined : uid;
  }

  byRtcUid(uid: number): string | undefined {
    for (const member of this.#members.values()) if (member.rtcUid === uid) return member.uuid;
    return undefined;
  }

  /** State of mine that this client itself brought about (joined RTC, lost it). */
  setLocalRtc(joined: boolean): void {
    const me = this.#members.get(this.self);
    if (me === undefined) return;
    me.inRtc = joined;
    if (!joined) me.streams = { audio: false, video: false, subVideo: false };
  }

  /** One stream of one member; an event only when it changes something. */
  setStream(uuid: string, source: Source, on: boolean, operator: string): RoomEvent[] {
    const member = this.#members.get(uuid);
    if (member === undefined || member.streams[source] === on) return [];
    member.streams[source] = on;
    const who = this.#view(member);
    const by = this.member(operator) ?? { ...who, uuid: operator === "" ? uuid : operator };
    if (source === "audio") return [callback("onMemberAudioMuteChanged", who, !on, by)];
    if (source === "video") return [callback("onMemberVideoMuteChanged", who, !on, by)];
    return [callback("onMemberScreenShareStateChanged", who, on, by)];
  }

  apply(push: PushBody): RoomEvent[] {
    const { data } = push;
    const operator = data.operatorMember?.userUuid ?? "";
    const members = Array.isArray(data.members) ? data.members : [];
    switch (push.cmd) {
      case PUSH.roomPropertyChanged:
        return this.#changeProperties(data.properties ?? {});
      case PUSH.roomPropertyDeleted:
        return this.#deleteProperty(data.key ?? "");
      case PUSH.memberPropertyChanged:
        return this.#changeMemberProperties(data.member?.userUuid ?? "", data.properties ?? {});
      case PUSH.memberPropertyDeleted:
        return this.#deleteMemberProperty(data.member?.userUuid ?? "", data.key ?? "");
      case PUSH.memberJoinedRoom:
        return members.flatMap((m) => this.#joinedRoom(m));
      case PUSH.memberJoinedRtc:
        return members.flatMap((m) => this.#joinedRtc(m));
      case PUSH.memberLeftRtc:
        return members.flatMap((m) => this.#leftRtc(m.userUuid));
      case PUSH.memberLeftRoom:
        return members.flatMap((m) => this.#leftRoom(m));
      case PUSH.streamChanged: {
        const uuid = data.member?.userUuid ?? "";
        return SOURCES.filter((s) => data.streams?.[s] !== undefined).flatMap((s) =>
          this.#pushedStream(uuid, s, data.streams?.[s]?.value === 1, operator),
        );
      }
      case PUSH.streamRemoved: {
        const source = SOURCES.find((s) => s === data.streamType);
        return source === undefined ? [] : this.#pushedStream(data.member?.userUuid ?? "", source, false, operator);
      }
      case PUSH.streamsReset:
        return SOURCES.flatMap((s) => this.#pushedStream(data.member?.userUuid ?? "", s, false, operator));
      case PUSH.roomEnded:
        return [{ type: "ended", reason: data.reason ?? "UNKNOWN" }];
      case PUSH.roleChanged:
        return this.#changeRole(data.member?.userUuid ?? "", data.role ?? data.member?.role ?? "");
      case PUSH.nameChanged:
        return this.#changeName(data.member?.userUuid ?? "", data.member?.userName ?? "");
      case PUSH.customMessage:
        return [customMessage(operator, data.message)];
      default:
        return [];
    }
  }

  /**
   * The state read again after a gap: the differences, as if they had been pushed. Without `ownStreams` my own sources
   * stay as they are: after a restart the server learns them from me, not I from it.
   */
  reconcile({ snapshot }: WireSnapshot, ownStreams = true): RoomEvent[] {
    const events: RoomEvent[] = [];
    const now = new Map(snapshot.members.map((m) => [m.userUuid, m]));
    for (const uuid of [...this.#members.keys()]) {
      if (!now.has(uuid) && uuid !== this.self) events.push(...this.#leftRoom({ userUuid: uuid }));
    }
    for (const wire of snapshot.members) {
      if (!this.#members.has(wire.userUuid)) {
        events.push(...this.#joinedRoom(wire));
        continue;
      }
      events.push(...this.#reconcileMember(wire, ownStreams));
    }
    const properties = snapshot.room.properties ?? {};
    for (const key of Object.keys(this.#properties)) {
      if (!(key in properties)) events.push(...this.#deleteProperty(key));
    }
    for (const [key, value] of Object.entries(properties)) {
      if (JSON.stringify(value) !== JSON.stringify(this.#properties[key])) {
        events.push(...this.#changeProperties({ [key]: value }));
      }
    }
    return events;
  }

  #reconcileMember(wire: WireMember, ownStreams: boolean): RoomEvent[] {
    const member = this.#members.get(wire.userUuid);
    if (member === undefined) return [];
    const next = read(wire);
    const events: RoomEvent[] = [];
    if (next.rtcUid !== 0) member.rtcUid = next.rtcUid;
    if (next.name !== "") events.push(...this.#changeName(member.uuid, next.name));
    if (next.role !== "") events.push(...this.#changeRole(member.uuid, next.role));
    if (member.uuid !== this.self) {
      if (next.inRtc) events.push(...this.#joinedRtc(wire));
      else events.push(...this.#leftRtc(member.uuid));
    }
    for (const source of member.uuid === this.self && !ownStreams ? [] : SOURCES) {
      // No difference is no news: a source of mine that is off here may be opening right now.
      if (next.streams[source] === member.streams[source]) continue;
      events.push(...this.#pushedStream(member.uuid, source, next.streams[source], member.uuid));
    }
    const changed = Object.entries(next.properties).filter(
      ([key, value]) => JSON.stringify(value) !== JSON.stringify(member.properties[key]),
    );
    if (changed.length > 0) events.push(...this.#changeMemberProperties(member.uuid, Object.fromEntries(changed)));
    for (const key of Object.keys(member.properties)) {
      if (!(key in next.properties)) events.push(...this.#deleteMemberProperty(member.uuid, key));
    }
    return events;
  }

  #pushedStream(uuid: string, source: Source, on: boolean, operator: string): RoomEvent[] {
    if (uuid !== this.self) return this.setStream(uuid, source, on, operator);
    this.ownRevision[source] += 1;
    // Out of RTC nothing of mine is on, whatever the server still believes.
    if (on && this.#members.get(uuid)?.inRtc !== true) return [];
    const events = this.setStream(uuid, source, on, operator);
    events.push({ type: "ownStream", source, on, operator });
    return events;
  }

  #joinedRoom(wire: WireMember): RoomEvent[] {
    const before = this.#members.get(wire.userUuid);
    if (before !== undefined) {
      const uid = read(wire).rtcUid;
      if (uid !== 0) before.rtcUid = uid;
      return [];
    }
    const state = read(wire);
    this.#members.set(state.uuid, state);
    if (state.uuid === this.self) return [];
    const events: RoomEvent[] = [callback("onMemberJoinRoom", [this.#view(state)])];
    if (state.inRtc) events.push(callback("onMemberJoinRtcChannel", [this.#view(state)]));
    return events;
  }

  #joinedRtc(wire: WireMember): RoomEvent[] {
    const events = this.#members.has(wire.userUuid) ? [] : this.#joinedRoom({ ...wire, properties: {} });
    const state = this.#members.get(wire.userUuid);
    if (state === undefined) return events;
    const uid = read(wire).rtcUid;
    if (uid !== 0) state.rtcUid = uid;
    if (state.inRtc) return events;
    state.inRtc = true;
    if (state.uuid !== this.self) events.push(callback("onMemberJoinRtcChannel", [this.#view(state)]));
    return events;
  }

  #leftRtc(uuid: string): RoomEvent[] {
    const state = this.#members.get(uuid);
    // My own presence in RTC is known here first; a late push about the previous socket must not undo it.
    if (state === undefined || uuid === this.self || !state.inRtc) return [];
    const events = SOURCES.flatMap((s) => this.setStream(uuid, s, false, uuid));
    state.inRtc = false;
    events.push(callback("onMemberLeaveRtcChannel", [this.#view(state)]));
    return events;
  }

  #leftRoom(wire: WireMember): RoomEvent[] {
    const reason = wire.reason?.type ?? "NORMAL";
    if (wire.userUuid === this.self) return [{ type: "gone", reason, deviceId: wire.reason?.deviceId }];
    const state = this.#members.get(wire.userUuid);
    if (state === undefined) return [];
    this.#members.delete(wire.userUuid);
    return [callback("onMemberLeaveRoom", [{ ...this.#view(state), reason }])];
  }

  #changeProperties(properties: Record<string, unknown>): RoomEvent[] {
    // One call per key: the SDK looks at only one of audioOff and videoOff per call.
    return Object.entries(properties).map(([key, raw]) => {
      const property = isRecord(raw) ? { ...raw, value: text(raw.value) } : { value: text(raw) };
      this.#properties[key] = property;
      return callback("onRoomPropertiesChanged", { [key]: structuredClone(property) });
    });
  }

  #deleteProperty(key: string): RoomEvent[] {
    const before = this.#properties[key];
    if (before === undefined) return [];
    this.#properties = Object.fromEntries(Object.entries(this.#properties).filter(([k]) => k !== key));
    return [callback("onRoomPropertiesDeleted", { [key]: before })];
  }

  #changeMemberProperties(uuid: string, properties: Record<string, unknown>): RoomEvent[] {
    const state = this.#members.get(uuid);
    const changed = Object.fromEntries(Object.entries(properties).filter(([key]) => key !== "states"));
    if (state === undefined || Object.keys(changed).length === 0) return [];
    Object.assign(state.properties, structuredClone(changed));
    return [callback("onMemberPropertiesChanged", this.#view(state), changed)];
  }

  #deleteMemberProperty(uuid: string, key: string): RoomEvent[] {
    const state = this.#members.get(uuid);
    if (state === undefined || !(key in state.properties)) return [];
    const before = { [key]: state.properties[key] };
    state.properties = Object.fromEntries(Object.entries(state.properties).filter(([k]) => k !== key));
    return [callback("onMemberPropertiesDeleted", uuid, before)];
  }

  #changeRole(uuid: string, role: string): RoomEvent[] {
    const state = this.#members.get(uuid);
    if (state === undefined || role === "" || state.role === role) return [];
    const before = this.#role(state.role);
    state.role = role;
    return [callback("onMemberRoleChanged", this.#view(state), before, this.#role(role))];
  }

  #changeName(uuid: string, name: string): RoomEvent[] {
    const state = this.#members.get(uuid);
    if (state === undefined || name === "" || state.name === name) return [];
    state.name = name;
    return [callback("onMemberNameChanged", this.#view(state), name)];
  }

  #role(name: string): NERole {
    const config = this.#roles[name];
    const params = structuredClone(config?.params ?? {}) as NERoleParams;
    return { name, limit: config?.limit ?? 0, superRole: config?.superRole ?? false, params };
  }

  /** A copy: nothing the app does to it reaches the model. */
  #view(state: MemberState): NERoomMember {
    return {
      uuid: state.uuid,
      name: state.name,
      avatar: state.avatar,
      role: this.#role(state.role),
      isAudioOn: state.streams.audio,
      isVideoOn: state.streams.video,
      isSharingScreen: state.streams.subVideo,
      isSharingWhiteboard: false,
      isInRtcChannel: state.inRtc,
      isInChatroom: state.inChatroom,
      properties: structuredClone(state.properties),
      clientType: state.clientType,
      rtcUid: state.inRtc ? state.rtcUid : 0,
    };
  }
}

function callback<K extends keyof NERoomListener>(name: K, ...args: Parameters<NERoomListener[K]>): RoomEvent {
  return { type: "callback", name, args } as unknown as RoomEvent;
}

function customMessage(sender: string, message: unknown): RoomEvent {
  const body = isRecord(message) ? message : {};
  const commandId = Number(body.cmdId ?? body.commandId ?? 0);
  return { type: "message", sender, commandId, data: body.message ?? message };
}

function text(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? "");
}

function read(wire: WireMember): MemberState {
  const { states, ...properties } = wire.properties ?? {};
  const uid = Number(wire.rtcUid ?? 0);
  return {
    uuid: wire.userUuid,
    name: wire.userName ?? "",
    avatar: wire.userIcon ?? "",
    role: wire.role ?? "",
    clientType: wire.clientType ?? "unknown",
    rtcUid: Number.isSafeInteger(uid) ? uid : 0,
    inRtc: states?.rtcState === RTC_STATE_JOINED,
    inChatroom: (states?.chatroomState ?? 0) !== 0,
    streams: {
      audio: wire.streams?.audio?.value === 1,
      video: wire.streams?.video?.value === 1,
      subVideo: wire.streams?.subVideo?.value === 1,
    },
    properties: structuredClone(properties),
  };
}
