import { CODE_GENERAL, notSupported, resultCall, RoomKitError } from "./errors";
import { StatsReporter } from "./stats-reporter";
import type { Room } from "./room";
import { RtcController } from "./rtc-controller";
import type {
  NEResult,
  NERoomContext,
  NERoomListener,
  NERoomMember,
  NERoomProperties,
  NERoomRtcController,
  NERtcStatsListener,
  NEUnsupportedController,
} from "./types";
import { isRecord } from "./wire";

const UNSUPPORTED: NEUnsupportedController = Object.freeze({ isSupported: false });

/** The room as the app sees it: getters give copies, methods ask the server. */
export class RoomContext implements NERoomContext {
  readonly rtcController: NERoomRtcController;
  readonly chatController = UNSUPPORTED;
  readonly whiteboardController = UNSUPPORTED;
  readonly liveController = UNSUPPORTED;
  readonly isRoomLocked = false;
  readonly password = "";
  readonly remainingSeconds = 0;
  readonly sipCid = "";
  readonly #room: Room;
  readonly #stats: StatsReporter;

  constructor(room: Room) {
    this.#room = room;
    this.rtcController = new RtcController(room);
    this.#stats = new StatsReporter(this.rtcController);
    room.onOver(() => this.#stats.stop());
  }

  get roomUuid(): string {
    return this.#room.over ? "" : this.#room.uuid;
  }

  get roomName(): string {
    return this.#room.model.roomName;
  }

  get userName(): string {
    return this.localMember.name;
  }

  get localMember(): NERoomMember {
    return this.#room.model.local;
  }

  get remoteMembers(): NERoomMember[] {
    return this.#room.model.remotes;
  }

  get roomProperties(): NERoomProperties {
    return this.#room.model.properties;
  }

  getMember(uuid: string): NERoomMember | undefined {
    return this.#room.model.member(uuid);
  }

  kickMemberOut(uuid: string): Promise<NEResult<null>> {
    return resultCall("kickMemberOut", () => this.#rest.kick(this.#uuid, needed(uuid)));
  }

  leaveRoom(): Promise<NEResult<null>> {
    return resultCall("leaveRoom", () => this.#room.leave());
  }

  endRoom(): Promise<NEResult<null>> {
    return resultCall("endRoom", () => this.#rest.endRoom(this.#uuid));
  }

  /** `jsonText` is `JSON.stringify({ value: "…" })`; plain text is taken as the value itself. */
  updateRoomProperty(key: string, jsonText: string): Promise<NEResult<null>> {
    return resultCall("updateRoomProperty", () => this.#rest.setRoomProperty(this.#uuid, needed(key), property(jsonText)));
  }

  deleteRoomProperty(key: string): Promise<NEResult<null>> {
    return resultCall("deleteRoomProperty", () => this.#rest.deleteRoomProperty(this.#uuid, needed(key)));
  }

  updateMemberProperty(uuid: string, key: string, text: string): Promise<NEResult<null>> {
    return resultCall("updateMemberProperty", () =>
      this.#rest.setMemberProperty(this.#uuid, needed(uuid), needed(key), property(text)),
    );
  }

  deleteMemberProperty(uuid: string, key: string): Promise<NEResult<null>> {
    return resultCall("deleteMemberProperty", () =>
      this.#rest.deleteMemberProperty(this.#uuid, needed(uuid), needed(key)),
    );
  }

  changeMyName(name: string): Promise<NEResult<null>> {
    return resultCall("changeMyName", () =>
      this.#rest.updateMember(this.#uuid, this.#room.model.self, { userName: name }),
    );
  }

  changeMemberRole(uuid: string, role: string): Promise<NEResult<null>> {
    return resultCall("changeMemberRole", () => this.#rest.updateMember(this.#uuid, needed(uuid), { role }));
  }

  handOverMyRole(uuid: string): Promise<NEResult<null>> {
    return resultCall("handOverMyRole", () => this.#rest.handOverRole(this.#uuid, needed(uuid)));
  }

  lockRoom(): Promise<never> {
    return notSupported("lockRoom");
  }

  unlockRoom(): Promise<never> {
    return notSupported("unlockRoom");
  }

  addRoomListener(listener: Partial<NERoomListener>): void {
    this.#room.slot.add(listener);
  }

  removeRoomListener(listener?: Partial<NERoomListener>): void {
    this.#room.slot.remove(listener);
  }

  addRtcStatsListener(listener: NERtcStatsListener): void {
    if (!this.#room.ending) this.#stats.start(listener);
  }

  removeRtcStatsListener(): void {
    this.#stats.stop();
  }

  on<K extends keyof NERoomListener>(name: K, fn: NERoomListener[K]): void {
    this.#room.slot.on(name, fn);
  }

  off<K extends keyof NERoomListener>(name: K, fn?: NERoomListener[K]): void {
    this.#room.slot.off(name, fn);
  }

  get #rest(): Room["deps"]["rest"] {
    return this.#room.deps.rest;
  }

  get #uuid(): string {
    this.#room.assertOpen();
    return this.#room.uuid;
  }
}

function needed(uuid: string): string {
  if (typeof uuid !== "string" || uuid === "") throw new RoomKitError(CODE_GENERAL, "lack of uuid");
  return uuid;
}

/** The SDK gives JSON text of `{value}`; the server wants the object. */
export function property(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (isRecord(parsed) && "value" in parsed) return parsed;
  } catch {
    // Not JSON: the text itself is the value.
  }
  return { value: text };
}
