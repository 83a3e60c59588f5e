import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RoomKitError } from "../src/errors";
import { Room, type RoomDeps } from "../src/room";
import type { WireEntry, WireMember, WireSnapshot } from "../src/wire";

const me: WireMember = { userUuid: "me", userName: "me", role: "qchatAudience", rtcUid: 1, streams: {}, properties: { states: {} } };
const bob: WireMember = { userUuid: "bob", userName: "bob", role: "qchatAudience", rtcUid: 2, streams: {}, properties: { states: { rtcState: 2 } } };

describe("a stay in a room", () => {
  const order: string[] = [];
  const rest = {
    enter: vi.fn<() => Promise<WireEntry>>(),
    leave: vi.fn<() => Promise<void>>(),
    snapshot: vi.fn<() => Promise<WireSnapshot>>(),
    streamOff: vi.fn<() => Promise<void>>(),
  };
  let room: Room;

  beforeEach(async () => {
    vi.useFakeTimers();
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    order.length = 0;
    vi.stubGlobal("navigator", {});
    rest.enter.mockResolvedValue({ sequence: 10, member: { ...me, rtcToken: "t" }, room: { properties: {} }, members: [me, bob] });
    rest.leave.mockImplementation(() => {
      order.push("DELETE");
      return Promise.resolve();
    });
    const deps = {
      identity: { appKey: "k", deviceId: "dev", account: "me", token: "t" },
      rest,
      devices: { watch: () => undefined, unwatch: () => undefined },
      openLink: () => Promise.resolve(),
      over: () => order.push("over"),
      message: () => undefined,
    } as unknown as RoomDeps;
    room = new Room({ roomUuid: "42", role: "qchatAudience" }, deps);
    await room.enter();
    room.slot.add({
      onMemberJoinRoom: (m) => order.push(`join ${m.map((x) => x.uuid).join()}`),
      onMemberLeaveRoom: (m) => order.push(`leave ${m.map((x) => x.uuid).join()}`),
      onRoomEnded: (reason) => order.push(`ended ${reason}`),
      onMemberAudioMuteChanged: (m, muted, by) => order.push(`audio ${m.uuid} ${String(muted)} ${by.uuid}`),
    });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  const push = (cmd: number, sequence: number, data: Record<string, unknown>): void =>
    room.push({ cmd, sequence, roomUuid: "42", data });

  it("leaves: the server first, then my own leave, the end last and once", async () => {
    await Promise.all([room.leave(), room.leave()]);
    await room.leave();
    push(33, 11, { members: [{ ...me, reason: { type: "NORMAL", deviceId: "dev" } }] });
    expect(order).toEqual(["DELETE", "over", "leave me", "ended LEAVE_BY_SELF"]);
  });

  it("leaves also when the server does not answer", async () => {
    rest.leave.mockRejectedValue(new RoomKitError(-1, "unreachable"));
    await room.leave();
    expect(order).toEqual(["over", "leave me", "ended LEAVE_BY_SELF"]);
  });

  it("takes its own leave push before the REST answer as part of leaving", async () => {
    rest.leave.mockImplementation(() => {
      push(33, 11, { members: [{ ...me, reason: { type: "NORMAL", deviceId: "dev" } }] });
      order.push("DELETE");
      return Promise.resolve();
    });
    await room.leave();
    expect(order).toEqual(["DELETE", "over", "leave me", "ended LEAVE_BY_SELF"]);
  });

  it.each([
    ["ADMIN_KICK", "KICK_OUT"],
    ["SELF_KICK", "kICK_BY_SELF"],
  ])("ends by %s with %s, even out of sequence, and hears nothing after it", (type, reason) => {
    push(33, 99, { members: [{ ...me, reason: { type, deviceId: "dev" } }] });
    push(30, 11, { members: [{ ...bob, userUuid: "carol" }] });
    expect(order).toEqual(["over", "leave me", `ended ${reason}`]);
  });

  it("does not end when another device of mine is meant", () => {
    push(33, 11, { members: [{ ...me, reason: { type: "SELF_KICK", deviceId: "other" } }] });
    expect(room.over).toBe(false);
    expect(order).toEqual([]);
  });

  it("waits for the push when signalling speaks of a kick first", async () => {
    room.kicked(2);
    push(33, 11, { members: [{ ...me, reason: { type: "SELF_KICK", deviceId: "dev" } }] });
    await vi.advanceTimersByTimeAsync(2000);
    expect(order).toEqual(["over", "leave me", "ended kICK_BY_SELF"]);
  });

  it.each([
    [1, ["over", "ended CLOSE_BY_BACKEND"]],
    [2, ["over", "leave me", "ended KICK_OUT"]],
    [-1, ["over", "leave me", "ended kICK_BY_SELF"]],
  ])("ends by signalling alone, reason %i", async (reason, expected) => {
    room.kicked(reason);
    await vi.advanceTimersByTimeAsync(2000);
    expect(order).toEqual(expected);
  });

  it("ends with the server's reason when the room is closed", () => {
    push(51, 11, { reason: "CLOSE_BY_BACKEND" });
    expect(order).toEqual(["over", "ended CLOSE_BY_BACKEND"]);
  });

  it("reads the room again after a gap and reports the difference once", async () => {
    rest.snapshot.mockResolvedValue({
      sequence: 12,
      snapshot: { room: { properties: {} }, members: [me, { ...bob, streams: { audio: { value: 1 } } }] },
    });
    push(30, 13, { members: [{ ...bob, userUuid: "carol" }] });
    await vi.advanceTimersByTimeAsync(1);
    expect(order).toEqual(["audio bob false bob", "join carol"]);
  });

  it("gives up when it is not in the room any more", async () => {
    rest.snapshot.mockRejectedValue(new RoomKitError(403, "not a member"));
    room.resync();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(order).toEqual(["over", "leave me", "ended SYNC_DATA_ERROR"]);
  });

  it("sets my state itself when the push of an operation does not come, and only then", async () => {
    const settled = room.settle("audio", true, room.model.ownRevision.audio);
    await vi.advanceTimersByTimeAsync(400);
    expect(order).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    await settled;
    expect(order).toEqual(["audio me false me"]);
    push(40, 11, { member: me, operatorMember: { userUuid: "me" }, streams: { audio: { value: 1 } } });
    expect(order).toEqual(["audio me false me"]);
  });

  it("leaves silently for another room", async () => {
    await room.leaveSilently();
    expect(order).toEqual(["DELETE", "over"]);
  });
});
