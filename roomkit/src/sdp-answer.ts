import { RemoteAnswerMediaSection } from "mediasoup-client/handlers/sdp/RemoteMediaSection";
import { extractDtlsParameters, extractRtpCapabilities, getCname } from "mediasoup-client/handlers/sdp/commonUtils";
import { getRtpEncodings } from "mediasoup-client/handlers/sdp/unifiedPlanUtils";
import { addNackSupportForOpus } from "mediasoup-client/handlers/ortc/utils";
import * as ortc from "mediasoup-client/ortc";
import type {
  DtlsParameters,
  IceCandidate,
  IceParameters,
  MediaKind,
  ProducerCodecOptions,
  RtpCapabilities,
  RtpParameters,
} from "mediasoup-client/types";
import * as sdpTransform from "sdp-transform";
import { CODE_GENERAL, RoomKitError } from "./errors";

export type { DtlsParameters, MediaKind, RtpCapabilities, RtpParameters };
export type CodecOptions = ProducerCodecOptions;
type Offer = sdpTransform.SessionDescription;
type Section = Offer["media"][number];

/** What the first `Produce` or `Consume` of a transport answers. */
export interface RemoteTransport {
  transportId: string;
  iceParameters: IceParameters;
  iceCandidates: IceCandidate[];
  dtlsParameters: DtlsParameters;
}

/** What this side puts into that first request. */
export interface LocalTransport {
  iceUfrag: string;
  dtlsParameters: DtlsParameters;
}

export function parseOffer(sdp: string): Offer {
  return sdpTransform.parse(sdp);
}

export function sectionOf(offer: Offer, mid: string): Section {
  const section = offer.media.find((m) => String(m.mid) === mid);
  if (section === undefined) throw new RoomKitError(CODE_GENERAL, `the offer has no section with mid ${mid}`);
  return section;
}

/** The server starts DTLS, so this side is always its server. */
export function localTransport(offer: Offer): LocalTransport {
  const ufrag = offer.iceUfrag ?? offer.media.find((m) => m.iceUfrag !== undefined)?.iceUfrag;
  if (ufrag === undefined) throw new RoomKitError(CODE_GENERAL, "the offer has no ICE user fragment");
  const { fingerprints } = extractDtlsParameters({ sdpObject: offer });
  return { iceUfrag: ufrag, dtlsParameters: { role: "server", fingerprints } };
}

/**
 * What the offer says for one kind. Audio and video share extension ids, and the library keeps one extension per id, so
 * that with both kinds at once audio would lose those it shares with video.
 */
function localCapabilities(offer: Offer, kind: MediaKind): RtpCapabilities {
  const sdpObject = { ...offer, media: offer.media.filter((m) => m.type === kind) };
  const capabilities = extractRtpCapabilities({ sdpObject });
  ortc.validateAndNormalizeRtpCapabilities(capabilities);
  // Browsers send lost sound again when an answer asks for it, but do not offer it.
  addNackSupportForOpus(capabilities);
  return capabilities;
}

function remoteCapabilities(edge: RtpCapabilities): RtpCapabilities {
  const capabilities = structuredClone(edge);
  ortc.validateAndNormalizeRtpCapabilities(capabilities);
  return capabilities;
}

/** The same capabilities with one video codec before the others; unchanged when there is none of this name. */
export function preferCodec(edge: RtpCapabilities, codec: string | undefined): RtpCapabilities {
  const codecs = edge.codecs ?? [];
  const mimeType = `video/${codec ?? ""}`.toLowerCase();
  const first = codecs.filter((c) => c.mimeType.toLowerCase() === mimeType);
  return { ...edge, codecs: [...first, ...codecs.filter((c) => !first.includes(c))] };
}

const RTP_STREAM_ID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";

/** Whether the server tells the streams of a simulcast section by what packets say, as browsers send them. */
export function readsRids(edge: RtpCapabilities): boolean {
  return edge.headerExtensions?.some((e) => e.kind === "video" && e.uri === RTP_STREAM_ID) ?? false;
}

export interface SendParameters {
  /** For `Produce`. */
  sending: RtpParameters;
  /** For the answer. */
  answer: RtpParameters;
}

/** What one section of our offer sends, in the first codec the server prefers. */
export function sendParameters(offer: Offer, mid: string, kind: MediaKind, edge: RtpCapabilities): SendParameters {
  const extended = ortc.getExtendedRtpCapabilities(localCapabilities(offer, kind), remoteCapabilities(edge), false);
  const sending = ortc.getSendingRtpParameters(kind, extended);
  const answer = ortc.getSendingRemoteRtpParameters(kind, extended);
  if (sending.codecs.length === 0) throw new RoomKitError(CODE_GENERAL, `no ${kind} codec is shared with the server`);
  sending.codecs = ortc.reduceCodecs(sending.codecs);
  answer.codecs = ortc.reduceCodecs(answer.codecs);
  const section = sectionOf(offer, mid);
  sending.mid = mid;
  sending.rtcp = { cname: getCname({ offerMediaObject: section }), reducedSize: true };
  const rids = simulcastRids(section);
  sending.encodings =
    rids.length > 0
      ? rids.map((rid) => ({ rid }))
      : getRtpEncodings({ offerMediaObject: section, codecs: sending.codecs });
  return { sending, answer };
}

/** The streams of a simulcast section in the order of its encodings. The offer lists no SSRC for them: packets tell. */
function simulcastRids(section: Section): string[] {
  if (section.simulcast?.dir1 !== "send") return [];
  const streams = sdpTransform.parseSimulcastStreamList(section.simulcast.list1);
  return streams.flatMap(([first]) => (first === undefined ? [] : [String(first.scid)]));
}

