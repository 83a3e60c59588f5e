import { describe, expect, it } from "vitest";
import { readChannelInfo } from "../src/channel-info";
import { audioSettings, checkedVideoConfig, screenSettings, videoLayers, videoSettings } from "../src/encoder-settings";
import { endpoints, webSocketAddress } from "../src/endpoints";
import { randomUuid } from "../src/identity";
import { browser } from "../src/join-request";
import { layersWanted } from "../src/layers-wanted";
import { readFrame } from "../src/push-link";
import { property } from "../src/room-context";
import { volumes } from "../src/volume-meter";
import { parsePush } from "../src/wire";

describe("addresses", () => {
  it("all come from roomServer alone", () => {
    expect(endpoints({ roomKitServerConfig: { roomServer: "https://chat.test:8443/" } }, "https://page.test")).toEqual({
      room: "https://chat.test:8443",
      channelInfo: "https://chat.test:8443/rtc/info",
      link: "https://chat.test:8443",
      lbs: undefined,
    });
  });

  it("fall back to the page's origin", () => {
    expect(endpoints(undefined, "https://page.test").room).toBe("https://page.test");
    expect(endpoints({}, "https://page.test").channelInfo).toBe("https://page.test/rtc/info");
  });

  it("follow the vendor's other keys when they are given", () => {
    const config = {
      roomKitServerConfig: { roomServer: "rooms.test" },
      imServerConfig: { lbs: "https://lbs.test/lbs", link: "link.test:9", linkSslWeb: false },
      rtcServerConfig: { channelServer: "https://rtc.test/info" },
    };
    expect(endpoints(config, "https://page.test")).toEqual({
      room: "https://rooms.test",
      channelInfo: "https://rtc.test/info",
      link: "http://link.test:9",
      lbs: undefined,
    });
    expect(endpoints({ imServerConfig: { lbs: "https://lbs.test/lbs" } }, "https://p.test").lbs).toBe("https://lbs.test/lbs");
  });

  it("a bare host of the channel info means wss", () => {
    expect(webSocketAddress("h.test:1/rtc/signal")).toBe("wss://h.test:1/rtc/signal");
    expect(webSocketAddress("ws://h.test")).toBe("ws://h.test");
  });
});

describe("layers of a camera", () => {
  const sizes = (width: number, height: number, codec: "VP8" | "H264" | "VP9" | "AV1" = "VP8"): number[] =>
    videoLayers({ width, height }, codec, 600_000).map((layer) => Math.floor(width / layer.scaleDownBy));

  it("are a low one of 160 to 320 pixels and the picture itself, the low one first", () => {
    expect(sizes(640, 480)).toEqual([160, 640]);
    expect(sizes(1280, 720)).toEqual([320, 1280]);
    expect(sizes(480, 360)).toEqual([240, 480]);
    expect(sizes(480, 640, "H264")).toEqual([120, 480]);
  });

  it("are one when the picture is small, unknown, or the codec has no separate streams", () => {
    expect(sizes(320, 180)).toEqual([320]);
    expect(sizes(320, 240)).toEqual([320]);
    expect(sizes(640, 480, "VP9")).toEqual([640]);
    expect(sizes(640, 480, "AV1")).toEqual([640]);
    expect(videoLayers({}, "VP8", 600_000)).toEqual([{ scaleDownBy: 1, maxBitrate: 600_000 }]);
  });

  it("take no more than the picture may", () => {
    expect(videoLayers({ width: 640, height: 480 }, "VP8", 600_000).map((l) => l.maxBitrate)).toEqual([150_000, 600_000]);
    expect(videoLayers({ width: 640, height: 480 }, "VP8", 100_000).map((l) => l.maxBitrate)).toEqual([100_000, 100_000]);
  });
});

describe("layers that are taken", () => {
  it("reads the server's message", () => {
    expect(layersWanted({ producerId: "7", layers: 0 })).toEqual({ producerId: "7", layers: 0 });
    expect(layersWanted({ producerId: "7", layers: 2, more: 1 })).toEqual({ producerId: "7", layers: 2 });
  });

  it("takes nothing else for one", () => {
    for (const data of [undefined, null, [], "1", {}, { producerId: 7, layers: 1 }, { producerId: "7" }]) expect(layersWanted(data)).toBeUndefined();
    for (const layers of ["1", -1, 1.5, Number.NaN, null]) expect(layersWanted({ producerId: "7", layers })).toBeUndefined();
  });
});

describe("frames of the push link", () => {
  it.each([
    ["1::", "connect"],
    ["2::", "heartbeat"],
    ["0::", "disconnect"],
    ["7:::1", "other"],
    ["", "other"],
    ["3:::", "other"],
    ["3:::{", "other"],
    ["3:::[1]", "other"],
    ['3:::{"sid":22}', "packet"],
  ])("%s is %s", (text, type) => {
    expect(readFrame(text).type).toBe(type);
  });

  it("carry push bodies; anything else is none", () => {
    const body = parsePush('{"cmd":33,"type":"R","sequence":5,"data":{"roomUuid":"42","members":[]}}');
    expect(body).toMatchObject({ cmd: 33, sequence: 5, roomUuid: "42" });
    for (const text of [undefined, 5, "", "null", "[]", '{"cmd":"33"}']) expect(parsePush(text)).toBeUndefined();
  });
});

