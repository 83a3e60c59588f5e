import type { NEServerConfig } from "./types";

/** Where the servers are. One public origin serves everything, so `roomServer` alone is enough. */
export interface Endpoints {
  /** Base of the room REST, without a trailing slash. */
  readonly room: string;
  /** Full URL of the channel-info endpoint. */
  readonly channelInfo: string;
  /** Base of the push link's handshake, without a trailing slash. */
  readonly link: string;
  /** Asked for the link's address first when the app gave one and no `link`. */
  readonly lbs: string | undefined;
}

export function endpoints(config: NEServerConfig | undefined, pageOrigin: string): Endpoints {
  const room = base(config?.roomKitServerConfig?.roomServer) ?? pageOrigin;
  const im = config?.imServerConfig;
  const secure = im?.linkSslWeb ?? room.startsWith("https:");
  const link = base(im?.link, secure ? "https:" : "http:");
  const lbs = link === undefined ? base(im?.lbs) : undefined;
  return {
    room,
    channelInfo: base(config?.rtcServerConfig?.channelServer) ?? `${new URL(room).origin}/rtc/info`,
    link: link ?? new URL(room).origin,
    lbs,
  };
}

/** The app's address with a scheme and without a trailing slash. */
export function base(address: string | undefined, scheme = "https:"): string | undefined {
  const text = address?.trim() ?? "";
  if (text === "") return undefined;
  const full = /^[a-z]+:\/\//i.test(text) ? text : `${scheme}//${text}`;
  return full.replace(/\/+$/, "");
}

/** `wss://` from whatever the channel info gave: a full address, or a bare host (which means wss). */
export function webSocketAddress(address: string): string {
  if (/^wss?:\/\//i.test(address)) return address;
  return `wss://${address.replace(/^https?:\/\//i, "")}`;
}
