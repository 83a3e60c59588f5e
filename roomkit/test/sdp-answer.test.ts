import { readFileSync } from "node:fs";
import * as sdpTransform from "sdp-transform";
import { describe, expect, it } from "vitest";
import {
  answerSdp,
  type AnswerSection,
  localTransport,
  parseOffer,
  preferCodec,
  readsRids,
  receiveAnswer,
  receiveCapabilities,
  type RemoteTransport,
  type RtpCapabilities,
  sendAnswer,
  sendParameters,
} from "../src/sdp-answer";

const fixture = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8");
const sendOffer = parseOffer(fixture("chromium-send-offer.sdp"));
const simulcastOffer = parseOffer(fixture("chromium-simulcast-offer.sdp"));
const receiveOffer = parseOffer(fixture("chromium-receive-offer.sdp"));

const edge: RtpCapabilities = {
  codecs: [
    { kind: "audio", mimeType: "audio/opus", preferredPayloadType: 100, clockRate: 48000, channels: 2, parameters: { minptime: 10, useinbandfec: 1 }, rtcpFeedback: [{ type: "nack" }] },
    { kind: "video", mimeType: "video/VP8", preferredPayloadType: 101, clockRate: 90000, rtcpFeedback: [{ type: "nack" }, { type: "nack", parameter: "pli" }] },
    { kind: "video", mimeType: "video/rtx", preferredPayloadType: 102, clockRate: 90000, parameters: { apt: 101 }, rtcpFeedback: [] },
  ],
  headerExtensions: [
    { kind: "audio", uri: "urn:ietf:params:rtp-hdrext:sdes:mid", preferredId: 1 },
    { kind: "video", uri: "urn:ietf:params:rtp-hdrext:sdes:mid", preferredId: 1 },
    { kind: "audio", uri: "urn:ietf:params:rtp-hdrext:ssrc-audio-level", preferredId: 10 },
  ],
};
const remote: RemoteTransport = {
  transportId: "t1",
  iceParameters: { usernameFragment: "abcd", password: "p".repeat(24), iceLite: true },
  // The wire says `ip`; the library also knows the newer name.
  iceCandidates: [{ foundation: "udp", address: "127.0.0.1", port: 8443, priority: 1, protocol: "udp", type: "host" } as RemoteTransport["iceCandidates"][number]],
  dtlsParameters: { role: "auto", fingerprints: [{ algorithm: "sha-256", value: "AB:CD" }] },
};