/**
 * What this browser can receive of what the server has, with the browser's own payload types and extension ids: the
 * server must send with those, since they are what the offer says. Swapping the sides makes `ortc` count from here.
 */
export function receiveCapabilities(offer: Offer, kind: MediaKind, edge: RtpCapabilities): RtpCapabilities {
  const extended = ortc.getExtendedRtpCapabilities(remoteCapabilities(edge), localCapabilities(offer, kind), false);
  return ortc.getRecvRtpCapabilities(extended);
}

export type AnswerSection = Section;

/** The server's half of a section that this side sends on. */
export function sendAnswer(
  remote: RemoteTransport,
  offer: Offer,
  mid: string,
  parameters: SendParameters,
  codecOptions: CodecOptions,
): AnswerSection {
  return new RemoteAnswerMediaSection({
    ...transportFields(remote),
    offerMediaObject: sectionOf(offer, mid),
    offerRtpParameters: parameters.sending,
    answerRtpParameters: parameters.answer,
    codecOptions: { opusNack: true, ...codecOptions },
  }).getObject();
}

/** The server's half of a section that this side receives on: its own streams, with their SSRCs. */
export function receiveAnswer(
  remote: RemoteTransport,
  offer: Offer,
  mid: string,
  parameters: RtpParameters,
  streamId: string,
): AnswerSection {
  const rtp = structuredClone(parameters);
  ortc.validateAndNormalizeRtpParameters(rtp);
  const section = new RemoteAnswerMediaSection({
    ...transportFields(remote),
    offerMediaObject: sectionOf(offer, mid),
    offerRtpParameters: rtp,
    answerRtpParameters: rtp,
  }).getObject();
  const encoding = rtp.encodings?.[0];
  const cname = rtp.rtcp?.cname ?? streamId;
  const ssrcs = [encoding?.ssrc, encoding?.rtx?.ssrc].filter((s): s is number => typeof s === "number");
  section.direction = "sendonly";
  section.ssrcs = ssrcs.flatMap((id) => [
    { id, attribute: "cname", value: cname },
    { id, attribute: "msid", value: `${streamId} ${streamId}-${mid}` },
  ]);
  if (ssrcs.length === 2) section.ssrcGroups = [{ semantics: "FID", ssrcs: ssrcs.join(" ") }];
  return section;
}

/** A section nobody uses at the moment; it stays in the bundle so that it can be used again. */
export function idleAnswer(remote: RemoteTransport, offer: Offer, mid: string): AnswerSection {
  const offered = sectionOf(offer, mid);
  const kind = offered.type as MediaKind;
  const codec = localCapabilities(offer, kind).codecs?.find((c) => !c.mimeType.endsWith("/rtx"));
  if (codec?.preferredPayloadType === undefined) throw new RoomKitError(CODE_GENERAL, `no ${kind} codec is offered`);
  const rtp: RtpParameters = {
    codecs: [
      {
        mimeType: codec.mimeType,
        clockRate: codec.clockRate,
        payloadType: codec.preferredPayloadType,
        parameters: codec.parameters ?? {},
        rtcpFeedback: [],
        ...(codec.channels === undefined ? {} : { channels: codec.channels }),
      },
    ],
    headerExtensions: [],
    encodings: [],
    rtcp: {},
  };
  const section = new RemoteAnswerMediaSection({
    ...transportFields(remote),
    offerMediaObject: offered,
    offerRtpParameters: rtp,
    answerRtpParameters: rtp,
  }).getObject();
  section.direction = "inactive";
  return section;
}

/** The whole answer: one section for each of the offer's, in its order, all in one bundle. */
export function answerSdp(
  remote: RemoteTransport,
  offer: Offer,
  sections: ReadonlyMap<string, AnswerSection>,
  version: number,
): string {
  const media = offer.media.map((offered) => {
    const mid = String(offered.mid);
    const section = sections.get(mid) ?? idleAnswer(remote, offer, mid);
    if (offered.direction === "inactive") section.direction = "inactive";
    return section;
  });
  const fingerprint = remote.dtlsParameters.fingerprints.at(-1);
  if (fingerprint === undefined) throw new RoomKitError(CODE_GENERAL, "the server gave no DTLS fingerprint");
  return sdpTransform.write({
    version: 0,
    origin: {
      username: "rotunda",
      sessionId: 10000,
      sessionVersion: version,
      netType: "IN",
      ipVer: 4,
      address: "0.0.0.0",
    },
    name: "-",
    timing: { start: 0, stop: 0 },
    icelite: "ice-lite",
    fingerprint: { type: fingerprint.algorithm, hash: fingerprint.value },
    msidSemantic: { semantic: "WMS", token: "*" },
    groups: [{ type: "BUNDLE", mids: media.map((m) => String(m.mid)).join(" ") }],
    ...(offer.extmapAllowMixed === undefined ? {} : { extmapAllowMixed: "extmap-allow-mixed" }),
    media,
  });
}

function transportFields(remote: RemoteTransport): {
  iceParameters: IceParameters;
  iceCandidates: IceCandidate[];
  dtlsParameters: DtlsParameters;
} {
  return {
    iceParameters: remote.iceParameters,
    iceCandidates: remote.iceCandidates,
    dtlsParameters: { role: "client", fingerprints: remote.dtlsParameters.fingerprints },
  };
}
