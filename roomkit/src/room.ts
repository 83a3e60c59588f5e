import type { Endpoints } from "./endpoints";
import type { VideoCodec } from "./encoder-settings";
import { asKitError, background, CODE_GENERAL, RoomKitError } from "./errors";
import type { Identity } from "./identity";
import { ListenerSlot } from "./listener-slot";
import { log } from "./log";
import { PushSequence, type SequenceVerdict } from "./push-sequence";
import type { RestClient } from "./rest-client";
import { type RoomEvent, RoomModel } from "./room-model";
import { RoomMedia } from "./room-media";
import { delay } from "./serial-queue";
import type { Devices } from "./devices";
import type { NECustomMessage, NEJoinRoomParams, NERoomListener } from "./types";
import { PUSH, type PushBody, type Source, type WireEntry } from "./wire";

/** Between tries to read the state again. */
const RESYNC_MS = 2_000;
/** I am not in the snapshot: after a server restart the seat comes back with the next `Join`; later it is gone. */
const MISSING_TRIES = 10;
/** A kick arrives twice, by push and by signalling: the push says more, so it gets this long to come first. */
const KICK_PUSH_WAIT_MS = 500;
/** A stream operation is answered before or after its push; without a push for so long the state is set here. */
const OWN_PUSH_WAIT_MS = 500;

/** `OnKickOff` reasons. */
const KICKOFF_ROOM_CLOSED = 1;

export interface RoomDeps {
  identity: Identity;
  endpoints: Endpoints;
  rest: RestClient;
  devices: Devices;
  /** What the app asked for. */
  videoCodec?: VideoCodec | undefined;
  /** Opens the push link, or joins it when it is open. */
  openLink(): Promise<void>;
  /** The room is over: nobody must find it any more. */
  over(room: Room): void;
  message(message: NECustomMessage): void;
}

type SelfLeave = { reason: string } | undefined;

/** One stay in one room: entry, state, pushes, media, and the way out. */
export class Room {
  readonly uuid: string;
  readonly model: RoomModel;
  readonly slot = new ListenerSlot<NERoomListener>();
  readonly media: RoomMedia;
  readonly deps: RoomDeps;
  readonly #params: NEJoinRoomParams;
  readonly #sequence = new PushSequence();
  #rtcToken = "";
  #over = false;
  /** My own leave is under way. */
  #departing = false;
  #leaving: Promise<void> | undefined;
  #resyncing = false;
  #resyncAgain = false;
  #kickTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #whenOver: (() => void)[] = [];
  #ownWaiters: { source: Source; done(): void }[] = [];

  constructor(params: NEJoinRoomParams, deps: RoomDeps) {
    this.uuid = params.roomUuid;
    this.deps = deps;
    this.#params = params;
    this.model = new RoomModel(deps.identity.account);
    this.media = new RoomMedia(this);
  }

  get over(): boolean {
    return this.#over;
  }

  /** Runs when the stay is over, whatever ended it. */
  onOver(job: () => void): void {
    this.#whenOver.push(job);
  }

  get ending(): boolean {
    return this.#over || this.#departing;
  }

  get rtcToken(): string {
    return this.#rtcToken;
  }

  async enter(): Promise<void> {
    const { rest } = this.deps;
    // Pushes from here on are held until the entry answer says where the state begins.
    await this.deps.openLink();
    const entry: WireEntry = await rest.enter(this.uuid, {
      userName: this.#params.userName ?? this.deps.identity.account,
      role: this.#params.role,
      userIcon: this.#params.avatar ?? "",
      password: this.#params.password ?? "",
      streams: {},
      properties: this.#params.initialProperties ?? {},
      ext: "",
    });
    this.#rtcToken = entry.member.rtcToken;
    for (const source of this.model.enter(entry)) {
      background("close a source of an earlier page", () => rest.streamOff(this.uuid, this.model.self, source));
    }
    this.#take(this.#sequence.synced(entry.sequence));
  }

  // --- state --------------------------------------------------------------------------------------------------------

