import { background, CODE_GENERAL, RoomKitError } from "./errors";
import type { LocalSourceHost } from "./local-source";
import { SerialQueue } from "./serial-queue";

/** Bits per second of tab or system audio. */
const SCREEN_AUDIO_BITRATE = 96_000;

/** My screen share: the picture, and its audio when the user grants it. */
export class LocalScreen {
  readonly #host: LocalSourceHost;
  readonly #queue = new SerialQueue();
  #stream: MediaStream | undefined;
  #closed = false;

  constructor(host: LocalSourceHost) {
    this.#host = host;
  }

  get track(): MediaStreamTrack | undefined {
    return this.#stream?.getVideoTracks()[0];
  }

  /** `open` runs at once: the browser wants a user gesture for it. */
  start(open: () => Promise<MediaStream>, maxBitrate: number): Promise<void> {
    const rtc = this.#host.rtc();
    const opening = open();
    opening.catch(() => undefined);
    return this.#queue.run(async () => {
      const stream = await opening;
      const [picture] = stream.getVideoTracks();
      const [sound] = stream.getAudioTracks();
      if (this.#stream !== undefined || this.#gone() || picture === undefined) {
        stopAll(stream);
        if (this.#stream !== undefined) return;
        throw new RoomKitError(CODE_GENERAL, "not join rtc");
      }
      const revision = this.#host.revision("subVideo");
      this.#stream = stream;
      // The browser's own "stop sharing" button.
      picture.onended = () => {
        if (this.#stream === stream) background("screen share ended", () => this.stop());
      };
      this.#host.changed();
      try {
        await rtc.publish({ mediaType: "screenShare", track: picture, maxBitrate, codecOptions: {} });
        if (rtc.recovering && !this.#host.isOn("subVideo")) await this.#host.tell("subVideo", true);
        if (sound !== undefined) {
          const codecOptions = { opusStereo: true, opusMaxAverageBitrate: SCREEN_AUDIO_BITRATE };
          await rtc.publish({ mediaType: "subAudio", track: sound, maxBitrate: SCREEN_AUDIO_BITRATE, codecOptions });
        }
        await this.#host.settle("subVideo", true, revision);
      } catch (cause) {
        this.#stop();
        throw cause;
      }
      if (this.#gone() || !this.#host.isOn("subVideo")) this.#stop();
    });
  }

  stop(): Promise<void> {
    this.#stop();
    return this.#queue.run(async () => {
      this.#stop();
      this.#host.rtc();
      if (!this.#host.isOn("subVideo")) return;
      const revision = this.#host.revision("subVideo");
      try {
        await this.#host.tell("subVideo", false);
      } finally {
        await this.#host.settle("subVideo", false, revision);
      }
    });
  }

  /** Whether the share's sound is sent; the picture goes on. */
  setSound(on: boolean): void {
    const [sound] = this.#stream?.getAudioTracks() ?? [];
    if (sound === undefined) throw new RoomKitError(CODE_GENERAL, "the screen share has no sound");
    sound.enabled = on;
  }

  forcedOff(): void {
    this.#stop();
  }

  close(): void {
    this.#closed = true;
    this.#stop();
  }

  #gone(): boolean {
    return this.#closed;
  }

  #stop(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    this.#stream = undefined;
    stopAll(stream);
    if (!this.#closed) {
      background("stop the screen share", async () => {
        const rtc = this.#host.rtc();
        await Promise.all([rtc.unpublish("screenShare"), rtc.unpublish("subAudio")]);
      });
    }
    this.#host.changed();
  }
}

function stopAll(stream: MediaStream): void {
  for (const track of stream.getTracks()) {
    track.onended = null;
    track.stop();
  }
}
