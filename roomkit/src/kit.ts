import { AuthService } from "./auth-service";
import { Devices } from "./devices";
import { endpoints } from "./endpoints";
import { background, CODE_GENERAL, RoomKitError } from "./errors";
import { deviceId, type Identity } from "./identity";
import { log } from "./log";
import { MessageChannelService } from "./message-channel-service";
import { PushLink } from "./push-link";
import { RestClient } from "./rest-client";
import { RoomService } from "./room-service";
import type {
  NEAuthService,
  NEInitializeOptions,
  NEMessageChannelService,
  NERoomKitOptions,
  NERoomService,
  NESdkVersions,
} from "./types";
import { VERSION } from "./version";

interface Services {
  auth: AuthService;
  room: RoomService;
  message: MessageChannelService;
  link: PushLink;
}

let shared: RoomKit | undefined;

/**
 * The class an app gives to the QChat SDK as `neroom`. The SDK makes one instance per SDK instance, without arguments;
 * nothing touches network or devices before `initialize` and login.
 */
export class RoomKit {
  /** One instance for the page, for users without the SDK. */
  static getInstance(): RoomKit {
    shared ??= new RoomKit();
    return shared;
  }

  static readonly version: string = VERSION;

  readonly #videoCodec: NERoomKitOptions["videoCodec"];
  #services: Services | undefined;

  constructor(options?: NERoomKitOptions) {
    this.#videoCodec = options?.videoCodec;
    if (options?.debug === true) log.setVerbose(true);
  }

  /** UUID-shaped, stable for the page. */
  get deviceId(): string {
    return deviceId();
  }

  get isInitialized(): boolean {
    return this.#services !== undefined;
  }

  get sdkVersions(): NESdkVersions {
    return { imVersion: VERSION, roomKitVersion: VERSION, rtcVersion: VERSION, whiteboardVersion: "" };
  }

  get authService(): NEAuthService {
    return this.#ready.auth;
  }

  get roomService(): NERoomService {
    return this.#ready.room;
  }

  get messageChannelService(): NEMessageChannelService {
    return this.#ready.message;
  }

  /** Synchronous: when it returns, all services are there. Calling it again starts over with the new options. */
  initialize(options: NEInitializeOptions): void {
    const { appKey, serverConfig } = options;
    if (typeof appKey !== "string" || appKey === "") throw new RoomKitError(CODE_GENERAL, "lack of appKey");
    this.release();
    const where = endpoints(serverConfig, location.origin);
    const identity: Identity = { appKey, deviceId: this.deviceId, account: "", token: "" };
    const rest: RestClient = new RestClient(where.room, identity, {
      tokenProblem: (code) => auth.tokenProblem(code),
      renewed: (timeoutMs) => auth.renewed(timeoutMs),
    });
    const link = new PushLink(where, identity, {
      push: (body) => room.push(body),
      up: (again) => {
        if (again) room.linkBack();
      },
      refused: (code) => {
        log.debug(`the push link refused the login with code ${code}`);
        background("check the token", () => rest.checkOwnToken());
      },
      needed: () => room.busy,
    });
    const message = new MessageChannelService(rest);
    const room: RoomService = new RoomService({
      identity,
      endpoints: where,
      rest,
      devices: new Devices(),
      videoCodec: this.#videoCodec,
      openLink: () => link.open(),
      message: (received) => message.received(received),
    });
    const auth: AuthService = new AuthService({
      identity,
      rest: () => rest,
      openLink: () => background("open the push link", () => link.open()),
      closeAll: async () => {
        await room.close();
        link.close();
      },
    });
    this.#services = { auth, room, message, link };
  }

  /** Logs out and forgets everything. */
  release(): void {
    const services = this.#services;
    this.#services = undefined;
    if (services?.auth.isLoggedIn === true) background("release", () => services.auth.logout());
  }

  switchLanguage(_language: string): void {
    // Messages are English only.
  }

  getService(name: string): unknown {
    const known: Record<string, keyof Services> = {
      authService: "auth",
      roomService: "room",
      messageChannelService: "message",
    };
    const key = known[name];
    return key === undefined ? undefined : this.#ready[key];
  }

  addGlobalEventListener(_listener: unknown): void {
    // No global events: rooms report through their own listener.
  }

  removeGlobalEventListener(): void {
    // As above.
  }

  get #ready(): Services {
    if (this.#services === undefined) throw new RoomKitError(CODE_GENERAL, "not init rtc");
    return this.#services;
  }
}
