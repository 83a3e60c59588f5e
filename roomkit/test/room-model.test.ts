import { beforeEach, describe, expect, it } from "vitest";
import { type RoomEvent, RoomModel } from "../src/room-model";
import { PUSH, type PushBody, type WireMember } from "../src/wire";

const wire = (userUuid: string, more: Partial<WireMember> = {}): WireMember => ({
  userUuid,
  userName: userUuid,
  role: "qchatAudience",
  clientType: "web",
  rtcUid: userUuid.length * 100,
  streams: {},
  properties: { states: {} },
  ...more,
});
const inRtc = (userUuid: string, more: Partial<WireMember> = {}): WireMember =>
  wire(userUuid, { properties: { states: { rtcState: 2 } }, ...more });
const push = (cmd: number, data: PushBody["data"]): PushBody => ({ cmd, sequence: 1, roomUuid: "42", data });

/** `name(args)` of the callbacks, members as their ids. */
function told(events: RoomEvent[]): unknown[] {
  const short = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(short);
    return typeof value === "object" && value !== null && "uuid" in value ? value.uuid : value;
  };
  return events.flatMap((e) => (e.type === "callback" ? [[e.name, ...(e.args as unknown[]).map(short)]] : []));
}

describe("room model", () => {
  let model: RoomModel;
  beforeEach(() => {
    model = new RoomModel("me");
    model.enter({
      sequence: 1,
      member: { ...wire("me"), rtcToken: "t" },
      room: {
        roomName: "voice",
        properties: { audioOff: { value: "disable_1" } },
        config: { roleConfigs: { qchatAudience: { limit: 9, params: { audio: { profile: "speech_standard" } } } } },
      },
      members: [wire("me"), inRtc("bob")],
    });
  });

  it("shows members as the interface says, and gives copies", () => {
    const [bob] = model.remotes;
    expect(bob).toMatchObject({ uuid: "bob", isAudioOn: false, isInRtcChannel: true, rtcUid: 300, properties: {} });
    expect(bob?.role).toEqual({ name: "qchatAudience", limit: 9, superRole: false, params: { audio: { profile: "speech_standard" } } });
    if (bob !== undefined) bob.name = "changed";
    expect(model.remotes[0]?.name).toBe("bob");
    expect(model.local.rtcUid).toBe(0);
    expect(model.byRtcUid(300)).toBe("bob");
  });

  it("reports a stream once per change, after the state shows it", () => {
    const on = push(PUSH.streamChanged, { member: wire("bob"), operatorMember: { userUuid: "bob" }, streams: { audio: { value: 1 } } });
    const [event] = model.apply(on);
    expect(event).toMatchObject({ type: "callback", name: "onMemberAudioMuteChanged" });
    expect(told(event === undefined ? [] : [event])).toEqual([["onMemberAudioMuteChanged", "bob", false, "bob"]]);
    expect((event as { args: { isAudioOn: boolean }[] }).args[0]?.isAudioOn).toBe(true);
    expect(told(model.apply(on))).toEqual([]);
  });

  it("gives an operator object even when the operator is unknown", () => {
    const events = model.apply(
      push(PUSH.streamChanged, { member: wire("bob"), operatorMember: { userUuid: "ghost" }, streams: { video: { value: 1 } } }),
    );
    expect(told(events)).toEqual([["onMemberVideoMuteChanged", "bob", false, "ghost"]]);
  });

  it("takes nothing of mine as on while I am not in RTC", () => {
    const on = { member: wire("me"), operatorMember: { userUuid: "me" }, streams: { audio: { value: 1 } } };
    expect(model.apply(push(PUSH.streamChanged, on))).toEqual([]);
    expect(model.isOn("me", "audio")).toBe(false);
  });

  it("reports my own stream to the media as well, and counts it", () => {
    model.setLocalRtc(true);
    const before = model.ownRevision.audio;
    const events = model.apply(
      push(PUSH.streamChanged, { member: wire("me"), operatorMember: { userUuid: "bob" }, streams: { audio: { value: 1 } } }),
    );
    expect(told(events)).toEqual([["onMemberAudioMuteChanged", "me", false, "bob"]]);
    expect(events.at(-1)).toEqual({ type: "ownStream", source: "audio", on: true, operator: "bob" });
    expect(model.ownRevision.audio).toBe(before + 1);
  });

  it("says screen sharing, not muted, for the screen", () => {
    const events = model.apply(
      push(PUSH.streamChanged, { member: wire("bob"), operatorMember: { userUuid: "bob" }, streams: { subVideo: { value: 1 } } }),
    );
    expect(told(events)).toEqual([["onMemberScreenShareStateChanged", "bob", true, "bob"]]);
    const off = model.apply(push(PUSH.streamRemoved, { member: wire("bob"), operatorMember: { userUuid: "me" }, streamType: "subVideo" }));
    expect(told(off)).toEqual([["onMemberScreenShareStateChanged", "bob", false, "me"]]);
  });

  it("never batches two room properties into one call", () => {
    const events = model.apply(
      push(PUSH.roomPropertyChanged, { properties: { audioOff: { value: "a_1" }, videoOff: { value: "b_1" } } }),
    );
    expect(told(events)).toEqual([
      ["onRoomPropertiesChanged", { audioOff: { value: "a_1" } }],
      ["onRoomPropertiesChanged", { videoOff: { value: "b_1" } }],
    ]);
    expect(model.properties).toEqual({ audioOff: { value: "a_1" }, videoOff: { value: "b_1" } });
  });

  it("tells of others joining and leaving, never of me", () => {
    expect(told(model.apply(push(PUSH.memberJoinedRoom, { members: [wire("me"), wire("carol")] })))).toEqual([
      ["onMemberJoinRoom", ["carol"]],
    ]);
    expect(told(model.apply(push(PUSH.memberJoinedRtc, { members: [inRtc("me"), inRtc("carol")] })))).toEqual([
      ["onMemberJoinRtcChannel", ["carol"]],
    ]);
    expect(told(model.apply(push(PUSH.memberLeftRoom, { members: [wire("carol", { reason: { type: "NORMAL" } })] })))).toEqual([
      ["onMemberLeaveRoom", ["carol"]],
    ]);
    const gone = model.apply(push(PUSH.memberLeftRoom, { members: [wire("me", { reason: { type: "ADMIN_KICK", deviceId: "d" } })] }));
    expect(gone).toEqual([{ type: "gone", reason: "ADMIN_KICK", deviceId: "d" }]);
  });

  it("reports the differences of a snapshot as if they had been pushed", () => {
    const events = model.reconcile({
      sequence: 9,
      snapshot: {
        room: { properties: { videoOff: { value: "offNotAllowSelfOn_2" } } },
        members: [wire("me"), inRtc("carol", { streams: { audio: { value: 1 } } })],
      },
    });
    expect(told(events)).toEqual([
      ["onMemberLeaveRoom", ["bob"]],
      ["onMemberJoinRoom", ["carol"]],
      ["onMemberJoinRtcChannel", ["carol"]],
      ["onRoomPropertiesDeleted", { audioOff: { value: "disable_1" } }],
      ["onRoomPropertiesChanged", { videoOff: { value: "offNotAllowSelfOn_2" } }],
    ]);
    expect(model.isOn("carol", "audio")).toBe(true);
    const again = model.reconcile({ sequence: 9, snapshot: { room: { properties: model.properties }, members: [wire("me"), inRtc("carol", { streams: { audio: { value: 1 } } })] } });
    expect(told(again)).toEqual([]);
  });

  it("keeps my own sources against a snapshot read while they are published again", () => {
    model.apply(push(PUSH.memberJoinedRtc, { members: [inRtc("me")] }));
    model.apply(push(PUSH.streamChanged, { member: wire("me"), operatorMember: { userUuid: "me" }, streams: { audio: { value: 1 } } }));
    const restarted = { sequence: 1, snapshot: { room: { properties: model.properties }, members: [inRtc("me")] } };
    const own = (events: RoomEvent[]): RoomEvent[] => events.filter((e) => e.type === "ownStream");
    expect(own(model.reconcile(restarted, false))).toEqual([]);
    expect(model.isOn("me", "audio")).toBe(true);
    expect(own(model.reconcile(restarted))).toContainEqual({ type: "ownStream", source: "audio", on: false, operator: "me" });
    expect(model.isOn("me", "audio")).toBe(false);
  });

  it("does not close a source that is opening when a snapshot says what is known", () => {
    model.apply(push(PUSH.memberJoinedRtc, { members: [inRtc("me")] }));
    const read = { sequence: 1, snapshot: { room: { properties: model.properties }, members: [inRtc("me")] } };
    expect(model.reconcile(read).filter((e) => e.type === "ownStream")).toEqual([]);
  });

  it("takes a member's sources as off when they leave RTC", () => {
    model.apply(push(PUSH.streamChanged, { member: wire("bob"), operatorMember: { userUuid: "bob" }, streams: { audio: { value: 1 } } }));
    expect(told(model.apply(push(PUSH.memberLeftRtc, { members: [wire("bob")] })))).toEqual([
      ["onMemberAudioMuteChanged", "bob", true, "bob"],
      ["onMemberLeaveRtcChannel", ["bob"]],
    ]);
  });

  it("hands back sources that are still on from an earlier page", () => {
    const stale = new RoomModel("me").enter({
      sequence: 1,
      member: { ...wire("me"), rtcToken: "t" },
      room: {},
      members: [wire("me", { streams: { audio: { value: 1 } } })],
    });
    expect(stale).toEqual(["audio"]);
  });
});
