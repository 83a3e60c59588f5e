import {
  asKitError,
  CODE_GENERAL,
  CODE_SERVER_BUSY,
  CODE_TOKEN_EXPIRED,
  publicCall,
  resultCall,
  RoomKitError,
  success,
} from "./errors";
import type { Identity } from "./identity";
import { log } from "./log";
import type { RestClient } from "./rest-client";
import { delay } from "./serial-queue";
import type { NEAuthListener, NEAuthService, NEResult } from "./types";

/** `onAuthEvent` codes of our own; those of the server are passed on. */
const EVENT_LOGGED_IN = 4;
const EVENT_LOGGED_OUT = 5;

/** A new token that could not be checked is tried again. More, or longer, keeps the request that waits for it waiting. */
const CHECK_TRIES = 3;
const CHECK_RETRY_MS = 1_000;

export interface AuthDeps {
  identity: Identity;
  rest(): RestClient;
  /** Starts the push link; nobody waits for it here. */
  openLink(): void;
  /** Leaves the room and closes the push link. */
  closeAll(): Promise<void>;
}

/** Who is logged in, with which token. */
export class AuthService implements NEAuthService {
  readonly #deps: AuthDeps;
  #listener: NEAuthListener | undefined;
  #loggedIn = false;
  #renewed: { resolve(): void; timer: ReturnType<typeof setTimeout> }[] = [];

  constructor(deps: AuthDeps) {
    this.#deps = deps;
  }

  get isLoggedIn(): boolean {
    return this.#loggedIn;
  }

  /** `kitToken` is the token of command 25_1, and all that is needed: the link's own token (third) is ignored. */
  loginByIM(account: string, kitToken: string, _imToken?: string): Promise<NEResult<null>> {
    return this.#login("loginByIM", account, kitToken);
  }

  login(account: string, token: string): Promise<NEResult<null>> {
    return this.#login("login", account, token);
  }

  loginByDynamicToken(account: string, token: string): Promise<NEResult<null>> {
    return this.#login("loginByDynamicToken", account, token);
  }

  /** Checks the new token first and keeps the old one when it is no good. */
  renewToken(token: string): Promise<NEResult<null>> {
    return publicCall("renewToken", async () => {
      if (typeof token !== "string" || token === "") throw new RoomKitError(CODE_GENERAL, "lack of token");
      if (!this.#loggedIn) throw new RoomKitError(CODE_GENERAL, "not logged in");
      await this.#check(token);
      this.#deps.identity.token = token;
      for (const waiting of this.#renewed.splice(0)) {
        clearTimeout(waiting.timer);
        waiting.resolve();
      }
      return success(null);
    });
  }

  /** Resolves always: also when nobody is logged in, and twice in a row. */
  logout(): Promise<NEResult<null>> {
    return publicCall("logout", async () => {
      try {
        await this.#deps.closeAll();
      } catch (cause) {
        log.warn("logging out went on after an error", cause);
      }
      const was = this.#loggedIn;
      this.#loggedIn = false;
      this.#deps.identity.token = "";
      if (was) this.#event(EVENT_LOGGED_OUT);
      return success(null);
    });
  }

  addAuthListener(listener: NEAuthListener): void {
    this.#listener = listener;
  }

  /** Whatever object is given: the SDK removes with a new empty one. */
  removeAuthListener(_listener?: NEAuthListener): void {
    this.#listener = undefined;
  }

  /** The server said 402, 1026 or 1027. An expired token is renewed by the app; the others end the login first. */
  tokenProblem(code: number): void {
    if (code === CODE_TOKEN_EXPIRED) {
      this.#event(code);
      return;
    }
    if (!this.#loggedIn) return;
    void this.logout().then(() => {
      this.#event(code);
    });
  }

  renewed(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#renewed = this.#renewed.filter((waiting) => waiting.timer !== timer);
        reject(new RoomKitError(CODE_TOKEN_EXPIRED, "the token expired and was not renewed in time"));
      }, timeoutMs);
      this.#renewed.push({ resolve, timer });
    });
  }

  #login(what: string, account: string, token: string): Promise<NEResult<null>> {
    return resultCall(what, async () => {
      if (typeof account !== "string" || account === "") throw new RoomKitError(CODE_GENERAL, "lack of account");
      if (typeof token !== "string" || token === "") throw new RoomKitError(CODE_GENERAL, "lack of token");
      const { identity } = this.#deps;
      if (this.#loggedIn && identity.account !== account) await this.#deps.closeAll();
      identity.account = account;
      identity.token = token;
      try {
        await this.#deps.rest().login();
      } catch (cause) {
        identity.token = "";
        this.#loggedIn = false;
        throw cause;
      }
      this.#loggedIn = true;
      this.#deps.openLink();
      this.#event(EVENT_LOGGED_IN);
    });
  }

  /** The SDK asks once and never again when it fails, so an answer that is lost must not lose the token. */
  async #check(token: string): Promise<void> {
    for (let left = CHECK_TRIES - 1; ; left -= 1) {
      try {
        await this.#deps.rest().checkToken(token);
        return;
      } catch (cause) {
        const { code } = asKitError(cause);
        // -1: not reached; 5xx: no verdict. Everything else is one.
        if (left <= 0 || (code !== CODE_GENERAL && code < 500) || code > CODE_SERVER_BUSY) throw cause;
      }
      await delay(CHECK_RETRY_MS);
    }
  }

  #event(code: number): void {
    try {
      this.#listener?.onAuthEvent?.(code);
    } catch (cause) {
      log.warn("the app's onAuthEvent callback threw", cause);
    }
  }
}
