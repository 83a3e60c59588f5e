import type { PushBody } from "./wire";

export type SequenceVerdict = { kind: "apply"; pushes: PushBody[] } | { kind: "held" } | { kind: "gap" };

/**
 * Order of a room's pushes. `sequence` counts by one per room; a repeat is dropped, a jump means that something was
 * missed: the pushes are then held back until the state was re-read up to some sequence.
 */
export class PushSequence {
  #last: number | undefined;
  #held: PushBody[] = [];

  /** Something may have been missed: hold everything until {@link synced}. */
  lost(): void {
    this.#last = undefined;
  }

  get syncing(): boolean {
    return this.#last === undefined;
  }

  offer(push: PushBody): SequenceVerdict {
    if (this.#last === undefined) {
      this.#held.push(push);
      return { kind: "held" };
    }
    if (push.sequence <= this.#last) return { kind: "apply", pushes: [] };
    if (push.sequence > this.#last + 1) {
      this.#held.push(push);
      this.#last = undefined;
      return { kind: "gap" };
    }
    this.#last = push.sequence;
    return { kind: "apply", pushes: [push] };
  }

  /** The state is known up to `sequence`: gives the held pushes after it, or a gap when even those do not follow on. */
  synced(sequence: number): SequenceVerdict {
    this.#last = sequence;
    const held = this.#held.sort((a, b) => a.sequence - b.sequence);
    this.#held = [];
    const pushes: PushBody[] = [];
    for (const [index, push] of held.entries()) {
      const verdict = this.offer(push);
      if (verdict.kind === "apply") pushes.push(...verdict.pushes);
      else {
        this.#held.push(...held.slice(index + 1));
        return pushes.length === 0 ? verdict : { kind: "apply", pushes };
      }
    }
    return { kind: "apply", pushes };
  }
}
