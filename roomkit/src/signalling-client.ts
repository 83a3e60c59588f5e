import { CODE_GENERAL, RoomKitError } from "./errors";
import { log } from "./log";
import { isRecord } from "./wire";

/** As the engine's own (nertc-web-sdk 5.8.34). */
const REQUEST_TIMEOUT_MS = 30_000;
/** A socket that does not open in this time is tried again: shorter fails on slow links, longer eats the grace time. */
const OPEN_TIMEOUT_MS = 5_000;
const HEARTBEAT_MS = 6_000;
/** Heartbeat unanswered for so long: the socket is dead though nobody said so. */
const HEARTBEAT_TIMEOUT_MS = 5_000;
/** Code of a successful answer in `data.code`. */
const CODE_OK = 200;

export type SignalData = Record<string, unknown>;

export interface SignallingEvents {
  notification(method: string, data: SignalData): void;
  /** The socket is gone and this client did not close it. */
  lost(): void;
}

interface Pending {
  resolve(data: SignalData): void;
  reject(cause: RoomKitError): void;
  timer: ReturnType<typeof setTimeout>;
}

/** One signalling socket: subprotocol `protoo`, JSON requests, responses and notifications. */
export class SignallingClient {
  readonly #events: SignallingEvents;
  readonly #pending = new Map<number, Pending>();
  #socket: WebSocket | undefined;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #id = Math.floor(Math.random() * 1_000_000);

  constructor(events: SignallingEvents) {
    this.#events = events;
  }

  open(url: string): Promise<void> {
    const socket = new WebSocket(url, "protoo");
    this.#socket = socket;
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        clearTimeout(timer);
        if (this.#socket === socket) this.close();
        reject(new RoomKitError(CODE_GENERAL, `signalling: ${why}`));
      };
      const timer = setTimeout(() => {
        fail("the socket did not open in time");
      }, OPEN_TIMEOUT_MS);
      socket.onclose = () => {
        fail("the socket was refused");
      };
      socket.onopen = () => {
        clearTimeout(timer);
        socket.onclose = () => {
          this.#lost();
        };
        socket.onmessage = ({ data }) => {
          if (this.#socket === socket && typeof data === "string") this.#message(data);
        };
        this.#heartbeat = setInterval(() => {
          this.request("Heartbeat", {}, HEARTBEAT_TIMEOUT_MS).catch(() => {
            if (this.#socket === socket) this.#lost();
          });
        }, HEARTBEAT_MS);
        resolve();
      };
    });
  }

  /** Resolves with `data`; rejects with the server's code when `data.code` is there and not 200. */
  request(method: string, data: SignalData, timeoutMs = REQUEST_TIMEOUT_MS): Promise<SignalData> {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) {
      return Promise.reject(new RoomKitError(CODE_GENERAL, `signalling: ${method}: not connected`));
    }
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new RoomKitError(CODE_GENERAL, `signalling: ${method}: no answer in time`));
      }, timeoutMs);
      this.#pending.set(id, { resolve, reject, timer });
      socket.send(JSON.stringify({ request: true, id, method, data: { requestId: String(id), ...data } }));
    });
  }

  notify(method: string, data: SignalData): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const id = ++this.#id;
    this.#socket.send(JSON.stringify({ notification: true, id, method, data: { requestId: String(id), ...data } }));
  }

  close(): void {
    clearInterval(this.#heartbeat);
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined) {
      socket.onopen = null;
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
    }
    for (const pending of this.#pending.values()) {
      clearTimeout(pending.timer);
      pending.reject(new RoomKitError(CODE_GENERAL, "signalling: the socket is closed"));
    }
    this.#pending.clear();
  }

  #lost(): void {
    this.close();
    this.#events.lost();
  }

  #message(text: string): void {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (!isRecord(message)) return;
    const data = isRecord(message.data) ? message.data : {};
    if (message.response === true) this.#response(Number(message.id), message, data);
    else if (message.notification === true && typeof message.method === "string") {
      this.#socket?.send(JSON.stringify({ response: true, id: message.id, ok: true, data: { code: CODE_OK } }));
      log.debug(`signalling: ${message.method}`);
      this.#events.notification(message.method, data);
    }
  }

  #response(id: number, message: Record<string, unknown>, data: SignalData): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    const code = Number(message.ok === true ? (data.code ?? CODE_OK) : (message.errorCode ?? CODE_GENERAL));
    if (message.ok === true && code === CODE_OK) {
      pending.resolve(data);
      return;
    }
    const why = message.ok === true ? data.errMsg : message.errorReason;
    pending.reject(new RoomKitError(code, typeof why === "string" && why !== "" ? why : "refused by the server", data));
  }
}
