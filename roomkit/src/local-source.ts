import { background, CODE_GENERAL, RoomKitError } from "./errors";
import type { RtcSession } from "./rtc-session";
import type { ProduceOptions } from "./send-transport";
import { SerialQueue } from "./serial-queue";
import type { Source } from "./wire";

export interface LocalSourceHost {
  /** Rejects with "not join rtc" when there is none. */
  rtc(): RtcSession;
  isOn(source: Source): boolean;
  /** Counts what the server said about this source of mine. */
  revision(source: Source): number;
  tell(source: Source, on: boolean): Promise<void>;
  /** Waits for the push of an operation that succeeded; when it does not come, the state is set here. */
  settle(source: Source, on: boolean, revision: number): Promise<void>;
  /** What the local view may show changed. */
  changed(): void;
}

type Opened = Omit<ProduceOptions, "mediaType">;

/**
 * My microphone or camera. "On" opens the device, then tells the server; any failure closes the device and leaves the
 * state as it was. "Off" really stops the device. The producer stays while off, so that "on" again is one request.
 */
export class LocalSource {
  readonly source: "audio" | "video";
  readonly #open: (deviceId?: string) => Promise<Opened>;
  readonly #host: LocalSourceHost;
  readonly #queue = new SerialQueue();
  #track: MediaStreamTrack | undefined;
  #closed = false;

  constructor(source: "audio" | "video", open: (deviceId?: string) => Promise<Opened>, host: LocalSourceHost) {
    this.source = source;
    this.#open = open;
    this.#host = host;
  }

  get track(): MediaStreamTrack | undefined {
    return this.#track;
  }

  on(): Promise<void> {
    return this.#queue.run(() => this.#on());
  }

  /** The device stops at once, whatever else is still under way. */
  off(): Promise<void> {
    this.#stop();
    return this.#queue.run(() => this.#off());
  }

  /** The server has set it off. */
  forcedOff(): void {
    this.#stop();
  }

  /** A moderator has set it on: open the device, or say that it is off after all. */
  forcedOn(): void {
    background(`open the ${this.source} for a moderator`, () =>
      this.#queue.run(async () => {
        if (!this.#host.isOn(this.source) || this.#track !== undefined) return;
        try {
          await this.#on();
        } catch (cause) {
          await this.#off();
          throw cause;
        }
      }),
    );
  }

  /** Another device; takes effect at once when it is open. The old one stays when the new one fails. */
  switchTo(deviceId: string): Promise<void> {
    return this.#queue.run(async () => {
      if (this.#track === undefined) return;
      const { track } = await this.#open(deviceId);
      if (this.#gone()) {
        track.stop();
        return;
      }
      const before = this.#track;
      this.#use(track);
      await this.#host.rtc().replaceTrack(this.source, track);
      before.onended = null;
      before.stop();
    });
  }

  /** For good. */
  close(): void {
    this.#closed = true;
    this.#stop();
  }

  async #on(): Promise<void> {
    const host = this.#host;
    const rtc = host.rtc();
    if (this.#track !== undefined && host.isOn(this.source)) return;
    const opened = await this.#open();
    const revision = host.revision(this.source);
    this.#use(opened.track);
    try {
      if (this.#gone()) throw new RoomKitError(CODE_GENERAL, "not join rtc");
      if (rtc.has(this.source)) {
        await rtc.replaceTrack(this.source, opened.track);
        await host.tell(this.source, true);
      } else {
        await rtc.publish({ ...opened, mediaType: this.source });
        if (rtc.recovering && !host.isOn(this.source)) await host.tell(this.source, true);
      }
      await host.settle(this.source, true, revision);
    } catch (cause) {
      this.#stop();
      throw cause;
    }
    // Someone set it off again while this was under way.
    if (this.#gone() || !host.isOn(this.source)) this.#stop();
  }

  async #off(): Promise<void> {
    const host = this.#host;
    this.#stop();
    const rtc = host.rtc();
    if (!rtc.has(this.source) && !host.isOn(this.source)) return;
    const revision = host.revision(this.source);
    try {
      await host.tell(this.source, false);
    } finally {
      // The device is off in any case, so that is what the state must say.
      await host.settle(this.source, false, revision);
    }
  }

  #gone(): boolean {
    return this.#closed;
  }

  #use(track: MediaStreamTrack): void {
    this.#track = track;
    track.onended = () => {
      if (this.#track === track) background(`${this.source} device is gone`, () => this.off());
    };
    this.#host.changed();
  }

  #stop(): void {
    const track = this.#track;
    if (track === undefined) return;
    this.#track = undefined;
    track.onended = null;
    track.stop();
    if (!this.#closed) {
      background(`stop the ${this.source}`, async () => {
        await this.#host.rtc().replaceTrack(this.source, null);
      });
    }
    this.#host.changed();
  }
}
