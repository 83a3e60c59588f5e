/** Shapes of the room wire (REST answers and pushes), as seen with neroom-web-sdk 1.4 to 1.20. */

export type Source = "audio" | "video" | "subVideo";
export const SOURCES: readonly Source[] = ["audio", "video", "subVideo"];

/** `states.rtcState` of a member who is in the RTC channel. */
export const RTC_STATE_JOINED = 2;

export type WireStreams = Partial<Record<Source, { value?: number }>>;

export interface WireMember {
  userUuid: string;
  userName?: string;
  userIcon?: string;
  role?: string;
  rtcUid?: number | string;
  clientType?: string;
  streams?: WireStreams;
  properties?: Record<string, unknown> & { states?: { rtcState?: number; chatroomState?: number } };
  reason?: { type?: string; deviceId?: string };
}

export type WireProperties = Record<string, { value: string; [key: string]: unknown }>;

export interface WireRoleConfig {
  limit?: number;
  superRole?: boolean;
  params?: Record<string, unknown>;
}

export interface WireRoom {
  roomUuid?: string;
  roomName?: string;
  properties?: WireProperties;
  config?: { roleConfigs?: Record<string, WireRoleConfig> };
}

export interface WireEntry {
  member: WireMember & { rtcToken: string; rtcKey?: string };
  room: WireRoom;
  members: WireMember[];
  sequence: number;
}

export interface WireSnapshot {
  sequence: number;
  snapshot: { room: WireRoom; members: WireMember[] };
}

export interface PushData {
  roomUuid?: string;
  operatorMember?: { userUuid?: string };
  properties?: Record<string, unknown>;
  key?: string;
  member?: WireMember;
  members?: WireMember[];
  streams?: WireStreams;
  streamType?: string;
  reason?: string;
  role?: string;
  message?: unknown;
  [key: string]: unknown;
}

export interface PushBody {
  cmd: number;
  type?: string;
  sequence: number;
  roomUuid: string;
  timestamp?: number;
  data: PushData;
}

/** Push commands. */
export const PUSH = {
  roomPropertyChanged: 10,
  roomPropertyDeleted: 11,
  memberPropertyChanged: 20,
  memberPropertyDeleted: 21,
  memberJoinedRoom: 30,
  memberLeftRtc: 31,
  memberJoinedRtc: 32,
  memberLeftRoom: 33,
  streamChanged: 40,
  streamRemoved: 41,
  streamsReset: 42,
  roomEnded: 51,
  roleChanged: 70,
  nameChanged: 71,
  customMessage: 99,
} as const;

/** A push body from the text of a push packet; undefined when it is not one. */
export function parsePush(text: unknown): PushBody | undefined {
  if (typeof text !== "string") return undefined;
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(body) || typeof body.cmd !== "number") return undefined;
  const data = isRecord(body.data) ? body.data : {};
  const room = body.roomUuid ?? data.roomUuid;
  return {
    ...body,
    cmd: body.cmd,
    sequence: typeof body.sequence === "number" ? body.sequence : 0,
    roomUuid: typeof room === "string" || typeof room === "number" ? String(room) : "",
    data,
  };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
