// A room server in memory: room REST, push link, channel info and signalling as the wire has them, with knobs for what
// goes wrong. No media: transports get parameters that lead nowhere, which is enough for the browser to accept the SDP.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type RawData, type WebSocket, WebSocketServer } from "ws";

type Json = Record<string, unknown>;

interface Member {
  user: string;
  device: string;
  rtcUid: number;
  inRtc: boolean;
  streams: Set<string>;
}

interface Producer {
  id: string;
  uid: number;
  mediaType: string;
}

const EDGE = {
  codecs: [
    { kind: "audio", mimeType: "audio/opus", preferredPayloadType: 111, clockRate: 48000, channels: 2, parameters: { minptime: 10, useinbandfec: 1 }, rtcpFeedback: [] },
    { kind: "video", mimeType: "video/VP8", preferredPayloadType: 96, clockRate: 90000, parameters: {}, rtcpFeedback: [{ type: "nack", parameter: "pli" }] },
  ],
  headerExtensions: [{ kind: "audio", uri: "urn:ietf:params:rtp-hdrext:sdes:mid", preferredId: 4, direction: "sendrecv" }],
};
const TRANSPORT = {
  iceParameters: { usernameFragment: "nowhere0", password: "p".repeat(24), iceLite: true },
  iceCandidates: [{ foundation: "udp", ip: "127.0.0.1", port: 9, priority: 1, protocol: "udp", type: "host" }],
  dtlsParameters: { role: "auto", fingerprints: [{ algorithm: "sha-256", value: Array(32).fill("AB").join(":") }] },
};
const ROLE = { limit: 9, params: { audio: { profile: "speech_standard" }, video: { width: 320, height: 240, fps: 10 } } };

