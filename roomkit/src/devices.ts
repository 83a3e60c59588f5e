import { CODE_GENERAL, RoomKitError } from "./errors";
import type { NEDeviceBaseInfo, NEDeviceChange, NEDeviceType } from "./types";

const KIND: Record<NEDeviceType, MediaDeviceKind> = {
  camera: "videoinput",
  microphone: "audioinput",
  speaker: "audiooutput",
};

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
    return track;
  }

  async openScreen(video: MediaTrackConstraints): Promise<MediaStream> {
    const devices = media();
    if (typeof devices.getDisplayMedia !== "function") throw new RoomKitError(CODE_GENERAL, "not support");
    return devices.getDisplayMedia({ video, audio: true });
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
    const added = now.filter((d) => d.deviceId !== "" && !before.some((b) => same(b, d)));
    const removed = before.filter((d) => d.deviceId !== "" && !now.some((n) => same(n, d)));
    for (const device of added) this.#report(device, "ACTIVE");
    for (const device of removed) this.#report(device, "INACTIVE");
  }

  #report(device: MediaDeviceInfo, state: "ACTIVE" | "INACTIVE"): void {
    const type = (Object.keys(KIND) as NEDeviceType[]).find((t) => KIND[t] === device.kind);
    if (type === undefined) return;
    this.#listener?.(type, { state, device: { deviceId: device.deviceId, deviceName: device.label } });
  }
}

function same(a: MediaDeviceInfo, b: MediaDeviceInfo): boolean {
  return a.deviceId === b.deviceId && a.kind === b.kind;
}

function media(): MediaDevices {
  if (!("mediaDevices" in navigator)) {
    throw new RoomKitError(CODE_GENERAL, "this page has no media devices: it must be served over https");
  }
  return navigator.mediaDevices;
}