describe("channel info", () => {
  it("is read", () => {
    const text = JSON.stringify({ code: 200, cid: "1001", token: "t", time: {}, ips: { webrtcarray: ["wss://h/rtc/signal"] } });
    expect(readChannelInfo(200, text)).toEqual({ cid: 1001, token: "t", addresses: ["wss://h/rtc/signal"] });
  });

  it.each([
    [200, '{"code":403,"desc":"no permission"}', 403],
    [502, "<html>", 502],
    [200, '{"code":200,"cid":"1","token":"t","ips":{"webrtcarray":[]}}', -1],
  ])("%i %s rejects with %i", (status, text, code) => {
    expect(() => readChannelInfo(status, text)).toThrow(expect.objectContaining({ code }) as Error);
  });
});

describe("volume", () => {
  it("counts 0 to 100, leaves the silent out, and takes a member's louder source", () => {
    expect(
      volumes([
        { userUuid: "a", level: 0.5 },
        { userUuid: "b", level: 0.004 },
        { userUuid: "c", level: undefined },
        { userUuid: "a", level: 0.7 },
        { userUuid: "d", level: 1.3 },
        { userUuid: "", level: 1 },
      ]),
    ).toEqual([
      { userUuid: "a", volume: 70 },
      { userUuid: "d", volume: 100 },
    ]);
  });
});

describe("encoder settings", () => {
  it("follow the channel's configuration", () => {
    expect(audioSettings({ audio: { profile: "high_quality_stereo", scenario: "music" } })).toMatchObject({
      maxBitrate: 128_000,
      constraints: { channelCount: 2, noiseSuppression: false },
      codecOptions: { opusStereo: true },
    });
    expect(videoSettings({ video: { width: 1280, height: 720, fps: 30 } }).constraints).toEqual({
      width: { ideal: 1280 },
      height: { ideal: 720 },
      frameRate: { ideal: 30 },
    });
    expect(screenSettings({ screen: { videoProfile: "HD720P", fps: 5 } }).constraints).toMatchObject({ height: { max: 720 } });
  });

  it("have defaults for nothing and for nonsense", () => {
    expect(audioSettings({}).maxBitrate).toBe(32_000);
    expect(audioSettings({ audio: { profile: "high" } }).maxBitrate).toBe(32_000);
    expect(videoSettings({ video: { width: -1, height: Number.NaN, fps: 0 } }).constraints).toEqual(videoSettings({}).constraints);
  });

  it("follow the app before the channel, a screen's too", () => {
    const channel = { video: { width: 640, height: 480, fps: 15 }, screen: { videoProfile: "HD720P", fps: 5 } };
    const wanted = (width: number, height: number, fps: number): object => ({ width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: fps } });
    expect(videoSettings(channel, { resolution: 720, frameRate: 30 }).constraints).toEqual(wanted(1280, 720, 30));
    expect(videoSettings(channel, { width: 320, height: 180 }).constraints).toEqual(wanted(320, 180, 15));
    const sizes = [180, 240, 360, 480, 540, 1080].map((resolution) => videoSettings(channel, { resolution }).constraints.width);
    expect(sizes).toEqual([320, 320, 640, 640, 960, 1920].map((ideal) => ({ ideal })));
    expect(videoSettings(channel, { bitrate: 70_000 })).toEqual({ constraints: wanted(640, 480, 15), maxBitrate: 70_000 });
    expect(videoSettings(channel, { resolution: 720 }).maxBitrate).toBeGreaterThan(videoSettings(channel).maxBitrate);
    expect(screenSettings(channel, { resolution: 1080, frameRate: 20 }).constraints).toEqual({ height: { max: 1080 }, frameRate: { ideal: 20, max: 30 } });
  });

  it("take no nonsense from the app", () => {
    expect(checkedVideoConfig({ resolution: 480, width: undefined } as object)).toEqual({ resolution: 480 });
    for (const [key, value] of [["resolution", "480"], ["width", 0], ["frameRate", Number.NaN], ["bitrate", Infinity], ["height", null]]) {
      expect(() => checkedVideoConfig({ [String(key)]: value })).toThrow(expect.objectContaining({ code: -1, message: `${String(key)} is not a number above 0` }) as Error);
    }
  });
});

describe("room property", () => {
  it("unwraps the SDK's JSON text and takes plain text as the value", () => {
    expect(property('{"value":"offNotAllowSelfOn_1"}')).toEqual({ value: "offNotAllowSelfOn_1" });
    expect(property("plain")).toEqual({ value: "plain" });
    expect(property('"text"')).toEqual({ value: '"text"' });
  });
});

describe("who is asking", () => {
  it("names the browser as the server's SRTP choice wants it", () => {
    expect(browser("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36")).toEqual({
      name: "Chrome",
      version: "156.0.0.0",
    });
    expect(browser("Mozilla/5.0 (X11; rv:140.0) Gecko/20100101 Firefox/140.0").name).toBe("Firefox");
    expect(browser("Mozilla/5.0 (Macintosh) AppleWebKit/605 (KHTML, like Gecko) Version/18.1 Safari/605")).toEqual({ name: "Safari", version: "18.1" });
    expect(browser("curl")).toEqual({ name: "unknown", version: "0" });
  });

  it("has a UUID-shaped device id", () => {
    expect(randomUuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
