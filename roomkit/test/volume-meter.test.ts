import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { NEVolume } from "../src/types";
import { type MeteredSource, VolumeMeter } from "../src/volume-meter";

/** A sound of 40 ms twice a second, as the fake microphones of browsers beep; `phase` ms after the meter starts. */
const beep = (started: number, phase: number) => (): number => ((performance.now() - started - phase + 5_000) % 500 < 40 ? 0.4 : 0.001);

describe("the volume meter", () => {
  let reports: NEVolume[][];

  beforeEach(() => {
    vi.useFakeTimers();
    reports = [];
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const run = async (sources: MeteredSource[], ms: number): Promise<void> => {
    const meter = new VolumeMeter(() => sources, (list) => reports.push(list));
    meter.start();
    await vi.advanceTimersByTimeAsync(ms);
    meter.stop();
    const before = reports.length;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(reports.length).toBe(before);
  };
  const silent = (userUuid: string): MeteredSource => ({ userUuid, now: () => 0, level: () => Promise.reject(new Error("asked for nothing")) });

  it("reports five times a second, the silent left out", async () => {
    await run([silent("a")], 10_000);
    expect(reports.length).toBe(50);
    expect(new Set(reports.flat())).toEqual(new Set());
  });

  it.each([0, 20, 60, 100, 140, 180, 220, 340, 460])("hears every short sound, %i ms out of step", async (phase) => {
    const started = performance.now();
    await run([{ userUuid: "a", now: beep(started, phase), level: () => Promise.resolve(undefined) }], 10_000);
    const loud = reports.filter((list) => list.some((v) => v.userUuid === "a" && v.volume === 40));
    expect(loud.length).toBeGreaterThanOrEqual(19);
  });

  it("takes the statistics where the browser tells nothing at once", async () => {
    await run([{ userUuid: "a", now: () => undefined, level: () => Promise.resolve(0.5) }], 400);
    expect(reports).toEqual([[{ userUuid: "a", volume: 50 }], [{ userUuid: "a", volume: 50 }]]);
  });

  it("says nothing while nobody has a microphone open", async () => {
    await run([], 2_000);
    expect(reports).toEqual([]);
  });

  it("waits for slow statistics without losing what was heard meanwhile", async () => {
    const started = performance.now();
    const once = (): number => (performance.now() - started > 250 && performance.now() - started <= 330 ? 0.9 : 0);
    const slow = (): Promise<number> => new Promise((resolve) => setTimeout(resolve, 350, 0.2));
    await run([{ userUuid: "a", now: once, level: slow }, { userUuid: "me", level: slow }], 2_000);
    expect(reports.some((list) => list.some((v) => v.userUuid === "a" && v.volume === 90))).toBe(true);
  });
});
