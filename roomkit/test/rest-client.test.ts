import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RoomKitError } from "../src/errors";
import type { Identity } from "../src/identity";
import { readAnswer, RestClient } from "../src/rest-client";

interface Seen { url: string; method: string; headers: Record<string, string>; body: unknown }

describe("REST client", () => {
  const seen: Seen[] = [];
  let answers: unknown[];
  let identity: Identity;
  const problems: number[] = [];
  let renew: (() => void) | undefined;

  beforeEach(() => {
    seen.length = 0;
    problems.length = 0;
    renew = undefined;
    answers = [];
    identity = { appKey: "key", deviceId: "dev", account: "me", token: "old" };
    vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
      const headers = { ...(init.headers as Record<string, string>) };
      seen.push({ url, method: init.method ?? "", headers, body: init.body === undefined ? undefined : JSON.parse(init.body as string) });
      return Promise.resolve(new Response(JSON.stringify(answers.shift() ?? { code: 0, data: null })));
    });
  });
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  const client = (): RestClient =>
    new RestClient("https://room.test", identity, {
      tokenProblem: (code) => {
        problems.push(code);
        renew?.();
      },
      renewed: () =>
        new Promise((resolve, reject) => {
          const mine = renew;
          renew = () => {
            mine?.();
            if (identity.token === "old") reject(new RoomKitError(1026, "not renewed"));
            else resolve();
          };
        }),
    });

  it("sends the headers of the wire", async () => {
    await client().streamOn("7", "bob", "audio");
    expect(seen[0]).toMatchObject({
      url: "https://room.test/scene/apps/key/v1/rooms/7/members/bob/streams/audio",
      method: "PUT",
      body: { value: 1 },
      headers: { user: "me", token: "old", AppKey: "key", deviceId: "dev", clientType: "web", authType: "1" },
    });
  });

  it("rejects with the server's code and message", async () => {
    answers = [{ code: 1012, msg: "somebody shares already" }];
    await expect(client().streamOn("7", "me", "subVideo")).rejects.toMatchObject({
      code: 1012,
      message: "somebody shares already",
    });
  });

  it("waits for the renewal of an expired token, then asks once more with the new one", async () => {
    answers = [{ code: 1026, msg: "expired" }];
    const rest = client();
    renew = () => {
      identity.token = "new";
    };
    await rest.kick("7", "bob");
    expect(problems).toEqual([1026]);
    expect(seen.map((s) => s.headers.token)).toEqual(["old", "new"]);
  });

  it("rejects with 1026 when nobody renews", async () => {
    answers = [{ code: 1026, msg: "expired" }];
    await expect(client().kick("7", "bob")).rejects.toMatchObject({ code: 1026 });
    expect(seen).toHaveLength(1);
  });

  it.each([402, 1027])("reports %i", async (code) => {
    answers = [{ code, msg: "no" }];
    await expect(client().kick("7", "bob")).rejects.toMatchObject({ code });
    expect(problems).toEqual([code]);
  });

  it("says goodbye whatever the token is", async () => {
    answers = [{ code: 1026, msg: "expired" }];
    await expect(client().leave("7")).rejects.toMatchObject({ code: 1026 });
    expect(problems).toEqual([]);
  });

  it("escapes what the app gives as ids", async () => {
    await client().kick("7", "../x");
    expect(seen[0]?.url).toBe("https://room.test/scene/apps/key/v1/rooms/7/members/..%2Fx");
  });
});

describe("an answer", () => {
  it.each(["", "<html>", "[]", "{}", '{"code":"0"}'])("without a readable code becomes an error: %s", (text) => {
    expect(() => readAnswer(502, text, "x")).toThrow(expect.objectContaining({ code: 502 }) as Error);
    expect(() => readAnswer(200, text, "x")).toThrow(expect.objectContaining({ code: -1 }) as Error);
  });

  it("is a copy of {code, message} when its fields are copied", () => {
    try {
      readAnswer(200, '{"code":403,"msg":"no"}', "x");
    } catch (cause) {
      expect({ ...(cause as object) }).toMatchObject({ code: 403, message: "no" });
    }
    expect.assertions(1);
  });
});
