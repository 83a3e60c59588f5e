import type { NEVolume } from "./types";

/** Five times a second, as apps expect of `onRtcAudioVolumeIndication`. */
const PERIOD_MS = 200;
/**
 * Between two looks at what is received: the browser tells the level of the newest packet only. Packets carry 20 ms, so
 * every second one is seen; one look per period would see a tenth, and of a sound with a beat always the same tenth.
 * A look costs about 15 µs a member.
 */
const LOOK_MS = 40;
/** Below this (of 100) a member counts as silent and is left out. */
const SILENT = 1;

export interface MeteredSource {
  userUuid: string;
  /** 0 to 1 now, looked at several times in each period; undefined when nothing is known. */
  now?: () => number | undefined;
  /** 0 to 1 over the period, for what no look has told; undefined when nothing is known. */
  level(): Promise<number | undefined>;
}

/** Who speaks how loud. No message of the wire carries it: this client measures what it sends and plays. */
export class VolumeMeter {
  readonly #sources: () => MeteredSource[];
  readonly #report: (list: NEVolume[]) => void;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** When the next report is due, in ms of the page's clock: a hidden page gets fewer looks, not fewer reports. */
  #due = 0;
  #busy = false;
  /** The loudest of the looks since the last report, by member. */
  #peaks = new Map<string, number>();

  constructor(sources: () => MeteredSource[], report: (list: NEVolume[]) => void) {
    this.#sources = sources;
    this.#report = report;
  }

  start(): void {
    if (this.#timer !== undefined) return;
    this.#due = performance.now() + PERIOD_MS;
    this.#timer = setInterval(() => {
      const sources = this.#sources();
      this.#look(sources);
      const now = performance.now();
      if (now + LOOK_MS / 2 < this.#due || this.#busy) return;
      this.#due = Math.max(this.#due, now - LOOK_MS) + PERIOD_MS;
      this.#busy = true;
      void this.#measure(sources).finally(() => {
        this.#busy = false;
      });
    }, LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#peaks.clear();
  }

  #look(sources: MeteredSource[]): void {
    for (const { userUuid, now } of sources) {
      const level = now?.();
      if (level !== undefined) this.#peaks.set(userUuid, Math.max(level, this.#peaks.get(userUuid) ?? 0));
    }
  }

  async #measure(sources: MeteredSource[]): Promise<void> {
    const peaks = this.#peaks;
    this.#peaks = new Map();
    // Nobody has a microphone open: nothing to say, not even "all silent".
    if (sources.length === 0) return;
    const levels = await Promise.all(
      sources.map(async (source) => peaks.get(source.userUuid) ?? source.level().catch(() => undefined)),
    );
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

/** Level of the newest packet of a received track, where the browser tells it. */
export function receivedNow(receiver: RTCRtpReceiver): number | undefined {
  const [source] = receiver.getSynchronizationSources();
  if (source?.audioLevel === undefined) return undefined;
  // A source that has stopped sending keeps its last level for a while.
  const age = performance.timeOrigin + performance.now() - absolute(source.timestamp);
  return age > 2 * PERIOD_MS ? 0 : source.audioLevel;
}

/** Level of a received track from the statistics, for the other browsers. */
export async function receivedLevel(receiver: RTCRtpReceiver): Promise<number | undefined> {
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
