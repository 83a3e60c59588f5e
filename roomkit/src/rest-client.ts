import {
  CODE_GENERAL,
  CODE_TOKEN_EXPIRED,
  CODE_TOKEN_INCORRECT,
  CODE_TOKEN_UNAUTHORIZED,
  RoomKitError,
} from "./errors";
import type { Identity } from "./identity";
import { log } from "./log";
import { VERSION } from "./version";
import { isRecord, type Source, type WireEntry, type WireSnapshot } from "./wire";

/** Longer only delays the error the user sees; shorter fails on slow mobile links. */
const REQUEST_TIMEOUT_MS = 10_000;
/** Leaving must not hang on a dead server; local media is already down by then. */
const LEAVE_TIMEOUT_MS = 3_000;
/** How long a request that met an expired token waits for `renewToken` before it fails. */
const RENEWAL_WAIT_MS = 8_000;

type Method = "GET" | "POST" | "PUT" | "DELETE";

interface RequestOptions {
  body?: unknown;
  timeout?: number;
  /** A goodbye: survives the page, and its token errors mean nothing any more. */
  farewell?: boolean;
}

export interface RestHooks {
  /** 402, 1026 or 1027 from the server. */
  tokenProblem(code: number): void;
  /** Resolves when a new token is in place; rejects after the time given. */
  renewed(timeoutMs: number): Promise<void>;
}

/** The room REST, `/scene/apps/{appKey}/…` (paths as neroom-web-sdk 1.4 to 1.20 use them). */
export class RestClient {
  readonly #base: string;
  readonly #identity: Identity;
  readonly #hooks: RestHooks;

  constructor(server: string, identity: Identity, hooks: RestHooks) {
    this.#base = `${server}/scene/apps/${encodeURIComponent(identity.appKey)}`;
    this.#identity = identity;
    this.#hooks = hooks;
  }

  async login(): Promise<void> {
    await this.#call("POST", "/v1/login");
  }

  /** Checks a token that is not in use yet. */
  async checkToken(token: string): Promise<void> {
    await this.#once("POST", "/v1/checkToken", {}, token);
  }

  /** Finds out whether the token in use is still good; a problem is reported like any other. */
  async checkOwnToken(): Promise<void> {
    await this.#call("POST", "/v1/checkToken");
  }

  /** Seats me: one request for what older kits read in three. */
  async enter(room: string, body: Record<string, unknown>): Promise<WireEntry> {
    const data = await this.#call("POST", `/v2/rooms/${encodeURIComponent(room)}/entry`, { body });
    if (!isRecord(data) || !isRecord(data.member) || !isRecord(data.room)) {
      throw new RoomKitError(CODE_GENERAL, "the entry answer lacks member or room");
    }
    return { sequence: 0, members: [], ...data } as unknown as WireEntry;
  }

  async snapshot(room: string): Promise<WireSnapshot> {
    const data = await this.#call("GET", `/v1/rooms/${encodeURIComponent(room)}/snapshot`);
    if (!isRecord(data) || !isRecord(data.snapshot)) throw new RoomKitError(CODE_GENERAL, "the snapshot is empty");
    return data as unknown as WireSnapshot;
  }

  async leaveRtc(room: string): Promise<void> {
    await this.#call("POST", `/v1/rooms/${encodeURIComponent(room)}/members/leaveRtc`, { farewell: true });
  }

  async leave(room: string): Promise<void> {
    await this.#call("DELETE", member(room, this.#identity.account), { farewell: true, timeout: LEAVE_TIMEOUT_MS });
  }

  async kick(room: string, uuid: string): Promise<void> {
    await this.#call("DELETE", member(room, uuid));
  }

  async endRoom(room: string): Promise<void> {
    await this.#call("DELETE", `/v2/rooms/${encodeURIComponent(room)}`);
  }

  async streamOn(room: string, uuid: string, source: Source): Promise<void> {
    await this.#call("PUT", `${member(room, uuid)}/streams/${source}`, { body: { value: 1 } });
  }

  async streamOff(room: string, uuid: string, source: Source): Promise<void> {
    await this.#call("DELETE", `${member(room, uuid)}/streams/${source}`);
  }

