import { beforeEach, describe, expect, it } from "vitest";
import { LocalSource, type LocalSourceHost } from "../src/local-source";
import type { RtcSession } from "../src/rtc-session";

/** Lets what is under way come to its end. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

/** A microphone whose server is `on`, which the test sets as pushes would. */
describe("a source of mine that the server sets", () => {
  let on = false;
  let refused = false;
  let opened: number;
  let source: LocalSource;

  beforeEach(() => {
    on = false;
    refused = false;
    opened = 0;
    const rtc = { has: () => true, resend: () => Promise.resolve(), replaceTrack: () => Promise.resolve(), recovering: false } as unknown as RtcSession;
    const host: LocalSourceHost = {
      rtc: () => rtc,
      isOn: () => on,
      revision: () => 0,
      tell: (_, wanted) => {
        if (wanted && refused) return Promise.reject(new Error("403"));
        on = wanted;
        return Promise.resolve();
      },
      settle: () => Promise.resolve(),
      changed: () => undefined,
    };
    const track = { stop: () => undefined, onended: null } as unknown as MediaStreamTrack;
    const open = (): Promise<never> => {
      opened += 1;
      return Promise.resolve({ track, codecOptions: {}, layered: false } as never);
    };
    source = new LocalSource("audio", open, host);
  });

  const pushed = (wanted: boolean) => {
    on = wanted;
    if (wanted) source.setOn();
    else source.forcedOff();
    return settled();
  };

  it("opens again when what was forced off is taken back in my name", async () => {
    await source.on();
    await pushed(false);
    expect(source.track).toBeUndefined();
    refused = true;
    await expect(source.on()).rejects.toThrow();
    refused = false;
    await pushed(true);
    expect([opened, source.track !== undefined]).toEqual([3, true]);
  });

  it("is not opened by echoes of what I did, however late", async () => {
    const wanted = source.on();
    source.setOn();
    await wanted;
    await pushed(true);
    await source.off();
    await pushed(true);
    await pushed(false);
    await pushed(true);
    expect([opened, source.track]).toEqual([1, undefined]);
  });

  it("is not opened when I closed it after others did", async () => {
    await source.on();
    await pushed(false);
    await source.off();
    await pushed(true);
    expect([opened, source.track]).toEqual([1, undefined]);
  });
});