  push(body: PushBody): void {
    if (this.#over || body.roomUuid !== this.uuid) return;
    const verdict = this.#endsMe(body);
    if (verdict !== undefined) {
      verdict();
      return;
    }
    this.#take(this.#sequence.offer(body));
  }

  /** The push link, or the RTC socket, was away: something may have been missed. */
  resync(): void {
    if (this.ending) return;
    this.#sequence.lost();
    if (this.#resyncing) {
      this.#resyncAgain = true;
      return;
    }
    this.#resyncing = true;
    this.#resyncAgain = false;
    background("read the room again", async () => {
      try {
        await this.#readAgain();
      } finally {
        this.#resyncing = false;
      }
      if (this.#resyncAgain) this.resync();
    });
  }

  emit(events: RoomEvent[]): void {
    for (const event of events) {
      if (this.over) return;
      switch (event.type) {
        case "callback":
          this.slot.emit(event.name, event.args as never);
          break;
        case "ownStream":
          this.media.ownStream(event.source, event.on, event.operator);
          break;
        case "gone":
          if (this.#mine(event.deviceId)) this.#gone(event.reason);
          break;
        case "ended":
          this.#finish(event.reason, undefined);
          break;
        case "message":
          this.deps.message({
            roomUuid: this.uuid,
            senderUuid: event.sender,
            commandId: event.commandId,
            data: event.data,
          });
          break;
      }
    }
    this.media.stateChanged();
    const waiters = this.#ownWaiters;
    this.#ownWaiters = [];
    for (const waiter of waiters) waiter.done();
  }

  /** Waits until the push of my operation was here; sets the state itself when none comes. */
  async settle(source: Source, on: boolean, revision: number): Promise<void> {
    const until = Date.now() + OWN_PUSH_WAIT_MS;
    while (!this.#over && this.model.isOn(this.model.self, source) !== on) {
      if (this.model.ownRevision[source] !== revision) return;
      const left = until - Date.now();
      if (left <= 0) {
        this.emit(this.model.setStream(this.model.self, source, on, this.model.self));
        return;
      }
      await Promise.race([this.#nextChange(source), delay(left)]);
    }
  }

  #nextChange(source: Source): Promise<void> {
    return new Promise((done) => this.#ownWaiters.push({ source, done }));
  }

  #take(verdict: SequenceVerdict): void {
    if (verdict.kind === "gap") {
      this.resync();
      return;
    }
    if (verdict.kind === "held") return;
    for (const push of verdict.pushes) {
      if (this.over) return;
      this.emit(this.model.apply(push));
    }
    if (this.#sequence.syncing) this.resync();
  }

  async #readAgain(): Promise<void> {
    for (let missing = 0; !this.ending; ) {
      try {
        const { restoring } = this.media;
        const snapshot = await this.deps.rest.snapshot(this.uuid);
        if (snapshot.snapshot.members.some((m) => m.userUuid === this.model.self)) {
          if (this.over) return;
          // While my sources are being published again a snapshot may show them off; what is on then is what I publish.
          this.emit(this.model.reconcile(snapshot, !restoring && !this.media.restoring));
          this.#take(this.#sequence.synced(snapshot.sequence));
          return;
        }
        missing += 1;
      } catch (cause) {
        const { code } = asKitError(cause);
        log.debug(`the snapshot answered ${code}`);
        // -1: not reached, which says nothing about my seat.
        if (code !== CODE_GENERAL) missing += 1;
      }
      if (missing > MISSING_TRIES && !this.media.reconnecting) {
        this.#finish("SYNC_DATA_ERROR", { reason: "NORMAL" });
        return;
      }
      await delay(RESYNC_MS);
    }
  }

  // --- the way out --------------------------------------------------------------------------------------------------

  /** My own leave: media down at once, then the server, then the callbacks. Always resolves. */
  leave(): Promise<void> {
    if (this.#over) return Promise.resolve();
    this.#leaving ??= this.#leave(true);
    return this.#leaving;
  }

  /** As {@link leave}, without callbacks: another room takes this one's place. */
  leaveSilently(): Promise<void> {
    if (this.#over) return Promise.resolve();
    this.slot.clear();
    this.#leaving ??= this.#leave(false);
    return this.#leaving;
  }

  async #leave(callbacks: boolean): Promise<void> {
    this.#departing = true;
    this.media.close(true);
    try {
      await this.deps.rest.leave(this.uuid);
    } catch (cause) {
      log.warn(`the server did not hear that I left: ${asKitError(cause).message}`);
    }
    this.#finish("LEAVE_BY_SELF", callbacks ? { reason: "NORMAL" } : undefined);
  }

  /** Kicked or replaced, as signalling says it. The push knows better, so it may come first. */
  kicked(reason: number): void {
    if (this.ending) return;
    this.media.close(false);
    this.#kickTimer ??= setTimeout(() => {
      if (reason === KICKOFF_ROOM_CLOSED) this.#finish("CLOSE_BY_BACKEND", undefined);
      else this.#gone(reason === -1 ? "SELF_KICK" : "ADMIN_KICK");
    }, KICK_PUSH_WAIT_MS);
  }

  /** Pushes that end my stay are taken whatever their number: nothing after them matters. */
  #endsMe(body: PushBody): (() => void) | undefined {
    if (body.cmd === PUSH.roomEnded) {
      const reason = body.data.reason ?? "UNKNOWN";
      return () => this.#finish(reason, undefined);
    }
    if (body.cmd !== PUSH.memberLeftRoom) return undefined;
    const me = body.data.members?.find((m) => m.userUuid === this.model.self);
    if (me === undefined || !this.#mine(me.reason?.deviceId)) return undefined;
    return () => this.#gone(me.reason?.type ?? "NORMAL");
  }

  #mine(deviceId: string | undefined): boolean {
    return deviceId === undefined || deviceId === "" || deviceId === this.deps.identity.deviceId;
  }

  #gone(reason: string): void {
    // My own leave reports itself once the server has answered.
    if (this.#departing) return;
    const ends: Record<string, string> = { ADMIN_KICK: "KICK_OUT", SELF_KICK: "kICK_BY_SELF" };
    this.#finish(ends[reason] ?? "LEAVE_BY_SELF", { reason });
  }

  #finish(reason: string, selfLeave: SelfLeave): void {
    if (this.#over) return;
    clearTimeout(this.#kickTimer);
    const me = this.model.local;
    this.media.close(false);
    this.#over = true;
    this.#ownWaiters = [];
    // Out of the service first: what the app does in its callbacks must not find this room.
    this.deps.over(this);
    for (const job of this.#whenOver.splice(0)) job();
    if (selfLeave !== undefined) {
      this.slot.emit("onMemberLeaveRoom", [[{ ...me, isAudioOn: false, isVideoOn: false, isSharingScreen: false, isInRtcChannel: false, rtcUid: 0, reason: selfLeave.reason }]]);
    }
    this.slot.emit("onRoomEnded", [reason]);
    this.slot.clear();
  }

  assertOpen(): void {
    if (this.ending) throw new RoomKitError(CODE_GENERAL, "not join rtc");
  }
}
