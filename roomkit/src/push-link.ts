import { CODE_GENERAL, RoomKitError } from "./errors";
import type { Endpoints } from "./endpoints";
import type { Identity } from "./identity";
import { log } from "./log";
import { delay } from "./serial-queue";
import { isRecord, parsePush, type PushBody } from "./wire";

/** Handshake, connected frame and login each; the link's own client uses the same 8 s. */
const STEP_TIMEOUT_MS = 8_000;
/** Between attempts: shorter hammers a restarting server, longer delays the first push after it. */
const RETRY_MS = 2_000;
/** Command heartbeat (1_2). */
const HEARTBEAT_MS = 30_000;
/** No frame at all for so long means a dead socket; the server sends `2::` about every 25 s. */
const SILENCE_MS = 60_000;

/** Packets of the link: service and command. */
const LINK = { heartbeat: [1, 2], login: [2, 3], logout: [2, 6], push: [22, 2] } as const;

export interface PushLinkEvents {
  push(body: PushBody): void;
  /** Logged in; `again` after a loss, when pushes may have been missed. */
  up(again: boolean): void;
  /** The login was refused: the token may be the reason. */
  refused(code: number): void;
  /** Whether a lost link must come back by itself: the server closes it when no room is left. */
  needed(): boolean;
}

/**
 * The push link: socket.io 0.9 frames over a WebSocket, the packets of the QChat link, login 2_3 with the 25_1 token.
 * While a room needs it, it reconnects for ever; the room decides when a loss is final.
 */
export class PushLink {
  readonly #endpoints: Endpoints;
  readonly #identity: Identity;
  readonly #events: PushLinkEvents;
  #socket: WebSocket | undefined;
  #up: Promise<void> | undefined;
  #wanted = false;
  #wasUp = false;
  #serial = 0;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #generation = 0;
  /** Ends the attempt under way. */
  #giveUp: ((why: string) => void) | undefined;

  constructor(where: Endpoints, identity: Identity, events: PushLinkEvents) {
    this.#endpoints = where;
    this.#identity = identity;
    this.#events = events;
  }

