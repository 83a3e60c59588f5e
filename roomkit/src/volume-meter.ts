import type { NEVolume } from "./types";

/** Five times a second, as apps expect of `onRtcAudioVolumeIndication`. */
const PERIOD_MS = 200;
/** Below this (of 100) a member counts as silent and is left out. */
const SILENT = 1;

export interface MeteredSource {
  userUuid: string;
  /** 0 to 1, undefined when nothing is known. */
  level(): Promise<number | undefined>;
}

/** Who speaks how loud. No message of the wire carries it: this client measures what it sends and plays. */
export class VolumeMeter {
  readonly #sources: () => MeteredSource[];
  readonly #report: (list: NEVolume[]) => void;
  #timer: ReturnType<typeof setInterval> | undefined;
  #busy = false;

  constructor(sources: () => MeteredSource[], report: (list: NEVolume[]) => void) {
    this.#sources = sources;
    this.#report = report;
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      if (this.#busy) return;
      this.#busy = true;
      void this.#measure().finally(() => {
        this.#busy = false;
      });
    }, PERIOD_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #measure(): Promise<void> {
    const sources = this.#sources();
    // Nobody has a microphone open: nothing to say, not even "all silent".
    if (sources.length === 0) return;
    const levels = await Promise.all(sources.map((source) => source.level().catch(() => undefined)));
    if (this.#timer === undefined) return;
    this.#report(volumes(sources.map((source, i) => ({ userUuid: source.userUuid, level: levels[i] }))));
  }
}

/** Levels 0..1 to volumes 0..100, the silent left out, one entry per member (the louder source counts). */
export function volumes(levels: { userUuid: string; level: number | undefined }[]): NEVolume[] {
  const loudest = new Map<string, number>();
  for (const { userUuid, level } of levels) {
    if (userUuid === "" || level === undefined) continue;
    const volume = Math.min(100, Math.round(level * 100));
    if (volume >= SILENT) loudest.set(userUuid, Math.max(volume, loudest.get(userUuid) ?? 0));
  }
  return [...loudest].map(([userUuid, volume]) => ({ userUuid, volume }));
}

/** Level of a received track: from the packets' audio level where the browser tells, else from its statistics. */
export async function receivedLevel(receiver: RTCRtpReceiver): Promise<number | undefined> {
  const [source] = receiver.getSynchronizationSources();
  if (source?.audioLevel !== undefined) {
    // A source that has stopped sending keeps its last level for a while.
    const age = performance.timeOrigin + performance.now() - absolute(source.timestamp);
    return age > 2 * PERIOD_MS ? 0 : source.audioLevel;
  }
  return levelIn(await receiver.getStats(), "inbound-rtp");
}

/** Level of the microphone as it is sent. */
export async function sentLevel(sender: RTCRtpSender): Promise<number | undefined> {
  return levelIn(await sender.getStats(), "media-source");
}

/** Browsers differ: epoch milliseconds, or milliseconds since the page's time origin. */
function absolute(timestamp: number): number {
  return timestamp > 1e12 ? timestamp : performance.timeOrigin + timestamp;
}

function levelIn(report: RTCStatsReport, type: string): number | undefined {
  let level: number | undefined;
  report.forEach((stats: { type: string; audioLevel?: number }) => {
    if (stats.type === type && stats.audioLevel !== undefined) level = stats.audioLevel;
  });
  return level;
}
