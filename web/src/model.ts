/** What the page knows. Views are functions of this; only `session`, `call` and its parts write it. */

import type { Rights } from './rights';

export interface DemoAccount {
  readonly accid: string;
  readonly name: string;
}

/** Body of `GET /try/accounts`. `link` is `host:port`, `room_server` an origin. */
export interface DemoInfo {
  readonly app_key: string;
  readonly link: string;
  readonly room_server: string;
  readonly accounts: readonly DemoAccount[];
}

export type ChannelKind = 'media' | 'message' | 'other';

export interface Channel {
  readonly serverId: string;
  readonly channelId: string;
  readonly name: string;
  readonly topic: string;
  readonly kind: ChannelKind;
  readonly hidden: boolean;
  /** Accounts now in the media channel, as the server counts them. */
  readonly inside: readonly string[];
}

export interface Server {
  readonly serverId: string;
  readonly name: string;
  readonly channels: readonly Channel[];
}

/** A device of mine, as the buttons show it. */
export type Source = 'off' | 'opening' | 'on' | 'closing';

export interface Person {
  readonly accid: string;
  readonly me: boolean;
  readonly mic: boolean;
  readonly camera: boolean;
  readonly screen: boolean;
}

/** Of somebody's connection, both ways, as the kit counts: 0 unknown, 1 excellent … 5 very bad, 6 down. */
export interface Quality {
  readonly up: number;
  readonly down: number;
}

/** Which picture of somebody's camera is asked for. */
export type Sharpness = 'sharp' | 'light';

/** What a moderator has switched off for everybody. */
export interface Locks {
  readonly mic: boolean;
  readonly camera: boolean;
}

export type CallPhase = 'entering' | 'inside' | 'returning' | 'leaving';

export interface Call {
  readonly channel: Channel;
  readonly phase: CallPhase;
  readonly people: readonly Person[];
  readonly mic: Source;
  readonly camera: Source;
  readonly share: Source;
  /** The kit is restoring the media connection by itself; everybody keeps their place. */
  readonly recovering: boolean;
  readonly rights: Rights;
  readonly locks: Locks;
  readonly quality: ReadonlyMap<string, Quality>;
  /** Chosen by the person; whoever is not in it gets what fits the size of the tile. */
  readonly sharpness: ReadonlyMap<string, Sharpness>;
  /** Accounts whose sound or picture the browser holds back until the person does something. */
  readonly blocked: ReadonlySet<string>;
}

/** What a call begins with, and falls back to when the connection is lost. */
export const silentCall = {
  people: [],
  mic: 'off',
  camera: 'off',
  share: 'off',
  recovering: false,
  locks: { mic: false, camera: false },
  quality: new Map<string, Quality>(),
  blocked: new Set<string>(),
} as const satisfies Partial<Call>;

export type LinkPhase = 'off' | 'connecting' | 'on' | 'lost';

export interface Notice {
  readonly tone: 'info' | 'refused' | 'broken';
  readonly text: string;
}

export interface State {
  readonly info: DemoInfo | null;
  readonly me: DemoAccount | null;
  readonly link: LinkPhase;
  readonly servers: readonly Server[];
  readonly names: ReadonlyMap<string, string>;
  /** Accounts another tab of this browser sits on. */
  readonly taken: ReadonlySet<string>;
  readonly call: Call | null;
  readonly notice: Notice | null;
}

export const nothing: State = {
  info: null,
  me: null,
  link: 'off',
  servers: [],
  names: new Map(),
  taken: new Set(),
  call: null,
  notice: null,
};

export type Listener = (state: State) => void;

/** One value, replaced whole. Listeners run once per frame however often it changed. */
export class Store {
  #state: State;
  readonly #listeners = new Set<Listener>();
  #scheduled = false;

  constructor(initial: State = nothing) {
    this.#state = initial;
  }

  get state(): State {
    return this.#state;
  }

  set(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change };
    if (this.#scheduled) return;
    this.#scheduled = true;
    // A microtask, not a frame: a hidden tab gets no frames and must still keep its tiles right.
    queueMicrotask(() => {
      this.#scheduled = false;
      for (const listener of this.#listeners) listener(this.#state);
    });
  }

  setCall(change: Partial<Call>): void {
    if (this.#state.call) this.set({ call: { ...this.#state.call, ...change } });
  }

  notify(tone: Notice['tone'], text: string): void {
    this.set({ notice: { tone, text } });
  }

  watch(listener: Listener): void {
    this.#listeners.add(listener);
    listener(this.#state);
  }
}

/** Whose screen is shared, if anybody's. */
export const sharer = (call: Call): Person | undefined => call.people.find((p) => p.screen);

export const displayName = (state: State, accid: string): string => state.names.get(accid) ?? accid;