  /** Resolves when logged in; joins an attempt already under way. */
  open(): Promise<void> {
    this.#wanted = true;
    this.#up ??= this.#connect().catch((cause: unknown) => {
      this.#up = undefined;
      throw cause;
    });
    return this.#up;
  }

  close(): void {
    this.#wanted = false;
    this.#wasUp = false;
    this.#generation += 1;
    this.#up = undefined;
    this.#giveUp?.("closed by this client");
    const socket = this.#socket;
    if (socket?.readyState === WebSocket.OPEN) {
      socket.send(packet(LINK.logout, ++this.#serial));
      socket.send("0::");
    }
    this.#drop();
  }

  async #connect(): Promise<void> {
    const generation = ++this.#generation;
    const sid = await this.#handshake(await this.#address());
    if (generation !== this.#generation) throw new RoomKitError(CODE_GENERAL, "the push link was closed");
    const url = new URL(sid.url);
    url.protocol = url.protocol === "http:" ? "ws:" : "wss:";
    const socket = new WebSocket(url.href);
    this.#socket = socket;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        fail("no login answer in time");
      }, 2 * STEP_TIMEOUT_MS);
      const fail = (why: string, code = CODE_GENERAL): void => {
        clearTimeout(timer);
        this.#giveUp = undefined;
        if (this.#socket === socket) this.#drop();
        else socket.close();
        reject(new RoomKitError(code, `push link: ${why}`));
      };
      this.#giveUp = fail;
      socket.onclose = () => {
        fail("closed before login");
      };
      socket.onmessage = ({ data }) => {
        if (this.#socket !== socket || typeof data !== "string") return;
        this.#alive(socket);
        const frame = readFrame(data);
        if (frame.type === "connect") socket.send(this.#login());
        else if (frame.type === "heartbeat") socket.send("2::");
        else if (frame.type === "packet" && is(frame.packet, LINK.login)) {
          const code = Number(frame.packet.code);
          if (code !== 200) {
            fail("login refused", code);
            this.#events.refused(code);
            return;
          }
          clearTimeout(timer);
          this.#giveUp = undefined;
          this.#ready(socket);
          resolve();
        }
      };
    });
  }

  #ready(socket: WebSocket): void {
    socket.onclose = () => {
      this.#lost(socket);
    };
    socket.onmessage = ({ data }) => {
      if (this.#socket !== socket || typeof data !== "string") return;
      this.#alive(socket);
      const frame = readFrame(data);
      if (frame.type === "heartbeat") socket.send("2::");
      else if (frame.type === "disconnect") socket.close();
      else if (frame.type === "packet" && is(frame.packet, LINK.push)) this.#push(frame.packet);
    };
    this.#heartbeat = setInterval(() => {
      if (socket.readyState === WebSocket.OPEN) socket.send(packet(LINK.heartbeat, 0));
    }, HEARTBEAT_MS);
    const again = this.#wasUp;
    this.#wasUp = true;
    log.debug("push link up");
    this.#events.up(again);
  }

  #push(received: Record<string, unknown>): void {
    const items = Array.isArray(received.r) ? (received.r as unknown[]) : [];
    for (const item of items) {
      const body = isRecord(item) ? parsePush(item["2"]) : undefined;
      if (body !== undefined) this.#events.push(body);
    }
  }

  #lost(socket: WebSocket): void {
    if (this.#socket !== socket) return;
    this.#drop();
    log.debug("push link lost");
    this.#up = this.#events.needed() ? this.#retry() : undefined;
    this.#up?.catch(() => undefined);
  }

  async #retry(): Promise<void> {
    while (this.#wanted && this.#events.needed()) {
      try {
        await this.#connect();
        return;
      } catch (cause) {
        log.debug("push link attempt failed", cause);
        await delay(RETRY_MS);
      }
    }
    this.#up = undefined;
    throw new RoomKitError(CODE_GENERAL, "the push link was closed");
  }

  #alive(socket: WebSocket): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#lost(socket);
    }, SILENCE_MS);
  }

  #drop(): void {
    clearTimeout(this.#silence);
    clearInterval(this.#heartbeat);
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined) {
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
    }
  }

  #login(): string {
    const tags = {
      "18": this.#identity.appKey,
      "19": this.#identity.account,
      "38": this.#identity.deviceId,
      "1000": this.#identity.token,
    };
    return packet(LINK.login, ++this.#serial, [{ t: "Property", v: tags }]);
  }

  /** The app's own address, the LBS's, or the room server's. */
  async #address(): Promise<string> {
    const { lbs, link } = this.#endpoints;
    if (lbs === undefined) return link;
    try {
      const answer: unknown = JSON.parse(await getText(`${lbs}?id=&sv=&pv=1&networkType=0&k=`));
      const common = isRecord(answer) ? answer.common : undefined;
      const list = isRecord(common) ? (common.link ?? common["link.default"]) : undefined;
      const first: unknown = Array.isArray(list) ? list[0] : undefined;
      if (typeof first === "string" && first !== "") return `${new URL(link).protocol}//${first}`;
    } catch (cause) {
      log.debug("LBS gave no address", cause);
    }
    return link;
  }

  async #handshake(server: string): Promise<{ url: string }> {
    const text = await getText(`${server}/socket.io/1/?t=${Date.now()}`);
    const sid = text.split(":")[0] ?? "";
    if (sid === "" || !text.includes(":")) throw new RoomKitError(CODE_GENERAL, "push link: unreadable handshake");
    return { url: `${server}/socket.io/1/websocket/${sid}` };
  }
}

async function getText(url: string): Promise<string> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), STEP_TIMEOUT_MS);
  try {
    const response = await fetch(url, { signal: abort.signal, credentials: "omit", cache: "no-store" });
    if (!response.ok) throw new RoomKitError(CODE_GENERAL, `push link: HTTP ${response.status}`);
    return await response.text();
  } finally {
    clearTimeout(timer);
  }
}

export type Frame =
  | { type: "connect" | "heartbeat" | "disconnect" | "other" }
  | { type: "packet"; packet: Record<string, unknown> };

/** One socket.io 0.9 frame, `TYPE:ID:ENDPOINT:DATA`. */
export function readFrame(text: string): Frame {
  if (text.startsWith("1:")) return { type: "connect" };
  if (text.startsWith("2:")) return { type: "heartbeat" };
  if (text.startsWith("0:")) return { type: "disconnect" };
  if (!text.startsWith("3:")) return { type: "other" };
  try {
    const body: unknown = JSON.parse(text.slice(text.indexOf("{")));
    return isRecord(body) ? { type: "packet", packet: body } : { type: "other" };
  } catch {
    return { type: "other" };
  }
}

function is(received: Record<string, unknown>, [sid, cid]: readonly [number, number]): boolean {
  return Number(received.sid) === sid && Number(received.cid) === cid;
}

function packet([sid, cid]: readonly [number, number], serial: number, items: unknown[] = []): string {
  return `3:::${JSON.stringify({ SID: sid, CID: cid, SER: serial, Q: items })}`;
}
