import type { Devices } from "./devices";
import type { Endpoints } from "./endpoints";
import type { VideoCodec } from "./encoder-settings";
import { CODE_GENERAL, notSupported, publicCall, RoomKitError, success } from "./errors";
import type { Identity } from "./identity";
import type { RestClient } from "./rest-client";
import { Room } from "./room";
import { RoomContext } from "./room-context";
import { SerialQueue } from "./serial-queue";
import type { NECustomMessage, NEJoinRoomOptions, NEJoinRoomParams, NEResult, NERoomContext, NERoomService } from "./types";
import type { PushBody } from "./wire";

export interface RoomServiceDeps {
  identity: Identity;
  endpoints: Endpoints;
  rest: RestClient;
  devices: Devices;
  videoCodec?: VideoCodec | undefined;
  openLink(): Promise<void>;
  message(message: NECustomMessage): void;
}

interface Stay {
  room: Room;
  context: RoomContext;
}

/** Entering rooms. One at a time: entering the next leaves the last. */
export class RoomService implements NERoomService {
  readonly #deps: RoomServiceDeps;
  readonly #queue = new SerialQueue();
  #stay: Stay | undefined;
  #entering: Room | undefined;

  constructor(deps: RoomServiceDeps) {
    this.#deps = deps;
  }

  joinRoom(params: NEJoinRoomParams, _options?: NEJoinRoomOptions): Promise<NEResult<NERoomContext>> {
    return publicCall("joinRoom", () => this.#queue.run(() => this.#join(params)));
  }

  getRoomContext(roomUuid: string): NERoomContext | undefined {
    return this.#stay?.room.uuid === roomUuid ? this.#stay.context : undefined;
  }

  createRoom(): Promise<never> {
    return notSupported("createRoom");
  }

  previewRoom(): Promise<never> {
    return notSupported("previewRoom");
  }

  getPreviewRoomContext(): undefined {
    return undefined;
  }

  push(body: PushBody): void {
    this.#entering?.push(body);
    this.#stay?.room.push(body);
  }

  /** In a room, or entering one. */
  get busy(): boolean {
    return this.#stay !== undefined || this.#entering !== undefined;
  }

  /** The push link came back. */
  linkBack(): void {
    this.#stay?.room.resync();
  }

  /** Logging out leaves whatever is still open. */
  async close(): Promise<void> {
    await this.#stay?.room.leave();
  }

  async #join(params: NEJoinRoomParams): Promise<NEResult<NERoomContext>> {
    const { identity } = this.#deps;
    const roomUuid = params.roomUuid as unknown;
    if (typeof roomUuid !== "string" || roomUuid === "") throw new RoomKitError(CODE_GENERAL, "lack of roomUuid");
    if (typeof params.role !== "string" || (params.role) === "") {
      throw new RoomKitError(CODE_GENERAL, "lack of role");
    }
    if (identity.token === "") throw new RoomKitError(CODE_GENERAL, "not logged in");
    const before = this.#stay;
    if (before !== undefined && !before.room.ending && before.room.uuid === roomUuid) return success(before.context);
    await (before?.room.ending === true ? before.room.leave() : before?.room.leaveSilently());
    const room = new Room(params, {
      ...this.#deps,
      over: (which) => {
        if (this.#stay?.room === which) this.#stay = undefined;
      },
    });
    this.#entering = room;
    try {
      await room.enter();
    } finally {
      this.#entering = undefined;
    }
    if (room.over) throw new RoomKitError(CODE_GENERAL, "the room ended while it was entered");
    const context = new RoomContext(room);
    this.#stay = { room, context };
    return success(context);
  }
}
