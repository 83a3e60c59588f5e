import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ListenerSlot } from "../src/listener-slot";

interface Calls {
  onA(value: number): void;
  onB(value: string, flag: boolean): void;
}

describe("listener slot", () => {
  beforeEach(() => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("keeps one listener: the last one wins", () => {
    const slot = new ListenerSlot<Calls>();
    const [first, second] = [vi.fn(), vi.fn()];
    slot.add({ onA: first });
    slot.add({ onA: second });
    slot.emit("onA", [1]);
    expect(first).not.toHaveBeenCalled();
    expect(second).toHaveBeenCalledExactlyOnceWith(1);
  });

  it.each([[{}], [undefined]])("is cleared by %o, as the SDK removes with a new empty object", (given) => {
    const slot = new ListenerSlot<Calls>();
    const fn = vi.fn();
    slot.add({ onA: fn });
    slot.remove(given);
    slot.emit("onA", [1]);
    expect(fn).not.toHaveBeenCalled();
  });

  it("drops only the names of an object that has callbacks", () => {
    const slot = new ListenerSlot<Calls>();
    const [a, b] = [vi.fn(), vi.fn()];
    slot.add({ onA: a, onB: b });
    slot.remove({ onA: () => undefined });
    slot.emit("onA", [1]);
    slot.emit("onB", ["x", true]);
    expect(a).not.toHaveBeenCalled();
    expect(b).toHaveBeenCalledExactlyOnceWith("x", true);
  });

  it("calls methods of a class instance on that instance, also after a partial removal", () => {
    class Listener {
      seen: number[] = [];
      onA(value: number): void {
        this.seen.push(value);
      }
      onB(): void {
        this.seen.push(-1);
      }
    }
    const slot = new ListenerSlot<Calls>();
    const listener = new Listener();
    slot.add(listener);
    slot.emit("onA", [1]);
    slot.remove({ onB: () => undefined });
    slot.emit("onA", [2]);
    slot.emit("onB", ["x", false]);
    expect(listener.seen).toEqual([1, 2]);
  });

  it("keeps going when the app throws", () => {
    const slot = new ListenerSlot<Calls>();
    const fn = vi.fn();
    slot.add({
      onA() {
        throw new Error("app");
      },
    });
    slot.on("onA", fn);
    expect(() => slot.emit("onA", [1])).not.toThrow();
    expect(fn).toHaveBeenCalledOnce();
  });

  it("takes functions by name beside the listener", () => {
    const slot = new ListenerSlot<Calls>();
    const [one, two] = [vi.fn(), vi.fn()];
    slot.on("onA", one);
    slot.on("onA", two);
    slot.off("onA", one);
    slot.emit("onA", [3]);
    slot.off("onA");
    slot.emit("onA", [4]);
    expect(one).not.toHaveBeenCalled();
    expect(two).toHaveBeenCalledExactlyOnceWith(3);
  });

  it("waits with the first reports until somebody listens, then comes in a later macrotask", async () => {
    vi.useFakeTimers();
    const slot = new ListenerSlot<Calls>();
    const job = vi.fn();
    slot.whenHeard(job);
    await vi.advanceTimersByTimeAsync(1000);
    expect(job).not.toHaveBeenCalled();
    slot.add({ onA: () => undefined });
    await Promise.resolve();
    expect(job).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(job).toHaveBeenCalledOnce();
    vi.useRealTimers();
  });
});
