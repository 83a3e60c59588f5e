import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Devices } from "../src/devices";

type Known = Pick<MediaDeviceInfo, "kind" | "deviceId" | "groupId" | "label">;
const device = (kind: MediaDeviceKind, deviceId: string, label = deviceId, groupId = `of ${label}`): Known => ({ kind, deviceId, groupId, label });

describe("devices", () => {
  let present: Known[];
  let changed: () => void;
  const getDisplayMedia = vi.fn<(wanted: unknown) => Promise<unknown>>();
  const getUserMedia = vi.fn<(wanted: unknown) => Promise<unknown>>();
  const seen: string[] = [];
  let devices: Devices;

  const browser = (userAgent: string): void => {
    const mediaDevices = {
      enumerateDevices: () => Promise.resolve([...present]),
      addEventListener: (_: string, listener: () => void) => (changed = listener),
      removeEventListener: () => undefined,
      getDisplayMedia,
      getUserMedia,
    };
    vi.stubGlobal("navigator", { mediaDevices, userAgent });
  };
  const become = async (...now: Known[]): Promise<void> => {
    present = now;
    changed();
    await vi.waitFor(() => Promise.resolve());
  };

  beforeEach(() => {
    seen.length = 0;
    browser("Chrome/156.0.0.0");
    getDisplayMedia.mockReset().mockResolvedValue("a screen");
    getUserMedia.mockReset().mockResolvedValue({ getTracks: () => ["a track"] });
    devices = new Devices();
  });
  afterEach(() => vi.unstubAllGlobals());

  const watch = async (...now: Known[]): Promise<void> => {
    present = now;
    devices.watch((type, { state, device: { deviceId, deviceName } }) => seen.push(`${type} ${state} ${deviceId}: ${deviceName}`));
    await Promise.resolve();
  };

  it("that come and go are ACTIVE and INACTIVE", async () => {
    const desk = device("audioinput", "desk");
    await watch(desk);
    await become(desk, device("videoinput", "eye"), device("audiooutput", "horn"));
    await become(device("videoinput", "eye"), device("audiooutput", "horn"));
    expect(seen).toEqual(["camera ACTIVE eye: eye", "speaker ACTIVE horn: horn", "microphone INACTIVE desk: desk"]);
  });

  it("are CHANGED when another one is behind the same id", async () => {
    await watch(device("audioinput", "default", "Default - desk"), device("audiooutput", "default", "Default - horn"));
    await become(device("audioinput", "default", "Default - headset"), device("audiooutput", "default", "Default - horn"));
    expect(seen).toEqual(["microphone CHANGED default: Default - headset"]);
    // Two of one make: the group alone tells them apart.
    await become(device("audioinput", "default", "Default - headset", "the other"), device("audiooutput", "default", "Default - horn"));
    expect(seen.slice(1)).toEqual(["microphone CHANGED default: Default - headset"]);
  });

  it("that only got their names with the first permission are not new", async () => {
    await watch(device("audioinput", "", "", ""), device("videoinput", "", "", ""), device("audiooutput", "horn", "", "g"));
    present = [device("audioinput", "desk"), device("audioinput", "headset"), device("videoinput", "", "", ""), device("audiooutput", "horn", "Horn", "g")];
    await devices.open("microphone", {});
    await vi.waitFor(() => Promise.resolve());
    expect(seen).toEqual([]);
    await become(device("audioinput", "desk"), device("videoinput", "", "", ""), device("audiooutput", "horn", "Horn", "g"));
    expect(seen).toEqual(["microphone INACTIVE headset: headset"]);
  });

  it("a page cannot choose a screen by its id: it opens the browser's choice at the kind of it", async () => {
    for (const id of [undefined, "screen:0:0", "window:12:0", "77"]) await devices.openScreen({ height: { max: 720 } }, id);
    const wanted = (more: object): object => ({ video: { height: { max: 720 }, ...more }, audio: true });
    expect(getDisplayMedia.mock.calls.map(([w]) => w)).toEqual([wanted({}), wanted({ displaySurface: "monitor" }), wanted({ displaySurface: "window" }), wanted({})]);
    expect(getUserMedia).not.toHaveBeenCalled();
  });

  it("an embedder that hands out ids of screens opens that one, without sound where there is none", async () => {
    browser("Chrome/120.0.0.0 Electron/28.0.0");
    getUserMedia.mockRejectedValueOnce(new DOMException("no screen sound", "NotFoundError")).mockResolvedValueOnce("that window");
    expect(await devices.openScreen({ height: { max: 720 }, frameRate: { ideal: 5, max: 30 } }, "window:12:0")).toBe("that window");
    const video = { mandatory: { chromeMediaSource: "desktop", chromeMediaSourceId: "window:12:0", maxHeight: 720, maxFrameRate: 30 } };
    expect(getUserMedia.mock.calls).toEqual([[{ video, audio: { mandatory: { chromeMediaSource: "desktop" } } }], [{ video, audio: false }]]);
    await devices.openScreen({}, "");
    expect(getDisplayMedia).toHaveBeenCalledOnce();
  });
});