  async setRoomProperty(room: string, key: string, body: Record<string, unknown>): Promise<void> {
    await this.#call("PUT", `/v1/rooms/${encodeURIComponent(room)}/properties/${encodeURIComponent(key)}`, { body });
  }

  async deleteRoomProperty(room: string, key: string): Promise<void> {
    await this.#call("DELETE", `/v1/rooms/${encodeURIComponent(room)}/properties/${encodeURIComponent(key)}`);
  }

  async setMemberProperty(room: string, uuid: string, key: string, body: Record<string, unknown>): Promise<void> {
    await this.#call("PUT", `${member(room, uuid)}/properties/${encodeURIComponent(key)}`, { body });
  }

  async deleteMemberProperty(room: string, uuid: string, key: string): Promise<void> {
    await this.#call("DELETE", `${member(room, uuid)}/properties/${encodeURIComponent(key)}`);
  }

  async updateMember(room: string, uuid: string, body: { userName?: string; role?: string }): Promise<void> {
    await this.#call("PUT", member(room, uuid), { body });
  }

  async handOverRole(room: string, uuid: string): Promise<void> {
    await this.#call("POST", `${member(room, uuid)}/handoverRole`);
  }

  async sendMessage(room: string, uuid: string, cmdId: number, message: string): Promise<void> {
    await this.#call("POST", `${member(room, uuid)}/send`, { body: { cmdId, message } });
  }

  async #call(method: Method, path: string, options: RequestOptions = {}): Promise<unknown> {
    try {
      return await this.#once(method, path, options, this.#identity.token);
    } catch (cause) {
      if (!(cause instanceof RoomKitError) || options.farewell === true) throw cause;
      if (cause.code === CODE_TOKEN_EXPIRED) {
        // A live session survives an expired token: ask for a new one, then try once more.
        const renewed = this.#hooks.renewed(RENEWAL_WAIT_MS);
        this.#hooks.tokenProblem(cause.code);
        try {
          await renewed;
        } catch {
          throw cause;
        }
        return await this.#once(method, path, options, this.#identity.token);
      }
      if (cause.code === CODE_TOKEN_UNAUTHORIZED || cause.code === CODE_TOKEN_INCORRECT) {
        this.#hooks.tokenProblem(cause.code);
      }
      throw cause;
    }
  }

  async #once(method: Method, path: string, options: RequestOptions, token: string): Promise<unknown> {
    const headers: Record<string, string> = {
      user: this.#identity.account,
      token,
      AppKey: this.#identity.appKey,
      deviceId: this.#identity.deviceId,
      clientType: "web",
      versionCode: VERSION,
      "accept-language": "en-US",
      authType: "1",
    };
    const init: RequestInit = { method, headers, credentials: "omit", cache: "no-store" };
    if (method !== "GET") {
      headers["Content-Type"] = "application/json;charset=utf-8";
      init.body = JSON.stringify(options.body ?? {});
      init.keepalive = options.farewell ?? false;
    }
    const abort = new AbortController();
    init.signal = abort.signal;
    const timer = setTimeout(() => abort.abort(), options.timeout ?? REQUEST_TIMEOUT_MS);
    try {
      const response = await fetch(this.#base + path, init);
      return readAnswer(response.status, await response.text(), `${method} ${path}`);
    } catch (cause) {
      if (cause instanceof RoomKitError) throw cause;
      const why = abort.signal.aborted ? "no answer in time" : "the room server cannot be reached";
      throw new RoomKitError(CODE_GENERAL, `${method} ${path}: ${why}`);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** `{code, msg, data}`; anything else becomes an error with the HTTP status as its code. */
export function readAnswer(status: number, text: string, what: string): unknown {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    answer = undefined;
  }
  if (!isRecord(answer) || typeof answer.code !== "number") {
    throw new RoomKitError(status === 200 ? CODE_GENERAL : status, `${what}: HTTP ${status} without a readable answer`);
  }
  if (answer.code !== 0) {
    const message = typeof answer.msg === "string" && answer.msg !== "" ? answer.msg : what;
    log.debug(`${what} answered code ${answer.code}`);
    throw new RoomKitError(answer.code, message, answer.data);
  }
  return answer.data;
}

function member(room: string, uuid: string): string {
  return `/v1/rooms/${encodeURIComponent(room)}/members/${encodeURIComponent(uuid)}`;
}
