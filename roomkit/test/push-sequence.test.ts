import { describe, expect, it } from "vitest";
import { PushSequence } from "../src/push-sequence";
import type { PushBody } from "../src/wire";

const push = (sequence: number): PushBody => ({ cmd: 10, sequence, roomUuid: "1", data: {} });
const numbers = (verdict: ReturnType<PushSequence["offer"]>): number[] | string =>
  verdict.kind === "apply" ? verdict.pushes.map((p) => p.sequence) : verdict.kind;

describe("push sequence", () => {
  it("holds what comes before the entry answer and applies what follows it", () => {
    const sequence = new PushSequence();
    expect(numbers(sequence.offer(push(7)))).toBe("held");
    expect(numbers(sequence.offer(push(8)))).toBe("held");
    expect(numbers(sequence.synced(7))).toEqual([8]);
    expect(numbers(sequence.offer(push(9)))).toEqual([9]);
  });

  it("drops repeats", () => {
    const sequence = new PushSequence();
    sequence.synced(5);
    expect(numbers(sequence.offer(push(5)))).toEqual([]);
    expect(numbers(sequence.offer(push(6)))).toEqual([6]);
    expect(numbers(sequence.offer(push(6)))).toEqual([]);
  });

  it("reports a jump as a gap and holds until the state was read again", () => {
    const sequence = new PushSequence();
    sequence.synced(5);
    expect(numbers(sequence.offer(push(8)))).toBe("gap");
    expect(sequence.syncing).toBe(true);
    expect(numbers(sequence.offer(push(9)))).toBe("held");
    expect(numbers(sequence.synced(8))).toEqual([9]);
    expect(sequence.syncing).toBe(false);
  });

  it("stays out of step when the snapshot is older than what was held", () => {
    const sequence = new PushSequence();
    sequence.synced(5);
    sequence.offer(push(9));
    sequence.offer(push(10));
    expect(numbers(sequence.synced(6))).toBe("gap");
    expect(numbers(sequence.synced(8))).toEqual([9, 10]);
  });

  it("applies the held pushes up to a second gap", () => {
    const sequence = new PushSequence();
    for (const n of [6, 7, 9]) sequence.offer(push(n));
    expect(numbers(sequence.synced(5))).toEqual([6, 7]);
    expect(sequence.syncing).toBe(true);
  });

  it("survives numbers near 2^53 as rooms open them", () => {
    const sequence = new PushSequence();
    const start = 1_790_000_000 * 2 ** 20;
    sequence.synced(start);
    expect(numbers(sequence.offer(push(start + 1)))).toEqual([start + 1]);
  });
});
