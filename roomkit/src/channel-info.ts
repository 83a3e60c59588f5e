import { CODE_GENERAL, RoomKitError } from "./errors";
import { isRecord } from "./wire";

/** As the REST: longer only delays the error. */
const TIMEOUT_MS = 10_000;

export interface ChannelInfo {
  cid: number;
  /** Session token for `Join`. */
  token: string;
  addresses: string[];
}

export interface ChannelInfoRequest {
  url: string;
  appKey: string;
  channelName: string;
  uid: number;
  /** The `rtcToken` of the entry answer. */
  rtcToken: string;
}

/** First step into the RTC channel: where to signal, and with which session token (nertc-web-sdk 4.6.50 to 5.8.34). */
export async function channelInfo(request: ChannelInfoRequest): Promise<ChannelInfo> {
  const now = String(Date.now());
  const form = new URLSearchParams({
    uid: String(request.uid),
    appkey: request.appKey,
    permKeySecret: "",
    channelName: request.channelName,
    secureType: "1",
    osType: "4",
    mode: "2",
    netType: "0",
    version: "5.8.34.0",
    curtime: now,
    checksum: request.rtcToken,
    webrtc: "1",
    nrtcg2: "1",
    t1: now,
  });
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  try {
    // No header of our own: it would cost a preflight, one more round trip before anything is heard.
    const response = await fetch(request.url, { method: "POST", body: form, signal: abort.signal, credentials: "omit" });
    return readChannelInfo(response.status, await response.text());
  } catch (cause) {
    if (cause instanceof RoomKitError) throw cause;
    throw new RoomKitError(CODE_GENERAL, "channel info cannot be reached");
  } finally {
    clearTimeout(timer);
  }
}

export function readChannelInfo(status: number, text: string): ChannelInfo {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    answer = undefined;
  }
  if (!isRecord(answer)) throw new RoomKitError(status, `channel info: HTTP ${status} without a readable answer`);
  const code = Number(answer.code);
  if (code !== 200) {
    const why = answer.desc ?? answer.errmsg;
    throw new RoomKitError(
      Number.isFinite(code) ? code : CODE_GENERAL,
      `channel info: ${typeof why === "string" ? why : "refused"}`,
    );
  }
  const ips = isRecord(answer.ips) ? answer.ips : {};
  const list: unknown = ips.webrtcarray;
  const addresses = Array.isArray(list) ? list.filter((a): a is string => typeof a === "string" && a !== "") : [];
  const cid = Number(answer.cid);
  const token = answer.token;
  if (!Number.isSafeInteger(cid) || typeof token !== "string" || addresses.length === 0) {
    throw new RoomKitError(CODE_GENERAL, "channel info lacks cid, token or addresses");
  }
  return { cid, token, addresses };
}
