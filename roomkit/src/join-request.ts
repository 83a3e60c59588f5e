import type { ChannelInfoRequest } from "./channel-info";
import type { SignalData } from "./signalling-client";
import { VERSION } from "./version";

/** VP8 in the engine's numbering (0 H264, 1 H265, 2 VP8). */
const CODECS = '{"256":[0,2]}';
/** `platformType` of a web client. */
const PLATFORM_WEB = 16;

/** `Join`, as nertc-web-sdk 4.6.50 to 5.8.34 send it; `engineVersion` tells our kit from the engine. */
export function joinRequest(request: ChannelInfoRequest, sessionToken: string): SignalData {
  return {
    permKeySecret: "",
    supportStdRed: false,
    supportTurn: false,
    externData: {
      userName: String(request.uid),
      token: sessionToken,
      cname: request.channelName,
      subType: "select",
      role: "part",
      version: "2.0",
      sessionMode: "meeting",
      engineVersion: `rotunda-${VERSION}`,
      userRole: 0,
      userType: 3,
      platformType: PLATFORM_WEB,
      mediaCapabilitySet: CODECS,
      browser: browser(navigator.userAgent),
      customData: "",
      gmEnable: false,
      customEncryption: false,
      userPriority: null,
    },
  };
}

/** The server chooses SRTP profiles by this. */
export function browser(userAgent: string): { name: string; version: string } {
  const known: [string, RegExp][] = [
    ["Edge", /\bEdg\/([\d.]+)/],
    ["Chrome", /\b(?:Headless)?Chrom(?:e|ium)\/([\d.]+)/],
    ["Firefox", /\bFirefox\/([\d.]+)/],
    ["Safari", /\bVersion\/([\d.]+).*\bSafari\//],
  ];
  for (const [name, pattern] of known) {
    const version = pattern.exec(userAgent)?.[1];
    if (version !== undefined) return { name, version };
  }
  return { name: "unknown", version: "0" };
}
