import { CODE_GENERAL, RoomKitError } from "./errors";
import type { NEDeviceBaseInfo, NEDeviceChange, NEDeviceType } from "./types";

const KIND: Record<NEDeviceType, MediaDeviceKind> = {
  camera: "videoinput",
  microphone: "audioinput",
  speaker: "audiooutput",
};

/** How ids of screens and windows begin, and what browsers call these. */
const SURFACES: [string, string][] = [["screen:", "monitor"], ["window:", "window"]];

export type DeviceListener = (type: NEDeviceType, change: NEDeviceChange) => void;

/** Cameras, microphones and speakers: listing, choice, opening. */
export class Devices {
  readonly #selected: Record<NEDeviceType, string> = { camera: "", microphone: "", speaker: "" };
  #known: MediaDeviceInfo[] = [];
  #listener: DeviceListener | undefined;

  selected(type: NEDeviceType): string {
    return this.#selected[type];
  }

  select(type: NEDeviceType, deviceId: string): void {
    this.#selected[type] = deviceId;
  }

  async list(type: NEDeviceType): Promise<NEDeviceBaseInfo[]> {
    const devices = await media().enumerateDevices();
    return devices
      .filter((d) => d.kind === KIND[type])
      .map((d, index) => ({ deviceId: d.deviceId, deviceName: d.label === "" ? `${type} ${index + 1}` : d.label }));
  }

  /** Rejects an id that is certainly not there; before permission the browser hides all ids. */
  async check(type: NEDeviceType, deviceId: string): Promise<void> {
    if (typeof deviceId !== "string" || deviceId === "") throw new RoomKitError(CODE_GENERAL, "lack of deviceId");
    const ids = (await this.list(type)).map((d) => d.deviceId).filter((id) => id !== "");
    if (ids.length > 0 && !ids.includes(deviceId)) throw new RoomKitError(CODE_GENERAL, `no such ${type}`);
  }

  async open(type: "camera" | "microphone", wanted: MediaTrackConstraints, deviceId?: string): Promise<MediaStreamTrack> {
    const id = deviceId ?? this.#selected[type];
    const constraints = id === "" ? wanted : { ...wanted, deviceId: { exact: id } };
    const stream = await media().getUserMedia(type === "camera" ? { video: constraints } : { audio: constraints });
    const [track] = stream.getTracks();
    if (track === undefined) throw new RoomKitError(CODE_GENERAL, `the ${type} gave no track`);
    // With the first permission the devices get their ids.
    if (this.#listener !== undefined) void this.#compare(true);
    return track;
  }

  /**
   * A screen with its sound, where there is any. Which one a page's user chooses; an id can only open that choice at
   * its kind. Electron's ids name what is to be opened.
   */
  async openScreen(video: MediaTrackConstraints, sourceId = ""): Promise<MediaStream> {
    const devices = media();
    if (sourceId !== "" && /\bElectron\//.test(navigator.userAgent)) return openSource(devices, video, sourceId);
    if (typeof devices.getDisplayMedia !== "function") throw new RoomKitError(CODE_GENERAL, "not support");
    const displaySurface = SURFACES.find(([prefix]) => sourceId.startsWith(prefix))?.[1];
    const hint = displaySurface === undefined ? {} : { displaySurface };
    return devices.getDisplayMedia({ video: { ...video, ...hint }, audio: true });
  }

  /** Reports devices that come and go, until {@link unwatch}. */
  watch(listener: DeviceListener): void {
    if (!("mediaDevices" in navigator) || this.#listener !== undefined) return;
    this.#listener = listener;
    void this.#compare(false);
    navigator.mediaDevices.addEventListener("devicechange", this.#changed);
  }

  unwatch(): void {
    if (this.#listener === undefined) return;
    this.#listener = undefined;
    navigator.mediaDevices.removeEventListener("devicechange", this.#changed);
  }

  readonly #changed = (): void => {
    void this.#compare(true);
  };

  async #compare(report: boolean): Promise<void> {
    const now = await navigator.mediaDevices.enumerateDevices().catch(() => this.#known);
    const before = this.#known;
    this.#known = now;
    if (!report) return;
    // Before permission the browser hides all devices of a kind behind one without an id: none of them is new.
    const hidden = new Set(before.filter((d) => d.deviceId === "").map((d) => d.kind));
    for (const device of now) {
      if (device.deviceId === "" || hidden.has(device.kind)) continue;
      const known = before.find((b) => same(b, device));
      if (known === undefined) this.#report(device, "ACTIVE");
      else if (known.groupId !== device.groupId || (known.label !== "" && known.label !== device.label)) {
        this.#report(device, "CHANGED");
      }
    }
    const removed = before.filter((d) => d.deviceId !== "" && !now.some((n) => same(n, d)));
    for (const device of removed) this.#report(device, "INACTIVE");
  }

  #report(device: MediaDeviceInfo, state: NEDeviceChange["state"]): void {
    const type = (Object.keys(KIND) as NEDeviceType[]).find((t) => KIND[t] === device.kind);
    if (type === undefined) return;
    this.#listener?.(type, { state, device: { deviceId: device.deviceId, deviceName: device.label } });
  }
}

function same(a: MediaDeviceInfo, b: MediaDeviceInfo): boolean {
  return a.deviceId === b.deviceId && a.kind === b.kind;
}

/** Chromium's own way to open a screen by its id, for embedders. Not everywhere has a screen sound. */
async function openSource(devices: MediaDevices, video: MediaTrackConstraints, sourceId: string): Promise<MediaStream> {
  const most = (bound: ConstrainULong | ConstrainDouble | undefined): number | undefined =>
    typeof bound === "object" ? bound.max : bound;
  const source = { chromeMediaSource: "desktop", chromeMediaSourceId: sourceId };
  const picture = { mandatory: { ...source, maxHeight: most(video.height), maxFrameRate: most(video.frameRate) } };
  const open = (audio: unknown): Promise<MediaStream> =>
    devices.getUserMedia({ video: picture, audio } as unknown as MediaStreamConstraints);
  return open({ mandatory: { chromeMediaSource: "desktop" } }).catch(() => open(false));
}

function media(): MediaDevices {
  if (!("mediaDevices" in navigator)) {
    throw new RoomKitError(CODE_GENERAL, "this page has no media devices: it must be served over https");
  }
  return navigator.mediaDevices;
}
