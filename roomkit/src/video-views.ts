import type { BlockedListener } from "./playback";
import type { NEView } from "./types";

/** How often a selector that finds nothing yet is tried again while there is a picture for it. */
const RESOLVE_MS = 250;

interface Slot {
  view: NEView | undefined;
  track: MediaStreamTrack | undefined;
  owner: string;
  video: HTMLVideoElement | undefined;
  /** The app's own <video>, which must not be removed. */
  borrowed: boolean;
}

/** Pictures and the views they are shown in: either may come first, and either may change. */
export class VideoViews {
  readonly #slots = new Map<string, Slot>();
  readonly #blocked: BlockedListener;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(blocked: BlockedListener) {
    this.#blocked = blocked;
  }

  setView(key: string, owner: string, view: NEView): void {
    const slot = this.#slot(key, owner);
    if (slot.view === view && slot.video !== undefined) return;
    this.#empty(slot);
    slot.view = view;
    this.#show(slot);
  }

  setTrack(key: string, owner: string, track: MediaStreamTrack | undefined): void {
    const slot = this.#slot(key, owner);
    if (slot.track === track) return;
    slot.track = track;
    if (track === undefined) this.#empty(slot);
    else this.#show(slot);
  }

  async replay(userUuid: string): Promise<void> {
    const mine = [...this.#slots.values()].filter((s) => s.owner === userUuid);
    await Promise.all(mine.map(async (s) => s.video?.play()));
  }

  /** Takes every picture away; the views are forgotten. */
  close(): void {
    for (const slot of this.#slots.values()) this.#empty(slot);
    this.#slots.clear();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #slot(key: string, owner: string): Slot {
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = { view: undefined, track: undefined, owner, video: undefined, borrowed: false };
      this.#slots.set(key, slot);
    }
    return slot;
  }

  #show(slot: Slot): void {
    if (slot.track === undefined || slot.view === undefined) return;
    if (slot.video === undefined) {
      const view = typeof slot.view === "string" ? find(slot.view) : slot.view;
      if (view === null) {
        this.#later();
        return;
      }
      slot.borrowed = view instanceof HTMLVideoElement;
      slot.video = view instanceof HTMLVideoElement ? view : insert(view);
    }
    const { video } = slot;
    video.autoplay = true;
    video.playsInline = true;
    // The sound is played apart from the picture.
    video.muted = true;
    video.srcObject = new MediaStream([slot.track]);
    video.play().catch((cause: unknown) => {
      if (cause instanceof DOMException && cause.name === "NotAllowedError") this.#blocked(slot.owner, "video");
    });
  }

  #empty(slot: Slot): void {
    const { video } = slot;
    slot.video = undefined;
    if (video === undefined) return;
    video.pause();
    video.srcObject = null;
    if (!slot.borrowed) video.remove();
  }

  #later(): void {
    this.#timer ??= setInterval(() => {
      const open = [...this.#slots.values()].filter((s) => s.track !== undefined && s.view !== undefined && !s.video);
      if (open.length === 0) {
        clearInterval(this.#timer);
        this.#timer = undefined;
      }
      for (const slot of open) this.#show(slot);
    }, RESOLVE_MS);
  }
}

function insert(view: Element): HTMLVideoElement {
  const video = document.createElement("video");
  video.style.width = "100%";
  video.style.height = "100%";
  video.style.objectFit = "contain";
  view.append(video);
  return video;
}

function find(selector: string): Element | null {
  try {
    return document.querySelector(selector);
  } catch {
    return null;
  }
}

/** Whether it can be a view at all. */
export function isView(view: unknown): view is NEView {
  return (typeof view === "string" && view !== "") || view instanceof Element;
}
