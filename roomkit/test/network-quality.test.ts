import { describe, expect, it } from "vitest";
import { NetworkQuality } from "../src/network-quality";

const names: Record<number, string> = { 1: "ann", 2: "bob" };
const memberOf = (uid: number): string | undefined => names[uid];

describe("network quality", () => {
  it("adds what changed to what is known, by account", () => {
    const quality = new NetworkQuality();
    expect(quality.take({ list: [{ uid: 1, up: 1, down: 0 }, { uid: 2, up: 2, down: 6 }] }, memberOf)).toEqual([
      { userUuid: "ann", upStatus: 1, downStatus: 0 },
      { userUuid: "bob", upStatus: 2, downStatus: 6 },
    ]);
    expect(quality.take({ list: [{ uid: 1, up: 5, down: 3 }] }, memberOf)).toEqual([
      { userUuid: "ann", upStatus: 5, downStatus: 3 },
      { userUuid: "bob", upStatus: 2, downStatus: 6 },
    ]);
  });

  it("forgets who has left", () => {
    const quality = new NetworkQuality();
    quality.take({ list: [{ uid: 1, up: 1, down: 1 }, { uid: 2, up: 1, down: 1 }] }, memberOf);
    quality.keep((uuid) => uuid === "ann");
    expect(quality.take({ list: [] }, memberOf)).toEqual([{ userUuid: "ann", upStatus: 1, downStatus: 1 }]);
  });

  it("takes nothing that is not a grade, and nobody unknown", () => {
    const quality = new NetworkQuality();
    for (const odd of [undefined, null, 1, "x", [], {}, { list: 1 }]) expect(quality.take(odd, memberOf)).toBeUndefined();
    const list = [{ uid: 3, up: 1, down: 1 }, { uid: 1, up: 7, down: -1 }, { uid: 2, up: "1", down: 1.5 }, 5, null];
    expect(quality.take({ list }, memberOf)).toEqual([
      { userUuid: "ann", upStatus: 0, downStatus: 0 },
      { userUuid: "bob", upStatus: 0, downStatus: 0 },
    ]);
  });
});
