import { log } from "./log";

export type BlockedListener = (userUuid: string, type: "audio" | "video") => void;

interface Playing {
  readonly element: HTMLAudioElement;
  readonly owner: () => string;
}

/** Plays every remote audio track, without any view. */
export class AudioPlayback {
  readonly #playing = new Map<MediaStreamTrack, Playing>();
  readonly #blocked: BlockedListener;
  #speaker = "";
  #volume = 1;
  #retryArmed = false;

  constructor(blocked: BlockedListener) {
    this.#blocked = blocked;
  }

  add(track: MediaStreamTrack, owner: () => string): void {
    const element = new Audio();
    element.autoplay = true;
    element.volume = this.#volume;
    element.srcObject = new MediaStream([track]);
    this.#playing.set(track, { element, owner });
    void this.#route(element);
    this.#play(element, owner, true);
  }

  remove(track: MediaStreamTrack): void {
    const playing = this.#playing.get(track);
    if (playing === undefined) return;
    this.#playing.delete(track);
    playing.element.pause();
    playing.element.srcObject = null;
  }

  /** Tries again after the browser blocked autoplay. */
  async replay(userUuid: string): Promise<void> {
    const mine = [...this.#playing.values()].filter((p) => p.owner() === userUuid);
    await Promise.all(mine.map((p) => p.element.play()));
  }

  setVolume(volume: number): void {
    this.#volume = Math.min(1, Math.max(0, volume / 100));
    for (const { element } of this.#playing.values()) element.volume = this.#volume;
  }

  async setSpeaker(deviceId: string): Promise<void> {
    this.#speaker = deviceId;
    await Promise.all([...this.#playing.values()].map(({ element }) => this.#route(element)));
  }

  close(): void {
    for (const track of [...this.#playing.keys()]) this.remove(track);
    this.#disarm();
  }

  async #route(element: HTMLAudioElement): Promise<void> {
    if (this.#speaker !== "" && typeof element.setSinkId === "function") await element.setSinkId(this.#speaker);
  }

  #play(element: HTMLAudioElement, owner: () => string, report: boolean): void {
    element.play().catch((cause: unknown) => {
      if (!(cause instanceof DOMException) || cause.name !== "NotAllowedError") return;
      log.debug("the browser blocks autoplay until the user does something");
      if (report) this.#blocked(owner(), "audio");
      this.#arm();
    });
  }

  /** The next thing the user does unlocks playback. */
  #arm(): void {
    if (this.#retryArmed) return;
    this.#retryArmed = true;
    for (const name of GESTURES) document.addEventListener(name, this.#gesture, true);
  }

  #disarm(): void {
    if (!this.#retryArmed) return;
    this.#retryArmed = false;
    for (const name of GESTURES) document.removeEventListener(name, this.#gesture, true);
  }

  readonly #gesture = (): void => {
    this.#disarm();
    for (const { element, owner } of this.#playing.values()) if (element.paused) this.#play(element, owner, false);
  };
}

const GESTURES = ["click", "keydown", "touchend"] as const;
