// Runs in the page: a kit, a record of what it reported, and counts of everything that could leak.
import RoomKit from "../../src/index";
import type { NERoomContext, NERoomListener, NERoomMember } from "../../src/types";

interface Leaks {
  connections: number;
  sockets: number;
  tracks: number;
  elements: number;
}

const connections: RTCPeerConnection[] = [];
const sockets: WebSocket[] = [];
const tracks: MediaStreamTrack[] = [];
const unhandled: string[] = [];
addEventListener("unhandledrejection", (event) => unhandled.push(String(event.reason)));

function recorded<T extends object, A extends unknown[]>(original: new (...args: A) => T, list: T[]): new (...args: A) => T {
  return new Proxy(original, {
    construct(target, args: A) {
      const made = new target(...args);
      list.push(made);
      return made;
    },
  });
}
window.RTCPeerConnection = recorded(RTCPeerConnection, connections) as typeof RTCPeerConnection;
window.WebSocket = recorded(WebSocket, sockets) as unknown as typeof WebSocket;
const { mediaDevices } = navigator;
const open = mediaDevices.getUserMedia.bind(mediaDevices);

class Page {
  readonly kit = new RoomKit();
  readonly events: unknown[][] = [];
  readonly auth: number[] = [];
  deny = false;
  room: NERoomContext | undefined;

  constructor() {
    mediaDevices.getUserMedia = async (constraints) => {
      if (this.deny) throw new DOMException("Permission denied", "NotAllowedError");
      const stream = await open(constraints);
      tracks.push(...stream.getTracks());
      return stream;
    };
    this.kit.initialize({ appKey: "key", serverConfig: { roomKitServerConfig: { roomServer: location.origin } } });
  }

  async connect(user: string): Promise<void> {
    const { authService, roomService } = this.kit;
    authService.addAuthListener({ onAuthEvent: (code) => this.auth.push(code) });
    await authService.loginByIM(user, `token-${user}`, "");
    await roomService.joinRoom({ roomUuid: "42", role: "qchatAudience", userName: user, initialProperties: {} }, {});
    this.room = roomService.getRoomContext("42");
    await this.rtc.joinRtcChannel();
    // As the SDK's users do it: after connecting.
    this.listen();
  }

  async disconnect(): Promise<void> {
    await this.room?.leaveRoom();
    await Promise.all([this.kit.authService.logout(), this.kit.authService.logout()]);
  }

  get rtc(): NERoomContext["rtcController"] {
    if (this.room === undefined) throw new Error("not connected");
    return this.room.rtcController;
  }

  take(): unknown[][] {
    return this.events.splice(0);
  }

  leaks(): Leaks {
    return {
      connections: connections.filter((c) => c.connectionState !== "closed").length,
      sockets: sockets.filter((s) => s.readyState < WebSocket.CLOSING).length,
      tracks: tracks.filter((t) => t.readyState === "live").length,
      elements: document.querySelectorAll("video, audio").length,
    };
  }

  get unhandled(): string[] {
    return unhandled;
  }

  listen(): void {
    const members = (list: NERoomMember[]): string => list.map((m) => m.uuid).join();
    const note = (...what: unknown[]): void => {
      this.events.push(what);
    };
    const listener: Partial<NERoomListener> = {
      onRoomPropertiesChanged: (changed) => note("properties", changed),
      onMemberJoinRoom: (list) => note("join", members(list)),
      onMemberLeaveRoom: (list) => note("leave", members(list)),
      onMemberJoinRtcChannel: (list) => note("joinRtc", members(list)),
      onRoomEnded: (reason) => note("ended", reason),
      onRtcChannelError: (code) => note("error", code),
      onMemberAudioMuteChanged: (m, muted, by) => note("audio", m.uuid, muted, by.uuid, m.isAudioOn),
      onMemberVideoMuteChanged: (m, muted, by) => note("video", m.uuid, muted, by.uuid, m.isVideoOn),
    };
    this.room?.addRoomListener(listener);
  }
}

export type TestPage = Page;
Object.assign(window, { page: new Page() });
