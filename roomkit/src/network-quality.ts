import type { NENetworkQuality } from "./types";
import { isRecord } from "./wire";

/** 6: down. */
const WORST = 6;

/** What the server said of each member's line. It tells what changed; an app is given the whole picture. */
export class NetworkQuality {
  readonly #lines = new Map<string, NENetworkQuality>();

  /**
   * Takes the server's list and gives all members known, my own entry included; undefined when the message is not one.
   * `memberOf` finds the account of a uid, and nobody for one who has left.
   */
  take(data: unknown, memberOf: (uid: number) => string | undefined): NENetworkQuality[] | undefined {
    if (!isRecord(data) || !Array.isArray(data.list)) return undefined;
    for (const item of data.list as unknown[]) {
      if (!isRecord(item)) continue;
      const userUuid = memberOf(Number(item.uid));
      if (userUuid === undefined) continue;
      this.#lines.set(userUuid, { userUuid, upStatus: status(item.up), downStatus: status(item.down) });
    }
    return [...this.#lines.values()].map((line) => ({ ...line }));
  }

  /** A member has left: what is known of the line belongs to the past. */
  keep(isPresent: (userUuid: string) => boolean): void {
    for (const userUuid of [...this.#lines.keys()]) if (!isPresent(userUuid)) this.#lines.delete(userUuid);
  }
}

function status(value: unknown): number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= WORST ? value : 0;
}
