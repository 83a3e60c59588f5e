import type { Consumer } from "./receive-transport";
import type { MediaType } from "./send-transport";
import type { NELocalStats, NERemoteStats, NERtcTransportStats } from "./types";

type Entry = Record<string, unknown> & { id: string; type: string };

const NAMES = { audio: "audio", video: "video", screenShare: "screen", subAudio: "subAudio" } as const;

/** Numbers of one published source. */
export async function localStats(mediaType: MediaType, sender: RTCRtpSender): Promise<NELocalStats> {
  const entries = all(await sender.getStats());
  const outbound = entries.filter((e) => e.type === "outbound-rtp");
  const source = entries.find((e) => e.type === "media-source");
  const first = outbound[0];
  return {
    mediaType: NAMES[mediaType],
    bytesSent: sum(outbound, "bytesSent"),
    packetsSent: sum(outbound, "packetsSent"),
    codec: codec(entries, first),
    ...optional(source, ["audioLevel", "totalAudioEnergy"]),
    ...optional(first, ["framesEncoded", "frameWidth", "frameHeight"]),
  };
}

/** Numbers of one received stream. */
export async function remoteStats(consumer: Consumer, userUuid: string): Promise<NERemoteStats> {
  const entries = all(await consumer.transceiver.receiver.getStats());
  const inbound = entries.find((e) => e.type === "inbound-rtp");
  return {
    userUuid,
    mediaType: NAMES[consumer.mediaType],
    bytesReceived: number(inbound, "bytesReceived"),
    packetsReceived: number(inbound, "packetsReceived"),
    packetsLost: number(inbound, "packetsLost"),
    jitter: number(inbound, "jitter"),
    codec: codec(entries, inbound),
    ...optional(inbound, [
      "audioLevel",
      "totalAudioEnergy",
      "totalSamplesDuration",
      "framesDecoded",
      "framesDropped",
      "freezeCount",
      "frameWidth",
      "frameHeight",
    ]),
  };
}

/** The connection itself. */
export async function transportStats(pc: RTCPeerConnection | undefined): Promise<NERtcTransportStats | undefined> {
  if (pc === undefined) return undefined;
  const entries = all(await pc.getStats());
  const transport = entries.find((e) => e.type === "transport");
  const pair = entries.find((e) => e.type === "candidate-pair" && e.id === transport?.selectedCandidatePairId);
  return {
    state: pc.connectionState,
    roundTripTime: typeof pair?.currentRoundTripTime === "number" ? pair.currentRoundTripTime : undefined,
    bytesSent: number(transport, "bytesSent"),
    bytesReceived: number(transport, "bytesReceived"),
    srtpCipher: text(transport, "srtpCipher"),
    dtlsState: text(transport, "dtlsState"),
  };
}

function all(report: RTCStatsReport): Entry[] {
  const entries: Entry[] = [];
  report.forEach((entry: Entry) => entries.push(entry));
  return entries;
}

function number(entry: Entry | undefined, key: string): number {
  const value = entry?.[key];
  return typeof value === "number" ? value : 0;
}

function text(entry: Entry | undefined, key: string): string | undefined {
  const value = entry?.[key];
  return typeof value === "string" ? value : undefined;
}

function sum(entries: Entry[], key: string): number {
  return entries.reduce((total, entry) => total + number(entry, key), 0);
}

function codec(entries: Entry[], stream: Entry | undefined): string | undefined {
  return text(
    entries.find((e) => e.type === "codec" && e.id === stream?.codecId),
    "mimeType",
  );
}

function optional<K extends string>(entry: Entry | undefined, keys: readonly K[]): Partial<Record<K, number>> {
  const found: Partial<Record<K, number>> = {};
  for (const key of keys) if (typeof entry?.[key] === "number") found[key] = entry[key];
  return found;
}
