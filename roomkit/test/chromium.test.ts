// The whole kit in Chromium against a room server in memory. Sound and pictures are measured elsewhere, against the real
// server; here: the order of events, what the browser makes of our SDP, refusals, recovery, and that nothing is left over.
import { existsSync } from "node:fs";
import { build } from "esbuild";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { TestPage } from "./support/page";
import { RoomServer } from "./support/room-server";

declare const page: TestPage;

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--headless=new", "--no-sandbox", "--ignore-certificate-errors", "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--no-first-run",
];
const JOINED = ["joinRtc", "bob"];

describe.skipIf(!existsSync(CHROMIUM))("the kit in Chromium", { timeout: 40_000 }, () => {
  let browser: Browser;
  let server: RoomServer;
  let script: string;
  let me: Page;
  let bob: Page;

  beforeAll(async () => {
    const bundle = await build({ entryPoints: [new URL("support/page.ts", import.meta.url).pathname], bundle: true, write: false, format: "iife" });
    script = bundle.outputFiles[0]?.text ?? "";
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  }, 60_000);
  afterAll(() => browser.close());

  beforeEach(async () => {
    server = new RoomServer((path) => {
      if (path === "/") return { type: "text/html", body: '<!doctype html><div id="view"></div><script src="/page.js"></script>' };
      return path === "/page.js" ? { type: "text/javascript", body: script } : undefined;
    });
    await server.start();
    [me, bob] = await Promise.all([newPage(), newPage()]);
    await bob.evaluate(() => page.connect("bob"));
  }, 30_000);
  afterEach(async () => {
    for (const one of [me, bob]) {
      expect(await one.evaluate(() => page.unhandled)).toEqual([]);
      await one.context().close();
    }
    await server.stop();
  });

  async function newPage(): Promise<Page> {
    const context = await browser.newContext({ permissions: ["microphone", "camera"] });
    const opened = await context.newPage();
    await opened.goto(server.origin);
    return opened;
  }

  const take = (one: Page): Promise<unknown[][]> => one.evaluate(() => page.take());
  const rejection = (one: Page, call: "unmuteMyAudio" | "unmuteMyVideo"): Promise<unknown> =>
    one.evaluate((name) => page.rtc[name]().then(() => "resolved", (e: unknown) => (e as { code: number }).code), call);
  const settled = async (check: () => Promise<void>): Promise<void> => {
    await expect.poll(async () => check().then(() => true, (cause: unknown) => String(cause)), { timeout: 8_000 }).toBe(true);
  };

  it("reports those already there after connecting, to a listener that is added then", async () => {
    await me.evaluate(() => page.connect("me"));
    await settled(async () => expect(await take(me)).toEqual([JOINED]));
    expect(await take(bob)).toEqual([["join", "me"], ["joinRtc", "me"]]);
  });

  it("publishes, mutes and publishes again; the callbacks come once, to me and to others", async () => {
    await me.evaluate(() => page.connect("me"));
    await settled(async () => expect(await take(me)).toEqual([JOINED]));
    await take(bob);
    await me.evaluate(() => page.rtc.unmuteMyAudio());
    await me.evaluate(() => page.rtc.unmuteMyVideo());
    expect(await me.evaluate(() => page.leaks().tracks)).toBe(2);
    await me.evaluate(() => page.rtc.muteMyAudio());
    expect(await me.evaluate(() => page.leaks().tracks)).toBe(1);
    await me.evaluate(() => page.rtc.muteMyAudio());
    await me.evaluate(() => page.rtc.unmuteMyAudio());
    const events = [["audio", "me", false, "me", true], ["video", "me", false, "me", true], ["audio", "me", true, "me", false], ["audio", "me", false, "me", true]];
    expect(await take(me)).toEqual(events);
    await settled(async () => expect(await bob.evaluate(() => page.events)).toEqual(events));
    // Sound is asked for by itself; the picture is not.
    expect(server.requests.filter((r) => r === "Consume")).toHaveLength(1);
  });

  it("receives a picture when asked to, before or after it is there, and gives its section to the next", async () => {
    await me.evaluate(() => page.connect("me"));
    await me.evaluate(() => page.rtc.subscribeRemoteVideoStream("bob", 0));
    const canvas = await me.evaluate(() => [page.rtc.setupRemoteVideoCanvas("#view", "bob"), page.rtc.setupRemoteVideoCanvas(undefined, "bob")]);
    expect(canvas).toEqual([0, -1]);
    await bob.evaluate(() => page.rtc.unmuteMyVideo());
    const videos = (): Promise<number> => me.evaluate(() => document.querySelectorAll("#view video").length);
    await expect.poll(videos).toBe(1);
    for (let round = 0; round < 3; round++) {
      await me.evaluate(() => page.rtc.unsubscribeRemoteVideoStream("bob", 0));
      await expect.poll(videos).toBe(0);
      await me.evaluate(() => page.rtc.subscribeRemoteVideoStream("bob", 0));
      await expect.poll(videos).toBe(1);
    }
    await bob.evaluate(() => page.rtc.muteMyVideo());
    await expect.poll(videos).toBe(0);
    await bob.evaluate(() => page.rtc.unmuteMyVideo());
    await expect.poll(videos).toBe(1);
  });

  it("connects and disconnects five times on one instance and leaves nothing behind", async () => {
    await bob.evaluate(() => page.rtc.unmuteMyAudio());
    for (let round = 0; round < 5; round++) {
      await me.evaluate(() => page.connect("me"));
      await me.evaluate(() => Promise.all([page.rtc.unmuteMyAudio(), page.rtc.unmuteMyVideo()]));
      await me.evaluate(() => page.disconnect());
      expect((await take(me)).slice(-2)).toEqual([["leave", "me"], ["ended", "LEAVE_BY_SELF"]]);
    }
    expect(await me.evaluate(() => page.leaks())).toEqual({ connections: 0, sockets: 0, tracks: 0, elements: 0 });
    expect(server.openSockets).toBe(2);
    await me.evaluate(() => page.kit.authService.logout());
  });

  it("closes the device again when the server refuses, and tells nobody that it was on", async () => {
    await me.evaluate(() => page.connect("me"));
    await settled(async () => expect(await take(me)).toEqual([JOINED]));
    server.refuse = [{ when: /^Produce/, code: 403 }];
    expect(await rejection(me, "unmuteMyAudio")).toBe(403);
    expect(await rejection(me, "unmuteMyVideo")).toBe(403);
    expect(await me.evaluate(() => page.leaks().tracks)).toBe(0);
    expect(await me.evaluate(() => page.room?.localMember.isAudioOn)).toBe(false);
    expect(await take(me)).toEqual([]);
    server.refuse = [];
    expect(await rejection(me, "unmuteMyAudio")).toBe("resolved");
    expect(await rejection(me, "unmuteMyVideo")).toBe("resolved");
    await me.evaluate(() => page.rtc.muteMyAudio());
    server.refuse = [{ when: /^PUT .*streams.audio/, code: 403 }];
    expect(await rejection(me, "unmuteMyAudio")).toBe(403);
    expect(await me.evaluate(() => page.leaks().tracks)).toBe(1);
  });

  it("never tells the server about a microphone that was denied", async () => {
    await me.evaluate(() => page.connect("me"));
    await me.evaluate(() => (page.deny = true));
    expect(await rejection(me, "unmuteMyAudio")).toBe(-1);
    expect(server.requests.filter((r) => r.startsWith("Produce"))).toEqual([]);
    // A moderator opens it: it cannot be, so the server hears that it is off after all.
    server.stream("me", "audio", true, "bob");
    await expect.poll(() => server.members.get("me")?.streams.has("audio")).toBe(false);
    expect(await me.evaluate(() => page.room?.localMember.isAudioOn)).toBe(false);
  });

  it("lets a moderator close and open my microphone", async () => {
    await me.evaluate(() => page.connect("me"));
    await me.evaluate(() => page.rtc.unmuteMyAudio());
    await settled(async () => expect((await take(me)).length).toBeGreaterThan(0));
    await bob.evaluate(() => page.rtc.muteMemberAudio("me"));
    await settled(async () => expect(await me.evaluate(() => page.events)).toEqual([["audio", "me", true, "bob", false]]));
    expect(await me.evaluate(() => page.leaks().tracks)).toBe(0);
    await bob.evaluate(() => page.rtc.unmuteMemberAudio("me"));
    await expect.poll(() => me.evaluate(() => page.leaks().tracks)).toBe(1);
    expect((await take(me)).at(-1)).toEqual(["audio", "me", false, "bob", true]);
  });

  it("heals a gap in the pushes", async () => {
    await me.evaluate(() => page.connect("me"));
    await settled(async () => expect(await take(me)).toEqual([JOINED]));
    server.swallow = 1;
    await bob.evaluate(() => page.rtc.unmuteMyAudio());
    await bob.evaluate(() => page.rtc.unmuteMyVideo());
    await settled(async () => expect((await me.evaluate(() => page.events)).length).toBe(2));
    expect((await take(me)).sort()).toEqual([["audio", "bob", false, "bob", true], ["video", "bob", false, "bob", true]]);
  });

  it("comes back by itself when its sockets are cut, with what it published and received, and reports no leave", async () => {
    await me.evaluate(() => page.connect("me"));
    await bob.evaluate(() => page.rtc.unmuteMyAudio());
    await me.evaluate(() => page.rtc.unmuteMyAudio());
    const consumed = (): void => expect(server.requests.filter((r) => r === "Consume")).toHaveLength(2);
    await settled(() => Promise.resolve().then(consumed));
    await Promise.all([take(me), take(bob)]);
    server.requests.length = 0;
    server.down = true;
    server.cut();
    await new Promise((later) => setTimeout(later, 3_000));
    server.down = false;
    const recovered = (): void => {
      for (const [what, times] of [["Join", 2], ["Produce audio", 2]] as const) expect(server.requests.filter((r) => r === what)).toHaveLength(times);
      expect(server.requests.filter((r) => r === "Consume").length).toBeGreaterThanOrEqual(2);
      expect(server.openSockets).toBe(4);
    };
    await settled(() => Promise.resolve().then(recovered));
    expect([await take(me), await take(bob)]).toEqual([[], []]);
    expect(await me.evaluate(() => page.rtc.muteMyAudio())).toMatchObject({ code: 0 });
  });

  it("reports a refused rejoin and closes the device", async () => {
    await me.evaluate(() => page.connect("me"));
    await me.evaluate(() => page.rtc.unmuteMyAudio());
    server.refuse = [{ when: /^Join/, code: 403 }];
    server.cut();
    await settled(async () => expect((await me.evaluate(() => page.events)).at(-1)).toEqual(["error", "RELOGIN_ERROR"]));
    expect(await me.evaluate(() => page.leaks())).toMatchObject({ connections: 0, tracks: 0 });
    expect(await me.evaluate(() => page.room?.localMember.isAudioOn)).toBe(false);
    await me.evaluate(() => page.disconnect());
  });

  it("keeps a call through an expired token", async () => {
    await me.evaluate(() => page.connect("me"));
    await me.evaluate(() => page.rtc.unmuteMyAudio());
    server.expired = "token-me";
    await me.evaluate(() => {
      page.kit.authService.addAuthListener({
        onAuthEvent: (code) => {
          if (code === 1026) void page.kit.authService.renewToken("fresh");
        },
      });
    });
    expect(await me.evaluate(() => page.rtc.muteMyAudio())).toMatchObject({ code: 0 });
  });

  it("ends once when kicked, with nothing left open", async () => {
    await me.evaluate(() => page.connect("me"));
    await me.evaluate(() => page.rtc.unmuteMyAudio());
    await settled(async () => expect((await take(me)).length).toBeGreaterThan(0));
    await bob.evaluate(() => page.room?.kickMemberOut("me"));
    await settled(async () => expect(await me.evaluate(() => page.events)).toEqual([["leave", "me"], ["ended", "KICK_OUT"]]));
    await me.evaluate(() => page.kit.authService.logout());
    expect(await me.evaluate(() => page.leaks())).toEqual({ connections: 0, sockets: 0, tracks: 0, elements: 0 });
    expect(await me.evaluate(() => page.room?.roomUuid)).toBe("");
  });

  it("gives way to the same account on another device", async () => {
    await me.evaluate(() => page.connect("me"));
    await settled(async () => expect(await take(me)).toEqual([JOINED]));
    const other = await newPage();
    await other.evaluate(() => page.connect("me"));
    await settled(async () => expect(await me.evaluate(() => page.events)).toEqual([["leave", "me"], ["ended", "kICK_BY_SELF"]]));
    expect(await other.evaluate(() => page.room?.localMember.isInRtcChannel)).toBe(true);
    await other.context().close();
  });
});
