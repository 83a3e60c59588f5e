import { background, CODE_GENERAL, RoomKitError } from "./errors";
import type { RtcSession } from "./rtc-session";
import type { RecordingGain } from "./recording-gain";
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

/** How a source is sent. */
export type SendSettings = Omit<ProduceOptions, "mediaType" | "track">;
type Opened = SendSettings & { track: MediaStreamTrack };

/**
 * My microphone or camera. "On" opens the device, then tells the server; any failure closes the device and leaves the
 * state as it was. "Off" really stops the device. The producer stays while off, so that "on" again is one request.
 */
export class LocalSource {
  readonly source: "audio" | "video";
  readonly #open: (deviceId?: string) => Promise<Opened>;
  readonly #host: LocalSourceHost;
  readonly #gain: RecordingGain | undefined;
  readonly #queue = new SerialQueue();
  /** The device's. */
  #track: MediaStreamTrack | undefined;
  /** The one in place of it, when it goes through a gain. */
  #sent: MediaStreamTrack | undefined;
  #closed = false;
  /** Others closed the device, and its member has not switched it off since. */
  #forced = false;

  constructor(
    source: "audio" | "video",
    open: (deviceId?: string) => Promise<Opened>,
    host: LocalSourceHost,
    gain?: RecordingGain,
  ) {
    this.source = source;
    this.#open = open;
    this.#host = host;
    this.#gain = gain;
  }

  get track(): MediaStreamTrack | undefined {
    return this.#track;
  }

  on(): Promise<void> {
    return this.#queue.run(() => this.#on());
  }

  /** The device stops at once, whatever else is still under way. */
  off(): Promise<void> {
    this.#forced = false;
    this.#stop();
    return this.#queue.run(() => this.#off());
  }

  /** The server has set it off. */
  forcedOff(): void {
    // With no device open it is an echo of what the member did, or said twice.
    if (this.#track !== undefined) this.#forced = true;
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

  /**
   * The server says "on" in the member's own name: an echo, or whoever operates the server takes back what was forced. Only
   * that opens the device.
   */
  setOn(): void {
    if (this.#forced) this.forcedOn();
  }

  /** Another device; takes effect at once when it is open. The old one stays when the new one fails. */
  switchTo(deviceId: string): Promise<void> {
    return this.#queue.run(async () => {
      if (this.#track === undefined) return;
      const { track, ...settings } = await this.#open(deviceId);
      const before = this.#track as MediaStreamTrack | undefined;
      if (this.#gone() || before === undefined) {
        track.stop();
        return;
      }
      const sentBefore = this.#sent;
      let sent: MediaStreamTrack;
      try {
        sent = await this.#take(track);
      } catch (cause) {
        track.stop();
        throw cause;
      }
      if (this.#track !== before) {
        this.#gain?.drop(sent);
        track.stop();
        return;
      }
      this.#use(track, sent);
      await this.#host.rtc().resend({ ...settings, track: sent, mediaType: this.source });
      before.onended = null;
      before.stop();
      if (sentBefore !== undefined) this.#gain?.drop(sentBefore);
    });
  }

  /** Other settings for the device that is open; `apply` sets them on its track and gives how it is sent from now on. */
  tune(apply: (device: MediaStreamTrack) => Promise<SendSettings>): Promise<void> {
    return this.#queue.run(async () => {
      const device = this.#track;
      if (device === undefined) return;
      const settings = await apply(device);
      if (this.#track !== device) return;
      await this.#host.rtc().resend({ ...settings, track: this.#sent ?? device, mediaType: this.source });
    });
  }

  /** What is sent is taken from the open device anew: with a gain in its path, or without. */
  retake(): Promise<void> {
    return this.#queue.run(async () => {
      const device = this.#track;
      if (device === undefined) return;
      const before = this.#sent;
      const sent = await this.#take(device);
      if (this.#track !== device) {
        this.#gain?.drop(sent);
        return;
      }
      this.#sent = sent;
      await this.#host.rtc().replaceTrack(this.source, sent);
      if (before !== undefined) this.#gain?.drop(before);
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
      const sent = await this.#take(opened.track);
      if (this.#track !== opened.track) {
        this.#gain?.drop(sent);
        throw new RoomKitError(CODE_GENERAL, `the ${this.source} was switched off meanwhile`);
      }
      this.#sent = sent;
      const options = { ...opened, track: sent, mediaType: this.source };
      if (rtc.has(this.source)) {
        await rtc.resend(options);
        await host.tell(this.source, true);
      } else {
        await rtc.publish(options);
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

  async #take(device: MediaStreamTrack): Promise<MediaStreamTrack> {
    return this.#gain === undefined ? device : this.#gain.take(device);
  }

  #use(track: MediaStreamTrack, sent?: MediaStreamTrack): void {
    this.#track = track;
    this.#sent = sent;
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
    if (this.#sent !== undefined) this.#gain?.drop(this.#sent);
    this.#sent = undefined;
    if (!this.#closed) {
      background(`stop the ${this.source}`, async () => {
        await this.#host.rtc().replaceTrack(this.source, null);
      });
    }
    this.#host.changed();
  }
}