describe("SDP of a sending transport", () => {
  it("gives the server ufrag and fingerprint, and keeps the DTLS server's role here", () => {
    const local = localTransport(sendOffer);
    expect(local.iceUfrag).toBe(sendOffer.media[0]?.iceUfrag);
    expect(local.dtlsParameters.role).toBe("server");
    expect(local.dtlsParameters.fingerprints).toHaveLength(1);
  });

  it("sends lost sound again when the server asks", () => {
    const parameters = sendParameters(sendOffer, "0", "audio", edge);
    expect(parameters.sending.codecs[0]?.rtcpFeedback).toContainEqual({ type: "nack", parameter: "" });
    const section = sendAnswer(remote, sendOffer, "0", parameters, {});
    expect(section.rtcpFb?.map((f) => [f.payload, f.type])).toContainEqual([111, "nack"]);
  });

  it("offers audio with the browser's own numbers, one codec, its SSRC and cname", () => {
    const { sending } = sendParameters(sendOffer, "0", "audio", edge);
    expect(sending.codecs.map((c) => [c.mimeType, c.payloadType])).toEqual([["audio/opus", 111]]);
    const ssrc = sendOffer.media[0]?.ssrcs?.[0];
    expect(sending.encodings).toEqual([{ ssrc: ssrc?.id }]);
    expect(sending.mid).toBe("0");
    expect(sending.rtcp?.cname).not.toBe("");
    expect(sending.headerExtensions?.map((e) => e.uri)).toEqual([
      "urn:ietf:params:rtp-hdrext:sdes:mid",
      "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    ]);
  });

  it("offers video in the first codec of the server, with its retransmission", () => {
    const { sending } = sendParameters(sendOffer, "1", "video", edge);
    expect(sending.codecs.map((c) => c.mimeType)).toEqual(["video/VP8", "video/rtx"]);
    expect(sending.encodings?.[0]?.rtx?.ssrc).toBeTypeOf("number");
  });

  it("tells the browser of ways over TCP", () => {
    const ip = "127.0.0.1";
    const wire: unknown[] = [
      { foundation: "udp0", ip, port: 8443, priority: 2, protocol: "udp", type: "host" },
      { foundation: "tcp0", ip, port: 8443, priority: 1, protocol: "tcp", type: "host", tcpType: "passive" },
    ];
    const over = { ...remote, iceCandidates: wire as RemoteTransport["iceCandidates"] };
    const section = sendAnswer(over, sendOffer, "0", sendParameters(sendOffer, "0", "audio", edge), {});
    const answer = answerSdp(over, sendOffer, new Map([["0", section]]), 3);
    expect(answer).toMatch(/^a=candidate:udp0 1 udp 2 127\.0\.0\.1 8443 typ host\r$/m);
    expect(answer).toMatch(/^a=candidate:tcp0 1 tcp 1 127\.0\.0\.1 8443 typ host tcptype passive\r$/m);
  });

  it("answers as an ICE-lite DTLS client in one bundle, in the order of the offer", () => {
    const sections = new Map<string, AnswerSection>();
    for (const [mid, kind] of [["0", "audio"], ["1", "video"]] as const) {
      sections.set(mid, sendAnswer(remote, sendOffer, mid, sendParameters(sendOffer, mid, kind, edge), {}));
    }
    const answer = sdpTransform.parse(answerSdp(remote, sendOffer, sections, 3));
    expect(answer.icelite).toBe("ice-lite");
    expect(answer.groups).toEqual([{ type: "BUNDLE", mids: "0 1" }]);
    expect(answer.fingerprint).toEqual({ type: "sha-256", hash: "AB:CD" });
    for (const media of answer.media) {
      expect(media).toMatchObject({ setup: "active", direction: "recvonly", iceUfrag: "abcd", port: 7, rtcpMux: "rtcp-mux" });
      expect(media.candidates?.[0]).toMatchObject({ ip: "127.0.0.1", port: 8443, transport: "udp" });
    }
    expect(answer.media[0]?.payloads).toBe(111);
  });

  it("never answers a section as used that the offer has as inactive", () => {
    const offer = structuredClone(sendOffer);
    const sections = new Map([["0", sendAnswer(remote, offer, "0", sendParameters(offer, "0", "audio", edge), {})]]);
    for (const media of offer.media) media.direction = "inactive";
    const answer = sdpTransform.parse(answerSdp(remote, offer, sections, 0));
    expect(answer.media.map((m) => m.direction)).toEqual(["inactive", "inactive"]);
    expect(answer.media.map((m) => m.port)).toEqual([7, 7].map(() => expect.any(Number) as number));
    expect(answer.media.every((m) => m.port !== 0)).toBe(true);
  });

  it("refuses a server with which no codec is shared", () => {
    expect(() => sendParameters(sendOffer, "1", "video", { codecs: edge.codecs?.slice(0, 1) ?? [] })).toThrow(/no video codec/);
  });
});

describe("SDP of a picture in layers", () => {
  const named: RtpCapabilities = {
    codecs: [
      ...(edge.codecs ?? []),
      { kind: "video", mimeType: "video/AV1", preferredPayloadType: 45, clockRate: 90000, parameters: { profile: 0 }, rtcpFeedback: [] },
      { kind: "video", mimeType: "video/rtx", preferredPayloadType: 46, clockRate: 90000, parameters: { apt: 45 }, rtcpFeedback: [] },
    ],
    headerExtensions: [
      ...(edge.headerExtensions ?? []),
      { kind: "video", uri: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", preferredId: 10, direction: "recvonly" },
      { kind: "video", uri: "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id", preferredId: 11, direction: "recvonly" },
    ],
  };

  it("names the streams by rid, the lowest first, and the extensions that carry the names", () => {
    const { sending } = sendParameters(simulcastOffer, "0", "video", named);
    expect(sending.encodings).toEqual([{ rid: "l" }, { rid: "h" }]);
    expect(sending.headerExtensions?.map((e) => e.uri.replace(/.*:/, ""))).toEqual(["mid", "rtp-stream-id", "repaired-rtp-stream-id"]);
    expect(sending.mid).toBe("0");
  });

  it("is answered with the same streams to receive", () => {
    const section = sendAnswer(remote, simulcastOffer, "0", sendParameters(simulcastOffer, "0", "video", named), {});
    expect(section.simulcast).toMatchObject({ dir1: "recv", list1: "l;h" });
    expect(section.rids?.map((r) => [String(r.id), r.direction])).toEqual([["l", "recv"], ["h", "recv"]]);
  });

  it("is sent only to a server that reads the names", () => {
    expect([readsRids(edge), readsRids(named)]).toEqual([false, true]);
  });

  it("takes another codec first when it is wanted and there", () => {
    const first = (codec?: string): string | undefined => sendParameters(sendOffer, "1", "video", preferCodec(named, codec)).sending.codecs[0]?.mimeType;
    expect([first(), first("AV1"), first("av1"), first("VP9")]).toEqual(["video/VP8", "video/AV1", "video/AV1", "video/VP8"]);
    const { codecs } = sendParameters(sendOffer, "1", "video", preferCodec(named, "AV1")).sending;
    expect(codecs[1]?.parameters).toEqual({ apt: codecs[0]?.payloadType });
  });
});

describe("SDP of a receiving transport", () => {
  it("asks with the browser's payload types and extension ids, not the server's", () => {
    const audio = receiveCapabilities(receiveOffer, "audio", edge);
    const opus = audio.codecs?.find((c) => c.mimeType === "audio/opus");
    const capabilities = receiveCapabilities(receiveOffer, "video", edge);
    const vp8 = capabilities.codecs?.find((c) => c.mimeType === "video/VP8");
    const rtx = capabilities.codecs?.find((c) => c.mimeType === "video/rtx");
    expect(opus?.preferredPayloadType).toBe(111);
    expect(vp8?.preferredPayloadType).toBe(96);
    expect(rtx?.parameters).toEqual({ apt: 96 });
    const mid = receiveOffer.media[0]?.ext?.find((e) => e.uri.endsWith("sdes:mid"))?.value;
    for (const { headerExtensions } of [audio, capabilities]) {
      expect(headerExtensions?.find((e) => e.uri.endsWith("sdes:mid"))?.preferredId).toBe(mid);
    }
  });

  it("writes the server's streams into the answer", () => {
    const section = receiveAnswer(
      remote,
      receiveOffer,
      "1",
      {
        mid: "1",
        codecs: [
          { mimeType: "video/VP8", payloadType: 96, clockRate: 90000, parameters: {}, rtcpFeedback: [{ type: "nack" }] },
          { mimeType: "video/rtx", payloadType: 97, clockRate: 90000, parameters: { apt: 96 }, rtcpFeedback: [] },
        ],
        headerExtensions: [],
        encodings: [{ ssrc: 1234, rtx: { ssrc: 1235 } }],
        rtcp: { cname: "cn" },
      },
      "77-p1",
    );
    expect(section).toMatchObject({ direction: "sendonly", setup: "active", payloads: "96 97" });
    expect(section.ssrcGroups).toEqual([{ semantics: "FID", ssrcs: "1234 1235" }]);
    expect(section.ssrcs?.filter((s) => s.attribute === "cname").map((s) => [s.id, s.value])).toEqual([[1234, "cn"], [1235, "cn"]]);
    // The sections nobody consumes stay in the bundle.
    const answer = sdpTransform.parse(answerSdp(remote, receiveOffer, new Map([["1", section]]), 0));
    expect(answer.media.map((m) => m.direction)).toEqual(["inactive", "sendonly"]);
  });
});