export class RoomServer {
  /** Code for requests whose "METHOD path" (REST) or "Method mediaType" (signalling) fits. */
  refuse: { when: RegExp; code: number }[] = [];
  /** A token that has expired. */
  expired = "";
  /** Swallow so many pushes: the sequence goes on without them. */
  swallow = 0;
  /** Nobody can be reached. */
  down = false;
  readonly requests: string[] = [];
  readonly members = new Map<string, Member>();
  #properties: Json = {};
  #sequence = 1_000;
  #ids = 0;
  readonly #uids = new Map<string, number>();
  readonly #links = new Map<WebSocket, { user: string; device: string }>();
  readonly #peers = new Map<number, WebSocket>();
  readonly #producers = new Map<string, Producer>();
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered][0] ?? false });

  constructor(readonly files: (path: string) => { type: string; body: string | Buffer } | undefined) {
    this.#http = createServer((request, response) => {
      void this.#serve(request, response);
    });
    this.#http.on("upgrade", (request, socket, head) => {
      if (this.down) {
        socket.destroy();
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (ws) => {
        if (request.url?.startsWith("/rtc/signal") === true) this.#signal(ws, new URL(request.url, this.origin));
        else this.#link(ws);
      });
    });
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  get openSockets(): number {
    return this.#sockets.clients.size;
  }

  async start(): Promise<void> {
    await new Promise<void>((ready) => this.#http.listen(0, "127.0.0.1", ready));
  }

  async stop(): Promise<void> {
    this.cut();
    this.#http.closeAllConnections();
    await new Promise((done) => this.#http.close(done));
  }

  /** Ends every socket without a word. */
  cut(): void {
    for (const ws of this.#sockets.clients) ws.terminate();
  }

  push(cmd: number, data: Json, also?: string): void {
    this.#sequence += 1;
    if (this.swallow > 0) {
      this.swallow -= 1;
      return;
    }
    const body = JSON.stringify({ cmd, type: "R", sequence: this.#sequence, roomUuid: "42", data: { roomUuid: "42", ...data } });
    const text = `3:::${JSON.stringify({ sid: 22, cid: 2, ser: 0, code: 200, r: [{ "1": "room", "2": body, "3": "0" }] })}`;
    for (const [ws, who] of this.#links) if (this.members.has(who.user) || who.user === also) ws.send(text);
  }

  stream(user: string, source: string, on: boolean, operator: string): void {
    const member = this.members.get(user);
    if (member === undefined || member.streams.has(source) === on) return;
    if (on) member.streams.add(source);
    else member.streams.delete(source);
    const more = on ? { streams: { [source]: { value: 1 } } } : { streamType: source };
    this.push(on ? 40 : 41, { member: { userUuid: user }, operatorMember: { userUuid: operator }, ...more });
  }

  remove(user: string, type: string, operator: string): void {
    const member = this.members.get(user);
    if (member === undefined) return;
    this.push(33, { members: [{ ...wire(member), reason: { type, deviceId: member.device } }], operatorMember: { userUuid: operator } });
    this.members.delete(user);
    for (const producer of [...this.#producers.values()]) if (producer.uid === member.rtcUid) this.#producers.delete(producer.id);
    if (type === "ADMIN_KICK") this.#notify(member.rtcUid, "OnKickOff", { externData: { reason: 2 } });
    this.#peers.delete(member.rtcUid);
  }

  // --- REST ---------------------------------------------------------------------------------------------------------

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.origin);
    if (this.down) {
      request.socket.destroy();
      return;
    }
    const file = this.files(url.pathname);
    if (file !== undefined) {
      response.setHeader("content-type", file.type);
      response.end(file.body);
      return;
    }
    if (url.pathname === "/socket.io/1/") {
      this.#ids += 1;
      response.end(`s${this.#ids}:60:60:websocket`);
      return;
    }
    let text = "";
    for await (const chunk of request) text += String(chunk);
    if (url.pathname === "/rtc/info") {
      response.end(JSON.stringify(this.#info(new URLSearchParams(text))));
      return;
    }
    const path = decodeURIComponent(url.pathname.replace(/^\/scene\/apps\/[^/]+/, ""));
    const what = `${request.method ?? ""} ${path}`;
    this.requests.push(what);
    const { user = "", token = "", deviceid = "" } = request.headers as Record<string, string | undefined>;
    const refused = this.refuse.find((r) => r.when.test(what))?.code ?? (token === this.expired && !path.endsWith("checkToken") ? 1026 : 0);
    const [code, data] = refused === 0 ? this.#rest(what, user, deviceid, text === "" ? {} : (JSON.parse(text) as Json)) : [refused, null];
    response.end(JSON.stringify({ code, msg: code === 0 ? "" : `refused with ${code}`, data }));
  }

  #rest(what: string, user: string, device: string, body: Json): [number, unknown] {
    if (/\/v1\/(login|checkToken)$/.test(what)) return [0, { userUuid: user }];
    if (what.endsWith("/v2/rooms/42/entry")) return [0, this.#enter(user, device)];
    if (!this.members.has(user)) return [403, null];
    if (what.endsWith("/snapshot")) return [0, { sequence: this.#sequence, snapshot: { room: { properties: this.#properties }, members: this.#wire() } }];
    const stream = /members\/([^/]+)\/streams\/(\w+)$/.exec(what);
    if (stream !== null) this.stream(stream[1] ?? "", stream[2] ?? "", what.startsWith("PUT"), user);
    const property = /rooms\/42\/properties\/(\w+)$/.exec(what)?.[1];
    if (property !== undefined) {
      this.#properties = { ...this.#properties, [property]: body };
      this.push(10, { properties: { [property]: body }, operatorMember: { userUuid: user } });
    }
    const target = /^DELETE \/v1\/rooms\/42\/members\/([^/]+)$/.exec(what)?.[1];
    if (target !== undefined) this.remove(target, target === user ? "NORMAL" : "ADMIN_KICK", user);
    return [0, null];
  }

  #enter(user: string, device: string): Json {
    const before = this.members.get(user);
    if (before !== undefined && before.device !== device) this.remove(user, "SELF_KICK", user);
    if (!this.#uids.has(user)) this.#uids.set(user, 100 + this.#uids.size);
    let member = this.members.get(user);
    if (member === undefined) {
      member = { user, device, rtcUid: this.#uids.get(user) ?? 0, inRtc: false, streams: new Set() };
      this.members.set(user, member);
      this.push(30, { members: [wire(member)], operatorMember: { userUuid: user } });
    }
    return {
      member: { ...wire(member), rtcToken: `rtc-${member.rtcUid}`, rtcKey: "k", wbAuth: {} },
      room: { roomUuid: "42", roomName: "42", rtcCid: 1, properties: this.#properties, config: { roleConfigs: { qchatAudience: ROLE } } },
      members: this.#wire(),
      sequence: this.#sequence,
    };
  }

  #wire(): Json[] {
    return [...this.members.values()].map(wire);
  }

  #info(form: URLSearchParams): Json {
    const uid = form.get("uid") ?? "";
    if (form.get("checksum") !== `rtc-${uid}` || form.get("channelName") !== "42") return { code: 403, desc: "no permission" };
    return { code: 200, cid: "1", token: `session-${uid}`, time: {}, ips: { uid: Number(uid), webrtcarray: [`${this.origin.replace("http", "ws")}/rtc/signal`] } };
  }

  // --- push link ----------------------------------------------------------------------------------------------------

  #link(ws: WebSocket): void {
    ws.send("1::");
    ws.on("close", () => this.#links.delete(ws));
    ws.on("message", (raw) => {
      const text = textOf(raw);
      if (!text.startsWith("3:")) return;
      const { SID: sid, CID: cid, SER: ser, Q: items } = JSON.parse(text.slice(text.indexOf("{"))) as Json;
      if (sid === 2 && cid === 3) {
        const tags = (items as { v: Record<string, string> }[])[0]?.v ?? {};
        this.#links.set(ws, { user: tags["19"] ?? "", device: tags["38"] ?? "" });
      }
      ws.send(`3:::${JSON.stringify({ sid, cid, ser, code: 200, r: [{}] })}`);
    });
  }

  // --- signalling ---------------------------------------------------------------------------------------------------

  #signal(ws: WebSocket, url: URL): void {
    const uid = Number(url.searchParams.get("uid"));
    ws.on("message", (raw) => {
      const message = JSON.parse(textOf(raw)) as Json & { data?: Json };
      if (message.notification === true) {
        this.#peers.delete(uid);
        return;
      }
      if (message.request !== true) return;
      const data = this.#answer(uid, ws, String(message.method), message.data ?? {});
      ws.send(JSON.stringify({ response: true, id: message.id, ok: true, data }));
    });
  }

  #answer(uid: number, ws: WebSocket, method: string, data: Json): Json {
    const external = data.externData as { producerInfo?: { mediaType?: string }; token?: string } | undefined;
    const mediaType = external?.producerInfo?.mediaType ?? "";
    this.requests.push(`${method} ${mediaType}`.trim());
    const code = this.refuse.find((r) => r.when.test(`${method} ${mediaType}`.trim()))?.code;
    if (code !== undefined) return { code, errMsg: "refused" };
    const member = [...this.members.values()].find((m) => m.rtcUid === uid);
    if (member === undefined) return { code: 403, errMsg: "the seat is gone" };
    const transport = data.dtlsParameters === undefined ? {} : TRANSPORT;
    this.#ids += 1;
    switch (method) {
      case "Join": {
        if (external?.token !== `session-${uid}`) return { code: 403 };
        this.#closeProducers(uid);
        this.#peers.set(uid, ws);
        if (!member.inRtc) {
          member.inRtc = true;
          this.push(32, { members: [wire(member)], operatorMember: { userUuid: member.user } });
        }
        const userList = [...this.#peers.keys()].filter((peer) => peer !== uid).map((peer) => ({
          uid: peer,
          producerInfoList: [...this.#producers.values()].filter((p) => p.uid === peer).map((p) => ({ mediaType: p.mediaType, producerId: p.id, mute: false })),
        }));
        return { code: 200, edgeRtpCapabilities: EDGE, externData: { userList, roomCapability: { mediaCapabilitySet: "{}" } } };
      }
      case "Produce": {
        const producer = { id: `p${this.#ids}`, uid, mediaType };
        this.#producers.set(producer.id, producer);
        this.stream(member.user, sourceOf(mediaType), true, member.user);
        for (const peer of this.#peers.keys()) if (peer !== uid) this.#notify(peer, "OnNewProducer", { externData: { producerInfo: { uid, producerId: producer.id, mediaType, mute: false } } });
        return { code: 200, producerId: producer.id, transportId: `send-${uid}`, ...transport };
      }
      case "Consume": {
        const producer = this.#producers.get(String(data.producerId));
        if (producer === undefined) return { code: 404 };
        const { codecs } = data.rtpCapabilities as { codecs: { mimeType: string; preferredPayloadType: number; clockRate: number; channels?: number; parameters: Json }[] };
        const [codec] = codecs;
        if (codec === undefined) return { code: 400 };
        const { mimeType, preferredPayloadType: payloadType, clockRate, channels, parameters } = codec;
        return {
          code: 200, uid: producer.uid, producerId: producer.id, consumerId: `c${this.#ids}`, transportId: `receive-${uid}`, ...transport,
          rtpParameters: { mid: data.mid, codecs: [{ mimeType, payloadType, clockRate, channels, parameters, rtcpFeedback: [] }], headerExtensions: [], encodings: [{ ssrc: 5_000 + this.#ids }], rtcp: { cname: "cn" } },
        };
      }
      case "CloseProducer":
        this.#producers.delete(String(data.producerId));
        return { code: 200 };
      default:
        return { code: 200 };
    }
  }

  #closeProducers(uid: number): void {
    for (const producer of [...this.#producers.values()]) {
      if (producer.uid !== uid) continue;
      this.#producers.delete(producer.id);
      for (const peer of this.#peers.keys()) if (peer !== uid) this.#notify(peer, "OnProducerClose", { externData: { producerInfo: { uid, producerId: producer.id, mediaType: producer.mediaType } } });
    }
  }

  #notify(uid: number, method: string, data: Json): void {
    this.#ids += 1;
    this.#peers.get(uid)?.send(JSON.stringify({ notification: true, id: this.#ids, method, data }));
  }
}

function wire(member: Member): Json {
  return {
    userUuid: member.user,
    userName: member.user,
    role: "qchatAudience",
    rtcUid: member.rtcUid,
    clientType: "web",
    streams: Object.fromEntries([...member.streams].map((s) => [s, { value: 1 }])),
    properties: { states: { rtcState: member.inRtc ? 2 : 0 } },
  };
}

function sourceOf(mediaType: string): string {
  return mediaType === "audio" || mediaType === "video" ? mediaType : "subVideo";
}

/** Text frames arrive as one buffer. */
function textOf(raw: RawData): string {
  return Buffer.isBuffer(raw) ? raw.toString("utf8") : "";
}
