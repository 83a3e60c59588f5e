import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AuthService } from "../src/auth-service";
import { RoomKitError } from "../src/errors";
import type { RestClient } from "../src/rest-client";

const NOT_REACHED = new RoomKitError(-1, "the room server cannot be reached");
const BUSY = new RoomKitError(503, "busy");
const INCORRECT = new RoomKitError(1027, "token incorrect");

/** A service that is logged in, whose checks of new tokens end one after the other as `outcomes` says. */
async function loggedIn(outcomes: (RoomKitError | undefined)[]): Promise<{ auth: AuthService; token: () => string; checks: () => number }> {
  const identity = { appKey: "key", deviceId: "device", account: "", token: "" };
  let checks = 0;
  const rest = {
    login: () => Promise.resolve(),
    checkToken: () => {
      const outcome = outcomes[checks];
      checks += 1;
      return outcome === undefined ? Promise.resolve() : Promise.reject(outcome);
    },
  } as unknown as RestClient;
  const auth = new AuthService({ identity, rest: () => rest, openLink: () => undefined, closeAll: () => Promise.resolve() });
  await auth.loginByIM("ann", "old");
  return { auth, token: () => identity.token, checks: () => checks };
}

describe("renewToken", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("tries again when no answer came, and lets those go on who wait", async () => {
    const { auth, token, checks } = await loggedIn([NOT_REACHED, BUSY]);
    const waiting = auth.renewed(8_000);
    const renewed = auth.renewToken("new");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(token()).toBe("old");
    await vi.advanceTimersByTimeAsync(1_000);
    await expect(renewed).resolves.toMatchObject({ code: 0 });
    await waiting;
    expect([token(), checks()]).toEqual(["new", 3]);
  });

  it("gives up after three tries and keeps the old token", async () => {
    const { auth, token, checks } = await loggedIn([NOT_REACHED, NOT_REACHED, NOT_REACHED]);
    const renewed = expect(auth.renewToken("new")).rejects.toMatchObject({ code: -1 });
    await vi.advanceTimersByTimeAsync(5_000);
    await renewed;
    expect([token(), checks()]).toEqual(["old", 3]);
  });

  it("takes a verdict for one, and an empty token for none", async () => {
    const { auth, token, checks } = await loggedIn([INCORRECT]);
    await expect(auth.renewToken("new")).rejects.toMatchObject({ code: 1027 });
    await expect(auth.renewToken("")).rejects.toMatchObject({ code: -1 });
    expect([token(), checks()]).toEqual(["old", 1]);
  });

  it("rejects without throwing when nobody is logged in", async () => {
    const { auth } = await loggedIn([]);
    await auth.logout();
    const renewed = auth.renewToken("new");
    await expect(renewed).rejects.toMatchObject({ code: -1 });
    await expect(Promise.all([auth.logout(), auth.logout()])).resolves.toHaveLength(2);
  });
});
